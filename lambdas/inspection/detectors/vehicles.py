"""Vehicle identification numbers."""

from collections.abc import Iterator

from lambdas.inspection.detectors.reading import Context
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span

_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", map(int, "123456781234579234567890123456789"), strict=True)
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def vin_check(vin: str) -> bool:
    """Return whether it passes the check digit of ISO 3779 as used in North America."""
    total = sum(_VIN_VALUES[character] * weight for character, weight in zip(vin, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == vin[8]


def vehicles(context: Context) -> Iterator[Span]:
    """Yield numbers with a check digit in a text about vehicles."""
    if (
        "vin" not in context.hints
        or "vin" in context.keywords
        or ("vehicle" not in context.lower and " car" not in context.lower)
    ):
        return
    for match in _VIN.finditer(context.text):
        value = match.group(1)
        if sum(c.isdigit() for c in value) >= 6 and sum(c.isalpha() for c in value) >= 4 and vin_check(value):
            yield Span("VIN", *match.span(1), 0.7, "vin-checksum")


_VIN = Expression(r"(?:^|[\s:(])([A-HJ-NPR-Z0-9]{17})(?=[\s,.;)]|$)")
