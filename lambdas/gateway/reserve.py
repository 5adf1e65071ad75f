"""Reservation of a call's maximum cost before it is sent, or its refusal (L1.5, L1.6, G.4).

The ledger decides over the user, the department and the organisation, together with the rate windows, the
kill switches and the caller's live access record. This step prices the call, asks, and translates a refusal
into the right answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Protocol

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger import (
    Ask,
    Balance,
    Granted,
    LedgerContended,
    LedgerUnsure,
    RateWindow,
    Refused,
    Reservation,
)
from lambdas.common.ledger.items import Key
from lambdas.common.limits import CallerLimits
from lambdas.common.prices import PriceList
from lambdas.gateway import errors
from lambdas.gateway.errors import ApiError, Header
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.hold import Hold, first_hold
from lambdas.gateway.learned_estimate import CountedShares
from lambdas.gateway.turns import LIGHT_TO_READ_BYTES, Turns
from lambdas.gateway.worst_case import WorstCase

_RESERVED_SECONDS = (
    900 + 60
)  # longer than the longest call, so that only a dead process loses its reservation
_MOST_COUNTED = 500  # their names make the caller's item longer; above, the limit is per process


class Ledger(Protocol):
    """The part of the ledger that the gateway needs. Any exception but `Refused` means that it is
    unavailable.
    """

    async def reserve(self, ask: Ask) -> Granted: ...
    async def check(self, principal: Principal, department: str, model: str) -> None: ...
    async def extend(self, granted: Granted, microusd: int) -> None: ...
    async def reduce(self, granted: Granted, microusd: int) -> None: ...
    async def settle(
        self,
        granted: Granted,
        microusd: int,
        tokens: int,
        *,
        uncertain: int = 0,
        recorded: Awaitable[Any] | None = None,
    ) -> None: ...
    async def hand_over(self, granted: Granted, holder: Key, item: Mapping[str, Any]) -> Reservation: ...
    async def balances(self, scopes: Sequence[str], month: str) -> Sequence[Balance]: ...
    async def settle_held(self, reservation: Reservation, holder: Key, microusd: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation in force. `headers` are the caller's own rate limits, for the answer."""

    id: str
    granted: Granted
    hold: Hold
    tokens: int
    input_tokens: int
    learn: Callable[[int], None]  # learns how many input tokens counted
    headers: list[Header] = field(default_factory=list)

    @property
    def month(self) -> str:
        """Return the month (YYYY-MM) in which the call is booked, whenever it ends."""
        return self.granted.month

    @property
    def microusd(self) -> int:
        """Return what is currently reserved."""
        return self.hold.microusd


class Reserver:
    """Prices calls and reserves for them."""

    def __init__(self, ledger: Ledger, prices: PriceList, clock: Clock, turns: Turns) -> None:
        self._ledger = ledger
        self._prices = prices
        self._clock = clock
        self._turns = turns
        self._shares = CountedShares()

    async def reserve(self, call: GovernedCall) -> Reserved:
        """Reserve. Raises `ApiError` 400, 402, 403, 429, 451; 503 if the ledger does not respond."""
        try:
            worst, estimate = await self._turns.run(
                call.principal.id, len(call.body), self._measured, call, light=LIGHT_TO_READ_BYTES
            )
        except KeyError:
            raise errors.control_unavailable("price of this model") from None
        limits = call.limits
        caller = (call.principal.id, limits.kind)
        tokens = self._shares.corrected(caller, estimate)
        _refuse_impossible(call, limits, tokens)
        now = self._clock()
        ask = Ask(
            call.request_id,
            call.principal,
            call.department,
            call.policy.organization,
            call.model,
            first_hold(worst, call.max_tokens)[0],
            tokens,
            now + timedelta(seconds=_RESERVED_SECONDS),
            batch=call.kind == "batch",
            caller_budget_microusd=limits.monthly_budget_microusd,
            concurrent_calls=_at_once(call, limits),
            requests_per_minute=limits.requests_per_minute,
            tokens_per_minute=limits.tokens_per_minute,
        )
        try:
            granted = await self._ledger.reserve(ask)
        except Refused as refused:
            raise refusal(refused, now) from None
        except (LedgerContended, LedgerUnsure):
            raise errors.control_busy("ledger") from None
        except Exception:  # whatever the store raises: without a reservation nothing is sent
            raise errors.control_unavailable("ledger") from None
        hold = Hold(
            self._ledger, self._prices, granted, model=call.model, worst=worst, max_tokens=call.max_tokens
        )
        return Reserved(
            call.request_id,
            granted,
            hold,
            ask.tokens,
            len(call.body),
            partial(self._shares.learn, caller, estimate),
            rate_headers(granted.windows),
        )

    def _measured(self, call: GovernedCall) -> tuple[WorstCase, int]:
        return call.priced(self._prices), call.probable_input


