"""Which answers there are to speak of: feedback and outcomes are taken on completed ones only (G.3, L5.2).

A mark of each completed answer is written beside its record, so a statement that follows at once finds it. A
call that was refused, failed or broke off leaves none.
"""

from dataclasses import dataclass
from datetime import timedelta

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger.items import TTL, Create, Key, Store
from lambdas.common.policy import PolicyWatch
from lambdas.gateway import errors
from lambdas.gateway.errors import not_found
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.own_records import FACTS, facts_of

_KEPT = timedelta(days=90)
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """A completed answer: who got it, and its length in tokens."""

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
        """Remember that a call was answered. Never raises: without the mark nothing can be said of it."""
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
        """The answer, for its caller or for one with a role that the department names for it. Raises
        `ApiError` 404, also for an answer of others; 503.
        """
        try:
            (item,) = await self.store.get([_key(request_id[:_LONGEST_ID])])
        except Exception:  # whatever the store raises: without it nobody's answer can be found
            raise errors.control_unavailable("ledger") from None
        if item is not None and item["department"] == principal.department:
            department = self.policy.current().departments.get(principal.department)
            roles = department.statement_roles if department is not None else ()
            if item["principal"] == principal.id or any(role in roles for role in principal.roles):
                return Answer(item["principal"], item["department"], int(item["output_tokens"]))
        raise not_found("You have no completed answer with this request id.", reason="unknown_record")


def _key(request_id: str) -> Key:
    return Key("ledger", f"ANSWER#{request_id}", "ANSWER")
