"""Other readings of a text, in which a value may hide: encoded, split over lines, spaced or spelled out
(L2.3).

Each view is small and bounded; what is found in one is reported at the place it was read from.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lambdas.inspection.expressions import Hit
from lambdas.inspection.normalise import MappedText

MAX_RUNS = 2_000
MAX_DECODED = 65_536
MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class View:
    """A reading: its text, how offsets lead back, and the joints that a finding must cross to count (empty:
    any).
    """

    name: str
    mapped: MappedText
    joints: tuple[int, ...] = ()

    def crosses(self, start: int, end: int) -> bool:
        """Whether the range holds a joint, or the view has none."""
        return not self.joints or any(start < joint < end for joint in self.joints)


_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_BASE32_HINT = re.compile(r"[A-Z2-7]{16}")
_BASE32 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Z2-7]{16,400}={0,6}(?![A-Za-z0-9+/_-])")
_HEX_RUN = re.compile(r"[0-9A-Fa-f]{14,}")
_SPACED_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]){6,}[0-9A-Fa-f]{2}")
# two expressions that begin with a sign are searched for much faster than one that begins with a choice
_SPACED_HEX_HINTS = tuple(re.compile(rf"{sign}[0-9A-Fa-f]{{2}}[ :][0-9A-Fa-f]{{2}}[ :]") for sign in " :")
# a text is searched for the bare row first, which is quicker than asking what stands before each digit
_SPACED_ROW = re.compile(r"[0-9][ \t.·•_*-]{1,3}(?:[0-9][ \t.·•_*-]{1,3}){6,}[0-9]")
_SPACED = re.compile(rf"(?<!\w){_SPACED_ROW.pattern}(?!\w)")
_WORDS = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "null": "0", "eins": "1", "zwei": "2", "drei": "3", "vier": "4",
    "fünf": "5", "sechs": "6", "sieben": "7", "acht": "8", "neun": "9",
}  # fmt: skip
_WORD = rf"(?:{'|'.join(_WORDS)})"
# what `rearranged` wants to know of a text
LITERALS = tuple((word, word) for word in _WORDS)
_SPELLED = re.compile(
    rf"\b{_WORD}(?:[ ,.\-]{{1,3}}(?:(?:dash|hyphen|space|dot|point|strich|punkt)[ "
    rf",]{{1,2}})?{_WORD}){{6,}}\b",
    re.IGNORECASE,
)


def decoded(text: str, depth: int = 0) -> Iterator[View]:
    """Texts that base64 or hexadecimal runs stand for; placed on the whole run."""
    if depth >= MAX_DEPTH:
        return
    for match in islice(_ENCODED.finditer(text), MAX_RUNS):
        run, start = match.group(), match.start()
        # twelve and more letters of base64 without a capital are a name, a path or a word
        if run[0] in _TEXTUAL_HEADS and not run.islower():
            for inner in _decode(run):
                yield View("encoded", MappedText(inner, [start] * len(inner), match.end()))
        if match.end() - start >= 14:
            for digits in _HEX_RUN.finditer(run):
                yield from _hexadecimal(digits.group(), start + digits.start(), start + digits.end())
    for match in _BASE32.finditer(text) if _BASE32_HINT.search(text) else ():
        yield from _base32(match.group(), *match.span())
    if any(hint.search(text) for hint in _SPACED_HEX_HINTS):
        for match in _SPACED_HEX.finditer(text):
            yield from _hexadecimal(match.group(), *match.span())


# what base64 of a text can begin with: its first six bits are those of a printable character, of a tab or a
# line break, or of the first byte of a longer character
_TEXTUAL_HEADS = frozenset("CDIJKLMNOPQRSTUVWXYZabcdefwxyz0123456789+/-_")


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


_TEXTUAL = bytes((9, 10, 13, *range(32, 127), *range(0xC2, 256)))


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


def rearranged(text: str, hits: Sequence[Hit], *, program: bool = False) -> Iterator[View]:
    """The text with line breaks and markup inside values closed, and runs of spaced or spelled digits written
    together. `hits`: where the `LITERALS` occur in it. A `program` is made of such signs: they are left
    there.
    """
    yield from _joined("joined-lines", text, _line_breaks(text))
    if not program:
        yield from _joined("joined-text", text, _marks(text))
    if _SPACED_ROW.search(text):
        for match in _SPACED.finditer(text):
            yield from _digits(match, "spaced-digits")
    for begin, end in _rows_of_words(hits):
        for match in _SPELLED.finditer(text, begin, min(len(text), end + 1)):
            yield from _digits(match, "spelled-digits")


_FEWEST_WORDS = 7
_WIDEST_GAP = 12  # characters between two words: a comma, "dash"


def _rows_of_words(hits: Sequence[Hit]) -> Iterator[tuple[int, int]]:
    """Where words for digits follow one another."""
    begin = count = last = 0
    for start, end, _ in hits:
        if count and start - last <= _WIDEST_GAP:
            count += 1
        else:
            if count >= _FEWEST_WORDS:
                yield begin, last
            begin, count = start, 1
        last = max(last, end) if count > 1 else end
    if count >= _FEWEST_WORDS:
        yield begin, last


# a line break with what may be a value's halves on both sides, behind the lead of a quoted or listed line
_BREAK = re.compile(r"\n(?:(?<=[\w@.+/-]\n)|(?<=[\w@.+/-]\r\n))[ \t]{0,8}(?:[>*#|]{1,2} ?)?(?=[\w@.+/-])")
_AROUND = 512  # characters on both sides of a break: no value that spans one reaches farther with its keyword


# what markup and programs put between two halves of a value: emphasis, an element, the sign that joins two
# strings
_MARK = re.compile(
    r"(?:\*{1,3}|~~|`|</?[a-zA-Z][^<>\n]{0,40}>|<!--[^>\n]{0,40}-->|[\"'] ?(?:\+|\.|&|\|\||\.\.) ?[\"']){1,3}"
    r"(?= ?[\w@.+/-])"
)
# a text without any of these holds no such mark; that is checked in microseconds
_MARK_SIGNS = tuple("*~`<") + tuple(
    f"{quote}{blank}{sign}" for quote in "\"'" for blank in ("", " ") for sign in ("+", ".", "&", "|")
)


def _line_breaks(text: str) -> Iterator[tuple[int, int]]:
    for match in _BREAK.finditer(text):
        left, right = match.span()
        if right - left == 2 and text[right - 1] == " " and text[right].isdigit():
            right -= 1  # the blank between two groups of digits
        yield (left - 1 if text[left - 1] == "\r" else left), right


def _marks(text: str) -> Iterator[tuple[int, int]]:
    if not any(sign in text for sign in _MARK_SIGNS):
        return
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
    """What stands around places that may part a value, with these closed."""
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


_DECORATOR = re.compile(r"@[\w.]+\(")
# the line below begins with a field of its own: "name=value", "name:"
_NEXT_FIELD = re.compile(r"[A-Za-z][\w.-]{1,40}(?:\s?=[^=]|:\s)")


def _parted(text: str, left: int, right: int) -> bool:
    """Whether the words on both sides of a break may be one value: an address, digits, halves of a key."""
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
    """The digits of a row written together, and with the hyphens and dots between their groups."""
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


_PIECES = re.compile(r"[0-9]|[^0-9]+")
_MOST_SIGNS = 4  # a sign between all digits groups nothing
_SIGNS = {"dash": "-", "hyphen": "-", "dot": ".", "point": ".", "strich": "-", "punkt": "."}
