"""A bucket that is private in every respect; other components add what is special about theirs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pulumi
from pulumi_aws import s3

from components.base import KitComponent, Names, refuse
from components.permissions import Statement, document

LockMode = Literal["COMPLIANCE", "GOVERNANCE"]


@dataclass(frozen=True)
class ObjectLock:
    """Default retention of a locked bucket. Nobody, root included, can shorten COMPLIANCE."""

    mode: LockMode
    days: int


@dataclass(frozen=True)
class Lifecycle:
    """When objects move to a colder storage class and when they expire, in days after creation; 0 means
    never.
    """

    infrequent_after_days: int = 0
    archive_after_days: int = (
        0  # Glacier Instant Retrieval: reads take milliseconds, so an investigation need not wait
    )
    expire_after_days: int = 0
    expire_noncurrent_after_days: int = 0
    tagged: Sequence["TaggedExpiry"] = ()


@dataclass(frozen=True)
class TaggedExpiry:
    """Objects under a prefix that have a tag expire `days` after creation, including versions and delete
    markers.

    Untagged objects never expire.
    """

    name: str
    prefix: str
    tag: tuple[str, str]
    days: int


@dataclass(frozen=True)
class PrivateBucketArgs:
    """Arguments of a private bucket: the last part of its name, its key, and what is special about it."""

    names: Names
    what: str
    key_arn: pulumi.Input[str]
    lifecycle: Lifecycle = Lifecycle()
    lock: ObjectLock | None = None
    statements: Sequence[Statement] = ()
    demand_key: bool = False  # every put must name the key itself
    encrypted_otherwise: str = ""  # prefix under which AWS itself writes with a different encryption
    region: str | None = None  # a region other than the stack's, for a replica


class PrivateBucket(KitComponent):
    """One bucket without a way in from outside (L1.7).

    Creates: the bucket, versioning, encryption with the given customer-managed key, a public-access block,
    owner enforcement, an optional Object Lock, a lifecycle, and a policy that denies plain HTTP, TLS below
    1.2 and puts under another key.
    Default posture: private, versioned, encrypted, TLS 1.2 or newer, protected and retained.
    Replaced when changed: the name (client, environment, account, region) and whether there is an Object
    Lock.
    """

    def __init__(
        self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        lock_days = args.lock.days if args.lock else 1
        cold, archive, gone = (
            args.lifecycle.infrequent_after_days,
            args.lifecycle.archive_after_days,
            args.lifecycle.expire_after_days,
        )
        refuse(
            f"PrivateBucket {name}",
            [
                (lock_days > 0, f"lock.days: {lock_days} is not a day or more"),
                (
                    not (args.lock and gone) or gone >= lock_days,
                    f"lifecycle.expire_after_days: {gone} is before the lock ends ({lock_days} days)",
                ),
                (
                    not cold or cold >= 30,
                    f"lifecycle.infrequent_after_days: {cold} is under the 30 days S3 demands",
                ),
                (
                    not archive or archive >= cold + 30,
                    f"lifecycle.archive_after_days: {archive} is under {cold + 30}",
                ),
                (
                    not gone or gone > max(cold, archive),
                    f"lifecycle.expire_after_days: {gone} is before the archive",
                ),
            ],
        )
        super().__init__(name, opts)
        self._region = args.region
        names = replace(args.names, region=args.region) if args.region else args.names
        self.name = names.everywhere(args.what)
        self.bucket = s3.Bucket(
            f"{name}-bucket",
            bucket=self.name,
            object_lock_enabled=args.lock is not None,
            region=args.region,
            opts=self.kept(),
        )
        self.arn = self.bucket.arn
        self._close_to_the_public(name)
        self.versioning = s3.BucketVersioning(
            f"{name}-versioning",
            bucket=self.bucket.id,
            versioning_configuration={"status": "Enabled"},
            region=args.region,
            opts=self.kept(),
        )
        self._encrypt(name, args.key_arn)
        self.lock = self._lock(name, args.lock) if args.lock else None
        self._grow_cold(name, args.lifecycle)
        self.policy = self._policy(name, args)
        self.register_outputs({"bucket": self.bucket.id, "arn": self.arn})

    def _close_to_the_public(self, name: str) -> None:
        self.public_access = s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=self.bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            region=self._region,
            opts=self.kept(),
        )
        s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=self.bucket.id,
            rule={"object_ownership": "BucketOwnerEnforced"},
            region=self._region,
            opts=self.child(depends_on=[self.public_access]),
        )

    def _encrypt(self, name: str, key_arn: pulumi.Input[str]) -> None:
        self.encryption = s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=self.bucket.id,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": key_arn,
                    },
                    "bucket_key_enabled": True,
                }
            ],
            region=self._region,
            opts=self.kept(),
        )

    def _lock(self, name: str, lock: ObjectLock) -> s3.BucketObjectLockConfiguration:
        return s3.BucketObjectLockConfiguration(
            f"{name}-lock",
            bucket=self.bucket.id,
            rule={"default_retention": {"mode": lock.mode, "days": lock.days}},
            region=self._region,
            opts=self.kept(depends_on=[self.versioning]),
        )

    def _grow_cold(self, name: str, lifecycle: Lifecycle) -> None:
        rule: s3.BucketLifecycleConfigurationRuleArgsDict = {
            "id": "age",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
        }
        steps = [
            (lifecycle.infrequent_after_days, "STANDARD_IA"),
            (lifecycle.archive_after_days, "GLACIER_IR"),
        ]
        if any(days for days, _ in steps):
            rule["transitions"] = [{"days": days, "storage_class": colder} for days, colder in steps if days]
        if lifecycle.expire_after_days:
            rule["expiration"] = {"days": lifecycle.expire_after_days}
        if lifecycle.expire_noncurrent_after_days:
            rule["noncurrent_version_expiration"] = {
                "noncurrent_days": lifecycle.expire_noncurrent_after_days
            }
        s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=self.bucket.id,
            rules=[rule, *(part for expiry in lifecycle.tagged for part in _tagged_rules(expiry))],
            region=self._region,
            opts=self.child(depends_on=[self.versioning]),
        )

    def _policy(self, name: str, args: PrivateBucketArgs) -> s3.BucketPolicy:
        within = [self.arn, self.arn.apply("{}/*".format)]
        statements = [
            Statement(
                "DenyPlainHttp",
                ["s3:*"],
                within,
                effect="Deny",
                principals="*",
                conditions={"Bool": {"aws:SecureTransport": "false"}},
            ),
            Statement(
                "DenyOldTls",
                ["s3:*"],
                within,
                effect="Deny",
                principals="*",
                conditions={"NumericLessThan": {"s3:TlsVersion": "1.2"}},
            ),
            *_deny_other_encryption(self.arn, args),
            *args.statements,
        ]
        return s3.BucketPolicy(
            f"{name}-policy",
            bucket=self.bucket.id,
            policy=document(statements),
            region=self._region,
            opts=self.kept(depends_on=[self.public_access, *([self.lock] if self.lock else [])]),
        )


def _tagged_rules(expiry: TaggedExpiry) -> list[s3.BucketLifecycleConfigurationRuleArgsDict]:
    """Return the rules of a tagged expiry.

    In a versioned bucket, expiration adds a marker; the version expires a day later, then the marker, whose
    rule may not filter by tag.
    """
    key, value = expiry.tag
    return [
        {
            "id": expiry.name,
            "status": "Enabled",
            "filter": {"and_": {"prefix": expiry.prefix, "tags": {key: value}}},
            "expiration": {"days": expiry.days},
            "noncurrent_version_expiration": {"noncurrent_days": 1},
        },
        {
            "id": f"{expiry.name}-markers",
            "status": "Enabled",
            "filter": {"prefix": expiry.prefix},
            "expiration": {"expired_object_delete_marker": True},
        },
    ]


def _deny_other_encryption(bucket_arn: pulumi.Output[str], args: PrivateBucketArgs) -> list[Statement]:
    """Deny puts that ask for a different encryption or key.

    A negated condition also matches if the header is missing. If the bucket's default may apply, the header
    must be present to be wrong, hence the `Null` test.
    """
    algorithm, key = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"

    def deny(sid: str, header: str, wanted: pulumi.Input[str]) -> Statement:
        present = {} if args.demand_key else {"Null": {header: "false"}}
        return Statement(
            sid,
            ["s3:PutObject"],
            [bucket_arn.apply(f"{{}}/{args.encrypted_otherwise}*".format)],
            except_these=bool(args.encrypted_otherwise),
            effect="Deny",
            principals="*",
            conditions={"StringNotEquals": {header: wanted}, **present},
        )

    return [deny("DenyOtherEncryption", algorithm, "aws:kms"), deny("DenyOtherKey", key, args.key_arn)]
