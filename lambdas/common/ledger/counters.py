"""What a call counts against: budgets of a month and windows of a minute, of one caller or of many.

A counter is one item, or, where many calls a second meet, several shards of one. Every change is one
conditional update of one item: such updates queue at the item for about a millisecond each, where
transactions over it would cancel each other. A DynamoDB condition cannot add, so the condition compares what
is committed already with the ceiling less the amount.

A caller's counter also holds who of its calls are under way, as a set of texts that begin with the minute
after which their process is dead: such a call counts no longer, and the next that wants its place removes it.

The window of the current minute is part of the item, so budget and rate cost one write. A window of an
earlier minute is replaced by the first to come; one that a clock a little ahead has opened is used.
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
BEYOND = "beyond_microusd"
WINDOW = "window"
REQUESTS = "window_requests"
TOKENS = "window_tokens"
UNDER_WAY = "under_way"
_LAST = "last"  # who wrote last: after a lost answer it says whether the write took effect
_TRIES = 12
_LEAVES = 3
Problem = Literal["rate", "budget", "concurrency"]


class Limits(NamedTuple):
    """What a minute allows."""

    requests: int
    tokens: int


class Amount(NamedTuple):
    """What is to be taken of a counter, by whom, when, for which month (YYYY-MM). `requests` is 0 where a
    call takes more than it took at first: then no window is asked.
    """

    by: str
    microusd: int
    tokens: int
    requests: int
    now: datetime
    month: str
    place: str = ""  # of the call among those under way (`place_of`)


class Counter(NamedTuple):
    """A budget with its window. `scope` is how refusals name it; without `ceiling` it only meters.
    `at_once`: how many calls may be under way; only of a counter without shards.
    """

    pk: str
    scope: str
    ceiling: int | None
    limits: Limits | None = None
    shards: int = 1
    at_once: int | None = None

    def place(self, shard: int, month: str) -> Key:
        """Where a shard is kept. The first has the plain name, so that growing loses nothing."""
        name = f"{self.pk}#{shard}" if shard or self.pk == "ORG" else self.pk
        return Key("ledger", name, month)

    def any_place(self, month: str) -> Key:
        """A shard by chance."""
        return self.place(random.randrange(self.shards), month)  # noqa: S311 - spreads load

    def places(self, month: str) -> list[Key]:
        """All shards."""
        return [self.place(shard, month) for shard in range(self.shards)]

    def room(self, key: Key, item: Mapping[str, Any] | None) -> int | None:
        """Micro-dollars that fit into a shard yet; None without a ceiling."""
        if self.ceiling is None:
            return None
        return self.ceiling_at(key) - (item or {}).get(COMMITTED, 0)

    def ceiling_at(self, key: Key) -> int:
        """A shard's part of the ceiling; the first shards carry what does not divide."""
        share, rest = divmod(self.ceiling or 0, self.shards)
        return share + (1 if _shard_of(key, self) < rest else 0)

    def _limits_at(self, key: Key, item: Mapping[str, Any] | None, amount: Amount) -> Limits | None:
        """A shard's part of the limits. A call larger than that passes where nothing else was counted yet: a
        window must not refuse forever what fits into the whole of it.
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
        """What of a shard stands in the way, as far as `item` says."""
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
        """The refusal that names this counter."""
        if kind == "concurrency":
            return Refused(kind, self.scope, message=f"{self.at_once}")
        resets_at = next_month(now) if kind == "budget" else floor(now) + timedelta(minutes=1)
        return Refused(kind, self.scope, resets_at=resets_at)

    def taking(self, key: Key, item: Mapping[str, Any] | None, amount: Amount) -> Add:
        """The update that takes an amount, for an item that was like `item` a moment ago."""
        amounts, at_most = {COMMITTED: amount.microusd}, {}
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
    """Takes from counters and gives back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look(
        self, counter: Counter, key: Key, item: Mapping[str, Any] | None, amount: Amount
    ) -> tuple[Key, Mapping[str, Any] | None]:
        """Where an amount would be taken, having written nothing. Raises `Refused`."""
        kind = counter.refusal(key, item, amount)
        if kind is None:
            return key, item
        if counter.shards == 1:
            raise counter.refused(kind, amount.now)
        return await self._elsewhere(counter, kind, amount) or (key, item)

    async def take(
        self, counter: Counter, key: Key, item: Mapping[str, Any] | None, amount: Amount
    ) -> dict[str, int]:
        """Take the amount from the shard at `key`, which was like `item` a moment ago, or from others; how
        much came from which. Raises `Refused`; `LedgerContended`; `LedgerUnsure` when it may be counted all
        the same.
        """
        for _ in range(_TRIES):
            kind = counter.refusal(key, item, amount)
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
        """A shard in which the amount fits; None where only several together have room for it."""
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
        """Take what no shard alone has room for from several. Raises `Refused`."""
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
        """Give an amount back; `doubtful` of what stays is uncertain. `tokens` go back to the window of
        `minute` while that is the current one; fewer than none are used in the current window, whichever it
        is. The call at `place` is no longer under way. Never twice: where it is unsure whether it came, it
        stays counted.
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
        """Let a call be no longer under way. Unlike an amount this may be tried again; what fails each time
        ends with the minute that the place names.
        """
        for _ in range(_LEAVES if place else 0):
            try:
                await self._store.apply(Add(key, {}, members=Members(UNDER_WAY, (place,))))
            except LedgerUnavailable:
                continue
            return

    async def charge(self, counter: Counter | None, key: Key, microusd: int, *, by: str) -> None:
        """Commit what a call cost beyond what it held: as far as the ceiling goes, the rest as `beyond`,
        which no budget counts and every page shows.
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
        """Say that so much of what a counter holds may not have been spent; or that so much was spent beyond
        it, which may be counted already.
        """
        if beyond > 0:
            await self._surely(Add(key, {UNCERTAIN: beyond, BEYOND: beyond}))
        elif microusd > 0:
            await self._surely(Add(key, {UNCERTAIN: microusd}))

    async def _surely(self, operation: Add) -> None:
        """At least once: what may be missing otherwise is money."""
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
    """The updates to try in turn: which holds depends on the window that the item has by then."""
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
    """A call among those under way, in few bytes: the minute in which it expires, and the end of its id."""
    return f"{_hexadecimal_minute(expires_at)}-{reservation_id[-8:]}"


