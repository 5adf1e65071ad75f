"""The integration: the Claude API with its ledger, and what the pilots need around it (S.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pulumi

from components.api.alarms import ApiAlarms, ApiAlarmsArgs
from components.api.analytics import Analytics, AnalyticsArgs
from components.api.claude_access import ClaudeAccess, ClaudeCaller, ClaudeCallerArgs
from components.api.gateway import Gateway, GatewayArgs, Stores
from components.api.ledger import Ledger, LedgerArgs
from components.api.rest_api import (
    BODY_LIMIT,
    IAM_SEGMENT,
    PODS_BODY_LIMIT,
    CustomDomain,
    RestApi,
    RestApiArgs,
)
from components.api.scheduled import KeeperArgs, ScheduledFunction, notary, sweeper
from components.foundation.governance_store import PublishedText, PublishedTextArgs
from components.functions import Network as FunctionNetwork
from components.functions import Surroundings
from components.governance.guardrail import Guardrail, GuardrailArgs
from components.governance.prompt_registry import PromptRegistry, PromptRegistryArgs
from components.identity.authorizer import Authorizer, AuthorizerArgs
from components.identity.break_glass import BreakGlass, BreakGlassArgs
from components.identity.people import OidcProvider, People, PeopleArgs, SamlProvider
from components.identity.scim import Scim, ScimArgs, ScimRule
from components.layers import DependencyLayer
from components.measurement.aggregation import AggregationArgs, AthenaArgs, aggregation
from components.permissions import canonical_json
from components.workflow.review_desk import ReviewDesk, ReviewDeskArgs
from contract.client import (
    AnthropicProvider,
    BedrockProvider,
    ClaudePlatformProvider,
    OidcIdentity,
    SamlIdentity,
    WorkloadIdentityAuth,
)
from lambdas.gateway.settings import OPEN_BODY_LIMIT
from stacks import contracts, departments, gates, pods, portal, portal_address
from stacks.concurrency import reservations
from stacks.gateway_policy import gateway_policy
from stacks.library import folders_of, readers_of_prompts
from stacks.placement import names_of, stage_options, zones_of
from stacks.settings import Settings

POLICY_OBJECT_KEY = "policy/gateway.json"
GATE_RECORD_KEY = "gates/integration.json"
DEFAULT_CIDR = "10.40.0.0/20"
Outputs = Mapping[str, pulumi.Output[Any]]


@dataclass(frozen=True)
class Placed:
    """Where functions run, and through which endpoints a private API is reached. Empty outside a VPC."""

    functions: FunctionNetwork | None = None
    subnet_ids: Sequence[pulumi.Input[str]] = ()
    api_endpoints: tuple[pulumi.Input[str], ...] = ()
    home: pods.PodsPlace | None = None


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
    people = People("people", _people(settings, base, ledger, options), options)
    _publish_policy(settings, base, people, options)
    PromptRegistry("prompts", _prompts(settings, base), options)
    network = _network(settings, base, options)
    layer = DependencyLayer("gateway-layer", names, "gateway", options)
    gateway_args = _gateway(settings, base, ledger, analytics, layer, network)
    gateway_args = _with_second_stage(settings, base, gateway_args, options)
    gateway = Gateway("gateway", gateway_args, options)
    keeper = _keeper(settings, base, gateway_args, options)
    ScheduledFunction("notary", notary(keeper), options)
    ScheduledFunction("sweeper", sweeper(keeper), options)
    ScheduledFunction("measurement", aggregation(_measurement(settings, base, keeper, analytics)), options)
    scim = Scim("scim", _scim(settings, base, gateway_args, people, options), options)
    edge = Authorizer("authorizer", _authorizer(gateway_args), options)
    housed = _housed(settings, base, gateway_args, network, options)
    api_args = _rest_api(settings, gateway, analytics, network, scim, edge)
    api = RestApi("api", replace(api_args, pods=housed.pods), options)
    _guard(settings, base, api, analytics, housed, options)
    _claude_caller(gateway_args, [gateway.role.arn, *housed.role_arns], options)
    glass = BreakGlass(
        "break-glass",
        BreakGlassArgs(
            keeper.surroundings, gateway_args.stores, POLICY_OBJECT_KEY, keeper.layer_arn, keeper.memory
        ),
        options,
    )
    desk = ReviewDesk("review-desk", _review_desk(settings, base, keeper), options)
    departments.stand_up(
        settings, departments.pilots(settings), base, _at_desk(keeper, desk, api, ledger, people.pool.id)
    )
    portal_exports = portal.stand_up(
        settings,
        portal.PortalPlace(
            surroundings=keeper.surroundings,
            stores=keeper.stores,
            people=people,
            gateway_url=api.url,
            table_key_arn=base["ledger_key_arn"],
            registrar_layer_arn=keeper.layer_arn,
            access_log_arn=analytics.access_log.arn,
            reviews_table_name=desk.table.name,
            reviews_table_arn=desk.table.arn,
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
            "ledger_table_name": ledger.ledger.name,
            "ledger_table_arn": ledger.ledger.arn,
            "access_table_name": ledger.access.name,
            "access_table_arn": ledger.access.arn,
            "subject_keys_table_name": ledger.subject_keys.name,
            "subject_keys_table_arn": ledger.subject_keys.arn,
            "policy_object_key": POLICY_OBJECT_KEY,
            "reviews_table_name": desk.table.name,
            "reviews_table_arn": desk.table.arn,
            "break_glass_function_arn": glass.function.arn,
            "review_desk_arn": desk.function.alias.arn,
            "scheduled_layer_arn": keeper.layer_arn,
            **_shared_network(network),
            **(housed.exports or {}),
            "user_pool_id": people.pool.id,
            "user_pool_client_id": people.client.id,
            "sign_in_url": people.sign_in_url,
            "scim_url": pulumi.Output.concat(api.url, "/scim/v2"),
            "directory_table_name": scim.directory.name,
            "directory_table_arn": scim.directory.arn,
        },
    )


def _review_desk(settings: Settings, base: Outputs, keeper: KeeperArgs) -> ReviewDeskArgs:
    return ReviewDeskArgs(
        surroundings=keeper.surroundings,
        table_key_arn=base["ledger_key_arn"],
        layer_arn=keeper.layer_arn,
        memory=keeper.memory,
        recovery_days=settings.sizing.retention.table_recovery_days,
        deletion_protection=settings.sizing.redundancy.table_deletion_protection,
    )


def _at_desk(
    keeper: KeeperArgs, desk: ReviewDesk, api: RestApi, ledger: Ledger, user_pool_id: pulumi.Input[str]
) -> departments.Desk:
    return departments.Desk(
        surroundings=keeper.surroundings,
        table_name=desk.table.name,
        table_arn=desk.table.arn,
        function_alias_arn=desk.function.alias.arn,
        layer_arn=keeper.layer_arn,
        gateway_url=api.url,
        access_table_name=ledger.access.name,
        access_table_arn=ledger.access.arn,
        user_pool_id=user_pool_id,
    )


def _shared_network(network: Placed) -> dict[str, pulumi.Output[str]]:
    """Where the functions of the next stage run; exports are flat, hence lists as texts."""
    if network.functions is None:
        return {}
    return {
        "function_security_group_ids": pulumi.Output.all(*network.functions.security_group_ids).apply(
            ",".join
        ),
        "function_subnet_ids": pulumi.Output.all(*network.functions.subnet_ids).apply(",".join),
    }


def surroundings(settings: Settings, base: Outputs, network: FunctionNetwork | None) -> Surroundings:
    """What every function of the deployment shares."""
    return Surroundings(
        names=names_of(settings),
        functions_key_arn=base["functions_key_arn"],
        logs_key_arn=base["logs_key_arn"],
        messages_key_arn=base["messages_key_arn"],
        alarm_topic_arn=base["alarm_topic_arn"],
        boundary_arn=base["permissions_boundary_arn"],
        log_retention_days=settings.sizing.retention.log_days,
        network=network,
        reserve_concurrency=reservations(settings).keepers,
    )


def _ledger(settings: Settings, base: Outputs) -> LedgerArgs:
    plan = settings.sizing
    return LedgerArgs(
        names_of(settings),
        base["ledger_key_arn"],
        recovery_days=plan.retention.table_recovery_days,
        deletion_protection=plan.redundancy.table_deletion_protection,
        contributor_insights=plan.detection.contributor_insights,
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
        parquet=settings.sizing.capacity.measurement_engine == "athena",
    )


def _gateway(
    settings: Settings,
    base: Outputs,
    ledger: Ledger,
    analytics: Analytics,
    layer: DependencyLayer,
    network: Placed,
) -> GatewayArgs:
    capacity = settings.sizing.capacity
    reserved = reservations(settings).gateway
    # what is kept warm comes out of the same quota
    provisioned = min(capacity.gateway_provisioned_concurrency, reserved or 0)
    start = "provisioned" if provisioned else "snapstart" if capacity.gateway_snap_start else "on-demand"
    return GatewayArgs(
        surroundings=surroundings(settings, base, network.functions),
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
            writer_key_arn=base["writer_key_arn"],
            governance_bucket_name=base["governance_bucket_name"],
            governance_bucket_arn=base["governance_bucket_arn"],
            governance_key_arn=base["governance_key_arn"],
            key_pepper_secret_arn=base["key_pepper_secret_arn"],
            secrets_key_arn=base["secrets_key_arn"],
            analytics_stream_name=analytics.stream.name,
            analytics_stream_arn=analytics.stream.arn,
            analytics_key_arn=base["analytics_key_arn"],
        ),
        claude=_claude_access(settings, base),
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
    """The gateway with Bedrock Guardrails behind its own inspection, where that is configured. There is no
    Bedrock on the emulated AWS, and a second stage that does not answer stops every call.
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


