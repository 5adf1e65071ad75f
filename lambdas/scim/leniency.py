"""Lenient parsing of people: a leaver is deactivated whatever else the request contains (G.4).

Identity providers send what their administrators mapped. The kit uses a few attributes (`USED`); all others
are stored as sent if they fit the schema and otherwise ignored, and are never a reason to refuse.

`active` is read first and separately: a person is active only while a request says so in a known form.
Removed, null or unknown means inactive. Attributes by which providers' own interfaces say that an account is
closed, such as `suspended`, deactivate too, even beside `active: true`; they never activate.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, cast

from pydantic import ValidationError
from scim2_models import Context, InvalidValueException, PatchOp, SCIMException

from lambdas.scim.resources import POLICY, EnterpriseUser, UserResource

USER_URN = str(UserResource.__schema__)
ENTERPRISE_URN = str(EnterpriseUser.__schema__)
# Folded names of the attributes that the kit goes by. Of the enterprise extension that is `department`.
USED = frozenset({"schemas", "id", "username", "externalid", "active", "emails"})
_USED_EXTENSION = frozenset({"department"})
_EXTENSION = ENTERPRISE_URN.casefold()
# The same extension as it was called before RFC 7643; providers' older templates still name it so.
_OLD_EXTENSIONS = (
    "urn:scim:schemas:extension:enterprise:1.0",
    "urn:scim:schemas:extension:enterprise:2.0:user",
)
_OLD_CORES = ("urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0:user", "urn:scim:schemas:core:1.0:user")
_IN = frozenset({"true", "t", "yes", "y", "on", "1", "1.0"})
# What providers' own interfaces call it: Google and JumpCloud `suspended`, Google `archived`, Keycloak and
# Ping `enabled`, Entra `accountEnabled`, authentik `is_active`.
_CLOSED_BY_YES = frozenset({"suspended", "archived", "disabled", "deactivated", "deprovisioned"})
_CLOSED_BY_NO = frozenset({"enabled", "accountenabled", "isactive", "is_active"})
_NO = frozenset({"false", "f", "no", "n", "off", "0", "0.0", "", "null", "none"})
_TEXTS = frozenset({"externalid"})
_MANY = frozenset(
    {"emails", "phonenumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509certificates"}
)
_NO_CHANGE = {"op": "remove", "path": "nickName"}  # stands for operations where only the rest is looked at
_REFUSALS = (ValidationError, SCIMException)
Content = dict[str, Any]


class Active(Enum):
    """What a request says about `active`; its value is what is stored."""

    IN = True
    OUT = False
    UNASSIGNED = None
    UNSAID = "unsaid"

    @property
    def is_out(self) -> bool:
        """Return whether the person is to be deactivated."""
        return self in {Active.OUT, Active.UNASSIGNED}

    def stored(self, before: bool | None) -> bool | None:
        """Return the value to store, given the previous one."""
        return before if self is Active.UNSAID else cast("bool | None", self.value)


def says_active(method: str, body: bytes) -> Active:
    """Return what a request about a person says about `active`.

    Reads bodies that are refused afterwards too, as far as they are JSON. Among several values, an inactive
    one decides.
    """
    try:
        text = body.decode(json.detect_encoding(body), errors="replace")
        said = set(_said(json.loads(text, object_pairs_hook=_both), patch=method == "PATCH"))
    except (ValueError, RecursionError):
        return Active.UNSAID
    return next((one for one in (Active.OUT, Active.UNASSIGNED, Active.IN) if one in said), Active.UNSAID)


def _both(pairs: list[tuple[str, Any]]) -> Content:
    """Return a JSON object, with both values of a repeated name as a list."""
    content: Content = {}
    for name, value in pairs:
        differs = name in content and content[name] != value
        content[name] = [content[name], value] if differs else value
    return content


def _said(content: Any, *, patch: bool) -> Iterator[Active]:
    for one in _objects(content):
        yield from _said_by_keys(one)
        named = {name.casefold(): value for name, value in one.items()}
        if patch:  # some send the operations alone, as RFC 6902 does
            for operation in _objects(named.get("operations", one if "op" in named else None)):
                yield from _said_by_operation({name.casefold(): value for name, value in operation.items()})


def _objects(content: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects sent: one, a list of them, or one encoded as text."""
    if isinstance(content, str) and content.lstrip().startswith("{"):
        with suppress(ValueError):
            content = json.loads(content, object_pairs_hook=_both)
    if isinstance(content, Mapping):
        yield content
    elif isinstance(content, list):
        for one in content:
            yield from _objects(one)


