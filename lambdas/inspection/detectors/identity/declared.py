"""Declaration of an identity number."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.inspection.expressions import Expression
from lambdas.inspection.normalise import normalise


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """A kind of number.

    `shape` is its format with separators; `check` is applied without them, in upper case. `name` is for
    people. A `sure` one is so unlikely by chance that a general keyword ("national id") suffices.
    `examples` are published; `neighbours` are not numbers of this kind.
    """

    type: str
    regions: frozenset[str]
    name: str
    keywords: tuple[str, ...]
    shape: Expression
    check: Callable[[str], bool]
    sure: bool
    examples: tuple[str, ...]
    neighbours: tuple[str, ...]


def number(
    type: str,
    name: str,
    keywords: str,
    shape: str,
    check: Callable[[str], bool] = bool,
    *,
    regions: str = "",
    sure: bool = False,
    examples: str = "",
    neighbours: str = "",
) -> IdentityNumber:
    """Declare a number. Lists are separated by "|", regions by spaces; by default the type begins with its
    region.

    A space in a shape is an optional separator.
    """
    return IdentityNumber(
        type,
        frozenset(regions.split() or [type.partition("_")[0].lower()]),
        name,
        as_read(keywords),
        Expression(rf"(?<![A-Za-z0-9])(?:{shape.replace(' ', '[ .–/-]?')})(?![A-Za-z0-9])", re.IGNORECASE),
        check,
        sure,
        tuple(filter(None, examples.split("|"))),
        tuple(filter(None, neighbours.split("|"))),
    )


def as_read(keywords: str) -> tuple[str, ...]:
    """Return keywords as texts are read: some letters of other alphabets look like different Latin ones in
    lower and upper case.
    """
    spellings = (
        form for word in keywords.split("|") for form in (word, word.upper(), word[:1].upper() + word[1:])
    )
    read = (form if form.isascii() else normalise(form).text for form in spellings)
    return tuple(dict.fromkeys(form.lower() for form in read))
