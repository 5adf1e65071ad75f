"""The bucket of record: objects cannot be changed or deleted before their retention ends."""

from dataclasses import dataclass, replace

import pulumi
from pulumi_aws import iam, kms, s3

from components.base import KitComponent, Names, refuse
from components.foundation.keys import Purpose, key_statements
from components.permissions import Statement, document, trusted, via
from components.storage import (
    Lifecycle,
    LockMode,
    ObjectLock,
    PrivateBucket,
    PrivateBucketArgs,
    TaggedExpiry,
)

RECORD_LOCK_DAYS = 30  # lock of a record until its segment is sealed, which happens within hours
CONTAINED = ("kit-contained", "sealed")  # the notary's tag on a record that a sealed segment contains
SEALED = ("manifests/", "segments/")


@dataclass(frozen=True)
class AuditStoreArgs:
    """`retention_days` applies to sealed segments and manifests. GOVERNANCE mode, which a privileged
    principal can bypass, is for named non-production environments only.
    """

    names: Names
    key_arn: pulumi.Input[str]
    boundary_arn: pulumi.Input[str]
    production: bool
    mode: LockMode = "COMPLIANCE"
    retention_days: int = 2557  # seven years
    infrequent_after_days: int = 90
    archive_after_days: int = 365
    replica_region: str | None = None


