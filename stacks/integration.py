"""Stage `integration`: the Claude API with its ledger, and everything the pilots need around it (S.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi

from components.api.analytics import Analytics, AnalyticsArgs
from components.api.claude_access import ClaudeAccess, ClaudeCaller, ClaudeCallerArgs
from components.api.gateway import Gateway, GatewayArgs, Stores, quarantine_args
from components.api.ledger import Ledger, LedgerArgs
from components.api.rest_api import IAM_SEGMENT, RestApi, RestApiArgs
from components.api.scheduled import MaintenanceArgs, ScheduledFunction, notary, sweeper
from components.foundation.governance_store import PublishedText, PublishedTextArgs
from components.functions import FunctionContext
from components.functions import Network as FunctionNetwork
from components.governance.guardrail import Guardrail, GuardrailArgs
from components.governance.prompt_registry import PromptRegistry, PromptRegistryArgs
from components.identity.authorizer import Authorizer, AuthorizerArgs
from components.identity.break_glass import BreakGlass, BreakGlassArgs
from components.identity.people import People, PeopleArgs
from components.identity.scim import Scim, ScimArgs
from components.layers import DependencyLayer
from components.measurement.aggregation import AggregationArgs, AthenaArgs, aggregation
from components.permissions import canonical_json
from components.storage import PrivateBucket
from components.workflow.review_desk import ReviewDesk, ReviewDeskArgs
from contract.in_force import in_force, key_in_force
from stacks import contracts, departments, gates, network, pods, portal, portal_address, protection
from stacks.concurrency import notary_shards, reservations
from stacks.contracts import taken
from stacks.gateway_policy import gateway_policy
from stacks.library import folders_of, readers_of_prompts, users_of_prompts
from stacks.placement import names_of, stage_options
from stacks.settings import Settings

POLICY_OBJECT_KEY = "policy/gateway.json"
GATE_RECORD_KEY = "gates/integration.json"
Outputs = Mapping[str, pulumi.Output[Any]]


def main(settings: Settings) -> None:
    """Enforce the gate, create the API on top of the foundation, and export the contract.

    Raises:
        GateClosed: exit criteria of foundation are not met.
        ContractError: foundation is not deployed, or belongs to another client.
    """
    record = gates.require_open("integration", settings)
    base = contracts.read("foundation", settings)
    names, options, plan = names_of(settings), stage_options(settings), settings.sizing
    PublishedText("gate-record", _text(base, GATE_RECORD_KEY, canonical_json(record)), options)
    decided = canonical_json(in_force(settings, plan, "integration"))
    PublishedText("in-force", _text(base, key_in_force("integration"), decided), options)
    ledger = Ledger("ledger", LedgerArgs(names, base["ledger_key_arn"], plan), options)
    analytics = Analytics("analytics", _analytics(settings, base), options)
    people = People("people", _people(settings, base, ledger, options), options)
    _publish_policy(settings, base, people, options)
    PromptRegistry("prompts", _prompts(settings, base), options)
    pods.warn_without_a_certified_name(settings)
    where = network.place(settings, base, options)
    layer = DependencyLayer("gateway-layer", names, "gateway", options)
    gateway_args = _gateway(settings, base, ledger, analytics, layer, where)
    gateway_args = _with_second_stage(settings, base, gateway_args, options)
    quarantine = PrivateBucket("quarantine", quarantine_args(names, base["subject_key_arn"]), options)
    gateway_args = replace(gateway_args, quarantine=quarantine)
    gateway = Gateway("gateway", gateway_args, options)
    context, stores = gateway_args.context, gateway_args.stores
    scheduled = _scheduled(settings, base, gateway_args, options)
    ScheduledFunction("notary", notary(scheduled), options)
    ScheduledFunction("sweeper", sweeper(scheduled), options)
    ScheduledFunction("measurement", aggregation(_measurement(settings, base, scheduled, analytics)), options)
    scim = Scim("scim", _scim(settings, base, gateway_args, people, options), options)
    edge = Authorizer("authorizer", AuthorizerArgs(context, stores, POLICY_OBJECT_KEY, layer.arn), options)
    home = where.home  # the role of the pods if there are any, or else of the function
    housed = pods.stand_up(settings, base, gateway_args, home, options) if home else pods.Housed()
    api_args = _rest_api(settings, gateway, analytics, where, scim, edge)
    api = RestApi("api", replace(api_args, pods=housed.pods), options)
    protection.guard(settings, base, api, analytics, housed, options)
    _claude_caller(gateway_args, [gateway.role.arn, *housed.role_arns], options)
    glass = BreakGlass(
        "break-glass",
        BreakGlassArgs(context, stores, POLICY_OBJECT_KEY, scheduled.layer_arn, scheduled.memory),
        options,
    )
    desk_args = ReviewDeskArgs(context, base["ledger_key_arn"], scheduled.layer_arn, plan)
    desk = ReviewDesk("review-desk", desk_args, options)
    departments.stand_up(
        settings, departments.pilots(settings), base, _at_desk(scheduled, desk, api, ledger, people.pool.id)
    )
    portal_exports = portal.stand_up(
        settings,
        portal.PortalPlace(
            context=context,
            stores=stores,
            people=people,
            gateway_url=api.url,
            table_key_arn=base["ledger_key_arn"],
            registrar_layer_arn=scheduled.layer_arn,
            access_log_arn=analytics.access_log.arn,
            reviews_table_name=desk.table.name,
            reviews_table_arn=desk.table.arn,
            directory_table_name=scim.directory.name,
            directory_table_arn=scim.directory.arn,
        ),
        options,
    )
    contracts.export(
        "integration",
        {
            **contracts.identity(settings),
            **portal_exports,
            "gate_record_key": GATE_RECORD_KEY,
            "gateway_url": api.url,
            "gateway_function_arn": gateway.function.arn,
            "gateway_role_arn": gateway.role.arn,
            "gateway_log_group_name": gateway.function.log_group.name,
            **ledger.exports(),
            "policy_object_key": POLICY_OBJECT_KEY,
            "reviews_table_name": desk.table.name,
            "reviews_table_arn": desk.table.arn,
            "break_glass_function_arn": glass.function.arn,
            "review_desk_arn": desk.function.alias.arn,
            "scheduled_layer_arn": scheduled.layer_arn,
            **where.exports(),
            **(housed.exports or {}),
            "user_pool_id": people.pool.id,
            "user_pool_client_id": people.client.id,
            "sign_in_url": people.sign_in_url,
            "scim_url": pulumi.Output.concat(api.url, "/scim/v2"),
            "directory_table_name": scim.directory.name,
            "directory_table_arn": scim.directory.arn,
        },
    )


def _at_desk(
    scheduled: MaintenanceArgs, desk: ReviewDesk, api: RestApi, ledger: Ledger, pool_id: pulumi.Input[str]
) -> departments.Desk:
    return departments.Desk(
        context=scheduled.context,
        table_name=desk.table.name,
        table_arn=desk.table.arn,
        function_alias_arn=desk.function.alias.arn,
        layer_arn=scheduled.layer_arn,
        gateway_url=api.url,
        access_table_name=ledger.access.name,
        access_table_arn=ledger.access.arn,
        user_pool_id=pool_id,
    )


def context(settings: Settings, base: Outputs, network: FunctionNetwork | None) -> FunctionContext:
    """Return what all functions of the deployment share."""
    return taken(
        FunctionContext,
        base,
        names=names_of(settings),
        boundary_arn=base["permissions_boundary_arn"],
        log_retention_days=settings.sizing.retention.log_days,
        network=network,
        reserve_concurrency=reservations(settings).keepers,
    )


def _analytics(settings: Settings, base: Outputs) -> AnalyticsArgs:
    return taken(
        AnalyticsArgs,
        base,
        names=names_of(settings),
        boundary_arn=base["permissions_boundary_arn"],
        key_arn=base["analytics_key_arn"],
        log_retention_days=settings.sizing.retention.log_days,
        parquet=settings.sizing.capacity.measurement_engine == "athena",
    )


def _gateway(
    settings: Settings,
    base: Outputs,
    ledger: Ledger,
    analytics: Analytics,
    layer: DependencyLayer,
    where: network.Placed,
) -> GatewayArgs:
    capacity = settings.sizing.capacity
    reserved = reservations(settings).gateway
    # provisioned concurrency counts against the same quota
    provisioned = min(capacity.gateway_provisioned_concurrency, reserved or 0)
    start = "provisioned" if provisioned else "snapstart" if capacity.gateway_snap_start else "on-demand"
    return GatewayArgs(
        context=context(settings, base, where.functions),
        stores=taken(
            Stores,
            base,
            **ledger.exports(),
            analytics_stream_name=analytics.stream.name,
            analytics_stream_arn=analytics.stream.arn,
        ),
        claude=ClaudeAccess.of(
            settings.claude,
            base["anthropic_api_key_secret_arn"],
            base["embeddings_api_key_secret_arn"] if settings.claude.embeddings_url else None,
        ),
        policy_object_key=POLICY_OBJECT_KEY,
        layer_arn=layer.arn,
        memory=capacity.gateway_memory_mb,
        start=start,
        provisioned=provisioned,
        reserved_concurrency=reserved,
        environment={"AWS_LWA_REMOVE_BASE_PATH": f"/{IAM_SEGMENT}"},  # callers with SigV4 come under it
    )


def _with_second_stage(
    settings: Settings, base: Outputs, gateway: GatewayArgs, options: pulumi.ResourceOptions
) -> GatewayArgs:
    """Add Bedrock Guardrails as the gateway's second check, if configured.

    The emulated AWS has no Bedrock, and a check that does not answer would fail every call.
    """
    if settings.guardrail is None or settings.emulated:
        return gateway
    guardrail = Guardrail(
        "guardrail",
        GuardrailArgs(
            names_of(settings),
            base["governance_key_arn"],
            prompt_attack_strength=settings.guardrail.prompt_attack_strength,
        ),
        options,
    )
    return replace(
        gateway,
        environment={**gateway.environment, **guardrail.environment},
        statements=[*gateway.statements, *guardrail.statements],
    )


def _scheduled(
    settings: Settings, base: Outputs, gateway: GatewayArgs, options: pulumi.ResourceOptions
) -> MaintenanceArgs:
    """Return what all scheduled functions share."""
    return MaintenanceArgs(
        context=gateway.context,
        stores=gateway.stores,
        signing_key_arn=base["signing_key_arn"],
        layer_arn=DependencyLayer("scheduled-layer", names_of(settings), "scheduled", options).arn,
        memory=settings.sizing.capacity.function_memory_mb,
        audit_mode=settings.audit.mode,
        audit_days=settings.sizing.retention.audit_days,
        anchor_bucket=settings.audit.anchor_bucket,
        notary_shards=notary_shards(settings),
    )


def _measurement(
    settings: Settings, base: Outputs, scheduled: MaintenanceArgs, analytics: Analytics
) -> AggregationArgs:
    context, layer, memory = scheduled.context, scheduled.layer_arn, scheduled.memory
    athena = None
    if settings.sizing.capacity.measurement_engine == "athena":
        athena = AthenaArgs(analytics.workgroup.name, analytics.database.name)
    return taken(AggregationArgs, base, context=context, athena=athena, layer_arn=layer, memory=memory)


def _people(settings: Settings, base: Outputs, ledger: Ledger, options: pulumi.ResourceOptions) -> PeopleArgs:
    return PeopleArgs(
        context=context(settings, base, None),
        identity=settings.identity,
        access_table_name=ledger.access.name,
        access_table_arn=ledger.access.arn,
        directory_table=names_of(settings).of("directory"),
        layer_arn=DependencyLayer("pretoken-layer", names_of(settings), "scheduled", options).arn,
        tier=settings.sizing.detection.cognito_tier,
        portal_url=portal_address.address(settings),
    )


def _scim(
    settings: Settings,
    base: Outputs,
    gateway: GatewayArgs,
    people: People,
    options: pulumi.ResourceOptions,
) -> ScimArgs:
    return ScimArgs(
        context=gateway.context,
        stores=gateway.stores,
        token_secret_arn=base["scim_token_secret_arn"],
        table_key_arn=base["ledger_key_arn"],
        layer_arn=DependencyLayer("scim-layer", names_of(settings), "scim", options).arn,
        departments=settings.departments,
        identity=settings.identity,
        plan=settings.sizing,
        user_pool=(people.pool.id, people.arn),
    )


def _rest_api(
    settings: Settings,
    gateway: Gateway,
    analytics: Analytics,
    where: network.Placed,
    scim: Scim,
    edge: Authorizer,
) -> RestApiArgs:
    capacity, api = settings.sizing.capacity, settings.api
    return RestApiArgs(
        names=names_of(settings),
        gateway=gateway.function,
        access_log_arn=analytics.access_log.arn,
        rate_limit=capacity.api_requests_per_second,
        burst_limit=capacity.api_burst,
        endpoint="PRIVATE" if api.exposure == "private" else "REGIONAL",
        vpc_endpoint_ids=where.api_endpoints,
        domain=api.custom_domain,
        mutual_tls=api.mutual_tls,
        others={"scim": scim.function},
        authorizer=edge.function,
    )


def _claude_caller(
    gateway: GatewayArgs, role_arns: Sequence[pulumi.Input[str]], options: pulumi.ResourceOptions
) -> None:
    """Return the role that calls models on AWS in each caller's name, if configured."""
    if gateway.claude.caller_role_arn(gateway.context.names):
        ClaudeCaller("claude-caller", ClaudeCallerArgs(gateway.context, gateway.claude, role_arns), options)


def _prompts(settings: Settings, base: Outputs) -> PromptRegistryArgs:
    folders = [folder / "prompts" for folder in folders_of(settings)]
    bucket, key = base["governance_bucket_name"], base["governance_key_arn"]
    return PromptRegistryArgs(folders, bucket, key, readers_of_prompts(settings), users_of_prompts(settings))


def _publish_policy(
    settings: Settings, base: Outputs, people: People, options: pulumi.ResourceOptions
) -> None:
    """Publish the gateway policy as an object. The gateway picks up a new version within 15 seconds."""
    policy = pulumi.Output.from_input(gateway_policy(settings, people.token_issuers())).apply(canonical_json)
    PublishedText("gateway-policy", _text(base, POLICY_OBJECT_KEY, policy), options)


def _text(base: Outputs, key: str, content: pulumi.Input[str]) -> PublishedTextArgs:
    return PublishedTextArgs(base["governance_bucket_name"], base["governance_key_arn"], key, content)
