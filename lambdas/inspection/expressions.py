"""Lazily compiled expressions.

Most texts contain none of the words that most expressions need: one automaton finds the words that are
present, and an expression is compiled when it is first tried.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import ahocorasick

Places = Mapping[str, Sequence[int]]
Hit = tuple[int, int, Any]  # where a literal starts and ends, and what it means


class Expression:
    """A regular expression, compiled on first use, with the methods of `re.Pattern`."""

    search: Callable[..., re.Match[str] | None]
    match: Callable[..., re.Match[str] | None]
    fullmatch: Callable[..., re.Match[str] | None]
    finditer: Callable[..., Iterator[re.Match[str]]]
    findall: Callable[..., list[str]]
    sub: Callable[..., str]
    split: Callable[..., list[str]]

    def __init__(self, pattern: str, flags: int = 0):
        self.pattern = pattern
        self.flags = flags

    def __getattr__(self, name: str) -> object:
        # reached once only: from then on the methods are attributes, as quick as those of the pattern itself
        if name not in Expression.__annotations__:
            raise AttributeError(name)
        compiled = re.compile(self.pattern, self.flags)
        for method in Expression.__annotations__:
            setattr(self, method, getattr(compiled, method))
        return getattr(self, name)


class Literals:
    """Literals of several kinds, found in one pass."""

    def __init__(self, kinds: Mapping[str, Iterable[tuple[str, Any]]]):
        """For each kind, its lower-case literals with their meanings."""
        self._kinds = tuple(kinds)
        entries: dict[str, list[tuple[int, int, Any]]] = {}
        for kind, literals in enumerate(kinds.values()):
            for literal, meaning in literals:
                entries.setdefault(literal, []).append((kind, len(literal), meaning))
        self._automaton = ahocorasick.Automaton()
        for literal, meant in entries.items():
            self._automaton.add_word(literal, tuple(meant))
        self._automaton.make_automaton()

    def read(self, lower: str) -> dict[str, list[Hit]]:
        """Return the literals in the lower-case text by kind, ordered by end."""
        found: list[list[Hit]] = [[] for _ in self._kinds]
        for last, entries in self._automaton.iter(lower):
            for kind, length, meaning in entries:
                found[kind].append((last + 1 - length, last + 1, meaning))
        return dict(zip(self._kinds, found, strict=True))


def places(hits: Iterable[Hit]) -> Places:
    """Return each literal that was hit with its ends, in ascending order."""
    found: dict[str, list[int]] = {}
    for _, end, literal in hits:
        found.setdefault(literal, []).append(end - 1)
    return found


def around(places: Places, groups: Sequence[Iterable[str]], reach: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges in which an expression can match that needs a literal of every group within `reach`
    characters.

    Ranges do not overlap.
    """
    rarest, *others = sorted(
        (sorted([last for literal in group for last in places.get(literal, ())]) for group in groups), key=len
    )
    begin = end = -1
    for last in rarest:
        if not all(_any_within(other, last - reach, last + reach) for other in others):
            continue
        if last - reach > end:
            if end >= 0:
                yield begin, end
            begin = max(0, last - reach)
        end = last + reach
    if end >= 0:
        yield begin, end


def _any_within(ordered: list[int], low: int, high: int) -> bool:
    index = bisect_left(ordered, low)
    return index < len(ordered) and ordered[index] <= high