def _said_by_operation(operation: Mapping[str, Any]) -> Iterator[Active]:
    value = operation.get("value")
    if names_active(operation.get("path")):
        op = str(operation.get("op")).strip().casefold()
        yield (
            Active.UNASSIGNED
            if op == "remove"
            else _meaning(value)
            if op in {"add", "replace"}
            else Active.OUT
        )
    elif isinstance(path := operation.get("path"), str) and _closes(path, value):
        yield Active.OUT
    else:
        for one in _objects(value):
            yield from _said_by_keys(one)


def _said_by_keys(values: Mapping[str, Any]) -> Iterator[Active]:
    for name, value in values.items():
        if names_active(name):
            yield _meaning(value)
        elif _closes(name, value):
            yield Active.OUT
        elif isinstance(value, Mapping) and (_core(name) == "" or name.casefold() == "user"):
            yield from _said_by_keys(value)


def _meaning(value: Any) -> Active:
    """Return the meaning of a value of `active`; an unknown one is inactive."""
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    value = _inner(value)
    if value is None:
        return Active.UNASSIGNED
    return Active.IN if str(value).strip().casefold() in _IN else Active.OUT


def _inner(value: Any) -> Any:
    """Return what an object has under `value`, None if nothing; anything else as it is."""
    if not isinstance(value, Mapping):
        return value
    return next((one for name, one in value.items() if name.casefold() == "value"), None)


def _closes(name: str, value: Any) -> bool:
    """Return whether an attribute that is no `active` plainly says that the account is closed."""
    folded = _plain_path(name)
    words = {str(_inner(one)).strip().casefold() for one in (value if isinstance(value, list) else [value])}
    if folded in _CLOSED_BY_YES:
        return not words <= _NO
    return folded in _CLOSED_BY_NO and bool(words & _NO - {"", "null", "none"})


def names_active(path: Any) -> bool:
    """Return whether a path or key denotes `active`, or a part of it, in any path notation."""
    if isinstance(path, list) and len(path) == 1:
        (path,) = path
    if not isinstance(path, str):
        return False
    return _head(_plain_path(path)) == "active"


def _plain_path(path: str) -> str:
    """Return the folded path without the schema of a user, in any notation."""
    folded = path.strip().lstrip("/$.").casefold()
    for urn in (USER_URN.casefold(), *_OLD_CORES, "user"):
        for separator in ":./":
            folded = folded.removeprefix(urn + separator)
    return folded


def _core(path: str) -> str | None:
    """Return the folded path without the URN of the core schema; None for another schema."""
    folded = path.strip().casefold()
    for urn in (USER_URN.casefold(), *_OLD_CORES):
        if folded == urn:
            return ""
        folded = folded.removeprefix(urn + ":")
    return None if folded.startswith("urn:") else folded


# -- whole people: POST and PUT ------------------------------------------------------------------------------


def read_person(content: Mapping[str, Any], context: Context) -> Any:
    """Return the person that a body describes, without `active`. Raises only for values of used attributes.

    Raises InvalidValueException if `schemas` says that it is something else.
    """
    values = _plain(content)
    try:
        return _validated(values, context)
    except _REFUSALS:
        pass
    accepted = {name: value for name, value in values.items() if _is_used(name)}
    extension = values.get(ENTERPRISE_URN)
    if isinstance(extension, Mapping):
        accepted[ENTERPRISE_URN] = {n: v for n, v in extension.items() if n.casefold() in _USED_EXTENSION}
    person = _validated(accepted, context)
    for name, value in values.items():
        if _is_used(name) or name == ENTERPRISE_URN:
            continue
        person, accepted = _with(person, accepted, {name: value}, context)
    for name, value in extension.items() if isinstance(extension, Mapping) else ():
        merged = {ENTERPRISE_URN: {**accepted[ENTERPRISE_URN], name: value}}
        person, accepted = _with(person, accepted, merged, context)
    return person


