"""Normalisation of texts to what a reader sees, with a mapping of every offset back to the original (L2.3).

Normalised are zero-width and tag characters, full-width and mathematical forms, look-alike letters of other
alphabets, digits of other scripts, unusual spaces and hyphens, URL, HTML and backslash escapes, "[at]" and
"[dot]".
"""

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lambdas.inspection.expressions import Expression


@dataclass(frozen=True, slots=True)
class MappedText:
    """A text derived from another one. `starts[i]` is the origin of character `i`; None means identical
    offsets.
    """

    text: str
    starts: Sequence[int] | None
    origin_length: int

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the half-open range of the original text that became `start` to `end`."""
        if self.starts is None:
            return start, end
        first = self.starts[start] if start < len(self.starts) else self.origin_length
        if end >= len(self.starts):
            return first, self.origin_length
        # the end is where the next character begins, so that a disguise at the end belongs to the value
        last = self.starts[end - 1] + 1 if end > start else first
        return first, max(last, min(self.starts[end], self.origin_length))


class Origins(Sequence[int]):
    """Origins of the characters of a text made of pieces of another one; few are ever looked up."""

    def __init__(self, base: Sequence[int] | None) -> None:
        self._base = base
        self._begins: list[int] = []
        self._shifts: list[int] = []
        self._length = 0

    def add(self, begin: int, end: int) -> None:
        """Add the next piece, by its range in the other text."""
        self._begins.append(self._length)
        self._shifts.append(begin - self._length)
        self._length += end - begin

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(self._length))]
        place = index + self._shifts[bisect_right(self._begins, index) - 1]
        return place if self._base is None else self._base[place]


_LOOKALIKES = str.maketrans(
    # Cyrillic
    "АВЕЗКМНОРСТУХаеорсухіјѕԁԛԝһ"
    # Greek
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανκιρ",
    "ABE3KMHOPCTYXaeopcyxijsdqwhABEZHIKMNOPTYXoavkip",
)
_HYPHENS = "‐‑‒–—―−﹘﹣－⁃"
_INVISIBLE_RANGES = Expression(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
    # marks drawn over or through the letter before
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)


class _CharacterTable(dict[int, str]):
    """Cache of each character's normal form, so that the common case is one look-up."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        result = _plain(character)
        if len(self) < 20_000:
            self[code] = result
        return result


def _plain(character: str) -> str:
    if character < "\x80":
        return character
    if _INVISIBLE_RANGES.match(character):
        return ""
    if character in _HYPHENS:
        return "-"
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"  # half a character: valid in JSON, nowhere else
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if character.isspace():
        return " "
    if character == "’" or character == "‘":
        return "'"
    return unicodedata.normalize("NFKC", character).translate(_LOOKALIKES) or character


