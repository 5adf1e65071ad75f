"""Reads the output of `pulumi preview --json` (a PreviewDigest) into the changes of `kit.plan.difference`.

The document has no version number, so anything unknown is refused and never skipped. Its pitfalls: a secret
is the text `[secret]` before and after, and only the detailed diff shows that it changed; steps of
unchanged resources are omitted without `--show-sames`, and with them every change of retainOnDelete; the
create and delete halves of a replacement are omitted without `--show-replacement-steps`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kit.errors import ExitCode, KitError
from kit.plan.difference import Change, Difference, Operation, PropertyChange, compare, option_changes

RECOMMENDED = "pulumi preview --json --show-sames --show-replacement-steps --non-interactive"

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's mark of a secret, not one
_TOP_KEYS = {"config", "steps", "diagnostics", "duration", "changeSummary", "maybeCorrupt"}
_STEP_KEYS = {
    "op",
    "urn",
    "provider",
    "oldState",
    "newState",
    "diffReasons",
    "replaceReasons",
    "detailedDiff",
}
_OPERATIONS: dict[str, Operation] = {
    "same": "same",
    "create": "create",
    "update": "update",
    "delete": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "discard": "read",
    "discard-replaced": "read",
    "read": "read",
    "read-replacement": "read",
    "refresh": "update",
    "import": "create",
    "import-replacement": "replace",
    "remove-pending-replace": "delete",
    "diff": "same",
    "extend-parameterize": "same",
}
_HALVES = {"create-replacement", "delete-replaced", "import-replacement"}
_STATE_OPTIONS = (
    "protect",
    "retainOnDelete",
    "ignoreChanges",
    "replaceOnChanges",
    "deletedWith",
    "replaceWith",
    "additionalSecretOutputs",
    "customTimeouts",
)


@dataclass(frozen=True)
class Digest:
    """What a preview contained: the changes, and the reasons why they may be incomplete."""

    difference: Difference
    errors: tuple[str, ...]
    maybe_corrupt: bool
    hidden_sames: int


def is_digest(content: Any) -> bool:
    """Whether this looks like the output of `pulumi preview --json`."""
    return isinstance(content, dict) and ("steps" in content or "changeSummary" in content)


def read_digest(content: Mapping[str, Any], where: str) -> Digest:
    """Return the changes of a digest. Raises KitError for operations, keys or shapes that this kit does not
    know.
    """
    _known(content.keys(), _TOP_KEYS, f"{where}: key")
    changes: dict[str, Change] = {}
    sames = 0
    steps = content.get("steps")
    steps = [] if steps is None else steps
    if not isinstance(steps, list):
        raise _refused(f"{where}: steps is not a list")
    for number, step in enumerate(steps):
        if not isinstance(step, dict) or not isinstance(step.get("urn"), str):
            raise _refused(f"{where}: step {number} has no urn")
        _known(step.keys(), _STEP_KEYS, f"{where}: step {number}: key")
        _known([step.get("op")], set(_OPERATIONS), f"{where}: step {number} ({step['urn']}): operation")
        sames += step["op"] == "same"
        change = _change(step, f"{where}: step {number}")
        before = changes.get(change.urn)
        if before is None or step["op"] not in _HALVES:
            changes[change.urn] = change
        elif before.operation == "replace":
            changes[change.urn] = _merged(before, change)
    summary = content.get("changeSummary") or {}
    diagnostics = content.get("diagnostics") or []
    errors = tuple(
        str(one.get("message", "")).strip()
        for one in diagnostics
        if one.get("severity") in ("error", "info#err")
    )
    return Digest(
        Difference(tuple(changes[urn] for urn in sorted(changes))),
        errors,
        bool(content.get("maybeCorrupt")),
        max(0, int(summary.get("same", 0)) - sames),
    )


def _change(step: Mapping[str, Any], where: str) -> Change:
    urn = step["urn"]
    old, new = (_entry(step.get(key), urn, where) for key in ("oldState", "newState"))
    if step["op"] in ("create", "import"):
        old = None
    if step["op"] in ("delete", "remove-pending-replace"):
        new = None
    state = new or old
    if state is None and step["op"] not in ("diff", "extend-parameterize"):
        raise _refused(f"{where} ({urn}): neither oldState nor newState")
    properties: dict[str, PropertyChange] = {}
    if old is not None and new is not None:
        properties = {change.path: change for change in compare(old["inputs"], new["inputs"])}
        _add_detailed(properties, step)
    options = tuple(option_changes(old["options"], new["options"])) if old and new else ()
    operation = _OPERATIONS[step["op"]]
    if operation == "same" and options:
        operation = "update"
    return Change(
        urn=urn,
        type=(state or {}).get("type") or urn.split("::")[2].rsplit("$", 1)[-1],
        name=urn.rsplit("::", 1)[-1],
        operation=operation,
        properties=tuple(properties[path] for path in sorted(properties)),
        options=options,
        old=old,
        new=new,
    )


def _add_detailed(properties: dict[str, PropertyChange], step: Mapping[str, Any]) -> None:
    """Add what only the provider's diff contains: changed secrets, and which changes replace."""
    for path, detail in (step.get("detailedDiff") or {}).items():
        kind = str((detail or {}).get("kind", "update"))
        replaces = kind.endswith("-replace")
        base = kind.removesuffix("-replace")
        if base not in ("add", "delete", "update"):
            raise _refused(f"{step['urn']}: unknown kind of change {kind!r} at {path}")
        known = properties.get(path)
        if known is not None:
            if replaces:
                properties[path] = PropertyChange(path, known.kind, known.old, known.new, "replaces")
        elif not any(other.startswith(f"{path}.") or other.startswith(f"{path}[") for other in properties):
            hidden = {"$secret": True}
            properties[path] = PropertyChange(
                path, base, hidden, hidden, "replaces" if replaces else "updates"
            )
    for key in step.get("replaceReasons") or ():
        for path, change in properties.items():
            if path == key or path.startswith((f"{key}.", f"{key}[")):
                properties[path] = PropertyChange(path, change.kind, change.old, change.new, "replaces")


