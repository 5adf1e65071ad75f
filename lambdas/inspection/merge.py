"""Resolution of overlapping results: the most certain, then the most specific, then the longest wins."""

from bisect import bisect_left
from collections.abc import Iterable

from lambdas.inspection.detectors import identity
from lambdas.inspection.findings import Span

# of two results in one place these are the more specific ones; all others are equal
_PRECEDENCE = {
    "SECRET": 3, "DICTIONARY": 3, "IBAN": 2, "CREDIT_CARD": 2, "EMAIL": 1, "PERSON": -3, "ADDRESS": -2,
    "USERNAME": -1, "BANK_ACCOUNT": -1, "TAX_ID": -1, "PHONE": -1,
    **{one.type: 2 for one in identity.NUMBERS if one.sure},
}  # fmt: skip
_SCORE_BAND = 0.15


def settle(spans: Iterable[Span]) -> list[Span]:
    """Return spans without overlaps, ordered by start. Deterministic: ties are broken by the type's name."""
    ordered = sorted(
        set(spans),
        key=lambda s: (
            -_PRECEDENCE.get(s.type, 0),
            -round(s.score / _SCORE_BAND),
            -(s.end - s.start),
            s.start,
            s.type,
            s.rule,
        ),
    )
    taken: list[Span] = []  # in rising order, as they do not overlap
    starts: list[int] = []
    for span in ordered:
        place = bisect_left(starts, span.start)
        free = (not place or taken[place - 1].end <= span.start) and (
            place == len(taken) or span.end <= starts[place]
        )
        if span.end > span.start and free:
            taken.insert(place, span)
            starts.insert(place, span.start)
    return taken