def _at_once(call: GovernedCall, limits: CallerLimits) -> int | None:
    """Return the caller's maximum number of calls in progress in all processes.

    A batch does not count while the provider works on it.
    """
    return (
        None if call.kind == "batch" or limits.concurrent_calls > _MOST_COUNTED else limits.concurrent_calls
    )


def _refuse_impossible(call: GovernedCall, limits: CallerLimits, tokens: int) -> None:
    """Raise `ApiError` 400 for a request that no window has room for, however long its caller waits.

    It uses the API's own words for a prompt that is too long, at which Claude Code compacts its
    conversation.
    """
    department = call.department
    limit, whose = min(
        (limits.tokens_per_minute, "you"),
        (department.tokens_per_minute, f"department {department.id}"),
    )
    if tokens > limit:
        raise errors.invalid_request(
            f"prompt is too long: {tokens} tokens > {limit} maximum. That is the limit of tokens a minute "
            f"for {whose}, so waiting does not help: shorten the conversation, or ask for a higher limit.",
            reason="over_rate_limit",
        )


def rate_headers(windows: Sequence[RateWindow]) -> list[Header]:
    """Return `anthropic-ratelimit-*` headers with the caller's own figures."""
    headers: list[Header] = []
    for window in windows:
        prefix = b"anthropic-ratelimit-" + window.kind.encode()
        headers.append((prefix + b"-limit", b"%d" % window.limit))
        headers.append((prefix + b"-remaining", b"%d" % max(window.remaining, 0)))
        headers.append((prefix + b"-reset", _instant(window.resets_at)))
    return headers


@lru_cache(8)  # the end of this minute
def _instant(at: datetime) -> bytes:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}".encode()


def refusal(refused: Refused, now: datetime) -> ApiError:
    """Return the answer to a call that the ledger refused.

    An exhausted budget is 402 `billing_error`: no client retries it, and Claude Code shows its text
    verbatim, whereas it puts «Request rejected» before that of a 429. A rate limit is 429, which clients do
    retry, at `retry-after`.
    """
    wait = max(1, round((refused.resets_at - now).total_seconds())) if refused.resets_at else None
    resets = f"; resets {refused.resets_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if refused.resets_at else ""
    retry_after: tuple[Header, ...] = ((b"retry-after", b"%d" % wait),) if wait else ()
    match refused.kind:
        case "budget":
            return ApiError(
                402,
                errors.BILLING,
                f"spend limit reached (monthly, {refused.scope}{resets}). Your call was not sent.",
                reason="budget",
                retry=False,
                headers=retry_after,
            )
        case "rate":
            return ApiError(
                429,
                errors.RATE_LIMIT,
                f"Rate limit reached ({refused.scope}); try again in {wait or 60} seconds.",
                reason="rate",
                headers=retry_after,
            )
        case "concurrency":
            return errors.caller_busy(refused.message)
        case "switch":
            text = f" {refused.message}" if refused.message else ""
            return errors.policy_refusal(f"Claude is switched off now for {refused.scope}.{text}", "switch")
        case _:  # access
            return ApiError(
                403, errors.PERMISSION, "Your access to Claude has ended.", reason="access", retry=False
            )
