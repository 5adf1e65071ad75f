"""What a call counts against: monthly budgets and per-minute windows, of one caller or of many.

A counter is one item, or several shards if many calls per second meet. Every change is one conditional
update of one item: such updates queue at the item for about a millisecond each, whereas transactions would
cancel each other. A DynamoDB condition cannot add, so it compares the committed amount with the ceiling
minus the amount.

A caller's counter also holds its calls in progress, as a set of texts that begin with the minute after
which their process is dead: such a call no longer counts, and the next call that needs its place removes
it.

The window of the current minute is part of the item, so budget and rate cost one write. A window of an
earlier minute is replaced by the first call; one opened by a clock that is ahead is used, or two clocks would
replace each other's and the rate would limit nothing.
"""

import random
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from lambdas.common.ledger.items import Add, Cancelled, Key, Members, Span, Store
from lambdas.common.ledger.reservation import LedgerContended, LedgerUnavailable, LedgerUnsure, Refused

COMMITTED = "committed_microusd"
UNCERTAIN = "uncertain_microusd"
_AHEAD_MINUTES = 10  # of two clocks at most: AWS refuses what is signed five minutes from its own
BEYOND = "beyond_microusd"
WINDOW = "window"
REQUESTS = "window_requests"
TOKENS = "window_tokens"
UNDER_WAY = "under_way"
_LAST = "last"  # last writer: after a lost response it tells whether the write took effect
_TRIES = 12
_LEAVES = 3
Problem = Literal["rate", "budget", "concurrency"]


class Limits(NamedTuple):
    """Limits per minute."""

    requests: int
    tokens: int


class Amount(NamedTuple):
    """What to take from a counter, by whom, when, and for which month (YYYY-MM).

    `requests` is 0 if a call takes more than initially; the window is then not checked.
    """

    by: str
    microusd: int
    tokens: int
    requests: int
    now: datetime
    month: str
    place: str = ""  # of the call among those in progress (`place_of`)


