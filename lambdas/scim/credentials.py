"""Who may provision: named tokens with an owner, an end and sources, and OAuth client credentials (G.4).

In the table `directory`:

    pk                    sk          what
    TOKEN#<sha256>        TOKEN       `name`, `owner`, `expires_at`, `networks`; gone when it is revoked
    TOKENS                <name>      the digest of the token of that name, `last_used_at`
    GRANTS                <sha256>    an access token that a named token was exchanged for (RFC 6749, 4.4)

A token itself is nowhere: it has 256 random bits, so its plain hash is as good as a keyed one. What was read
is believed for `KNOWN_SECONDS`, so a revoked token ends within that time everywhere.
"""

import hashlib
import ipaddress
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from lambdas.common.clock import Clock, utc_now
from lambdas.scim.store import DirectoryStore, DirectoryUnavailable, Item, Write

KNOWN_SECONDS = 5.0
GRANT_LIFETIME = timedelta(hours=1)
REQUESTS_PER_SECOND = 100.0  # of one token in one process; Entra sends 25
BURST = 400.0
DEFAULT = "default"  # the token of the secret, which `kit scim rotate` changes
_MOST_KNOWN = 1_000
_LONGEST_TOKEN = 4_096
_USED_EVERY_SECONDS = 60.0
_TOKENS = "TOKENS"
_GRANTS = "GRANTS"


@dataclass(frozen=True, slots=True)
class NamedToken:
    """A stored token. Without `expires_at` it does not expire, without `networks` it is accepted from
    anywhere.
    """

    name: str
    digest: str
    owner: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    networks: tuple[str, ...] = ()
    last_used_at: datetime | None = None
    granted: bool = False  # an access token, which buys no other

    def good_at(self, now: datetime) -> bool:
        """Return whether it has not expired."""
        return self.expires_at is None or now < self.expires_at

    def good_from(self, address: str) -> bool:
        """Return whether it is accepted from this address. An invalid address is not."""
        if not self.networks:
            return True
        try:
            source = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(source in ipaddress.ip_network(one) for one in self.networks)


