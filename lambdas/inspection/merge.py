"""Which of several overlapping results stands: the surest, then the most specific, then the longest."""

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
    """Spans that do not overlap, in order of their start. Deterministic: ties fall to the type's name."""
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
    taken: list[Span] = []
    for span in ordered:
        if span.end > span.start and all(
            span.end <= other.start or span.start >= other.end for other in taken
        ):
            taken.append(span)
    return sorted(taken, key=lambda s: (s.start, s.end, s.type))