class Counter(NamedTuple):
    """A budget with its window. `scope` is its name in refusals; without `ceiling` it only meters.

    `at_once` limits calls in progress, only for a counter without shards.
    """

    pk: str
    scope: str
    ceiling: int | None
    limits: Limits | None = None
    shards: int = 1
    at_once: int | None = None

    def place(self, shard: int, month: str) -> Key:
        """Return the key of a shard. The first has the plain name, so that adding shards loses nothing."""
        name = f"{self.pk}#{shard}" if shard or self.pk == "ORG" else self.pk
        return Key("ledger", name, month)

    def any_place(self, month: str) -> Key:
        """Return the key of a random shard."""
        return self.place(random.randrange(self.shards), month)  # noqa: S311 - spreads load

    def places(self, month: str) -> list[Key]:
        """Return the keys of all shards."""
        return [self.place(shard, month) for shard in range(self.shards)]

    def room(self, key: Key, item: Mapping[str, Any] | None) -> int | None:
        """Return the micro-dollars still available in a shard, or None without a ceiling."""
        if self.ceiling is None:
            return None
        return self.ceiling_at(key) - (item or {}).get(COMMITTED, 0)

    def ceiling_at(self, key: Key) -> int:
        """Return a shard's part of the ceiling; the first shards carry the remainder."""
        share, rest = divmod(self.ceiling or 0, self.shards)
        return share + (1 if _shard_of(key, self) < rest else 0)

    def _limits_at(self, key: Key, item: Mapping[str, Any] | None, amount: Amount) -> Limits | None:
        """Return a shard's part of the limits.

        A larger call passes if nothing else has been counted yet: a window must not refuse forever what
        fits into the total.
        """
        limits = self.limits
        if limits is None or self.shards == 1:
            return limits
        shard = _shard_of(key, self)
        requests, tokens = (
            total // self.shards + (1 if shard < total % self.shards else 0)
            for total in (limits.requests, limits.tokens)
        )
        if used_in_window(item, amount.now)[1] == 0:
            tokens = max(tokens, min(limits.tokens, amount.tokens))
        return Limits(requests, tokens)

    def refusal(self, key: Key, item: Mapping[str, Any] | None, amount: Amount) -> Problem | None:
        """Return what in a shard prevents the amount, according to `item`."""
        if self.at_once is not None and amount.requests:
            under_way = (item or {}).get(UNDER_WAY, frozenset())
            if len(under_way) - len(_dead(under_way, amount.now)) >= self.at_once:
                return "concurrency"
        limits = self._limits_at(key, item, amount)
        if limits is not None and amount.requests:
            requests, tokens = used_in_window(item, amount.now)
            if requests + amount.requests > limits.requests or tokens + amount.tokens > limits.tokens:
                return "rate"
        room = self.room(key, item)
        return "budget" if room is not None and amount.microusd > room else None

    def refused(self, kind: Problem, now: datetime) -> Refused:
        """Return the refusal that names this counter."""
        if kind == "concurrency":
            return Refused(kind, self.scope, message=f"{self.at_once}")
        resets_at = next_month(now) if kind == "budget" else floor(now) + timedelta(minutes=1)
        return Refused(kind, self.scope, resets_at=resets_at)

    def taking(self, key: Key, item: Mapping[str, Any] | None, amount: Amount) -> Add:
        """Return the update that takes an amount, for an item last seen as `item`."""
        amounts = {COMMITTED: amount.microusd}
        at_most: dict[str, int] = {}
        joins = None
        if self.at_once is not None and amount.requests:
            joins = Members(UNDER_WAY, (amount.place,), self.at_once)
        if self.ceiling is not None:
            at_most[COMMITTED] = self.ceiling_at(key)
        limits = self._limits_at(key, item, amount)
        if limits is None or not amount.requests:
            return Add(key, amounts, at_most, {_LAST: amount.by})
        first, last = _minutes(amount.now)
        if first <= (item or {}).get(WINDOW, "") <= last:
            amounts |= {REQUESTS: amount.requests, TOKENS: amount.tokens}
            at_most |= {REQUESTS: limits.requests, TOKENS: limits.tokens}
            return Add(key, amounts, at_most, {_LAST: amount.by}, Span(WINDOW, first, last), joins)
        opened = {_LAST: amount.by, WINDOW: first, REQUESTS: amount.requests, TOKENS: amount.tokens}
        return Add(key, amounts, at_most, opened, Span(WINDOW, first, last, inside=False), joins)


