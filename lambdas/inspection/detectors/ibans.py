"""International bank account numbers."""

import re
from collections.abc import Iterator, Sequence

from lambdas.inspection.detectors.reading import Context
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span


def mod97(iban: str) -> bool:
    """Return whether an IBAN, without spaces and in upper case, passes the check of ISO 13616."""
    rearranged = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25,
    "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


def ibans(context: Context) -> Iterator[Span]:
    """Yield account numbers by check digits, or by a keyword."""
    text = context.text
    for found in _heads(text, context.places["iban"]):
        start, head = found.start(), found.group()
        if start and (text[start - 1].isalnum() or text[start - 1] in "_/+="):
            continue
        length = _IBAN_LENGTHS.get(head[:2].upper(), 0)
        end, compact = _collect(text, start, length)
        whole = len(compact) == length and not text[end : end + 1].isalnum()
        if length and len(compact) == length and mod97(compact):
            if whole:
                yield Span("IBAN", start, end, 1.0, "iban-checksum")
        elif context.before("iban", start, 40):
            run = _IBAN_RUN.match(text, start)
            if run and sum(map(str.isalnum, run.group())) >= 12:
                yield Span("IBAN", start, run.end(), 0.8, "iban-keyword")
        elif length and whole and head[:2].isupper() and context.before("account", start, 30):
            yield Span("IBAN", start, end, 0.9, "account-keyword")  # mistyped, but of the country's length


_HEAD = Expression(r"[A-Za-z]{2}[0-9]{2}")
_FEWEST_BEHIND = 8  # characters behind the country and the check digits
# where so many characters of a number end; the underscore before it may be emphasis
PLACES = {"iban": rf"(?:^|[^A-Za-z0-9])[A-Za-z]{{2}}[0-9]{{2}}(?:[ -]?[A-Za-z0-9]){{{_FEWEST_BEHIND}}}"}


def _heads(text: str, ends: Sequence[int] | None) -> Iterator[re.Match[str]]:
    """Yield countries with check digits. `ends`: where candidates of `PLACES` end, if searched."""
    if ends is None:
        yield from _HEAD.finditer(text)
        return
    done = 0
    for end in ends:
        for match in _HEAD.finditer(text, max(done, end - 4 - 2 * _FEWEST_BEHIND), end):
            done = match.end()
            yield match


_IBAN_RUN = Expression(r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,26}){1,8}")


def _collect(text: str, start: int, count: int) -> tuple[int, str]:
    """Return the first `count` letters and digits from `start`, skipping single spaces or hyphens between
    them.
    """
    kept: list[str] = []
    position = start
    gap = 0
    while position < len(text) and len(kept) < count:
        character = text[position]
        if character.isascii() and character.isalnum():
            kept.append(character.upper())
            gap = 0
        elif character in " -" and not gap:
            gap = 1
        else:
            break
        position += 1
    return position, "".join(kept)
