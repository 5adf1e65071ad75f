"""GET /v1/me: what the caller may do, and what it has spent (L1.4, L1.12)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger import Balance
from lambdas.common.limits import CallerLimits, kind_of, limits_of, monthly_ceiling
from lambdas.common.policy import Department, GatewayPolicy, PolicyWatch
from lambdas.gateway import errors
from lambdas.gateway.authorise import department_of, granted_models
from lambdas.gateway.errors import Header
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.reserve import Ledger
from lambdas.gateway.session_care import SessionCare, session_budget, session_of

_JSON: list[Header] = [(b"content-type", b"application/json")]


@dataclass(frozen=True, slots=True)
class Me:
    """Serves the route. Created once; holds no state of a call."""

    policy: PolicyWatch
    ledger: Ledger
    sessions: SessionCare
    clock: Clock

    async def answer(self, exchange: Exchange, principal: Principal) -> None:
        """Serve one request. Raises `ApiError` 451 for an unknown department, 503 without the ledger."""
        policy = self.policy.current()
        department = department_of(policy, principal)
        limits = limits_of(policy, department, principal, kind_of(principal, exchange.headers))
        now = self.clock().astimezone(UTC)
        try:
            (balance,) = await self.ledger.balances([f"USER#{principal.id}"], f"{now:%Y-%m}")
        except Exception:  # whatever the store raises
            raise errors.control_unavailable("ledger") from None
        document = {
            "type": "me",
            "id": principal.id,
            "kind": principal.kind,
            "department": department.id,
            "roles": list(principal.roles),
            "models": [model.alias for model in granted_models(policy, principal)],
            "data_classes": _data_classes(department, principal),
            "registered_prompts_only": department.registered_prompts_only,
            "use_case": principal.use_case,
            "limits": {
                "of": limits.kind,
                "requests_per_minute": limits.requests_per_minute,
                "tokens_per_minute": limits.tokens_per_minute,
                "concurrent_calls": limits.concurrent_calls,
            },
            "budget": _budget(policy, department, limits, balance, now),
            "session": await self._session(exchange, policy, department, principal, limits),
            "help_url": policy.help_url,
        }
        await exchange.answer(200, _JSON, json.dumps(document).encode())

    async def _session(
        self,
        exchange: Exchange,
        policy: GatewayPolicy,
        department: Department,
        principal: Principal,
        limits: CallerLimits,
    ) -> dict[str, Any] | None:
        """Return the micro-dollars of the coding agent session that the request names.

        None if it names none, or if sessions have no budget.
        """
        session, ceiling = session_of(exchange.headers), monthly_ceiling(policy, department, limits)
        if session is None or ceiling is None:
            return None
        spent = await self.sessions.spent(principal, session)
        return {"spent_microusd": spent, "budget_microusd": session_budget(department, ceiling)}


def _data_classes(department: Department, principal: Principal) -> list[str]:
    narrowed = principal.data_classes
    return [one for one in department.data_classes if narrowed is None or one in narrowed]


def _budget(
    policy: GatewayPolicy, department: Department, limits: CallerLimits, balance: Balance, now: datetime
) -> dict[str, Any]:
    """Return micro-dollars of this month. `monthly_microusd` None: only the department or the organisation
    has a budget.
    """
    spent = balance.committed_microusd
    ceiling = monthly_ceiling(policy, department, limits)
    resets_at = (now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(
        day=1
    )
    return {
        "monthly_microusd": ceiling,
        "committed_microusd": spent,  # spent, and reserved for calls in progress
        "uncertain_microusd": balance.uncertain_microusd,  # of which it is unknown whether it was charged
        "beyond_microusd": balance.beyond_microusd,  # in addition: charged beyond all reservations
        "remaining_microusd": None if ceiling is None else max(0, ceiling - spent),
        "resets_at": f"{resets_at:%Y-%m-%dT%H:%M:%SZ}",
    }
