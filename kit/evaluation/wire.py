"""Values between Pulumi's protocol (protobuf) and plain data; see `graph` for the markers."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime.rpc import UNKNOWN

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's mark of a secret, not one
_MARKS = {
    "c44067f5952c0a294b673a41bacd8c17": "$asset",
    "0def7320c3a5731c473e5ecbe6d01bc7": "$archive",
    "5cf8f73096256a8f31e491e813e4eb8e": "$resource",
    "d0e6a833031e9bbcd3f4e8bde6ca49a4": "$output",
}
_SIGNATURES = {mark: signature for signature, mark in _MARKS.items()}


def plain(value: struct_pb2.Struct | struct_pb2.Value, root: Path | None = None) -> Any:
    """Plain data from the wire: whole numbers as int, marked secrets and unknowns, paths relative to
    `root`.
    """
    if isinstance(value, struct_pb2.Struct):
        return _plain_struct(value, root)
    text = value.string_value  # empty where it is none
    if text:
        return {"$unknown": True} if text == UNKNOWN else text
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return text
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return _plain_struct(value.struct_value, root)
    if kind == "list_value":
        return [plain(one, root) for one in value.list_value.values]
    return None


def _plain_struct(value: struct_pb2.Struct, root: Path | None) -> Any:
    fields = value.fields
    if SIGNATURE not in fields:
        return {key: plain(fields[key], root) for key in sorted(fields)}
    signature = fields[SIGNATURE].string_value
    body = {key: plain(fields[key], root) for key in sorted(fields) if key != SIGNATURE}
    if signature == SECRET:
        return {"$secret": body.get("value")}
    mark = _MARKS.get(signature)
    if mark is None:
        raise ValueError(f"unknown kind of value in Pulumi's protocol: {signature}")
    if mark == "$output":
        known = body.get("value", {"$unknown": True})
        return {"$secret": known} if body.get("secret") else known
    if mark in ("$asset", "$archive") and isinstance(body.get("path"), str):
        body["path"] = relative_path(body["path"], root)
    return {mark: body}


@lru_cache(maxsize=4096)
def relative_path(path: str, root: Path | None) -> str:
    """The path as seen from the project directory; paths outside of it keep only their last part."""
    given = Path(path)
    if root is None:
        return path
    if not given.is_absolute():
        return given.as_posix()
    try:
        return given.relative_to(root).as_posix()
    except ValueError:
        return f"<outside the project>/{given.name}"


def to_struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """A protobuf Struct from plain data with markers."""
    struct = struct_pb2.Struct()
    for key, value in values.items():
        _set(struct.fields[key], value)
    return struct


def _set(target: struct_pb2.Value, value: Any) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()  # also an empty one
        for one in value:
            _set(target.list_value.values.add(), one)
    elif isinstance(value, Mapping):
        _set_mapping(target, value)
    else:
        raise TypeError(f"a {type(value).__name__} cannot be a property of a resource")


def _set_mapping(target: struct_pb2.Value, value: Mapping[str, Any]) -> None:
    if len(value) == 1:
        ((mark, body),) = value.items()
        if mark == "$unknown":
            target.string_value = UNKNOWN
            return
        if mark == "$secret":
            value = {SIGNATURE: SECRET, "value": body}
        elif mark in _SIGNATURES:
            value = {SIGNATURE: _SIGNATURES[mark], **body}
    target.struct_value.SetInParent()
    for key, one in value.items():
        _set(target.struct_value.fields[key], one)
