"""Runs of digits, and which kind of number each is."""

import re
from collections.abc import Iterator, Sequence

from lambdas.inspection.detectors.cards import card
from lambdas.inspection.detectors.identity.checks import luhn, verhoeff
from lambdas.inspection.detectors.network_addresses import ip4
from lambdas.inspection.detectors.reading import Context
from lambdas.inspection.detectors.social_security import social_security
from lambdas.inspection.detectors.telephones import telephone
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span


def weighted(digits: str, weights: tuple[int, ...], modulus: int) -> int:
    """Return the weighted sum of digits, modulo."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % modulus


def nhs_number(digits: str) -> bool:
    """Return whether it is a UK NHS number: ten digits, modulo 11."""
    remainder = 11 - weighted(digits[:9], (10, 9, 8, 7, 6, 5, 4, 3, 2), 11)
    return len(digits) == 10 and (0 if remainder == 11 else remainder) == int(digits[9])


def aba_routing(digits: str) -> bool:
    """Return whether it is a US bank routing number: nine digits, weights 3-7-1, an existing district."""
    return (
        len(digits) == 9
        and weighted(digits, (3, 7, 1, 3, 7, 1, 3, 7, 1), 10) == 0
        and (0 < int(digits[:2]) <= 12 or 21 <= int(digits[:2]) <= 32 or 61 <= int(digits[:2]) <= 72)
    )


def npi_number(digits: str) -> bool:
    """Return whether it is a US National Provider Identifier: Luhn with the prefix 80840."""
    return len(digits) == 10 and luhn("80840" + digits)


_MOST_DIGITS = 19  # no number of anybody has more
_SHORTEST = 7  # characters: a shorter run is no number of anybody
# where so many characters of a run end
PLACES = {"run": rf"[0-9][0-9 \-./()]{{{_SHORTEST - 1}}}"}
_RUN = Expression(r"[0-9](?:[0-9]|[ \-./()]{1,3}(?=[0-9(])|\((?=[0-9]))*")
_OF_RUNS = frozenset("0123456789 -./()")
_STRETCH = Expression(r"[0-9 \-./()]*")


def runs(text: str, ends: Sequence[int] | None) -> list[tuple[int, int]]:
    """Return runs of digits with separators, of seven characters and more.

    `ends`: where candidates of `PLACES` end, if searched.
    """
    if ends is None:
        return _runs_between(text, 0, len(text))
    found: list[tuple[int, int]] = []
    done = 0
    for end in ends:
        if end <= done:
            continue
        begin = end - _SHORTEST
        while begin > done and text[begin - 1] in _OF_RUNS:
            begin -= 1
        stretch = _STRETCH.match(text, begin)
        done = stretch.end() if stretch else end
        found += _runs_between(text, begin, done)
    return found


def _runs_between(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    spans = (match.span() for match in _RUN.finditer(text, begin, end))
    return [(first, last) for first, last in spans if last - first >= _SHORTEST]


def clusters(context: Context) -> Iterator[Span]:
    """Judge every run, first as a whole, then in parts."""
    text = context.text
    for start, end in context.runs:
        yield from _cluster(context, start, end, text[start:end])


def _cluster(context: Context, start: int, end: int, raw: str, *, whole: bool = True) -> Iterator[Span]:
    text = context.text
    groups = re.findall(r"\d+", raw)
    digits = "".join(groups)
    n = len(digits)
    if n > _MOST_DIGITS:
        if whole and len(groups) > 1:
            yield from _parts(context, start, raw)
        return
    before = text[start - 1] if start else " "
    after = text[end : end + 1]
    named = before == "_" and any(context.before(group, start - 1, 0) for group in ("ssn", "card"))
    glued = before.isalnum() or (before == "_" and not named) or after.isalnum() or after == "_"
    address = ip4(context, start, end, raw, groups)
    if address:
        yield address
        return
    if not glued:
        for test in (card, social_security):
            span = test(context, start, end, raw, digits, groups)
            if span:
                yield span
                return
        keyed = _keyed_number(context, start, end, digits, groups)
        if keyed:
            yield keyed
            return
    if n >= 6:
        span = telephone(context, start, end, raw, digits, groups)
        if span:
            yield span
            return
    if whole and len(groups) > 1:
        yield from _parts(context, start, raw)


def _parts(context: Context, start: int, raw: str) -> Iterator[Span]:
    """Yield values in a run that is nothing as a whole: several side by side, separated by spaces or dots."""
    pieces = [(m.start(), m.end()) for m in re.finditer(r"[\d\-./()]*\d", raw)]
    position = 0
    while position < len(pieces):
        for stop in range(min(len(pieces), position + 5), position, -1):
            begin, finish = pieces[position][0], pieces[stop - 1][1]
            if begin == 0 and finish == len(raw):
                continue
            piece = raw[begin:finish]
            offset = len(piece) - len(piece.lstrip("-./() "))
            piece = piece.strip("-./ ").lstrip(")")
            if len(piece) < 7:
                continue
            spans = list(
                _cluster(
                    context, start + begin + offset, start + begin + offset + len(piece), piece, whole=False
                )
            )
            if spans:
                yield from spans
                position = stop - 1
                break
        position += 1


def _keyed_number(context: Context, start: int, end: int, digits: str, groups: list[str]) -> Span | None:
    """Return a number whose checksum alone is too weak: with a keyword anywhere near, or directly before."""
    n = len(digits)

    def near(group: str, reach: int) -> bool:
        return context.before(group, start, reach)

    if n == 12 and (len(groups) in (1, 3)) and near("aadhaar", 60):
        return Span("IN_AADHAAR", start, end, 1.0, "aadhaar")
    if n == 12 and [len(g) for g in groups] == [4, 4, 4] and verhoeff(digits) and digits[0] not in "01":
        return (
            Span("IN_AADHAAR", start, end, 0.6, "aadhaar-checksum") if context.anywhere("aadhaar") else None
        )
    if n == 14 and near("aadhaar", 30):
        return Span("IN_AADHAAR", start, end, 0.6, "aadhaar")
    if n == 10 and near("nhs", 40) and (nhs_number(digits) or context.before("nhs", start, 20)):
        return Span("UK_NHS", start, end, 1.0, "nhs")
    if n == 10 and len(groups) == 1 and near("npi", 60) and (npi_number(digits) or digits[0] in "12"):
        return Span("NPI", start, end, 1.0, "npi")
    if (
        n == 9
        and (len(groups) == 1 or len(groups) == 3)
        and near("sin", 30)
        and (luhn(digits) or near("sin", 14))
    ):
        return Span("CA_SIN", start, end, 1.0, "sin")
    routing, account = context.distance("routing", start, 40), context.distance("account", start, 40)
    if n == 9 and len(groups) == 1 and routing is not None and (account is None or routing < account):
        return Span("US_ROUTING", start, end, 1.0 if aba_routing(digits) else 0.7, "routing")
    return None
