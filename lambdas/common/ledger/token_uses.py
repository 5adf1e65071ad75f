"""State of tokens beyond their claims: used already, or of a session that has ended (L1.3, G.4).

A token states its expiry, which later events cannot change. Two facts are therefore stored in the ledger's
table, each under a hash, for as long as they can matter:

    pk                  sk       what
    TOKEN#<hash>        USED     a one-time token was used
    SESSION#<hash>      ENDED    the person signed out; no token of that sign-in is valid any more
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from lambdas.common.clock import Clock, utc_now
from lambdas.common.ledger.items import TTL, Cancelled, Create, Key, Store

# Refresh tokens are valid for 30 days: a session whose tokens could not be revoked is over by then.
_SESSION_KEPT = timedelta(days=31)
_MARGIN_SECONDS = 3600  # a slow clock must not accept a used token again
_ENDED_AT = "ended_at"


def use_name(issuer: str, jti: str) -> str:
    """Return the stored name of a one-time token; ids are unique per issuer."""
    return hashlib.sha256(f"token\n{issuer}\n{jti}".encode()).hexdigest()


def session_name(issuer: str, session: str) -> str:
    """Return the stored name of a session."""
    return hashlib.sha256(f"session\n{issuer}\n{session}".encode()).hexdigest()


def session_key(session: str) -> Key:
    """Return the key under which the end of a session is stored."""
    return Key("ledger", f"SESSION#{session}", "ENDED")


@dataclass(frozen=True, slots=True)
class TokenUses:
    """Stores uses and ends. Raises what `store` raises if it does not answer; access must then be denied."""

    store: Store
    clock: Clock = utc_now

    async def use(self, name: str, until: float) -> bool:
        """Use a one-time token, valid until `until` (seconds since the epoch).

        Return False if it was used before. Of concurrent uses exactly one returns True.
        """
        kept = {"used_at": self._now(), TTL: int(until) + _MARGIN_SECONDS}
        try:
            await self.store.transact([Create(Key("ledger", f"TOKEN#{name}", "USED"), kept)])
        except Cancelled:
            return False
        return True

    async def end(self, session: str) -> None:
        """End a session. Idempotent."""
        kept = {_ENDED_AT: self._now(), TTL: self._now() + int(_SESSION_KEPT.total_seconds())}
        try:
            await self.store.transact([Create(session_key(session), kept)])
        except Cancelled:
            return

    async def has_ended(self, session: str) -> bool:
        """Return whether a session has ended."""
        (item,) = await self.store.get([session_key(session)])
        return item is not None

    def _now(self) -> int:
        return int(self.clock().timestamp())
