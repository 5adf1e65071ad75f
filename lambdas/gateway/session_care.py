"""Protection of coding agent sessions: a budget, a loop breaker, early warnings (L1.11).

Claude Code states the session with each call. A runaway session can spend a month's budget overnight, so it
has a budget of its own; an agent that repeats the same call with the same result is stopped, until a person
says something new. Nothing here changes an answer: warnings are headers, and figures in `GET /v1/me`.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger.items import TTL, Add, Key, Store
from lambdas.common.policy import Department
from lambdas.gateway import errors
from lambdas.gateway.errors import ApiError, Header
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.reserve import Ledger

LOOP_WARNING, LOOP_STOP = 6, 20  # identical turns in a row
WARNINGS = (90, 75)  # percent of a budget
SESSION_SHARE = 2  # by default a session may spend half of its caller's monthly budget
_SESSION = b"x-claude-code-session-id"
_OPAQUE = re.compile(rb"[0-9A-Za-z_-]{1,64}")
_KEPT = timedelta(days=30)
_SPENT = "spent_microusd"
Turn = tuple[list[list[Any]], list[list[Any]]]


@dataclass(frozen=True, slots=True)
class SessionCare:
    """Checks a call before it is reserved, and counts its cost. Created once; holds no state of a call."""

    ledger: Ledger
    store: Store
    clock: Clock

    async def before(self, call: GovernedCall) -> list[Header]:
        """Return warnings for the answer.

        Raises `ApiError` 451 for a loop, 402 for a session that spent its budget. Figures that cannot be
        read cause no warning and no refusal: the ledger's own ceilings apply.
        """
        repeated = repeated_turns(call.verdict.body.fields)
        if repeated >= LOOP_STOP:
            raise errors.policy_refusal(
                f"The last {repeated} turns made the same call with the same result: this session makes no "
                "progress and was stopped. Write what to do instead, or go back with /rewind.",
                "session_loop",
            )
        headers: list[Header] = []
        if repeated >= LOOP_WARNING:
            headers.append((b"x-session-warning", b"loop; repeated=%d" % repeated))
        session = session_of(call.exchange.headers)
        ceiling = call.monthly_ceiling
        if session is None or ceiling is None:
            return headers
        spent, of_month = await asyncio.gather(self.spent(call.principal, session), self._of_month(call))
        budget = session_budget(call.department, ceiling)
        if spent >= budget:
            raise ApiError(
                402,
                errors.BILLING,
                f"This session has spent its budget ({_usd(spent)} of {_usd(budget)} USD). Start a new one "
                "(/clear), or ask your lead for a raise: kit budget request.",
                reason="session_budget",
                retry=False,
            )
        headers += _warnings(b"session", spent, budget)
        return headers + _warnings(b"month", of_month, ceiling)

    async def after(self, call: GovernedCall) -> None:
        """Count the call's cost towards its session. A lost count costs the person nothing."""
        session, cost = session_of(call.exchange.headers), call.entry.cost_microusd
        if session is None or not cost:
            return
        ttl = int((self.clock() + _KEPT).timestamp())
        try:
            await self.store.apply(
                Add(_key(call.principal, session), {_SPENT: cost, "calls": 1}, sets={TTL: ttl})
            )
        except Exception:  # whatever the store raises
            return

    async def spent(self, principal: Principal, session: str) -> int:
        """Return the cost of a caller's session so far in micro-dollars; 0 if it cannot be read."""
        try:
            (item,) = await self.store.get([_key(principal, session)], consistent=False)
        except Exception:  # whatever the store raises
            return 0
        return int((item or {}).get(_SPENT, 0))

    async def _of_month(self, call: GovernedCall) -> int:
        month = f"{self.clock().astimezone(UTC):%Y-%m}"
        try:
            (balance,) = await self.ledger.balances([f"USER#{call.principal.id}"], month)
        except Exception:  # whatever the store raises
            return 0
        return balance.committed_microusd


def session_of(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the session that a coding agent states: an opaque id, or None."""
    given = headers.get(_SESSION, b"")
    return given.decode() if _OPAQUE.fullmatch(given) else None


def session_budget(department: Department, ceiling: int) -> int:
    """Return the maximum cost of one session, given a caller's monthly ceiling; both in micro-dollars."""
    return department.session_budget_microusd or ceiling // SESSION_SHARE


def repeated_turns(fields: Mapping[str, Any]) -> int:
    """Return how many turns at the end of a conversation made the same tool calls with the same results.

    0 if the last message is not a tool result: then somebody said something new.
    """
    messages = fields.get("messages")
    if not isinstance(messages, list):
        return 0
    first: Turn | None = None
    count = 0
    for position in range(len(messages) - 1, 0, -2):
        turn = _turn(messages[position - 1], messages[position])
        if turn is None or (first is not None and turn != first):
            break
        first = turn
        count += 1
    return count


def _turn(asked: Any, answered: Any) -> Turn | None:
    """Return call and result in comparable form: as text, a large result would block every caller."""
    calls = _blocks(asked, "assistant", "tool_use", ("name", "input"))
    results = _blocks(answered, "user", "tool_result", ("content", "is_error"))
    return (calls, results) if calls and results else None


def _blocks(message: Any, role: str, kind: str, names: tuple[str, ...]) -> list[list[Any]]:
    if not isinstance(message, Mapping) or message.get("role") != role:
        return []
    content = message.get("content")
    return [
        [block.get(name) for name in names]
        for block in (content if isinstance(content, list) else ())
        if isinstance(block, Mapping) and block.get("type") == kind
    ]


def _warnings(what: bytes, spent: int, budget: int) -> list[Header]:
    used = spent * 100 // budget if budget else 100
    name = b"x-budget-" + what + b"-used-percent"
    passed = next((level for level in WARNINGS if used >= level), None)
    warning: list[Header] = [(b"x-budget-warning", b"%b; percent=%d" % (what, passed))] if passed else []
    return [(name, b"%d" % used), *warning]


def _key(principal: Principal, session: str) -> Key:
    return Key("ledger", f"AGENT-SESSION#{principal.id}#{session}", "USE")


def _usd(microusd: int) -> str:
    return f"{microusd / 1_000_000:.2f}"
