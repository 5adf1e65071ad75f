"""The gate of every route that costs nothing: live access, kill switches and rates (L1.5, G.4).

Priced calls pass the ledger's reservation, which checks the same and counts across processes. Here nothing
is reserved, so access and switches are read and rates counted in this process, including those of refused
requests, because inspecting and refusing is work too.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger import Refused
from lambdas.common.limits import kind_of, limits_of
from lambdas.common.policy import Department, PolicyWatch
from lambdas.gateway import errors
from lambdas.gateway.authorise import department_of
from lambdas.gateway.errors import ApiError
from lambdas.gateway.reserve import Ledger, refusal

# free requests per priced one: agents count tokens in between
FREE_SHARE = 4
_MOST_CALLERS = 50_000
_NO_MODEL = "-"


@dataclass(slots=True)
class _Window:
    minute: int
    requests: int


class CallerRates:
    """Requests per caller in the current minute, in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()

    def now(self) -> datetime:
        """Return the time by which requests are counted."""
        return self._clock()

    def count(self, caller: str, kind: str, limit: int) -> None:
        """Count one request. Raises `ApiError` 429 beyond `limit` per minute."""
        seconds = self._clock().timestamp()
        minute = int(seconds // 60)
        key = (caller, kind)
        window = self._windows.get(key)
        if window is None or window.minute != minute:
            self._windows[key] = window = _Window(minute, 0)
            self._windows.move_to_end(key)
            if len(self._windows) > _MOST_CALLERS:
                self._windows.popitem(last=False)
        if window.requests >= limit:
            wait = max(1, math.ceil(60 * (minute + 1) - seconds))
            raise ApiError(
                429,
                errors.RATE_LIMIT,
                f"Rate limit reached (you); try again in {wait} seconds.",
                reason="rate",
                headers=((b"retry-after", b"%d" % wait),),
            )
        window.requests += 1


@dataclass(frozen=True, slots=True)
class Gate:
    """Admits callers to what costs nothing, and counts attempts at what does."""

    policy: PolicyWatch
    ledger: Ledger
    rates: CallerRates

    def attempt(self, principal: Principal, headers: Mapping[bytes, bytes]) -> None:
        """Count an attempt at a priced call before any work is done for it. Raises `ApiError` 429."""
        _, limit = self._allowed(principal, headers)
        self.rates.count(principal.id, "priced", limit)

    async def admit(
        self, principal: Principal, headers: Mapping[bytes, bytes], model: str = _NO_MODEL
    ) -> Department:
        """Return the caller's department. Raises `ApiError` 403, 429, or 503 if the ledger does not
        respond.
        """
        department, limit = self._allowed(principal, headers)
        self.rates.count(principal.id, "free", FREE_SHARE * limit)
        try:
            await self.ledger.check(principal, department.id, model)
        except Refused as refused:
            raise refusal(refused, self.rates.now()) from None
        except Exception:  # whatever the store raises: nobody passes unchecked
            raise errors.control_unavailable("ledger") from None
        return department

    def _allowed(self, principal: Principal, headers: Mapping[bytes, bytes]) -> tuple[Department, int]:
        """Return the caller's department, and its requests per minute."""
        policy = self.policy.current()
        department = department_of(policy, principal)
        limits = limits_of(policy, department, principal, kind_of(principal, headers))
        return department, limits.requests_per_minute
