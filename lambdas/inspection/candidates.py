"""Candidate positions in a text, found in one pass: the literals of all detectors, hints and places.

A literal is reported at every position, a word not after a letter; a hint only as present or absent, so
that expensive expressions run only on texts that may match; a place with its end. Hints and places may only
be wrong in one direction: wherever a detector finds something there is one.

The engine is Vectorscan (package `hyperscan`), a multi-pattern automaton. It reads bytes: texts are encoded
as Latin-1, one byte per character, so offsets stay valid; literals beyond Latin-1 are searched by
`Literals`, as are all on a machine without the package. `kit build` stores the compiled automaton with the
gateway's dependencies; without the file it is compiled in the background at start (a quarter of a second),
and `Literals` is used until it is ready.
"""

import hashlib
import os
import re
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lambdas.inspection.expressions import Hit, Literals

try:
    import hyperscan as engine
except ImportError:  # no wheel for this machine: the same candidates, more slowly
    engine = None
hyperscan: Any = engine

FILE_PREFIX = "inspection-candidates-"


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates of a text.

    `literals`: by kind, where each occurs, ordered by end, the longest of equal ends first. `hints`: names
    of those that may be present. `places`: by name, where each ends, in ascending order; None if they were
    not searched and any position may be one.
    """

    literals: Mapping[str, list[Hit]]
    hints: frozenset[str]
    places: Mapping[str, Sequence[int] | None]


class Scanner:
    """All literals by kind, each with its meaning; all hints and places by name. Thread-safe."""

    def __init__(
        self,
        kinds: Mapping[str, Iterable[tuple[str, Any]]],
        hints: Mapping[str, str],
        places: Mapping[str, str],
        words: Iterable[str] = (),
    ):
        """`words`: kinds whose literals are words; short ones are not reported after a letter."""
        given = {kind: list(literals) for kind, literals in kinds.items()}
        self._kinds = tuple(given)
        self._words = frozenset(words)
        meant: dict[tuple[str, bool], list[tuple[int, int, Any]]] = {}
        for number, (kind, literals) in enumerate(given.items()):
            for literal, meaning in literals:
                if _is_latin(literal):
                    begins_a_word = kind in self._words and _is_short_word(literal)
                    meant.setdefault((literal, begins_a_word), []).append((number, len(literal), meaning))
        self._given = given
        # the longest first: their numbers put those of one end into the order of `Literals`
        latin = sorted(meant, key=lambda one: (-len(one[0]), one))
        self._meant = tuple(meant[one] for one in latin)
        self._latin = tuple(
            f"{_NO_LETTER}{re.escape(literal)}" if begins_a_word else re.escape(literal)
            for literal, begins_a_word in latin
        )
        self._beyond = Literals({k: [x for x in v if not _is_latin(x[0])] for k, v in given.items()})
        beyond = [literal for literals in given.values() for literal, _ in literals if not _is_latin(literal)]
        strange = "".join(sorted({sign for one in beyond for sign in one if sign > _LAST_OF_LATIN}))
        self._strange = re.compile(f"[{re.escape(strange)}]+") if strange else None
        self._reach = max(map(len, beyond), default=0)
        self.hints = frozenset(hints)
        self._names = (*hints, *places)
        self._expressions = (*hints.values(), *places.values())
        self._not_sought: Mapping[str, None] = dict.fromkeys(places)
        self._engine: _Engine | None = None
        self._compiling: threading.Thread | None = None

    def read(self, text: str, lower: str) -> Candidates:
        """Return the candidates of a text; `lower` is the text in lower case, of the same length."""
        if hyperscan is None or self._is_compiling():
            return Candidates(self._read_plainly(lower), self.hints, self._not_sought)
        compiled = self._engine or self._compile()
        found: list[list[Hit]] = [[] for _ in self._kinds]
        meant = self._meant
        for end, number in compiled.literals(_bytes(lower)):
            for kind, length, meaning in meant[number]:
                found[kind].append((end - length, end, meaning))
        literals = dict(zip(self._kinds, found, strict=True))
        if self._strange and not lower.isascii():
            for kind, hits in self._read_beyond(lower, self._strange).items():
                literals[kind] = sorted([*literals[kind], *hits], key=lambda hit: (hit[1], hit[0]))
        hints: list[str] = []
        ends: dict[str, list[int]] = {name: [] for name in self._not_sought}
        for end, number in compiled.expressions(_bytes(text)):
            name = self._names[number]
            if name in ends:
                ends[name].append(end)
            else:
                hints.append(name)
        return Candidates(literals, frozenset(hints), ends)

    @cached_property
    def _every(self) -> Literals:
        """All literals, for as long as there is no automaton of the engine."""
        return Literals(self._given)

    def _read_plainly(self, lower: str) -> dict[str, list[Hit]]:
        literals = self._every.read(lower)
        for kind in self._words:
            literals[kind] = [
                hit
                for hit in literals[kind]
                if not hit[0]
                or lower[hit[0] - 1] not in _LATIN_LETTERS
                or not _is_short_word(lower[hit[0] : hit[1]])
            ]
        return literals

    def _read_beyond(self, lower: str, strange: re.Pattern[str]) -> dict[str, list[Hit]]:
        """Search literals beyond Latin-1, only around their characters."""
        found: dict[str, list[Hit]] = {}
        ranges: list[tuple[int, int]] = []
        for match in strange.finditer(lower):
            begin, end = max(0, match.start() - self._reach), match.end() + self._reach
            if ranges and begin <= ranges[-1][1]:
                begin = ranges.pop()[0]
            ranges.append((begin, end))
        for begin, end in ranges:
            for kind, hits in self._beyond.read(lower[begin:end]).items():
                if hits:
                    found.setdefault(kind, []).extend((a + begin, b + begin, c) for a, b, c in hits)
        return found

    def warm(self, *, wait: bool = False) -> None:
        """Load the compiled automaton, or compile it in a thread, before the first text.

        `wait` until it is ready, for a process of which a snapshot is taken.
        """
        if hyperscan is None or self._engine is not None:
            return
        if self._compiling is None:
            self._engine = self._saved()
            if self._engine is None:
                self._compiling = threading.Thread(target=self._compile, daemon=True)
                self._compiling.start()
        if wait and self._compiling is not None:
            self._compiling.join()

    def _is_compiling(self) -> bool:
        return self._engine is None and self._compiling is not None and self._compiling.is_alive()

    def write(self, folder: Path) -> Path:
        """Store the compiled automaton in a folder."""
        path = folder / self.file_name()
        path.write_bytes((self._engine or self._compile()).dump())
        return path

    def _saved(self) -> "_Engine | None":
        name = self.file_name()
        saved = next((path for one in sys.path if (path := Path(one or os.curdir) / name).is_file()), None)
        return _Engine.load(saved.read_bytes()) if saved else None

    def _compile(self) -> "_Engine":
        self._engine = self._saved() or _Engine.compile(self._latin, self._expressions, hints=len(self.hints))
        return self._engine

    def file_name(self) -> str:
        """Return the file name of the compiled automaton, which identifies its input and compiler."""
        made_of = repr((hyperscan.__version__, self._latin, self._names, self._expressions)).encode()
        return f"{FILE_PREFIX}{hashlib.sha256(made_of).hexdigest()[:16]}.bin"


_LAST_OF_LATIN = "\xff"
_LATIN_LETTERS = frozenset(one for code in range(256) if (one := chr(code)).isalpha() and not one.isupper())
_NO_LETTER = f"(?:^|[^{''.join(sorted(_LATIN_LETTERS))}])"
_LONGEST_SHORT = 5  # characters: longer words are rarely parts of others, and many such rules compile slowly


def _is_latin(text: str) -> bool:
    return text.isascii() or max(text) <= _LAST_OF_LATIN


def _is_short_word(literal: str) -> bool:
    return len(literal) <= _LONGEST_SHORT and literal[0].isalpha() and _is_latin(literal)


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "replace")


class _Engine:
    """Two compiled automata: one of literals, one of hints and places."""

    def __init__(self, literals: Any, expressions: Any):
        self._literals, self._expressions = literals, expressions
        self._own = threading.local()  # working memory: that of each thread

    @classmethod
    def compile(cls, literals: Sequence[str], expressions: Sequence[str], *, hints: int) -> "_Engine":
        """Compile. The first `hints` expressions are reported once per text."""
        of_literals, of_expressions = hyperscan.Database(), hyperscan.Database()
        of_literals.compile(**_numbered(literals))
        once = [hyperscan.HS_FLAG_SINGLEMATCH] * hints + [0] * (len(expressions) - hints)
        of_expressions.compile(**_numbered(expressions), flags=once)
        return cls(of_literals, of_expressions)

    @classmethod
    def load(cls, saved: bytes) -> "_Engine | None":
        """Load what `dump` wrote; None if it was compiled for another processor or version."""
        size = int.from_bytes(saved[:4], "big")
        mode = hyperscan.HS_MODE_BLOCK
        try:
            return cls(hyperscan.loadb(saved[4 : 4 + size], mode), hyperscan.loadb(saved[4 + size :], mode))
        except hyperscan.error:
            return None

    def dump(self) -> bytes:
        first, second = hyperscan.dumpb(self._literals), hyperscan.dumpb(self._expressions)
        return len(first).to_bytes(4, "big") + first + second

    def literals(self, data: bytes) -> list[tuple[int, int]]:
        """Return (end, number) of each literal in ascending order."""
        return self._scan(self._literals, data)

    def expressions(self, data: bytes) -> list[tuple[int, int]]:
        """Return (end, number) of each hint present, once, and of each place, in ascending order."""
        return self._scan(self._expressions, data)

    def _scan(self, database: Any, data: bytes) -> list[tuple[int, int]]:
        if not hasattr(self._own, "scratch"):
            both = (self._literals, self._expressions)
            self._own.scratch = {id(one): hyperscan.Scratch(one) for one in both}
        found: list[tuple[int, int]] = []
        add = found.append

        def on_match(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            add((end, number))

        database.scan(data, match_event_handler=on_match, scratch=self._own.scratch[id(database)])
        found.sort()
        return found


def _numbered(texts: Sequence[str]) -> dict[str, Any]:
    words = [one.encode("latin-1") for one in texts]
    return {"expressions": words, "ids": list(range(len(words))), "elements": len(words)}