def _with(person: Any, accepted: Content, more: Content, context: Context) -> tuple[Any, Content]:
    """Return the person with more values, or without them if they do not fit."""
    values = {**accepted, **more}
    try:
        return _validated(values, context), values
    except _REFUSALS:
        return person, accepted


def _validated(values: Content, context: Context) -> Any:
    return UserResource.model_validate(values, scim_ctx=context, scim_policy=POLICY)


def _plain(content: Mapping[str, Any]) -> Content:
    """Return a body in the shapes of the schema, as far as its meaning is clear."""
    values: Content = {}
    for name, value in content.items():
        if names_active(name):
            continue
        folded = name.casefold()
        if folded == "schemas":
            values["schemas"] = _schemas(value)
        elif folded in _OLD_EXTENSIONS or folded == _EXTENSION:
            values[ENTERPRISE_URN] = _plain_extension(value)
        elif _core(name) == "" and isinstance(value, Mapping):
            values |= {one: _plain_value(one, item) for one, item in value.items() if not names_active(one)}
        else:
            values[name] = _plain_value(folded, value)
    values.setdefault("schemas", [USER_URN])
    return values


def _schemas(value: Any) -> list[Any]:
    """Return `schemas` with that of a user. Raises InvalidValueException if it names something else."""
    if not isinstance(value, list):
        raise InvalidValueException(detail="schemas: is not a list", attribute="schemas")
    folded = [str(one).casefold() for one in value]
    if any(one.endswith(":group") and one.startswith("urn:ietf:params:scim:schemas:core:") for one in folded):
        raise InvalidValueException(detail="schemas: this is not a user", attribute="schemas")
    known = [
        one for one, low in zip(value, folded, strict=True) if low not in (*_OLD_CORES, *_OLD_EXTENSIONS)
    ]
    return known if USER_URN.casefold() in folded else [USER_URN, *known]


def _plain_value(name: str, value: Any) -> Any:
    folded = name.casefold()
    if folded in _TEXTS:
        return _text(value)
    if folded in _MANY:
        return _many(value)
    return value


