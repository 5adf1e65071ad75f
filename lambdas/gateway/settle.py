"""Settlement of a call: its actual cost in place of what was reserved (L1.6)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.common.ledger import Reservation
from lambdas.common.ledger.items import Key
from lambdas.common.prices import PriceList
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.hold import first_hold
from lambdas.gateway.outcome import Outcome
from lambdas.gateway.reserve import Ledger, Reserved

_BYTES_PER_TOKEN = 4  # of ordinary text
_PATIENCE_SECONDS = 0.05  # how long the last byte of an answer may wait for the ledger
_WAITS = (0.5, 1, 2, 5, 10, 30, 60, 120, 240, 300)  # in total less than the lifetime of a reservation


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call used. `estimated`: no provider reported it and the gateway counted itself;
    `uncertain_microusd` may not have been charged by the provider.
    """

    microusd: int
    input_tokens: int
    output_tokens: int
    estimated: bool = False
    cached_tokens: int = 0  # of the input, read from the provider's cache
    uncertain_microusd: int = 0

    @property
    def rated_tokens(self) -> int:
        """Return what counts towards the caller's rates: as in the API's own limits, cached reads do not."""
        return self.input_tokens - self.cached_tokens + self.output_tokens


class Settler:
    """Prices outcomes and settles reservations.

    An answer waits at most `patience` seconds for its settlement, which continues in the background: by
    then the cost is noted, or the record states it. What the ledger does not accept is retried after each
    of `waits` seconds. What a dead process reserved is charged by the sweeper.
    """

    def __init__(
        self,
        ledger: Ledger,
        prices: PriceList,
        waits: Sequence[float] = _WAITS,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._ledger = ledger
        self._prices = prices
        self._waits = waits
        self._patience = patience
        self._owed: set[asyncio.Task[None]] = set()

    def cost(self, call: GovernedCall, reserved: Reserved, outcome: Outcome) -> Cost:
        """Return the cost of an outcome.

        An answer with final usage is priced by that. If there is none (the answer was interrupted, its
        client disconnected and it did not end in time, or its figures are not credible), it costs what was
        reserved: it cannot have cost more, and the unknown part is uncertain. The same applies to a request
        that was sent and never answered. A call that no provider accepted costs nothing.
        """
        unanswered = reserved.hold.unanswered_microusd
        if not outcome.billable and not call.taken:
            sent = sum(one.unsure for one in call.attempts)
            may_be = min(reserved.microusd, sent * first_hold(reserved.hold.worst, call.max_tokens)[0])
            return Cost(may_be, 0, 0, bool(may_be), uncertain_microusd=may_be)
        usage = dict(outcome.usage or {"input_tokens": -(-reserved.input_tokens // _BYTES_PER_TOKEN)})
        said = outcome.usage is not None and outcome.said_usage
        if outcome.delivered_tokens > _count(usage.get("output_tokens")):
            usage["output_tokens"] = outcome.delivered_tokens
        charge = self._prices.charge(
            call.model,
            usage,
            batch=call.kind == "batch",
            asked=reserved.hold.worst.asked,
            answered_by=outcome.model,
        )
        known = charge.microusd
        microusd = known + unanswered if said and charge.certain else max(known, reserved.microusd)
        return Cost(
            microusd,
            charge.input_tokens,
            charge.output_tokens,
            microusd > known,
            _count(usage.get("cache_read_input_tokens")),
            microusd - known,
        )

    def batch_cost(self, model: str, used: Sequence[tuple[dict[str, Any], str | None]]) -> Cost:
        """Return the cost of a batch from the usages of its messages, each with the model it names."""
        charges = [self._prices.charge(model, one, batch=True, answered_by=name) for one, name in used]
        return Cost(
            sum(one.microusd for one in charges),
            sum(one.input_tokens for one in charges),
            sum(one.output_tokens for one in charges),
            not all(one.certain for one in charges),
        )

    async def hand_over(self, reserved: Reserved, holder: Key, item: dict[str, Any]) -> None:
        """Transfer the reservation to an item of the ledger's table. Raises what the ledger raises."""
        await self._ledger.hand_over(reserved.granted, holder, item)

    async def settle_held(self, reservation: Reservation, holder: Key, cost: Cost) -> None:
        """Settle what an item holds. Raises what the ledger raises."""
        await self._ledger.settle_held(reservation, holder, cost.microusd)

    async def settle(
        self, reserved: Reserved, cost: Cost, recorded: "asyncio.Task[None] | None" = None
    ) -> None:
        """Settle with the ledger, concurrently with recording the outcome (`recorded`), without which the
        reservation stays.

        Returns when it is sent, or a moment after the record is durable. Never raises.
        """
        telling = asyncio.create_task(self._tell(reserved, cost, recorded))
        self._owed.add(telling)
        telling.add_done_callback(self._owed.discard)
        if recorded is not None:
            await asyncio.wait([recorded])
        if not telling.done():
            await asyncio.wait([telling], timeout=self._patience)

    async def release(self, reserved: Reserved) -> None:
        """Release all of it: nothing was sent."""
        await self.settle(reserved, Cost(0, 0, 0))

    async def _tell(self, reserved: Reserved, cost: Cost, recorded: "asyncio.Task[None] | None") -> None:
        tokens = cost.rated_tokens
        for wait in (*self._waits, None):
            try:
                await self._ledger.settle(
                    reserved.granted,
                    cost.microusd,
                    tokens,
                    uncertain=cost.uncertain_microusd,
                    recorded=_shielded(recorded) if recorded is not None else None,
                )
                return
            except Exception:  # whatever the store raises
                if wait is None:
                    return
            await asyncio.sleep(wait)


def _shielded(recorded: "asyncio.Task[None]") -> "asyncio.Future[None]":
    """The record's end, for a ledger that may fail before it waits for it: that the record failed as well is
    then said by `finish`, not by the event loop as an exception that nobody looked at.
    """
    shielded = asyncio.shield(recorded)
    shielded.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return shielded


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
