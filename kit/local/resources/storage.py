"""S3: buckets with their configurations, and objects."""

from collections.abc import Callable, Mapping
from typing import Any

import botocore.exceptions

from kit.errors import KitError
from kit.local.resources.handler import (
    Handler,
    Inputs,
    Made,
    Place,
    adopted,
    api_names,
    error_code,
    found,
    given,
    is_gone,
    policy_for_emulator,
    without,
)

_LIFECYCLE_NAMES = {"id": "ID"}


def _ensure_bucket(place: Place, inputs: Inputs, known: str | None) -> Made:
    name = inputs["bucket"]
    if known is None:
        arguments = given(ObjectLockEnabledForBucket=inputs.get("objectLockEnabled"))
        if place.region != "us-east-1":
            arguments["CreateBucketConfiguration"] = {"LocationConstraint": place.region}
        adopted("BucketAlreadyOwnedByYou", place.client("s3").create_bucket, Bucket=name, **arguments)
    return name, {
        "arn": f"arn:{place.account.partition}:s3:::{name}",
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{place.region}.amazonaws.com",
        "bucketRegion": place.region,
        "hostedZoneId": "Z0000000000000",
    }


def _bucket_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    return found(place.client("s3").head_bucket, Bucket=id_) is not None


def _delete_bucket(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    s3 = place.client("s3")
    try:
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=id_)
        for page in pages:
            for one in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                s3.delete_object(Bucket=id_, Key=one["Key"], VersionId=one["VersionId"])
        s3.delete_bucket(Bucket=id_)
    except botocore.exceptions.ClientError as error:
        if is_gone(error):
            return
        if error_code(error) == "AccessDenied":
            raise KitError(
                f"bucket {id_} holds objects that are locked",
                hint="that is what the lock is for; `kit down` removes the whole local state",
            ) from None
        raise


def _configuration(
    put: str, get: str, delete: str | None, arguments: Callable[[Inputs], dict[str, Any]]
) -> Handler:
    """A configuration of a bucket: put as a whole, known by the bucket's name."""

    def ensure(place: Place, inputs: Inputs, known: str | None) -> Made:
        del known
        getattr(place.client("s3"), put)(Bucket=inputs["bucket"], **arguments(inputs))
        return inputs["bucket"], {}

    def exists(place: Place, id_: str, inputs: Inputs) -> bool:
        del inputs
        answer = found(getattr(place.client("s3"), get), Bucket=id_) or {}
        return bool(answer.keys() - {"ResponseMetadata"})  # without versioning the answer is empty

    def remove(place: Place, id_: str, inputs: Inputs) -> None:
        del inputs
        if delete:
            without(getattr(place.client("s3"), delete), Bucket=id_)

    return Handler(ensure, exists, remove)


def _encryption(inputs: Inputs) -> dict[str, Any]:
    names = {"sseAlgorithm": "SSEAlgorithm", "kmsMasterKeyId": "KMSMasterKeyID"}
    allowed = {"applyServerSideEncryptionByDefault", "bucketKeyEnabled"}
    rules = [{key: one for key, one in rule.items() if key in allowed} for rule in inputs["rules"]]
    return {"ServerSideEncryptionConfiguration": {"Rules": api_names(rules, names)}}


def _public_access(inputs: Inputs) -> dict[str, Any]:
    names = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    return {"PublicAccessBlockConfiguration": api_names({name: bool(inputs.get(name)) for name in names})}


def _lifecycle(inputs: Inputs) -> dict[str, Any]:
    rules = [{"filter": {"prefix": ""}, **rule} for rule in inputs["rules"]]
    return {"LifecycleConfiguration": {"Rules": [_lifecycle_rule(rule) for rule in rules]}}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule in the spelling of AWS's API. Tags are a mapping in the program and a list there."""
    named = api_names(rule, _LIFECYCLE_NAMES)
    both = rule.get("filter", {}).get("and")
    if both:
        tags = [{"Key": key, "Value": value} for key, value in both["tags"].items()]
        named["Filter"] = {"And": {"Prefix": both["prefix"], "Tags": tags}}
    return named


def _object_lock(inputs: Inputs) -> dict[str, Any]:
    rule = {"Rule": api_names(inputs["rule"])} if inputs.get("rule") else {}
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", **rule}}


def _object_body(place: Place, inputs: Inputs) -> bytes:
    if "content" in inputs:
        return str(inputs["content"]).encode()
    asset = (inputs.get("source") or {}).get("$asset", {})
    return (
        (place.root / asset["path"]).read_bytes() if "path" in asset else str(asset.get("text", "")).encode()
    )


def _ensure_object(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    put = place.client("s3").put_object(
        Bucket=inputs["bucket"],
        Key=inputs["key"],
        Body=_object_body(place, inputs),
        **given(
            ContentType=inputs.get("contentType"),
            CacheControl=inputs.get("cacheControl"),
            Metadata=inputs.get("metadata"),
            SSEKMSKeyId=inputs.get("kmsKeyId"),
            ServerSideEncryption="aws:kms" if inputs.get("kmsKeyId") else inputs.get("serverSideEncryption"),
        ),
    )
    name = f"{inputs['bucket']}/{inputs['key']}"
    return name, {
        "arn": f"arn:{place.account.partition}:s3:::{name}",
        "etag": put["ETag"].strip('"'),
        "versionId": put.get("VersionId", ""),
    }


def _object_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    return found(place.client("s3").head_object, Bucket=inputs["bucket"], Key=inputs["key"]) is not None


def _delete_object(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    without(place.client("s3").delete_object, Bucket=inputs["bucket"], Key=inputs["key"])


HANDLERS = {
    "aws:s3/bucket:Bucket": Handler(_ensure_bucket, _bucket_exists, _delete_bucket),
    "aws:s3/bucketVersioning:BucketVersioning": _configuration(
        "put_bucket_versioning",
        "get_bucket_versioning",
        None,
        lambda inputs: {
            "VersioningConfiguration": {"Status": inputs["versioningConfiguration"]["status"]},
        },
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _configuration(
        "put_bucket_encryption", "get_bucket_encryption", "delete_bucket_encryption", _encryption
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _configuration(
        "put_public_access_block", "get_public_access_block", "delete_public_access_block", _public_access
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _configuration(
        "put_bucket_ownership_controls",
        "get_bucket_ownership_controls",
        "delete_bucket_ownership_controls",
        lambda inputs: {"OwnershipControls": {"Rules": [api_names(inputs["rule"])]}},
    ),
    "aws:s3/bucketPolicy:BucketPolicy": _configuration(
        "put_bucket_policy",
        "get_bucket_policy",
        "delete_bucket_policy",
        lambda inputs: {"Policy": policy_for_emulator(inputs["policy"])},
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _configuration(
        "put_bucket_lifecycle_configuration",
        "get_bucket_lifecycle_configuration",
        "delete_bucket_lifecycle",
        _lifecycle,
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _configuration(
        "put_object_lock_configuration", "get_object_lock_configuration", None, _object_lock
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": Handler(_ensure_object, _object_exists, _delete_object),
}
