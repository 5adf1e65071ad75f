"""Migrates a client of an earlier version: its file with every comment, and what the fork added (Z.1).

Version 1 was a single file, `stacks/config/clients/<client>.yaml`, with documents and prompts shared by all
clients of a fork. Version 2 is a folder, `clients/<client>/`, with its own documents and prompts.
"""

import difflib
import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from contract.client import SCHEMA
from kit.errors import ExitCode, KitError
from stacks.settings.documents import UnreadableFile, parse_yaml

RELEASED = Path(__file__).parent / "released"
_EDITOR = "# yaml-language-server: $schema="
_COMMON_LOCK = "published.lock"


@dataclass(frozen=True)
class Migration:
    """What a migration does. `source` and `target` are the client's file before and after; `copies` are
    files of the fork that are copied to the client's folder, `moves` those that are moved there; `done`
    lists the changes of the file, `left` what a person must decide.
    """

    client: str
    source: Path
    target: Path
    before: str
    after: str
    copies: Mapping[Path, Path] = field(default_factory=dict)
    moves: Mapping[Path, Path] = field(default_factory=dict)
    locks: Mapping[Path, str] = field(default_factory=dict)
    done: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether there is anything to do."""
        return self.before != self.after or self.source != self.target or bool({**self.copies, **self.moves})

    def difference(self, root: Path) -> str:
        """Return the change of the file as a unified diff."""
        return "".join(
            difflib.unified_diff(
                self.before.splitlines(keepends=True),
                self.after.splitlines(keepends=True),
                _shown(self.source, root),
                _shown(self.target, root),
                n=1,
            )
        )


def plan(client: str, root: Path, files: Mapping[str, Path]) -> Migration:
    """Return what is to be done for one client. `files` are those of all clients, by name.

    Raises KitError (2) if the file cannot be read, or is of a newer version than this kit.
    """
    source, target = files[client], root / "clients" / client / "client.yaml"
    before = _text(source)
    after, done = migrated(before, _shown(source, root))
    if source.name == "client.yaml":
        return Migration(client, source, source, before, after, done=done)
    left = root / "clients" / client / "client.yaml"
    if left.exists():  # interrupted between writing one and removing the other
        raise KitError(
            f"{_shown(source, root)} and {_shown(left, root)} are both there",
            hint="remove the one that does not count",
            exit_code=ExitCode.USAGE,
        )
    folder, alone = target.parent, not _others(client, files)
    copies: dict[Path, Path] = {}
    moves: dict[Path, Path] = {}
    for path, own in _brought(root):
        shared = own or not alone  # another client of the fork, or the kit itself, has it too
        (copies if shared else moves)[path] = folder / path.relative_to(root)
    locks = _locks(root, folder, [path for path in (*copies, *moves) if path.name == "prompt.yaml"])
    path_of_schema = "../../stacks/config/client.schema.json"
    return Migration(
        client, source, target, before, _with_editor_line(after, path_of_schema), copies, moves, locks, done
    )


def carry_out(migration: Migration) -> None:
    """Write the client's folder, then remove what has moved: a crash in between loses nothing."""
    target = migration.target
    if migration.source != target:
        making = target.parent.with_name(f".{migration.client}.migrating")
        shutil.rmtree(making, ignore_errors=True)
        write(migration, making)
        if target.parent.exists():  # documents or workflows that already exist in the client's folder
            shutil.copytree(target.parent, making, dirs_exist_ok=True)
            shutil.rmtree(target.parent)
        making.replace(target.parent)
    else:
        making = target.with_suffix(".migrating")
        making.write_text(migration.after, "utf-8", newline="")
        making.replace(target)
    for path in migration.moves:
        path.unlink()
        _remove_empty(path.parent)
    if migration.source != target:
        migration.source.unlink()


def write(migration: Migration, folder: Path) -> None:
    """Write the client's folder as it will be, at another location."""
    home = migration.target.parent
    for one in ("documents", "prompts", "workflows", "courses"):
        (folder / one).mkdir(parents=True)
    for path, place in {**migration.copies, **migration.moves}.items():
        (folder / place.relative_to(home)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, folder / place.relative_to(home))
    for place, text in migration.locks.items():
        (folder / place.relative_to(home)).write_text(text, "utf-8")
    (folder / "client.yaml").write_text(migration.after, "utf-8", newline="")


def problems_left(migration: Migration, root: Path) -> tuple[str, ...]:
    """Return what this version's configuration refuses in the migrated client; a person decides on each."""
    from kit.evaluation.stages import stack_configuration
    from stacks.settings import RawConfig, SettingsError, read_settings

    given = stack_configuration("integration", client=migration.client, root=root)
    values = {key.partition(":")[2]: value for key, value in given.items()}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "clients" / migration.client
        write(migration, folder)
        try:
            read_settings(RawConfig({**values, "client_file": str(folder / "client.yaml")}))
        except SettingsError as error:
            return tuple(map(str, error.problems))
    return ()


# -- the file


