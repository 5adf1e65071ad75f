"""CloudTrail over the account, with data events of the audit bucket and the tables of access and money."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudtrail

from components.base import KitComponent, Names
from components.permissions import Statement
from components.storage import Lifecycle, LockMode, ObjectLock, PrivateBucket, PrivateBucketArgs


@dataclass(frozen=True)
class TrailArgs:
    """Every object read and write in `watched_bucket_arns` and every write to `watched_table_arns` is
    logged; retention in days.
    """

    names: Names
    key_arn: pulumi.Input[str]
    watched_bucket_arns: Sequence[pulumi.Input[str]]
    watched_table_arns: Sequence[pulumi.Input[str]] = ()
    mode: LockMode = "COMPLIANCE"
    retention_days: int = 2557
    data_events: bool = True


class Trail(KitComponent):
    """A CloudTrail trail in a locked bucket of its own (G.3, L1.7).

    Creates: a `PrivateBucket` with Object Lock and a multi-region trail with log file validation.
    Default posture: all management events (KMS calls are among them: every use and change of a key), data
    events of the watched buckets and writes to the watched tables, digests signed by CloudTrail,
    customer-managed key; protected and retained.
    Replaced when changed: client, environment, account, region.
    """

    def __init__(self, name: str, args: TrailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        trail_name = args.names.of("trail")
        trail_arn = args.names.arn("cloudtrail", f"trail/{trail_name}")
        bucket_arn = f"arn:{args.names.partition}:s3:::{args.names.everywhere('trail')}"
        from_trail = {"StringEquals": {"aws:SourceArn": trail_arn}}
        service = {"Service": ["cloudtrail.amazonaws.com"]}
        self.store = PrivateBucket(
            f"{name}-store",
            PrivateBucketArgs(
                names=args.names,
                what="trail",
                key_arn=args.key_arn,
                lock=ObjectLock(args.mode, args.retention_days),
                lifecycle=Lifecycle(infrequent_after_days=30, archive_after_days=90),
                # CloudTrail writes its digests with SSE-S3, whatever the trail's key is.
                encrypted_otherwise=f"AWSLogs/{args.names.account}/CloudTrail-Digest/",
                statements=[
                    Statement(
                        "TrailChecks",
                        ["s3:GetBucketAcl"],
                        [bucket_arn],
                        principals=service,
                        conditions=from_trail,
                    ),
                    Statement(
                        "TrailWrites",
                        ["s3:PutObject"],
                        [f"{bucket_arn}/AWSLogs/{args.names.account}/*"],
                        principals=service,
                        conditions=from_trail,
                    ),
                ],
            ),
            self.child(),
        )
        self.trail = cloudtrail.Trail(
            f"{name}-trail",
            name=trail_name,
            s3_bucket_name=self.store.bucket.id,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            enable_logging=True,
            kms_key_id=args.key_arn,
            advanced_event_selectors=self._selectors(args),
            opts=self.kept(depends_on=[self.store.policy]),
        )
        self.register_outputs({"trailArn": self.trail.arn, "bucketArn": self.store.arn})

    def _selectors(self, args: TrailArgs) -> list[cloudtrail.TrailAdvancedEventSelectorArgsDict]:
        selectors: list[cloudtrail.TrailAdvancedEventSelectorArgsDict] = [
            {"name": "management", "field_selectors": [{"field": "eventCategory", "equals": ["Management"]}]}
        ]
        if args.data_events:
            objects = [pulumi.Output.concat(arn, "/") for arn in args.watched_bucket_arns]
            selectors.append(
                {
                    "name": "objects",
                    "field_selectors": [
                        {"field": "eventCategory", "equals": ["Data"]},
                        {"field": "resources.type", "equals": ["AWS::S3::Object"]},
                        {"field": "resources.ARN", "starts_withs": objects},
                    ],
                }
            )
        if args.data_events and args.watched_table_arns:
            selectors.append(
                {
                    "name": "tables",
                    "field_selectors": [
                        {"field": "eventCategory", "equals": ["Data"]},
                        {"field": "resources.type", "equals": ["AWS::DynamoDB::Table"]},
                        {"field": "readOnly", "equals": ["false"]},
                        {"field": "resources.ARN", "equals": list(args.watched_table_arns)},
                    ],
                }
            )
        return selectors
