"""The rules of the ledger, independent of where its items are stored."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.common.access import SIGNED_OUT
from lambdas.common.clock import Clock, utc_now
from lambdas.common.identities import Principal
from lambdas.common.ledger.counters import (
    BEYOND,
    COMMITTED,
    UNCERTAIN,
    Amount,
    Counter,
    Counters,
    Limits,
    floor,
    minute_of,
    month_of,
    place_of,
    used_in_window,
)
from lambdas.common.ledger.items import TTL, Cancelled, Change, Create, Key, Remove, Store
from lambdas.common.ledger.reservation import (
    Ask,
    Granted,
    LedgerUnavailable,
    RateWindow,
    Refused,
    Reservation,
    ReservationsDamaged,
)
from lambdas.common.ledger.switches import Switch, concerning, first_off
from lambdas.common.ledger.token_uses import session_key

_BUCKETS = 16  # reservations are spread, because the write rate of one partition is limited
_UNCERTAIN_TTL = timedelta(days=90)  # longer than the provider's monthly reports stay open
_UNCERTAIN, _UNKNOWN = "uncertain", "unknown"
_OPEN, _NOTED, _COUNTED, _SWEPT = "open", "noted", "counted", "swept"
_DEPARTMENT_SHARES = 4  # a department has this many times fewer shards than the organisation


@dataclass(frozen=True, slots=True)
class Balance:
    """What a scope has committed in a month, in micro-dollars: spent and reserved together.

    `uncertain_microusd` of it may not have been spent, because the cost of some calls is unknown.
    `beyond_microusd` is not part of it: what the provider charged beyond all reservations once the ceiling
    had no room left.
    """

    scope: str
    month: str
    committed_microusd: int
    uncertain_microusd: int
    beyond_microusd: int = 0


@dataclass(slots=True)
class Held:
    """A reservation of a live process: which counters hold how much of it."""

    reservation: Reservation
    parts: list[tuple[Counter, dict[str, int]]]
    state: str = _OPEN
    changes: int = 0
    place: str = ""  # name among the caller's calls in progress
    counted: set[str] = field(default_factory=set[str])
    closed: bool = False

    def by(self) -> str:
        """Return a name for the next change of the counters."""
        self.changes += 1
        return f"{self.reservation.id}+{self.changes}"


@dataclass(frozen=True, slots=True)
class Expired:
    """A reservation whose process is dead. `microusd` is the call's noted cost (`known`), or else all that
    it held.
    """

    reservation: Reservation
    state: str
    microusd: int

    @property
    def known(self) -> bool:
        """Return whether the actual cost was noted."""
        return self.state in (_NOTED, _COUNTED)


class Ledger:
    """Reserves, renews, settles and sweeps. Created once; holds no state of a call.

    Raises `LedgerUnavailable` if the store does not answer; nothing may then be sent. Its subclass
    `LedgerContended` means that a retry may succeed.
    """

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._counters = Counters(store)
        self._clock = clock

    async def reserve(self, ask: Ask) -> Granted:
        """Reserve `ask.microusd` and `ask.tokens`, or raise `Refused` naming the limit (L1.5, L1.6).

        Everything that a read can detect is refused before anything is written. Then the reservation is
        written and all counters are updated concurrently; if one refuses, the others get back what they
        gave.
        """
        now = self._clock()
        place = place_of(ask.reservation_id, ask.expires_at)
        amount = Amount(ask.reservation_id, ask.microusd, ask.tokens, 1, now, month_of(now), place)
        counters = _counters_of(ask)
        places, own = await self._look(ask, counters, amount)
        reservation = _reservation(ask, amount, [key for key, _ in places])
        await self._store.apply(Create(reservation.key, {**reservation.item(), "state": _OPEN}))
        taken = await asyncio.gather(
            *(
                self._counters.take(counter, key, item, amount, looked=True)
                for counter, (key, item) in zip(counters, places, strict=True)
            ),
            return_exceptions=True,
        )
        parts = [
            (counter, one) for counter, one in zip(counters, taken, strict=True) if isinstance(one, dict)
        ]
        problems = [one for one in taken if isinstance(one, BaseException)]
        if problems:
            await self._undo(reservation, parts, place)
            raise min(problems, key=_weight)
        held = Held(reservation, parts, place=place)
        if _merged(parts) != reservation.taken:  # a shard other than the intended one had room
            await self._rewrite(held, reservation.microusd)
        return Granted(_windows(ask, own, now), held, amount.month)

    async def check(self, principal: Principal, department: str, model: str) -> None:
        """Raise `Refused` if the caller may not call now: access or session has ended, or a switch is off.

        For requests that cost nothing; reads only (G.4).
        """
        switches, first = _standing_keys(principal, department, model)
        _check_standing(principal, department, switches, await self._store.get(first))

    async def extend(self, granted: Granted, microusd: int) -> None:
        """Hold `microusd` more. Raises `Refused`, leaving the reservation unchanged."""
        held: Held = granted.handle
        amount = Amount(held.by(), microusd, 0, 0, self._clock(), held.reservation.month)
        taken = await asyncio.gather(
            *(
                self._counters.take(counter, Key("ledger", next(iter(one)), amount.month), None, amount)
                for counter, one in held.parts
            ),
            return_exceptions=True,
        )
        problems = [one for one in taken if isinstance(one, BaseException)]
        if problems:
            await self._give_back([one for one in taken if isinstance(one, dict)], amount.month, amount.by)
            raise min(problems, key=_weight)
        for (_, one), more in zip(held.parts, taken, strict=True):
            assert isinstance(more, dict)
            for pk, part in more.items():
                one[pk] = one.get(pk, 0) + part
        # counters first: if this is lost, the sweeper leaves too much committed, never too little
        await self._rewrite(held, held.reservation.microusd + microusd)

    async def reduce(self, granted: Granted, microusd: int) -> None:
        """Hold at most `microusd`."""
        held: Held = granted.handle
        less = held.reservation.microusd - microusd
        if less <= 0:
            return
        before = [dict(one) for _, one in held.parts]
        for _, one in held.parts:
            _lessen(one, less)
        await self._rewrite(held, microusd)
        by = held.by()
        await asyncio.gather(
            *(
                self._counters.give(Key("ledger", pk, held.reservation.month), had - one.get(pk, 0), by=by)
                for had_parts, (_, one) in zip(before, held.parts, strict=True)
                for pk, had in had_parts.items()
                if had > one.get(pk, 0)
            )
        )

    async def settle(
        self,
        granted: Granted,
        microusd: int,
        tokens: int,
        *,
        uncertain: int = 0,
        recorded: Awaitable[Any] | None = None,
    ) -> None:
        """Replace the reservation by the actual cost, of which `uncertain` may not have been spent.
        Idempotent.

        The cost is noted durably, then counted. The reservation is removed once `recorded` completes, which
        means that the outcome's record is durable; if that fails it stays, for the sweeper to record. After
        a sweep, which left the whole reservation committed, the actual cost still replaces it.
        """
        held: Held = granted.handle
        if held.closed:
            return
        if held.state not in (_NOTED, _COUNTED):
            note = {"state": _NOTED, "cost": microusd, "uncertain": uncertain}
            if not await self._change(held, note):
                await self._settle_late(held, microusd)
                return
            held.state = _NOTED
        if held.state == _NOTED:
            counted = await asyncio.gather(
                *(
                    self._count(held, counter, one, microusd, tokens - held.reservation.tokens, uncertain)
                    for counter, one in held.parts
                ),
                return_exceptions=True,
            )
            for problem in counted:
                if problem is not None:
                    raise problem
            held.state = _COUNTED
        try:
            if recorded is not None:
                await recorded
        except Exception:
            await self._store.apply(Change(held.reservation.key, {"state": _COUNTED}, {"state": _NOTED}))
            return
        if uncertain:
            await self._keep_uncertain(held.reservation, microusd, uncertain)
        await self._gone(Remove(held.reservation.key, {"state": _NOTED}))
        held.closed = True

    async def hand_over(self, granted: Granted, holder: Key, item: Mapping[str, Any]) -> Reservation:
        """Transfer the reservation to `item`, written under `holder` with `state: open`, so that it no
        longer expires.

        For work that continues without this process. Raises `LedgerUnavailable` if the reservation was
        swept.
        """
        held: Held = granted.handle
        try:
            await self._store.transact(
                [
                    Remove(held.reservation.key, {"state": held.state}),
                    Create(holder, {**item, "state": _OPEN}),
                ]
            )
        except Cancelled:
            raise LedgerUnavailable("the reservation is no longer open") from None
        held.closed = True
        return held.reservation

    async def settle_held(self, reservation: Reservation, holder: Key, microusd: int) -> None:
        """Replace what `holder` holds by the actual cost and set its state to `settled`. Idempotent."""
        try:
            await self._store.apply(Change(holder, {"state": "settled"}, {"state": _OPEN}))
        except Cancelled:
            return  # already settled
        await self._correct(reservation, microusd, uncertain=0)

    async def resolve(self, reservation_id: str, microusd: int, *, was_granted: bool = False) -> bool:
        """Settle an uncertain call whose actual cost is now known.

        `was_granted`: its intent was recorded, so its process did not die while still taking from counters.
        Return False if it is not uncertain, or if its process died and nothing says that it was granted.
        """
        key = Key("ledger", f"UNCERTAIN#{reservation_id}", "RESERVATION")
        (item,) = await self._store.get([key])
        if item is None or item["state"] not in (_UNCERTAIN, *([_UNKNOWN] if was_granted else [])):
            return False
        try:
            await self._store.apply(Change(key, {"state": "resolved"}, {"state": item["state"]}))
        except Cancelled:
            return False
        await self._correct(Reservation.stored("", f"#{reservation_id}", item), microusd, item["uncertain"])
        return True

    async def expired(self, *, until: datetime | None = None) -> AsyncIterator[Expired]:
        """Yield the reservations that expired before `until` (now) and still exist: their processes are
        dead.

        `until` is never in the future, or calls of live processes would be included. Raises
        `ReservationsDamaged` after the last one if there are some that cannot be read.
        """
        damaged: list[str] = []
        now = self._clock()
        before = _second(min(until or now, now))
        for bucket in range(_BUCKETS):
            pk = f"RESERVATION#{bucket}"
            for sk, item in await self._store.under("ledger", pk, before=before):
                try:
                    reservation = Reservation.stored(pk, sk, item)
                    found = Expired(reservation, item["state"], item.get("cost", reservation.microusd))
                except (KeyError, TypeError, ValueError):
                    damaged.append(f"{pk} {sk}")
                    continue
                yield found
        if damaged:
            raise ReservationsDamaged(f"{len(damaged)} cannot be read, the first is {damaged[0]}")

    async def charge_expired(self, expired: Expired) -> bool:
        """Charge what a dead process reserved. Return False if it was settled in the meantime.

        If the process had noted the cost, that is charged; it is unknown whether it was counted, so the
        difference stays committed as uncertain. If it noted nothing, it is unknown whether its call was
        sent and what the provider charged, only that it is at most what was reserved: all of it stays
        committed, as uncertain. Giving it back would let every death spend that much above a ceiling
        (L1.6). `resolve` sets the actual cost once it is known.
        """
        reservation = expired.reservation
        if expired.known:
            if not await self._gone(Remove(reservation.key, {"state": expired.state})):
                return False
            if expired.state == _NOTED:
                await self._doubt(reservation, expired.microusd)
            return True
        if expired.state != _SWEPT:  # otherwise by a sweep that died
            try:
                await self._store.apply(Change(reservation.key, {"state": _SWEPT}, {"state": _OPEN}))
            except Cancelled:
                return False
        await self._keep_uncertain(reservation, reservation.microusd, reservation.microusd, state=_UNKNOWN)
        await self._doubt(reservation, 0)
        await self._gone(Remove(reservation.key, {"state": _SWEPT}))
        return True

    async def balances(self, scopes: Sequence[str], month: str, *, shards: int = 1) -> list[Balance]:
        """Return what `scopes` (`ORG`, `DEPT#<id>`, `USER#<id>`) have committed in `month` (YYYY-MM).

        `shards` is the organisation's number of budget shards.
        """
        return [await self._balance(scope, month, shards) for scope in scopes]

    async def _balance(self, scope: str, month: str, shards: int) -> Balance:
        many = shards if scope == "ORG" else department_shards(shards) if scope.startswith("DEPT#") else 1
        items = await self._store.get(Counter(scope, "", None, shards=many).places(month))
        present = [item for item in items if item]
        total = {name: sum(item.get(name, 0) for item in present) for name in (COMMITTED, UNCERTAIN, BEYOND)}
        # a process may have died before a counter took what its reservation says; that is then doubted
        # although it is not committed
        uncertain = min(total[UNCERTAIN], total[COMMITTED])
        return Balance(scope, month, total[COMMITTED], uncertain, total[BEYOND])

    # -- reserving ----------------------------------------------------------------------------------------

    async def _look(
        self, ask: Ask, counters: Sequence[Counter], amount: Amount
    ) -> tuple[list[tuple[Key, Mapping[str, Any] | None]], Mapping[str, Any] | None]:
        """Return where the call would be counted, and the caller's own counter. Raises `Refused`.

        Access, sign-in and switches are read with strong consistency after the call arrived.
        """
        principal = ask.principal
        switches, first = _standing_keys(principal, ask.department.id, ask.model)
        places = [counter.any_place(amount.month) for counter in counters]
        items = await self._store.get([*first, *places])
        said, counted = items[: len(first)], items[len(first) :]
        _check_standing(principal, ask.department.id, switches, said)
        looked: list[tuple[Key, Mapping[str, Any] | None]] = []
        problems: list[Refused] = []
        for counter, key, item in zip(counters, places, counted, strict=True):
            try:
                looked.append(await self._counters.look(counter, key, item, amount))
            except Refused as refused:
                problems.append(refused)
        if problems:
            raise min(problems, key=_weight)
        return looked, counted[0]

    async def _undo(
        self, reservation: Reservation, parts: Sequence[tuple[Counter, dict[str, int]]], place: str
    ) -> None:
        """Give back what the other counters gave to a call that one refused. Failures are left to the
        sweeper.
        """
        month, by = reservation.month, f"{reservation.id}-"
        try:
            await asyncio.gather(
                *(
                    self._counters.give(Key("ledger", pk, month), part, by=by, place=_place(counter, place))
                    for counter, one in parts
                    for pk, part in one.items()
                )
            )
            await self._gone(Remove(reservation.key, {"state": _OPEN}))
        except LedgerUnavailable:
            return

    async def _give_back(self, taken: Sequence[Mapping[str, int]], month: str, by: str) -> None:
        await asyncio.gather(
            *(
                self._counters.give(Key("ledger", pk, month), part, by=by)
                for one in taken
                for pk, part in one.items()
            )
        )

    async def _rewrite(self, held: Held, microusd: int) -> None:
        held.reservation = replace(held.reservation, microusd=microusd, taken=_merged(held.parts))
        item = held.reservation.item()
        await self._change(held, {"microusd": microusd, "taken": item["taken"]})

    async def _change(self, held: Held, values: Mapping[str, Any]) -> bool:
        """Change the reservation while it is open. Return False if it was swept."""
        try:
            await self._store.apply(Change(held.reservation.key, values, {"state": _OPEN}))
        except Cancelled:
            return False
        return True

    # -- settling and sweeping ----------------------------------------------------------------------------

    async def _count(
        self,
        held: Held,
        counter: Counter,
        taken: Mapping[str, int],
        microusd: int,
        tokens: int,
        uncertain: int,
    ) -> None:
        """Change one counter from what it holds to what the call cost, each shard once."""
        month, by = held.reservation.month, held.by()
        spare = -tokens if counter.limits is not None else 0
        costs = {pk: cost for pk, _, cost in _shared(taken, microusd)}
        doubts = {pk: own for pk, _, own in _shared(costs, uncertain)}
        for pk, part in taken.items():
            key, cost = Key("ledger", pk, month), costs[pk]
            if pk in held.counted:
                continue
            if cost > part:
                await self._counters.charge(counter, key, cost - part, by=by)
            await self._counters.give(
                key,
                max(0, part - cost),
                by=by,
                doubtful=doubts[pk],
                tokens=spare,
                minute=held.reservation.minute,
                now=self._clock(),
                place=_place(counter, held.place),
            )
            held.counted.add(pk)
            spare = 0

    async def _settle_late(self, held: Held, microusd: int) -> None:
        """Settle after a sweep: what it left uncertain becomes the actual cost."""
        if not await self.resolve(held.reservation.id, microusd, was_granted=True):
            (item,) = await self._store.get([held.reservation.uncertain_key])
            if item is None:
                raise LedgerUnavailable("the reservation is being swept")
        held.closed = True

    async def _correct(self, reservation: Reservation, microusd: int, uncertain: int) -> None:
        """Replace what a stored reservation holds by a cost."""

        async def one(taken: Mapping[str, int]) -> None:
            doubts = {pk: own for pk, _, own in _shared(taken, uncertain)}
            for pk, part, cost in _shared(taken, microusd):
                key = Key("ledger", pk, reservation.month)
                if cost > part:
                    await self._counters.charge(None, key, cost - part, by=reservation.id)
                await self._counters.give(key, max(0, part - cost), by=reservation.id, doubtful=-doubts[pk])

        await asyncio.gather(*(one(taken) for taken in _by_counter(reservation.taken)))

    async def _doubt(self, reservation: Reservation, microusd: int) -> None:
        """Mark what the counters hold beyond a cost as uncertain, and count a cost beyond all that they
        hold.

        The latter may be counted twice, if the process had counted it, rather than not at all.
        """
        await asyncio.gather(
            *(
                self._counters.doubt(Key("ledger", pk, reservation.month), part - cost, beyond=cost - part)
                for taken in _by_counter(reservation.taken)
                for pk, part, cost in _shared(taken, microusd)
            )
        )

    async def _keep_uncertain(
        self, reservation: Reservation, microusd: int, uncertain: int, *, state: str = _UNCERTAIN
    ) -> None:
        """Keep what is needed to set the actual cost later."""
        kept = replace(reservation, microusd=microusd, taken=_as_settled(reservation.taken, microusd))
        until = int((self._clock() + _UNCERTAIN_TTL).timestamp())
        item = {**kept.item(), "state": state, "uncertain": uncertain, TTL: until}
        try:
            await self._store.apply(Create(kept.uncertain_key, item))
        except Cancelled:
            return  # already kept, by a sweep that died

    async def _gone(self, operation: Remove) -> bool:
        try:
            await self._store.apply(operation)
        except Cancelled:
            return False
        return True


def department_shards(organization_shards: int) -> int:
    """Return the number of shards of a department's budget, given the organisation's."""
    return max(1, organization_shards // _DEPARTMENT_SHARES)


def _counters_of(ask: Ask) -> list[Counter]:
    """Return the counters of a call, the caller's own first."""
    model = ask.organization.budget_model
    department, principal = ask.department, ask.principal
    shards = ask.organization.budget_shards
    overnight = [
        Counter(
            f"BATCH#{department.id}",
            f"overnight work of department {department.id}",
            department.batch_monthly_budget_microusd,
        )
    ]
    return [
        Counter(
            f"USER#{principal.id}",
            "you",
            _own_ceiling(ask),
            _own_limits(ask),
            at_once=ask.concurrent_calls,
        ),
        Counter(
            f"DEPT#{department.id}",
            f"department {department.id}",
            department.monthly_budget_microusd if model == "per-call" else None,
            Limits(department.requests_per_minute, department.tokens_per_minute),
            department_shards(shards),
        ),
        *(overnight if ask.batch else []),
        Counter("ORG", "the organisation", ask.organization.monthly_budget_microusd, None, shards),
    ]


