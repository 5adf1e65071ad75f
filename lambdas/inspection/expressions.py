"""Expressions that cost nothing until a text calls for them.

Most texts hold none of the words that most expressions need: one automaton finds which words are there, and
an expression is compiled when it is first tried.
"""

import re
from collections.abc import Callable, Iterable, Iterator

import ahocorasick


class Expression:
    """A regular expression, compiled at its first use; used like a `re.Pattern`."""

    search: Callable[..., re.Match[str] | None]
    match: Callable[..., re.Match[str] | None]
    fullmatch: Callable[..., re.Match[str] | None]
    finditer: Callable[..., Iterator[re.Match[str]]]
    findall: Callable[..., list[str]]

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


class Gates:
    """Literals, of which one pass tells those that occur in a text."""

    def __init__(self, literals: Iterable[str]):
        self._automaton = ahocorasick.Automaton()
        for literal in set(literals):
            self._automaton.add_word(literal, literal)
        self._automaton.make_automaton()

    def present(self, lower: str) -> frozenset[str]:
        """The literals that the lower-case text holds."""
        return frozenset([literal for _, literal in self._automaton.iter(lower)])
