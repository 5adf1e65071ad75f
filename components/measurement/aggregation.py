"""The function that measures: hourly aggregates of the metadata copies, and the metrics of the dashboards."""

from dataclasses import dataclass

import pulumi

from components.api.scheduled import ScheduleArgs
from components.functions import FunctionArgs, Surroundings
from components.permissions import Statement


@dataclass(frozen=True)
class AggregationArgs:
    """The analytics bucket and its key; memory in MB."""

    surroundings: Surroundings
    analytics_bucket_name: pulumi.Input[str]
    analytics_bucket_arn: pulumi.Input[str]
    analytics_key_arn: pulumi.Input[str]
    layer_arn: pulumi.Input[str]
    memory: int


def aggregation(args: AggregationArgs) -> ScheduleArgs:
    """What `ScheduledFunction` needs for it: twenty past each hour (L5.1-L5.4).

    It may read metadata copies, read and write aggregates, both in the analytics bucket, and nothing else.
    """
    names, bucket = args.surroundings.names, args.analytics_bucket_arn
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}}
    return ScheduleArgs(
        FunctionArgs(
            surroundings=args.surroundings,
            what="measurement",
            description="Aggregates yesterday's and today's use of Claude",
            packages=["common", "measurement"],
            handler="lambdas.measurement.handler.handler",
            statements=[
                Statement(
                    "ListRows",
                    ["s3:ListBucket"],
                    [bucket],
                    conditions={"StringLike": {"s3:prefix": ["aggregates/*", "records/*"]}},
                ),
                Statement("ReadRows", ["s3:GetObject"], [pulumi.Output.concat(bucket, "/records/*")]),
                Statement(
                    "KeepAggregates",
                    ["s3:GetObject", "s3:PutObject"],
                    [pulumi.Output.concat(bucket, "/aggregates/*")],
                ),
                Statement(
                    "UseAnalyticsKey",
                    ["kms:Decrypt", "kms:GenerateDataKey"],
                    [args.analytics_key_arn],
                    conditions=through_s3,
                ),
            ],
            environment={
                "ANALYTICS_BUCKET": args.analytics_bucket_name,
                "KIT_DEPLOYMENT": f"{names.client}-{names.environment}",
                "KIT_ENVIRONMENT": names.environment,
            },
            layers=[args.layer_arn],
            memory=args.memory,
            timeout=900,
            reserved_concurrency=1,
        ),
        "cron(20 * * * ? *)",
    )
