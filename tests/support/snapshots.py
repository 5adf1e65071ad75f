"""A plan as text for people: one file per stage and size, the sizes above `small` as what differs from
`small`.

Values that vary without meaning are named: `<account>`, `<sha256>`, and a made-up id by the resource that
has it, `<keys-audit>`. Tags of the stage's provider are shown once, with the provider.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from kit.evaluation.graph import STACK_TYPE, Graph, Resource
from kit.plan.document import shown
from kit.plan.rendering import counts_of
from tests.support.stages import SIZES, STAGES, plan_of

FOLDER = Path(__file__).resolve().parent.parent / "snapshots"
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
_IMAGE_TAG = re.compile(r"(?<=-gateway:)[0-9a-f]{16}\b")  # changes with every line of the gateway
_ACCOUNT = re.compile(r"\b111122223333\b")
_MADE_UP = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z0-9]{10}|[a-z-]+-\d_[a-z0-9]{9}"
)  # of KMS, of API Gateway, of Cognito
_OPTIONS = (
    "aliases",
    "deleteBeforeReplace",
    "deletedWith",
    "hooks",
    "ignoreChanges",
    "import",
    "replaceOnChanges",
    "transforms",
)
_SDK_ALIASES = re.compile(r"V2\b")
_WIDEST = 160
_LONG_DOCUMENT = 30  # lines; a longer one has one line for each part of its parts


def snapshot_path(stage: str, size: str) -> Path:
    """The committed file of a stage and a size."""
    return FOLDER / f"{stage}-{size}.txt"


def snapshot(stage: str, size: str) -> str:
    """The text that the file should hold."""
    graph = plan_of(stage, size)
    heading = f"# Stage {stage}, size {size}: {counts_of(graph)}.\n"
    if size == SIZES[0]:
        return f"{heading}# Regenerate with: make snapshots\n\n" + "\n".join(_blocks(graph).values())
    return f"{heading}# What differs from size {SIZES[0]}.\n\n" + _differences(
        _blocks(plan_of(stage, SIZES[0])), _blocks(graph)
    )


def every_snapshot() -> Iterator[tuple[str, str]]:
    """All stages and sizes."""
    for stage in STAGES:
        for size in SIZES:
            yield stage, size


def _blocks(graph: Graph) -> dict[str, str]:
    """One block of lines per resource, by its place in the tree."""
    blocks: dict[str, str] = {}
    children: dict[str | None, list[Resource]] = {}
    for resource in graph:
        children.setdefault(resource.parent, []).append(resource)

    def walk(parent: str | None, depth: int) -> None:
        first: dict[str, Resource] = {}
        for resource in sorted(children.get(parent, ()), key=lambda r: (r.custom, r.name, r.type)):
            twin = first.setdefault(resource.type, resource)
            if resource.custom or twin is resource:
                blocks[resource.urn] = "\n".join(_lines(resource, "  " * depth)) + "\n"
                walk(resource.urn, depth + 1)
            else:
                blocks[resource.urn] = _like(twin, resource, "  " * depth)

    def whole(resource: Resource, depth: int = 1) -> Iterator[str]:
        yield from _lines(resource, "  " * depth)
        for child in sorted(children.get(resource.urn, ()), key=lambda r: (r.custom, r.name, r.type)):
            yield from whole(child, depth + 1)

    def _like(twin: Resource, resource: Resource, indent: str) -> str:
        """A component as what differs from the first one of its type beside it, its own name left out."""
        theirs, own = _own_parts(twin.name, resource.name)
        before = [line.replace(theirs, "…") for line in whole(twin)]
        after = [line.replace(own, "…") for line in whole(resource)]
        lines = [f"{indent}{resource.type} {resource.name}  (like {twin.name}, … is {own})"]
        lines += [f"{indent}  - {line.strip()}" for line in before if line not in after]
        lines += [f"{indent}  + {line.strip()}" for line in after if line not in before]
        return "\n".join(lines) + "\n"

    stack = next(resource for resource in graph if resource.type == STACK_TYPE)
    walk(stack.urn, 0)
    exports = [f"  {path} = {text}" for path, text in _flat(shown(graph.exports), "")]
    blocks["exports"] = "\n".join(["exports", *exports]) + "\n"
    return blocks


def _own_parts(one: str, other: str) -> tuple[str, str]:
    """What is a name's own: `legal` and `people` of `department-legal` and `department-people`."""
    mine, theirs = one.split("-"), other.split("-")
    while len(mine) > 1 and len(theirs) > 1 and mine[0] == theirs[0]:
        mine, theirs = mine[1:], theirs[1:]
    while len(mine) > 1 and len(theirs) > 1 and mine[-1] == theirs[-1]:
        mine, theirs = mine[:-1], theirs[:-1]
    return "-".join(mine), "-".join(theirs)


