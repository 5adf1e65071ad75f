"""Completed answers, the only ones that accept feedback and outcomes (G.3, L5.2).

They are found by the marker that each leaves beside its record, so feedback that follows immediately finds
it (`own_records`). A call that was refused, failed or was interrupted leaves another.
"""

from dataclasses import dataclass

from lambdas.common.identities import Principal
from lambdas.common.ledger.items import Store
from lambdas.common.policy import PolicyWatch
from lambdas.gateway.errors import available, not_found
from lambdas.gateway.own_records import answer_key


@dataclass(frozen=True, slots=True)
class Answer:
    """A completed answer: its caller, and its length in tokens."""

    principal: str
    department: str
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Finds answers."""

    store: Store
    policy: PolicyWatch

    async def of(self, request_id: str, principal: Principal) -> Answer:
        """Return the answer, for its caller or for a member with a role that the department names for this.

        Raises `ApiError` 404, also for other people's answers; 503.
        """
        (item,) = await available(self.store.get([answer_key(request_id)]))
        if item is not None and item["department"] == principal.department:
            department = self.policy.current().departments.get(principal.department)
            roles = department.statement_roles if department is not None else ()
            if item["principal"] == principal.id or any(role in roles for role in principal.roles):
                return Answer(item["principal"], item["department"], int(item["output_tokens"]))
        raise not_found("You have no completed answer with this request id.", reason="unknown_record")
