"""Texts that a person declares public, on record, up to a daily limit (G.1).

A wire story or a press release names people and companies just as a confidential memo does. A person who
states where it was published may send it; the audit record keeps the statement, and a daily limit per
person prevents it from becoming a habit.
"""

from dataclasses import dataclass
from datetime import timedelta

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger.items import TTL, Add, Cancelled, Key, Store
from lambdas.common.policy import Department
from lambdas.gateway import errors

_KEPT = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Publications:
    """Counts declarations in `store`."""

    store: Store
    clock: Clock

    async def declare(self, principal: Principal, department: Department) -> None:
        """Count one declaration of a person.

        Raises `ApiError` 400 for an application, 451 if the department may declare nothing or the daily
        limit is reached, 503 if declarations cannot be counted.
        """
        if principal.kind != "person":
            raise errors.invalid_request("x-published-at: only a person may declare a text public")
        limit = department.public_declarations_per_day
        if limit == 0:
            raise errors.policy_refusal(
                "Your department may not declare texts public.", "public_declarations"
            )
        now = self.clock()
        one = Add(
            Key("ledger", f"PUBLISHED#{principal.id}", f"{now:%Y-%m-%d}"),
            {"declared": 1},
            at_most={"declared": limit},
            sets={TTL: int((now + _KEPT).timestamp())},
        )
        try:
            await self.store.apply(one)
        except Cancelled:
            raise errors.policy_refusal(
                f"You have declared {limit} texts public today, the most that your department allows.",
                "public_declarations",
            ) from None
        except Exception:  # whatever the store raises: uncounted, nothing is declared
            raise errors.control_unavailable("ledger") from None