def _lines(resource: Resource, indent: str) -> Iterator[str]:
    kept = [word for word, on in (("protect", resource.protected), ("retain", resource.retained)) if on]
    yield f"{indent}{resource.type} {resource.name}" + (f"  [{' '.join(kept)}]" if kept else "")
    for option in _OPTIONS:
        value = resource.options.get(option)
        if option == "aliases":
            value = [one for one in value or () if not _SDK_ALIASES.search(json.dumps(one))]
        if value:
            yield f"{indent}  ({option}: {_named(json.dumps(value, sort_keys=True))})"
    provider = resource.options.get("provider", "").rsplit("::", 1)[-1]
    if provider not in ("", "aws"):
        yield f"{indent}  (provider: {provider})"
    if resource.custom:
        for path, text in _flat(shown(resource.inputs), ""):
            yield f"{indent}  {path} = {text}"


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        if "$secret" in value:
            yield path, "<secret>"
        elif "$archive" in value or "$asset" in value:
            body = next(iter(value.values()))
            names = body.get("names") or body.get("path") or "many files"
            yield path, f"<{'archive' if '$archive' in value else 'file'} of {_named(json.dumps(names))}>"
        elif not value:
            yield path, "{}"
        for key in sorted(value):
            if not key.startswith("$") and key != "Sid":
                yield from _flat(value[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        texts = [one for one in value if isinstance(one, str | int)]
        line = _named(json.dumps(value, ensure_ascii=False))
        if len(texts) == len(value) and len(line) <= _WIDEST:
            yield path, line
        else:
            for index, one in enumerate(value):
                yield from _flat(one, f"{path}[{_label(one, index)}]")
    elif isinstance(value, str):
        inner = _document(value)
        if inner is None:
            yield path, _short(_named(value.replace("\n", "\\n")))
            return
        lines = list(_flat(inner, f"{path}{{}}"))
        shown_whole = (
            len(lines) <= _LONG_DOCUMENT or "Statement" in inner
        )  # permissions are read line by line
        yield from lines if shown_whole else _parts(inner, f"{path}{{}}")
    else:
        yield path, json.dumps(value)


def _parts(document: Any, path: str) -> Iterator[tuple[str, str]]:
    """A long document (a state machine, a dashboard), one line for each state or widget."""
    for place, part in _members(document, path):
        members = list(_members(part, place))
        for inner, value in members or [(place, part)]:
            yield inner, _short(_named(json.dumps(value, ensure_ascii=False, sort_keys=True)))


def _members(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(f"{path}.{key}", one) for key, one in sorted(value.items())]
    if isinstance(value, list):
        return [(f"{path}[{index}]", one) for index, one in enumerate(value)]
    return []


def _short(text: str) -> str:
    """The text, or its beginning with a hash, so that a change of any of it shows."""
    if len(text) <= _WIDEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[:_WIDEST]}… ({len(text)} characters, {digest})"


def _label(one: Any, index: int) -> str:
    return str(one["Sid"]) if isinstance(one, Mapping) and "Sid" in one else str(index)


def _document(text: str) -> Any:
    if text[:1] not in "{[" or len(text) < 2:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _named(text: str) -> str:
    text = _IMAGE_TAG.sub("<sources>", _SHA256.sub("<sha256>", _ACCOUNT.sub("<account>", text)))
    return _MADE_UP.sub(lambda found: _owners().get(found.group(), found.group()), text)


@lru_cache(maxsize=1)
def _owners() -> Mapping[str, str]:
    """Made-up id to `<name of its resource>`, over all stages and sizes."""
    owners: dict[str, str] = {}
    for size in SIZES:
        for stage in STAGES:
            for urn, state in plan_of(stage, size).states.items():
                if state.id and _MADE_UP.fullmatch(state.id):
                    owners[state.id] = f"<{urn.rsplit('::', 1)[-1]}>"
    return owners


def _differences(small: Mapping[str, str], other: Mapping[str, str]) -> str:
    lines: list[str] = []
    for urn, block in other.items():
        if urn not in small:
            lines += ["+ " + line for line in block.splitlines()]
        elif small[urn] != block:
            before, after = small[urn].splitlines(), block.splitlines()
            lines.append(
                f"~ {after[0].strip()}"
                if before[0] == after[0]
                else f"~ {before[0].strip()} → {after[0].strip()}"
            )
            lines += ["    - " + line.strip() for line in before[1:] if line not in after]
            lines += ["    + " + line.strip() for line in after[1:] if line not in before]
    lines += [f"- {block.splitlines()[0].strip()}" for urn, block in small.items() if urn not in other]
    return "\n".join(lines or ["nothing"]) + "\n"
