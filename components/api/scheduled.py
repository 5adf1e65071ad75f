"""Scheduled functions: the notary, which seals records, and the sweeper, which cleans up reservations."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch

from components.api.gateway import Stores
from components.base import ArgumentsError, KitComponent
from components.functions import Function, FunctionArgs, FunctionContext
from components.permissions import Statement, via
from components.schedules import longest_gap_minutes

_SHORTEST_PERIOD, _LONGEST_PERIOD = 300, 86_400
_LONGEST_LOOK_BACK = 7 * 86_400


@dataclass(frozen=True)
class ScheduleArgs:
    """`expression` is an EventBridge schedule: `rate(5 minutes)`, `cron(10 * * * ? *)` (UTC). Each time,
    `shards` runs start in parallel, those after the first with `{"shard": n}`.
    """

    function: FunctionArgs
    expression: str
    shards: int = 1


class ScheduledFunction(KitComponent):
    """A function and its schedule.

    Creates: a `Function`, an EventBridge rule, its target with two retries within an hour (one target a
    shard), the permission to invoke, and an alarm that goes off when the function has not run for three of
    its periods.
    Default posture: one run at a time, of a shard; a run that fails after its retries waits in the
    dead-letter queue.
    Replaced when changed: client, environment, the function's `what`.
    """

    def __init__(self, name: str, args: ScheduleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        period, periods = silence(f"ScheduledFunction {name}", args.expression)
        super().__init__(name, opts)
        context = args.function.context
        self.function = Function(f"{name}-function", args.function, self.child())
        rule = cloudwatch.EventRule(
            f"{name}-schedule",
            name=self.function.name,
            description=args.function.description,
            schedule_expression=args.expression,
            opts=self.child(),
        )
        for shard in range(args.shards):
            cloudwatch.EventTarget(
                f"{name}-target-{shard}" if shard else f"{name}-target",
                rule=rule.name,
                arn=self.function.alias.arn,
                input=json.dumps({"shard": shard}) if shard else None,
                retry_policy={"maximum_event_age_in_seconds": 3600, "maximum_retry_attempts": 2},
                opts=self.child(),
            )
        self.function.allow(f"{name}-invoke", "events.amazonaws.com", rule.arn)
        cloudwatch.MetricAlarm(
            f"{name}-silent",
            name=f"{self.function.name}-silent",
            alarm_description=f"{args.function.description}: has not run",
            namespace="AWS/Lambda",
            metric_name="Invocations",
            dimensions={"FunctionName": self.function.name},
            statistic="Sum",
            period=period,
            evaluation_periods=periods,
            comparison_operator="LessThanThreshold",
            threshold=1,
            treat_missing_data="breaching",
            alarm_actions=[context.alarm_topic_arn],
            ok_actions=[context.alarm_topic_arn],
            opts=self.child(),
        )
        self.register_outputs({"arn": self.function.arn, "roleArn": self.function.role.arn})


def silence(what: str, expression: str) -> tuple[int, int]:
    """Return period in seconds and number of periods within which a schedule must have run: three of its
    gaps.

    CloudWatch accepts periods of whole minutes up to a day, and looks back one day if they are shorter than
    an hour, otherwise seven. A period is at least five minutes, so that one late run raises no alarm.

    Raises:
        ArgumentsError: the schedule runs less often than an alarm can detect.
    """
    try:
        gap = longest_gap_minutes(expression) * 60
    except ValueError as error:
        raise ArgumentsError(what, [f"expression: {error}"]) from None
    if gap * 3 > _LONGEST_LOOK_BACK:
        raise ArgumentsError(what, [f"expression: {expression!r} runs less often than every 56 hours"])
    period = min(max(gap, _SHORTEST_PERIOD), _LONGEST_PERIOD)
    return period, max(3, -(-gap * 3 // period))


@dataclass(frozen=True)
class MaintenanceArgs:
    """Arguments common to notary and sweeper."""

    context: FunctionContext
    stores: Stores
    signing_key_arn: pulumi.Input[str]
    layer_arn: pulumi.Input[str]
    memory: int
    audit_mode: str = "COMPLIANCE"
    audit_days: int = 2557
    anchor_bucket: str | None = None  # in a second account
    notary_shards: int = 1


def notary(args: MaintenanceArgs) -> ScheduleArgs:
    """Return the schedule of the notary, which seals each hour into segments and a signed manifest (L2.5).

    A run works for five minutes and the next one continues. One shard with 1,024 MB seals about 400,000
    objects per hour.
    """
    stores, names = args.stores, args.context.names
    anchors = f"anchors/{names.client}-{names.environment}/"
    anchoring: list[Statement] = []
    environment: dict[str, pulumi.Input[str]] = {
        "AUDIT_BUCKET": stores.audit_bucket_name,
        "AUDIT_KEY_ARN": stores.audit_key_arn,
        "SIGNING_KEY_ARN": args.signing_key_arn,
        "AUDIT_LOCK_MODE": args.audit_mode,
        "AUDIT_RETENTION_DAYS": str(args.audit_days),
        "KIT_ENVIRONMENT": names.environment,
    }
    if args.notary_shards > 1:
        environment["NOTARY_SHARDS"] = str(args.notary_shards)
    if args.anchor_bucket:
        environment |= {"ANCHOR_BUCKET": args.anchor_bucket, "ANCHOR_PREFIX": anchors}
        arn = f"arn:{names.partition}:s3:::{args.anchor_bucket}/{anchors}*"
        anchoring.append(Statement("KeepAnchors", ["s3:PutObject"], [arn]))
    return ScheduleArgs(
        FunctionArgs(
            context=args.context,
            what="notary",
            description="Seals the records of each hour in segments and a signed manifest",
            packages=["common", "notary"],
            handler="lambdas.notary.handler.handler",
            statements=[
                Statement("ListRecords", ["s3:ListBucket"], [stores.audit_bucket_arn]),
                Statement(
                    "ReadRecords",
                    ["s3:GetObject"],
                    _objects(stores.audit_bucket_arn, ["manifests", "records", "segments"]),
                ),
                Statement(
                    "Seal",
                    ["s3:PutObject", "s3:PutObjectRetention"],
                    _objects(stores.audit_bucket_arn, ["manifests", "segments"]),
                ),
                Statement(
                    "TagWhatIsSealed",
                    ["s3:GetObjectTagging", "s3:PutObjectTagging"],
                    _objects(stores.audit_bucket_arn, ["manifests", "records", "segments"]),
                ),
                Statement(
                    "UseAuditKey",
                    ["kms:Decrypt", "kms:GenerateDataKey"],
                    [stores.audit_key_arn],
                    conditions=via("s3", args.context.names.region),
                ),
                Statement("Sign", ["kms:Sign"], [args.signing_key_arn]),
                *anchoring,
            ],
            environment=environment,
            layers=[args.layer_arn],
            memory=args.memory,
            timeout=300,
            reserved_concurrency=args.notary_shards,
        ),
        "rate(5 minutes)",
        args.notary_shards,
    )


def sweeper(args: MaintenanceArgs) -> ScheduleArgs:
    """Return the schedule of the sweeper, which charges reservations of dead processes every five minutes
    (L1.6).
    """
    stores = args.stores
    return ScheduleArgs(
        FunctionArgs(
            context=args.context,
            what="sweeper",
            description="Charges the reservations that expired with their process",
            packages=["common", "sweeper"],
            handler="lambdas.sweeper.handler.handler",
            statements=[
                Statement(
                    "Sweep",
                    ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
                    [stores.ledger_table_arn],
                ),
                Statement("AppendRecords", ["s3:PutObject"], _objects(stores.audit_bucket_arn, ["records"])),
                Statement(
                    "EncryptRecords",
                    ["kms:GenerateDataKey"],
                    [stores.audit_key_arn],
                    conditions=via("s3", args.context.names.region),
                ),
                Statement("Introduce", ["kms:Sign"], [stores.writer_key_arn]),
            ],
            environment={
                "LEDGER_TABLE": stores.ledger_table_name,
                "AUDIT_BUCKET": stores.audit_bucket_name,
                "AUDIT_KEY_ARN": stores.audit_key_arn,
                "WRITER_KEY_ARN": stores.writer_key_arn,
                "KIT_ENVIRONMENT": args.context.names.environment,
            },
            layers=[args.layer_arn],
            memory=args.memory,
            timeout=240,
            reserved_concurrency=1,
        ),
        "rate(5 minutes)",
    )


def _objects(bucket_arn: pulumi.Input[str], prefixes: Sequence[str]) -> list[pulumi.Input[str]]:
    return [pulumi.Output.concat(bucket_arn, f"/{prefix}/*") for prefix in prefixes]
