"""What an identity number is declared by."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.inspection.expressions import Expression
from lambdas.inspection.normalise import normalise


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """A kind of number. `shape` is what it looks like with its separators, `check` is asked about it without
    them, in capitals. `name` is for people. A `sure` one is so hard to hit by chance that a general keyword
    ("national id") is enough. `examples` are published, `neighbours` are not numbers of this kind.
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
    """Lists are separated by "|", regions by blanks; without any the type begins with its region. A blank in
    a shape is any separator or none.
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
    """Keywords as texts are read: small and capital letters of other alphabets look like different Latin
    ones.
    """
    spellings = (
        form for word in keywords.split("|") for form in (word, word.upper(), word[:1].upper() + word[1:])
    )
    return tuple(dict.fromkeys(normalise(form).text.lower() for form in spellings))