def _place(counter: Counter, place: str) -> str:
    """Return the call's name in a counter that tracks calls in progress."""
    return place if counter.at_once is not None else ""


def _own_ceiling(ask: Ask) -> int | None:
    """Return the caller's own ceiling, which applies under every budget model."""
    if ask.caller_budget_microusd is not None:
        return ask.caller_budget_microusd
    central = ask.organization.budget_model == "central"
    return None if central else ask.department.user_monthly_budget_microusd


def _own_limits(ask: Ask) -> Limits:
    """Return the caller's limits per minute."""
    people, requests, tokens = ask.department, ask.requests_per_minute, ask.tokens_per_minute
    return Limits(
        people.user_requests_per_minute if requests is None else requests,
        people.user_tokens_per_minute if tokens is None else tokens,
    )


def _reservation(ask: Ask, amount: Amount, places: Sequence[Key]) -> Reservation:
    bucket = random.randrange(_BUCKETS)  # noqa: S311 - spreads load
    return Reservation(
        pk=f"RESERVATION#{bucket}",
        sk=f"{_second(ask.expires_at)}#{ask.reservation_id}",
        month=amount.month,
        department=ask.department.id,
        principal=ask.principal.id,
        principal_kind=ask.principal.kind,
        model=ask.model,
        minute=minute_of(amount.now),
        microusd=ask.microusd,
        tokens=ask.tokens,
        batch=ask.batch,
        taken={key.pk: ask.microusd for key in places},
    )