def migrated(text: str, name: str) -> tuple[str, tuple[str, ...]]:
    """Return a client's file in this version's format, and what was changed in it.

    Every comment is preserved, and so is every value that the new version has; this is verified before
    anything is returned. Raises KitError (2).
    """
    plain = _plain(text, name)
    given = plain.get("schema", 1)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise KitError(f"{name}: schema: is not a number from 1 to {SCHEMA}", exit_code=ExitCode.USAGE)
    if given > SCHEMA:
        raise KitError(
            f"{name}: schema {given} is of a newer version of the kit than this one, which reads {SCHEMA}",
            hint="merge the newest version of the kit into this fork",
            exit_code=ExitCode.USAGE,
        )
    if given == SCHEMA:
        return text, ()
    document, write_out = _round_trip(text, name)
    done: list[str] = []
    for version in range(given, SCHEMA):
        done += _STEPS[version](document)
        _STEPS[version](plain)
    _put_first(document, "schema", SCHEMA)
    plain["schema"] = SCHEMA
    after = write_out()
    if _plain(after, name) != plain:
        raise KitError(
            f"{name}: cannot be migrated without changing other values",
            hint="write the file in plain YAML: no tags, no anchors",
            exit_code=ExitCode.USAGE,
        )
    return after, (*done, f"schema: {SCHEMA}")


def _to_folder(document: MutableMapping[str, Any]) -> list[str]:
    """Version 1 to 2: renamed keys, and departments that list their workflows."""
    done: list[str] = []
    audit = document.get("audit")
    if isinstance(audit, MutableMapping) and "retention_days" in audit:
        sizing = document.setdefault("sizing", {})
        retention = sizing.setdefault("retention", {}) if isinstance(sizing, MutableMapping) else {}
        days = _remove(document, "audit", "retention_days")
        if "audit_days" not in retention:
            retention["audit_days"] = days
        done.append(f"audit.retention_days is sizing.retention.audit_days: {retention['audit_days']}")
    network = document.get("network")
    if isinstance(network, MutableMapping) and "vpc_id" in network:
        _remove(document, "network", "vpc_id")
        done.append("network.vpc_id changed nothing and is gone")
    for one in document.get("departments") or ():
        if not isinstance(one, MutableMapping) or {"like", "workflows"} & one.keys():
            continue
        if one.get("id") not in _DEPARTMENTS_OF_1:
            one["workflows"] = []
            done.append(f"department {one.get('id')} had no workflow, and says so")
    return done


_STEPS = {1: _to_folder}
# Those for which version 1 had a workflow.
_DEPARTMENTS_OF_1 = ("marketing", "finance", "legal", "executive", "operations", "product", "people")


def _remove(document: MutableMapping[str, Any], part: str, name: str) -> Any:
    """Remove a key from a section of the file, and the section if nothing else is in it."""
    held = document[part]
    value = held[name]
    _without_losing_comments(document, part, held, name)
    if not held:
        del document[part]
    return value


def _without_losing_comments(
    document: MutableMapping[str, Any], part: str, held: MutableMapping[str, Any], name: str
) -> None:
    """Remove a key; comments after it belong to what follows and stay."""
    after = _comment_after(held, name)
    place = [*held].index(name)
    del held[name]
    if not after:
        return
    if place:
        _add_comment(held, [*held][place - 1], after)
    elif held:
        held.yaml_set_comment_before_after_key(next(iter(held)), before=_said(after))  # type: ignore[attr-defined]
    else:
        names = [*document]
        above = names.index(part)
        if above:
            _add_comment(document, names[above - 1], after)
        elif len(names) > 1:
            document.yaml_set_comment_before_after_key(names[1], before=_said(after))  # type: ignore[attr-defined]


def _comment_after(held: Any, name: str) -> str:
    """Return the comment lines that follow a key's own line."""
    tokens = held.ca.items.get(name, ()) if hasattr(held, "ca") else ()
    text = "".join(token.value for token in tokens if token is not None and not isinstance(token, list))
    return text.partition("\n")[2]


def _add_comment(held: Any, name: str, text: str) -> None:
    """Add comment lines after the last line of a key's value."""
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    value = held[name]
    if hasattr(value, "ca") and value:
        _add_comment(value, [*value][-1] if isinstance(value, Mapping) else len(value) - 1, text)  # type: ignore[arg-type]
        return
    tokens = held.ca.items.setdefault(name, [None, None, None, None])
    place = 2 if isinstance(held, Mapping) else 0
    if tokens[place] is None:
        tokens[place] = CommentToken("\n" + text, CommentMark(0), None)
    else:
        tokens[place].value += text


def _said(comment: str) -> str:
    return "\n".join(
        line.strip().removeprefix("#").removeprefix(" ") for line in comment.strip().splitlines()
    )


def _put_first(document: Any, name: str, value: Any) -> None:
    if name in document:
        document[name] = value
    else:
        document.insert(0, name, value)


