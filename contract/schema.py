"""The client file's JSON Schema, used by editors for completion and validation (`kit schema`)."""

from collections.abc import Mapping
from datetime import date
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from contract.client import Client
from contract.keys import Declaration, Key, Text, class_of, is_declared, keys_of
from contract.kinds import SIZES
from contract.sizes import GROUPS, rules, sizing
from contract.workflows import Workflow

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NO_KEY = Key("")
_USD = r"^[0-9]{1,10}(\.[0-9]{1,6})?$"


def client_schema() -> dict[str, Any]:
    """Return the schema of `client.yaml`."""
    whole = _class(Client)
    whole["properties"]["sizing"] = _sizing(whole["properties"]["sizing"]["description"])
    return {"$schema": _DIALECT, "title": "A client of the Claude Enterprise Kit", **whole}


def workflow_schema() -> dict[str, Any]:
    """Return the schema of `workflows/<name>.yaml`."""
    return {"$schema": _DIALECT, "title": "A workflow of the Claude Enterprise Kit", **_class(Workflow)}


def _class(cls: type) -> dict[str, Any]:
    declarations = keys_of(cls)
    found: dict[str, Any] = {
        "type": "object",
        "description": " ".join((cls.__doc__ or "").split()),
        "additionalProperties": False,
        "properties": {one.file_name: _key(one) for one in declarations},
    }
    required = [one.file_name for one in declarations if one.required]
    return {**found, "required": required} if required else found


def _key(one: Declaration) -> dict[str, Any]:
    shape = _money(one.key) if one.money else _shape(one.annotation, one.key)
    found = {**shape, "description": _sentence(one)}
    plain = isinstance(one.default, str | bool | int | float)
    return {**found, "default": one.default} if plain and not one.key.size and not one.money else found


def _sentence(one: Declaration) -> str:
    follows = f" Follows from the size ({one.key.size}) where it is left out." if one.key.size else ""
    order = f" Stricter: {one.key.stricter}." if one.key.stricter else ""
    return f"{one.key.says[0].upper()}{one.key.says[1:]}.{follows}{order}"


def _shape(annotation: Any, key: Key) -> dict[str, Any]:
    if is_declared(annotation):
        return _class(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if isinstance(arguments[1], Text):
            return _text(arguments[1])
        return _class(arguments[1])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, UnionType):
        shapes = [{"type": "null"} if one is NoneType else _shape(one, key) for one in arguments]
        alone = _kinds_alone(arguments)
        return {"anyOf": [*shapes, {"enum": alone}] if alone else shapes}
    if origin is tuple:
        found = {"type": "array", "items": _shape(arguments[0], _NO_KEY), **_entries(key, "Items")}
        return {"anyOf": [found, found["items"]]} if key.one_or_many else found
    if origin is not None and issubclass(origin, Mapping):
        names = _shape(arguments[0], _NO_KEY)
        return {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": _shape(arguments[1], _NO_KEY),
            **_entries(key, "Properties"),
        }
    return _plain(annotation, key)


def _kinds_alone(classes: tuple[Any, ...]) -> list[str]:
    """Return the kinds, of several classes, that may be written without a mapping because they require no
    other key.
    """
    several = [one for one in classes if is_declared(one)]
    if len(several) < 2:
        return []
    required = {one: [each for each in keys_of(one) if each.required] for one in several}
    return [
        get_args(keys[0].annotation)[0] for keys in required.values() if [k.name for k in keys] == ["kind"]
    ]


def _plain(annotation: Any, key: Key) -> dict[str, Any]:
    if annotation is bool:
        return {"type": "boolean"}
    if annotation in (int, float):
        if key.choices:
            return {"enum": list(key.choices)}
        bounds = {"minimum": key.least, "maximum": key.most}
        kind = "integer" if annotation is int else "number"
        return {"type": kind, **{name: bound for name, bound in bounds.items() if bound is not None}}
    if annotation is date:
        return {"type": "string", "format": "date"}
    return {"type": "string"} if annotation is str else {}


def _text(kind: Text) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": kind.most}
    if kind.pattern and not kind.lower:
        found["pattern"] = f"^({kind.pattern.removeprefix('(?s)')})$"
    return found


def _money(key: Key) -> dict[str, Any]:
    """Return the schema of an amount in US dollars: a number, or text if every digit counts."""
    least, most = (key.least or 0) / 1_000_000, (key.most or 1_000_000_000_000_000) / 1_000_000
    return {
        "anyOf": [
            {"type": "number", "minimum": least, "maximum": most},
            {"type": "string", "pattern": _USD},
        ]
    }


def _entries(key: Key, noun: str) -> dict[str, Any]:
    bounds = {f"min{noun}": key.least, f"max{noun}": key.most}
    return {name: int(bound) for name, bound in bounds.items() if bound is not None}


def _sizing(says: str) -> dict[str, Any]:
    """Return the schema of the sizing section, each value described with its value in all four sizes."""
    groups: dict[str, Any] = {}
    for group in GROUPS:
        each = _class(class_of(getattr(sizing("small"), group)))
        each.pop("required", None)
        groups[group] = each
    for name, one in rules().items():
        group, _, _ = name.partition(".")
        if group in groups:
            shape = groups[group]["properties"][one.file_name]
            if group == "retention":  # production has a floor; elsewhere evidence may be short-lived
                shape.pop("minimum", None)
                shape.pop("enum", None)
                shape |= {"type": "integer", "minimum": 1}
            if one.key.choices and one.annotation not in (int, bool) and get_origin(one.annotation) is tuple:
                shape["items"] = {"enum": list(one.key.choices)}
    people = _shape(int, rules()["people"].key) | {"description": _sentence(rules()["people"])}
    return {
        "type": "object",
        "description": says,
        "additionalProperties": False,
        "properties": {"people": people, **groups},
    }


def values_by_size(name: str) -> dict[str, Any]:
    """Return a sizing value in each of the four sizes, by its dotted name."""
    group, _, field = name.partition(".")
    return {size: getattr(getattr(sizing(size), group), field) if field else getattr(sizing(size), group)
            for size in SIZES}  # fmt: skip
