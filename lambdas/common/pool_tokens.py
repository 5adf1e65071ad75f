"""Access tokens verified by the user pool itself, for functions that act in a person's name (G.4).

The caller of such a function passes on the person's token, and the pool is asked about it before anything
is done, so a compromised caller can do nothing for a person whose token it does not hold.
"""

import base64
import json
import urllib.error
import urllib.request
from typing import Any, cast

_SECONDS = 5.0
_TOKEN_CHARACTERS = 16 * 1024


class Refused(Exception):
    """The event is rejected. The text is a fixed word."""


def genuine_claims(token: str, user_info_url: str) -> dict[str, Any]:
    """Return the claims of an access token after the pool has accepted it. Raises `Refused`.

    The pool rejects tokens that it did not issue, that have expired, or that were revoked.
    """
    if not 0 < len(token) <= _TOKEN_CHARACTERS or not token.isascii() or not token.isprintable():
        raise Refused("token")
    request = urllib.request.Request(user_info_url, headers={"authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            accepted = answer.status == 200
    except urllib.error.HTTPError:
        accepted = False
    except OSError:
        raise Refused("pool_unavailable") from None
    if not accepted:
        raise Refused("token")
    try:
        payload = token.split(".")[1]
        decoded = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        raise Refused("token") from None
    if not isinstance(decoded, dict):
        raise Refused("token")
    claims = cast("dict[str, Any]", decoded)
    if claims.get("token_use") != "access":
        raise Refused("token")
    return claims
