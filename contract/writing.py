"""Writes declared values as documents: as they are published, or as a client's file has them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from contract.keys import Declaration, class_of, is_declared, keys_of


def published(value: Any, cls: type | None = None) -> Any:
    """A declared value as plain data, by the keys of `cls` (its own class, or a base of it that is
    published). What is None is left out.
    """
    if is_declared(type(value)):
        found = {one.name: published(getattr(value, one.name)) for one in keys_of(cls or class_of(value))}
        return {name: each for name, each in found.items() if each is not None}
    if isinstance(value, Mapping):
        return {name: published(each) for name, each in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [published(each) for each in cast("Sequence[Any]", value)]
    return value


def as_file(value: Any) -> Any:
    """A declared value as a client's file has it: amounts in US dollars, defaults left out."""
    if is_declared(type(value)):
        return {
            one.file_name: _in_file(one, getattr(value, one.name))
            for one in keys_of(class_of(value))
            if getattr(value, one.name) != one.default
        }
    if isinstance(value, Mapping):
        return {name: as_file(each) for name, each in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [as_file(each) for each in cast("Sequence[Any]", value)]
    return value


def _in_file(one: Declaration, value: Any) -> Any:
    return f"{Decimal(value).scaleb(-6):f}" if one.money and value is not None else as_file(value)
