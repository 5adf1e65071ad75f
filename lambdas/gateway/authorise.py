"""Authorisation of a model: department, grant, registered prompts (L1.2, L2.1, L3.2).

What depends on amounts and switches (budgets, rates, kill switches, the live access record) is decided in
the ledger by `reserve`, because only there can concurrent calls not both take the last free place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lambdas.common.identities import Principal
from lambdas.common.policy import EMBEDDINGS, Department, GatewayPolicy, Model
from lambdas.gateway import errors
from lambdas.gateway.errors import ApiError


@dataclass(frozen=True, slots=True)
class Grant:
    """The caller may use `model`, at the expense of `department`."""

    principal: Principal
    department: Department
    model: Model
    provider_order: tuple[str, ...]


def department_of(policy: GatewayPolicy, principal: Principal) -> Department:
    """Return the caller's department. Raises `ApiError` 451 if the policy does not know it."""
    department = policy.departments.get(principal.department)
    if department is None:
        raise errors.policy_refusal(
            "Your department is not set up for Claude in this organisation. Ask your Center of Excellence.",
            "unknown_department",
        )
    return department


def granted_models(policy: GatewayPolicy, principal: Principal) -> list[Model]:
    """Return the models that the caller may use, in policy order."""
    department = department_of(policy, principal)
    return [
        model
        for alias, model in policy.models.items()
        if alias in department.models
        and (principal.models is None or alias in principal.models)
        and (not model.roles or not set(model.roles).isdisjoint(principal.roles))
    ]


def authorise(
    policy: GatewayPolicy,
    principal: Principal,
    requested_model: str,
    *,
    registered_prompt: bool = False,
    others: Iterable[tuple[str, str]] = (),
) -> Grant:
    """Return the grant for a call of `requested_model`, and `others` at the places given with them.

    Raises `ApiError` 404 (no such model) or 451 (not granted).
    """
    department = department_of(policy, principal)
    if department.registered_prompts_only and not registered_prompt:
        raise _registered_prompts_only()
    if policy.model_named(requested_model) is None:
        raise errors.not_found(f"model: {requested_model[:100]}", reason="unknown_model")
    granted = granted_models(policy, principal)
    for place, name in others:
        if all(name != model.model for model in granted):
            raise _not_granted(f"The model {name[:100]} in {place[:200]}", [model.model for model in granted])
    for model in granted:
        if model.answers_to(requested_model):
            return Grant(principal, department, model, tuple(provider.name for provider in policy.providers))
    raise _not_granted(f"The model {requested_model}", [model.alias for model in granted])


def _not_granted(what: str, granted: Sequence[str]) -> ApiError:
    names = ", ".join(granted) or "none"
    return errors.policy_refusal(
        f"{what} is not granted to you. Models granted: {names}.", "model_not_granted"
    )


def authorise_embeddings(policy: GatewayPolicy, principal: Principal) -> Department:
    """Return the department that pays for embeddings.

    Raises `ApiError` 451 if it has no embeddings or uses registered prompts only, or if the key is
    restricted to other models.
    """
    department = department_of(policy, principal)
    if department.registered_prompts_only:
        raise _registered_prompts_only()
    narrowed = principal.models is not None and EMBEDDINGS not in principal.models
    if narrowed or not department.embeddings:
        raise errors.policy_refusal(
            "Embeddings are not granted to you. Ask your Center of Excellence.", "embeddings_not_granted"
        )
    return department


def authorise_files(policy: GatewayPolicy, principal: Principal) -> Department:
    """Return the department that will own the file.

    Raises `ApiError` 451 if it uses registered prompts only, or if no granted model can read the file.
    """
    department = department_of(policy, principal)
    if department.registered_prompts_only:
        raise _registered_prompts_only()
    if not granted_models(policy, principal):
        raise errors.policy_refusal(
            "No model that reads files is granted to you. Ask your Center of Excellence.",
            "model_not_granted",
        )
    return department


def _registered_prompts_only() -> ApiError:
    return errors.policy_refusal(
        "Your department uses Claude through registered prompts only: POST /v1/prompts/{name}/messages.",
        "registered_prompts_only",
    )
