"""Check digits and dates common to several identity numbers, verified in the tests with python-stdnum."""

from collections.abc import Iterable, Sequence
from datetime import date


def digits(text: str) -> list[int]:
    return [int(one) for one in text]


def weighted(text: str, weights: Iterable[int]) -> int:
    return sum(digit * weight for digit, weight in zip(digits(text), weights, strict=False))


def luhn(text: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits(text))):
        total += digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4)
    return total % 10 == 0


def mod_11_10(text: str) -> bool:
    """ISO 7064, mod 11,10."""
    product = 10
    for digit in digits(text[:-1]):
        product = ((product + digit) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(text[-1])


def mod_11_or_0(text: str, weights: Sequence[int]) -> bool:
    rest = 11 - weighted(text[:-1], weights) % 11
    return (0 if rest >= 10 else rest) == int(text[-1])


def born(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def born_in_either(text: str, order: str = "ymd") -> bool:
    """Return whether six digits are a date in this century or the last."""
    parts = {name: int(text[place * 2 : place * 2 + 2]) for place, name in enumerate(order)}
    return any(born(century + parts["y"], parts["m"], parts["d"]) for century in (1900, 2000))


_VERHOEFF_D = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)


_VERHOEFF_P = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def verhoeff(text: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(text)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[place % 8][int(digit)])])
    return check == 0
