"""DynamoDB tables."""

from typing import Any

from kit.local.resources.handler import (
    Handler,
    Inputs,
    Made,
    Place,
    adopted,
    api_names,
    found,
    given,
    without,
)


def _ensure(place: Place, inputs: Inputs, known: str | None) -> Made:
    dynamodb, name = place.client("dynamodb"), inputs["name"]
    if known is None:
        adopted("ResourceInUseException", dynamodb.create_table, **_creation(inputs))
    else:
        dynamodb.update_table(
            TableName=name,
            DeletionProtectionEnabled=bool(inputs.get("deletionProtectionEnabled")),
            **given(StreamSpecification=_stream(inputs)),
        )
    if inputs.get("ttl"):
        attribute, wanted = inputs["ttl"]["attributeName"], bool(inputs["ttl"].get("enabled", True))
        described = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if (described.get("TimeToLiveStatus") == "ENABLED") != wanted:
            dynamodb.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"AttributeName": attribute, "Enabled": wanted}
            )
    if inputs.get("pointInTimeRecovery"):
        enabled = bool(inputs["pointInTimeRecovery"].get("enabled"))
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
        )
    table = dynamodb.describe_table(TableName=name)["Table"]
    streams = given(streamArn=table.get("LatestStreamArn"), streamLabel=table.get("LatestStreamLabel"))
    return name, {"arn": table["TableArn"], **streams}


def _creation(inputs: Inputs) -> dict[str, Any]:
    return {
        "TableName": inputs["name"],
        "AttributeDefinitions": [
            {"AttributeName": one["name"], "AttributeType": one["type"]} for one in inputs["attributes"]
        ],
        "KeySchema": _keys(inputs),
        "BillingMode": inputs.get("billingMode", "PAY_PER_REQUEST"),
        "DeletionProtectionEnabled": bool(inputs.get("deletionProtectionEnabled")),
        **given(
            GlobalSecondaryIndexes=[_index(one) for one in inputs.get("globalSecondaryIndexes") or ()],
            StreamSpecification=_stream(inputs),
            SSESpecification=_encryption(inputs),
            ProvisionedThroughput=_throughput(inputs),
        ),
    }


def _keys(inputs: Inputs) -> list[dict[str, str]]:
    keys = [{"AttributeName": inputs["hashKey"], "KeyType": "HASH"}]
    if inputs.get("rangeKey"):
        keys.append({"AttributeName": inputs["rangeKey"], "KeyType": "RANGE"})
    return keys


def _index(index: Inputs) -> dict[str, Any]:
    projection = given(
        ProjectionType=index.get("projectionType"), NonKeyAttributes=index.get("nonKeyAttributes")
    )
    return {"IndexName": index["name"], "KeySchema": _keys(index), "Projection": projection}


def _stream(inputs: Inputs) -> dict[str, Any]:
    if not inputs.get("streamEnabled"):
        return {}
    return {"StreamEnabled": True, "StreamViewType": inputs.get("streamViewType", "NEW_AND_OLD_IMAGES")}


def _encryption(inputs: Inputs) -> dict[str, Any]:
    wanted = inputs.get("serverSideEncryption")
    return (
        {"Enabled": True, "SSEType": "KMS"} | given(KMSMasterKeyId=wanted.get("kmsKeyArn")) if wanted else {}
    )


def _throughput(inputs: Inputs) -> dict[str, Any]:
    if inputs.get("billingMode") != "PROVISIONED":
        return {}
    return api_names(
        {"readCapacityUnits": inputs["readCapacity"], "writeCapacityUnits": inputs["writeCapacity"]}
    )


def _exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    return found(place.client("dynamodb").describe_table, TableName=id_) is not None


def _delete(place: Place, id_: str, inputs: Inputs) -> None:
    dynamodb = place.client("dynamodb")
    if inputs.get("deletionProtectionEnabled"):
        without(dynamodb.update_table, TableName=id_, DeletionProtectionEnabled=False)
    without(dynamodb.delete_table, TableName=id_)


HANDLERS = {"aws:dynamodb/table:Table": Handler(_ensure, _exists, _delete)}
