"""Amounts divided by weights, exactly."""

from collections.abc import Mapping
from fractions import Fraction


def shared(amount: int, weights: Mapping[str, int | Fraction]) -> dict[str, int]:
    """An amount by weights: what does not divide goes to the largest remainders, then by name. All to none
    where no weight is above zero.
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
