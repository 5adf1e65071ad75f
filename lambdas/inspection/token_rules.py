"""Rules for secrets, and what they all require of a value (L2.3)."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.inspection.expressions import Expression


@dataclass(frozen=True, slots=True)
class Rule:
    """A token format, or a place of secrets. `gates` are lower-case literals, one of which begins at most
    `back` characters after the match starts. The value is the matching group, or everything.
    """

    name: str
    gates: tuple[str, ...]
    pattern: Expression
    back: int = 0
    score: float = 1.0
    accept: Callable[[str], bool] = bool
    detector: str = "provider-tokens"


def rule(
    name: str,
    gates: str,
    pattern: str,
    *,
    back: int = 0,
    score: float = 1.0,
    accept: Callable[[str], bool] = bool,
    flags: int = 0,
) -> Rule:
    """Return a rule of the provider-tokens detector; `gates` are separated by spaces."""
    return Rule(name, tuple(gates.split()), Expression(pattern, flags), back, score, accept)


PLACEHOLDER = Expression(
    r"x{5,}|X{5,}|\*{3,}|\.{3,}|example|EXAMPLE|placeholder|your[-_]|YOUR[-_]|<|\{\{|\$\{|changeme|redacted"
    r"|REDACTED"
    r"|dummy|00000000|11111111|PKCS ?#\d"
    r"|\\f[BIRP]",  # in another face, as manual pages have it
)


def entropy(value: str) -> float:
    """Return the Shannon entropy in bits per character."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values()) if size else 0.0


def varied(value: str) -> bool:
    """Return whether it is neither a repeated character nor a placeholder."""
    return len(set(value)) >= 6 and not PLACEHOLDER.search(value)


def jumbled(value: str, least: float = 0.42) -> bool:
    """Return whether lower case, upper case and digits alternate as in random text (0.62 of all steps
    change, ±0.09 in 32 characters), which names never do.
    """
    kinds = [1 if c.islower() else 2 if c.isupper() else 3 if c.isdigit() else 0 for c in value]
    turns = sum(one != other for one, other in itertools.pairwise(kinds) if one and other)
    return turns >= least * (len(value) - 1) and value.isascii() and not re.search(r"[^\w+/=.~:-]", value)


_WORDS = Expression(r"[A-Za-z]?[a-z]{3,}")


def looks_named(value: str) -> bool:
    """Return whether the value is mostly words joined by punctuation or capitals: a variable, a path, a
    model name.
    """
    letters = sum(c.isalpha() for c in value)
    parts = re.split(r"[-_./:]", value)
    wordy = sum(
        len(part)
        for part in parts
        if part.isalpha() and len(part) >= 2 and (part.islower() or part.istitle() or part.isupper())
    )
    words = sum(len(word) for word in _WORDS.findall(value) if _vowels(word))
    digits = sum(c.isdigit() for c in value)
    if len(parts) >= 3 and wordy >= 0.5 * len(value):
        return True
    return letters > 0 and digits <= 4 and words >= 0.75 * letters and len(value) < 60


def _vowels(word: str) -> bool:
    count = sum(c in "aeiouyAEIOUY" for c in word)
    return 0.2 <= count / len(word) <= 0.65
