"""The prompts a person may use, as listed by the gateway, and search over them (L2.1, L4.2).

Search is SQLite's FTS5 in memory: stemmed words, then parts of words, then the closest known word if
something was mistyped. The index is rebuilt whenever a department's prompts change.
"""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from threading import Lock
from time import monotonic
from typing import Any

from lambdas.common.access import AccessRecord
from lambdas.portal.gateway import Gateway

_FRESH_SECONDS = 15.0
_WORD = re.compile(r"\w{2,}")
_LEAST_PART = 4  # characters of a part of a word that is looked for inside words
_SAME = 0.75  # how alike a mistyped word is to the one that was meant


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a prompt."""

    name: str
    type: str
    description: str
    required: bool
    max_length: int
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class PromptPage:
    """A prompt as people see it, without its instructions."""

    name: str
    version: int
    title: str
    department: str
    use_case: str
    owner: str
    data_class: str
    model: str
    human_review: str
    summary: str
    bring: tuple[str, ...]
    check: tuple[str, ...]
    never: tuple[str, ...]
    keywords: tuple[str, ...]
    follow_up: bool
    example: Mapping[str, Any]
    variables: tuple[Variable, ...]
    status: str
    output: str

    @property
    def proven(self) -> bool:
        """Return whether its cases pass with answers recorded from a model."""
        return self.status == "stable"


class Library:
    """The prompts of people with the same rights, requested from the gateway at most every 15 seconds."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._shelves: dict[tuple[str, ...], tuple[float, Shelf]] = {}

    async def shelf(self, token: str, record: AccessRecord, language: str) -> "Shelf":
        """Return what a person with this record may use. Raises `GatewayError`."""
        rights = (record.department, language, *sorted(record.roles), "|", *sorted(record.models or ()))
        known = self._shelves.get(rights)
        if known is not None and monotonic() - known[0] < _FRESH_SECONDS:
            return known[1]
        answer = await self._gateway.get(token, f"/v1/prompts?language={language}")
        prompts = tuple(read_prompt(one) for one in answer.content["data"])
        shelf = known[1] if known is not None and known[1].prompts == prompts else Shelf(prompts)
        self._shelves[rights] = (monotonic(), shelf)
        return shelf


def read_prompt(one: Mapping[str, Any]) -> PromptPage:
    """Parse a prompt from the gateway's answer."""
    return PromptPage(
        name=one["name"],
        title=one["title"],
        department=one["department"],
        use_case=one["use_case"],
        owner=one["owner"],
        data_class=one["data_class"],
        model=one["model"],
        version=one["version"],
        human_review=one.get("human_review") or "",
        summary=one.get("summary") or "",
        follow_up=bool(one.get("follow_up")),
        example=one.get("example") or {},
        variables=tuple(
            Variable(
                each["name"],
                each["type"],
                each["description"],
                each["required"],
                each.get("max_length") or 0,
                tuple(each.get("choices") or ()),
                each.get("minimum"),
                each.get("maximum"),
            )
            for each in one["variables"]
        ),
        bring=tuple(one.get("bring") or ()),
        check=tuple(one.get("check") or ()),
        never=tuple(one.get("never") or ()),
        keywords=tuple(one.get("keywords") or ()),
        status=one.get("status") or "",
        output=one.get("output") or "text",
    )


class Shelf:
    """Prompts with an index over their words."""

    def __init__(self, prompts: Sequence[PromptPage]) -> None:
        self.prompts = tuple(prompts)
        self._by_name = {one.name: one for one in prompts}
        self._lock = Lock()
        self._index = sqlite3.connect(":memory:", check_same_thread=False)
        self._words = sorted({word for one in prompts for word in words_of(_all_text(one))})
        for table, tokenizer in (("words", "porter unicode61 remove_diacritics 2"), ("parts", "trigram")):
            self._index.execute(
                f"CREATE VIRTUAL TABLE {table} USING fts5"
                f"(name UNINDEXED, title, keywords, summary, body, tokenize='{tokenizer}')"
            )
            rows = [(one.name, one.title, " ".join(one.keywords), one.summary, _body(one)) for one in prompts]
            self._index.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?)", rows)  # noqa: S608

    def find(self, name: str) -> PromptPage | None:
        """Return the prompt with that name, or None."""
        return self._by_name.get(name)

    def search(self, query: str) -> tuple[list[PromptPage], str]:
        """Return matching prompts, best first, and the corrected query if it was corrected."""
        words = words_of(query)
        if not words:
            return [], ""
        found = self._match("words", [f'"{word}"*' for word in words], " AND ")
        found = found or self._match("words", [f'"{word}"*' for word in words], " OR ")
        if not found:
            found = self._match("parts", [f'"{part}"' for word in words for part in _parts(word)], " OR ")
        if found:
            return found, ""
        corrected = [next(iter(get_close_matches(word, self._words, 1, _SAME)), "") for word in words]
        if not any(corrected):
            return [], ""
        meant = [new for new in corrected if new]
        return self._match("words", [f'"{word}"*' for word in meant], " OR "), " ".join(meant)

    def _match(self, table: str, terms: Sequence[str], join: str) -> list[PromptPage]:
        if not terms:
            return []
        # `table` is one of two names of ours
        statement = (
            f"SELECT name FROM {table} WHERE {table} MATCH ? ORDER BY bm25({table}, 0, 8, 6, 4, 1) LIMIT 50"  # noqa: S608
        )
        with self._lock:
            rows = self._index.execute(statement, (join.join(terms),)).fetchall()
        return [self._by_name[name] for (name,) in rows]


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return [word.lower() for word in _WORD.findall(text)]


def _parts(word: str) -> list[str]:
    """Return the word, and if it is long its two halves: German compounds join words that the library has
    separately.
    """
    if len(word) < 3:
        return []
    half = len(word) // 2
    return [word, *([word[:half], word[half:]] if half >= _LEAST_PART else [])]


def _body(one: PromptPage) -> str:
    described = [variable.description for variable in one.variables]
    return " ".join([*one.bring, *one.check, one.use_case.replace("-", " "), one.department, *described])


def _all_text(one: PromptPage) -> str:
    return " ".join([one.title, one.summary, *one.keywords, _body(one)])
