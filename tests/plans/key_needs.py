"""What each AWS service needs of a customer-managed key, as its own documentation says, as data.

Each entry: the property of a resource that names a key, and who must be able to do what with it. Through
`via` a service acts for anyone who called it, so the key must let in the account's principals through that
service; with `service` the service acts in its own name. Sources: the page on encryption at rest in each
service's guide, read in November 2026.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.plans.made import ACCOUNT, REGION


@dataclass(frozen=True)
class Need:
    """`path` is where the key's ARN stands in the inputs; lists are searched."""

    type: str
    path: tuple[str, ...]
    actions: Sequence[str]
    why: str
    via: str = ""
    service: str = ""
    context: tuple[tuple[str, str], ...] = ()
    maker: bool = False  # in the name of the one who makes the resource


_ACCOUNT = (("aws:SourceAccount", ACCOUNT),)
_DATA_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
_LOG_GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/any"

NEEDS: Sequence[Need] = (
    Need(
        "aws:kinesis/firehoseDeliveryStream",
        ("serverSideEncryption", "keyArn"),
        ("kms:CreateGrant",),
        "CreateDeliveryStream with CUSTOMER_MANAGED_CMK makes a grant in the caller's name",
        via="firehose",
        maker=True,
    ),
    Need(
        "aws:kinesis/firehoseDeliveryStream",
        ("serverSideEncryption", "keyArn"),
        _DATA_KEY,
        "callers of PutRecord and PutRecordBatch, from 20 April 2026",
        via="firehose",
    ),
    Need(
        "aws:kinesis/firehoseDeliveryStream",
        ("extendedS3Configuration", "kmsKeyArn"),
        _DATA_KEY,
        "the delivery role writes objects under the key",
        via="s3",
    ),
    Need(
        "aws:eks/cluster",
        ("encryptionConfig", "provider", "keyArn"),
        ("kms:CreateGrant", "kms:DescribeKey"),
        "CreateCluster with encryptionConfig",
        via="eks",
        maker=True,
    ),
    Need(
        "aws:ecr/repository",
        ("encryptionConfigurations", "kmsKey"),
        ("kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"),
        "CreateRepository makes two grants in the caller's name",
        via="ecr",
        maker=True,
    ),
    Need(
        "aws:dynamodb/table",
        ("serverSideEncryption", "kmsKeyArn"),
        ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
        "CreateTable and every call",
        via="dynamodb",
        maker=True,
    ),
    Need(
        "aws:lambda/function",
        ("kmsKeyArn",),
        ("kms:CreateGrant", "kms:Decrypt", "kms:Encrypt"),
        "CreateFunction with KMSKeyArn",
        via="lambda",
        maker=True,
    ),
    Need("aws:secretsmanager/secret", ("kmsKeyId",), _DATA_KEY, "values", via="secretsmanager", maker=True),
    Need(
        "aws:bedrock/guardrail",
        ("kmsKeyArn",),
        ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"),
        "CreateGuardrail and ApplyGuardrail",
        via="bedrock",
        maker=True,
    ),
    Need(
        "aws:athena/workgroup",
        ("configuration", "managedQueryResultsConfiguration", "encryptionConfiguration", "kmsKey"),
        _DATA_KEY,
        "managed results of queries, for everybody who asks",
        via="athena",
    ),
    Need(
        "aws:athena/workgroup",
        ("configuration", "managedQueryResultsConfiguration", "encryptionConfiguration", "kmsKey"),
        (*_DATA_KEY, "kms:DescribeKey"),
        "managed results of queries, Athena itself",
        service="encryption.athena.amazonaws.com",
        context=_ACCOUNT,
    ),
    Need(
        "aws:cloudwatch/logGroup",
        ("kmsKeyId",),
        (*_DATA_KEY, "kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
        "log groups",
        service=f"logs.{REGION}.amazonaws.com",
        context=(("kms:EncryptionContext:aws:logs:arn", _LOG_GROUP),),
    ),
    Need(
        "aws:cloudtrail/trail",
        ("kmsKeyId",),
        ("kms:DescribeKey", "kms:GenerateDataKey"),
        "CreateTrail and every delivery",
        service="cloudtrail.amazonaws.com",
        context=(("aws:SourceArn", f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/example-production-trail"),),
    ),
    Need("aws:sqs/queue", ("kmsMasterKeyId",), _DATA_KEY, "Lambda's role sends dead letters", via="sqs"),
    *(
        Need("aws:sns/topic", ("kmsMasterKeyId",), _DATA_KEY, "publishes", service=service, context=_ACCOUNT)
        for service in (
            "budgets.amazonaws.com",
            "cloudwatch.amazonaws.com",
            "costalerts.amazonaws.com",
            "events.amazonaws.com",
        )
    ),
    Need(
        "aws:s3/bucketServerSideEncryptionConfiguration",
        ("rules", "applyServerSideEncryptionByDefault", "kmsMasterKeyId"),
        _DATA_KEY,
        "puts and gets",
        via="s3",
    ),
    Need("aws:s3/bucketObjectv2", ("kmsKeyId",), ("kms:GenerateDataKey",), "PutObject", via="s3", maker=True),
)
