"""A client's own protected terms: project, deal, product and customer names (L2.3, G.1).

The dictionary itself is confidential: findings contain the entry's id, never the term. Up to 100,000 terms
are compiled once per version into one automaton; a search takes microseconds for any number of terms.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ahocorasick

from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import DataClass, Span
from lambdas.inspection.normalise import joins, normalise

MAX_TERMS = 100_000
MAX_TERM_LENGTH = 200


class DictionaryError(ValueError):
    """The dictionary is invalid; the message names the entry and the key."""


@dataclass(frozen=True, slots=True)
class Term:
    """One protected term.

    `match` is `word` (whole words) or `prefix` (beginning of a word); `cased` terms match only as written;
    a term that is also a common word has `near`: it counts only with one of these words within 100
    characters.
    """

    id: str
    term: str
    level: DataClass
    match: str = "word"
    cased: bool = False
    near: tuple[str, ...] = ()


class Dictionary:
    """Compiled terms. Immutable; `version` is a hash of the content."""

    def __init__(self, terms: Iterable[Term]):
        self._terms = tuple(terms)
        if len(self._terms) > MAX_TERMS:
            raise DictionaryError(f"terms: {len(self._terms)} entries, at most {MAX_TERMS}")
        digest = hashlib.sha256()
        variants: dict[str, list[int]] = {}
        words: set[str] = set()
        prefixes: set[tuple[str, ...]] = set()
        for index, term in enumerate(self._terms):
            digest.update(
                f"{term.id}\0{term.term}\0{term.level}\0{term.match}\0{term.cased}\0{term.near}\n".encode()
            )
            for variant in _variants(term.term):
                variants.setdefault(variant, []).append(index)
                pieces = tuple(_WORD.findall(variant))
                words.update(pieces)
                prefixes.update(pieces[:size] for size in range(1, len(pieces)))
        self.version = digest.hexdigest()[:16] if self._terms else ""
        self.words = frozenset(words)
        self.word_prefixes = frozenset(prefixes)
        self.longest = max((len(prefix) for prefix in prefixes), default=0)
        self.has_prefix_terms = any(term.match == "prefix" for term in self._terms)
        self._automaton = ahocorasick.Automaton() if variants else None
        if self._automaton is not None:
            for variant, indexes in variants.items():
                self._automaton.add_word(variant, (len(variant), tuple(indexes)))
            self._automaton.make_automaton()

    def __len__(self) -> int:
        return len(self._terms)

    def find(self, text: str, lower: str) -> list[tuple[Span, DataClass]]:
        """Return the terms in the text. The rule of a span is `dictionary:<entry id>`."""
        if self._automaton is None:
            return []
        found: list[tuple[Span, DataClass]] = []
        size = len(lower)
        for last, (length, indexes) in self._automaton.iter(lower):
            start, end = last + 1 - length, last + 1
            if start and _goes_on(lower[start - 1]):
                continue
            for index in indexes:
                term = self._terms[index]
                if end < size and _goes_on(lower[end]) and term.match != "prefix" and not _plural(lower, end):
                    continue
                if term.cased and text[start:end] != term.term:
                    continue
                if term.near and not _near(lower, start, end, term.near):
                    continue
                found.append((Span("DICTIONARY", start, end, 1.0, f"dictionary:{term.id}"), term.level))
        return found


def _goes_on(character: str) -> bool:
    return character.isdigit() or joins(character)


def _plural(lower: str, end: int) -> bool:
    return lower[end] == "s" and not lower[end + 1 : end + 2].isalnum()


def _near(lower: str, start: int, end: int, words: tuple[str, ...]) -> bool:
    around = lower[max(0, start - 100) : start] + " " + lower[end : end + 100]
    return any(word.lower() in around for word in words)


_WORD = Expression(r"\w+")
_CAMEL = Expression(r"(?<=[a-z])(?=[A-Z])")


def _variants(term: str) -> set[str]:
    """Return the spellings of a term of several words: with spaces, hyphens, underscores or joined,
    normalised like texts.
    """
    term = normalise(term).text
    parts = [part for part in re.split(r"[\s_\-]+", _CAMEL.sub(" ", term).strip()) if part]
    lowered = [part.lower() for part in parts]
    variants = {term.strip().lower()}
    if len(lowered) > 1:
        variants |= {separator.join(lowered) for separator in (" ", "-", "_", "")}
    return variants


def parse_dictionary(document: bytes | Mapping[str, Any]) -> Dictionary:
    """Parse a dictionary from JSON: `{"terms": [{"id", "term", "level", "match"?, "cased"?, "near"?}]}`.

    Raises `DictionaryError` naming the entry (by id and position, never by its term).
    """
    if isinstance(document, bytes):
        try:
            raw = json.loads(document)
        except ValueError as error:
            raise DictionaryError("not JSON") from error
    else:
        raw = document
    entries = raw.get("terms") if isinstance(raw, Mapping) else None
    if not isinstance(entries, list):
        raise DictionaryError("terms: a list is needed")
    return Dictionary(_term(entry, place) for place, entry in enumerate(entries))


def _term(entry: object, place: int) -> Term:
    where = f"terms[{place}]"
    if not isinstance(entry, Mapping):
        raise DictionaryError(f"{where}: an object is needed")
    for key in ("id", "term", "level"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise DictionaryError(f"{where}.{key}: a text is needed")
    unknown = set(entry) - {"id", "term", "level", "match", "cased", "near", "owner", "expires"}
    if unknown:
        raise DictionaryError(f"{where}.{min(unknown)}: unknown key")
    if len(entry["term"]) > MAX_TERM_LENGTH or len(entry["term"].strip()) < 3:
        raise DictionaryError(f"{where}.term: 3 to {MAX_TERM_LENGTH} characters are needed")
    if entry["level"] not in list(DataClass):
        raise DictionaryError(f"{where}.level: one of {', '.join(DataClass)}")
    match = entry.get("match", "word")
    if match not in ("word", "prefix"):
        raise DictionaryError(f"{where}.match: word or prefix")
    near = entry.get("near", [])
    if not isinstance(near, list) or not all(isinstance(word, str) for word in near):
        raise DictionaryError(f"{where}.near: a list of words is needed")
    return Term(
        entry["id"],
        entry["term"],
        DataClass(entry["level"]),
        match,
        bool(entry.get("cased", False)),
        tuple(near),
    )


EMPTY = Dictionary(())