class Counters:
    """Takes amounts from counters and gives them back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(
        self, counter: Counter, key: Key, item: Mapping[str, Any] | None, amount: Amount
    ) -> tuple[Key, Mapping[str, Any] | None]:
        """Return where an amount would be taken, without writing. Raises `Refused`."""
        kind = counter.refusal(key, item, amount)
        if kind is None:
            return key, item
        if counter.shards == 1:
            raise counter.refused(kind, amount.now)
        return await self._elsewhere(counter, kind, amount) or (key, item)

    async def take(
        self,
        counter: Counter,
        key: Key,
        item: Mapping[str, Any] | None,
        amount: Amount,
        *,
        looked: bool = False,
    ) -> dict[str, int]:
        """Take the amount from the shard at `key`, last seen as `item`, or from others. Return how much
        came from which. `looked`: `look` has just found room for it according to this `item`.

        Raises `Refused`; `LedgerContended`; `LedgerUnsure` if it may have been counted nevertheless.
        """
        for tried in range(_TRIES):
            kind = None if looked and not tried else counter.refusal(key, item, amount)
            if kind is not None:
                if counter.shards == 1:
                    raise counter.refused(kind, amount.now)
                found = await self._elsewhere(counter, kind, amount)
                if found is None:
                    return await self._in_parts(counter, amount)
                key, item = found
            dead = _dead((item or {}).get(UNDER_WAY, frozenset()), amount.now)
            try:
                if dead:
                    await self._store.apply(Add(key, {}, members=Members(UNDER_WAY, dead)))
                await self._store.apply(counter.taking(key, item, amount))
            except Cancelled as cancelled:
                item = cancelled.item
            except LedgerUnsure:
                before, (item,) = item, await self._store.get([key])
                if (item or {}).get(_LAST) == amount.by:
                    return {key.pk: amount.microusd}
                if (item or {}).get(_LAST) != (before or {}).get(_LAST):
                    await self.doubt(key, amount.microusd)
                    raise
            else:
                return {key.pk: amount.microusd}
        raise LedgerContended(counter.scope)

    async def _elsewhere(
        self, counter: Counter, kind: Problem, amount: Amount
    ) -> tuple[Key, Mapping[str, Any] | None] | None:
        """Return a shard in which the amount fits, or None if only several together have room for it."""
        places = counter.places(amount.month)
        items = await self._store.get(places)
        fitting = [
            (key, item)
            for key, item in zip(places, items, strict=True)
            if counter.refusal(key, item, amount) is None
        ]
        if fitting:
            return random.choice(fitting)  # noqa: S311 - spreads load
        rooms = [counter.room(key, item) or 0 for key, item in zip(places, items, strict=True)]
        if kind == "rate" or sum(max(0, room) for room in rooms) < amount.microusd:
            raise counter.refused(kind, amount.now)
        return None

    async def _in_parts(self, counter: Counter, amount: Amount) -> dict[str, int]:
        """Take from several shards what fits into none. Raises `Refused`."""
        places = counter.places(amount.month)
        items = await self._store.get(places)
        taken: dict[str, int] = {}
        missing = amount.microusd
        found = sorted(zip(places, items, strict=True), key=lambda one: -(counter.room(one[0], one[1]) or 0))
        for key, item in found:
            part = min(missing, counter.room(key, item) or 0)
            if part <= 0:
                break
            requests, tokens = (0, 0) if taken else (amount.requests, amount.tokens)
            one = Amount(amount.by, part, tokens, requests, amount.now, amount.month)
            try:
                await self._store.apply(counter.taking(key, item, one))
            except Cancelled:
                continue
            taken[key.pk] = part
            missing -= part
            if not missing:
                return taken
        for pk, part in taken.items():
            await self.give(Key("ledger", pk, amount.month), part, by=amount.by)
        raise counter.refused("budget", amount.now)

    async def give(
        self,
        key: Key,
        microusd: int,
        *,
        by: str,
        doubtful: int = 0,
        tokens: int = 0,
        minute: str = "",
        now: datetime | None = None,
        place: str = "",
    ) -> None:
        """Give an amount back; `doubtful` of the rest is uncertain.

        `tokens` return to the window of `minute` while that is current; a negative number is used in the
        current window, whichever that is. The call at `place` is no longer in progress. Never repeated: if
        it is unknown whether it took effect, the amount stays counted.
        """
        amounts = {name: value for name, value in ((COMMITTED, -microusd), (UNCERTAIN, doubtful)) if value}
        try:
            for operation in _corrections(key, amounts, by, tokens, minute, now, place):
                try:
                    await self._store.apply(operation)
                    return
                except Cancelled:
                    continue
        except LedgerUnsure:
            await self.doubt(key, microusd)
            await self._leave(key, place)

    async def _leave(self, key: Key, place: str) -> None:
        """Remove a call from those in progress.

        Unlike an amount this may be retried; if it keeps failing, it ends with the minute in the name of
        the place.
        """
        for _ in range(_LEAVES if place else 0):
            try:
                await self._store.apply(Add(key, {}, members=Members(UNDER_WAY, (place,))))
            except LedgerUnavailable:
                continue
            return

    async def charge(self, counter: Counter | None, key: Key, microusd: int, *, by: str) -> None:
        """Commit what a call cost beyond its reservation: up to the ceiling, and the rest as `beyond`.

        No budget counts `beyond`, and every page shows it.
        """
        left = microusd
        if counter is not None and counter.ceiling is not None:
            (item,) = await self._store.get([key])
            for _ in range(_TRIES):
                part = min(left, counter.room(key, item) or 0)
                if part <= 0:
                    break
                at_most = {COMMITTED: counter.ceiling_at(key)}
                try:
                    await self._store.apply(Add(key, {COMMITTED: part}, at_most, {_LAST: by}))
                except Cancelled as cancelled:
                    item = cancelled.item
                    continue
                left -= part
                break
            if left:
                await self._surely(Add(key, {BEYOND: left}, {}, {_LAST: by}))
            return
        await self._surely(Add(key, {COMMITTED: left}, {}, {_LAST: by}))

    async def doubt(self, key: Key, microusd: int, *, beyond: int = 0) -> None:
        """Note that part of what a counter holds may not have been spent, or was spent beyond it and may
        already be counted.
        """
        if beyond > 0:
            await self._surely(Add(key, {UNCERTAIN: beyond, BEYOND: beyond}))
        elif microusd > 0:
            await self._surely(Add(key, {UNCERTAIN: microusd}))

    async def _surely(self, operation: Add) -> None:
        """Apply at least once: otherwise money could be missing."""
        for _ in range(_TRIES):
            try:
                await self._store.apply(operation)
                return
            except LedgerUnsure:
                continue
        raise LedgerUnavailable("a charge was not taken")


def _corrections(
    key: Key,
    amounts: Mapping[str, int],
    by: str,
    tokens: int,
    minute: str,
    now: datetime | None,
    place: str,
) -> Iterator[Add]:
    """Return the updates to try in turn; which one applies depends on the item's window at that time."""
    sets = {_LAST: by}
    leaves = Members(UNDER_WAY, (place,)) if place else None
    if tokens and now is not None:
        first, last = _minutes(now)
        if tokens < 0:
            yield Add(key, {**amounts, TOKENS: -tokens}, {}, sets, Span(WINDOW, first, last), leaves)
            opened = {**sets, WINDOW: first, REQUESTS: 0, TOKENS: -tokens}
            outside = Span(WINDOW, first, last, inside=False)
            yield Add(key, {COMMITTED: 0, **amounts}, {}, opened, outside, leaves)
        elif minute == first:
            yield Add(key, {**amounts, TOKENS: -tokens}, {}, sets, Span(WINDOW, minute, minute), leaves)
    if amounts or leaves:
        yield Add(key, amounts, {}, sets, members=leaves)


