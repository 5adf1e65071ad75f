"""A deployment's buckets and keys in moto, for commands that keep records; who acts can be chosen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kit.target import Target

REGION = "eu-central-1"
_WHO = (
    "kit.deploy.verdicts.caller_arn",
    "kit.identity.operator.caller_arn",
    "kit.registers.store.caller_arn",
)


@contextmanager
def moto_target() -> Iterator[Target]:
    """Audit and governance buckets, the keys that seal and sign."""
    with mock_aws():
        session = boto3.Session("k", "s", region_name=REGION)
        kms, s3 = session.client("kms"), session.client("s3")
        signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
        sealing = kms.create_key()["KeyMetadata"]["Arn"]
        for bucket in ("audit", "governance"):
            s3.create_bucket(
                Bucket=bucket,
                CreateBucketConfiguration={"LocationConstraint": REGION},
                ObjectLockEnabledForBucket=True,
            )
        exports = {
            "client": "acme",
            "environment": "production",
            "audit_bucket_name": "audit",
            "governance_bucket_name": "governance",
            "governance_key_arn": sealing,
            "audit_key_arn": sealing,
            "operator_key_arn": signing,
            "evidence_key_arn": signing,
        }
        yield Target(exports, REGION, False, session)


def acts_as(monkeypatch: pytest.MonkeyPatch, arn: str) -> None:
    """From now on AWS says that this is who calls."""

    def caller(_: Any) -> str:
        return arn

    for place in _WHO:
        monkeypatch.setattr(place, caller)
