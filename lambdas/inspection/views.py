"""Decoded and normalised views of a text, in which a value may hide (L2.3): encoded, split over lines,
spaced or spelled out.

Each view is small and bounded; findings in a view are reported at the place it was derived from.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from string import ascii_lowercase, ascii_uppercase

from lambdas.inspection.candidates import Candidates
from lambdas.inspection.expressions import Expression
from lambdas.inspection.normalise import MappedText

MAX_RUNS = 2_000
MAX_DECODED = 65_536
MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class View:
    """A view: its text, how offsets map back, and the joints that a finding must cross to count (empty:
    any).
    """

    name: str
    mapped: MappedText
    joints: tuple[int, ...] = ()

    def crosses(self, start: int, end: int) -> bool:
        """Return whether the range contains a joint, or the view has none."""
        return not self.joints or any(start < joint < end for joint in self.joints)


# bytes that a text in UTF-8 begins with, and those that may follow
_TEXTUAL = bytes((9, 10, 13, *range(32, 127), *range(0xC2, 256)))
_FOLLOWING = bytes((*_TEXTUAL, *range(0x80, 0xC0)))


def _base64_of(first: bytes, second: bytes, third: bytes) -> str:
    """Return an expression for four base64 characters that encode three bytes, one of each set."""
    digits = f"{ascii_uppercase}{ascii_lowercase}0123456789"
    digits = [*digits, "+-", "/_"]
    places = (
        {one >> 2 for one in first},
        {high << 4 | low for high in {one & 3 for one in first} for low in {one >> 4 for one in second}},
        {high << 2 | low for high in {one & 15 for one in second} for low in {one >> 6 for one in third}},
        {one & 63 for one in third},
    )
    return "".join(f"[{re.escape(''.join(digits[place] for place in sorted(one)))}]" for one in places)


# a run of base64 whose first nine bytes may be those of a text: most names of programs are not
_OF_TEXT = _base64_of(_TEXTUAL, _TEXTUAL, _TEXTUAL)
_OF_SHORT_TEXT = _base64_of(_TEXTUAL, _FOLLOWING, _FOLLOWING)
_GOES_ON = _base64_of(_FOLLOWING, _FOLLOWING, _FOLLOWING)
_ENCODED = Expression(
    rf"(?<![A-Za-z0-9+/_-])(?:(?:{_OF_TEXT}){{3}}[A-Za-z0-9+/_-]*"
    rf"|{_OF_SHORT_TEXT}(?:{_GOES_ON}){{2}}[A-Za-z0-9+/_-]{{0,3}}(?![A-Za-z0-9+/_-]))={{0,2}}"
)
_FIRST_OF_RUN = 12  # characters
_BASE32 = Expression(r"(?<![A-Za-z0-9+/_=-])[A-Z2-7]{16,400}={0,6}(?![A-Za-z0-9+/_-])")
_HEX_RUN = Expression(r"[0-9A-Fa-f]{14,}")
_SPACED_HEX = Expression(r"[0-9A-Fa-f]{2}([ :])(?:[0-9A-Fa-f]{2}\1){5,}[0-9A-Fa-f]{2}")
_SPACED = Expression(r"(?<!\w)[0-9][ \t.·•_*-]{1,3}(?:[0-9][ \t.·•_*-]{1,3}){6,}[0-9](?!\w)")
_WORDS = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "null": "0", "eins": "1", "zwei": "2", "drei": "3", "vier": "4",
    "fünf": "5", "sechs": "6", "sieben": "7", "acht": "8", "neun": "9",
}  # fmt: skip
_WORD = rf"(?:{'|'.join(_WORDS)})"
_GAP = r"[ ,.\-]{1,3}(?:(?:dash|hyphen|space|dot|point|strich|punkt)[ ,]{1,2})?"
_SPELLED = Expression(rf"\b{_WORD}(?:{_GAP}{_WORD}){{6,}}\b", re.IGNORECASE)
# of expressions that are sought everywhere; a character beyond Latin-1 is a question mark there
HINTS = {
    "hex": r"[0-9A-Fa-f]{14}",
    "base32": r"[A-Z2-7]{16}",
    "spaced-hex": "|".join(r"SHHSHHSHHS".replace("HH", "[0-9A-Fa-f]{2}").replace("S", sign) for sign in " :"),
    "spaced-digits": r"[0-9][ \t.·?_*-]{1,3}(?:[0-9][ \t.·?_*-]{1,3}){6}[0-9]",
    "spelled-digits": rf"(?i)WORD(?:{_GAP}WORD){{2}}".replace("WORD", _WORD.replace("ü", "[üÜ]")),
}
_OF_VALUE = r"[A-Za-z0-9_@.+/?\x80-\xff-]"  # a character beyond Latin-1 is a question mark there
_INDENT = r"[ \t]{0,8}(?:[>*#|]{1,2} ?)?"
PLACES = {
    # the first characters of a run that `_ENCODED` matches, behind what is no part of one
    "encoded": rf"[^A-Za-z0-9+/_-](?:(?:{_OF_TEXT}){{3}}|{_OF_SHORT_TEXT}(?:{_GOES_ON}){{2}})",
    # a line break with a digit or an "@" in the word before or behind it: what `_BREAK` and `_parted` ask at
    # least
    "broken-behind": rf"[0-9@][^ ]{{0,39}}\n{_INDENT}{_OF_VALUE}",
    "broken-before": rf"{_OF_VALUE}\r?\n{_INDENT}[^ \n]{{0,39}}[0-9@]",
}


def decoded(text: str, candidates: Candidates, depth: int = 0) -> Iterator[View]:
    """Yield texts encoded in base64 or hexadecimal runs, placed on the whole run. `candidates`: of `HINTS`
    and `PLACES`.
    """
    hints = candidates.hints
    if depth >= MAX_DEPTH:
        return
    for match in islice(_encoded(text, candidates.places["encoded"]), MAX_RUNS):
        run, start = match.group(), match.start()
        # twelve and more letters of base64 without a capital are a name, a path or a word
        if not run.islower():
            for inner in _decode(run):
                yield View("encoded", MappedText(inner, [start] * len(inner), match.end()))
    for match in islice(_HEX_RUN.finditer(text) if "hex" in hints else (), MAX_RUNS):
        yield from _hexadecimal(match.group(), *match.span())
    for match in _BASE32.finditer(text) if "base32" in hints else ():
        yield from _base32(match.group(), *match.span())
    for match in _SPACED_HEX.finditer(text) if "spaced-hex" in hints else ():
        yield from _hexadecimal(match.group(), *match.span())


def _encoded(text: str, ends: Sequence[int] | None) -> Iterator[re.Match[str]]:
    """Yield runs of base64 that may be text. `ends`: where candidates end, if searched."""
    if ends is None:
        yield from _ENCODED.finditer(text)
        return
    for start in dict.fromkeys((0, *(end - _FIRST_OF_RUN for end in ends))):
        match = _ENCODED.match(text, start)
        if match:
            yield match


def _base32(run: str, start: int, end: int) -> Iterator[View]:
    body = run.rstrip("=")
    try:
        inner = _printable(base64.b32decode(body + "=" * (-len(body) % 8)))
    except ValueError:
        return
    if inner:
        yield View("encoded", MappedText(inner, [start] * len(inner), end))


def _hexadecimal(run: str, start: int, end: int) -> Iterator[View]:
    compact = run.replace(" ", "").replace(":", "")
    inner = _printable(bytes.fromhex(compact[: len(compact) // 2 * 2][: MAX_DECODED * 2]))
    if inner:
        yield View("encoded", MappedText(inner, [start] * len(inner), end))


def _decode(raw: str) -> Iterator[str]:
    body = raw.rstrip("=")
    standard = body.replace("-", "+").replace("_", "/")[: MAX_DECODED * 4 // 3]
    if len(standard) % 4 == 1:
        standard = standard[:-1]
    # a first glance at twelve bytes spares decoding what is not text
    try:
        if len(standard) >= 16 and not _looks_textual(binascii.a2b_base64(standard[:16])):
            return
        plain = binascii.a2b_base64(standard + "=" * (-len(standard) % 4))
    except (binascii.Error, ValueError):
        return
    text = _printable(plain)
    if text:
        yield text


def _looks_textual(head: bytes) -> bool:
    return not head.translate(None, _TEXTUAL)


def _printable(data: bytes) -> str:
    if not data or len(data) < 6:
        return ""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-16-le", errors="replace") if data[1:2] == b"\0" else ""
    if not text or sum(character.isprintable() or character in "\t\n\r" for character in text) < 0.95 * len(
        text
    ):
        return ""
    return text


def rearranged(text: str, candidates: Candidates, *, program: bool = False) -> Iterator[View]:
    """Yield the text with line breaks and markup inside values removed, and spaced or spelled digits
    joined.

    `candidates`: of `HINTS` and `PLACES`. A `program` consists of such signs, which are kept.
    """
    yield from _joined("joined-lines", text, _line_breaks(text, candidates))
    if not program:
        yield from _joined("joined-text", text, _marks(text))
    for match in _SPACED.finditer(text) if "spaced-digits" in candidates.hints else ():
        yield from _digits(match, "spaced-digits")
    for match in _SPELLED.finditer(text) if "spelled-digits" in candidates.hints else ():
        yield from _digits(match, "spelled-digits")


# a line break with what may be a value's halves on both sides, behind the lead of a quoted or listed line
_BREAK = Expression(r"\n(?:(?<=[\w@.+/-]\n)|(?<=[\w@.+/-]\r\n))[ \t]{0,8}(?:[>*#|]{1,2} ?)?(?=[\w@.+/-])")
_AROUND = 512  # characters on both sides of a break: no value that spans one reaches farther with its keyword


# what markup and programs put between two halves of a value: emphasis, an element, the sign that joins two
# strings
_MARK = Expression(
    r"(?:\*{1,3}|~~|`|</?[a-zA-Z][^<>\n]{0,40}>|<!--[^>\n]{0,40}-->|[\"'] ?(?:\+|\.|&|\|\||\.\.) ?[\"']){1,3}"
    r"(?= ?[\w@.+/-])"
)
_TWO_DIGITS = Expression(r"[0-9][^0-9]*[0-9]")
# a text without any of these holds no such mark; that is checked in microseconds
_MARK_SIGNS = tuple("*~`<") + tuple(
    f"{quote}{blank}{sign}" for quote in "\"'" for blank in ("", " ") for sign in ("+", ".", "&", "|")
)


def _line_breaks(text: str, candidates: Candidates) -> Iterator[tuple[int, int]]:
    before, behind = (candidates.places[name] for name in ("broken-before", "broken-behind"))
    if before is None or behind is None:
        matches = _BREAK.finditer(text)
    else:
        breaks = sorted({text.rfind("\n", 0, end) for end in (*before, *behind)})
        matches = (match for place in breaks if place >= 0 and (match := _BREAK.match(text, place)))
    for match in matches:
        left, right = match.span()
        if right - left == 2 and text[right - 1] == " " and text[right].isdigit():
            right -= 1  # the blank between two groups of digits
        yield (left - 1 if text[left - 1] == "\r" else left), right


def _marks(text: str) -> Iterator[tuple[int, int]]:
    if not any(sign in text for sign in _MARK_SIGNS) or not ("@" in text or _TWO_DIGITS.search(text)):
        return  # `_parted` asks for one or the other
    for match in _MARK.finditer(text):
        left = match.start()
        before = text[max(0, left - 2) : left]
        if (
            before[-1:].isalnum()
            or before[-1:] in tuple("@.+/-_")
            or (before[-1:] == " " and before[0].isdigit())
        ):
            yield match.span()


def _joined(name: str, text: str, places: Iterator[tuple[int, int]]) -> Iterator[View]:
    """Yield the surroundings of places that may split a value, with these removed."""
    breaks: list[tuple[int, int]] = []
    for left, right in places:
        if _parted(text, left, right):
            if breaks and left - breaks[-1][1] > 2 * _AROUND:
                yield _closed(name, text, breaks)
                breaks = []
            breaks.append((left, right))
    if breaks:
        yield _closed(name, text, breaks)


def _closed(name: str, text: str, breaks: Sequence[tuple[int, int]]) -> View:
    pieces: list[str] = []
    starts: list[int] = []
    joints: list[int] = []
    position = max(0, breaks[0][0] - _AROUND)
    for left, right in breaks:
        pieces.append(text[position:left])
        starts.extend(range(position, left))
        joints.append(len(starts))
        position = right
    end = min(len(text), position + _AROUND)
    pieces.append(text[position:end])
    starts.extend(range(position, end))
    return View(name, MappedText("".join(pieces), starts, end), tuple(joints))


_DECORATOR = Expression(r"@[\w.]+\(")
# the line below begins with a field of its own: "name=value", "name:"
_NEXT_FIELD = Expression(r"[A-Za-z][\w.-]{1,40}(?:\s?=[^=]|:\s)")


def _parted(text: str, left: int, right: int) -> bool:
    """Return whether the words on both sides of a break may be one value: an address, digits, halves of a
    key.
    """
    before = text[max(0, left - 40) : left].rstrip(" ").rpartition(" ")[2]
    after = text[right : right + 40].lstrip(" ").partition(" ")[0].partition("\n")[0]
    if "@" in before or "@" in after:
        return not _DECORATOR.match(text, right) and not (before.startswith("@") and after.startswith("@"))
    if _NEXT_FIELD.match(text, right):
        return False
    digits = sum(map(str.isdigit, before)) + sum(map(str.isdigit, after))
    if before[-1:].isalpha() and after[:1].isalpha():
        # the halves of a key: both have digits, or together they are long
        return digits >= 2 and len(before) + len(after) >= 14
    return digits >= 4


def _digits(match: re.Match[str], name: str) -> Iterator[View]:
    """Yield the digits of a row joined, and with the hyphens and dots between their groups."""
    raw = match.group()
    start, end = match.span()
    if name == "spelled-digits":
        parts = [_WORDS.get(word.lower()) or _SIGNS.get(word.lower(), "") for word in re.findall(r"\w+", raw)]
    else:
        parts = [part.strip() if len(part) > 1 else part.replace(" ", "") for part in _PIECES.findall(raw)]
    grouped = "".join(parts)
    digits = "".join(character for character in grouped if character.isdigit())
    context = match.string[max(0, start - 60) : start]
    for form in dict.fromkeys(
        (digits, grouped) if 0 < len(grouped) - len(digits) <= _MOST_SIGNS else (digits,)
    ):
        text = context + form
        starts = [*range(start - len(context), start), *([start] * len(form))]
        yield View(name, MappedText(text, starts, end), (len(context) + 1,))


_PIECES = Expression(r"[0-9]|[^0-9]+")
_MOST_SIGNS = 4  # a sign between all digits groups nothing
_SIGNS = {"dash": "-", "hyphen": "-", "dot": ".", "point": ".", "strich": "-", "punkt": "."}
