"""The measuring function: hourly aggregates of the metadata copies, and the dashboards' metrics."""

from dataclasses import dataclass

import pulumi

from components.api.scheduled import ScheduleArgs
from components.base import Names
from components.foundation.roles import glue_name
from components.functions import FunctionArgs, FunctionContext
from components.permissions import Statement, via
from lambdas.measurement.queries import PARQUET_PREFIX


@dataclass(frozen=True)
class AthenaArgs:
    """Names of the Athena workgroup and of the Glue database with the table `records`."""

    workgroup: pulumi.Input[str]
    database: pulumi.Input[str]


@dataclass(frozen=True)
class AggregationArgs:
    """The analytics bucket and its key; memory in MB. `athena`: copies are Parquet and queried by Athena."""

    context: FunctionContext
    analytics_bucket_name: pulumi.Input[str]
    analytics_bucket_arn: pulumi.Input[str]
    analytics_key_arn: pulumi.Input[str]
    athena: AthenaArgs | None
    layer_arn: pulumi.Input[str]
    memory: int


def aggregation(args: AggregationArgs) -> ScheduleArgs:
    """Return the schedule of the aggregation: 20 minutes past each hour (L5.1-L5.4).

    It may read metadata copies and read and write aggregates, all in the analytics bucket.
    """
    names, bucket, athena = args.context.names, args.analytics_bucket_arn, args.athena
    parquet = [f"{PARQUET_PREFIX}/*"] if athena else []
    return ScheduleArgs(
        FunctionArgs(
            context=args.context,
            what="measurement",
            description="Aggregates yesterday's and today's use of Claude",
            packages=["common", "measurement"],
            handler="lambdas.measurement.handler.handler",
            statements=[
                Statement(
                    "ListRows",
                    ["s3:ListBucket"],
                    [bucket],
                    conditions={"StringLike": {"s3:prefix": ["aggregates/*", "records/*", *parquet]}},
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
                    conditions=via("s3", names.region),
                ),
                *(_ask(names, bucket, args.analytics_key_arn) if athena else ()),
            ],
            environment={
                "ANALYTICS_BUCKET": args.analytics_bucket_name,
                "KIT_DEPLOYMENT": f"{names.client}-{names.environment}",
                "KIT_ENVIRONMENT": names.environment,
                **(
                    {"ATHENA_WORKGROUP": athena.workgroup, "ATHENA_DATABASE": athena.database}
                    if athena
                    else {}
                ),
            },
            layers=[args.layer_arn],
            memory=args.memory,
            timeout=900,
            reserved_concurrency=1,
        ),
        "cron(20 * * * ? *)",
    )


def _ask(names: Names, bucket: pulumi.Input[str], key: pulumi.Input[str]) -> list[Statement]:
    """Return the permissions to query the table: Athena reads catalog and rows as the caller."""
    database = glue_name(names)
    catalog = [names.arn("glue", "catalog"), names.arn("glue", f"database/{database}")]
    return [
        Statement(
            "Ask",
            [
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ],
            [names.arn("athena", f"workgroup/{names.of('analytics')}")],
        ),
        Statement("ReadDatabase", ["glue:GetDatabase"], catalog),
        Statement(
            "ReadTable",
            ["glue:GetPartitions", "glue:GetTable"],
            [*catalog, names.arn("glue", f"table/{database}/records")],
        ),
        Statement(
            "ReadParquet",
            ["s3:GetObject"],
            [pulumi.Output.concat(bucket, f"/{PARQUET_PREFIX}/*")],
        ),
        Statement("LocateRows", ["s3:GetBucketLocation"], [bucket]),
        Statement(
            "UseResults",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [key],
            conditions=via("athena", names.region),
        ),
    ]
