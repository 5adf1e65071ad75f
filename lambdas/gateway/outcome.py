"""Outcome of a call: settled with the ledger, written to the record and counted in the access log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lambdas.gateway.called_tools import CalledTool
from lambdas.gateway.made import Made

Result = Literal["completed", "upstream_error", "failed", "interrupted", "client_gone", "accepted"]


@dataclass(slots=True)
class Outcome:
    """`usage` as reported by the provider (the Claude API's `usage` object), or None.

    `billable` is False if no provider accepted the request; `said_usage` says that `usage` is final,
    whether or not the answer was completed; `delivered_tokens` is the minimum that an answer without final
    usage has produced. `response` is what the client got, or was getting when the call ended.
    """

    result: Result
    status: int
    usage: dict[str, Any] | None = None
    billable: bool = False
    said_usage: bool = False
    delivered_tokens: int = 0
    stop_reason: str | None = None
    model: str | None = None  # as named in the answer
    upstream_request_id: str | None = None
    response: bytes = b""
    content_type: str = "application/json"
    reason: str = ""
    decisions: list[dict[str, Any]] = field(default_factory=list)
    called: list[CalledTool] = field(default_factory=list)  # tools, in call order
    made: Made | None = None  # what remains at the provider


def usage_and_stop_reason(message: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """Return what a whole Message says about itself; `(None, None)` without usage."""
    usage, stop_reason = message.get("usage"), message.get("stop_reason")
    if not isinstance(usage, dict):
        return None, None
    return usage, stop_reason if isinstance(stop_reason, str) else None


def failed_outcome(reason: str, status: int) -> Outcome:
    """Return the outcome of a call that no provider answered."""
    return Outcome("failed", status, reason=reason)


def client_gone_outcome(*, billable: bool = True) -> Outcome:
    """Return the outcome if the client disconnected while a provider worked, which may have charged all
    that was reserved.
    """
    return Outcome("client_gone", 499, billable=billable, reason="client_gone")
