"""Signing in by browser: authorization code with PKCE, answered on the loopback address (RFC 8252)."""

import base64
import hashlib
import http.server
import secrets
import threading
import time
import urllib.parse
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass

from claude_kit_token.errors import UNREACHABLE, USAGE, TokenError
from claude_kit_token.session import Session, ask_for_tokens, from_answer

PROVIDER = "organization"  # what the user pool calls the identity provider
PORTS = (8976, 18976)  # the app client knows these two addresses only
_SCOPES = "openid email claude/messages"
_PAGE = "<!doctype html><meta charset=utf-8><title>Claude</title><p>{}"
_BACK = "You may close this page and go back to the terminal."
_REFUSED = "Sign-in was refused. The terminal says why."
_NOT_OURS = "This answer does not belong to the sign-in that is under way."


@dataclass(frozen=True)
class Attempt:
    """One sign-in under way. `verifier` never leaves this process before the code is exchanged."""

    redirect_uri: str
    state: str
    verifier: str

    def url(self, session: Session) -> str:
        """What the person opens."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": session.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": _SCOPES,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "identity_provider": PROVIDER,  # straight there: the pool itself has nobody with a password
        }
        return f"{session.sign_in_url}/oauth2/authorize?{urllib.parse.urlencode(query)}"

    def is_own(self, answer: str) -> bool:
        """Whether the address that a browser came back to has the state of this sign-in, a secret of ours."""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.strip()).query)
        return secrets.compare_digest((query.get("state") or [""])[0].encode(), self.state.encode())

    def code(self, answer: str) -> str:
        """The code in the address that the browser came back to. Raises TokenError."""
        if not self.is_own(answer):
            raise TokenError("the answer does not belong to this sign-in", hint="begin the sign-in again")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.strip()).query)
        if "code" not in query:
            reason = (query.get("error_description") or query.get("error") or ["no code"])[0]
            raise TokenError(f"sign-in was refused: {reason[:200]}", exit_code=USAGE)
        return query["code"][0]


def attempt(port: int) -> Attempt:
    """A fresh sign-in that comes back to `port`."""
    return Attempt(f"http://localhost:{port}/callback", secrets.token_urlsafe(24), secrets.token_urlsafe(48))


def by_browser(session: Session, *, seconds: float, show: Callable[[str], None]) -> Session:
    """Sign in with the browser of this machine. Raises TokenError after `seconds`."""
    server = _listen()
    under_way = server.under_way = attempt(int(server.server_address[1]))
    show(under_way.url(session))
    # some browsers are waited for, and the answer comes while they run
    threading.Thread(target=webbrowser.open, args=(under_way.url(session),), daemon=True).start()
    deadline = time.monotonic() + seconds
    try:
        while server.answer is None:
            server.handle_request()
            if server.answer is None and time.monotonic() >= deadline:
                raise TokenError(
                    f"nobody signed in within {seconds:g} seconds", hint="begin the sign-in again"
                )
    finally:
        server.server_close()
    return complete(session, under_way, server.answer)


def complete(session: Session, under_way: Attempt, answer: str) -> Session:
    """Exchange the code that came back for tokens."""
    tokens = ask_for_tokens(
        session,
        grant_type="authorization_code",
        code=under_way.code(answer),
        redirect_uri=under_way.redirect_uri,
        code_verifier=under_way.verifier,
    )
    return from_answer(session, tokens)


class _Loopback(http.server.ThreadingHTTPServer):
    """Browsers open connections ahead of need: one that says nothing must not keep the answer waiting."""

    daemon_threads = True
    timeout = 0.2  # seconds after which `handle_request` looks whether the answer has come
    under_way: Attempt | None = None
    answer: str | None = None


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if urllib.parse.urlsplit(self.path).path != "/callback":
            self.send_error(404)
            return
        server = self.server
        if (
            not isinstance(server, _Loopback)
            or not server.under_way
            or not server.under_way.is_own(self.path)
        ):
            self._show(400, _NOT_OURS)  # any page can send a browser here: the sign-in waits on
            return
        self._show(200, _BACK if "code=" in self.path else _REFUSED)
        server.answer = self.path

    def _show(self, status: int, text: str) -> None:
        page = _PAGE.format(text).encode()
        self.send_response(status)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:
        """The address holds the code: it goes into no log."""


def _listen() -> _Loopback:
    for port in PORTS:
        try:
            return _Loopback(("127.0.0.1", port), _Handler)
        except OSError:
            continue
    raise TokenError(
        f"ports {' and '.join(map(str, PORTS))} are in use",
        hint="free one, or sign in with --no-browser",
        exit_code=UNREACHABLE,
    )
