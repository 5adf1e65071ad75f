"""What clients want to know of a Claude model before they call it: its window, its longest answer (L1.1).

Windows and longest answers are those of the model catalogue that Claude Code 2.1.332 carries (November 2026).
"""

from dataclasses import dataclass

_EPOCH = "1970-01-01T00:00:00Z"  # the API's own convention where a release date is not known


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """`window` bounds input tokens, `max_output` the field `max_tokens`; `created_at` is RFC 3339."""

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
    """The facts of a Claude model by its id; None where they are not known."""
    return _FACTS.get(model)