def _standing_keys(principal: Principal, department: str, model: str) -> tuple[tuple[Switch, ...], list[Key]]:
    """Return the switches that concern a call, and the keys of all items that say whether its caller may
    call.

    These are the live record, the switches and the sign-in.
    """
    switches = concerning(department=department, model=model, principal=principal.id)
    keys = [Key("access", principal.access_key, "ACCESS"), *(one.key for one in switches)]
    return switches, [*keys, session_key(principal.session)] if principal.session else keys


def _check_standing(
    principal: Principal,
    department: str,
    switches: Sequence[Switch],
    items: Sequence[dict[str, Any] | None],
) -> None:
    """Raise `Refused` unless the caller's live record and all switches permit the call.

    `items` are those of `_standing_keys`.
    """
    record = items[0] or {}
    signed_out_at = record.get(SIGNED_OUT, 0)
    if (
        record.get("active") is not True
        or record.get("department") != department
        or signed_out_at != (principal.signed_out_at or 0)
        or (principal.session and items[-1] is not None)
    ):
        raise Refused("access", principal.access_key)
    off = first_off(switches, items[1 : 1 + len(switches)])
    if off is not None:
        raise Refused("switch", str(off))


def _windows(ask: Ask, own: Mapping[str, Any] | None, now: datetime) -> list[RateWindow]:
    """Return the caller's own limits after this call, exact only without concurrent calls."""
    requests, tokens = used_in_window(own, now)
    resets_at = floor(now) + timedelta(minutes=1)
    limits = _own_limits(ask)
    return [
        RateWindow(kind, limit, max(0, limit - used), resets_at)
        for kind, limit, used in (
            ("requests", limits.requests, requests + 1),
            ("tokens", limits.tokens, tokens + ask.tokens),
        )
    ]