def _keeper(
    settings: Settings, base: Outputs, gateway: GatewayArgs, options: pulumi.ResourceOptions
) -> KeeperArgs:
    """What the functions that run by the clock share."""
    return KeeperArgs(
        surroundings=gateway.surroundings,
        stores=gateway.stores,
        signing_key_arn=base["signing_key_arn"],
        layer_arn=DependencyLayer("scheduled-layer", names_of(settings), "scheduled", options).arn,
        memory=settings.sizing.capacity.function_memory_mb,
        audit_mode=settings.audit.mode,
        audit_days=settings.sizing.retention.audit_days,
        anchor_bucket=settings.audit.anchor_bucket,
    )


def _measurement(
    settings: Settings, base: Outputs, keeper: KeeperArgs, analytics: Analytics
) -> AggregationArgs:
    athena = settings.sizing.capacity.measurement_engine == "athena"
    return AggregationArgs(
        surroundings=keeper.surroundings,
        analytics_bucket_name=base["analytics_bucket_name"],
        analytics_bucket_arn=base["analytics_bucket_arn"],
        analytics_key_arn=base["analytics_key_arn"],
        athena=AthenaArgs(analytics.workgroup.name, analytics.database.name) if athena else None,
        layer_arn=keeper.layer_arn,
        memory=keeper.memory,
    )


