"""The rules of the ledger, independent of where its items are kept."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from lambdas.common.clock import Clock, utc_now
from lambdas.common.ledger.items import (
    Add,
    Cancelled,
    Change,
    Create,
    Key,
    Operation,
    Remove,
    Require,
    Store,
)
from lambdas.common.ledger.reservation import (
    Ask,
    Granted,
    LedgerUnavailable,
    RateWindow,
    Refused,
    Reservation,
)
from lambdas.common.ledger.switches import unswitched, which_is_off

COMMITTED = "committed_microusd"
UNCERTAIN = "swept_microusd"
_BUCKETS = (
    16  # reservations of one minute are spread, because one partition takes only so many writes a second
)
_WINDOW_TTL = timedelta(hours=1)
_SWEPT_TTL = timedelta(days=30)
_WATERMARK = Key("ledger", "SWEEP", "WATERMARK")
_LONGEST_CALL = timedelta(hours=25)  # a batch ends within 24 hours; nothing open is older than this


@dataclass(frozen=True, slots=True)
class Balance:
    """What a scope has committed in a month, in micro-dollars: spent and reserved together.

    `uncertain_microusd` was reserved by processes that died, and was given back when it expired.
    """

    scope: str
    month: str
    committed_microusd: int
    uncertain_microusd: int


class _Limit(NamedTuple):
    """An operation of a reservation and the refusal that it stands for."""

    operation: Operation
    refused: Refused | None


class Ledger:
    """Reserves, settles and sweeps. Made once; holds no state of a call.

    Raises `LedgerUnavailable` where the store does not answer: then nothing may be sent.
    """

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    async def reserve(self, ask: Ask) -> Granted:
        """Reserve `ask.microusd` and `ask.tokens`, or raise `Refused` naming what stands in the way (L1.5,
        L1.6).
        """
        now = self._clock()
        shards = ask.organization.budget_shards
        first = random.randrange(shards)  # noqa: S311 - spreads load, keeps no secret
        windows = asyncio.ensure_future(self._windows(ask, now))
        try:
            for step in range(shards):
                reservation = self._reservation(ask, now, (first + step) % shards)
                if await self._try(ask, reservation, now):
                    return Granted(await windows, reservation)
            reservation = self._reservation(ask, now, first)
            if shards > 1 and await self._borrow(ask, reservation) and await self._try(ask, reservation, now):
                return Granted(await windows, reservation)
        finally:
            windows.cancel()
        raise Refused("budget", "the organisation", resets_at=_next_month(now))

    async def settle(self, granted: Granted, microusd: int, tokens: int) -> None:
        """Put the true cost in place of what was reserved. Idempotent.

        After a sweep, which gave the money back, the true cost is still charged.
        """
        reservation: Reservation = granted.handle
        open_key = Key("ledger", reservation.pk, reservation.id)
        try:
            await self._store.transact(
                [
                    Remove(open_key, {"state": "open"}),
                    *_charges(reservation, microusd - reservation.microusd),
                    *self._token_corrections(reservation, tokens - reservation.tokens),
                ]
            )
        except Cancelled:
            (item,) = await self._store.get([open_key])
            if item is None or item["state"] != "swept":
                return  # settled before
            late = Change(open_key, {"state": "settled late"}, {"state": "swept"})
            try:
                await self._store.transact([late, *_charges(reservation, microusd)])
            except Cancelled:
                return  # somebody else was first with the same settlement

    async def sweep(self, *, until: datetime | None = None) -> AsyncIterator[str]:
        """Give back what dead processes reserved; yields the id of each reservation after it was given back.

        Goes minute by minute from the last sweep to `until` (now), so that nothing is missed when sweeps
        were.
        """
        now = self._clock()
        until = min(until or now, now)
        (watermark,) = await self._store.get([_WATERMARK])
        minute = _minute_of(watermark["minute"]) if watermark else _floor(now - _LONGEST_CALL)
        while minute <= until:
            for bucket in range(_BUCKETS):
                for sk, item in await self._store.under("ledger", _reservation_pk(minute, bucket)):
                    expired = item["state"] == "open" and item["expires_at"] <= until.timestamp()
                    if expired and await self._give_back(_reservation_pk(minute, bucket), sk, item, now):
                        yield sk
            minute += timedelta(minutes=1)
        # the minute of `until` is looked at again: more of it may expire
        await self._move_watermark(watermark, _text(_floor(until)))

    async def balances(self, scopes: Sequence[str], month: str, *, shards: int = 1) -> list[Balance]:
        """What `scopes` (`ORG`, `DEPT#<id>`, `USER#<id>`) have committed in `month` (YYYY-MM)."""
        return [await self._balance(scope, month, shards) for scope in scopes]

    async def _balance(self, scope: str, month: str, shards: int) -> Balance:
        keys = [f"ORG#{shard}" for shard in range(shards)] if scope == "ORG" else [scope]
        items = await self._store.get([Key("ledger", key, month) for key in keys])
        present = [item for item in items if item]
        return Balance(
            scope,
            month,
            sum(item.get(COMMITTED, 0) for item in present),
            sum(item.get(UNCERTAIN, 0) for item in present),
        )

    # -- reserving ----------------------------------------------------------------------------------------

    def _reservation(self, ask: Ask, now: datetime, shard: int) -> Reservation:
        bucket = random.randrange(_BUCKETS)  # noqa: S311 - spreads load
        return Reservation(
            pk=_reservation_pk(_floor(ask.expires_at), bucket),
            id=ask.reservation_id,
            shard=shard,
            month=_month(now),
            department=ask.department.id,
            principal=ask.principal.id,
            minute=_text(_floor(now)),
            microusd=ask.microusd,
            tokens=ask.tokens,
        )

    async def _try(self, ask: Ask, reservation: Reservation, now: datetime) -> bool:
        """Whether the reservation stands. False: the shard has no room. Raises `Refused` for all else."""
        limits = self._limits(ask, reservation, now)
        hopeless = [limit for limit in limits if _never_holds(limit.operation)]
        if not hopeless:
            try:
                await self._store.transact([limit.operation for limit in limits])
                return True
            except Cancelled as cancelled:
                failed = [limits[position] for position in cancelled.failed]
        else:
            failed = hopeless
        for limit in failed:
            if limit.refused is not None and limit.refused.kind == "switch":
                raise await self._named_switch(ask, limit.operation.key)
            if limit.refused is not None:
                raise limit.refused
        return False

    def _limits(self, ask: Ask, reservation: Reservation, now: datetime) -> list[_Limit]:
        """The operations of a reservation, in the order in which a caller wants to hear of refusals."""
        model = ask.organization.budget_model
        month_ends = _next_month(now)
        minute_ends = _floor(now) + timedelta(minutes=1)
        department, principal = ask.department, ask.principal
        ttl = int((now + _WINDOW_TTL).timestamp())

        def budget(pk: str, ceiling: int | None) -> Add:
            at_most = {COMMITTED: ceiling} if ceiling is not None else {}
            return Add(Key("ledger", pk, reservation.month), {COMMITTED: ask.microusd}, at_most)

        def rate(pk: str, requests: int, tokens: int) -> Add:
            return Add(
                Key("ledger", pk, reservation.minute),
                {"requests": 1, "tokens": ask.tokens},
                {"requests": requests, "tokens": tokens},
                ttl,
            )

        def over_budget(scope: str) -> Refused:
            return Refused("budget", scope, resets_at=month_ends)

        def over_rate(scope: str) -> Refused:
            return Refused("rate", scope, resets_at=minute_ends)

        return [
            _Limit(
                Require(
                    Key("access", principal.access_key, "ACCESS"),
                    {"active": True, "department": department.id},
                ),
                Refused("access", principal.access_key),
            ),
            _Limit(
                unswitched(
                    reservation.shard, department=department.id, model=ask.model, principal=principal.id
                ),
                Refused("switch", "Claude"),
            ),
            _Limit(
                rate(
                    f"RATE#USER#{principal.id}",
                    department.user_requests_per_minute,
                    department.user_tokens_per_minute,
                ),
                over_rate("you"),
            ),
            _Limit(
                rate(
                    f"RATE#DEPT#{department.id}", department.requests_per_minute, department.tokens_per_minute
                ),
                over_rate(f"department {department.id}"),
            ),
            _Limit(
                budget(
                    f"USER#{principal.id}",
                    department.user_monthly_budget_microusd if model != "central" else None,
                ),
                over_budget("you"),
            ),
            _Limit(
                budget(
                    f"DEPT#{department.id}",
                    department.monthly_budget_microusd if model == "per-call" else None,
                ),
                over_budget(f"department {department.id}"),
            ),
            _Limit(budget(f"ORG#{reservation.shard}", _shard_ceiling(ask, reservation.shard)), None),
            _Limit(
                Create(Key("ledger", reservation.pk, reservation.id), reservation.item(ask.expires_at)), None
            ),
        ]

    async def _named_switch(self, ask: Ask, key: Key) -> Refused:
        (item,) = await self._store.get([key])
        off = which_is_off(item, department=ask.department.id, model=ask.model, principal=ask.principal.id)
        scope = off.scope if off.scope == "organization" else f"{off.scope} {off.subject}"
        return Refused("switch", scope)

    async def _borrow(self, ask: Ask, reservation: Reservation) -> bool:
        """Move room from the other shards to the reservation's own until the amount fits. False: there is
        none.

        A transfer takes from one counter what it adds to the other, so their sum never changes.
        """
        shards = ask.organization.budget_shards
        items = await self._store.get(
            [Key("ledger", f"ORG#{shard}", reservation.month) for shard in range(shards)]
        )
        committed = [(item or {}).get(COMMITTED, 0) for item in items]
        room = [_shard_ceiling(ask, shard) - committed[shard] for shard in range(shards)]
        if sum(room) < ask.microusd:
            return False
        missing = ask.microusd - room[reservation.shard]
        lenders = sorted(set(range(shards)) - {reservation.shard}, key=lambda shard: -room[shard])
        for lender in lenders:
            amount = min(missing, room[lender])
            if amount <= 0:
                break
            if await self._transfer(ask, reservation, lender, amount):
                missing -= amount
        return missing <= 0

    async def _transfer(self, ask: Ask, reservation: Reservation, lender: int, amount: int) -> bool:
        ceiling = {COMMITTED: _shard_ceiling(ask, lender)}
        try:
            await self._store.transact(
                [
                    Add(Key("ledger", f"ORG#{lender}", reservation.month), {COMMITTED: amount}, ceiling),
                    Add(Key("ledger", f"ORG#{reservation.shard}", reservation.month), {COMMITTED: -amount}),
                ]
            )
        except Cancelled:
            return False
        return True

    async def _windows(self, ask: Ask, now: datetime) -> list[RateWindow]:
        """The caller's own limits after this call. Read beside the transaction, so exact only without
        company.
        """
        key = Key("ledger", f"RATE#USER#{ask.principal.id}", _text(_floor(now)))
        try:
            (item,) = await self._store.get([key], consistent=False)
        except LedgerUnavailable:
            return []  # figures for the caller's information: not worth losing a reservation for
        used = item or {}
        resets_at = _floor(now) + timedelta(minutes=1)
        department = ask.department
        return [
            RateWindow(kind, limit, max(0, limit - used.get(kind, 0) - amount), resets_at)
            for kind, limit, amount in (
                ("requests", department.user_requests_per_minute, 1),
                ("tokens", department.user_tokens_per_minute, ask.tokens),
            )
        ]

    # -- settling and sweeping ----------------------------------------------------------------------------

    def _token_corrections(self, reservation: Reservation, tokens: int) -> list[Operation]:
        """Give the tokens that were not used back to the windows, while they are still the current ones."""
        if tokens == 0 or reservation.minute != _text(_floor(self._clock())):
            return []
        return [
            Add(Key("ledger", pk, reservation.minute), {"tokens": tokens})
            for pk in (f"RATE#USER#{reservation.principal}", f"RATE#DEPT#{reservation.department}")
        ]

    async def _give_back(self, pk: str, sk: str, item: dict, now: datetime) -> bool:
        reservation = Reservation(
            pk=pk,
            id=sk,
            **{
                name: item[name]
                for name in ("shard", "month", "department", "principal", "minute", "microusd", "tokens")
            },
        )
        swept = Change(
            Key("ledger", pk, sk),
            {"state": "swept", "ttl": int((now + _SWEPT_TTL).timestamp())},
            {"state": "open"},
        )
        try:
            await self._store.transact(
                [swept, *_charges(reservation, -reservation.microusd, uncertain=reservation.microusd)]
            )
        except Cancelled:
            return False  # settled in the meantime
        return True

    async def _move_watermark(self, before: dict | None, minute: str) -> None:
        key = _WATERMARK
        move: Operation = (
            Change(key, {"minute": minute}, {"minute": before["minute"]})
            if before
            else Create(key, {"minute": minute})
        )
        try:
            await self._store.transact([move])
        except Cancelled:
            return  # another sweeper moved it; each sweep is idempotent


def _charges(reservation: Reservation, microusd: int, *, uncertain: int = 0) -> list[Operation]:
    amounts = {COMMITTED: microusd, **({UNCERTAIN: uncertain} if uncertain else {})}
    return [
        Add(Key("ledger", pk, reservation.month), amounts)
        for pk in (
            f"ORG#{reservation.shard}",
            f"DEPT#{reservation.department}",
            f"USER#{reservation.principal}",
        )
    ]


def _never_holds(operation: Operation) -> bool:
    """Whether an amount alone is over its ceiling: an item that is not there yet would let it pass."""
    return isinstance(operation, Add) and any(
        operation.amounts[name] > most for name, most in operation.at_most.items()
    )


def _shard_ceiling(ask: Ask, shard: int) -> int:
    """The shard's part of the organisation's budget; the first shards carry what does not divide."""
    share, rest = divmod(ask.organization.monthly_budget_microusd, ask.organization.budget_shards)
    return share + (1 if shard < rest else 0)


def _month(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y-%m}"


def _next_month(now: datetime) -> datetime:
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def _floor(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _text(minute: datetime) -> str:
    return f"{minute:%Y-%m-%dT%H:%M}"


def _minute_of(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)


def _reservation_pk(minute: datetime, bucket: int) -> str:
    return f"RESERVATION#{_text(minute)}#{bucket}"
