"""Amounts of money that an operator writes."""

from decimal import Decimal, InvalidOperation

from kit.identity.operator import usage


def microusd(text: str, option: str) -> int:
    """Micro-dollars of an amount of US dollars such as `250` or `12.50`. Raises KitError naming `option`."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 < amount <= 10**7 or amount != round(amount, 6):
        raise usage(f"{option} {text[:30]}: not an amount of US dollars", "write it as 250 or 12.50")
    return int(amount * 1_000_000)
