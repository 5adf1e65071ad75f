"""The engine's state in the client's own account: a bucket, and a key for secrets."""

from dataclasses import dataclass
from typing import Any

import botocore.exceptions

from kit.deploy.checks import Clients


@dataclass(frozen=True)
class StateBackend:
    """Location of the state, and how secrets in it are encrypted."""

    url: str
    secrets_provider: str


def ensure_state_backend(clients: Clients, bucket: str, region: str) -> StateBackend:
    """Create the bucket (private, versioned, encrypted under the key, TLS only) and the key if missing.

    What exists is unchanged. Raises botocore's errors.
    """
    alias = f"alias/{bucket}"
    key = _ensure_key(clients("kms"), alias)
    _ensure_bucket(clients("s3"), bucket, region, key)
    return StateBackend(f"s3://{bucket}?region={region}", f"awskms://{alias}?region={region}")


def _ensure_key(kms: Any, alias: str) -> str:
    try:
        return kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"]
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
    made = kms.create_key(Description="Pulumi state: secrets and objects")["KeyMetadata"]
    kms.enable_key_rotation(KeyId=made["KeyId"])
    kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
    return made["Arn"]


def _ensure_bucket(s3: Any, bucket: str, region: str, key_arn: str) -> None:
    try:
        s3.head_bucket(Bucket=bucket)
        return
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **place)
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn},
        "BucketKeyEnabled": True,
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
