"""A person's signed-in session on this machine: in the OS key store, or in a file for their eyes only."""

import base64
import contextlib
import json
import os
import secrets
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from claude_kit_token.errors import UNREACHABLE, USAGE, TokenError

_SERVICE = "claude-enterprise-kit"
_RENEW_SECONDS = 120  # before the access token expires
_STILL_GOOD_SECONDS = 5
_TIMEOUT = 15
_PIECE = 1000  # characters: Windows keeps at most 2,560 bytes in one entry, two a character


@dataclass(frozen=True)
class Session:
    """Where somebody is signed in, and with which tokens. `expires_at` in seconds since the epoch."""

    gateway_url: str
    sign_in_url: str
    client_id: str
    access_token: str
    refresh_token: str
    expires_at: float

    def claims(self) -> dict[str, Any]:
        """What the access token says. It is our own, fresh from the issuer: read, not verified."""
        part = self.access_token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def session_file() -> Path:
    """Where the session is kept when there is no key store."""
    given = os.environ.get("KIT_SESSION_FILE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / _SERVICE / "session.json"


class _KeyStore:
    """The OS key store through `keyring`. One that is locked, or does not answer, is an error in words."""

    def __init__(self, keyring: Any) -> None:
        self._keyring = keyring

    def read(self) -> str | None:
        names = self._names()
        pieces = [self._tried(lambda name=name: self._keyring.get_password(_SERVICE, name)) for name in names]
        return "".join(pieces) if names and None not in pieces else None

    def write(self, text: str) -> None:
        """In pieces under new names, then the entry that names them: a reader never sees half of it."""
        before, series = self._names(), secrets.token_hex(4)
        pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
        for number, piece in enumerate(pieces):
            name = f"session.{series}.{number}"
            self._tried(lambda name=name, piece=piece: self._keyring.set_password(_SERVICE, name, piece))
        head = f"{series}:{len(pieces)}"
        self._tried(lambda: self._keyring.set_password(_SERVICE, "session", head))
        self._delete(before)

    def forget(self) -> None:
        names = self._names()
        if names:
            self._delete(["session", *names])

    def _names(self) -> list[str]:
        head = self._tried(lambda: self._keyring.get_password(_SERVICE, "session"))
        series, _, count = (head or "").partition(":")
        return [f"session.{series}.{number}" for number in range(int(count))] if count.isdecimal() else []

    def _delete(self, names: list[str]) -> None:
        for name in names:
            with contextlib.suppress(TokenError):  # it is gone already
                self._tried(lambda name=name: self._keyring.delete_password(_SERVICE, name))

    def _tried(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:  # backends raise errors of their own, and of D-Bus, COM and Keychain
            raise TokenError(
                f"the key store of this machine does not open: {type(error).__name__}",
                hint="unlock it, or name a file for the session in KIT_SESSION_FILE",
                exit_code=UNREACHABLE,
            ) from None


def _key_store() -> _KeyStore | None:
    """The OS key store, where `keyring` is installed and finds one. A named file comes first."""
    if "KIT_SESSION_FILE" in os.environ:
        return None
    try:
        import keyring  # optional: not everybody's machine has a key store

        return _KeyStore(keyring) if keyring.get_keyring().priority > 0 else None
    except Exception:  # a backend that cannot even be asked is none
        return None


def save(session: Session) -> str:
    """Keep the session; says where."""
    text = json.dumps(asdict(session))
    store = _key_store()
    if store is not None:
        store.write(text)
        return "the key store of this machine"
    path = session_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_private(path, text)
    except OSError as error:
        raise TokenError(
            f"{path} cannot be written: {error.strerror}",
            hint="name another file for the session in KIT_SESSION_FILE",
            exit_code=UNREACHABLE,
        ) from None
    return str(path)


def _write_private(path: Path, text: str) -> None:
    """Write a file that only the user can read; a reader or an interruption never sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load() -> Session:
    """The session. Raises TokenError when nobody is signed in."""
    store = _key_store()
    with contextlib.suppress(ValueError, TypeError, FileNotFoundError):
        text = store.read() if store else session_file().read_text("utf-8")
        return Session(**json.loads(text or ""))
    raise TokenError(
        "nobody is signed in on this machine", hint="sign in: claude-kit-token login", exit_code=USAGE
    )


def forget() -> None:
    """Sign out on this machine. Idempotent."""
    store = _key_store()
    if store is not None:
        store.forget()
    session_file().unlink(missing_ok=True)


def fresh() -> Session:
    """The session with an access token that is good for two minutes more; renewed when it is not. Where the
    service cannot be reached, one that is good for a while still will do.

    One process at a time renews: refresh tokens rotate, and a second use of one looks like theft.
    """
    session = load()
    if session.expires_at - time.time() > _RENEW_SECONDS:
        return session
    with _alone():
        session = load()
        if session.expires_at - time.time() > _RENEW_SECONDS:
            return session
        form = {"grant_type": "refresh_token", "refresh_token": session.refresh_token}
        try:
            renewed = from_answer(session, ask_for_tokens(session, **form))
        except TokenError as error:
            unreachable = error.exit_code == UNREACHABLE
            if unreachable and session.expires_at - time.time() > _STILL_GOOD_SECONDS:
                return session
            raise
        save(renewed)
        return renewed


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    path = session_file().with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("w") as lock:
        _lock(lock)
        yield


def _lock(file: IO[str]) -> None:
    """Wait until nobody else has the file; it is free again when it is closed."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            with contextlib.suppress(OSError):  # it gives up after ten seconds
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                return
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX)


def from_answer(session: Session, answer: dict[str, Any]) -> Session:
    """The session with the tokens of a token endpoint's answer."""
    return replace(
        session,
        access_token=str(answer["access_token"]),
        refresh_token=str(answer.get("refresh_token") or session.refresh_token),
        expires_at=time.time() + float(answer.get("expires_in", 300)),
    )


def ask_for_tokens(session: Session, **form: str) -> dict[str, Any]:
    """The token endpoint's answer. Raises TokenError; nothing of a token is in its message."""
    return post(f"{session.sign_in_url}/oauth2/token", {**form, "client_id": session.client_id})


def revoke(session: Session) -> tuple[str, ...]:
    """Make the tokens worthless: no new ones of this sign-in, and the one in hand not taken any more.

    Returns who could not be notified, in words; then a copy of that token stays good until it expires.
    """
    untold: list[str] = []
    form = {"token": session.refresh_token, "client_id": session.client_id}
    try:
        post(f"{session.sign_in_url}/oauth2/revoke", form)
    except TokenError:
        untold.append("the sign-in service")
    if session.expires_at > time.time():
        try:
            post(
                f"{session.gateway_url}/v1/sign-out", {}, {"authorization": f"Bearer {session.access_token}"}
            )
        except TokenError:
            untold.append("the gateway")
    return tuple(untold)


def post(url: str, form: dict[str, str], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON answer to a form. Raises TokenError; its `reason` is the error of OAuth, if there is one."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost"}:
        raise TokenError(f"{parts.hostname} is not reached over https", hint="sign in at an https address")
    request = urllib.request.Request(  # noqa: S310 - checked above
        url,
        data=urllib.parse.urlencode(form).encode(),
        headers={"content-type": "application/x-www-form-urlencoded", **(headers or {})},
    )
    try:
        with _OPENER.open(request, timeout=_TIMEOUT) as answer:
            body = answer.read(1 << 20)
            return json.loads(body) if body else {}
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            raise _unreachable(parts.hostname) from None
        reason = _reason(error)
        raise TokenError(
            f"the sign-in service refused: {reason}",
            hint="sign in again: claude-kit-token login",
            exit_code=USAGE,
            reason=reason,
        ) from None
    except (OSError, ValueError):
        raise _unreachable(parts.hostname) from None


def _unreachable(host: str | None) -> TokenError:
    return TokenError(
        f"the sign-in service at {host} does not answer",
        hint="check the network and try again",
        exit_code=UNREACHABLE,
    )


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Tokens are sent to whom they are meant for, and to nobody whom that one points to."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """None: the redirect is an answer like any other, and no tokens."""


_OPENER = urllib.request.build_opener(_NoRedirects)


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        document = json.loads(error.read(4096))
        return str(document.get("error") or document.get("__type") or error.code)[:100]
    except (ValueError, AttributeError):
        return str(error.code)