def _claude_access(settings: Settings, base: Outputs) -> ClaudeAccess:
    providers = settings.claude.providers
    anthropic = [provider for provider in providers if isinstance(provider, AnthropicProvider)]
    federated = [one.auth for one in anthropic if isinstance(one.auth, WorkloadIdentityAuth)]
    by_secret = any(one.auth.kind == "secret" for one in anthropic)
    return ClaudeAccess(
        audiences=sorted({one.audience for one in federated}),
        api_key_secret_arn=base["anthropic_api_key_secret_arn"] if by_secret else None,
        bedrock_regions=sorted({one.region for one in providers if isinstance(one, BedrockProvider)}),
        platform_workspaces=sorted(
            {(one.region, one.workspace_id) for one in providers if isinstance(one, ClaudePlatformProvider)}
        ),
        embeddings_model=settings.claude.embeddings_model,
        in_callers_names=settings.claude.in_callers_names,
    )


def _people(settings: Settings, base: Outputs, ledger: Ledger, options: pulumi.ResourceOptions) -> PeopleArgs:
    given = settings.identity
    provider = (
        OidcProvider(given.issuer, given.client_id, given.scopes)
        if isinstance(given, OidcIdentity)
        else _saml_provider(given)
    )
    return PeopleArgs(
        surroundings=surroundings(settings, base, None),
        provider=provider,
        access_table_name=ledger.access.name,
        access_table_arn=ledger.access.arn,
        layer_arn=DependencyLayer("pretoken-layer", names_of(settings), "scheduled", options).arn,
        tier=settings.sizing.detection.cognito_tier,
        machines=given.machine_clients,
        portal_url=portal_address.address(settings),
        directory_table=names_of(settings).of("directory"),
        email_domains=given.email_domains,
        addresses_verified=given.addresses_verified,
        external_id_claim=given.external_id_claim or "",
        groups_claim=given.groups_claim or "",
        session_hours=given.session_hours,
    )


def _saml_provider(given: SamlIdentity) -> SamlProvider:
    metadata = Path(given.metadata_file).read_text("utf-8") if given.metadata_file else given.metadata_url
    return SamlProvider(
        metadata=metadata or "",
        user_name=given.attributes.user_name,
        email=given.attributes.email,
        signed_requests=given.signed_requests,
        encrypted_assertions=given.encrypted_assertions,
    )


