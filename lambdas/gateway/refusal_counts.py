"""Counts of what inspection refuses, by person and month, for clients that open cases for them (G.2).

Nothing is counted if `inspection.case_after_refusals` is not set, and never for an application. A count has
the number and the reasons, never the texts, and expires 92 days after the last.
"""

from dataclasses import dataclass
from datetime import UTC, timedelta

from lambdas.common.clock import Clock
from lambdas.common.ledger.items import TTL, Add, Key, Store
from lambdas.common.refusal_counts import COUNT, REASON, partition
from lambdas.gateway.governed_call import GovernedCall

_KEPT = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class RefusalCounts:
    """Counts in the ledger."""

    store: Store
    clock: Clock

    async def count(self, call: GovernedCall) -> None:
        """Count a refused call of a person. Never raises: a refusal stands without its count."""
        if not call.policy.inspection.case_after_refusals or call.principal.kind != "person":
            return
        now = self.clock().astimezone(UTC)
        amounts = {COUNT: 1, f"{REASON}{call.verdict.reason or 'inspection'}": 1}
        sets: dict[str, int | str] = {
            "department": call.principal.department,
            TTL: int((now + _KEPT).timestamp()),
        }
        try:
            key = Key("ledger", partition(now.date()), call.principal.id)
            await self.store.apply(Add(key, amounts, sets=sets))
        except Exception:  # whatever the store raises
            return
