"""JSON request body parser that remembers the position of each value, so that one value can be replaced
byte for byte.

Inspection and authorisation see the same document that the provider will read: a body that two JSON parsers
may understand differently (a repeated name in an object, NaN, invalid UTF-8) is refused, because the part
that is inspected might not be the part that is answered.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lambdas.gateway.errors import invalid_request

_SPACE = re.compile(r"[ \t\n\r]*")

Span = tuple[int, int]


class _Ambiguous(ValueError):
    """The document can be read in more than one way."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _Ambiguous("a name occurs twice in an object")
    return fields


def _no_constant(name: str) -> Any:
    raise _Ambiguous(f"{name} is not JSON")


class JsonFloat(float):
    """A number with a fraction or an exponent that remembers its spelling: a reader of the text sees digits
    that a float loses.
    """

    __slots__ = ("literal",)
    literal: str

    def __new__(cls, literal: str) -> "JsonFloat":
        number = super().__new__(cls, literal)
        number.literal = literal
        return number


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=JsonFloat)


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A body that is a JSON object. `spans` are the character positions of the top-level values in `text`."""

    raw: bytes
    text: str
    fields: dict[str, Any]
    spans: dict[str, Span]

    def replace(self, replacements: Iterable[tuple[Span, bytes]]) -> bytes:
        """Return the raw bytes with the values at those character positions replaced and everything else
        unchanged.
        """
        ascii_only = len(self.text) == len(self.raw)
        pieces: list[bytes] = []
        position = 0
        for (start, end), value in sorted(replacements):
            if not ascii_only:
                start, end = len(self.text[:start].encode()), len(self.text[:end].encode())
            pieces += (self.raw[position:start], value)
            position = end
        pieces.append(self.raw[position:])
        return b"".join(pieces)

    def items(self, key: str) -> list[tuple[dict[str, Span], int]]:
        """Return, for each object in a top-level array, the spans of its values and its start."""
        found: list[tuple[dict[str, Span], int]] = []
        position = _skip(self.text, self.spans[key][0] + 1)
        while self.text[position] != "]":
            if self.text[position] == ",":
                position = _skip(self.text, position + 1)
            _, spans, end = _walk(self.text, position)
            found.append((spans, position))
            position = _skip(self.text, end)
        return found

    def inner(self, span: Span) -> dict[str, Span]:
        """Return the spans of the values of the object at `span`."""
        return _walk(self.text, span[0])[1]


def parse_object(raw: bytes) -> JsonBody:
    """Parse the body as a JSON object. Raises `ApiError` 400 for everything else."""
    try:
        text = raw.decode()
        fields, spans, end = _walk(text, _skip(text, 0))
        if _skip(text, end) != len(text):
            raise ValueError("there is more after the object")
    except _Ambiguous as error:
        raise invalid_request(f"The request body is ambiguous JSON: {error}.") from None
    except UnicodeDecodeError:
        raise invalid_request("The request body is not UTF-8.") from None
    except RecursionError:
        raise invalid_request("The request body is nested too deeply.") from None
    except (ValueError, IndexError):
        raise invalid_request("The request body is not a JSON object.") from None
    return JsonBody(raw, text, fields, spans)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _walk(text: str, position: int) -> tuple[dict[str, Any], dict[str, Span], int]:
    """Return the object at `position`: its fields, the spans of their values, and the position after it."""
    if text[position] != "{":
        raise ValueError("not an object")
    scan = _decoder.raw_decode
    fields: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    position = _skip(text, position + 1)
    if text[position] == "}":
        return fields, spans, position + 1
    while True:
        if text[position] != '"':
            raise ValueError("a name must be a string")
        name, position = scan(text, position)
        position = _skip(text, position)
        if text[position] != ":":
            raise ValueError("a colon is missing")
        start = _skip(text, position + 1)
        value, end = scan(text, start)
        if name in fields:
            raise _Ambiguous("a name occurs twice in an object")
        fields[name] = value
        spans[name] = (start, end)
        position = _skip(text, end)
        if text[position] == "}":
            return fields, spans, position + 1
        if text[position] != ",":
            raise ValueError("a comma is missing")
        position = _skip(text, position + 1)
