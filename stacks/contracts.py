"""Contracts between stages: names and types of each stage's exports, with a version.

Exports are flat scalars and never secret (the ARN of a secret is fine): one secret field would make a whole
object secret downstream. Only this module creates a `StackReference`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import pulumi

from stacks.settings import STAGES, Settings, Stage

CONTRACT_VERSION = 1
_VERSION_NAME = "contract_version"


T = TypeVar("T")


class ContractError(Exception):
    """A stage's exports differ from its contract, or the previous stage is not deployed as required."""


@dataclass(frozen=True, slots=True)
class Export:
    """One export of a contract: its type, its meaning, and whether every deployment has it."""

    kind: type
    description: str
    required: bool = True


def _texts(descriptions: Mapping[str, str]) -> dict[str, Export]:
    return {name: Export(str, description) for name, description in descriptions.items()}


# Every stage exports the deployment's identity, so that stages of different clients are never combined.
_IDENTITY = _texts(
    {
        "client": "client slug",
        "environment": "environment name",
        "account": "AWS account",
        "region": "AWS region",
    }
)
_GATE = _texts({"gate_record_key": "object in the governance bucket that holds the gate record of the stage"})

_FOUNDATION = {
    **_IDENTITY,
    **_GATE,
    **_texts(
        {
            "audit_bucket_name": "audit store (Object Lock)",
            "audit_bucket_arn": "audit store (Object Lock)",
            "governance_bucket_name": "documents, policy, prompts, dictionaries",
            "governance_bucket_arn": "documents, policy, prompts, dictionaries",
            "analytics_bucket_name": "metadata copies without bodies",
            "analytics_bucket_arn": "metadata copies without bodies",
            "access_logs_bucket_name": "access log of the API",
            "access_logs_bucket_arn": "access log of the API",
            "audit_key_arn": "encrypts the audit store",
            "subject_key_arn": "wraps the data keys of departments and persons",
            "signing_key_arn": "signs the hourly manifests",
            "writer_key_arn": "introduces the functions that write records",
            "operator_key_arn": "introduces people who leave records",
            "evidence_key_arn": "signs packs of evidence",
            "ledger_key_arn": "encrypts the tables",
            "governance_key_arn": "encrypts the governance bucket",
            "analytics_key_arn": "encrypts the analytics bucket",
            "secrets_key_arn": "encrypts Secrets Manager",
            "functions_key_arn": "encrypts environments of functions",
            "logs_key_arn": "encrypts log groups",
            "messages_key_arn": "encrypts the alarm topic and dead letters",
            "anthropic_api_key_secret_arn": "provider key, where workload identity cannot be used",
            "key_pepper_secret_arn": "keyed hash of virtual keys",
            "scim_token_secret_arn": "bearer token of the SCIM endpoint",
            "permissions_boundary_arn": "boundary of every role that the kit makes",
            "alarm_topic_arn": "where alarms go",
        }
    ),
    "embeddings_api_key_secret_arn": Export(
        str, "key of the provider that makes embeddings, where that is not Amazon Bedrock", required=False
    ),
    "identity_client_secret_arn": Export(str, "OpenID Connect client secret", required=False),
    "console_saml_provider_arn": Export(
        str, "SAML provider whose assertions open the console roles", required=False
    ),
    "outbound_identity_issuer": Export(
        str, "issuer of the account's identity tokens, for the federation rule at Anthropic", required=False
    ),
    "audit_replica_bucket_arn": Export(str, "copy of the audit store in the second region", required=False),
}

_INTEGRATION = {
    **_IDENTITY,
    **_GATE,
    **_texts(
        {
            "gateway_url": "base URL for the anthropic SDK",
            "gateway_function_arn": "the gateway's function",
            "gateway_role_arn": "the gateway's execution role",
            "gateway_log_group_name": "the gateway's log group",
            "ledger_table_name": "budgets, rate windows, switches, reservations",
            "ledger_table_arn": "budgets, rate windows, switches, reservations",
            "access_table_name": "one live record per person, key and group",
            "access_table_arn": "one live record per person, key and group",
            "subject_keys_table_name": "wrapped data keys",
            "subject_keys_table_arn": "wrapped data keys",
            "policy_object_key": "gateway policy in the governance bucket",
            "reviews_table_name": "reviews of drafts",
            "reviews_table_arn": "reviews of drafts",
            "break_glass_function_arn": "the function for emergency access",
            "review_desk_arn": "live alias of the review desk's function",
            "scheduled_layer_arn": "packages of event functions",
            "scim_url": "SCIM 2.0 endpoint for the identity provider",
            "directory_table_name": "people and groups",
            "directory_table_arn": "people and groups",
        }
    ),
    "function_subnet_ids": Export(str, "subnets of functions, with commas between", required=False),
    "function_security_group_ids": Export(str, "security groups of functions, likewise", required=False),
    "user_pool_id": Export(str, "Cognito user pool", required=False),
    "user_pool_client_id": Export(str, "Cognito application client of the sign-in page", required=False),
    "sign_in_url": Export(str, "where people sign in", required=False),
    "portal_url": Export(str, "where people find the portal", required=False),
    "portal_table_name": Export(str, "table of the portal", required=False),
    "portal_table_arn": Export(str, "ARN of that table", required=False),
    "portal_client_id": Export(str, "app client of the portal", required=False),
    "portal_api_id": Export(str, "API in front of the portal", required=False),
    "cluster_name": Export(str, "EKS cluster of the gateway's pods", required=False),
    "image_repository": Export(str, "where the pods' image lies", required=False),
    "image_signing_profile_arn": Export(str, "what signs the pods' image", required=False),
}