def place_of(reservation_id: str, expires_at: datetime) -> str:
    """Return the short name of a call in progress: the minute in which it expires, and the end of its id."""
    return f"{_hexadecimal_minute(expires_at)}-{reservation_id[-8:]}"


def _dead(under_way: Collection[str], now: datetime) -> tuple[str, ...]:
    """Return the calls whose processes are dead."""
    minute = _hexadecimal_minute(now)
    return tuple(sorted(one for one in under_way if one[: len(minute)] < minute))


@lru_cache(64)  # each call asks several times
def _hexadecimal_minute(at: datetime) -> str:
    return f"{int(at.timestamp()) // 60:08x}"


def used_in_window(item: Mapping[str, Any] | None, now: datetime) -> tuple[int, int]:
    """Return requests and tokens of the current minute."""
    first, last = _minutes(now)
    if item is None or not first <= item.get(WINDOW, "") <= last:
        return 0, 0
    return item.get(REQUESTS, 0), item.get(TOKENS, 0)


def month_of(now: datetime) -> str:
    """Return YYYY-MM."""
    return now.astimezone(UTC).isoformat()[:7]


def next_month(now: datetime) -> datetime:
    """Return the start of the next month."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def floor(at: datetime) -> datetime:
    """Return the start of the minute."""
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def minute_of(at: datetime) -> str:
    """Return the minute as stored."""
    return _minute_text(int(at.timestamp()) // 60)


@lru_cache(8)
def _minute_text(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).isoformat()[:16]


@lru_cache(64)  # each call asks about nine times
def _minutes(now: datetime) -> tuple[str, str]:
    """Return the current minute, and the last one that a clock ahead of ours may have opened."""
    minute = int(now.timestamp()) // 60
    return _minute_text(minute), _minute_text(minute + _AHEAD_MINUTES)


def _shard_of(key: Key, counter: Counter) -> int:
    number = key.pk.removeprefix(counter.pk).removeprefix("#")
    return int(number) if number else 0
