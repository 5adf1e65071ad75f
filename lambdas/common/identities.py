"""Authenticated callers."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """Limits of one key, set by an operator. None: as for others of its kind. Amounts in micro-dollars per
    month, rates per minute.
    """

    monthly_budget_microusd: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_calls: int | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    `access_key` is the `pk` of its live access record, which every reservation reads again. `models` and
    `data_classes` restrict what the department may use; None: no restriction. `session` is the sign-in
    behind the token, as named in `lambdas/common/ledger/token_uses.py`, or empty; `signed_out_at` is when
    all earlier sign-ins were revoked (seconds since the epoch), or 0. `limits` and `use_case` are a key's
    own.
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
