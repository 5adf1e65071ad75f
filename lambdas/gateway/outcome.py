"""What came of a call: what is settled with the ledger, written into the record and counted in the access
log.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lambdas.gateway.called_tools import CalledTool
from lambdas.gateway.made import Made

Result = Literal["completed", "upstream_error", "failed", "interrupted", "client_gone", "accepted"]


@dataclass(slots=True)
class Outcome:
    """`usage` as the provider reported it (the Claude API's `usage` object); None when it reported none.

    `billable` is False when no provider took the request; `said_usage` says that `usage` is the final one,
    whether the answer was completed or not; `delivered_tokens` is the least that an answer
    without final usage has produced. `response` is what the client got, or was being given when the call
    ended.
    """

    result: Result
    status: int
    usage: dict[str, Any] | None = None
    billable: bool = False
    said_usage: bool = False
    delivered_tokens: int = 0
    stop_reason: str | None = None
    model: str | None = None  # as the answer calls it
    upstream_request_id: str | None = None
    response: bytes = b""
    content_type: str = "application/json"
    reason: str = ""
    decisions: list[dict[str, Any]] = field(default_factory=list)
    called: list[CalledTool] = field(default_factory=list)  # tools, in the order of the calls
    made: Made | None = None  # what stays at the provider


def usage_and_stop_reason(message: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """What a whole Message says of itself; `(None, None)` without usage."""
    usage, stop_reason = message.get("usage"), message.get("stop_reason")
    if not isinstance(usage, dict):
        return None, None
    return usage, stop_reason if isinstance(stop_reason, str) else None


def failed_outcome(reason: str, status: int) -> Outcome:
    """A call that ended without any answer: no provider gave one."""
    return Outcome("failed", status, reason=reason)


def client_gone_outcome(*, billable: bool = True) -> Outcome:
    """The client left while a provider was at work, which may have charged all that was held."""
    return Outcome("client_gone", 499, billable=billable, reason="client_gone")
