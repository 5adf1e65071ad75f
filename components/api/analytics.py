"""Metadata copies of the records, without bodies, for analytics; and the API's access log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import athena, cloudwatch, glue, iam, kinesis

from components.base import KitComponent, Names
from components.foundation.roles import glue_name
from components.permissions import Statement, document, trusted, via
from lambdas.measurement.queries import PARQUET_PREFIX, last_days, once

_GIB = 1024**3
# Name and Glue type of each column of a copy, as `lambdas/common/audit/metadata.py` writes it. All other
# fields of a record are in `details` as JSON; bodies are only in the bucket of record.
COLUMNS: Sequence[tuple[str, str]] = (
    ("record_id", "string"),
    ("kind", "string"),
    ("at", "string"),
    ("writer", "string"),
    ("request_id", "string"),
    ("call", "string"),
    ("principal", "string"),
    ("principal_kind", "string"),
    ("department", "string"),
    ("use_case", "string"),
    ("prompt", "string"),
    ("prompt_version", "int"),
    ("data_class", "string"),
    ("requires_review", "boolean"),
    ("alias", "string"),
    ("model", "string"),
    ("stream", "boolean"),
    ("provider", "string"),
    ("result", "string"),
    ("status", "int"),
    ("reason", "string"),
    ("stop_reason", "string"),
    ("upstream_request_id", "string"),
    ("attempts", "int"),
    ("input_tokens", "bigint"),
    ("output_tokens", "bigint"),
    ("cache_read_input_tokens", "bigint"),
    ("cache_creation_input_tokens", "bigint"),
    ("reserved_microusd", "bigint"),
    ("cost_microusd", "bigint"),
    ("cost_estimated", "boolean"),
    ("material_decision", "boolean"),
    ("batch_id", "string"),
    ("decisions", "string"),
    ("answer_filter", "string"),
    ("useful", "boolean"),
    ("minutes_saved", "bigint"),
    ("edited", "boolean"),
    ("rejected", "boolean"),
    ("decision", "string"),
    ("trainer", "string"),
    ("booked_month", "string"),
    ("after_line", "bigint"),
    ("synthetic", "boolean"),
    ("details", "string"),
)
_JSON_LINES: Mapping[str, Any] = {
    "buffering_size": 16,
    "buffering_interval": 60,
    "compression_format": "GZIP",
}
_JSON_FORMAT: Mapping[str, Any] = {
    "input_format": "org.apache.hadoop.mapred.TextInputFormat",
    "output_format": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "ser_de_info": {"serialization_library": "org.openx.data.jsonserde.JsonSerDe"},
}
_PARQUET_FORMAT: Mapping[str, Any] = {
    "input_format": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "output_format": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "ser_de_info": {"serialization_library": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
_PAID = "kind IN ('outcome', 'batch_results')"
_OF_A_YEAR, _OF_A_QUARTER, _OF_A_MONTH = (once(last_days(days)) for days in (366, 92, 31))
# Each query reads only the partitions of its period; change the number of days for another one.
QUERIES: Mapping[str, tuple[str, str]] = {
    "cost-by-department": (
        "Cost and calls by month of the last year, by department",
        "SELECT substr(dt, 1, 7) AS month, department,\n"
        "       sum(CASE WHEN kind = 'outcome' THEN 1 ELSE 0 END) AS calls,\n"
        "       CAST(sum(cost_microusd) AS double) / 1000000 AS cost_usd\n"
        f"FROM {_OF_A_YEAR}\nWHERE copy = 1 AND {_PAID}\n"
        "GROUP BY substr(dt, 1, 7), department ORDER BY 1, 4 DESC NULLS LAST",
    ),
    "active-people": (
        "People who called by week of the last quarter, by department; groups under five are not shown",
        "SELECT date_trunc('week', CAST(dt AS date)) AS week, department,\n"
        "       count(DISTINCT principal) AS people\n"
        f"FROM records WHERE {last_days(92)} AND kind = 'outcome' AND principal_kind = 'person'\n"
        "GROUP BY date_trunc('week', CAST(dt AS date)), department\n"
        "HAVING count(DISTINCT principal) >= 5 ORDER BY 1, 2 NULLS LAST",
    ),
    "use-cases": (
        "Use cases and prompts of the last quarter by calls and cost",
        "SELECT department, use_case, prompt, prompt_version, model,\n"
        "       sum(CASE WHEN kind = 'outcome' THEN 1 ELSE 0 END) AS calls,\n"
        "       CAST(sum(cost_microusd) AS double) / 1000000 AS cost_usd\n"
        f"FROM {_OF_A_QUARTER}\nWHERE copy = 1 AND {_PAID}\n"
        "GROUP BY department, use_case, prompt, prompt_version, model ORDER BY 6 DESC NULLS LAST",
    ),
    "refusals": (
        "Requests of the last month that inspection blocked, by day and reason",
        "SELECT dt, department, reason, count(*) AS requests\n"
        f"FROM {_OF_A_MONTH}\nWHERE copy = 1 AND kind = 'refusal'\n"
        "GROUP BY dt, department, reason ORDER BY 1 DESC, 4 DESC",
    ),
    "failures": (
        "Calls of the last month that ended otherwise than completed, by day, provider and reason",
        "SELECT dt, provider, result, status, reason, count(*) AS calls\n"
        f"FROM {_OF_A_MONTH}\nWHERE copy = 1 AND kind = 'outcome' AND result <> 'completed'\n"
        "GROUP BY dt, provider, result, status, reason ORDER BY 1 DESC, 6 DESC",
    ),
    "material-decisions": (
        "Calls of the last quarter whose answers were used for a material decision, and who said so",
        "SELECT dt, department, request_id, principal\n"
        f"FROM {_OF_A_QUARTER}\nWHERE copy = 1 AND kind = 'use' AND material_decision ORDER BY dt DESC",
    ),
}


@dataclass(frozen=True)
class AnalyticsArgs:
    """Buckets and keys of the foundation. `parquet`: deliver copies as Parquet for Athena, instead of JSON
    lines for the hourly function. `scan_limit_gib` caps the data a query may scan.
    """

    names: Names
    boundary_arn: pulumi.Input[str]
    analytics_bucket_name: pulumi.Input[str]
    analytics_bucket_arn: pulumi.Input[str]
    access_logs_bucket_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]
    log_retention_days: int
    parquet: bool
    scan_limit_gib: int = 10


class Analytics(KitComponent):
    """Delivery of metadata and access logs, and the tables to query them (L1.4, L5.1, L5.4).

    Creates: two Firehose streams (metadata to the analytics bucket, the API's access log to the access-logs
    bucket) with one role each and their log group, a Glue database with table `records` (partitions
    projected by day, so that nothing has to be crawled), an Athena workgroup with a scan limit and managed,
    encrypted results, and named queries.
    Default posture: customer-managed key on streams, objects and results; each role writes under its own
    prefix only. The metadata stream is a copy: the gateway does not wait for it, and the bucket of record
    is the evidence. The access log is written by API Gateway, not by the gateway, so that it can be held
    against the records.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: AnalyticsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.errors = cloudwatch.LogGroup(
            f"{name}-delivery-logs",
            name=f"/aws/kinesisfirehose/{args.names.of('delivery')}",
            retention_in_days=args.log_retention_days,
            kms_key_id=args.logs_key_arn,
            opts=self.child(),
        )
        self._catalog(name)
        prefix = PARQUET_PREFIX if args.parquet else "records"
        self.stream = self._stream(
            name, "records", args.names.of("records"), args.analytics_bucket_arn, prefix, parquet=args.parquet
        )
        # API Gateway accepts only streams with this name prefix.
        self.access_log = self._stream(
            name,
            "access-log",
            f"amazon-apigateway-{args.names.of('access')}",
            args.access_logs_bucket_arn,
            "api",
        )
        self._workgroup(name)
        self.register_outputs({"streamName": self.stream.name, "accessLogArn": self.access_log.arn})

    def _stream(
        self,
        name: str,
        what: str,
        physical: str,
        bucket_arn: pulumi.Input[str],
        prefix: str,
        *,
        parquet: bool = False,
    ) -> kinesis.FirehoseDeliveryStream:
        names, key = self._args.names, self._args.key_arn
        log_stream = cloudwatch.LogStream(
            f"{name}-{what}-log", name=what, log_group_name=self.errors.name, opts=self.child()
        )
        role = iam.Role(
            f"{name}-{what}-role",
            name=names.of(f"{what}-delivery"),
            description=f"Delivers {what} to their bucket",
            assume_role_policy=trusted(
                "firehose.amazonaws.com", {"StringEquals": {"aws:SourceAccount": names.account}}
            ),
            permissions_boundary=self._args.boundary_arn,
            opts=self.child(),
        )
        # With a bucket key, the encryption context is the bucket's ARN, so the permission is restricted by
        # service alone.
        permissions = iam.RolePolicy(
            f"{name}-{what}-permissions",
            name="permissions",
            role=role.name,
            policy=document(
                [
                    Statement("Locate", ["s3:GetBucketLocation", "s3:ListBucket"], [bucket_arn]),
                    Statement(
                        "Deliver", ["s3:PutObject"], [pulumi.Output.concat(bucket_arn, f"/{prefix}/*")]
                    ),
                    Statement(
                        "Encrypt",
                        ["kms:Decrypt", "kms:GenerateDataKey"],
                        [key],
                        conditions=via("s3", names.region),
                    ),
                    *(self._read_schema() if parquet else ()),
                    Statement("LogErrors", ["logs:PutLogEvents"], [self.errors.arn.apply("{}:*".format)]),
                ]
            ),
            opts=self.child(),
        )
        return kinesis.FirehoseDeliveryStream(
            f"{name}-{what}",
            name=physical,
            destination="extended_s3",
            extended_s3_configuration=kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs(
                role_arn=role.arn,
                bucket_arn=bucket_arn,
                prefix=f"{prefix}/dt=!{{timestamp:yyyy-MM-dd}}/",
                error_output_prefix=(
                    f"{prefix}/failed/!{{firehose:error-output-type}}/dt=!{{timestamp:yyyy-MM-dd}}/"
                ),
                kms_key_arn=key,
                cloudwatch_logging_options=(
                    kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationCloudwatchLoggingOptionsArgs(
                        enabled=True, log_group_name=self.errors.name, log_stream_name=log_stream.name
                    )
                ),
                **(self._as_parquet(role.arn) if parquet else _JSON_LINES),
            ),
            server_side_encryption={"enabled": True, "key_type": "CUSTOMER_MANAGED_CMK", "key_arn": key},
            opts=self.child(depends_on=[permissions]),
        )

    def _read_schema(self) -> tuple[Statement, ...]:
        names, database = self._args.names, glue_name(self._args.names)
        tables = [
            names.arn("glue", "catalog"),
            names.arn("glue", f"database/{database}"),
            names.arn("glue", f"table/{database}/records"),
        ]
        return (
            Statement(
                "ReadSchema", ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"], tables
            ),
        )

    def _as_parquet(self, role_arn: pulumi.Input[str]) -> dict[str, Any]:
        """Return the Parquet settings: files of up to 128 MB, at most 15 minutes apart, so that there are
        few to read.
        """
        return {
            "buffering_size": 128,
            "buffering_interval": 900,
            "compression_format": "UNCOMPRESSED",  # Parquet compresses by itself
            "data_format_conversion_configuration": {
                "enabled": True,
                "input_format_configuration": {"deserializer": {"open_x_json_ser_de": {}}},
                "output_format_configuration": {"serializer": {"parquet_ser_de": {"compression": "SNAPPY"}}},
                "schema_configuration": {
                    "database_name": self.database.name,
                    "table_name": self.table.name,
                    "role_arn": role_arn,
                    "region": self._args.names.region,
                },
            },
        }

    def _catalog(self, name: str) -> None:
        parquet = self._args.parquet
        prefix = PARQUET_PREFIX if parquet else "records"
        location = pulumi.Output.concat("s3://", self._args.analytics_bucket_name, f"/{prefix}/")
        self.database = glue.CatalogDatabase(
            f"{name}-database",
            name=glue_name(self._args.names),
            description="Metadata of calls to Claude, without bodies",
            opts=self.child(),
        )
        self.table = glue.CatalogTable(
            f"{name}-table",
            name="records",
            database_name=self.database.name,
            table_type="EXTERNAL_TABLE",
            parameters={
                "classification": "parquet" if parquet else "json",
                "projection.enabled": "true",
                "projection.dt.type": "date",
                "projection.dt.format": "yyyy-MM-dd",
                "projection.dt.range": "2026-01-01,NOW",
                "storage.location.template": pulumi.Output.concat(location, "dt=${dt}/"),
            },
            partition_keys=[{"name": "dt", "type": "string"}],
            storage_descriptor=glue.CatalogTableStorageDescriptorArgs(
                location=location,
                columns=[
                    glue.CatalogTableStorageDescriptorColumnArgs(name=column, type=kind)
                    for column, kind in COLUMNS
                ],
                **(_PARQUET_FORMAT if parquet else _JSON_FORMAT),
            ),
            opts=self.child(),
        )

    def _workgroup(self, name: str) -> None:
        args = self._args
        self.workgroup = athena.Workgroup(
            f"{name}-workgroup",
            name=args.names.of("analytics"),
            description="Questions over the metadata of calls",
            configuration={
                "enforce_workgroup_configuration": True,
                "publish_cloudwatch_metrics_enabled": True,
                "bytes_scanned_cutoff_per_query": args.scan_limit_gib * _GIB,
                "managed_query_results_configuration": {
                    "enabled": True,
                    "encryption_configuration": {"kms_key": args.key_arn},
                },
            },
            opts=self.child(),
        )
        for label, (description, query) in QUERIES.items():
            athena.NamedQuery(
                f"{name}-query-{label}",
                name=label,
                description=description,
                workgroup=self.workgroup.name,
                database=self.database.name,
                query=query,
                opts=self.child(),
            )
