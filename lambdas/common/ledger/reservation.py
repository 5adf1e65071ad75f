"""Request to the ledger for one call, and its answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, NamedTuple

from lambdas.common.identities import Principal
from lambdas.common.ledger.items import Key
from lambdas.common.policy import Department, Organization


@dataclass(frozen=True, slots=True)
class Ask:
    """A call to be sent. Money in micro-dollars; `tokens` is the estimate for its rate windows before its
    answer begins.

    `caller_budget_microusd` is the caller's own ceiling under every budget model. The rates are the
    caller's; None: those of `department` for its people.
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
    concurrent_calls: int | None = None  # maximum calls of the caller in progress
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class RateWindow(NamedTuple):
    """One of the caller's own limits after this call. `kind` is `requests` or `tokens`."""

    kind: str
    limit: int
    remaining: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was reserved, with everything needed to settle it or give it back.

    `sk` begins with the second in which it expires, so that a sweep reads only expired ones, and ends with
    the id. `taken` says how much of it each counter holds, by the counter's `pk`.
    """

    pk: str
    sk: str
    month: str
    department: str
    principal: str
    model: str
    minute: str
    microusd: int
    tokens: int
    batch: bool = False
    principal_kind: str = ""  # person or application; empty in old reservations
    taken: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def id(self) -> str:
        """Return the reservation's id, which is the request id of its call."""
        return self.sk.partition("#")[2]

    @property
    def key(self) -> Key:
        """Return its key while it is open."""
        return Key("ledger", self.pk, self.sk)

    @property
    def uncertain_key(self) -> Key:
        """Return its key once the cost of its call is unknown, until it is known or long past."""
        return Key("ledger", f"UNCERTAIN#{self.id}", "RESERVATION")

    def item(self) -> dict[str, Any]:
        """Return the item to store."""
        values = {name: getattr(self, name) for name in _STORED}
        return {**values, "taken": json.dumps(dict(self.taken), separators=(",", ":"))}

    @classmethod
    def stored(cls, pk: str, sk: str, item: Mapping[str, Any]) -> "Reservation":
        """Return the reservation in a stored item."""
        values = {name: item[name] for name in _STORED if name in item}
        return cls(pk, sk, **{**values, "taken": json.loads(item.get("taken") or "{}")})


_STORED = tuple(one.name for one in fields(Reservation) if one.name not in ("pk", "sk"))


@dataclass(frozen=True, slots=True)
class Granted:
    """The ledger's approval. `handle` is the ledger's own; `month` (YYYY-MM) is where the call is booked."""

    windows: Sequence[RateWindow]
    handle: Any = None
    month: str = ""


class ReservationsDamaged(Exception):
    """Some stored reservations cannot be read; all others were."""


class Refused(Exception):
    """The ledger's refusal: which limit, whose, and when it may change."""

    def __init__(
        self,
        kind: Literal["budget", "rate", "concurrency", "switch", "access"],
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
    """The store did not answer as expected, so nothing may be sent."""


class LedgerContended(LedgerUnavailable):
    """The store rejected the write because of concurrent writes to the same item; a retry may succeed."""


class LedgerUnsure(LedgerUnavailable):
    """The response to a write was lost, so it may have taken effect."""
