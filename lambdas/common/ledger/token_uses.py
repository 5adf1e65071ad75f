"""What is known of tokens beyond what they say: used up already, or of a session that has ended (L1.3, G.4).

A token says until when it is good, and nothing that happens later changes what it says. So two facts are kept
in the ledger's table, each under a hash, for as long as they can matter:

    pk                  sk       what
    TOKEN#<hash>        USED     a one-time token was used
    SESSION#<hash>      ENDED    the person signed out; no token of that sign-in is good any more
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from lambdas.common.clock import Clock, utc_now
from lambdas.common.ledger.items import TTL, Cancelled, Create, Key, Store

# Refresh tokens live for 30 days: a session of which they could not be revoked is over by then.
_SESSION_KEPT = timedelta(days=31)
_MARGIN_SECONDS = 3600  # a clock that is slow must not let a used token in again
_ENDED_AT = "ended_at"


def use_name(issuer: str, jti: str) -> str:
    """A one-time token as it is kept: an issuer's ids are its own."""
    return hashlib.sha256(f"token\n{issuer}\n{jti}".encode()).hexdigest()


def session_name(issuer: str, session: str) -> str:
    """A session as it is kept."""
    return hashlib.sha256(f"session\n{issuer}\n{session}".encode()).hexdigest()


def session_key(session: str) -> Key:
    """Where the end of a session is kept; nothing is there while it goes on."""
    return Key("ledger", f"SESSION#{session}", "ENDED")


@dataclass(frozen=True, slots=True)
class TokenUses:
    """Remembers uses and ends. Raises what `store` raises when it does not answer: then nobody may be let
    in.
    """

    store: Store
    clock: Clock = utc_now

    async def use(self, name: str, until: float) -> bool:
        """Use a one-time token up, which is good until `until` (seconds since the epoch). False: it was used
        before. Of many at once exactly one gets True.
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
        """Whether a session has ended."""
        (item,) = await self.store.get([session_key(session)])
        return item is not None

    def _now(self) -> int:
        return int(self.clock().timestamp())
