"""What a caller sets, and what a caller gets."""

from __future__ import annotations

from dataclasses import dataclass, field

from claude_client.kept import KeptAnswers


@dataclass(frozen=True)
class Retry:
    """How often and how long one call may try. `seconds` bounds the call with all of its models and waits: an
    attempt gets what is left of it, at most `attempt_seconds`, and where the gateway asks for a longer wait
    than is left, nobody waits.
    """

    attempts: int = 3  # of each model
    seconds: float = 120.0
    attempt_seconds: float = 60.0
    first_wait: float = 0.5  # doubled each time, where the gateway names no time

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.seconds, self.attempt_seconds) <= 0 or self.first_wait < 0:
            raise ValueError("attempts must be at least 1, seconds above 0, first_wait 0 or more")


@dataclass(frozen=True)
class Offline:
    """What happens without the gateway. `kept` holds earlier answers; without it none is kept. After the
    gateway could not be reached, calls that have something to fall back to do not try it for `pause_seconds`.
    """

    kept: KeptAnswers | None = None
    pause_seconds: float = 30.0


@dataclass(frozen=True)
class Answer:
    """An answer, and where it came from: `claude`, `kept` (an earlier answer to the same request) or `caller`
    (the caller's own fallback). Its text is not part of its repr.
    """

    text: str = field(repr=False)
    source: str
    model: str | None = None
    request_id: str | None = None  # for feedback and outcomes; None when Claude was not asked
    stop_reason: str | None = None

    @property
    def is_fallback(self) -> bool:
        """Whether Claude did not answer this call."""
        return self.source != "claude"
