"""Settle a call: what it truly cost in place of what was reserved (L1.6)."""

from dataclasses import dataclass
from typing import Any

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
        read_and_written = _count(usage.get("cache_creation_input_tokens")) + _count(
            usage.get("cache_read_input_tokens")
        )
        return Cost(
            microusd,
            _count(usage.get("input_tokens")) + read_and_written,
            _count(usage.get("output_tokens")),
            estimated,
        )

    async def settle(self, reserved: Reserved, cost: Cost) -> None:
        """Tell the ledger. Raises what the ledger raises."""
        await self._ledger.settle(reserved.granted, cost.microusd, cost.input_tokens + cost.output_tokens)

    async def release(self, reserved: Reserved) -> None:
        """Give all of it back: nothing left the account. Raises what the ledger raises."""
        await self._ledger.settle(reserved.granted, 0, 0)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
