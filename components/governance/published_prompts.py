"""The published prompts on disk, checked against their locks, and how the registry stores them (L2.2).

prompts/<department>/<name>/versions/N.json  published, never edited
prompts/<department>/<name>/aliases.yaml     stable: N, draft: N
prompts/<department>/<name>/published.lock   SHA-256 of every version of it that was ever published
prompts/published.lock                       the same by name, of versions from before each had its own
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from components.yaml_text import load_yaml
from lambdas.common.prompts import canonical, content_hash

LOCK_FILE = "published.lock"
STABLE = "stable"  # its cases pass with answers recorded from a named model
DRAFT = "draft"  # approved by its owner for trial use, without that evidence
INDEX_KEY = "prompts/index.json"


@dataclass(frozen=True, slots=True)
class PublishedPrompts:
    """Every published version and alias. `problems` names changes that bypassed the lock."""

    versions: dict[str, dict[int, dict[str, Any]]]
    aliases: dict[str, dict[str, int]]
    problems: tuple[str, ...]


def read_lock(root: Path) -> dict[str, dict[str, str]]:
    """Return name → version → SHA-256 of the published document, from each prompt's lock and the common
    one.

    Each prompt has its own lock, so that publishing different prompts never conflicts.
    """
    common = root / LOCK_FILE
    found: dict[str, dict[str, str]] = json.loads(common.read_text("utf-8")) if common.exists() else {}
    for path in sorted(root.glob(f"*/*/{LOCK_FILE}")):
        known = found.setdefault(path.parent.name, {})
        found[path.parent.name] = {**json.loads(path.read_text("utf-8")), **known}
    return found


def read_published(root: Path) -> PublishedPrompts:
    """Read everything published under `root`. Raises `OSError` or `ValueError` if unreadable."""
    versions: dict[str, dict[int, dict[str, Any]]] = {}
    aliases: dict[str, dict[str, int]] = {}
    for path in sorted(root.glob("*/*/versions/*.json")):
        versions.setdefault(path.parent.parent.name, {})[int(path.stem)] = json.loads(path.read_text("utf-8"))
    for path in sorted(root.glob("*/*/aliases.yaml")):
        aliases[path.parent.name] = load_yaml(path.read_text("utf-8")) or {}
    problems = [*_altered(read_lock(root), versions), *_dangling(versions, aliases)]
    return PublishedPrompts(versions, aliases, tuple(problems))


def merged(libraries: Sequence[PublishedPrompts]) -> PublishedPrompts:
    """Return several libraries as one; the first that has a prompt wins."""
    versions: dict[str, dict[int, dict[str, Any]]] = {}
    aliases: dict[str, dict[str, int]] = {}
    for library in libraries:
        fresh = library.versions.keys() - versions.keys()
        versions |= {name: library.versions[name] for name in fresh}
        aliases |= {name: library.aliases[name] for name in fresh & library.aliases.keys()}
    return PublishedPrompts(versions, aliases, tuple(each for one in libraries for each in one.problems))


def _altered(lock: dict[str, dict[str, str]], versions: dict[str, dict[int, dict[str, Any]]]) -> list[str]:
    found = {
        (name, str(number)): content_hash(document)
        for name, numbers in versions.items()
        for number, document in numbers.items()
    }
    locked = {(name, number): digest for name, numbers in lock.items() for number, digest in numbers.items()}
    unlocked = [
        f"{name} version {number}: not in {LOCK_FILE}; remove the file and run `kit prompt publish {name}`"
        for name, number in sorted(found.keys() - locked.keys())
    ]
    gone = [
        f"{name} version {number}: published once, its file is gone"
        for name, number in sorted(locked.keys() - found.keys())
    ]
    changed = [
        f"{name} version {number}: changed after it was published"
        for name, number in sorted(found.keys() & locked.keys())
        if found[name, number] != locked[name, number]
    ]
    return unlocked + gone + changed


def _dangling(
    versions: dict[str, dict[int, dict[str, Any]]], aliases: dict[str, dict[str, int]]
) -> list[str]:
    return [
        f"{name}: alias {alias} points at version {number}, which is not published"
        for name, targets in sorted(aliases.items())
        for alias, number in sorted(targets.items())
        if number not in versions.get(name, {})
    ]


def registry_index(
    published: PublishedPrompts,
    readers: Mapping[str, Sequence[str]] = MappingProxyType({}),
    users: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the index that the gateway reads.

    It maps a name to aliases and versions, with the object key and SHA-256 of each, and to the departments
    that may use the prompt in addition to those in its approved text: `readers` of all prompts of a
    department, `users` of a prompt by name.
    """
    prompts = {
        name: {
            "aliases": published.aliases.get(name, {}),
            "versions": {
                str(number): {"key": object_key(name, number, document), "sha256": content_hash(document)}
                for number, document in sorted(numbers.items())
            },
            **_also(numbers, readers, users.get(name, ())),
        }
        for name, numbers in sorted(published.versions.items())
    }
    return {"version": 1, "prompts": prompts}


def _also(
    numbers: Mapping[int, Mapping[str, Any]], readers: Mapping[str, Sequence[str]], users: Sequence[str]
) -> dict[str, list[str]]:
    named = {one for document in numbers.values() for one in document["prompt"]["departments"]}
    also = sorted(({reader for one in named for reader in readers.get(one, ())} | {*users}) - named)
    return {"departments": also} if also else {}


def object_key(name: str, number: int, document: dict[str, Any]) -> str:
    """Return the key in the governance bucket. It contains the hash, so a changed version is a new object."""
    return f"prompts/{name}/{number}-{content_hash(document)[:12]}.json"


def object_text(document: dict[str, Any]) -> str:
    """Return the stored text of a version or the index; a version's SHA-256 is the one in the index."""
    return canonical(document).decode()
