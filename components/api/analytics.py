"""Metadata copies of the records, without bodies, for questions over many calls; and the API's access log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import athena, cloudwatch, glue, iam, kinesis

from components.base import KitComponent, Names
from components.foundation.roles import glue_name
from components.permissions import Statement, document, trusted

_GIB = 1024**3
# Name and Glue type of each column of a copy, as `lambdas/common/audit/metadata.py` writes it. What a
# record says beyond these is in `details`, as JSON; bodies are in the bucket of record alone.
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
    ("details", "string"),
)
# Firehose delivers at least once, so every query counts a record id once. A call has one outcome: the sweeper
# may have said `expired` of one that ended after all, or said it twice; what truly came of it counts.
_ONCE = (
    "(SELECT *, row_number() OVER (\n"
    "  PARTITION BY kind, CASE WHEN kind = 'outcome' THEN request_id ELSE record_id END\n"
    "  ORDER BY CASE WHEN result = 'expired' THEN 1 ELSE 0 END, record_id) AS copy\n"
    "FROM records)"
)
_PAID = "kind IN ('outcome', 'batch_results')"
QUERIES: Mapping[str, tuple[str, str]] = {
    "cost-by-department": (
        "Cost and calls a month, by department",
        "SELECT substr(dt, 1, 7) AS month, department, count_if(kind = 'outcome') AS calls,\n"
        "       sum(cost_microusd) / 1e6 AS cost_usd\n"
        f"FROM {_ONCE}\nWHERE copy = 1 AND {_PAID} GROUP BY 1, 2 ORDER BY 1, 4 DESC",
    ),
    "active-people": (
        "People who called at least once a week, by department; groups under five are not shown",
        "SELECT date_trunc('week', date(dt)) AS week, department, count(DISTINCT principal) AS people\n"
        "FROM records WHERE kind = 'outcome' AND principal_kind = 'person' GROUP BY 1, 2\n"
        "HAVING count(DISTINCT principal) >= 5 ORDER BY 1, 2",
    ),
    "use-cases": (
        "Use cases and prompts by calls and cost",
        "SELECT department, use_case, prompt, prompt_version, model, count_if(kind = 'outcome') AS calls,\n"
        "       sum(cost_microusd) / 1e6 AS cost_usd\n"
        f"FROM {_ONCE}\nWHERE copy = 1 AND {_PAID} GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC",
    ),
    "refusals": (
        "Requests that inspection blocked, by day and reason",
        "SELECT dt, department, reason, count(*) AS requests\n"
        f"FROM {_ONCE}\nWHERE copy = 1 AND kind = 'refusal' GROUP BY 1, 2, 3 ORDER BY 1 DESC, 4 DESC",
    ),
    "failures": (
        "Calls that ended otherwise than completed, by day, provider and reason",
        "SELECT dt, provider, result, status, reason, count(*) AS calls\n"
        f"FROM {_ONCE}\nWHERE copy = 1 AND kind = 'outcome' AND result <> 'completed'\n"
        "GROUP BY 1, 2, 3, 4, 5 ORDER BY 1 DESC, 6 DESC",
    ),
    "material-decisions": (
        "Calls whose answers were used for a material decision, and who said so",
        "SELECT dt, department, request_id, principal\n"
        f"FROM {_ONCE}\nWHERE copy = 1 AND kind = 'use' AND material_decision ORDER BY dt DESC",
    ),
}


@dataclass(frozen=True)
class AnalyticsArgs:
    """Buckets and keys of the foundation; `scan_limit_gib` stops a query before it becomes dear."""

    names: Names
    boundary_arn: pulumi.Input[str]
    analytics_bucket_name: pulumi.Input[str]
    analytics_bucket_arn: pulumi.Input[str]
    access_logs_bucket_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]
    log_retention_days: int
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
        self.stream = self._stream(
            name, "records", args.names.of("records"), args.analytics_bucket_arn, "records"
        )
        # API Gateway takes only streams whose name starts so.
        self.access_log = self._stream(
            name,
            "access-log",
            f"amazon-apigateway-{args.names.of('access')}",
            args.access_logs_bucket_arn,
            "api",
        )
        self._catalog(name)
        self._workgroup(name)
        self.register_outputs({"streamName": self.stream.name, "accessLogArn": self.access_log.arn})

    def _stream(
        self, name: str, what: str, physical: str, bucket_arn: pulumi.Input[str], prefix: str
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
        # With a bucket key the encryption context is the bucket's ARN, so the key is narrowed by the
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
                        conditions={"StringEquals": {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}},
                    ),
                    Statement("LogErrors", ["logs:PutLogEvents"], [self.errors.arn.apply("{}:*".format)]),
                ]
            ),
            opts=self.child(),
        )
        return kinesis.FirehoseDeliveryStream(
            f"{name}-{what}",
            name=physical,
            destination="extended_s3",
            extended_s3_configuration={
                "role_arn": role.arn,
                "bucket_arn": bucket_arn,
                "prefix": f"{prefix}/dt=!{{timestamp:yyyy-MM-dd}}/",
                "error_output_prefix": (
                    f"{prefix}/failed/!{{firehose:error-output-type}}/dt=!{{timestamp:yyyy-MM-dd}}/"
                ),
                "buffering_size": 16,
                "buffering_interval": 60,
                "compression_format": "GZIP",
                "kms_key_arn": key,
                "cloudwatch_logging_options": {
                    "enabled": True,
                    "log_group_name": self.errors.name,
                    "log_stream_name": log_stream.name,
                },
            },
            server_side_encryption={"enabled": True, "key_type": "CUSTOMER_MANAGED_CMK", "key_arn": key},
            opts=self.child(depends_on=[permissions]),
        )

    def _catalog(self, name: str) -> None:
        location = pulumi.Output.concat("s3://", self._args.analytics_bucket_name, "/records/")
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
                "classification": "json",
                "projection.enabled": "true",
                "projection.dt.type": "date",
                "projection.dt.format": "yyyy-MM-dd",
                "projection.dt.range": "2026-01-01,NOW",
                "storage.location.template": pulumi.Output.concat(location, "dt=${dt}/"),
            },
            partition_keys=[{"name": "dt", "type": "string"}],
            storage_descriptor={
                "location": location,
                "input_format": "org.apache.hadoop.mapred.TextInputFormat",
                "output_format": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "ser_de_info": {"serialization_library": "org.openx.data.jsonserde.JsonSerDe"},
                "columns": [{"name": column, "type": kind} for column, kind in COLUMNS],
            },
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
