"""Payment cards: numbers by network with check digit or keyword, and table rows with their expiry."""

from collections.abc import Iterator

from lambdas.inspection.detectors.identity.checks import luhn
from lambdas.inspection.detectors.reading import Context
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span

_CARD_GROUPS = {
    (4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 1), (4, 5, 6), (4, 4, 5), (5, 5, 5),
    (6, 4, 5), (4, 4, 4, 3),
}  # fmt: skip


def card_network(digits: str) -> bool:
    """Return whether first digits and length belong to a card network."""
    n = len(digits)
    p2, p3, p4 = int(digits[:2]), int(digits[:3]), int(digits[:4])
    if digits[0] == "4":
        return n in (13, 16, 19)
    if 51 <= p2 <= 55 or 2221 <= p4 <= 2720:
        return n == 16
    if p2 in (34, 37):
        return n == 15
    if p4 == 6011 or p2 == 65 or 644 <= p3 <= 649 or p2 == 62 or p2 in (60, 81, 82):
        return 16 <= n <= 19
    if 300 <= p3 <= 305 or p2 in (36, 38, 39):
        return n == 14 or n == 16
    if 3528 <= p4 <= 3589:
        return 16 <= n <= 19
    if p4 in (2131, 1800):
        return n == 15
    return p2 in (50, 56, 57, 58, 63, 67) and 12 <= n <= 19


_PAYING = ("charge", "declin", "payment", "refund", "billing", "checkout")
_DOCUMENTED_CARDS = frozenset(("1234567890123456", "1234567812345678", "0000111122223333"))


def card(context: Context, start: int, end: int, raw: str, digits: str, groups: list[str]) -> Span | None:
    """Return a payment card if this run of digits is one."""
    n = len(digits)
    if not 12 <= n <= 19 or "/" in raw or "(" in raw:
        return None
    grouped = tuple(len(group) for group in groups)
    contiguous = len(groups) == 1
    if not contiguous and grouped not in _CARD_GROUPS:
        return None
    if len(set(digits)) < 3 or digits in _DOCUMENTED_CARDS:
        return None
    near = context.distance("card", start, 40)
    if luhn(digits) and card_network(digits):
        if contiguous and n == 13 and near is None and not context.anywhere("card"):
            # thirteen digits are often a time or a product: they count beside a word of paying only
            before = context.lower[max(0, start - 60) : start]
            if not any(word in before for word in _PAYING):
                return None
        return Span("CREDIT_CARD", start, end, 1.0 if near is not None else 0.9, "card-checksum")
    if near is not None and n >= 13 and (near <= 25 or luhn(digits)):
        return Span("CREDIT_CARD", start, end, 0.8, "card-keyword")
    if (
        not contiguous
        and grouped == (4, 4, 4, 4)
        and card_network(digits)
        and context.before("card", start, 120)
    ):
        return Span("CREDIT_CARD", start, end, 0.7, "card-keyword")
    return None


_CARD_ROW = Expression(
    r"\d(?:[ -]?\d){11,18}['\"]?\s?[,;|\t]\s?['\"]?(\d{2}/\d{2,4})['\"]?\s?[,;|\t]\s?['\"]?(\d{3,4})\b"
)


def card_rows(context: Context) -> Iterator[Span]:
    """Yield a card number next to its expiry and code, as in an SQL insert."""
    if "/" in context.text and any(end - start >= 12 for start, end in context.runs):
        for match in _CARD_ROW.finditer(context.text):
            yield Span("CARD_EXPIRY", *match.span(1), 0.8, "card-row")
            yield Span("CVV", *match.span(2), 0.8, "card-row")