def _authorizer(gateway: GatewayArgs) -> AuthorizerArgs:
    return AuthorizerArgs(gateway.surroundings, gateway.stores, gateway.policy_object_key, gateway.layer_arn)


def _scim(
    settings: Settings,
    base: Outputs,
    gateway: GatewayArgs,
    people: People,
    options: pulumi.ResourceOptions,
) -> ScimArgs:
    plan = settings.sizing
    return ScimArgs(
        surroundings=gateway.surroundings,
        stores=gateway.stores,
        token_secret_arn=base["scim_token_secret_arn"],
        table_key_arn=base["ledger_key_arn"],
        layer_arn=DependencyLayer("scim-layer", names_of(settings), "scim", options).arn,
        departments={department.id: department.name for department in settings.departments},
        rules=[
            ScimRule(rule.group, rule.department, rule.roles, rule.data_classes)
            for rule in settings.identity.groups
        ],
        onboarding_required=settings.identity.onboarding_required,
        follows_claims=bool(settings.identity.groups_claim),
        people_from_claims=settings.identity.people_from_claims,
        recovery_days=plan.retention.table_recovery_days,
        deletion_protection=plan.redundancy.table_deletion_protection,
        user_pool=(people.pool.id, people.arn),
    )


def _rest_api(
    settings: Settings,
    gateway: Gateway,
    analytics: Analytics,
    network: Placed,
    scim: Scim,
    edge: Authorizer,
) -> RestApiArgs:
    capacity, api = settings.sizing.capacity, settings.api
    domain = None
    if api.custom_domain:
        domain = CustomDomain(
            api.custom_domain.name,
            api.custom_domain.certificate_arn,
            truststore_uri=api.mutual_tls.truststore_uri if api.mutual_tls else "",
            truststore_version=api.mutual_tls.truststore_version if api.mutual_tls else None,
            hosted_zone_id=api.custom_domain.hosted_zone_id,
        )
    return RestApiArgs(
        names=names_of(settings),
        gateway=gateway.function,
        access_log_arn=analytics.access_log.arn,
        rate_limit=capacity.api_requests_per_second,
        burst_limit=capacity.api_burst,
        endpoint="PRIVATE" if api.exposure == "private" else "REGIONAL",
        vpc_endpoint_ids=network.api_endpoints,
        domain=domain,
        others={"scim": scim.function},
        authorizer=edge.function,
    )


def _network(settings: Settings, base: Outputs, options: pulumi.ResourceOptions) -> Placed:
    """The client's own network, one of the kit's from size medium on, or none."""
    given, private = settings.network, settings.api.exposure == "private"
    endpoints = tuple(settings.api.vpc_endpoint_ids) if private else ()
    if given.mode == "existing":
        functions = FunctionNetwork(given.subnet_ids, given.security_group_ids)
        return Placed(functions, given.subnet_ids, endpoints, _pods_in_own_network(settings, options))
    if given.mode == "none" and not settings.sizing.redundancy.vpc_endpoints:
        return Placed(api_endpoints=endpoints)
    from components.api.network import Network, NetworkArgs  # slow to load, so only where it is used

    network = Network(
        "network",
        NetworkArgs(
            names=names_of(settings),
            zones=zones_of(settings, options),
            cidr=given.cidr or DEFAULT_CIDR,
            domains=egress_domains(settings),
            logs_key_arn=base["logs_key_arn"],
            log_retention_days=settings.sizing.retention.log_days,
            boundary_arn=base["permissions_boundary_arn"],
            private_api=private and not endpoints,
            anchor_bucket=settings.audit.anchor_bucket or "",
            images=pods.certified_name(settings) is not None,
        ),
        options,
    )
    if network.api_endpoint:
        endpoints = (network.api_endpoint.id,)
    functions = FunctionNetwork(network.subnet_ids, [network.functions_group.id], [network])
    place = pods.PodsPlace(
        network.vpc.id,
        network.subnet_ids,
        network.public_subnet_ids,
        network.public_cidrs,
        network.endpoints_group.id,
    )
    return Placed(functions, network.subnet_ids, endpoints, place)


def _pods_in_own_network(settings: Settings, options: pulumi.ResourceOptions) -> pods.PodsPlace | None:
    """The client's own network says its range; which VPC its subnets are in is asked of AWS."""
    given = settings.network
    if pods.certified_name(settings) is None or not given.cidr:
        return None
    from pulumi_aws import ec2  # slow to load, so only where it is used

    provider = options.providers[0] if isinstance(options.providers, list) else None
    found = ec2.get_subnet_output(id=given.subnet_ids[0], opts=pulumi.InvokeOutputOptions(provider=provider))
    return pods.PodsPlace(found.vpc_id, given.subnet_ids, given.subnet_ids, [given.cidr])


