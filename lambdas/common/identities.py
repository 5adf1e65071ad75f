"""Who is calling."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What the operator gave one key. None: as for others of its kind. Amounts in micro-dollars a month,
    rates a minute.
    """

    monthly_budget_microusd: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_calls: int | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    `access_key` is the `pk` of its live access record, read again for every reservation.
    `models` and `data_classes` narrow what the department may use; None narrows nothing. `session` is the
    sign-in that the token came from, as `lambdas/common/ledger/token_uses.py` names it, or empty;
    `signed_out_at` is when all sign-ins so far were ended (seconds since the epoch), or 0. `limits` and
    `use_case` are a key's own.
    """

    kind: Literal["person", "application"]
    id: str
    department: str
    access_key: str
    issuer: str
    roles: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    data_classes: tuple[str, ...] | None = None
    session: str = ""
    signed_out_at: int = 0
    limits: KeyLimits | None = None
    use_case: str | None = None
