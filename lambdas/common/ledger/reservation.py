"""What is asked of the ledger for one call, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lambdas.common.identities import Principal
from lambdas.common.policy import Department, Organization


@dataclass(frozen=True, slots=True)
class Ask:
    """One call that wants to be sent. Money in micro-dollars; `tokens` bounds input and output together."""

    reservation_id: str
    principal: Principal
    department: Department
    organization: Organization
    model: str
    microusd: int
    tokens: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RateWindow:
    """A limit of the caller's own as it stands after this call. `kind` is `requests` or `tokens`."""

    kind: str
    limit: int
    remaining: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was reserved, with all that is needed to settle or to give it back."""

    pk: str
    sk: str
    shard: int
    month: str
    department: str
    principal: str
    minute: str
    microusd: int
    tokens: int

    def item(self, expires_at: datetime) -> dict[str, Any]:
        """The reservation as it is stored."""
        return {
            "state": "open",
            "shard": self.shard,
            "month": self.month,
            "department": self.department,
            "principal": self.principal,
            "minute": self.minute,
            "microusd": self.microusd,
            "tokens": self.tokens,
            "expires_at": int(expires_at.timestamp()),
        }


@dataclass(frozen=True, slots=True)
class Granted:
    """The ledger's yes. `handle` is the ledger's own."""

    windows: Sequence[RateWindow]
    handle: Any = None


class Refused(Exception):
    """The ledger's no: which limit, whose, and when it may be different."""

    def __init__(
        self,
        kind: Literal["budget", "rate", "switch", "access"],
        scope: str,
        *,
        resets_at: datetime | None = None,
        message: str = "",
    ) -> None:
        super().__init__(message or f"{kind} of {scope}")
        self.kind = kind
        self.scope = scope
        self.resets_at = resets_at
        self.message = message


class LedgerUnavailable(Exception):
    """The store did not answer, or stayed in conflict for too long: nothing may be sent."""
