"""KMS keys and aliases, Secrets Manager secrets."""

from typing import Any

from kit.local.resources.handler import (
    Handler,
    Inputs,
    Made,
    Place,
    adopted,
    found,
    given,
    policy_for_emulator,
    whole,
    without,
)

_URN_TAG = "kit:urn"


def _ensure_key(place: Place, inputs: Inputs, known: str | None) -> Made:
    kms = place.client("kms")
    key_id = known or _key_made_for(place)
    policy = given(Policy=policy_for_emulator(inputs["policy"]) if inputs.get("policy") else None)
    if key_id is None:
        key_id = kms.create_key(
            KeyUsage=inputs.get("keyUsage", "ENCRYPT_DECRYPT"),
            KeySpec=inputs.get("customerMasterKeySpec", "SYMMETRIC_DEFAULT"),
            MultiRegion=bool(inputs.get("multiRegion")),
            Tags=[{"TagKey": _URN_TAG, "TagValue": place.urn[-256:]}],
            **given(Description=inputs.get("description")),
            **policy,
        )["KeyMetadata"]["KeyId"]
    else:
        kms.update_key_description(KeyId=key_id, Description=inputs.get("description") or "")
        if policy:
            kms.put_key_policy(KeyId=key_id, PolicyName="default", **policy)
    if inputs.get("enableKeyRotation"):
        days = given(RotationPeriodInDays=whole(inputs.get("rotationPeriodInDays")))
        kms.enable_key_rotation(KeyId=key_id, **days)
    return key_id, {"keyId": key_id, "arn": place.arn("kms", f"key/{key_id}")}


def _key_made_for(place: Place) -> str | None:
    """The key that an interrupted run made and did not come to record: ids of keys are AWS's, not ours."""
    kms = place.client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            tags = kms.list_resource_tags(KeyId=key["KeyId"]).get("Tags", ())
            if {"TagKey": _URN_TAG, "TagValue": place.urn[-256:]} in tags:
                state = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"]
                if state in ("Enabled", "Disabled"):
                    return key["KeyId"]
    return None


def _key_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    described = found(place.client("kms").describe_key, KeyId=id_)
    return described is not None and described["KeyMetadata"]["KeyState"] != "PendingDeletion"


def _delete_key(place: Place, id_: str, inputs: Inputs) -> None:
    days = int(whole(inputs.get("deletionWindowInDays")) or 30)
    if _key_exists(place, id_, inputs):
        place.client("kms").schedule_key_deletion(KeyId=id_, PendingWindowInDays=days)


def _ensure_alias(place: Place, inputs: Inputs, known: str | None) -> Made:
    kms, name, target = place.client("kms"), inputs["name"], inputs["targetKeyId"]
    if known or (
        adopted("AlreadyExistsException", kms.create_alias, AliasName=name, TargetKeyId=target) is None
    ):
        kms.update_alias(AliasName=name, TargetKeyId=target)
    arn = target if str(target).startswith("arn:") else place.arn("kms", f"key/{target}")
    return name, {"arn": place.arn("kms", name), "targetKeyArn": arn}


def _alias_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    listed = found(place.client("kms").list_aliases, KeyId=inputs["targetKeyId"]) or {}
    return any(alias["AliasName"] == id_ for alias in listed.get("Aliases", ()))


def _delete_alias(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client("kms").delete_alias, AliasName=id_)


def _ensure_secret(place: Place, inputs: Inputs, known: str | None) -> Made:
    manager, name = place.client("secretsmanager"), inputs["name"]
    details = given(Description=inputs.get("description"), KmsKeyId=inputs.get("kmsKeyId"))
    if known is None:
        adopted("ResourceExistsException", manager.create_secret, Name=name, **details)
    manager.update_secret(SecretId=known or name, **details)
    arn = manager.describe_secret(SecretId=known or name)["ARN"]
    return arn, {"arn": arn}


def _secret_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    described = found(place.client("secretsmanager").describe_secret, SecretId=id_)
    return described is not None and not described.get("DeletedDate")


def _delete_secret(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client("secretsmanager").delete_secret, SecretId=id_, ForceDeleteWithoutRecovery=True)


def _ensure_secret_policy(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    arn = inputs["secretArn"]
    place.client("secretsmanager").put_resource_policy(
        SecretId=arn, ResourcePolicy=policy_for_emulator(inputs["policy"])
    )
    return arn, {}


def _secret_policy_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    policy = found(place.client("secretsmanager").get_resource_policy, SecretId=id_)
    return policy is not None and bool(policy.get("ResourcePolicy"))


def _delete_secret_policy(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client("secretsmanager").delete_resource_policy, SecretId=id_)


def _ensure_secret_version(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    put: dict[str, Any] = place.client("secretsmanager").put_secret_value(
        SecretId=inputs["secretId"], SecretString=inputs.get("secretString") or inputs["secretStringWo"]
    )
    name = f"{inputs['secretId']}|{put['VersionId']}"
    return name, {"arn": put["ARN"], "secretArn": put["ARN"], "versionId": put["VersionId"]}


def _secret_version_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    manager = place.client("secretsmanager")
    described = found(manager.describe_secret, SecretId=inputs["secretId"]) or {}
    return id_.rpartition("|")[2] in described.get("VersionIdsToStages", {})


def _keep_secret_version(place: Place, id_: str, inputs: Inputs) -> None:
    """Versions go with their secret: the current one cannot be taken away alone."""
    del place, id_, inputs


HANDLERS = {
    "aws:kms/key:Key": Handler(_ensure_key, _key_exists, _delete_key),
    "aws:kms/alias:Alias": Handler(_ensure_alias, _alias_exists, _delete_alias),
    "aws:secretsmanager/secret:Secret": Handler(_ensure_secret, _secret_exists, _delete_secret),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Handler(
        _ensure_secret_policy, _secret_policy_exists, _delete_secret_policy
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Handler(
        _ensure_secret_version, _secret_version_exists, _keep_secret_version
    ),
}
