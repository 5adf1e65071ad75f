"""What a caller sees of a provider's error: the provider's own bytes, because Claude Code recovers by their
exact wording (L1.1, L1.7).

There are two exceptions. AWS names roles and accounts of the organisation in its errors: those names are
redacted in place. And anything that is not JSON, such as the page of an intermediate load balancer, becomes
an error with the same status in Claude's format.
"""

import json
import re

from lambdas.gateway import errors
from lambdas.gateway.call import Answer

_ARN = re.compile(rb"arn:aws[\w-]*:[^\s\"',\\\\]+")
_ACCOUNT = re.compile(rb"(?<![\w.-])\d{12}(?![\w.-])")
_WITHHELD = b"(withheld)"
_KINDS = {
    400: errors.INVALID_REQUEST,
    401: errors.AUTHENTICATION,
    403: errors.PERMISSION,
    404: errors.NOT_FOUND,
    413: errors.TOO_LARGE,
    429: errors.RATE_LIMIT,
    504: errors.TIMEOUT,
    529: errors.OVERLOADED,
}


def sanitized(answer: Answer, body: bytes, request_id: str) -> bytes:
    """Return the body of an error for its caller, updating the answer's content type."""
    if not _is_json_object(body):
        status = answer.response.status
        kind = _KINDS.get(status, errors.API if status >= 500 else errors.INVALID_REQUEST)
        answer.response.headers = [
            (b"content-type", b"application/json"),
            *(header for header in answer.response.headers if header[0] != b"content-type"),
        ]
        message = (
            f"The provider {answer.provider.name} answered with status {status} and no error of Claude's."
        )
        return errors.error_envelope(kind, message, request_id)
    if answer.provider.on_aws:
        return _ACCOUNT.sub(_WITHHELD, _ARN.sub(_WITHHELD, body))
    return body


def _is_json_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False