def _housed(
    settings: Settings,
    base: Outputs,
    gateway: GatewayArgs,
    network: Placed,
    options: pulumi.ResourceOptions,
) -> pods.Housed:
    """The gateway's pods, where they run; else its function answers."""
    if network.home is None:
        return pods.Housed()
    return pods.stand_up(settings, base, gateway, network.home, options)


def egress_domains(settings: Settings) -> list[str]:
    """The names that the functions must resolve, in addition to AWS's own in their region: providers
    wherever they are, issuers of tokens, and the API under the client's own name, which workflows call.
    """
    urls = [one.route.base_url for one in settings.claude.providers]
    urls += [one.jwks_uri for one in settings.trusted_issuers]
    urls.append(f"https://cognito-idp.{settings.region}.amazonaws.com")  # keys of the user pool
    if settings.api.custom_domain:
        urls.append(f"https://{settings.api.custom_domain.name}")
    sign_in = f"*.auth.{settings.region}.amazoncognito.com"  # of the user pool, where the portal gets tokens
    return sorted({sign_in, *(host for url in urls if (host := urlsplit(url).hostname))})


def _guard(
    settings: Settings,
    base: Outputs,
    api: RestApi,
    analytics: Analytics,
    housed: pods.Housed,
    options: pulumi.ResourceOptions,
) -> None:
    """Firewall and alarms over the API, the same firewall over its direct door."""
    names, plan = names_of(settings), settings.sizing
    doors: list[tuple[str, str, pulumi.Input[str], int]] = []
    if plan.detection.web_acl:
        limit = PODS_BODY_LIMIT if housed.pods else BODY_LIMIT
        doors.append(("web-acl", "api", api.stage.arn, limit))
    if plan.detection.web_acl and housed.direct_arn is not None:
        doors.append(("direct-web-acl", "direct", housed.direct_arn, OPEN_BODY_LIMIT))
    for name, what, arn, limit in doors:
        from components.api.web_acl import WebAcl, WebAclArgs  # slow to load, so only where it is used

        WebAcl(
            name,
            WebAclArgs(
                names,
                arn,
                base["logs_key_arn"],
                plan.retention.log_days,
                requests_per_address=plan.capacity.api_requests_per_address,
                scim_requests_per_address=plan.capacity.scim_requests_per_address,
                what=what,
                body_limit=limit,
            ),
            options,
        )
    ApiAlarms(
        "api-alarms",
        ApiAlarmsArgs(
            names=names,
            topic_arn=base["alarm_topic_arn"],
            api_name=names.of("api"),
            error_percent=plan.alarms.gateway_error_percent,
            overhead_p95_ms=plan.alarms.gateway_overhead_p95_ms,
            audit_write_failures=plan.alarms.audit_write_failures,
            evaluation_minutes=plan.alarms.evaluation_minutes,
            monthly_budget_microusd=settings.budget.organization_monthly_microusd,
            budget_warning_percent=plan.alarms.budget_warning_percent,
            delivery_streams={"records": analytics.stream.name, "access-log": analytics.access_log.name},
        ),
        options,
    )


def _claude_caller(
    gateway: GatewayArgs, role_arns: Sequence[pulumi.Input[str]], options: pulumi.ResourceOptions
) -> None:
    """The role that calls models on AWS in each caller's name, where they are called."""
    if gateway.claude.caller_role_arn(gateway.surroundings.names):
        ClaudeCaller(
            "claude-caller", ClaudeCallerArgs(gateway.surroundings, gateway.claude, role_arns), options
        )


def _prompts(settings: Settings, base: Outputs) -> PromptRegistryArgs:
    return PromptRegistryArgs(
        [folder / "prompts" for folder in folders_of(settings)],
        base["governance_bucket_name"],
        base["governance_key_arn"],
        readers_of_prompts(settings),
    )


def _publish_policy(
    settings: Settings, base: Outputs, people: People, options: pulumi.ResourceOptions
) -> None:
    """The gateway policy as an object: the gateway follows a new version within 15 seconds."""
    policy = pulumi.Output.from_input(gateway_policy(settings, people.token_issuers())).apply(canonical_json)
    PublishedText("gateway-policy", _text(base, POLICY_OBJECT_KEY, policy), options)


def _text(base: Outputs, key: str, content: pulumi.Input[str]) -> PublishedTextArgs:
    return PublishedTextArgs(base["governance_bucket_name"], base["governance_key_arn"], key, content)
