"""What a change of a plan does: which resources it adds, changes, replaces and deletes, and why.

Two plans are compared resource by resource, by URN, or by alias if a resource was renamed. JSON in strings
(IAM documents) is compared structurally, lists of statements by `Sid`. Source lines are not compared.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kit.aws_facts.replacement import Effect, effect
from kit.evaluation.graph import STACK_TYPE

Operation = Literal["create", "read", "update", "may replace", "replace", "delete", "same"]
Kind = Literal["add", "delete", "update"]

# Options that change how a resource is protected; order of creation and dependencies have no effect on it.
_COMPARED_OPTIONS = (
    "protect",
    "retainOnDelete",
    "ignoreChanges",
    "replaceOnChanges",
    "deleteBeforeReplace",
    "deletedWith",
    "replaceWith",
    "replacementTrigger",
    "additionalSecretOutputs",
    "customTimeouts",
    "provider",
    "providers",
    "import",
    "hideDiffs",
    "hooks",
    "transforms",
)
_SAFETY_OPTIONS = ("protect", "retainOnDelete")


@dataclass(frozen=True)
class PropertyChange:
    """One input or option that differs. `path` is such as `tags.owner` or
    `policy{}.Statement[DenyDelete].Action`.
    """

    path: str
    kind: Kind
    old: Any = None
    new: Any = None
    effect: Effect = "updates"


@dataclass(frozen=True)
class Change:
    """What happens to one resource; `old` and `new` are its entries in the two documents."""

    urn: str
    type: str
    name: str
    operation: Operation
    properties: tuple[PropertyChange, ...] = ()
    options: tuple[PropertyChange, ...] = ()
    old: Mapping[str, Any] | None = None
    new: Mapping[str, Any] | None = None
    old_urn: str | None = None  # set if it was renamed or moved under an alias

    @property
    def lost_safety(self) -> tuple[str, ...]:
        """Which of protect and retainOnDelete the resource loses while it stays, or was deleted with."""
        if self.old is None:
            return ()
        after = (self.new or {}).get("options", {})
        return tuple(
            option for option in _SAFETY_OPTIONS if self.old["options"].get(option) and not after.get(option)
        )


@dataclass(frozen=True)
class Difference:
    """All changes between two plans, in URN order."""

    changes: tuple[Change, ...] = field(default=())

    @property
    def counts(self) -> dict[str, int]:
        """Number of resources by operation; operations without any are omitted."""
        operations = ("create", "update", "may replace", "replace", "delete", "read", "same")
        found = {name: sum(change.operation == name for change in self.changes) for name in operations}
        return {name: count for name, count in found.items() if count}

    @property
    def effective(self) -> tuple[Change, ...]:
        """The changes that have an effect."""
        return tuple(change for change in self.changes if change.operation != "same")


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """Return the changes from one plan document to another; stacks are matched by name."""
    before = {stack["stack"]: stack for stack in old["stacks"]}
    after = {stack["stack"]: stack for stack in new["stacks"]}
    changes: list[Change] = []
    for name in sorted(before.keys() | after.keys()):
        changes += _stack_changes(
            before.get(name, {}).get("resources", ()), after.get(name, {}).get("resources", ())
        )
    return Difference(tuple(sorted(changes, key=lambda change: change.urn)))


def _stack_changes(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    before = {entry["urn"]: entry for entry in old}
    after = {entry["urn"]: entry for entry in new}
    for urn, entry in after.items():
        was = before.get(urn)
        old_urn = None
        if was is None:
            old_urn = next((a for a in _alias_urns(entry) if a in before and a not in after), None)
            was = before.pop(old_urn) if old_urn else None
        yield _change(urn, was, entry, old_urn)
    for urn, entry in before.items():
        if urn not in after:
            yield _change(urn, entry, None, None)


def _change(
    urn: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, old_urn: str | None
) -> Change:
    entry: Any = new or old
    common: dict[str, Any] = {
        "urn": urn,
        "type": entry["type"],
        "name": entry.get("name") or urn.rsplit("::", 1)[-1],
        "old": old,
        "new": new,
        "old_urn": old_urn,
    }
    if old is None:
        return Change(operation="read" if entry.get("read") else "create", **common)
    if new is None:
        return Change(operation="delete", **common)
    ignored = new["options"].get("ignoreChanges", ())
    properties = tuple(
        PropertyChange(c.path, c.kind, c.old, c.new, effect(entry["type"], c.path, new["options"]))
        for c in _input_changes(old["inputs"], new["inputs"])
        if not _ignored(c.path, ignored)
    )
    options = tuple(option_changes(old["options"], new["options"]))
    if old["type"] != new["type"] and not _is_type_alias(old["type"], new["type"]):
        operation: Operation = "replace"
    else:
        operation = _operation(entry, properties, options)
    if old_urn is not None and operation == "same":
        operation = "update"  # its record in the state moves
    return Change(operation=operation, properties=properties, options=options, **common)


def _operation(
    entry: Mapping[str, Any], properties: Sequence[PropertyChange], options: Sequence[PropertyChange]
) -> Operation:
    if entry["type"] == STACK_TYPE or not entry.get("custom", True):
        return "update" if properties or options else "same"
    effects = {change.effect for change in properties}
    if "replaces" in effects or any(change.path == "replacementTrigger" for change in options):
        return "replace"
    if "may replace" in effects or any(change.path == "provider" for change in options):
        return "may replace"
    return "update" if properties or options else "same"


def _is_type_alias(old: str, new: str) -> bool:
    """Renamed types of the AWS provider: `aws:s3/bucketV2:BucketV2` and `aws:s3/bucket:Bucket` are the
    same.
    """
    return old.replace("V2", "").lower() == new.replace("V2", "").lower()


def option_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[PropertyChange]:
    """Yield the differing options among those that change how a resource is protected."""
    for option in _COMPARED_OPTIONS:
        before, after = old.get(option), new.get(option)
        if not before and not after:
            continue  # unset and false are equivalent
        if before != after:
            kind: Kind = "add" if not before else "delete" if not after else "update"
            yield PropertyChange(option, kind, before, after)


def _ignored(path: str, patterns: Sequence[str]) -> bool:
    return any(path == pattern or path.startswith((f"{pattern}.", f"{pattern}[")) for pattern in patterns)


def _alias_urns(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the URNs that the resource may have had, from its aliases."""
    prefix, project, _, name = entry["urn"].split("::", 3)
    stack = prefix.removeprefix("urn:pulumi:")
    for alias in entry["options"].get("aliases", ()):
        if "urn" in alias:
            yield alias["urn"]
            continue
        spec = alias.get("spec", {})
        parent = "" if spec.get("noParent") else spec.get("parentUrn") or entry.get("parent") or ""
        token = spec.get("type") or entry["type"]
        chain = parent.split("::")[2] if parent else ""
        if chain and chain != STACK_TYPE:
            token = f"{chain}${token}"
        place = f"urn:pulumi:{spec.get('stack') or stack}::{spec.get('project') or project}"
        yield f"{place}::{token}::{spec.get('name') or name}"
    yield from entry["options"].get("aliasURNs", ())