class AuditStore(KitComponent):
    """The Object-Lock bucket of the audit records, segments and manifests, and its replica (L2.5, G.3).

    Creates: a `PrivateBucket` with Object Lock; with `replica_region` also a key and a second locked bucket
    there, a replication role and the replication rule.
    Default posture: COMPLIANCE, 30 days for a record, seven years for the segments and manifests that seal
    it; a record goes once it is tagged as contained in a sealed segment, and only then; only what is sealed
    is replicated, in a storage class that bills true sizes; versioned, customer-managed key named by every
    put, TLS 1.2 or newer; deletion, shortening a retention and bypassing governance are denied to everybody
    by the bucket policy (in non-production GOVERNANCE the bypass stays possible, so that a test account can
    be cleared). Segments grow colder, none expires. Protected and retained.
    Replaced when changed: client, environment, account, region. The mode and the days change in place and
    hold for objects written afterwards.
    """

    def __init__(self, name: str, args: AuditStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        lasting = args.mode == "COMPLIANCE" and args.retention_days >= 365
        refuse(
            f"AuditStore {name}",
            [
                (
                    lasting or not args.production,
                    f"{args.mode} for {args.retention_days} days is not for production: "
                    "COMPLIANCE for 365 days or more, or a named non-production environment",
                ),
                (
                    args.replica_region != args.names.region,
                    f"replica_region: {args.replica_region} is the stack's own",
                ),
            ],
        )
        super().__init__(name, opts)
        self.store = PrivateBucket(f"{name}-store", self._bucket_args(args), self.child())
        self.bucket = self.store.bucket
        self.bucket_name = self.store.bucket.id
        self.bucket_arn = self.store.arn
        self.replica = self._replicate(name, args, args.replica_region) if args.replica_region else None
        self.register_outputs(
            {
                "bucketName": self.bucket_name,
                "bucketArn": self.bucket_arn,
                "replicaArn": self.replica.arn if self.replica else None,
            }
        )

    def _bucket_args(self, args: AuditStoreArgs) -> PrivateBucketArgs:
        return PrivateBucketArgs(
            names=args.names,
            what="audit",
            key_arn=args.key_arn,
            lock=ObjectLock(args.mode, min(RECORD_LOCK_DAYS, args.retention_days)),
            lifecycle=Lifecycle(
                infrequent_after_days=args.infrequent_after_days,
                archive_after_days=args.archive_after_days,
                tagged=[TaggedExpiry("contained", "records/", CONTAINED, RECORD_LOCK_DAYS + 1)],
            ),
            statements=evidence_statements(args),
            demand_key=True,
        )

    def _replicate(self, name: str, args: AuditStoreArgs, region: str) -> PrivateBucket:
        key = self._replica_key(name, args, region)
        replica_args = replace(
            self._bucket_args(args),
            key_arn=key.arn,
            region=region,
            lock=ObjectLock(args.mode, args.retention_days),
            lifecycle=Lifecycle(
                infrequent_after_days=args.infrequent_after_days, archive_after_days=args.archive_after_days
            ),
            statements=evidence_statements(replace(args, names=replace(args.names, region=region))),
        )
        replica = PrivateBucket(f"{name}-replica", replica_args, self.child())
        role = iam.Role(
            f"{name}-replication-role",
            name=args.names.of("audit-replication"),
            description="Copies audit records to the second region",
            assume_role_policy=trusted("s3.amazonaws.com"),
            permissions_boundary=args.boundary_arn,
            opts=self.child(),
        )
        permissions = iam.RolePolicy(
            f"{name}-replication-permissions",
            role=role.name,
            policy=document(self._replication_statements(args, replica, key)),
            opts=self.child(),
        )
        s3.BucketReplicationConfig(
            f"{name}-replication",
            bucket=self.bucket.id,
            role=role.arn,
            rules=[
                {
                    "id": prefix.removesuffix("/"),
                    "status": "Enabled",
                    "priority": priority,
                    "filter": {"prefix": prefix},
                    "delete_marker_replication": {"status": "Disabled"},
                    "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
                    "destination": {
                        "bucket": replica.arn,
                        # Bills actual sizes: STANDARD_IA bills at least 128 KB per object.
                        "storage_class": "INTELLIGENT_TIERING",
                        "encryption_configuration": {"replica_kms_key_id": key.arn},
                        "metrics": {"status": "Enabled", "event_threshold": {"minutes": 15}},
                        "replication_time": {"status": "Enabled", "time": {"minutes": 15}},
                    },
                }
                for priority, prefix in enumerate(SEALED, 1)
            ],
            opts=self.kept(depends_on=[permissions, self.store.versioning, replica.versioning]),
        )
        return replica

    def _replica_key(self, name: str, args: AuditStoreArgs, region: str) -> kms.Key:
        purpose = Purpose("Replica of audit records and manifests", via="s3", evidence=True)
        return kms.Key(
            f"{name}-replica-key",
            description=f"{args.names.of('audit-replica')}: {purpose.description}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=document(key_statements(purpose, replace(args.names, region=region))),
            region=region,
            opts=self.kept(),
        )

    def _replication_statements(
        self, args: AuditStoreArgs, replica: PrivateBucket, replica_key: kms.Key
    ) -> list[Statement]:
        return [
            Statement(
                "ReadConfiguration", ["s3:GetReplicationConfiguration", "s3:ListBucket"], [self.bucket_arn]
            ),
            Statement(
                "ReadVersions",
                [
                    "s3:GetObjectLegalHold",
                    "s3:GetObjectRetention",
                    "s3:GetObjectVersionAcl",
                    "s3:GetObjectVersionForReplication",
                    "s3:GetObjectVersionTagging",
                ],
                [self.bucket_arn.apply("{}/*".format)],
            ),
            Statement(
                "WriteReplicas",
                ["s3:ReplicateObject", "s3:ReplicateTags"],
                [replica.arn.apply("{}/*".format)],
            ),
            Statement(
                "DecryptSource", ["kms:Decrypt"], [args.key_arn], conditions=via("s3", args.names.region)
            ),
            Statement(
                "EncryptReplica",
                ["kms:Encrypt", "kms:GenerateDataKey"],
                [replica_key.arn],
                conditions=via("s3", str(args.replica_region)),
            ),
        ]


def evidence_statements(args: AuditStoreArgs) -> list[Statement]:
    """Return what is denied to every principal on the bucket of record, whatever IAM allows."""
    bucket = f"arn:{args.names.partition}:s3:::{args.names.everywhere('audit')}"
    objects = f"{bucket}/*"

    def deny(
        sid: str, actions: list[str], resource: str, conditions: dict[str, dict[str, str]] | None = None
    ) -> Statement:
        return Statement(sid, actions, [resource], effect="Deny", principals="*", conditions=conditions or {})

    shorter = {"NumericLessThan": {"s3:object-lock-remaining-retention-days": str(args.retention_days)}}
    statements = [
        deny("DenyShortening", ["s3:PutObjectRetention"], objects, shorter),
        *(
            deny(
                f"DenyShort{prefix.title().removesuffix('/')}",
                ["s3:PutObject"],
                f"{bucket}/{prefix}*",
                shorter,
            )
            for prefix in SEALED
        ),
        deny("DenyBucketDeletion", ["s3:DeleteBucket"], bucket),
    ]
    if args.mode == "COMPLIANCE":
        statements += [
            deny("DenyDeletion", ["s3:DeleteObject", "s3:DeleteObjectVersion"], objects),
            deny("DenyBypass", ["s3:BypassGovernanceRetention"], objects),
        ]
    else:
        statements.append(deny("DenyDeletion", ["s3:DeleteObject"], objects))
    return statements
