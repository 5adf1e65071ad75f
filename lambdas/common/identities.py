"""Who is calling."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    `access_key` is the `pk` of its live access record, checked again in the ledger's transaction.
    `models` and `data_classes` narrow what the department may use; None narrows nothing. `session` is the
    sign-in that the token came from, as `lambdas/common/ledger/token_uses.py` names it, or empty;
    `signed_out_at` is when all sign-ins so far were ended (seconds since the epoch), or 0.
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
