"""Divides amounts in proportion to weights, without losing a micro-dollar."""

from collections.abc import Mapping
from fractions import Fraction


def shared(amount: int, weights: Mapping[str, int | Fraction]) -> dict[str, int]:
    """Divide an amount in proportion to weights. Indivisible units go to the largest remainders, then by
    name. All shares are zero if no weight is positive.
    """
    whole = sum(weights.values(), Fraction(0))
    if not whole:
        return dict.fromkeys(weights, 0)
    exact = {name: amount * Fraction(weight) / whole for name, weight in weights.items()}
    shares = {name: int(share) for name, share in exact.items()}
    rest = amount - sum(shares.values())
    for name in sorted(weights, key=lambda name: (shares[name] - exact[name], name))[:rest]:
        shares[name] += 1
    return shares
