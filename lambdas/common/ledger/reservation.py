"""What is asked of the ledger for one call, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from lambdas.common.identities import Principal
from lambdas.common.ledger.items import Key
from lambdas.common.policy import Department, Organization


@dataclass(frozen=True, slots=True)
class Ask:
    """One call that wants to be sent. Money in micro-dollars; `tokens` is what it probably adds to its rate
    windows before its answer begins. `caller_budget_microusd` is an own ceiling of the caller's that holds
    under every budget model. The limits of `department` for its people are those that hold for this caller.
    """

    reservation_id: str
    principal: Principal
    department: Department
    organization: Organization
    model: str
    microusd: int
    tokens: int
    expires_at: datetime
    batch: bool = False
    caller_budget_microusd: int | None = None


@dataclass(frozen=True, slots=True)
class RateWindow:
    """A limit of the caller's own as it stands after this call. `kind` is `requests` or `tokens`."""

    kind: str
    limit: int
    remaining: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was reserved, with all that is needed to settle or to give it back.

    `sk` begins with the second in which it expires, so that a sweep reads only what has expired, and ends
    with the id.
    """

    pk: str
    sk: str
    shard: int
    month: str
    department: str
    principal: str
    model: str
    minute: str
    microusd: int
    tokens: int
    batch: bool = False

    @property
    def id(self) -> str:
        """The reservation's id, which is the request id of its call."""
        return self.sk.partition("#")[2]

    @property
    def key(self) -> Key:
        """Where it is while it is open."""
        return Key("ledger", self.pk, self.sk)

    @property
    def swept_key(self) -> Key:
        """Where it is after a sweep, until that is long past."""
        return Key("ledger", f"SWEPT#{self.id}", "RESERVATION")

    def item(self) -> dict[str, Any]:
        """The reservation as it is stored."""
        return {"state": "open", **{name: getattr(self, name) for name in _STORED}}

    @classmethod
    def stored(cls, pk: str, sk: str, item: Mapping[str, Any]) -> "Reservation":
        """The reservation in a stored item."""
        return cls(pk, sk, **{name: item[name] for name in _STORED if name in item})


_STORED = tuple(one.name for one in fields(Reservation) if one.name not in ("pk", "sk"))


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
