"""Queues, topics, delivery streams and log groups."""

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
    policy_for_emulator,
    texts,
    whole,
    without,
)

_QUEUE_ATTRIBUTES = {
    "delaySeconds": "DelaySeconds",
    "fifoQueue": "FifoQueue",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redrivePolicy": "RedrivePolicy",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}


def _ensure_queue(place: Place, inputs: Inputs, known: str | None) -> Made:
    sqs, name = place.client("sqs"), inputs["name"]
    attributes = texts({wire: inputs.get(key) for key, wire in _QUEUE_ATTRIBUTES.items()})
    url = known or _queue_url(place, name)
    if url is None:
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    else:
        attributes.pop("FifoQueue", None)
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return url, {"url": url, "arn": place.arn("sqs", name)}


def _queue_url(place: Place, name: str) -> str | None:
    answer = found(place.client("sqs").get_queue_url, QueueName=name)
    return answer["QueueUrl"] if answer else None


def _queue_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    return _queue_url(place, inputs["name"]) is not None


def _delete_queue(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client("sqs").delete_queue, QueueUrl=id_)


def _ensure_topic(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    sns = place.client("sns")
    arn = sns.create_topic(Name=inputs["name"])["TopicArn"]
    if inputs.get("kmsMasterKeyId"):
        sns.set_topic_attributes(
            TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=inputs["kmsMasterKeyId"]
        )
    return arn, {"arn": arn, "owner": place.account.id}


def _topic_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    return found(place.client("sns").get_topic_attributes, TopicArn=id_) is not None


def _delete_topic(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client("sns").delete_topic, TopicArn=id_)


def _ensure_topic_policy(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    place.client("sns").set_topic_attributes(
        TopicArn=inputs["arn"],
        AttributeName="Policy",
        AttributeValue=policy_for_emulator(inputs["policy"]),
    )
    return inputs["arn"], {"owner": place.account.id}


def _keep_topic_policy(place: Place, id_: str, inputs: Inputs) -> None:
    """A topic always has a policy; it goes with the topic."""
    del place, id_, inputs


def _ensure_stream(place: Place, inputs: Inputs, known: str | None) -> Made:
    firehose, name = place.client("firehose"), inputs["name"]
    wanted = inputs["extendedS3Configuration"]
    destination = {
        "RoleARN": wanted["roleArn"],
        "BucketARN": wanted["bucketArn"],
        **given(
            Prefix=wanted.get("prefix"),
            ErrorOutputPrefix=wanted.get("errorOutputPrefix"),
            DataFormatConversionConfiguration=_conversion(wanted.get("dataFormatConversionConfiguration")),
        ),
    }
    described = found(firehose.describe_delivery_stream, DeliveryStreamName=name)
    if described is None:
        firehose.create_delivery_stream(
            DeliveryStreamName=name,
            DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration=destination,
        )
    elif known:
        stream = described["DeliveryStreamDescription"]
        firehose.update_destination(
            DeliveryStreamName=name,
            CurrentDeliveryStreamVersionId=stream["VersionId"],
            DestinationId=stream["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate=destination,
        )
    arn = place.arn("firehose", f"deliverystream/{name}")
    return arn, {"arn": arn, "destinationId": "destinationId-000000000001", "versionId": "1"}


def _conversion(wanted: Inputs | None) -> dict[str, Any] | None:
    """Records as Parquet, by the columns of a table of Glue's catalog."""
    if not wanted:
        return None
    schema = wanted["schemaConfiguration"]
    return {
        "Enabled": True,
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "SNAPPY"}}},
        "SchemaConfiguration": {
            "DatabaseName": schema["databaseName"],
            "TableName": schema["tableName"],
            "RoleARN": schema["roleArn"],
        },
    }


def _stream_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    firehose = place.client("firehose")
    return found(firehose.describe_delivery_stream, DeliveryStreamName=inputs["name"]) is not None


def _delete_stream(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    without(place.client("firehose").delete_delivery_stream, DeliveryStreamName=inputs["name"])


def _ensure_log_group(place: Place, inputs: Inputs, known: str | None) -> Made:
    logs, name = place.client("logs"), inputs["name"]
    if known is None:
        adopted("ResourceAlreadyExistsException", logs.create_log_group, logGroupName=name)
    if inputs.get("retentionInDays"):
        days = whole(inputs["retentionInDays"])
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    return name, {"arn": place.arn("logs", f"log-group:{name}")}


def _log_group_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    groups: list[dict[str, Any]] = place.client("logs").describe_log_groups(logGroupNamePrefix=id_)[
        "logGroups"
    ]
    return any(group["logGroupName"] == id_ for group in groups)


def _delete_log_group(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client("logs").delete_log_group, logGroupName=id_)


_ALARM_INPUTS = (
    "comparisonOperator", "evaluationPeriods", "datapointsToAlarm", "metricName", "namespace", "period",
    "statistic", "extendedStatistic", "threshold", "treatMissingData", "alarmActions", "actionsEnabled",
)  # fmt: skip


def _ensure_alarm(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    name = inputs["name"]
    dimensions = [
        {"Name": key, "Value": value} for key, value in sorted((inputs.get("dimensions") or {}).items())
    ]
    place.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        **given(
            AlarmDescription=inputs.get("alarmDescription"),
            Dimensions=dimensions,
            OKActions=inputs.get("okActions"),
        ),
        **api_names({key: inputs[key] for key in _ALARM_INPUTS if inputs.get(key) is not None}),
    )
    return name, {"arn": place.arn("cloudwatch", f"alarm:{name}")}


def _alarm_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    return bool(place.client("cloudwatch").describe_alarms(AlarmNames=[id_])["MetricAlarms"])


def _delete_alarm(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client("cloudwatch").delete_alarms, AlarmNames=[id_])


HANDLERS = {
    "aws:sqs/queue:Queue": Handler(_ensure_queue, _queue_exists, _delete_queue),
    "aws:sns/topic:Topic": Handler(_ensure_topic, _topic_exists, _delete_topic),
    "aws:sns/topicPolicy:TopicPolicy": Handler(_ensure_topic_policy, _topic_exists, _keep_topic_policy),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": Handler(
        _ensure_stream, _stream_exists, _delete_stream
    ),
    "aws:cloudwatch/logGroup:LogGroup": Handler(_ensure_log_group, _log_group_exists, _delete_log_group),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Handler(_ensure_alarm, _alarm_exists, _delete_alarm),
}
