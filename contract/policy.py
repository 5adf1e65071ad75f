"""The gateway policy document: written from the client's settings, read by the gateway (L1.2, C.2).

Every class of `contract/rights.py` is serialised and parsed by its declarations, so each right is declared
once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from contract.problems import nearest
from contract.reading import Reading
from contract.rights import (
    ApprovedDictionary,
    Department,
    Embeddings,
    GatewayPolicy,
    InspectionRules,
    Issuer,
    Model,
    Organization,
    RoleLimits,
    Route,
    SignInRule,
)
from contract.writing import published

T = TypeVar("T")
SCHEMA_VERSION = 1
_AUTH_KINDS = ("workload-identity", "secret", "aws")


class PolicyError(ValueError):
    """The document is not a gateway policy. The message names the key."""


def policy_document(
    *,
    client: str,
    environment: str,
    organization: Organization,
    departments: Sequence[Department],
    models: Mapping[str, Model],
    embeddings_model: str,
    embeddings_url: str | None,
    providers: Sequence[Route],
    issuers: Sequence[Mapping[str, Any]],
    dictionary: ApprovedDictionary | None,
    inspection: InspectionRules,
    role_limits: Mapping[str, RoleLimits],
    role_sign_in: Mapping[str, SignInRule],
    help_url: str | None,
) -> dict[str, Any]:
    """Return the policy (version 1) as plain data, ready for canonical JSON.

    `issuers` are passed as plain data, because the issuers of a stage's own user pool are outputs of that
    stage.
    """
    return {
        "version": SCHEMA_VERSION,
        "client": client,
        "environment": environment,
        "organization": published(organization),
        "departments": [published(one, Department) for one in departments],
        "models": {
            alias: {name: value for name, value in published(one).items() if value}
            for alias, one in sorted(models.items())
        },
        "embeddings": {"model": embeddings_model, **({"url": embeddings_url} if embeddings_url else {})},
        "providers": [published(one) for one in providers],
        "issuers": list(issuers),
        **({"dictionary": published(dictionary)} if dictionary else {}),
        **({"inspection": published(inspection)} if inspection != InspectionRules() else {}),
        **({"role_limits": published(role_limits)} if role_limits else {}),
        **({"role_sign_in": published(role_sign_in)} if role_sign_in else {}),
        **({"help_url": help_url} if help_url else {}),
    }


def parse_policy(document: bytes) -> GatewayPolicy:
    """Parse a policy from its JSON document.

    Raises `PolicyError`, naming the key that is missing or invalid.
    """
    try:
        given = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"not JSON: {error}") from error
    if not isinstance(given, dict):
        raise PolicyError("policy: is not a mapping of names to values")
    raw = cast("dict[str, Any]", given)
    version = raw.get("version")
    if version != SCHEMA_VERSION:
        raise PolicyError(
            f"policy.version: this gateway reads version {SCHEMA_VERSION}, the document has {version}"
        )
    reading = Reading(published=True)
    policy = GatewayPolicy(
        version=SCHEMA_VERSION,
        client=_named(raw, "client"),
        environment=_named(raw, "environment"),
        organization=_one(reading, Organization, raw, "organization"),
        departments=_departments(reading, raw),
        models={alias: replace(one, alias=alias) for alias, one in _models(reading, raw)},
        embeddings=_one(reading, Embeddings, raw, "embeddings")
        if raw.get("embeddings") is not None
        else None,
        providers=tuple(_several(reading, Route, raw, "providers")),
        issuers=tuple(_several(reading, Issuer, raw, "issuers") if "issuers" in raw else ()),
        dictionary=_one(reading, ApprovedDictionary, raw, "dictionary")
        if raw.get("dictionary") is not None
        else None,
        inspection=_one(reading, InspectionRules, raw, "inspection")
        if raw.get("inspection") is not None
        else InspectionRules(),
        role_limits={
            role: _read(reading, RoleLimits, each, f"policy.role_limits.{role}")
            for role, each in _mapping(raw, "role_limits").items()
        },
        role_sign_in={
            role: _read(reading, SignInRule, each, f"policy.role_sign_in.{role}")
            for role, each in _mapping(raw, "role_sign_in").items()
        },
        help_url=_named(raw, "help_url") if raw.get("help_url") is not None else None,
    )
    _check(policy)
    return policy


def _check(policy: GatewayPolicy) -> None:
    for department in policy.departments.values():
        for alias in department.models:
            if alias not in policy.models:
                raise PolicyError(
                    f"policy.departments.{department.id}.models: no such alias in policy.models: {alias};"
                    f" {nearest(alias, policy.models)}"
                )
    if not policy.providers:
        raise PolicyError("policy.providers: at least one provider is needed")
    for place, one in enumerate(policy.providers):
        if one.auth.get("kind") not in _AUTH_KINDS:
            raise PolicyError(f"policy.providers[{place}].auth.kind: is none of {', '.join(_AUTH_KINDS)}")


def _mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    given: Any = raw.get(name) or {}
    if not isinstance(given, Mapping):
        raise PolicyError(f"policy.{name}: is not a mapping of names to values")
    return cast("Mapping[str, Any]", given)


def _departments(reading: Reading, raw: Mapping[str, Any]) -> dict[str, Department]:
    found: dict[str, Department] = {}
    for one in _several(reading, Department, raw, "departments"):
        if one.id in found:
            raise PolicyError(f"policy.departments: {one.id} occurs twice")
        found[one.id] = one
    return found


def _models(reading: Reading, raw: Mapping[str, Any]) -> list[tuple[str, Model]]:
    given = raw.get("models")
    if not isinstance(given, Mapping):
        raise PolicyError("policy.models: is required")
    models = cast("Mapping[str, Any]", given)
    return [(alias, _one(reading, Model, models, alias, "policy.models.")) for alias in models]


def _several(reading: Reading, cls: type[T], raw: Mapping[str, Any], name: str) -> list[T]:
    given = raw.get(name)
    if not isinstance(given, list):
        raise PolicyError(f"policy.{name}: must be a list")
    entries = cast("list[Any]", given)
    return [_read(reading, cls, one, f"policy.{name}[{place}]") for place, one in enumerate(entries)]


def _one(reading: Reading, cls: type[T], raw: Mapping[str, Any], name: str, path: str = "policy.") -> T:
    if name not in raw:
        raise PolicyError(f"{path}{name}: is missing")
    return _read(reading, cls, raw[name], f"{path}{name}")


def _read(reading: Reading, cls: type[T], given: Any, path: str) -> T:
    value = reading.read(cls, given, path)
    if value is None:
        raise PolicyError(str(reading.problems[0]))
    return value


def _named(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise PolicyError(f"policy.{name}: must be a non-empty string")
    return value
