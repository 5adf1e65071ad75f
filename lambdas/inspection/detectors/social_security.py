"""US social security numbers, whole and masked."""

from collections.abc import Iterator

from lambdas.inspection.detectors.reading import Context
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span

_DOCUMENTED_SSN = frozenset(("123456789", "078051120", "219099999", "111111111", "999999999", "000000000"))


def social_security(
    context: Context, start: int, end: int, raw: str, digits: str, groups: list[str]
) -> Span | None:
    """Return a US social security number if this run of digits is one."""
    if len(digits) != 9 or digits in _DOCUMENTED_SSN:
        return None
    near = context.before("ssn", start, 80)
    if [len(group) for group in groups] == [3, 2, 4]:
        if near:
            return Span("US_SSN", start, end, 1.0, "ssn-keyword")
        separators = raw[3], raw[6]
        if digits[:3] in ("000", "666") or digits[3:5] == "00" or digits[5:] == "0000":
            return None
        if separators == ("-", "-") and (digits[0] != "9" or context.anywhere("ssn")):
            return Span("US_SSN", start, end, 0.9, "ssn-shape")
        announced = context.anywhere("ssn") or any(
            context.before(group, start, 60) for group in ("social", "employee", "tax")
        )
        if separators[0] == separators[1] and digits[0] != "9" and announced:
            return Span("US_SSN", start, end, 0.8, "ssn-shape")
        return None
    distance = context.distance("ssn", start, 40)
    if (
        len(groups) == 1
        and distance is not None
        and distance <= (context.distance("routing", start, 40) or 40)
    ):
        return Span("US_SSN", start, end, 0.9, "ssn-keyword")
    return None


_MASKED_SSN = Expression(
    r"(?<![\w*])(?:(?:[Xx]{3}|\*{3}|•{3})-(?:[Xx]{2}|\*{2}|•{2})-\d{4}"
    r"|\d{3}-(?:[Xx]{2}|\*{2}|•{2})-(?:[Xx]{4}|\*{4}|•{4}|\d{4}))(?![\w*])"
)


def masked(context: Context) -> Iterator[Span]:
    """Yield numbers of which only the end is shown, if the text contains a keyword."""
    if "ssn" in context.keywords:
        for match in _MASKED_SSN.finditer(context.text):
            yield Span("US_SSN", *match.span(), 0.6, "ssn-masked")
