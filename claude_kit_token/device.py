"""Signing in without a browser on this machine: the device authorization grant (RFC 8628)."""

import time
from collections.abc import Callable
from typing import Any

from claude_kit_token.errors import UNREACHABLE, TokenError
from claude_kit_token.session import Session, from_answer, post

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER = 5  # seconds more between two questions when asked to slow down (RFC 8628, 3.5)


def by_device(
    session: Session,
    portal_url: str,
    *,
    show: "Callable[[str], None]",
    sleep: "Callable[[float], None]" = time.sleep,
    clock: "Callable[[], float]" = time.monotonic,
) -> Session:
    """Show a code that a signed-in person enters in the portal, and wait for consent. Raises TokenError."""
    if not portal_url:
        raise TokenError("this machine does not know the portal", hint="give --portal-url, or --no-browser")
    asked = post(f"{portal_url}/device/authorization", {"client_id": session.client_id})
    try:
        code, shown = str(asked["device_code"]), str(asked["user_code"])
        where, ends = str(asked["verification_uri"]), clock() + float(asked["expires_in"])
        interval = float(asked.get("interval", 5))
    except (KeyError, TypeError, ValueError):
        raise TokenError("the portal's answer cannot be read", exit_code=UNREACHABLE) from None
    show(f"open {where} on any device and enter the code {shown}")
    show("enter it only if you began this sign-in yourself: the program that shows it gets your access")
    form = {"grant_type": GRANT, "device_code": code, "client_id": session.client_id}
    while clock() < ends:
        sleep(interval)
        state, answer = _ask(f"{portal_url}/device/token", form)
        if state == "ok":
            return from_answer(session, answer)
        if state == "slow_down":
            interval += _SLOWER
        elif state != "authorization_pending":
            break
    raise TokenError("nobody agreed to this sign-in in time, or it was refused", hint="begin it again")


def _ask(url: str, form: "dict[str, str]") -> "tuple[str, dict[str, Any]]":
    """`ok` and the tokens, or the word of the refusal. While the network is away one waits on."""
    try:
        return "ok", post(url, form)
    except TokenError as error:
        return ("authorization_pending" if error.exit_code == UNREACHABLE else error.reason), {}
