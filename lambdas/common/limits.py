"""Limits of one caller: by its kind, its role and its key (L1.5, L1.11, L1.12).

A person in a chat sends a few thousand tokens and reads; a coding agent sends a hundred thousand, several
times a minute; an application is as busy as its users. A common limit would either stop agents or not
contain chats, so each kind has its own. A role may have higher limits, and a key those that its operator
set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from lambdas.common.identities import Principal
from lambdas.common.policy import Department, GatewayPolicy, Rates

CallerKind = Literal["person", "agent", "application"]
_AGENTS_SESSION = b"x-claude-code-session-id"
_AGENTS_NAME = b"claude-cli/"
_RATES = tuple(one.name for one in fields(Rates))


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """Limits of one caller now. `monthly_budget_microusd` is its own ceiling under every budget model;
    None: only those of the budget model.
    """

    kind: CallerKind
    requests_per_minute: int
    tokens_per_minute: int
    concurrent_calls: int
    monthly_budget_microusd: int | None = None


def kind_of(principal: Principal, headers: Mapping[bytes, bytes]) -> CallerKind:
    """Return the kind of caller. Coding agents declare themselves; limits of a key apply whatever is
    declared.
    """
    if _AGENTS_SESSION in headers or headers.get(b"user-agent", b"").startswith(_AGENTS_NAME):
        return "agent"
    return principal.kind


def limits_of(
    policy: GatewayPolicy, department: Department, principal: Principal, kind: CallerKind
) -> CallerLimits:
    """Return the limits of a caller.

    These are the limits of its kind in its department, or the highest of its roles if any has its own; then
    those of its key.
    """
    rates = department.rates_of(kind)
    chosen = {name: getattr(rates, name) for name in _RATES}
    of_roles = [policy.role_limits[role] for role in principal.roles if role in policy.role_limits]
    for name in _RATES if of_roles or principal.limits else ():
        own = [getattr(one, name) for one in of_roles]
        chosen[name] = max([value for value in own if value is not None], default=chosen[name])
        of_key = getattr(principal.limits, name) if principal.limits else None
        chosen[name] = chosen[name] if of_key is None else of_key
    budget = principal.limits.monthly_budget_microusd if principal.limits else None
    if budget is None and principal.kind == "application":
        budget = department.monthly_budget_microusd  # a person's ceiling does not apply to an application
    return CallerLimits(kind, monthly_budget_microusd=budget, **chosen)


def monthly_ceiling(policy: GatewayPolicy, department: Department, limits: CallerLimits) -> int | None:
    """Return the caller's own monthly ceiling in micro-dollars.

    None if only its department or the organisation has one.
    """
    if limits.monthly_budget_microusd is not None:
        return limits.monthly_budget_microusd
    central = policy.organization.budget_model == "central"
    return None if central else department.user_monthly_budget_microusd
