"""Sessions: a random cookie in the browser, and the tokens encrypted under it in the table (G.4, L1.3).

The cookie is 256 random bits. The row's key is one hash of it and the encryption key another, so the table
alone yields neither token nor cookie. A session ends after an hour without a request, after twelve hours at
the latest, at sign-out, and whenever the person's access record changes, which is read with every page.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lambdas.common.clock import Clock, utc_now
from lambdas.portal import sealing
from lambdas.portal.table import PortalTable, Row, RowConflict

IDLE = timedelta(minutes=60)
ABSOLUTE = timedelta(hours=12)
_TOUCH_SECONDS = 60  # an hour is counted from a time that is at most this old
_SESSION, CONVERSATION = "SESSION", "CONV#"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens from the user pool. `expires_at` is that of the access token, in seconds since the epoch."""

    access: str
    identity: str
    refresh: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. `person` is the id of provisioning, `name` the person's name at the provider."""

    secret: str
    person: str
    name: str
    tokens: Tokens
    signed_in_at: int
    seen_at: int
    version: int

    @property
    def form_key(self) -> bytes:
        """Return the key of the session's form tokens."""
        return hashlib.sha256(b"form|" + self.secret.encode()).digest()


class Sessions:
    """Opens, finds, refreshes and ends sessions. Its calls block."""

    def __init__(self, table: PortalTable, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def open(self, person: str, name: str, tokens: Tokens) -> Session:
        """Open a session under a new secret."""
        now = int(self._clock().timestamp())
        session = Session(secrets.token_urlsafe(32), person, name, tokens, now, now, 0)
        written = self._table.create(self._row(session))
        return replace(session, version=written.version)

    def find(self, secret: str) -> Session | None:
        """Return the session of a cookie; None if there is none, or it has ended."""
        row = self._table.get(partition(secret), _SESSION) if secret else None
        plain = unseal(secret, row) if row is not None else None
        if row is None or plain is None:
            return None
        session = Session(
            secret,
            plain["person"],
            plain["name"],
            Tokens(**plain["tokens"]),
            plain["signed_in_at"],
            plain["seen_at"],
            row.version,
        )
        now = self._clock().timestamp()
        if now >= min(
            session.seen_at + IDLE.total_seconds(), session.signed_in_at + ABSOLUTE.total_seconds()
        ):
            return None
        return session

    def touch(self, session: Session) -> Session:
        """Note that the session was used. Another tab may have done so first."""
        now = int(self._clock().timestamp())
        if now - session.seen_at < _TOUCH_SECONDS:
            return session
        return self._change(replace(session, seen_at=now)) or self.find(session.secret) or session

    def refreshed(self, session: Session, tokens: Tokens) -> Session:
        """Store new tokens; if another tab was first, return its session."""
        changed = replace(session, tokens=tokens, seen_at=int(self._clock().timestamp()))
        return self._change(changed) or self.find(session.secret) or session

    def end(self, session: Session) -> None:
        """End the session, and with it every conversation stored in it."""
        self._table.delete_partition(partition(session.secret))

    # -- what a session keeps ------------------------------------------------------------------------------

    def keep(self, session: Session, name: str, content: Mapping[str, Any]) -> None:
        """Store something encrypted until the session's absolute end. Raises `TooLarge`."""
        row = Row(partition(session.secret), name, expires=self._expires(session))
        self._table.write(replace(row, data={"sealed": seal(session.secret, row.pk, name, content)}))

    def kept(self, session: Session, name: str) -> dict[str, Any] | None:
        """Return what was stored under `name`, or None."""
        row = self._table.get(partition(session.secret), name)
        return unseal(session.secret, row) if row is not None else None

    def _change(self, session: Session) -> Session | None:
        row = self._row(session)
        try:
            written = self._table.change(replace(row, version=session.version))
        except RowConflict:
            return None
        return replace(session, version=written.version)

    def _row(self, session: Session) -> Row:
        plain = {
            "person": session.person,
            "name": session.name,
            "tokens": {
                name: getattr(session.tokens, name)
                for name in ("access", "identity", "refresh", "expires_at")
            },
            "signed_in_at": session.signed_in_at,
            "seen_at": session.seen_at,
        }
        pk = partition(session.secret)
        sealed = seal(session.secret, pk, _SESSION, plain)
        return Row(pk, _SESSION, {"sealed": sealed}, expires=self._expires(session))

    def _expires(self, session: Session) -> int:
        return session.signed_in_at + int(ABSOLUTE.total_seconds())


def partition(secret: str) -> str:
    """Return the `pk` of a session's rows."""
    return "SESSION#" + hashlib.sha256(b"row|" + secret.encode()).hexdigest()


def seal(secret: str, pk: str, sk: str, plain: Mapping[str, Any]) -> str:
    """Encrypt `plain` under the session's own key, bound to the row."""
    return sealing.seal(_cipher(secret), pk, sk, plain)


def unseal(secret: str, row: Row) -> dict[str, Any] | None:
    """Decrypt a row; None if it was not encrypted under this secret for this row."""
    return sealing.unseal(_cipher(secret), row.pk, row.sk, row.data.get("sealed"))


def _cipher(secret: str) -> AESGCM:
    return AESGCM(hashlib.sha256(b"key|" + secret.encode()).digest())