_ROLLOUT = {
    **_IDENTITY,
    **_GATE,
    **_texts(
        {
            "champions_topic_arn": "channel of the champions",
            "champions_programme_key": "programme of the champions in the governance bucket",
        }
    ),
}

CONTRACTS: dict[Stage, dict[str, Export]] = {
    "foundation": _FOUNDATION,
    "integration": _INTEGRATION,
    "rollout": _ROLLOUT,
}


def identity(settings: Settings) -> dict[str, str]:
    """Return the exports that identify the deployment, to be passed to `export` with the stage's own."""
    return {name: getattr(settings, name) for name in _IDENTITY}


def export(stage: Stage, values: Mapping[str, pulumi.Input[Any] | None]) -> None:
    """Export the values of the stage's contract, and the contract's version.

    Types are checked here if values are known, and otherwise by the reader.

    Raises:
        ContractError: a value of the contract is missing, or a value is not in the contract.
    """
    promised = CONTRACTS[stage]
    given = {name: each for name, each in values.items() if each is not None}
    wrong = [f"{name} is not promised" for name in sorted(given.keys() - promised.keys())]
    wrong += [
        f"{name} is missing ({entry.description})"
        for name, entry in sorted(promised.items())
        if entry.required and name not in given
    ]
    wrong += [
        f"{name} is {type(each).__name__}, not {promised[name].kind.__name__}"
        for name, each in sorted(given.items())
        if name in promised and not isinstance(each, pulumi.Output | promised[name].kind)
    ]
    if wrong:
        raise ContractError(
            f"stage {stage} does not keep its contract (stacks/contracts.py): " + "; ".join(wrong)
        )
    pulumi.export(_VERSION_NAME, CONTRACT_VERSION)
    for name in sorted(given):
        pulumi.export(name, given[name])


@dataclass(frozen=True, slots=True)
class StageOutputs(Mapping[str, pulumi.Output[Any]]):
    """Exports of a stage, by the names in its contract."""

    stage: Stage
    reference: pulumi.StackReference
    _checked: pulumi.Output[dict[str, Any]]
    _names: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> pulumi.Output[Any]:
        if name not in self._names:
            raise KeyError(f"stage {self.stage} promises no {name} (stacks/contracts.py)")
        return self._checked.apply(lambda values: values.get(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def read(stage: Stage, settings: Settings) -> StageOutputs:
    """Return the exports of `stage` of the same deployment, checked once against its contract.

    Reads the stack `<organization>/<project>/<stage><suffix>` with the suffix of the running stack:
    `integration.acme` reads `foundation.acme`.

    Raises:
        ContractError: once the values are known, if the stage is not deployed, was deployed by an older
        kit,
            lacks a value, or belongs to another deployment. The message says which stage to run.
    """
    target = stack_named(stage, settings.stage)
    full_name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{target}"
    reference = pulumi.StackReference(full_name)
    expected = identity(settings)
    checked = reference.outputs.apply(lambda values: check(stage, target, values or {}, expected))
    return StageOutputs(stage, reference, checked, tuple(sorted(CONTRACTS[stage])))


def stack_named(stage: Stage, current: Stage) -> str:
    """Return the name of the stack of `stage` beside the running stack, `<current>` or
    `<current>.<suffix>`.

    Raises:
        ContractError: the running stack has another name, so its siblings cannot be determined.
    """
    running = pulumi.get_stack()
    name, dot, suffix = running.partition(".")
    if name != current or (dot and not suffix):
        raise ContractError(
            f'stack "{running}" has stage {current}: name it {current} or {current}.<client>, '
            f"so that the stacks of {', '.join(STAGES)} find each other"
        )
    return stage + dot + suffix


def check(
    stage: Stage, target: str, values: Mapping[str, Any], expected: Mapping[str, str]
) -> dict[str, Any]:
    """Return the contract's values among `values`.

    Raises:
        ContractError: see `read`.
    """
    run = f"run: pulumi up -s {target}"
    version = values.get(_VERSION_NAME)
    if not isinstance(version, int | float):
        raise ContractError(
            f"stage {stage} has not been deployed: stack {target} exports no {_VERSION_NAME}; {run}"
        )
    if version < CONTRACT_VERSION:
        raise ContractError(
            f"stack {target} was deployed with contract {version:g}, this kit needs {CONTRACT_VERSION}; {run}"
        )
    if version > CONTRACT_VERSION:
        raise ContractError(
            f"stack {target} was deployed with contract {version:g} by a newer kit than this one "
            f"(contract {CONTRACT_VERSION}): update the kit"
        )
    other = [
        f"{name} is {values[name]!r} there and {here!r} here"
        for name, here in sorted(expected.items())
        if name in values and values[name] != here
    ]
    if other:
        raise ContractError(f"stack {target} belongs to another deployment: {', '.join(other)}")
    missing = [
        name
        for name, entry in sorted(CONTRACTS[stage].items())
        if entry.required and values.get(name) is None
    ]
    if missing:
        raise ContractError(f"stack {target} lacks {', '.join(missing)}; {run}")
    mistyped = [
        f"{name} is {type(values[name]).__name__}, not {entry.kind.__name__}"
        for name, entry in sorted(CONTRACTS[stage].items())
        if values.get(name) is not None and not isinstance(values[name], entry.kind)
    ]
    if mistyped:
        raise ContractError(f"stack {target} exports other types than promised: {', '.join(mistyped)}; {run}")
    return {name: values.get(name) for name in CONTRACTS[stage]}


def taken(args: type[T], exports: Mapping[str, pulumi.Output[Any]], **given: Any) -> T:
    """Return a component's arguments: `given`, plus each field that an earlier stage exports under its
    name.
    """
    same = {one.name: exports[one.name] for one in fields(args) if one.name in exports}  # type: ignore[arg-type]
    return args(**{**same, **given})
