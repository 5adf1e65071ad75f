"""The gateway policy as data: from what a client configured to the JSON object that the gateway reads
(L1.2, C.2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import pulumi

from components.base import refuse

FINDING_ACTIONS = ("allow", "block", "flag", "redact", "review")


@dataclass(frozen=True)
class DepartmentRights:
    """What one department may do. Amounts in micro-dollars a month, limits a minute.
    `batch_monthly_budget_microusd` bounds overnight work where it is set.
    """

    id: str
    cost_center: str
    data_classes: Sequence[str]
    models: Sequence[str]
    monthly_budget_microusd: int
    user_monthly_budget_microusd: int
    requests_per_minute: int
    tokens_per_minute: int
    user_requests_per_minute: int
    user_tokens_per_minute: int
    findings: Mapping[str, str]
    redact_output: bool = True
    registered_prompts_only: bool = False
    human_review: Sequence[str] = ()
    batch_monthly_budget_microusd: int | None = None
    embeddings: bool = True
    rates: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # of one caller, by its kind


@dataclass(frozen=True)
class ProviderRoute:
    """One way to Claude. `auth` is {"kind": …} with what the kind needs; `models` renames models for this
    provider; `inference_geo` is asked for with each message.
    """

    name: str
    kind: str
    base_url: str
    auth: Mapping[str, str]
    models: Mapping[str, str] = field(default_factory=dict)
    inference_geo: str | None = None


@dataclass(frozen=True)
class TokenIssuer:
    """Whose tokens the gateway accepts. A user pool of the same stage is known only once it is made."""

    issuer: pulumi.Input[str]
    audience: pulumi.Input[str]
    algorithms: Sequence[str]
    jwks_uri: pulumi.Input[str]
    principal: str
    claims: Mapping[str, str]
    required_claims: Mapping[str, str] = field(default_factory=dict)
    required_scopes: Sequence[str] = ()
    single_use: bool = False


@dataclass(frozen=True)
class ApprovedDictionary:
    """Which published dictionary is in force, and who approved it; its terms are in no plan."""

    version: int
    sha256: str
    approved_by: str


@dataclass(frozen=True)
class InspectionRules:
    """What inspection knows of the client besides its terms: classes of sensitivity labels by their id, marks
    in system prompts that no answer may hold, hosts that may be linked to with data in the address.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    canaries: Sequence[str] = ()
    allowed_hosts: Sequence[str] = ()


@dataclass(frozen=True)
class GatewayPolicy:
    """Everything that the gateway decides by. `models` maps an alias to (display name, model), `model_roles`
    an alias to the roles for which it is kept.
    """

    client: str
    environment: str
    budget_model: str
    monthly_budget_microusd: int
    budget_shards: int
    departments: Sequence[DepartmentRights]
    models: Mapping[str, tuple[str, str]]
    embeddings_model: str
    providers: Sequence[ProviderRoute]
    issuers: Sequence[TokenIssuer]
    dictionary: ApprovedDictionary | None = None
    model_roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    inspection: InspectionRules = InspectionRules()
    role_limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    help_url: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The policy in the shape of version 1, ready for canonical JSON."""
        self._check()
        return {
            "version": 1,
            "client": self.client,
            "environment": self.environment,
            "organization": {
                "monthly_budget_microusd": self.monthly_budget_microusd,
                "budget_model": self.budget_model,
                "budget_shards": self.budget_shards,
            },
            "departments": [_as_dict(department) for department in self.departments],
            "models": {
                alias: {
                    "display_name": display_name,
                    "model": model,
                    **({"roles": list(self.model_roles[alias])} if self.model_roles.get(alias) else {}),
                }
                for alias, (display_name, model) in sorted(self.models.items())
            },
            "embeddings": {"model": self.embeddings_model},
            "providers": [_as_dict(provider) for provider in self.providers],
            "issuers": [_as_dict(issuer) for issuer in self.issuers],
            **({"dictionary": _as_dict(self.dictionary)} if self.dictionary else {}),
            **({"inspection": _as_dict(self.inspection)} if self.inspection != InspectionRules() else {}),
            **({"role_limits": dict(self.role_limits)} if self.role_limits else {}),
            **({"help_url": self.help_url} if self.help_url else {}),
        }

    def _check(self) -> None:
        ids = [department.id for department in self.departments]
        known = set(self.models)
        checks = [
            (len(set(ids)) == len(ids), f"departments: {ids} repeat an id"),
            (bool(self.providers), "providers: none"),
        ]
        for department in self.departments:
            where = f"departments.{department.id}"
            unknown = sorted(set(department.models) - known)
            actions = {
                kind: action for kind, action in department.findings.items() if action not in FINDING_ACTIONS
            }
            checks += [
                (not unknown, f"{where}.models: {unknown} are not in models"),
                (not actions, f"{where}.findings: {actions}; the gateway knows {', '.join(FINDING_ACTIONS)}"),
            ]
        refuse("gateway policy", checks)


def _as_dict(
    item: DepartmentRights | ProviderRoute | TokenIssuer | ApprovedDictionary | InspectionRules,
) -> dict[str, Any]:
    values = {entry.name: _plain(getattr(item, entry.name)) for entry in fields(item)}
    return {name: value for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, list | tuple) else value
