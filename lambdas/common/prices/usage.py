"""Parser of an answer's `usage`: tokens by model, and whether each figure is certain (L1.6).

A figure that is missing, negative, fractional or in an unknown place is never interpreted in the caller's
favour: what can be read is counted, and `certain` says that it may be incomplete.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

_TOKENS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_REQUIRED = _TOKENS[:2]
_AGES = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
# figures that repeat others in a different form
_DETAILS = frozenset(("output_tokens_details", "fallback_credit", "type", "model"))
_READ_OF_A_PART = _DETAILS | {*_TOKENS, "cache_creation"}
_READ = _READ_OF_A_PART | {"server_tool_use", "iterations"}
_TOOLS = ("web_search_requests", "web_fetch_requests")
_TIERS = (None, "standard", "priority", "batch")
_SPEEDS = (None, "standard", "fast")
_ELSEWHERE = (None, "global", "not_available")  # inference charged at the list price
# iterations included in the top-level figures; compactions and advisor calls are added to them
_SAMPLING = frozenset(("message", "fallback_message"))
_ITERATIONS = _SAMPLING | {"compaction", "advisor_message"}


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens by price category. `unplaced` were written to a cache of unknown lifetime."""

    fresh: int = 0
    output: int = 0
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    unplaced: int = 0

    @property
    def prompt(self) -> int:
        """Return all tokens the model read: input, cache reads and cache writes."""
        return self.fresh + self.read + self.written_5m + self.written_1h + self.unplaced


@dataclass(frozen=True, slots=True)
class Part:
    """Usage of one model; `model` is None for the one that was called. `extra` parts are not included in
    the totals.
    """

    model: str | None
    tokens: Tokens
    extra: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """`total` as reported by the answer, and its `parts`. `fast` and `us` cost more."""

    total: Tokens
    parts: tuple[Part, ...]
    web_searches: int
    fast: bool | None  # None: not stated
    us: bool | None
    certain: bool


class _Figures:
    """Reads counts from an object, and tracks whether all were whole numbers in known places."""

    def __init__(self) -> None:
        self.certain = True

    def count(self, holder: Mapping[str, Any], name: str, *, required: bool = False) -> int:
        value = holder.get(name)
        if value is None:
            self.certain &= not required
            return 0
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self.certain = False
        if isinstance(value, float) and math.isfinite(value) and value > 0:
            return math.ceil(value)
        return 0

    def choice(self, holder: Mapping[str, Any], name: str, known: tuple[str | None, ...]) -> Any:
        value = holder.get(name)
        self.certain &= value in known
        return value

    def nothing_else(self, holder: Mapping[str, Any], known: frozenset[str]) -> None:
        """Note figures in unknown places, which may have a price of their own."""
        self.certain &= not any(_has_figure(value) for name, value in holder.items() if name not in known)


def _has_figure(value: Any) -> bool:
    """Return whether a value contains any non-zero number."""
    if isinstance(value, Mapping):
        return any(map(_has_figure, cast("Mapping[str, Any]", value).values()))
    if isinstance(value, list):
        return any(map(_has_figure, cast("list[Any]", value)))
    return isinstance(value, int | float) and bool(value)


def read_usage(given: Mapping[str, Any], *, output_required: bool = True) -> Usage:
    """Parse the usage of an answer. Never raises: whatever cannot be read makes it uncertain."""
    figures = _Figures()
    total = _tokens(given, figures, output_required=output_required)
    used = given.get("server_tool_use")
    searches = 0
    if isinstance(used, Mapping):
        tools = cast("Mapping[str, Any]", used)
        searches = figures.count(tools, "web_search_requests")
        figures.nothing_else(tools, frozenset(_TOOLS))
    elif used is not None:
        figures.certain = False
    parts = tuple(_parts(given.get("iterations"), figures))
    figures.choice(given, "service_tier", _TIERS)
    speed = figures.choice(given, "speed", _SPEEDS)
    geo = given.get("inference_geo")
    figures.certain &= geo is None or isinstance(geo, str)
    figures.nothing_else(given, _READ)
    return Usage(
        total,
        parts,
        searches,
        None if speed is None else speed != "standard",
        None if geo is None else geo not in _ELSEWHERE,
        figures.certain,
    )


def _parts(given: Any, figures: _Figures) -> Iterator[Part]:
    if given is None:
        return
    if not isinstance(given, list):
        figures.certain = False
        return
    for each in cast("list[Any]", given):
        if not isinstance(each, Mapping):
            figures.certain = False
            continue
        one = cast("Mapping[str, Any]", each)
        kind, model = one.get("type"), one.get("model")
        figures.certain &= kind in _ITERATIONS and (model is None or isinstance(model, str))
        figures.certain &= model is not None or kind in {"message", "compaction"}
        figures.nothing_else(one, _READ_OF_A_PART)
        named = model if isinstance(model, str) else None
        yield Part(named, _tokens(one, figures), kind not in _SAMPLING)


def _tokens(given: Mapping[str, Any], figures: _Figures, *, output_required: bool = True) -> Tokens:
    written = figures.count(given, "cache_creation_input_tokens")
    by_age = given.get("cache_creation")
    young = old = 0
    if isinstance(by_age, Mapping):
        ages = cast("Mapping[str, Any]", by_age)
        young, old = (figures.count(ages, name) for name in _AGES)
        figures.nothing_else(ages, frozenset(_AGES))
        figures.certain &= young + old in {0, written} or written == 0
    elif by_age is not None:
        figures.certain = False
    return Tokens(
        fresh=figures.count(given, "input_tokens", required=True),
        output=figures.count(given, "output_tokens", required=output_required),
        read=figures.count(given, "cache_read_input_tokens"),
        written_5m=young,
        written_1h=old,
        unplaced=max(written - young - old, 0),
    )
