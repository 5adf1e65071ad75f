"""The review desk: its table, and the function that opens, escalates and closes reviews."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import dynamodb

from components.base import KitComponent
from components.functions import Function, FunctionArgs, FunctionContext
from components.permissions import Statement, via
from contract.sizes import Sizing

PACKAGES = ("common", "workflow")


@dataclass(frozen=True)
class ReviewDeskArgs:
    """`table_key_arn` encrypts the table; `plan` sets its retention; `layer_arn` contains botocore."""

    context: FunctionContext
    table_key_arn: pulumi.Input[str]
    layer_arn: pulumi.Input[str]
    plan: Sizing


class ReviewDesk(KitComponent):
    """The desk where people review what Claude has drafted (L3.4, G.2, G.6).

    Creates: table `reviews` with the index `queue` of what waits for a person, and the function
    `review-desk`, which opens reviews, keeps the token of the waiting execution, escalates and closes.
    Default posture: the function reaches the table and the waiting executions, and no department's data;
    table on demand, customer-managed key, point-in-time recovery, deletion protection, protected, retained.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: ReviewDeskArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        names = args.context.names
        self.table = dynamodb.Table(
            f"{name}-table",
            name=names.of("reviews"),
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[{"name": each, "type": "S"} for each in ("opened_at", "pk", "queue", "sk")],
            global_secondary_indexes=[
                {"name": "queue", "hash_key": "queue", "range_key": "opened_at", "projection_type": "ALL"}
            ],
            server_side_encryption={"enabled": True, "kms_key_arn": args.table_key_arn},
            point_in_time_recovery={
                "enabled": True,
                "recovery_period_in_days": args.plan.retention.table_recovery_days,
            },
            deletion_protection_enabled=args.plan.redundancy.table_deletion_protection,
            opts=self.kept(),
        )
        self.function = Function(
            f"{name}-function",
            FunctionArgs(
                context=args.context,
                what="review-desk",
                description="Opens, escalates and closes reviews of drafts",
                packages=PACKAGES,
                handler="lambdas.workflow.desk.handler",
                statements=_statements(args, self.table),
                environment={
                    "REVIEWS_TABLE": self.table.name,
                    "ALARM_TOPIC_ARN": args.context.alarm_topic_arn,
                    "KIT_ENVIRONMENT": names.environment,
                },
                layers=[args.layer_arn],
                memory=args.plan.capacity.function_memory_mb,
                timeout=60,
            ),
            self.child(),
        )
        self.register_outputs({"table": self.table.name, "functionArn": self.function.arn})


def _statements(args: ReviewDeskArgs, table: dynamodb.Table) -> list[Statement]:
    context = args.context
    region = context.names.region
    return [
        Statement(
            "KeepReviews", ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], [table.arn]
        ),
        Statement(
            "TellTheWorkflow",
            ["states:SendTaskSuccess"],
            ["*"],  # AWS supports no narrower resource; the token itself identifies the one task
            conditions={"StringEquals": {"aws:RequestedRegion": region}},
        ),
        Statement("Escalate", ["sns:Publish"], [context.alarm_topic_arn]),
        Statement(
            "EncryptEscalations",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [context.messages_key_arn],
            conditions=via("sns", region),
        ),
    ]
