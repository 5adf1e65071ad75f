"""Exact conversion between US dollars, as people write them, and whole micro-dollars. No floats."""

from decimal import Decimal, InvalidOperation
from typing import Any

_MAXIMUM_USD = Decimal(1_000_000_000)


class MoneyError(ValueError):
    """The value is not an amount of US dollars. The message continues a sentence that starts with the
    value.
    """


def microusd_from_usd(given: Any) -> int:
    """Return the micro-dollars of an amount in US dollars: a number, or text such as "1200.50".

    Raises:
        MoneyError: not a number, negative, above a billion, or finer than a micro-dollar.
    """
    if isinstance(given, bool) or not isinstance(given, int | float | str | Decimal):
        raise MoneyError("is not an amount in USD, such as 1200.50")
    try:
        amount = Decimal(str(given).strip()) if not isinstance(given, Decimal) else given
    except InvalidOperation:
        raise MoneyError("is not an amount in USD, such as 1200.50") from None
    if not amount.is_finite() or not 0 <= amount <= _MAXIMUM_USD:
        raise MoneyError("is not between 0 and 1,000,000,000 USD")
    whole = amount.scaleb(6)
    if whole != whole.to_integral_value():
        raise MoneyError("is finer than a millionth of a dollar")
    return int(whole)


def usd(microusd: int) -> str:
    """Format an amount for people in dollars and cents: 1234567890 becomes "1,234.57"."""
    return f"{Decimal(microusd).scaleb(-6):,.2f}"
