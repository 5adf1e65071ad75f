"""How help texts name a choice, from the contract that declares it."""

from collections.abc import Sequence


def one_of(values: Sequence[str]) -> str:
    """`a, b or c`."""
    return f"{', '.join(values[:-1])} or {values[-1]}"