def _weight(problem: BaseException) -> int:
    """Return the order in which problems are reported: rates first, as they pass soonest, then budgets,
    then faults.
    """
    if isinstance(problem, Refused):
        return 0 if problem.kind in ("rate", "concurrency") else 1
    return 2 if isinstance(problem, LedgerUnavailable) else 3


def _merged(parts: Sequence[tuple[Counter, Mapping[str, int]]]) -> dict[str, int]:
    return {pk: part for _, one in parts for pk, part in one.items()}


def _by_counter(taken: Mapping[str, int]) -> list[dict[str, int]]:
    """Group the shards of each counter: `ORG#3` and `ORG#7`, `DEPT#a` and `DEPT#a#2`."""
    counters: dict[str, dict[str, int]] = {}
    for pk, part in taken.items():
        kind, _, name = pk.partition("#")
        counters.setdefault(kind if kind == "ORG" else f"{kind}#{name.partition('#')[0]}", {})[pk] = part
    return list(counters.values())


def _shared(taken: Mapping[str, int], microusd: int) -> list[tuple[str, int, int]]:
    """Return for each shard what it holds and its part of the cost; the first carries any excess."""
    found: list[tuple[str, int, int]] = []
    left = microusd
    for pk, part in taken.items():
        own = min(part, left)
        found.append((pk, part, own))
        left -= own
    if left and found:
        pk, part, own = found[0]
        found[0] = pk, part, own + left
    return found


def _as_settled(taken: Mapping[str, int], microusd: int) -> dict[str, int]:
    return {pk: cost for one in _by_counter(taken) for pk, _, cost in _shared(one, microusd)}


def _lessen(taken: dict[str, int], less: int) -> None:
    for pk in reversed(list(taken)):
        part = min(taken[pk], less)
        taken[pk] -= part
        less -= part


def _second(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()[:19]