def _dead(under_way: Collection[str], now: datetime) -> tuple[str, ...]:
    """Those whose processes are dead."""
    minute = _hexadecimal_minute(now)
    return tuple(sorted(one for one in under_way if one[: len(minute)] < minute))


def _hexadecimal_minute(at: datetime) -> str:
    return f"{int(at.timestamp()) // 60:08x}"


def used_in_window(item: Mapping[str, Any] | None, now: datetime) -> tuple[int, int]:
    """Requests and tokens of the current minute."""
    first, last = _minutes(now)
    if item is None or not first <= item.get(WINDOW, "") <= last:
        return 0, 0
    return item.get(REQUESTS, 0), item.get(TOKENS, 0)


def month_of(now: datetime) -> str:
    """YYYY-MM."""
    return now.astimezone(UTC).isoformat()[:7]


def next_month(now: datetime) -> datetime:
    """When the next month begins."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def floor(at: datetime) -> datetime:
    """The beginning of a minute."""
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def minute_of(at: datetime) -> str:
    """The minute as it is stored."""
    return _minute_text(int(at.timestamp()) // 60)


@lru_cache(8)
def _minute_text(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).isoformat()[:16]


def _minutes(now: datetime) -> tuple[str, str]:
    """The current minute and the one that a clock ahead of ours may have opened."""
    minute = int(now.timestamp()) // 60
    return _minute_text(minute), _minute_text(minute + 1)


def _shard_of(key: Key, counter: Counter) -> int:
    number = key.pk.removeprefix(counter.pk).removeprefix("#")
    return int(number) if number else 0
