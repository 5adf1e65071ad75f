"""The quarterly governance review: a function that collects its evidence (L5.5, G.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.api.scheduled import ScheduleArgs
from components.functions import FunctionArgs, FunctionContext
from components.permissions import Statement, via
from lambdas.common.registers import FOLDER as REGISTERS_FOLDER

FOLDER = "governance-reviews"
_READ = ("adoption", "departments", "documents", "gates", "policy", "prompts")
_LISTED = ("prompts", REGISTERS_FOLDER)


@dataclass(frozen=True)
class GovernanceReviewArgs:
    """Tables of reviews and access, buckets of governance and analytics; memory in MB."""

    context: FunctionContext
    departments: Sequence[str]
    reviews_table_name: pulumi.Input[str]
    reviews_table_arn: pulumi.Input[str]
    governance_bucket_name: pulumi.Input[str]
    governance_bucket_arn: pulumi.Input[str]
    governance_key_arn: pulumi.Input[str]
    access_table_name: pulumi.Input[str]
    access_table_arn: pulumi.Input[str]
    analytics_bucket_name: pulumi.Input[str]
    analytics_bucket_arn: pulumi.Input[str]
    analytics_key_arn: pulumi.Input[str]
    layer_arn: pulumi.Input[str]
    memory: int


def governance_review(args: GovernanceReviewArgs) -> ScheduleArgs:
    """Return the arguments of its `ScheduledFunction` (L5.5).

    It runs every morning, so that the evidence of a quarter is there the day after the quarter ends and a
    missed run is made up for. It reads review counts, versions of approved documents, champions and usage
    aggregates, and writes only to its own folder.
    """
    names, bucket = args.context.names, args.governance_bucket_arn
    return ScheduleArgs(
        FunctionArgs(
            context=args.context,
            what="governance-review",
            description="Collects the evidence of the quarterly governance review",
            packages=["common", "measurement", "workflow"],
            handler="lambdas.workflow.governance_review.handler",
            statements=[
                Statement("CountReviews", ["dynamodb:Query"], [args.reviews_table_arn]),
                Statement(
                    "ListVersions",
                    ["s3:ListBucketVersions"],
                    [bucket],
                    conditions={"StringLike": {"s3:prefix": [f"{folder}/*" for folder in _READ]}},
                ),
                Statement(
                    "ReadPromptsAndRegisters",
                    ["s3:GetObject"],
                    [
                        pulumi.Output.concat(bucket, f"/{folder}/*")
                        for folder in ("prompts", REGISTERS_FOLDER)
                    ],
                ),
                Statement(
                    "ListPromptsAndRegisters",
                    ["s3:ListBucket"],
                    [bucket],
                    conditions={"StringLike": {"s3:prefix": [f"{folder}/*" for folder in _LISTED]}},
                ),
                Statement("FindChampions", ["dynamodb:GetItem", "dynamodb:Scan"], [args.access_table_arn]),
                Statement(
                    "ReadAggregates",
                    ["s3:GetObject"],
                    [pulumi.Output.concat(args.analytics_bucket_arn, "/aggregates/*")],
                ),
                # without the right to list, S3 answers "access denied" for a day without aggregates
                Statement(
                    "ListAggregates",
                    ["s3:ListBucket"],
                    [args.analytics_bucket_arn],
                    conditions={"StringLike": {"s3:prefix": "aggregates/*"}},
                ),
                Statement(
                    "DecryptAggregates",
                    ["kms:Decrypt"],
                    [args.analytics_key_arn],
                    conditions=via("s3", names.region),
                ),
                Statement(
                    "KeepEvidence",
                    ["s3:GetObject", "s3:PutObject"],
                    [pulumi.Output.concat(bucket, f"/{FOLDER}/*")],
                ),
                Statement(
                    "UseGovernanceKey",
                    ["kms:Decrypt", "kms:GenerateDataKey"],
                    [args.governance_key_arn],
                    conditions=via("s3", names.region),
                ),
            ],
            environment={
                "ACCESS_TABLE": args.access_table_name,
                "ANALYTICS_BUCKET": args.analytics_bucket_name,
                "DEPARTMENTS": ",".join(sorted(args.departments)),
                "GOVERNANCE_BUCKET": args.governance_bucket_name,
                "GOVERNANCE_KEY_ARN": args.governance_key_arn,
                "KIT_DEPLOYMENT": f"{names.client}-{names.environment}",
                "KIT_ENVIRONMENT": names.environment,
                "REVIEWS_TABLE": args.reviews_table_name,
            },
            layers=[args.layer_arn],
            memory=args.memory,
            timeout=300,
            reserved_concurrency=1,
        ),
        "cron(30 5 * * ? *)",
    )
