"""Facts about Claude models that clients ask for before a call: context window, maximum output (L1.1).

The figures are those of the model catalogue in Claude Code 2.1.332 (November 2026).
"""

from dataclasses import dataclass

_EPOCH = "1970-01-01T00:00:00Z"  # the API's own convention for an unknown release date


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """`window` limits input tokens, `max_output` the field `max_tokens`; `created_at` is RFC 3339."""

    display_name: str
    line: str
    window: int
    max_output: int
    created_at: str = _EPOCH


_FACTS = {
    "claude-fable-5-2": ModelFacts("Claude Fable 5.2", "fable", 1_000_000, 128_000, "2026-11-09T00:00:00Z"),
    "claude-fable-5-1": ModelFacts("Claude Fable 5.1", "fable", 1_000_000, 128_000),
    "claude-fable-5": ModelFacts("Claude Fable 5", "fable", 1_000_000, 128_000),
    "claude-opus-5-5": ModelFacts("Claude Opus 5.5", "opus", 1_000_000, 128_000),
    "claude-opus-5": ModelFacts("Claude Opus 5", "opus", 1_000_000, 128_000),
    "claude-sonnet-5-5": ModelFacts("Claude Sonnet 5.5", "sonnet", 1_000_000, 128_000),
    "claude-sonnet-5": ModelFacts("Claude Sonnet 5", "sonnet", 1_000_000, 128_000),
    "claude-haiku-5-5": ModelFacts("Claude Haiku 5.5", "haiku", 1_000_000, 128_000),
    "claude-haiku-4-5": ModelFacts("Claude Haiku 4.5", "haiku", 200_000, 64_000, "2025-10-01T00:00:00Z"),
}


def facts_of(model: str) -> ModelFacts | None:
    """Return the facts of a Claude model by its id, or None if they are unknown."""
    return _FACTS.get(model)
