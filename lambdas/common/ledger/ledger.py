"""The rules of the ledger, independent of where its items are kept."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from lambdas.common.access import SIGNED_OUT
from lambdas.common.clock import Clock, utc_now
from lambdas.common.ledger.items import (
    TTL,
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
from lambdas.common.ledger.token_uses import session_goes_on

COMMITTED = "committed_microusd"
UNCERTAIN = "swept_microusd"
_BUCKETS = 16  # reservations are spread, because one partition takes only so many writes a second
_WINDOW_TTL = timedelta(hours=1)
_SWEPT_TTL = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Balance:
    """What a scope has committed in a month, in micro-dollars: spent and reserved together.

    `uncertain_microusd` of it was reserved by processes that died: the provider may have charged up to that.
    """

    scope: str
    month: str
    committed_microusd: int
    uncertain_microusd: int


class _Limit(NamedTuple):
    """An operation of a reservation and the refusal that it stands for."""

    operation: Operation
    kind: Literal["budget", "rate", "switch", "access"] | None  # None: it stands for no refusal of its own
    scope: str = ""
    resets_at: datetime | None = None


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

        After a sweep, which charged the reservation, the true cost takes its place all the same.
        """
        reservation: Reservation = granted.handle
        try:
            await self._store.transact(
                [
                    Remove(reservation.key, {"state": "open"}),
                    *_charges(reservation, microusd - reservation.microusd),
                    *self._token_corrections(reservation, tokens - reservation.tokens),
                ]
            )
        except Cancelled:
            late = Change(reservation.swept_key, {"state": "settled late"}, {"state": "swept"})
            try:
                await self._store.transact(
                    [
                        late,
                        *_charges(
                            reservation, microusd - reservation.microusd, uncertain=-reservation.microusd
                        ),
                    ]
                )
            except Cancelled:
                return  # settled before, by this very settlement whose answer was lost

    async def hand_over(self, granted: Granted, holder: Key, item: Mapping[str, Any]) -> None:
        """Let `item`, written now under `holder` with `state: open`, hold what was reserved: it does not
        expire any more. For work that goes on without us. Raises `LedgerUnavailable` when it was swept.
        """
        reservation: Reservation = granted.handle
        try:
            await self._store.transact(
                [Remove(reservation.key, {"state": "open"}), Create(holder, {**item, "state": "open"})]
            )
        except Cancelled:
            raise LedgerUnavailable("the reservation is no longer open") from None

    async def settle_held(self, reservation: Reservation, holder: Key, microusd: int) -> None:
        """Put the true cost in place of what `holder` holds, whose state is `settled` then. Idempotent."""
        settled = Change(holder, {"state": "settled"}, {"state": "open"})
        try:
            await self._store.transact([settled, *_charges(reservation, microusd - reservation.microusd)])
        except Cancelled:
            return  # settled before

    async def expired(self, *, until: datetime | None = None) -> AsyncIterator[Reservation]:
        """The reservations that are still open though they expired before `until` (now): their processes are
        dead. `until` never lies in the future, or the calls of living processes would be among them.
        """
        now = self._clock()
        before = _second(min(until or now, now))
        for bucket in range(_BUCKETS):
            pk = f"RESERVATION#{bucket}"
            for sk, item in await self._store.under("ledger", pk, before=before):
                yield Reservation.stored(pk, sk, item)

    async def charge_expired(self, reservation: Reservation) -> bool:
        """Charge what a dead process reserved. False when it was settled in the meantime.

        Nobody knows whether its call left and what the provider charged for it, only that it is no more than
        was reserved. So all of it stays committed, and is said to be uncertain: were it given back, every
        death would let as much be spent above a ceiling (L1.6). An operator who learns the true cost from
        the provider's bill corrects the difference there, not here.
        """
        kept = {
            **reservation.item(),
            "state": "swept",
            TTL: int((self._clock() + _SWEPT_TTL).timestamp()),
        }
        try:
            await self._store.transact(
                [
                    Remove(reservation.key, {"state": "open"}),
                    Create(reservation.swept_key, kept),
                    *_charges(reservation, 0, uncertain=reservation.microusd),
                ]
            )
        except Cancelled:
            return False
        return True

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
            pk=f"RESERVATION#{bucket}",
            sk=f"{_second(ask.expires_at)}#{ask.reservation_id}",
            shard=shard,
            month=_month(now),
            department=ask.department.id,
            principal=ask.principal.id,
            model=ask.model,
            minute=_text(_floor(now)),
            microusd=ask.microusd,
            tokens=ask.tokens,
            batch=ask.batch,
        )

    async def _try(self, ask: Ask, reservation: Reservation, now: datetime) -> bool:
        """Whether the reservation stands. False: the shard has no room. Raises `Refused` for all else."""
        limits = self._limits(ask, reservation, now)
        try:
            await self._store.transact([limit.operation for limit in limits])
            return True
        except Cancelled as cancelled:
            failed = [limits[position] for position in cancelled.failed]
        for limit in failed:
            if limit.kind == "switch":
                raise await self._named_switch(ask, limit.operation.key)
            if limit.kind is not None:
                raise Refused(limit.kind, limit.scope, resets_at=limit.resets_at)
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

        signed_in = (
            [_Limit(session_goes_on(principal.session), "access", principal.access_key)]
            if principal.session
            else []
        )
        overnight = (
            [
                _Limit(
                    budget(f"BATCH#{department.id}", department.batch_monthly_budget_microusd),
                    "budget",
                    f"overnight work of department {department.id}",
                    month_ends,
                )
            ]
            if ask.batch
            else []
        )
        return [
            _Limit(
                Require(
                    Key("access", principal.access_key, "ACCESS"),
                    {
                        "active": True,
                        "department": department.id,
                        **({SIGNED_OUT: principal.signed_out_at} if principal.signed_out_at else {}),
                    },
                    absent=() if principal.signed_out_at else (SIGNED_OUT,),
                ),
                "access",
                principal.access_key,
            ),
            *signed_in,
            _Limit(
                unswitched(
                    reservation.shard, department=department.id, model=ask.model, principal=principal.id
                ),
                "switch",
            ),
            _Limit(
                rate(
                    f"RATE#USER#{principal.id}",
                    department.user_requests_per_minute,
                    department.user_tokens_per_minute,
                ),
                "rate",
                "you",
                minute_ends,
            ),
            _Limit(
                rate(
                    f"RATE#DEPT#{department.id}", department.requests_per_minute, department.tokens_per_minute
                ),
                "rate",
                f"department {department.id}",
                minute_ends,
            ),
            _Limit(
                budget(
                    f"USER#{principal.id}",
                    ask.caller_budget_microusd
                    if ask.caller_budget_microusd is not None
                    else department.user_monthly_budget_microusd
                    if model != "central"
                    else None,
                ),
                "budget",
                "you",
                month_ends,
            ),
            _Limit(
                budget(
                    f"DEPT#{department.id}",
                    department.monthly_budget_microusd if model == "per-call" else None,
                ),
                "budget",
                f"department {department.id}",
                month_ends,
            ),
            *overnight,
            _Limit(budget(f"ORG#{reservation.shard}", _shard_ceiling(ask, reservation.shard)), None),
            _Limit(Create(reservation.key, reservation.item()), None),
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
        """Put the tokens that were used in place of those that were expected: in the window that was charged,
        while it is the current one; later only what was used beyond them, in the current one.
        """
        now = self._clock()
        minute = _text(_floor(now))
        if minute != reservation.minute:
            tokens = max(0, tokens)
        if tokens == 0:
            return []
        ttl = int((now + _WINDOW_TTL).timestamp())
        return [
            Add(Key("ledger", pk, minute), {"tokens": tokens}, ttl=ttl)
            for pk in (f"RATE#USER#{reservation.principal}", f"RATE#DEPT#{reservation.department}")
        ]


def _charges(reservation: Reservation, microusd: int, *, uncertain: int = 0) -> list[Operation]:
    amounts = {COMMITTED: microusd, **({UNCERTAIN: uncertain} if uncertain else {})}
    return [
        Add(Key("ledger", pk, reservation.month), amounts)
        for pk in (
            f"ORG#{reservation.shard}",
            f"DEPT#{reservation.department}",
            f"USER#{reservation.principal}",
            *((f"BATCH#{reservation.department}",) if reservation.batch else ()),
        )
    ]


def _shard_ceiling(ask: Ask, shard: int) -> int:
    """The shard's part of the organisation's budget; the first shards carry what does not divide."""
    share, rest = divmod(ask.organization.monthly_budget_microusd, ask.organization.budget_shards)
    return share + (1 if shard < rest else 0)


def _month(now: datetime) -> str:
    return now.astimezone(UTC).isoformat()[:7]


def _next_month(now: datetime) -> datetime:
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def _floor(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _text(minute: datetime) -> str:
    return minute.isoformat()[:16]


def _second(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()[:19]
