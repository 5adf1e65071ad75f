"""Errors of the gateway, in the format that Claude's clients understand.

Envelope and types are those of the Claude API: `{"type": "error", "error": {"type", "message"},
"request_id"}`. Refusals that a retry cannot change have the header `x-should-retry: false`, which the
official SDKs check before the status.
"""

import json
from collections.abc import Awaitable, Sequence
from typing import TypeVar

Header = tuple[bytes, bytes]

INVALID_REQUEST = "invalid_request_error"
AUTHENTICATION = "authentication_error"
BILLING = "billing_error"
PERMISSION = "permission_error"
NOT_FOUND = "not_found_error"
TOO_LARGE = "request_too_large"
RATE_LIMIT = "rate_limit_error"
API = "api_error"
TIMEOUT = "timeout_error"
OVERLOADED = "overloaded_error"

Value = TypeVar("Value")

POLICY_STATUS = 451
REASON_HEADER = b"x-kit-reason"  # `ApiError.reason`: for programs that explain a refusal in their own words


class ApiError(Exception):
    """An error answer. `retry` None leaves the decision to the client's own rules for the status.

    `reason` is a short machine-readable word for the access log and the records; it never contains a value
    of the caller's.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        reason: str,
        retry: bool | None = None,
        headers: Sequence[Header] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.reason = reason
        self.retry = retry
        self.headers = tuple(headers)

    def response_headers(self) -> list[Header]:
        """Return the headers of the answer, except `request-id` and `content-length`."""
        headers = [(b"content-type", b"application/json"), *self.headers]
        headers.append((REASON_HEADER, self.reason.encode()))
        if self.retry is not None:
            headers.append((b"x-should-retry", b"true" if self.retry else b"false"))
        return headers

    def body(self, request_id: str) -> bytes:
        """Return the error envelope."""
        return error_envelope(self.kind, self.message, request_id)


def error_envelope(kind: str, message: str, request_id: str) -> bytes:
    """Return the JSON body of an error answer."""
    envelope = {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
    return json.dumps(envelope).encode()


def error_event(kind: str, message: str) -> bytes:
    """Return the server-sent event that ends a stream which cannot be completed."""
    data = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    return b"event: error\ndata: " + data + b"\n\n"


def invalid_request(message: str, *, reason: str = "malformed") -> ApiError:
    """Return a 400: the request itself is invalid, and sending it again changes nothing."""
    return ApiError(400, INVALID_REQUEST, message, reason=reason, retry=False)


def policy_refusal(message: str, reason: str) -> ApiError:
    """Return a 451: a rule of the organisation refuses the request, which only a person can change.

    Of all statuses it is the one that clients show unchanged and do not retry: Claude Code takes a 403 for
    an expired sign-in and tells people to sign in again, sends a request six times after a 400 or 422, and
    has its own text for 404 and 413 (docs/callers.md has the table).
    """
    return ApiError(POLICY_STATUS, PERMISSION, message, reason=reason, retry=False)


def not_found(message: str, *, reason: str = "not_found") -> ApiError:
    """Return a 404: no such route, model, batch or record, or none that this caller may see."""
    return ApiError(404, NOT_FOUND, message, reason=reason, retry=False)


def control_unavailable(control: str) -> ApiError:
    """Return a 503: a control is unavailable, so the call is refused (fail closed)."""
    return ApiError(
        503,
        API,
        f"The gateway cannot take calls now: its {control} is not available. Nothing was sent to Claude.",
        reason=f"{control.replace(' ', '_')}_unavailable",
        retry=False,
    )


async def available(work: Awaitable[Value], control: str = "ledger") -> Value:
    """Await a control. Raises the `ApiError` 503 of `control_unavailable`, whatever it raises."""
    try:
        return await work
    except Exception:
        raise control_unavailable(control) from None


def erased() -> ApiError:
    """Return a 403: the caller's data were erased, so nothing may be stored of a new call, and none is
    made.
    """
    return ApiError(
        403,
        PERMISSION,
        "Your data were erased, and with them the right to call under this identity.",
        reason="subject_erased",
        retry=False,
    )


def caller_busy(most: int | str) -> ApiError:
    """Return a 429: the caller has the maximum number of calls in progress."""
    return ApiError(
        429,
        RATE_LIMIT,
        f"You have {most} calls under way, the most that you may have at once; wait for one to end.",
        reason="caller_concurrency",
        headers=((b"retry-after", b"1"),),
    )


def control_busy(control: str) -> ApiError:
    """Return a 503: a control was too busy to decide; the same request may pass a moment later."""
    return ApiError(
        503,
        OVERLOADED,
        f"The gateway's {control} is busy; try again in a moment. Nothing was sent to Claude.",
        reason=f"{control.replace(' ', '_')}_busy",
        retry=True,
        headers=((b"retry-after", b"1"),),
    )
