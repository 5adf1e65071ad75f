"""What went wrong with one attempt, read from the SDK's error without keeping any of its text."""

from __future__ import annotations

import email.utils
import math
import time
from dataclasses import dataclass, field
from typing import Any

import anthropic

from claude_client.errors import ClaudeError, Refused, Unavailable

_REPEATABLE = {408, 429}  # and 500 and above; the gateway's own `x-should-retry` comes before
_NOTHING_SENT = {
    "ConnectError",
    "ConnectTimeout",
    "PoolTimeout",
}  # of httpx, under whatever name the SDK has it


@dataclass(frozen=True)
class Failure:
    """One attempt that gave no answer. `retry_after` is in seconds."""

    kind: str
    is_unavailable: bool
    may_repeat: bool
    status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None
    may_have_arrived: bool = False
    for_person: str = field(default="", repr=False)

    @property
    def is_unreachable(self) -> bool:
        """Whether there was no gateway to send to: another model does not help then."""
        return self.status is None and not self.may_have_arrived

    def error(self) -> ClaudeError:
        """What the caller sees."""
        what = self.kind if self.status is None else f"status {self.status} ({self.kind})"
        known = {"status": self.status, "request_id": self.request_id, "for_person": self.for_person}
        if not self.is_unavailable:
            return Refused(f"refused: {what}", **known)
        return Unavailable(f"not available: {what}", may_have_arrived=self.may_have_arrived, **known)


def unreadable(request_id: str | None = None) -> Failure:
    """An answer that is not Claude's, as of a proxy that shows a page of its own."""
    return Failure("unreadable answer", True, False, 200, request_id, may_have_arrived=True)


def failure_of(error: anthropic.APIError) -> Failure:
    """What the SDK's error says."""
    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error)
    if isinstance(error, anthropic.APIConnectionError):
        kind = "timeout" if isinstance(error, anthropic.APITimeoutError) else "no connection"
        sent = type(error.__cause__).__name__ not in _NOTHING_SENT
        return Failure(kind, True, True, may_have_arrived=sent)
    return unreadable()


def _of_status(error: anthropic.APIStatusError) -> Failure:
    status, headers = error.status_code, error.response.headers
    said = headers.get("x-should-retry")
    repeatable = status in _REPEATABLE or status >= 500
    inner = error.body.get("error") if isinstance(error.body, dict) else None
    details: dict[str, Any] = inner if isinstance(inner, dict) else {}
    return Failure(
        kind=_word(details.get("type")),
        is_unavailable=repeatable or said == "true",
        may_repeat=said == "true" if said in {"true", "false"} else repeatable,
        status=status,
        request_id=headers.get("request-id"),
        retry_after=seconds_of(headers.get("retry-after")),
        for_person=str(details.get("message", "")),
    )


def _word(kind: object) -> str:
    """An error's type, which is a word: anything else is not shown."""
    return kind if isinstance(kind, str) and kind.isidentifier() and len(kind) <= 60 else "error"


def seconds_of(header: str | None) -> float | None:
    """The seconds that `retry-after` asks for, given as a number or as a date; None when it says nothing."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        at = email.utils.parsedate_tz(header)
        if at is None:
            return None
        seconds = email.utils.mktime_tz(at) - time.time()
    return max(seconds, 0.0) if math.isfinite(seconds) else None