def _input_changes(old: Any, new: Any) -> Iterator[PropertyChange]:
    """Return what `compare` yields; nothing at once where all is the same, as nearly everywhere in a plan."""
    return iter(()) if repr(old) == repr(new) else compare(old, new)


def compare(old: Any, new: Any, path: str = "") -> Iterator[PropertyChange]:
    """Yield every place where two values differ, as deep as both have the same shape."""
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not _marked(old) and not _marked(new):
        for key in sorted(old.keys() | new.keys()):
            where = f"{path}.{key}" if path else key
            if key not in new:
                yield PropertyChange(where, "delete", old=old[key])
            elif key not in old:
                yield PropertyChange(where, "add", new=new[key])
            else:
                yield from compare(old[key], new[key], where)
        return
    if isinstance(old, list) and isinstance(new, list):
        yield from compare_lists(old, new, path)
        return
    if isinstance(old, str) and isinstance(new, str):
        inner_old, inner_new = _json(old), _json(new)
        if inner_old is not None and inner_new is not None:
            changes = list(compare(inner_old, inner_new, f"{path}{{}}"))
            if changes:
                yield from changes
                return
    if old != new or type(old) is not type(new):  # 1 and true are equal in Python
        yield PropertyChange(path, "update", old, new)


def compare_lists(old: list[Any], new: list[Any], path: str) -> Iterator[PropertyChange]:
    """Compare lists by the names of their members if all have one (`Sid`, `name`, `id`, `key`), otherwise
    by position.
    """
    label = next((label for label in ("Sid", "name", "id", "key") if _named_by(label, old, new)), None)
    before = {str(one[label]) if label else str(i): one for i, one in enumerate(old)}
    after = {str(one[label]) if label else str(i): one for i, one in enumerate(new)}
    order = sorted(before.keys() | after.keys()) if label else map(str, range(max(len(old), len(new))))
    found = False
    for key in order:
        where = f"{path}[{key}]"
        if key not in after:
            change = [PropertyChange(where, "delete", old=before[key])]
        elif key not in before:
            change = [PropertyChange(where, "add", new=after[key])]
        else:
            change = list(compare(before[key], after[key], where))
        found = found or bool(change)
        yield from change
    if not found and old != new:  # the same members in another order
        yield PropertyChange(path, "update", old, new)


def _named_by(label: str, *lists: list[Any]) -> bool:
    for members in lists:
        names = [one.get(label) if isinstance(one, Mapping) else None for one in members]
        if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
            return False
    return any(lists)


def _marked(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith("$")


def _json(text: str) -> Any:
    if text[:1] not in "{[":
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
