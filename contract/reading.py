"""Parse documents into `declared` classes, reporting every error at once.

A client file states amounts in US dollars, must respect all bounds, and may not contain undeclared keys. A
published document (the gateway policy) states micro-dollars and was validated before it was published; its
reader ignores unknown keys, because the publisher may be newer than the reader.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from datetime import date
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from contract.keys import Declaration, Key, Text, is_declared, keys_of
from contract.problems import Problem, nearest, shown

T = TypeVar("T")
_NO_KEY = Key("")


class _Wrong:
    """Placeholder for a value that has an error."""


_WRONG = _Wrong()


class Reading:
    """State of parsing one document, with the errors found so far.

    show: formats a value for an error message. default_of: returns the default that follows from the size,
    by the dotted name of the value, or None if the size itself is invalid. retired: keys of earlier
    versions, each with its replacement.
    """

    def __init__(
        self,
        *,
        published: bool = False,
        show: Callable[[str, Any], str] = lambda _, value: shown(value),
        default_of: Callable[[str], Any] | None = None,
        retired: Mapping[str, str] = MappingProxyType({}),
        problems: list[Problem] | None = None,
    ) -> None:
        self.published = published
        self.show = show
        self.default_of = default_of
        self.retired = retired
        self.problems = [] if problems is None else problems

    def read(self, cls: type[T], document: Any, path: str = "") -> T | None:
        """Parse the document as `cls`. Return None and add to `problems` if it is invalid."""
        value = _reader(cls, _NO_KEY, self.published)(self, document, path)
        return None if value is _WRONG else value

    def read_key(self, declaration: Declaration, given: Any, path: str) -> Any:
        """Parse one value as its key declares. Return None and add to `problems` if it is invalid."""
        value = _key_reader(declaration, self.published)(self, given, path)
        return None if value is _WRONG else value

    def wrong(self, path: "_Path", message: str, hint: str = "") -> Any:
        """Record an error. Return the placeholder for an invalid value."""
        self.problems.append(Problem(dotted(path) or "(the whole)", message, hint))
        return _WRONG

    def refused(self, path: "_Path", given: Any, message: str, hint: str = "") -> Any:
        """Record an error whose message starts with the value. Return the placeholder."""
        return self.wrong(path, f"{self.show(dotted(path), given)} {message}", hint)


# Location of a value in the document, formatted only if there is an error.
_Path = Any  # "", a dotted path, or (path of the container, name or index)
_Reader = Callable[[Reading, Any, _Path], Any]


def dotted(path: _Path) -> str:
    """Format a path for people: `departments[0].models`."""
    if isinstance(path, str):
        return path
    above, last = dotted(path[0]), path[1]
    if isinstance(last, int):
        return f"{above}[{last}]"
    return f"{above}.{last}" if above else str(last)


def _key_reader(declaration: Declaration, published: bool) -> _Reader:
    if declaration.money and not published:
        return _optional(_money(declaration.key), declaration.annotation)
    return _reader(declaration.annotation, declaration.key, published)


def _reader(annotation: Any, key: Key, published: bool) -> _Reader:
    """Return the parser for values of this type."""
    if is_declared(annotation):
        return _class_reader(annotation, published)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if isinstance(arguments[1], Text):
            return _text(arguments[1], key, published)
        return _table(arguments[1], arguments[0], key, published)
    if origin is Literal:
        return _choice(arguments)
    if origin in (Union, UnionType):
        rest = [one for one in arguments if one is not NoneType]
        inner = _alternatives(rest, published) if len(rest) > 1 else _reader(rest[0], key, published)
        return _optional(inner, annotation)
    if origin is tuple:
        return _list(_reader(arguments[0], _NO_KEY, published), key, published)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(
            _reader(arguments[0], _NO_KEY, published), _reader(arguments[1], _NO_KEY, published), key
        )
    if annotation in (int, float):
        return _number(annotation, key, published)
    return {bool: _boolean, str: _plain, date: _date}.get(annotation, _anything)


@cache
def _class_reader(cls: type, published: bool) -> _Reader:
    declarations = keys_of(cls)
    names = [
        (one, one.name if published else one.file_name, _key_reader(one, published)) for one in declarations
    ]
    known = {name for _, name, _ in names}

    def read(reading: Reading, given: Any, path: _Path) -> Any:
        if type(given) is not dict and not isinstance(given, Mapping):
            return reading.refused(path, given, "is not a mapping of names to values")
        document = cast("Mapping[str, Any]", given)
        before, wrong = len(reading.problems), False
        values: dict[str, Any] = {}
        for declaration, name, reader in names:
            value = document.get(name, MISSING)
            if value is MISSING or (value is None and published):
                value = _absent(reading, declaration, (path, name), reader)
            else:
                value = reader(reading, value, (path, name))
            values[declaration.name] = value
            wrong = wrong or value is _WRONG
        if not published:
            for name in document:
                if name not in known:
                    place = (path, str(name))
                    hint = reading.retired.get(dotted(place)) or nearest(str(name), known)
                    reading.wrong(place, "is not a key", hint)
        return _WRONG if wrong or len(reading.problems) > before else cls(**values)

    return read


def _absent(reading: Reading, declaration: Declaration, path: _Path, reader: _Reader) -> Any:
    """Return the value of a key that the document does not contain."""
    if declaration.key.size and not reading.published:
        return reading.default_of(declaration.key.size) if reading.default_of else _WRONG
    if declaration.default is not MISSING:
        if declaration.default == {} and not reading.published:  # a section whose own keys have defaults
            return reader(reading, {}, path)
        return declaration.default
    return reading.wrong(path, "is required", declaration.key.says)


def _text(kind: Text, key: Key, published: bool) -> _Reader:
    if published and not kind.published and not kind.lower:
        return _plain
    pattern = kind.pattern if kind.published or not published else ""

    def read(reading: Reading, given: Any, path: _Path) -> Any:
        if not isinstance(given, str):
            quoted = isinstance(given, int | float | date)
            return reading.refused(path, given, "is not text", "put it in quotes" if quoted else key.says)
        value = given.lower() if kind.lower else given if kind.pattern else given.strip()
        if not value or (pattern and not re.fullmatch(pattern, value)):
            return reading.refused(path, given, "is not allowed", f"allowed: {kind.allowed}")
        if len(value) > kind.most:
            return reading.refused(path, given, "is too long", f"at most {kind.most:,} characters")
        return value

    return read


def _plain(reading: Reading, given: Any, path: _Path) -> Any:
    if isinstance(given, str) and given:
        return given
    return reading.refused(path, given, "is not text")


def _choice(choices: tuple[Any, ...]) -> _Reader:
    def read(reading: Reading, given: Any, path: _Path) -> Any:
        if isinstance(given, str) and given in choices:
            return given
        return reading.refused(path, given, "is not allowed", "allowed: " + _either([*map(str, choices)]))

    return read


def _boolean(reading: Reading, given: Any, path: _Path) -> Any:
    if isinstance(given, bool):
        return given
    if given in ("true", "false"):  # stack configuration holds everything as text
        return given == "true"
    return reading.refused(path, given, "is not allowed", "allowed: true or false")


def _number(kind: type, key: Key, published: bool) -> _Reader:
    if published and kind is int:
        return _whole
    least, most = key.least, key.most
    kinds = int if kind is int else (int, float)

    def read(reading: Reading, given: Any, path: _Path) -> Any:
        value = _as_number(given, kind)
        valid = isinstance(value, kinds) and not isinstance(value, bool)
        if not valid or (least is not None and value < least) or (most is not None and value > most):
            called = "whole numbers" if kind is int else "numbers"
            bounds = (f" from {least}" if least is not None else "") + (
                f" to {most}" if most is not None else ""
            )
            return reading.refused(path, given, "is not allowed", f"allowed: {called}{bounds}")
        return value

    return read


def _whole(reading: Reading, given: Any, path: _Path) -> Any:
    if type(given) is int and given >= 0:
        return given
    return reading.refused(path, given, "is not allowed", "allowed: whole numbers from 0")


def _as_number(given: Any, kind: type) -> Any:
    """Convert a number that stack configuration holds as text, or YAML as a float."""
    try:
        if isinstance(given, str) and len(given) < 40:
            return kind(given)
        if kind is float and not isinstance(given, bool | int | float):
            return float(given)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return given


def _money(key: Key) -> _Reader:
    from contract.money import MoneyError, microusd_from_usd  # the gateway reads micro-dollars

    def read(reading: Reading, given: Any, path: _Path) -> Any:
        try:
            amount = microusd_from_usd(given)
        except MoneyError as error:
            return reading.refused(path, given, f"{error}", key.says)
        least, most = key.least or 0, key.most
        if amount < least or (most is not None and amount > most):
            high = f" to {int(most) // 1_000_000}" if most is not None else ""
            return reading.refused(
                path,
                given,
                "is out of bounds",
                f"allowed: {int(least) // 1_000_000}{high} USD",
            )
        return amount

    return read


def _date(reading: Reading, given: Any, path: _Path) -> Any:
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError):
        return reading.refused(path, given, "is not allowed", "allowed: a date such as 2026-11-02")


def _anything(_: Reading, given: Any, __: str) -> Any:
    return given


def _optional(inner: _Reader, annotation: Any) -> _Reader:
    """Return `inner`, extended to accept an empty value."""
    if NoneType not in get_args(annotation):
        return inner
    return lambda reading, given, path: None if given is None else inner(reading, given, path)


def _list(entry: _Reader, key: Key, published: bool) -> _Reader:
    def read(reading: Reading, given: Any, path: _Path) -> Any:
        if key.one_or_many and isinstance(given, str):
            given = [given]
        if not isinstance(given, list | tuple):
            return reading.refused(path, given, "is not a list", key.says)
        entries = cast("Sequence[Any]", given)
        if not published and key.least and not entries:
            return reading.wrong(path, "is empty", key.says)
        if not published and key.most is not None and len(entries) > key.most:
            return reading.wrong(path, f"has {len(entries)} entries", f"at most {key.most:,}")
        values = tuple([entry(reading, one, (path, place)) for place, one in enumerate(entries)])
        return _WRONG if _WRONG in values else values

    return read


def _mapping(name: _Reader, value: _Reader, key: Key) -> _Reader:
    def read(reading: Reading, given: Any, path: _Path) -> Any:
        if type(given) is not dict and not isinstance(given, Mapping):
            return reading.refused(path, given, "is not a mapping of names to values", key.says)
        entries = cast("Mapping[Any, Any]", given)
        if key.least and not entries and not reading.published:
            return reading.wrong(path, "is empty", key.says)
        values: dict[Any, Any] = {}
        wrong = False
        for one, each in entries.items():
            read_name = one if name is _plain else name(reading, one, path)
            values[read_name] = read_value = value(reading, each, (path, one))
            wrong = wrong or read_name is _WRONG or read_value is _WRONG
        return _WRONG if wrong else values

    return read


def _table(cls: type, annotation: Any, key: Key, published: bool) -> _Reader:
    """Return the parser of a mapping with the keys of a `declared` class, by their names in the client
    file.
    """
    if published:
        return _reader(annotation, key, published)
    whole = _class_reader(cls, published)

    def read(reading: Reading, given: Any, path: _Path) -> Any:
        value = whole(reading, given, path)
        if value is _WRONG:
            return _WRONG
        return {one.file_name: getattr(value, one.name) for one in keys_of(cls)}

    return read


def _alternatives(classes: list[Any], published: bool) -> _Reader:
    """Return the parser of a union of classes distinguished by `kind`.

    A class that requires no other key may be given as its kind alone.
    """
    by_kind = {get_args(keys_by_name(one)["kind"].annotation)[0]: one for one in classes}
    readers = {kind: _class_reader(one, published) for kind, one in by_kind.items()}

    def read(reading: Reading, given: Any, path: _Path) -> Any:
        if isinstance(given, str):
            if given not in readers:
                return reading.refused(path, given, "is not allowed", nearest(given, readers))
            given = {"kind": given}
        if type(given) is not dict and not isinstance(given, Mapping):
            return reading.refused(path, given, "is not a mapping of names to values")
        document = cast("Mapping[str, Any]", given)
        kind = document.get("kind", MISSING)
        if kind is MISSING:
            return reading.wrong((path, "kind"), "is required", "it chooses the other keys")
        if not isinstance(kind, str) or kind not in readers:
            hint = nearest(kind, readers) if isinstance(kind, str) else f"allowed: {_either([*readers])}"
            return reading.refused((path, "kind"), kind, "is not allowed", hint)
        return readers[kind](reading, given, path)

    return read


def keys_by_name(cls: type) -> dict[str, Declaration]:
    """Return the keys of a `declared` class by their names in the client file."""
    return {one.file_name: one for one in keys_of(cls)}


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