def _merged(first: Change, second: Change) -> Change:
    """Combine the two halves of a replacement."""
    old, new = first.old or second.old, first.new or second.new
    properties = first.properties or second.properties
    return Change(first.urn, first.type, first.name, "replace", properties, first.options, old, new)


def _entry(state: Any, urn: str, where: str) -> dict[str, Any] | None:
    if state is None:
        return None
    if not isinstance(state, dict):
        raise _refused(f"{where} ({urn}): a state is not an object")
    return {
        "urn": state.get("urn", urn),
        "type": state.get("type", ""),
        "name": urn.rsplit("::", 1)[-1],
        "parent": state.get("parent"),
        "custom": bool(state.get("custom", True)),
        "read": bool(state.get("external", False)),
        "inputs": _plain(state.get("inputs") or {}),
        "options": {option: state[option] for option in _STATE_OPTIONS if state.get(option)},
        "outputs": {},
    }


def _plain(value: Any) -> Any:
    """Convert a property value of the state format to the markers of `kit.evaluation.graph`."""
    if value == _UNKNOWN:
        return {"$unknown": True}
    if value == "[secret]":
        return {"$secret": True}
    if isinstance(value, dict):
        signature = value.get(_SIGNATURE)
        if signature == _SECRET:
            return {"$secret": True}
        return {key: _plain(one) for key, one in value.items() if key != _SIGNATURE}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def _known(given: Any, known: set[str], what: str) -> None:
    for one in given:
        if one not in known:
            raise _refused(f"{what} {one!r} is not known to this kit")


def _refused(message: str) -> KitError:
    return KitError(
        message,
        hint=f"make the file with: {RECOMMENDED}; or update the kit if Pulumi is newer",
        exit_code=ExitCode.USAGE,
    )
