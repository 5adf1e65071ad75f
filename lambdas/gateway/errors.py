"""Every refusal and failure of the gateway in the one shape that Claude's clients understand.

Envelope and types are those of the Claude API: `{"type": "error", "error": {"type", "message"},
"request_id"}`. Refusals that a retry cannot change carry `x-should-retry: false`, which the official SDKs
obey before they look at the status.
"""

import json
from collections.abc import Sequence

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

POLICY_STATUS = 451
REASON_HEADER = (
    b"x-kit-reason"  # `ApiError.reason`: for programs that explain a refusal in words of their own
)


class ApiError(Exception):
    """An answer that is an error. `retry` None leaves the decision to the client's own rules for the status.

    `reason` is the short machine name of why, for the access log and the records; it never holds a value of
    the caller's.
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
        """Headers of the answer, apart from `request-id` and `content-length`."""
        headers = [(b"content-type", b"application/json"), *self.headers]
        headers.append((REASON_HEADER, self.reason.encode()))
        if self.retry is not None:
            headers.append((b"x-should-retry", b"true" if self.retry else b"false"))
        return headers

    def body(self, request_id: str) -> bytes:
        """The error envelope."""
        return error_envelope(self.kind, self.message, request_id)


def error_envelope(kind: str, message: str, request_id: str) -> bytes:
    """The JSON body of an error answer."""
    envelope = {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
    return json.dumps(envelope).encode()


def error_event(kind: str, message: str) -> bytes:
    """The server-sent event that ends a stream which cannot be completed."""
    data = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    return b"event: error\ndata: " + data + b"\n\n"


def invalid_request(message: str, *, reason: str = "malformed") -> ApiError:
    """400: the request itself is wrong; sending it again changes nothing."""
    return ApiError(400, INVALID_REQUEST, message, reason=reason, retry=False)


def policy_refusal(message: str, reason: str) -> ApiError:
    """451: a rule of the organisation stands in the way, and only a person can change that.

    Of all statuses it is the one that clients show as it is and do not repeat: Claude Code takes a 403 for a
    sign-in that has ended and tells people to sign in again, posts a request that got a 400 or 422 six times,
    and has a text of its own for 404 and 413 (docs/callers.md has the table).
    """
    return ApiError(POLICY_STATUS, PERMISSION, message, reason=reason, retry=False)


def not_found(message: str, *, reason: str = "not_found") -> ApiError:
    """404: no such route, model, batch or record, or none that this caller may see."""
    return ApiError(404, NOT_FOUND, message, reason=reason, retry=False)


def control_unavailable(control: str) -> ApiError:
    """503: a control cannot be exercised, so the call is refused (fail closed)."""
    return ApiError(
        503,
        API,
        f"The gateway cannot take calls now: its {control} is not available. Nothing was sent to Claude.",
        reason=f"{control.replace(' ', '_')}_unavailable",
        retry=False,
    )


def erased() -> ApiError:
    """403: the caller's data were erased, so nothing may be kept of a new call, and none is made."""
    return ApiError(
        403,
        PERMISSION,
        "Your data were erased, and with them the right to call under this identity.",
        reason="subject_erased",
        retry=False,
    )


def caller_busy(most: int | str) -> ApiError:
    """429: the caller has as many calls under way as it may have."""
    return ApiError(
        429,
        RATE_LIMIT,
        f"You have {most} calls under way, the most that you may have at once; wait for one to end.",
        reason="caller_concurrency",
        headers=((b"retry-after", b"1"),),
    )


def control_busy(control: str) -> ApiError:
    """503: a control was too busy to decide; the same request may pass a moment later."""
    return ApiError(
        503,
        OVERLOADED,
        f"The gateway's {control} is busy; try again in a moment. Nothing was sent to Claude.",
        reason=f"{control.replace(' ', '_')}_busy",
        retry=True,
        headers=((b"retry-after", b"1"),),
    )
