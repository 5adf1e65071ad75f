"""Lambda functions of the kit: packaging, permissions, logging and alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi
from pulumi_aws import cloudwatch, iam, lambda_, sqs

from components.base import KitComponent, Names, refuse
from components.layers import PYTHON_VERSION, ROOT, source_files
from components.permissions import Statement, document, trusted, via

_ADAPTER_ACCOUNTS = {"cn-north-1": "041581134020", "cn-northwest-1": "069767869989"}
_ADAPTER_VERSION = 30
ALIAS = "live"

Start = Literal["on-demand", "snapstart", "provisioned"]


@dataclass(frozen=True)
class Network:
    """Where a function runs in a VPC. `ready` are the resources that must exist before it starts: routes,
    endpoints, DNS rules.
    """

    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_ids: Sequence[pulumi.Input[str]]
    ready: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True)
class FunctionContext:
    """What all functions of a stage share: keys, alarms, retention, boundary, network."""

    names: Names
    functions_key_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]
    messages_key_arn: pulumi.Input[str]
    alarm_topic_arn: pulumi.Input[str]
    boundary_arn: pulumi.Input[str]
    log_retention_days: int
    network: Network | None = None
    reserve_concurrency: bool = True  # whether the account's limit leaves room for reserved concurrency


@dataclass(frozen=True)
class Web:
    """A function that is an ASGI app behind Lambda Web Adapter.

    `readiness_path` must answer 200 once the app can serve. The hooks are for SnapStart: before the
    snapshot the app closes what must not be frozen; after a restore it reconnects, reseeds and renews
    credentials.
    """

    start: Start = "on-demand"
    provisioned: int = 0
    readiness_path: str = "/healthz"
    before_checkpoint_path: str = ""
    after_restore_path: str = ""


@dataclass(frozen=True)
class FunctionArgs:
    """One function. `packages` are the folders under `lambdas/` to bundle; `handler` is `module.function`,
    or `module:factory` for a web function. Times in seconds unless named otherwise, memory in MB.
    """

    context: FunctionContext
    what: str
    description: str
    packages: Sequence[str]
    handler: str
    statements: Sequence[Statement]
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    layers: Sequence[pulumi.Input[str]] = ()
    memory: int = 512
    timeout: int = 60
    reserved_concurrency: int | None = None
    duration_alarm_ms: int = 0
    web: Web | None = None


def log_alarm(
    parent: KitComponent,
    name: str,
    context: FunctionContext,
    what: str,
    metric: str,
    description: str,
    threshold: int = 0,
) -> cloudwatch.MetricAlarm:
    """Return an alarm on a metric that functions write to their log, raised within five minutes above
    `threshold`.
    """
    names, topic = context.names, context.alarm_topic_arn
    return cloudwatch.MetricAlarm(
        name,
        name=names.of(what),
        alarm_description=description,
        namespace="ClaudeEnterpriseKit",
        metric_name=metric,
        dimensions={"environment": names.environment},
        statistic="Sum",
        comparison_operator="GreaterThanThreshold",
        threshold=threshold,
        period=60,
        evaluation_periods=5,
        datapoints_to_alarm=1,
        treat_missing_data="notBreaching",
        alarm_actions=[topic],
        ok_actions=[topic],
        opts=parent.child(),
    )


def adapter_layer(names: Names) -> str:
    """Return the ARN of Lambda Web Adapter, a layer that AWS publishes."""
    account = _ADAPTER_ACCOUNTS.get(names.region, "753240598075")
    return (
        f"arn:{names.partition}:lambda:{names.region}:{account}:layer:"
        f"LambdaAdapterLayerArm64:{_ADAPTER_VERSION}"
    )


class Function(KitComponent):
    """A Lambda function with its own role, log group, dead letters and alarms (L1.7).

    Creates: the function (python3.13, arm64), its role with exactly the given statements in addition to
    logging and tracing, a log group with retention and key, a dead-letter queue, an alias `live`, alarms on
    errors, throttles, p99 of the duration and dead letters; for a web function also the adapter layer and,
    if asked for, provisioned concurrency.
    Default posture: permissions boundary, encrypted environment and snapshots, JSON logs at INFO, active
    tracing, log group protected and retained.
    Replaced when changed: the function's name (client, environment, `what`).
    """

    def __init__(self, name: str, args: FunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        web = args.web
        refuse(
            f"Function {name}",
            [
                (128 <= args.memory <= 10240, f"memory: {args.memory} MB is not in 128..10240"),
                (1 <= args.timeout <= 900, f"timeout: {args.timeout} s is not in 1..900"),
                (bool(args.packages), "packages: none"),
                (
                    all((ROOT / "lambdas" / package).is_dir() for package in args.packages),
                    f"packages: not all of {list(args.packages)} are folders under lambdas/",
                ),
                (len(args.layers) <= 4, f"layers: {len(args.layers)} are too many"),
                (
                    web is None or (web.start == "provisioned") == (web.provisioned > 0),
                    "web.provisioned: goes with start 'provisioned', and must then be over 0",
                ),
                (
                    not (args.reserved_concurrency and web) or web.provisioned <= args.reserved_concurrency,
                    "web.provisioned: is over reserved_concurrency",
                ),
                (
                    web is None or web.start != "snapstart" or bool(web.after_restore_path),
                    "web.after_restore_path: SnapStart needs it, to renew credentials and randomness",
                ),
            ],
        )
        super().__init__(name, opts)
        self._args = args
        self.name = args.context.names.of(args.what)
        self.log_group = self._log_group(name)
        self.dead_letters = self._dead_letters(name)
        self.role = self._role(name)
        self.permissions = self._permissions(name)
        self.function = self._function(name)
        self.alias = lambda_.Alias(
            f"{name}-alias",
            name=ALIAS,
            function_name=self.function.name,
            function_version=self.function.version,
            opts=self.child(),
        )
        if web and web.provisioned:
            lambda_.ProvisionedConcurrencyConfig(
                f"{name}-provisioned",
                function_name=self.function.name,
                qualifier=self.alias.name,
                provisioned_concurrent_executions=web.provisioned,
                opts=self.child(),
            )
        self.alarms = self._alarms(name)
        self.arn = self.function.arn
        self.streaming_uri = self._uri("2021-11-15", "response-streaming-invocations")
        self.buffered_uri = self._uri("2015-03-31", "invocations")
        self.register_outputs({"arn": self.arn, "aliasArn": self.alias.arn, "roleArn": self.role.arn})

    def allow(self, name: str, principal: str, source_arn: pulumi.Input[str]) -> lambda_.Permission:
        """Allow one AWS resource of this account to invoke the live alias."""
        return lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=self.function.name,
            qualifier=self.alias.name,
            principal=principal,
            source_account=self._args.context.names.account,
            source_arn=source_arn,
            opts=self.child(),
        )

    def _uri(self, version: str, action: str) -> pulumi.Output[str]:
        # The alias has no streaming output, so the URI that API Gateway calls is assembled here.
        names = self._args.context.names
        return pulumi.Output.concat(
            f"arn:{names.partition}:apigateway:{names.region}:lambda:path/{version}/functions/",
            self.alias.arn,
            f"/{action}",
        )

    def _log_group(self, name: str) -> cloudwatch.LogGroup:
        context = self._args.context
        return cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/lambda/{self.name}",
            retention_in_days=context.log_retention_days,
            kms_key_id=context.logs_key_arn,
            opts=self.kept(),
        )

    def _dead_letters(self, name: str) -> sqs.Queue:
        return sqs.Queue(
            f"{name}-dead-letters",
            name=f"{self.name}-dead-letters",
            kms_master_key_id=self._args.context.messages_key_arn,
            message_retention_seconds=14 * 24 * 3600,
            opts=self.child(),
        )

    def _role(self, name: str) -> iam.Role:
        return iam.Role(
            f"{name}-role",
            name=self.name,
            description=f"Execution role of {self.name}",
            assume_role_policy=trusted("lambda.amazonaws.com"),
            permissions_boundary=self._args.context.boundary_arn,
            opts=self.child(),
        )

    def _permissions(self, name: str) -> iam.RolePolicy:
        return iam.RolePolicy(
            f"{name}-permissions",
            name="permissions",
            role=self.role.name,
            policy=document([*self._args.statements, *self._own_statements()]),
            opts=self.child(),
        )

    def _own_statements(self) -> list[Statement]:
        context = self._args.context
        here = {"StringEquals": {"aws:RequestedRegion": context.names.region}}
        statements = [
            Statement(
                "WriteOwnLog",
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                [self.log_group.arn.apply("{}:*".format)],
            ),
            Statement(
                "WriteTraces", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"], conditions=here
            ),
            Statement("SendDeadLetters", ["sqs:SendMessage"], [self.dead_letters.arn]),
            Statement(
                "EncryptDeadLetters",
                ["kms:Decrypt", "kms:GenerateDataKey"],
                [context.messages_key_arn],
                conditions=via("sqs", context.names.region),
            ),
            Statement(
                "DecryptOwnEnvironment",
                ["kms:Decrypt"],
                [context.functions_key_arn],
                conditions={
                    "StringEquals": {
                        "kms:EncryptionContext:aws:lambda:FunctionArn": context.names.arn(
                            "lambda", f"function:{self.name}"
                        )
                    }
                },
            ),
        ]
        return statements + (self._network_statements(here) if context.network else [])

    def _network_statements(self, here: dict[str, dict[str, str]]) -> list[Statement]:
        """Return the permissions with which Lambda attaches the function to the VPC, denied to the
        function's own code.
        """
        names = self._args.context.names
        actions = [
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ]
        own = {"ArnEquals": {"lambda:SourceFunctionArn": names.arn("lambda", f"function:{self.name}")}}
        return [
            Statement("AttachToNetwork", actions, ["*"], conditions=here),
            Statement("OnlyLambdaAttaches", actions, ["*"], effect="Deny", conditions=own),
        ]

    def _function(self, name: str) -> lambda_.Function:
        args, context = self._args, self._args.context
        snapstart = args.web is not None and args.web.start == "snapstart"
        optional: lambda_.FunctionArgsDict = {}  # type: ignore[typeddict-item]
        if context.network:
            optional["vpc_config"] = {
                "subnet_ids": list(context.network.subnet_ids),
                "security_group_ids": list(context.network.security_group_ids),
            }
        if snapstart:
            optional["snap_start"] = {"apply_on": "PublishedVersions"}
        if args.reserved_concurrency is not None and context.reserve_concurrency:
            optional["reserved_concurrent_executions"] = args.reserved_concurrency
        sources = {path: pulumi.FileAsset(path) for path in source_files(args.packages)}
        return lambda_.Function(
            f"{name}-function",
            name=self.name,
            description=args.description,
            role=self.role.arn,
            runtime=f"python{PYTHON_VERSION}",
            architectures=["arm64"],
            handler=args.handler,
            code=pulumi.AssetArchive(dict(sources)),
            layers=[*args.layers, *([adapter_layer(context.names)] if args.web else [])],
            memory_size=args.memory,
            timeout=args.timeout,
            publish=True,
            environment={"variables": self._environment()},
            kms_key_arn=context.functions_key_arn,
            logging_config={
                "log_format": "JSON",
                "application_log_level": "INFO",
                "system_log_level": "WARN",
                "log_group": self.log_group.name,
            },
            tracing_config={"mode": "Active"},
            dead_letter_config={"target_arn": self.dead_letters.arn},
            opts=self.child(
                depends_on=[self.permissions, *(context.network.ready if context.network else ())]
            ),
            **optional,  # pyright: ignore[reportArgumentType]
        )

    def _environment(self) -> dict[str, pulumi.Input[str]]:
        web = self._args.web
        variables: dict[str, pulumi.Input[str]] = dict(self._args.environment)
        if web:
            variables |= {
                # Our own start script: the engine's archives have no executable bit, our layer does.
                "AWS_LAMBDA_EXEC_WRAPPER": "/opt/serve",
                "AWS_LWA_INVOKE_MODE": "response_stream",
                "AWS_LWA_PORT": "8080",
                "AWS_LWA_READINESS_CHECK_PATH": web.readiness_path,
                "AWS_LWA_READINESS_CHECK_HEALTHY_STATUS": "200",
                "AWS_LWA_READINESS_CHECK_TIMEOUT_SECONDS": "9",
                # Events that are not HTTP requests go to a path that no app serves, instead of the default
                # /events.
                "AWS_LWA_PASS_THROUGH_PATH": "/.lambda/no-events",
            }
            if web.before_checkpoint_path:
                variables["AWS_LWA_SNAPSTART_BEFORE_CHECKPOINT_PATH"] = web.before_checkpoint_path
            if web.after_restore_path:
                variables["AWS_LWA_SNAPSTART_AFTER_RESTORE_PATH"] = web.after_restore_path
        return dict(sorted(variables.items()))

    def _alarms(self, name: str) -> list[cloudwatch.MetricAlarm]:
        of_function = {"FunctionName": self.name}
        slow = self._args.duration_alarm_ms or self._args.timeout * 800
        return [
            self._alarm(name, "errors", "AWS/Lambda", "Errors", of_function, 0, statistic="Sum"),
            self._alarm(name, "throttles", "AWS/Lambda", "Throttles", of_function, 0, statistic="Sum"),
            self._alarm(
                name, "duration", "AWS/Lambda", "Duration", of_function, slow, extended_statistic="p99"
            ),
            self._alarm(
                name,
                "dead-letters-waiting",
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                {"QueueName": f"{self.name}-dead-letters"},
                0,
                statistic="Maximum",
            ),
        ]

    def _alarm(
        self,
        name: str,
        what: str,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, str],
        threshold: int,
        *,
        statistic: str | None = None,
        extended_statistic: str | None = None,
    ) -> cloudwatch.MetricAlarm:
        topic = self._args.context.alarm_topic_arn
        return cloudwatch.MetricAlarm(
            f"{name}-{what}-alarm",
            name=f"{self.name}-{what}",
            namespace=namespace,
            metric_name=metric,
            dimensions=dict(dimensions),
            statistic=statistic,
            extended_statistic=extended_statistic,
            comparison_operator="GreaterThanThreshold",
            threshold=threshold,
            period=300,
            evaluation_periods=1 if statistic else 3,
            treat_missing_data="notBreaching",
            alarm_actions=[topic],
            ok_actions=[topic],
            opts=self.child(),
        )
