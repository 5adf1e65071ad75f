"""The integration: the Claude API with its ledger, and what the pilots need around it (S.2)."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.api.analytics import Analytics, AnalyticsArgs
from components.api.gateway import ClaudeAccess, Gateway, GatewayArgs, Stores
from components.api.ledger import Ledger, LedgerArgs
from components.api.rest_api import CustomDomain, RestApi, RestApiArgs
from components.foundation.governance_store import PublishedText, PublishedTextArgs
from components.functions import Surroundings
from components.governance.gateway_policy import (
    DepartmentRights,
    GatewayPolicy,
    ProviderRoute,
    TokenIssuer,
)
from components.layers import DependencyLayer
from components.permissions import canonical_json
from stacks import contracts, gates
from stacks.placement import names_of, stage_options
from stacks.settings import Settings
from stacks.settings.models import (
    AnthropicProvider,
    BedrockProvider,
    ClaudePlatformProvider,
    Department,
    WorkloadIdentityAuth,
)

POLICY_OBJECT_KEY = "policy/gateway.json"
GATE_RECORD_KEY = "gates/integration.json"
Outputs = Mapping[str, pulumi.Output[Any]]


def main(settings: Settings) -> None:
    """Hold the gate, build the API on the foundation and export its contract.

    Raises:
        GateClosed: exit criteria of foundation do not hold.
        ContractError: foundation has not been deployed, or for another client.
    """
    record = gates.require_open("integration", settings)
    base = contracts.read("foundation", settings)
    names, options = names_of(settings), stage_options(settings)
    PublishedText("gate-record", _text(base, GATE_RECORD_KEY, canonical_json(record)), options)
    ledger = Ledger("ledger", _ledger(settings, base), options)
    analytics = Analytics("analytics", _analytics(settings, base), options)
    _publish_policy(settings, base, options)
    layer = DependencyLayer("gateway-layer", names, "gateway", options)
    gateway = Gateway("gateway", _gateway(settings, base, ledger, analytics, layer), options)
    api = RestApi("api", _rest_api(settings, gateway, analytics), options)
    contracts.export(
        "integration",
        {
            **contracts.identity(settings),
            "gate_record_key": GATE_RECORD_KEY,
            "gateway_url": api.url,
            "gateway_function_arn": gateway.function.arn,
            "gateway_role_arn": gateway.role.arn,
            "gateway_log_group_name": gateway.function.log_group.name,
            "ledger_table_name": ledger.ledger.name,
            "ledger_table_arn": ledger.ledger.arn,
            "access_table_name": ledger.access.name,
            "access_table_arn": ledger.access.arn,
            "subject_keys_table_name": ledger.subject_keys.name,
            "subject_keys_table_arn": ledger.subject_keys.arn,
            "policy_object_key": POLICY_OBJECT_KEY,
        },
    )


def surroundings(settings: Settings, base: Outputs) -> Surroundings:
    """What every function of the deployment shares."""
    return Surroundings(
        names=names_of(settings),
        functions_key_arn=base["functions_key_arn"],
        logs_key_arn=base["logs_key_arn"],
        messages_key_arn=base["messages_key_arn"],
        alarm_topic_arn=base["alarm_topic_arn"],
        boundary_arn=base["permissions_boundary_arn"],
        log_retention_days=settings.sizing.retention.log_days,
    )


def _ledger(settings: Settings, base: Outputs) -> LedgerArgs:
    plan = settings.sizing
    return LedgerArgs(
        names_of(settings),
        base["ledger_key_arn"],
        recovery_days=plan.retention.table_recovery_days,
        deletion_protection=plan.redundancy.table_deletion_protection,
    )


def _analytics(settings: Settings, base: Outputs) -> AnalyticsArgs:
    return AnalyticsArgs(
        names=names_of(settings),
        boundary_arn=base["permissions_boundary_arn"],
        analytics_bucket_name=base["analytics_bucket_name"],
        analytics_bucket_arn=base["analytics_bucket_arn"],
        access_logs_bucket_arn=base["access_logs_bucket_arn"],
        key_arn=base["analytics_key_arn"],
        logs_key_arn=base["logs_key_arn"],
        log_retention_days=settings.sizing.retention.log_days,
    )


def _gateway(
    settings: Settings, base: Outputs, ledger: Ledger, analytics: Analytics, layer: DependencyLayer
) -> GatewayArgs:
    capacity = settings.sizing.capacity
    provisioned = capacity.gateway_provisioned_concurrency
    start = "provisioned" if provisioned else "snapstart" if capacity.gateway_snap_start else "on-demand"
    return GatewayArgs(
        surroundings=surroundings(settings, base),
        stores=Stores(
            ledger_table_name=ledger.ledger.name,
            ledger_table_arn=ledger.ledger.arn,
            access_table_name=ledger.access.name,
            access_table_arn=ledger.access.arn,
            subject_keys_table_name=ledger.subject_keys.name,
            subject_keys_table_arn=ledger.subject_keys.arn,
            subject_key_arn=base["subject_key_arn"],
            audit_bucket_name=base["audit_bucket_name"],
            audit_bucket_arn=base["audit_bucket_arn"],
            audit_key_arn=base["audit_key_arn"],
            governance_bucket_name=base["governance_bucket_name"],
            governance_bucket_arn=base["governance_bucket_arn"],
            governance_key_arn=base["governance_key_arn"],
            key_pepper_secret_arn=base["key_pepper_secret_arn"],
            secrets_key_arn=base["secrets_key_arn"],
            analytics_stream_name=analytics.stream.name,
            analytics_stream_arn=analytics.stream.arn,
        ),
        claude=_claude_access(settings, base),
        policy_object_key=POLICY_OBJECT_KEY,
        layer_arn=layer.arn,
        memory=capacity.gateway_memory_mb,
        start=start,
        provisioned=provisioned,
        reserved_concurrency=capacity.gateway_reserved_concurrency,
    )


def _claude_access(settings: Settings, base: Outputs) -> ClaudeAccess:
    providers = settings.claude.providers
    anthropic = [provider for provider in providers if isinstance(provider, AnthropicProvider)]
    federated = [one.auth for one in anthropic if isinstance(one.auth, WorkloadIdentityAuth)]
    by_secret = any(one.auth.kind == "secret" for one in anthropic)
    return ClaudeAccess(
        audience=federated[0].audience if federated else "",
        api_key_secret_arn=base["anthropic_api_key_secret_arn"] if by_secret else None,
        bedrock_regions=sorted({one.region for one in providers if isinstance(one, BedrockProvider)}),
        platform_workspaces=sorted(
            {(one.region, one.workspace_id) for one in providers if isinstance(one, ClaudePlatformProvider)}
        ),
        embeddings_model=settings.claude.embeddings_model,
    )


def _rest_api(settings: Settings, gateway: Gateway, analytics: Analytics) -> RestApiArgs:
    capacity, api = settings.sizing.capacity, settings.api
    domain = None
    if api.custom_domain:
        domain = CustomDomain(
            api.custom_domain.name,
            api.custom_domain.certificate_arn,
            truststore_uri=api.mutual_tls.truststore_uri if api.mutual_tls else "",
        )
    return RestApiArgs(
        names=names_of(settings),
        gateway=gateway.function,
        access_log_arn=analytics.access_log.arn,
        rate_limit=capacity.api_requests_per_second,
        burst_limit=capacity.api_burst,
        endpoint="PRIVATE" if api.exposure == "private" else "REGIONAL",
        vpc_endpoint_ids=tuple(api.vpc_endpoint_ids),
        domain=domain,
    )


def _publish_policy(settings: Settings, base: Outputs, options: pulumi.ResourceOptions) -> None:
    """The gateway policy as an object: the gateway follows a new version within 15 seconds."""
    policy = pulumi.Output.from_input(gateway_policy(settings).to_dict()).apply(canonical_json)
    PublishedText("gateway-policy", _text(base, POLICY_OBJECT_KEY, policy), options)


def _text(base: Outputs, key: str, content: pulumi.Input[str]) -> PublishedTextArgs:
    return PublishedTextArgs(base["governance_bucket_name"], base["governance_key_arn"], key, content)


def gateway_policy(settings: Settings) -> GatewayPolicy:
    """The gateway policy that the configuration asks for."""
    return GatewayPolicy(
        client=settings.client,
        environment=settings.environment,
        budget_model=settings.budget.model,
        monthly_budget_microusd=settings.budget.organization_monthly_microusd,
        budget_shards=settings.sizing.capacity.budget_shards,
        departments=[_rights(department) for department in settings.departments],
        models={alias: (one.display_name, one.model) for alias, one in settings.claude.models.items()},
        embeddings_model=settings.claude.embeddings_model,
        providers=[_route(provider) for provider in settings.claude.providers],
        issuers=[
            TokenIssuer(
                issuer=one.issuer,
                audience=one.audience,
                algorithms=one.algorithms,
                jwks_uri=one.jwks_uri,
                principal=one.principal,
                claims=one.claims,
            )
            for one in settings.trusted_issuers
        ],
    )


def _rights(department: Department) -> DepartmentRights:
    return DepartmentRights(
        id=department.id,
        cost_center=department.cost_center,
        data_classes=department.data_classes,
        models=department.models,
        monthly_budget_microusd=department.monthly_budget_microusd,
        user_monthly_budget_microusd=department.user_monthly_budget_microusd,
        requests_per_minute=department.requests_per_minute,
        tokens_per_minute=department.tokens_per_minute,
        user_requests_per_minute=department.user_requests_per_minute,
        user_tokens_per_minute=department.user_tokens_per_minute,
        findings=department.findings.model_dump(),
        redact_output=department.redact_output,
        registered_prompts_only=department.registered_prompts_only,
        human_review=department.human_review,
    )


def _route(provider: AnthropicProvider | ClaudePlatformProvider | BedrockProvider) -> ProviderRoute:
    match provider:
        case AnthropicProvider():
            auth = {key: value for key, value in provider.auth.model_dump().items() if value is not None}
            return ProviderRoute(provider.name, "anthropic", provider.base_url, auth, provider.models)
        case ClaudePlatformProvider():
            return ProviderRoute(
                provider.name,
                "claude-platform",
                f"https://aws-external-anthropic.{provider.region}.api.aws",
                {"kind": "aws", "region": provider.region, "workspace_id": provider.workspace_id},
                provider.models,
            )
        case BedrockProvider():
            return ProviderRoute(
                provider.name,
                "bedrock-mantle",
                f"https://bedrock-mantle.{provider.region}.api.aws/anthropic",
                {"kind": "aws", "region": provider.region},
                provider.models,
            )
