"""API Gateway: one REST API that streams, forwards every path to the gateway, and logs every request."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
from pulumi_aws import apigateway

from components.base import KitComponent, Names, refuse
from components.functions import Function
from components.permissions import Statement, canonical_json, document
from contract.client import CustomDomain, MutualTls
from lambdas.gateway.doors import NOBODY, REQUEST_ID, SOURCE_IP, USER_ARN
from lambdas.gateway.errors import PERMISSION, POLICY_STATUS

STAGE = "live"
IAM_SEGMENT = "iam"
TLS_POLICY = "SecurityPolicy_TLS13_1_2_PQ_2025_09"
# Maximum request body in bytes. A Lambda event has at most 6 MB, which hold about 4.4 MB of body in base64;
# API Gateway itself limits what goes to pods.
BODY_LIMIT = 4_400_000
PODS_BODY_LIMIT = 10 * 1024 * 1024
# What `kit audit verify` needs to match each request with its records, and nothing about its content.
ACCESS_LOG_FIELDS: Mapping[str, str] = {
    "requestId": "$context.requestId",
    "extendedRequestId": "$context.extendedRequestId",
    "requestTime": "$context.requestTimeEpoch",
    "httpMethod": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationStatus": "$context.integration.status",
    "integrationLatency": "$context.integration.latency",
    "integrationError": "$context.integration.error",
    "wafStatus": "$context.waf.status",
    "errorType": "$context.error.responseType",
}


@dataclass(frozen=True)
class Pods:
    """Pods behind a load balancer, in place of the gateway's function. API Gateway calls them under `name`,
    for which the load balancer has a certificate.
    """

    name: str
    link_id: pulumi.Input[str]
    load_balancer_arn: pulumi.Input[str]
    ready: Sequence[pulumi.Resource] = ()  # resources that must be ready before they are called


@dataclass(frozen=True)
class RestApiArgs:
    """`timeout_seconds` is at most 900, because answers are streamed. Rates are per second over the whole
    API.

    `others` are functions that serve all paths below one first segment (`scim`) instead of the gateway,
    each of which authenticates its own requests. `what` is the API's part of the physical name.
    `authorizer` decides which requests reach the gateway. Paths below `iam/` are for callers that sign with
    SigV4, whom API Gateway authenticates itself. With `pods`, they serve these paths and the function
    stands by.
    """

    names: Names
    gateway: Function
    access_log_arn: pulumi.Input[str]
    rate_limit: int
    burst_limit: int
    timeout_seconds: int = 900
    endpoint: Literal["REGIONAL", "PRIVATE"] = "REGIONAL"
    vpc_endpoint_ids: tuple[pulumi.Input[str], ...] = ()
    domain: CustomDomain | None = None
    mutual_tls: MutualTls | None = None  # of the custom domain
    others: Mapping[str, Function] = field(default_factory=dict)
    authorizer: Function | None = None
    pods: Pods | None = None
    what: str = "api"
    description: str = "Claude for applications and people"


class RestApi(KitComponent):
    """A REST API in front of the gateway (L1.1, L1.4, L1.5, L1.7).

    Creates: the API, a proxy resource with ANY methods and streaming integrations (and the same on the
    root, and under `iam/` with AWS_IAM; to the function, or over a VPC link to pods), a REQUEST authorizer
    that keeps no decisions, error responses in Anthropic's shape, a deployment, the stage `live` with access
    log, tracing and throttling, the invoke permission; with a domain also the domain name (optional mutual
    TLS), its mapping and, in a hosted zone, the record that leads to it; for a private API its resource
    policy.
    Default posture: TLS 1.3 policy with strict endpoint access (TLS 1.2 or newer for a domain with mutual
    TLS), regional, never edge-optimised (which would cut a stream after 30 silent seconds); the public
    execute-api name is off as soon as there is a domain of one's own. Nothing about bodies, credentials or
    people in the access log.
    Replaced when changed: nothing but the deployment, whenever any part of the definition changes; the
    stage then points to the new one before the old one goes.
    """

    def __init__(self, name: str, args: RestApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(
            f"RestApi {name}",
            [
                (
                    30 <= args.timeout_seconds <= 900,
                    f"timeout_seconds: {args.timeout_seconds} is not in 30..900",
                ),
                (args.rate_limit > 0 and args.burst_limit > 0, "rate_limit and burst_limit: must be over 0"),
                (
                    (args.endpoint == "PRIVATE") == bool(args.vpc_endpoint_ids),
                    "vpc_endpoint_ids: a private API needs them, and only a private one",
                ),
                (
                    not (args.domain and args.endpoint == "PRIVATE"),
                    "domain: a private API is called by its own name through the VPC endpoint",
                ),
            ],
        )
        super().__init__(name, opts)
        self._name, self._args = name, args
        # Everything that a deployment freezes is collected here and hashed into its trigger.
        self._definition: dict[str, Any] = {}
        self.api = self._api()
        self.authorizer = self._authorizer(args.authorizer) if args.authorizer else None
        self._proxy()
        self._error_responses()
        self.deployment = self._deployment()
        self.stage = self._stage()
        self._throttling()
        args.gateway.allow(
            f"{name}-invoke",
            "apigateway.amazonaws.com",
            pulumi.Output.concat(self.api.execution_arn, "/*/*/*"),
        )
        for segment, function in sorted(args.others.items()):
            function.allow(
                f"{name}-invoke-{segment}",
                "apigateway.amazonaws.com",
                pulumi.Output.concat(self.api.execution_arn, f"/*/*/{segment}/*"),
            )
        self.domain_name = self._domain(args.domain, args.mutual_tls) if args.domain else None
        self.url = (
            pulumi.Output.from_input(f"https://{args.domain.name}") if args.domain else self.stage.invoke_url
        )
        self.register_outputs({"url": self.url, "apiId": self.api.id, "stageArn": self.stage.arn})

    def _record(self, part: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self._definition[part] = arguments
        return arguments

    def _api(self) -> apigateway.RestApi:
        args = self._args
        endpoint: dict[str, Any] = {"types": args.endpoint}
        if args.vpc_endpoint_ids:
            endpoint["vpc_endpoint_ids"] = list(args.vpc_endpoint_ids)
        settings = self._record(
            "api",
            {
                "name": args.names.of(args.what),
                "description": args.description,
                "endpoint_configuration": endpoint,
                "binary_media_types": ["*/*"],
                "disable_execute_api_endpoint": args.domain is not None,
                "security_policy": TLS_POLICY,
                "endpoint_access_mode": "STRICT",
            },
        )
        api = apigateway.RestApi(self._name, opts=self.child(), **settings)
        if args.vpc_endpoint_ids:
            policy = self._record("policy", {"policy": document(self._private_statements())})
            self._policy = apigateway.RestApiPolicy(
                f"{self._name}-policy", rest_api_id=api.id, opts=self.child(), **policy
            )
        return api

    def _private_statements(self) -> list[Statement]:
        mine = {"StringEquals": {"aws:SourceVpce": list(self._args.vpc_endpoint_ids)}}
        return [
            Statement(
                "FromOwnEndpoints",
                ["execute-api:Invoke"],
                ["execute-api:/*"],
                principals="*",
                conditions=mine,
            )
        ]

    def _proxy(self) -> None:
        resource = apigateway.Resource(
            f"{self._name}-proxy",
            rest_api=self.api.id,
            parent_id=self.api.root_resource_id,
            **self._record("proxy", {"path_part": "{proxy+}"}),
            opts=self.child(),
        )
        self._parts: list[pulumi.Resource] = [
            *self._route("root", self.api.root_resource_id),
            *self._route("any", resource.id),
        ]
        if self.authorizer:
            self._under(IAM_SEGMENT, None)
        for segment, function in sorted(self._args.others.items()):
            self._under(segment, function)

    def _under(self, segment: str, function: Function | None) -> None:
        first = apigateway.Resource(
            f"{self._name}-{segment}",
            rest_api=self.api.id,
            parent_id=self.api.root_resource_id,
            **self._record(segment, {"path_part": segment}),
            opts=self.child(),
        )
        rest = apigateway.Resource(
            f"{self._name}-{segment}-proxy",
            rest_api=self.api.id,
            parent_id=first.id,
            **self._record(f"{segment}-proxy", {"path_part": "{proxy+}"}),
            opts=self.child(),
        )
        self._parts += self._route(segment, rest.id, function)

    def _route(
        self, part: str, resource_id: pulumi.Input[str], function: Function | None = None
    ) -> list[pulumi.Resource]:
        """Connect every method of one resource to a function, by default the gateway, which authenticates
        each request.
        """
        pods = self._args.pods
        method = apigateway.Method(
            f"{self._name}-{part}-method",
            rest_api=self.api.id,
            resource_id=resource_id,
            **self._record(f"{part}-method", {"http_method": "ANY", **self._authorization(part, function)}),
            opts=self.child(),
        )
        integration = apigateway.Integration(
            f"{self._name}-{part}-integration",
            rest_api=self.api.id,
            resource_id=resource_id,
            http_method=method.http_method,
            **self._record(
                f"{part}-integration",
                {
                    **self._target(part, function),
                    "response_transfer_mode": "STREAM",
                    "timeout_milliseconds": self._args.timeout_seconds * 1000,
                },
            ),
            # a method has one integration: created first, the new one would be deleted with the old one
            opts=self.child(
                depends_on=list(pods.ready) if pods and function is None else None,
                delete_before_replace=True,
            ),
        )
        return [method, integration]

    def _target(self, part: str, function: Function | None) -> dict[str, Any]:
        pods = self._args.pods
        if function is not None or pods is None:
            return {
                "type": "AWS_PROXY",
                "integration_http_method": "POST",
                "uri": (function or self._args.gateway).streaming_uri,
            }
        # Set explicitly if API Gateway has authenticated nobody: otherwise a caller could send the header.
        caller = "context.identity.userArn" if part == IAM_SEGMENT else f"'{NOBODY}'"
        said = {
            REQUEST_ID: "context.requestId",
            SOURCE_IP: "context.identity.sourceIp",
            USER_ARN: caller,
        }
        return {
            "type": "HTTP_PROXY",
            "integration_http_method": "ANY",
            "connection_type": "VPC_LINK",
            "connection_id": pods.link_id,
            "integration_target": pods.load_balancer_arn,
            # sets the host name and the certificate to expect; the path is the request's, with the stage as
            # prefix
            "uri": f"https://{pods.name}:443",
            "request_parameters": {
                f"integration.request.header.{name.decode()}": value for name, value in said.items()
            },
        }

    def _authorization(self, part: str, function: Function | None) -> dict[str, Any]:
        if function is not None or self.authorizer is None:
            return {"authorization": "NONE"}
        if part == IAM_SEGMENT:
            return {"authorization": "AWS_IAM"}
        return {"authorization": "CUSTOM", "authorizer_id": self.authorizer.id}

    def _authorizer(self, function: Function) -> apigateway.Authorizer:
        """Create the authorizer, which is called for every request.

        Cached decisions would require every identity source in every request, but callers send either of
        two headers. The identity source is set although nothing is cached: without it the provider sets the
        header `Authorization`, and API Gateway answers 401 to callers that send only `x-api-key`, without
        calling the authorizer.
        """
        settings = self._record(
            "authorizer",
            {
                "name": self._args.names.of("edge"),
                "type": "REQUEST",
                "authorizer_uri": function.buffered_uri,
                "authorizer_result_ttl_in_seconds": 0,
                "identity_source": "context.identity.sourceIp",  # always present
            },
        )
        authorizer = apigateway.Authorizer(
            f"{self._name}-authorizer", rest_api=self.api.id, opts=self.child(), **settings
        )
        function.allow(
            f"{self._name}-invoke-authorizer",
            "apigateway.amazonaws.com",
            pulumi.Output.concat(self.api.execution_arn, "/authorizers/*"),
        )
        return authorizer

    def _error_responses(self) -> None:
        """Create API Gateway's own error responses, in the shape that Anthropic's clients expect."""
        for response_type, status, error in (
            ("DEFAULT_4XX", None, "invalid_request_error"),
            ("DEFAULT_5XX", None, "api_error"),
            ("REQUEST_TOO_LARGE", "413", "request_too_large"),
            ("THROTTLED", "429", "rate_limit_error"),
            ("INTEGRATION_TIMEOUT", "504", "timeout_error"),
            # blocked by policy: answered as the gateway does, so that no client retries
            ("WAF_FILTERED", str(POLICY_STATUS), PERMISSION),
            # denied by the authorizer: no valid credential
            ("ACCESS_DENIED", "401", "authentication_error"),
            ("UNAUTHORIZED", "401", "authentication_error"),
            ("MISSING_AUTHENTICATION_TOKEN", "401", "authentication_error"),
        ):
            body = (
                f'{{"type":"error","error":{{"type":"{error}","message":$context.error.messageString}},'
                '"request_id":"$context.requestId"}'
            )
            settings: dict[str, Any] = {
                "response_type": response_type,
                "response_templates": {"application/json": body},
                "response_parameters": {"gatewayresponse.header.request-id": "context.requestId"},
            }
            if status:
                settings["status_code"] = status
            label = response_type.lower().replace("_", "-")
            self._parts.append(
                apigateway.Response(
                    f"{self._name}-{label}-response",
                    rest_api_id=self.api.id,
                    opts=self.child(),
                    **self._record(f"{label}-response", settings),
                )
            )

    def _deployment(self) -> apigateway.Deployment:
        digest = pulumi.Output.from_input(self._definition).apply(
            lambda definition: hashlib.sha256(canonical_json(definition).encode()).hexdigest()
        )
        return apigateway.Deployment(
            f"{self._name}-deployment",
            rest_api=self.api.id,
            triggers={"definition": digest},
            opts=self.child(depends_on=self._parts, delete_before_replace=False),
        )

    def _stage(self) -> apigateway.Stage:
        return apigateway.Stage(
            f"{self._name}-stage",
            rest_api=self.api.id,
            deployment=self.deployment.id,
            stage_name=STAGE,
            xray_tracing_enabled=True,
            access_log_settings={
                "destination_arn": self._args.access_log_arn,
                "format": canonical_json(dict(ACCESS_LOG_FIELDS)),
            },
            opts=self.child(),
        )

    def _throttling(self) -> None:
        apigateway.MethodSettings(
            f"{self._name}-throttling",
            rest_api=self.api.id,
            stage_name=self.stage.stage_name,
            method_path="*/*",
            settings={
                "metrics_enabled": True,
                "data_trace_enabled": False,  # would log prompts
                "logging_level": "OFF",
                "throttling_rate_limit": self._args.rate_limit,
                "throttling_burst_limit": self._args.burst_limit,
            },
            opts=self.child(),
        )

    def _domain(self, domain: CustomDomain, mutual_tls: MutualTls | None) -> apigateway.DomainName:
        # API Gateway rejects mutual TLS with an enhanced security policy; TLS_1_2 includes 1.3.
        tls: dict[str, Any] = (
            {
                "mutual_tls_authentication": {
                    "truststore_uri": mutual_tls.truststore_uri,
                    "truststore_version": mutual_tls.truststore_version,
                },
                "security_policy": "TLS_1_2",
            }
            if mutual_tls
            else {"security_policy": TLS_POLICY, "endpoint_access_mode": "STRICT"}
        )
        name = apigateway.DomainName(
            f"{self._name}-domain",
            domain_name=domain.name,
            regional_certificate_arn=domain.certificate_arn,
            endpoint_configuration={"types": "REGIONAL"},
            opts=self.child(),
            **tls,
        )
        apigateway.BasePathMapping(
            f"{self._name}-domain-mapping",
            rest_api=self.api.id,
            stage_name=self.stage.stage_name,
            domain_name=name.domain_name,
            opts=self.child(),
        )
        if domain.hosted_zone_id:
            from pulumi_aws import route53  # slow to import, so only where needed

            route53.Record(
                f"{self._name}-domain-record",
                zone_id=domain.hosted_zone_id,
                name=domain.name,
                type="A",
                aliases=[
                    {
                        "name": name.regional_domain_name,
                        "zone_id": name.regional_zone_id,
                        "evaluate_target_health": False,
                    }
                ],
                opts=self.child(),
            )
        return name