def _plain_extension(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    return {n: _text(v) if n.casefold() in _USED_EXTENSION else v for n, v in value.items()}


def _many(value: Any) -> Any:
    """Return values of a multi-valued attribute: a single one as a list, a text as an entry's `value`."""
    if value is None:
        return None
    entries = value if isinstance(value, list) else [value]
    shaped = [{"value": one} if isinstance(one, str | int | float) else one for one in entries]
    return [_entry(one) for one in shaped if isinstance(one, Mapping)]


def _entry(entry: Mapping[str, Any]) -> Content:
    return {n: _text(v) if n.casefold() == "value" else v for n, v in entry.items()}


def _text(value: Any) -> Any:
    """Return a number as text: some directories have numeric ids."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _is_used(name: str) -> bool:
    return _core(name) in USED


# -- parts of people: PATCH ----------------------------------------------------------------------------------


def read_patch(content: Mapping[str, Any]) -> Callable[[Any], None]:
    """Return what a PATCH does to a person, except `active`. Raises if it is not a PATCH.

    The function changes the person passed to it. It raises SCIM exceptions if an operation on a used
    attribute cannot be carried out; one on another attribute is ignored.
    """
    named = {name.casefold(): value for name, value in content.items()}
    envelope = {"schemas": _patch_schemas(named.get("schemas"))}
    sent = named.get("operations")
    operations = [sent] if isinstance(sent, Mapping) else sent
    if not isinstance(operations, list) or not operations:
        _patch({**envelope, "Operations": sent})  # says what is wrong
    _patch({**envelope, "Operations": [_NO_CHANGE]})
    rest = [part for operation in operations or () for part in _without_active(operation)]
    try:
        whole = _patch({**envelope, "Operations": rest}) if rest else None
    except _REFUSALS:
        parts = _parts(envelope, rest)
        return lambda person: _apply(parts, person)

    def change(person: Any) -> None:
        try:
            if whole is not None:
                whole.patch(person, POLICY)
        except _REFUSALS:
            _apply(_parts(envelope, rest), person)

    return change


def _parts(envelope: Content, operations: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return each operation on one attribute, and the PATCH of it alone (None: it is ignored)."""
    return [(part, _parsed(envelope, part)) for one in operations for part in _split(one)]


def _apply(parts: Sequence[tuple[Any, Any]], person: Any) -> None:
    for part, patch in parts:
        try:
            if patch is not None:
                patch.patch(person, POLICY)
        except _REFUSALS:
            if _touches_used(part):
                raise


def _patch(content: Content) -> Any:
    return PatchOp[UserResource].model_validate(
        content, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
    )


def _parsed(envelope: Content, operation: Any) -> Any:
    """Return one operation; None if it is invalid and concerns nothing that is used."""
    try:
        return _patch({**envelope, "Operations": [operation]})
    except _REFUSALS:
        if _touches_used(operation):
            raise
        return None


def _patch_schemas(value: Any) -> Any:
    """Return the schema of a PATCH, if none or that of an older draft is named."""
    named = [str(one).casefold() for one in value] if isinstance(value, list) else []
    if value is None or any(one.startswith("urn:scim:") for one in named):
        return [str(PatchOp.__schema__)]
    return value


def _without_active(operation: Any) -> list[Any]:
    """Return an operation without its part about `active`: none, or one."""
    if not isinstance(operation, Mapping):
        return [operation]
    folded = {name.casefold(): value for name, value in operation.items()}
    path, value = folded.get("path"), folded.get("value")
    if names_active(path):
        return []
    if isinstance(path, str):
        folded["path"] = path = _path(path)
    elif path is None:
        folded.pop("path", None)
    if not path and isinstance(value, Mapping):
        kept = dict(_flat(value))
        if not kept and value:
            return []
        folded["value"] = kept
    return [{**folded, "value": _operand(path, folded["value"])} if "value" in folded else folded]


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the values of an operation on the whole person by path, without `active`."""
    for name, value in values.items():
        path = _path(name)
        if path.casefold() in {USER_URN.casefold(), _EXTENSION} and isinstance(value, Mapping):
            yield from _flat({f"{path}:{inner}": one for inner, one in value.items()})
        elif not names_active(path):
            yield path, value


def _path(path: str) -> str:
    """Return a path with the URN of RFC 7643."""
    folded = path.strip().casefold()
    for old, new in [(one, ENTERPRISE_URN) for one in _OLD_EXTENSIONS] + [
        (one, USER_URN) for one in _OLD_CORES
    ]:
        if folded == old or folded.startswith(old + ":"):
            return new + path.strip()[len(old) :]
    return path.strip()


def _operand(path: Any, value: Any) -> Any:
    """Return the value of an operation in the shapes of the schema."""
    if not isinstance(path, str) or not path:
        return (
            {name: _operand(name, one) for name, one in value.items()}
            if isinstance(value, Mapping)
            else value
        )
    if path.casefold() == _EXTENSION:
        return _plain_extension(value)
    core = _core(path)
    if core is None:
        return _text(value) if path.casefold().removeprefix(_EXTENSION + ":") in _USED_EXTENSION else value
    return _plain_value(core, value)


def _split(operation: Any) -> Iterable[Any]:
    """Return an operation on the whole person, or its extension, as one per attribute."""
    value = operation.get("value") if isinstance(operation, Mapping) else None
    path = operation.get("path", "") if isinstance(operation, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(path, str) or path.casefold() not in {"", _EXTENSION}:
        yield operation
        return
    for name, one in value.items():
        yield {**operation, "path": f"{path}:{name}" if path else name, "value": one}


def _touches_used(operation: Any) -> bool:
    """Return whether an operation is about a used attribute, or cannot be ignored."""
    if not isinstance(operation, Mapping) or str(operation.get("op")).casefold() not in {
        "add",
        "replace",
        "remove",
    }:
        return True
    value = operation.get("value")
    paths: Sequence[Any] = [operation.get("path")]
    if not paths[0]:
        if not isinstance(value, Mapping):
            return True
        paths = list(value)
    return any(_path_is_used(path) for path in paths)


def _path_is_used(path: Any) -> bool:
    if not isinstance(path, str):
        return True
    folded = path.strip().casefold()
    if folded.startswith(_EXTENSION):
        rest = folded.removeprefix(_EXTENSION).lstrip(":")
        return rest == "" or _head(rest) in _USED_EXTENSION
    core = _core(path)
    return core is not None and (core == "" or _head(core) in USED)


def _head(path: str) -> str:
    """Return the attribute that a path begins with."""
    for at, sign in enumerate(path):
        if sign in ".[ ":
            return path[:at]
    return path
