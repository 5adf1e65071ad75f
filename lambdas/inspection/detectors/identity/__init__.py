"""Identity numbers of states, insurers and tax offices, confirmed by a nearby keyword and check digits
(L2.3).

Each has one declaration, by part of the world: issuer, keywords (in the local languages), shape, check,
published examples. The shape alone never counts. The tests verify the checks with python-stdnum.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from lambdas.inspection.detectors.identity import (
    americas,
    asia,
    british_isles,
    eastern_europe,
    france_benelux,
    germany_austria_switzerland,
    northern_europe,
    oceania_africa_middle_east,
    southern_europe,
)
from lambdas.inspection.detectors.identity.declared import IdentityNumber, as_read
from lambdas.inspection.expressions import Expression, Hit
from lambdas.inspection.findings import DataClass, Span
from lambdas.inspection.normalise import joins

_AFTER = 64  # characters between a keyword and its number
_BEFORE = 24  # characters between a number and the keyword behind it: "12345678Z (DNI)"

NUMBERS: tuple[IdentityNumber, ...] = (
    *germany_austria_switzerland.NUMBERS,
    *france_benelux.NUMBERS,
    *southern_europe.NUMBERS,
    *northern_europe.NUMBERS,
    *eastern_europe.NUMBERS,
    *british_isles.NUMBERS,
    *americas.NUMBERS,
    *asia.NUMBERS,
    *oceania_africa_middle_east.NUMBERS,
)
_OF_BUSINESS = ("NPI", "AU_ABN", "BR_CNPJ")
LEVELS: Mapping[str, DataClass] = {
    one.type: DataClass.INTERNAL if one.type in _OF_BUSINESS else DataClass.RESTRICTED for one in NUMBERS
}
BY_TYPE: Mapping[str, IdentityNumber] = {one.type: one for one in NUMBERS}
_GENERAL = "*"  # stands for every number that is sure
_GENERAL_WORDS = as_read(
    "national id|national id number|national id no|national identity number|national identification number"
    "|personal identification number|personal identity number|personal id|identity number|id number"
    "|citizen id|tax id|tax number|tax identification number|taxpayer id|social security number"
    "|social insurance number|identity card"
)
_SURE = tuple(one for one in NUMBERS if one.sure)
# what `detect` wants to know of a text
LITERALS = (
    *((word, one.type) for one in NUMBERS for word in one.keywords),
    *((word, _GENERAL) for word in _GENERAL_WORDS),
)
_SEPARATORS = Expression(r"[^A-Za-z0-9]")
_DIGITS = Expression("[0-9]{2}")
_STOP = Expression(r"\n\s*\n")
_EUROPEAN_UNION = frozenset(
    ("at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu", "ie", "it", "lt",
     "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk")
)  # fmt: skip


def countries(regions: frozenset[str]) -> frozenset[str]:
    """Return regions as countries: `eu` stands for its members."""
    return regions - {"eu"} | (_EUROPEAN_UNION if "eu" in regions else frozenset())


def detect(text: str, lower: str, hits: Iterable[Hit], regions: frozenset[str] = frozenset()) -> list[Span]:
    """Return numbers with a nearby keyword.

    `hits`: where the `LITERALS` occur; `regions`: only theirs, if any are given (`de`, `uk`, …). A general
    keyword counts only if there is no specific one.
    """
    found: list[Span] = []
    general: list[tuple[int, int]] = []
    for start, end, kind in hits:
        if not _DIGITS.search(text, max(0, start - 2 * _BEFORE), end + _AFTER) or not _is_word(
            lower, start, end
        ):
            continue
        if kind == _GENERAL:
            general.append((start, end))
        elif not regions or BY_TYPE[kind].regions & regions:
            found.extend(_beside(text, BY_TYPE[kind], start, end))
    named = [(one.start, one.end) for one in found]
    for start, end in general:
        for number in _SURE:
            if not regions or number.regions & regions:
                found.extend(
                    one
                    for one in _beside(text, number, start, end)
                    if not any(one.start < stop and begin < one.end for begin, stop in named)
                )
    return found


def _is_word(lower: str, start: int, end: int) -> bool:
    if start and joins(lower[start]) and (joins(lower[start - 1]) or lower[start - 1].isdigit()):
        return False
    rest = lower[end : end + 2]
    return not (rest and joins(lower[end - 1]) and joins(rest[0]) and rest not in ("s ", "s:", "n ", "e "))


def _beside(text: str, number: IdentityNumber, start: int, end: int) -> Iterator[Span]:
    limit = min(len(text), end + _AFTER + 24)
    for match in number.shape.finditer(text, end, limit):
        if match.start() - end > _AFTER or _STOP.search(text, end, match.start()):
            break
        if number.check(_compact(match)):
            yield Span(number.type, *match.span(), 1.0, "identity-number")
            return
    for match in number.shape.finditer(text, max(0, start - _BEFORE - 24), start):
        near = start - match.end() <= _BEFORE and not _STOP.search(text, match.end(), start)
        if near and number.check(_compact(match)):
            yield Span(number.type, *match.span(), 0.9, "identity-number")
            return


def _compact(match: re.Match[str]) -> str:
    return _SEPARATORS.sub("", match.group()).upper()
