"""Completed answers, the only ones that accept feedback and outcomes (G.3, L5.2).

A marker for each completed answer is written beside its record, so feedback that follows immediately finds
it. A call that was refused, failed or was interrupted leaves none.
"""

from dataclasses import dataclass
from datetime import timedelta

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger.items import TTL, Create, Key, Store
from lambdas.common.policy import PolicyWatch
from lambdas.gateway.errors import available, not_found
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.own_records import FACTS, facts_of

_KEPT = timedelta(days=90)
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """A completed answer: its caller, and its length in tokens."""

    principal: str
    department: str
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Marks answers and finds them again."""

    store: Store
    policy: PolicyWatch
    clock: Clock

    async def mark(self, call: GovernedCall, output_tokens: int) -> None:
        """Mark a call as answered. Never raises: without the marker, the answer accepts no feedback."""
        item = {
            "principal": call.principal.id,
            "department": call.principal.department,
            "output_tokens": output_tokens,
            FACTS: facts_of(call, self.clock()),
            TTL: int((self.clock() + _KEPT).timestamp()),
        }
        try:
            await self.store.apply(Create(_key(call.request_id), item))
        except Exception:  # whatever the store raises
            return

    async def of(self, request_id: str, principal: Principal) -> Answer:
        """Return the answer, for its caller or for a member with a role that the department names for this.

        Raises `ApiError` 404, also for other people's answers; 503.
        """
        (item,) = await available(self.store.get([_key(request_id[:_LONGEST_ID])]))
        if item is not None and item["department"] == principal.department:
            department = self.policy.current().departments.get(principal.department)
            roles = department.statement_roles if department is not None else ()
            if item["principal"] == principal.id or any(role in roles for role in principal.roles):
                return Answer(item["principal"], item["department"], int(item["output_tokens"]))
        raise not_found("You have no completed answer with this request id.", reason="unknown_record")


def _key(request_id: str) -> Key:
    return Key("ledger", f"ANSWER#{request_id}", "ANSWER")
