"""Settle a call: what it truly cost in place of what was reserved (L1.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.common.ledger import Reservation
from lambdas.common.ledger.items import Key
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.outcome import Outcome
from lambdas.gateway.reserve import Ledger, Prices, Reserved

_BYTES_PER_TOKEN = 4  # of ordinary text


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call used. `estimated` says that no provider reported it and the gateway counted itself."""

    microusd: int
    input_tokens: int
    output_tokens: int
    estimated: bool = False


class Settler:
    """Prices outcomes and settles reservations."""

    def __init__(self, ledger: Ledger, prices: Prices) -> None:
        self._ledger = ledger
        self._prices = prices

    def cost(self, call: GovernedCall, reserved: Reserved, outcome: Outcome) -> Cost:
        """The cost of an outcome.

        An answer that was completed is priced by its own usage; one that reports none costs what was
        reserved, because it cannot be known to have cost less. One that broke off costs its input, as
        reported or else estimated, and what of it was delivered. A call that no provider took costs nothing.
        """
        if not outcome.billable:
            return Cost(0, 0, 0)
        usage = outcome.usage
        if usage is None and outcome.result == "completed":
            return Cost(reserved.microusd, reserved.input_tokens, call.max_tokens, estimated=True)
        usage = dict(usage or {"input_tokens": -(-reserved.input_tokens // _BYTES_PER_TOKEN)})
        estimated = outcome.usage is None or outcome.result != "completed"
        if outcome.delivered_tokens > _count(usage.get("output_tokens")):
            usage["output_tokens"] = outcome.delivered_tokens
        microusd = self._prices.cost(call.model, usage, batch=call.kind == "batch")
        return Cost(microusd, _prompt_tokens(usage), _count(usage.get("output_tokens")), estimated)

    def batch_cost(self, model: str, usages: Sequence[dict[str, Any]]) -> Cost:
        """The cost of a batch whose messages report these usages."""
        return Cost(
            sum(self._prices.cost(model, usage, batch=True) for usage in usages),
            sum(_prompt_tokens(usage) for usage in usages),
            sum(_count(usage.get("output_tokens")) for usage in usages),
        )

    async def hand_over(self, reserved: Reserved, holder: Key, item: dict[str, Any]) -> None:
        """Let an item of the ledger's table hold the reservation. Raises what the ledger raises."""
        await self._ledger.hand_over(reserved.granted, holder, item)

    async def settle_held(self, reservation: Reservation, holder: Key, cost: Cost) -> None:
        """Settle what an item holds. Raises what the ledger raises."""
        await self._ledger.settle_held(reservation, holder, cost.microusd)

    async def settle(self, reserved: Reserved, cost: Cost) -> None:
        """Tell the ledger. Raises what the ledger raises."""
        await self._ledger.settle(reserved.granted, cost.microusd, cost.input_tokens + cost.output_tokens)

    async def release(self, reserved: Reserved) -> None:
        """Give all of it back: nothing left the account. Raises what the ledger raises."""
        await self._ledger.settle(reserved.granted, 0, 0)


def _prompt_tokens(usage: dict[str, Any]) -> int:
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(_count(usage.get(name)) for name in names)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