_TABLE = _CharacterTable()
# one expression for each sign, which it begins with: a search for a plain character costs next to nothing
_ESCAPES = (
    Expression(r"%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*"),
    Expression(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"),
    Expression(r"\\(?:u\{?[0-9A-Fa-f]{4,6}\}?|x[0-9A-Fa-f]{2}|[01][0-7]{2}(?:\\[01][0-7]{2}){2,})"),
)
# "[at]", "( dot )": two with a blank before them, so that it goes with them
_BRACKETED = tuple(
    Expression(rf"{re.escape(bracket)} ?(?i:at|dot|punkt|arroba) ?[\])}}>]") for bracket in "[({<"
)
_MAX_ESCAPE_LEVELS = 3


def _escapes(text: str) -> list[tuple[int, int]]:
    """Return the ranges of escapes in ascending order."""
    found = [match.span() for escape in _ESCAPES for match in escape.finditer(text)]
    for bracketed in _BRACKETED:
        for match in bracketed.finditer(text):
            start, end = match.span()
            start -= start > 0 and text[start - 1] == " "
            found.append((start, end + (text[end : end + 1] == " ")))
    found.sort()
    return found


_FEW = 8  # different characters: beyond, one pass over the text is quicker than one replacement for each


def _translated(text: str, changed: Sequence[str]) -> str:
    forms = {character: _TABLE[ord(character)] for character in changed}
    if len(forms) > _FEW or any(form in forms for form in forms.values()):
        return text.translate(_TABLE)
    for character, form in forms.items():
        text = text.replace(character, form)
    return text


def _origins(text: str, resized: Sequence[str]) -> Origins:
    """Return the origins where these characters have a normal form of none, two or more characters."""
    origins = Origins(None)
    position = 0
    for place in sorted(place for character in resized for place in _each(text, character)):
        if place > position:
            origins.add(position, place)
        for _ in _TABLE[ord(text[place])]:
            origins.add(place, place + 1)
        position = place + 1
    if len(text) > position:
        origins.add(position, len(text))
    return origins


def _each(text: str, character: str) -> Iterator[int]:
    place = text.find(character)
    while place >= 0:
        yield place
        place = text.find(character, place + 1)


def _unescape(escape: str) -> str:
    head = escape[0]
    if head == "%":
        decoded = unquote(escape, errors="replace")
        return escape if "\ufffd" in decoded else decoded
    if head == "&":
        return html.unescape(escape)
    if head == "\\" and escape[1] in "01":
        return "".join(chr(int(code, 8)) for code in escape[1:].split("\\"))
    if head == "\\":
        code = int(escape[2:].strip("{}"), 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else escape
    word = escape.strip(" [](){}<>").lower()
    return "@" if word in ("at", "arroba") else "."


def _replace_escapes(mapped: MappedText, escapes: Sequence[tuple[int, int]]) -> MappedText:
    text, starts = mapped.text, mapped.starts
    pieces: list[str] = []
    origins = Origins(starts)
    position = 0

    def keep(begin: int, end: int) -> None:
        if end > begin:
            pieces.append(text[begin:end])
            origins.add(begin, end)

    for start, end in escapes:
        begin = max(start, position)  # two may share the blank between them
        keep(position, begin)
        replacement = _unescape(text[begin:end])
        if not replacement.isascii():
            replacement = "".join(_TABLE[ord(character)] for character in replacement)
        width = end - begin
        pieces.append(replacement)
        for index in range(len(replacement)):
            place = begin + (index * width) // len(replacement)
            origins.add(place, place + 1)
        position = end
    keep(position, len(text))
    return MappedText("".join(pieces), origins, mapped.origin_length)


def normalise(text: str) -> MappedText:
    """Return the normalised text. Plain ASCII without escapes is returned unchanged, in microseconds."""
    length = len(text)
    if text.isascii():
        mapped = MappedText(text, None, length)
    else:
        strange = {character for character in set(text) if character > "\x7f"}
        changed = [character for character in strange if _TABLE[ord(character)] != character]
        plain = _translated(text, changed)
        resized = [character for character in changed if len(_TABLE[ord(character)]) != 1]
        mapped = MappedText(plain, _origins(text, resized) if resized else None, length)
    for _ in range(_MAX_ESCAPE_LEVELS):
        escapes = _escapes(mapped.text)
        if not escapes:
            break
        replaced = _replace_escapes(mapped, escapes)
        if replaced.text == mapped.text:
            break
        mapped = replaced
    return mapped


# letters of scripts that are not relatives of Latin: beside them a word in Latin letters begins and ends
_OTHER_SCRIPTS = Expression(
    "[\u0590-\u1dff\u2c00-\u2dff\u2e80-\udfff\uf900-\ufdff\ufe70-\uffef\U00010000-\U000fffff]+"
)
_FIRST_OF_OTHERS = "\u0590"
NO_LETTER = "\u3001"  # of one character, as each letter is, so that offsets stay true


def joins(character: str) -> bool:
    """Return whether a word in Latin letters continues with this character; words of other scripts are
    separate.
    """
    return character.isalpha() and character < _FIRST_OF_OTHERS


def latin_only(text: str, kept: Expression) -> str:
    """Return the text with letters of other scripts replaced by a sign, one by one, except for words of
    `kept`.

    Values are written in Latin letters and digits, and scripts without spaces are directly beside them:
    "番号は4539…です". To Python each of these letters is `\\w` and `isalnum`, so to an expression the value
    would not begin there.
    """
    if text.isascii():
        return text
    return _OTHER_SCRIPTS.sub(lambda match: _signs(match.group(), kept), text)


# emphasis around a value: "_4539 …_"; around a plain word it hides nothing
_EMPHASISED = Expression(r"(?<![A-Za-z0-9_])(_{1,3})(?=[^\s_])([^\n]{4,160}?)(?<=[^\s_])\1(?![A-Za-z0-9_])")


def without_emphasis(text: str) -> str:
    """Return the text with underscores around a value replaced by a sign."""
    if "_" not in text:
        return text
    return _EMPHASISED.sub(_plain_emphasis, text)


def _plain_emphasis(match: re.Match[str]) -> str:
    mark, inner = match.groups()
    if sum(map(str.isdigit, inner)) < 2 and "@" not in inner and len(inner) < 16:
        return match.group()
    return NO_LETTER * len(mark) + inner + NO_LETTER * len(mark)


def _signs(run: str, kept: Expression) -> str:
    pieces: list[str] = []
    position = 0
    for word in kept.finditer(run):
        pieces.append(NO_LETTER * (word.start() - position) + word.group())
        position = word.end()
    return "".join(pieces) + NO_LETTER * (len(run) - position)