def _round_trip(text: str, name: str) -> tuple[Any, Callable[[], str]]:
    """Return the document with its comments, and a function that writes it in its original format."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    indented = re.search(
        r"^( *)[^\s#-][^\n]*:[^\S\n]*(?:#[^\n]*)?\n(?:\s*#[^\n]*\n)*( *)- ", text, re.MULTILINE
    )
    offset = len(indented[2]) - len(indented[1]) if indented else 2
    yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
    yaml.explicit_start = bool(re.search(r"^---\s*$", text, re.MULTILINE))  # type: ignore[assignment]
    try:
        document = yaml.load(text.replace("\r\n", "\n"))
    except YAMLError as error:
        raise KitError(f"{name}: {str(error).splitlines()[0]}", exit_code=ExitCode.USAGE) from None

    def dumped() -> list[str]:
        out = io.StringIO()
        yaml.dump(document, out)
        return out.getvalue().splitlines()

    written, unchanged = text.splitlines(), dumped()

    def write_out() -> str:
        changed = dumped()
        lines = _carried_over(written, unchanged, changed) if len(written) == len(unchanged) else changed
        end = "\r\n" if "\r\n" in text else "\n"
        return "".join(line + end for line in lines)

    return document, write_out


def _carried_over(written: list[str], before: list[str], after: list[str]) -> list[str]:
    """Return the original lines with the library's changes applied: what did not change keeps its spaces
    and quotes.
    """
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    lines: list[str] = []
    for kind, start, end, first, last in matcher.get_opcodes():
        lines += written[start:end] if kind == "equal" else after[first:last]
    return lines


def _with_editor_line(text: str, schema: str) -> str:
    """Make the first line name the schema, with which editors complete and check the file."""
    end = "\r\n" if "\r\n" in text else "\n"
    line = f"{_EDITOR}{schema}{end}"
    return line + (text.partition("\n")[2] if text.startswith(_EDITOR) else text)


def _plain(text: str, name: str) -> dict[str, Any]:
    try:
        document = parse_yaml(text, name)
    except UnreadableFile as error:
        raise KitError(str(error), exit_code=ExitCode.USAGE) from None
    if not isinstance(document, dict):
        raise KitError(f"{name}: is not a mapping of keys to values", exit_code=ExitCode.USAGE)
    return document


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{path}: cannot be read: {error}", exit_code=ExitCode.USAGE) from None


# -- what a fork wrote beside it


def released(folder: Path = RELEASED) -> dict[str, set[str]]:
    """Return the hashes that a document or prompt of the kit has had, by path."""
    found: dict[str, set[str]] = {}
    for listing in sorted(folder.glob("*.sha256")):
        for line in listing.read_text("utf-8").splitlines():
            digest, _, path = line.partition("  ")
            found.setdefault(path, set()).add(digest)
    return found


def listing(root: Path) -> str:
    """Return the hashes of this version's documents and prompts, one line per file."""
    return "".join(f"{_digest(path)}  {path.relative_to(root)}\n" for path in _library(root))


def _library(root: Path) -> list[Path]:
    found = [path for one in ("documents", "prompts") for path in (root / one).rglob("*") if path.is_file()]
    return sorted(path for path in found if path != root / "prompts" / _COMMON_LOCK and path.name[0] != ".")


def _brought(root: Path) -> Iterator[tuple[Path, bool]]:
    """Yield the files that the fork wrote or changed, and whether the kit has one of that name.

    If one file of a prompt is the fork's, all of them are included: they belong together.
    """
    known = released()
    paths = {path: str(path.relative_to(root)) for path in _library(root)}
    changed = {path for path, name in paths.items() if _digest(path) not in known.get(name, ())}
    prompts = {_prompt_of(path, root) for path in changed} - {None}
    theirs = {_prompt_of(root / name, root) for name in known} - {None}
    for path, name in paths.items():
        prompt = _prompt_of(path, root)
        if path in changed or prompt in prompts:
            yield path, prompt in theirs if prompt else name in known


def _prompt_of(path: Path, root: Path) -> Path | None:
    """Return the prompt folder of a file, or None."""
    parts = path.relative_to(root).parts
    return root.joinpath(*parts[:3]) if parts[0] == "prompts" and len(parts) > 3 else None


def _locks(root: Path, folder: Path, prompts: list[Path]) -> dict[Path, str]:
    """Return the lock file of each prompt whose published versions only the shared one lists."""
    common = root / "prompts" / _COMMON_LOCK
    locked: dict[str, dict[str, str]] = json.loads(common.read_text("utf-8")) if common.is_file() else {}
    found = {}
    for path in prompts:
        versions = locked.get(path.parent.name)
        if versions and not (path.parent / _COMMON_LOCK).exists():
            place = folder / path.parent.relative_to(root) / _COMMON_LOCK
            found[place] = json.dumps(versions, indent=1, sort_keys=True) + "\n"
    return found


def _others(client: str, files: Mapping[str, Path]) -> list[str]:
    """Return other clients of the fork that are still single files; the kit's example is not the fork's."""
    single = [name for name, path in files.items() if path.name != "client.yaml"]
    return [name for name in single if name not in (client, "example")]


def _digest(path: Path) -> str:
    return sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _remove_empty(folder: Path) -> None:
    while folder.name not in ("documents", "prompts") and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
