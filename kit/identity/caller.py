"""The credential for the gateway on this machine, and what the gateway says about it."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kit.errors import ExitCode, KitError

_TIMEOUT = 10


@dataclass(frozen=True)
class Caller:
    """A credential and its gateway. `expires_at` in seconds since the epoch, None for a key."""

    gateway_url: str
    token: str
    expires_at: float | None = None


def credential() -> Caller:
    """Return the credential in the environment, as Anthropic's SDKs read it, or else the session's. Raises
    KitError.
    """
    url = os.environ.get("ANTHROPIC_BASE_URL", "").rstrip("/")
    token = os.environ.get("ANTHROPIC_AUTH_TOKEN") or os.environ.get("ANTHROPIC_API_KEY")
    if url and token:
        return Caller(url, token)
    from kit.identity.session import fresh

    session = fresh()
    return Caller(session.gateway_url, session.access_token, session.expires_at)


def ask_who(caller: Caller) -> dict[str, Any]:
    """Call `GET /v1/me`. Raises KitError."""
    return _ask(caller, "/v1/me")


def _ask(caller: Caller, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the gateway's answer. Raises KitError, without anything of the credential in its message."""
    parts = urlsplit(caller.gateway_url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost"}:
        raise KitError(f"{parts.hostname} is not reached over https", hint="give an https address")
    request = urllib.request.Request(  # noqa: S310 - checked above
        caller.gateway_url + path,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"authorization": f"Bearer {caller.token}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return json.loads(answer.read(1 << 20))
    except urllib.error.HTTPError as error:
        raise KitError(
            f"the gateway refuses: {_message(error)}",
            hint="kit login, or another key",
            exit_code=ExitCode.USAGE,
        ) from None
    except (OSError, ValueError):
        raise KitError(
            f"the gateway at {parts.hostname} does not answer",
            hint="check the address and the network; locally: kit status",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None


def ask_for_budget(caller: Caller, monthly_microusd: int, reason: str) -> dict[str, Any]:
    """Call `POST /v1/budget-requests`. Raises KitError."""
    return _ask(caller, "/v1/budget-requests", {"monthly_microusd": monthly_microusd, "reason": reason})


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(65536))["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.code)