def digest_of(token: str) -> str:
    """Return the digest by which a token is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def new_secret() -> str:
    """Return a new token of 256 random bits."""
    return secrets.token_urlsafe(32)


class NamedTokens:
    """Creates, lists, revokes and verifies tokens. Raises `DirectoryUnavailable`."""

    def __init__(
        self,
        store: DirectoryStore,
        *,
        clock: Clock = utc_now,
        stopwatch: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._stopwatch = stopwatch
        self._known: OrderedDict[str, tuple[float, NamedToken | None]] = OrderedDict()
        self._buckets: dict[str, tuple[float, float]] = {}
        self._used: dict[str, float] = {}
        self._lock = threading.Lock()

    # -- the operator --------------------------------------------------------------------------------------

    def create(self, token: NamedToken) -> None:
        """Store a token by its digest, replacing one with the same name."""
        before = self._named(token.name)
        writes = [
            Write(self._store.put(f"TOKEN#{token.digest}", "TOKEN", _item(token))),
            Write(self._store.put(_TOKENS, token.name, {"digest": {"S": token.digest}})),
        ]
        if before is not None:
            writes.append(Write(self._store.delete(f"TOKEN#{before.digest}", "TOKEN")))
        self._store.transact(writes)

    def revoke(self, name: str) -> bool:
        """Revoke a token. Return False if there is none with that name."""
        found = self._named(name)
        if found is None:
            return False
        gone = [(f"TOKEN#{found.digest}", "TOKEN"), (_TOKENS, name)]
        self._store.transact([Write(self._store.delete(*one)) for one in gone])
        return True

    def every(self) -> list[NamedToken]:
        """Return all tokens by name, including expired ones."""
        names = [item["sk"]["S"] for item in self._store.under(_TOKENS)]
        return [token for name in names if (token := self._named(name)) is not None]

    def _named(self, name: str) -> NamedToken | None:
        entry = self._store.get(_TOKENS, name)
        if entry is None or "digest" not in entry:
            return None
        item = self._store.get(f"TOKEN#{entry['digest']['S']}", "TOKEN")
        return _token(item, entry) if item is not None else None

    # -- the service ---------------------------------------------------------------------------------------

    def accepts(self, token: str, address: str) -> str | None:
        """Return the name of a valid token that is accepted from `address`, or None."""
        if not token or len(token) > _LONGEST_TOKEN:
            return None
        found = self._looked_up(digest_of(token))
        if found is None or not found.good_at(self._clock()) or not found.good_from(address):
            return None
        return found.name

    def grant(self, name: str, secret: str, address: str) -> tuple[str, int] | None:
        """Return an access token for the client `name` with this secret, and its lifetime in seconds; or
        None.
        """
        if self.accepts(secret, address) != name:
            return None
        client = self._looked_up(digest_of(secret))
        if client is None or client.granted:
            return None
        token, ends = new_secret(), self._clock() + GRANT_LIFETIME
        if client.expires_at is not None:
            ends = min(ends, client.expires_at)
        values = {"of": {"S": client.digest}, "expires_at": {"N": str(int(ends.timestamp()))}}
        self._store.write(_GRANTS, digest_of(token), values)
        return token, int((ends - self._clock()).total_seconds())

    def within_limit(self, name: str) -> bool:
        """Count a request, and return whether it is within the token's rate limit."""
        now = self._stopwatch()
        with self._lock:
            left, at = self._buckets.get(name, (BURST, now))
            left = min(BURST, left + (now - at) * REQUESTS_PER_SECOND)
            self._buckets[name] = (left - 1 if left >= 1 else left, now)
            return left >= 1

    def used(self, name: str) -> None:
        """Note that a token was used, at most once a minute. Never fails a request."""
        now = self._stopwatch()
        with self._lock:
            if now - self._used.get(name, float("-inf")) < _USED_EVERY_SECONDS:
                return
            self._used[name] = now
        at = {"N": str(int(self._clock().timestamp()))}
        try:
            self._store.set(_TOKENS, name, "last_used_at", at)
        except DirectoryUnavailable:
            self._used.pop(name, None)

    def last_used(self) -> datetime | None:
        """Return when any token was last used, or None."""
        times = [_time(item, "last_used_at") for item in self._store.under(_TOKENS)]
        return max((one for one in times if one is not None), default=None)

    def forget_grants(self) -> None:
        """Delete expired access tokens."""
        for item in self._store.under(_GRANTS):
            ends = _time(item, "expires_at")
            if ends is None or ends <= self._clock():
                self._store.remove(_GRANTS, item["sk"]["S"])

    def _looked_up(self, digest: str) -> NamedToken | None:
        now = self._stopwatch()
        with self._lock:
            at, known = self._known.get(digest, (float("-inf"), None))
        if now - at < KNOWN_SECONDS:
            return known
        item = self._store.get(f"TOKEN#{digest}", "TOKEN")
        token = _token(item, {}) if item is not None else self._granted(digest)
        with self._lock:
            self._known[digest] = (now, token)
            self._known.move_to_end(digest)
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return token

    def _granted(self, digest: str) -> NamedToken | None:
        """Return the client behind an access token while both are valid."""
        grant = self._store.get(_GRANTS, digest)
        ends = _time(grant, "expires_at") if grant is not None else None
        if grant is None or ends is None or ends <= self._clock():
            return None
        item = self._store.get(f"TOKEN#{grant['of']['S']}", "TOKEN")
        if item is None:
            return None
        client = _token(item, {})
        first_end = ends if client.expires_at is None else min(ends, client.expires_at)
        return NamedToken(
            client.name, digest, client.owner, expires_at=first_end, networks=client.networks, granted=True
        )


def _item(token: NamedToken) -> Item:
    values: Item = {"name": {"S": token.name}, "owner": {"S": token.owner}}
    values |= {
        name: {"N": str(int(at.timestamp()))}
        for name, at in (("created_at", token.created_at), ("expires_at", token.expires_at))
        if at is not None
    }
    if token.networks:
        values["networks"] = {"L": [{"S": one} for one in token.networks]}
    return values


def _token(item: Item, entry: Item) -> NamedToken:
    return NamedToken(
        name=item["name"]["S"],
        digest=item["pk"]["S"].removeprefix("TOKEN#"),
        owner=item.get("owner", {}).get("S", ""),
        created_at=_time(item, "created_at"),
        expires_at=_time(item, "expires_at"),
        networks=_networks(item.get("networks", {}).get("L", ())),
        last_used_at=_time(entry, "last_used_at"),
    )


def _networks(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(one["S"] for one in values)


def _time(item: Item, name: str) -> datetime | None:
    return datetime.fromtimestamp(int(item[name]["N"]), UTC) if name in item else None
