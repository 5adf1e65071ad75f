"""The client's own settings in one flat document, as published: what a review compares (G.1, O.3).

A name is a path in the client file (`identity.session_hours`), made of field names; an optional part has an
entry of its own, true or false (`guardrail`). Left out are settings that are published with the gateway's
policy or with the rules of provisioning, and those that name people.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

from contract.client import Client
from contract.keys import Declaration, class_of, is_declared, keys_of
from contract.sizes import Sizing, controls, rules

IN_FORCE = "policy/in-force-"
# Part of the gateway's policy, the rules of provisioning or a role's trust, where each entry is compared.
_ELSEWHERE = frozenset(
    {
        "budget.organization_monthly_microusd", "claude.embeddings_model", "claude.embeddings_url",
        "claude.models", "claude.providers", "coe", "departments", "dictionary", "identity.groups",
        "identity.onboarding_required", "inspection", "role_limits", "role_sign_in", "trusted_issuers",
    }
)  # fmt: skip
# Who is notified, what things are called, when the programme began, and overrides, whose results are listed.
_NOT_DECISIONS = frozenset(
    {
        "contacts", "gate_override", "organization", "portal.reminders.sender", "rollout_started", "schema",
        "sizing_overrides", "tags",
    }
)  # fmt: skip
_LEFT_OUT = _ELSEWHERE | _NOT_DECISIONS
# What the foundation deploys; the integration stage deploys the rest.
_FOUNDATION = ("audit", "budget", "console_access", "data_residency", "sizing.retention")


def in_force(client: Client, sizing: Sizing, stage: Literal["foundation", "integration"]) -> dict[str, Any]:
    """Return the settings of a client that a stage deploys, and the controls of its size (`sizing.…`)."""
    sized = {f"sizing.{name}": value for name, value in controls(sizing).items()}
    return {
        name: value
        for name, value in {**dict(_settings(client, "")), **sized}.items()
        if name.startswith(_FOUNDATION) == (stage == "foundation")
    }


def key_in_force(stage: Literal["foundation", "integration"]) -> str:
    """Return the key of the stage's document in the governance bucket."""
    return f"{IN_FORCE}{stage}.json"


@cache
def declarations() -> Mapping[str, Declaration]:
    """Return the declaration of every name that `in_force` can return."""
    sized = {f"sizing.{name}": one for name, one in rules().items() if one.key.control}
    return {**dict(_declared(Client, "")), **sized}


def _settings(part: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, one in _keys(Client if not path else class_of(part), path):
        held = getattr(part, one.name)
        if not _classes(one.annotation):
            yield name, list(cast("tuple[Any, ...]", held)) if isinstance(held, tuple) else held
            continue
        if one.default is None:
            yield name, held is not None
        if held is not None:
            yield from _settings(held, f"{name}.")


def _declared(cls: type, path: str) -> Iterator[tuple[str, Declaration]]:
    for name, one in _keys(cls, path):
        yield name, one
        for inner in _classes(one.annotation):
            yield from _declared(inner, f"{name}.")


def _keys(cls: type, path: str) -> Iterator[tuple[str, Declaration]]:
    for one in keys_of(cls):
        if path + one.name not in _LEFT_OUT:
            yield path + one.name, one


def _classes(annotation: Any) -> tuple[type, ...]:
    """Return the declared classes of a part: itself, or those of a union."""
    if is_declared(annotation):
        return (annotation,)
    union = get_origin(annotation) in (Union, UnionType)
    return tuple(one for one in get_args(annotation) if is_declared(one)) if union else ()
