"""The kit's laws hold for every plan, and each of them catches its breach (L1.7, G.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from policy.checking import violations
from policy.policies import POLICIES, PROTECTED_TYPES
from tests.support.stages import SIZES, STAGES, plan_of

S3 = "aws:s3/bucket"
ALLOW = {"Sid": "Loose", "Effect": "Allow"}


@dataclass(frozen=True)
class Planned:
    """A resource as a plan would hold it."""

    type: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    name: str = "breach"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::kit::{self.type}::{self.name}"


def _statement(**changes: Any) -> dict[str, Any]:
    return {"policy": {"Statement": [{**ALLOW, **changes}]}}


BUCKET = Planned("aws:s3/bucket:Bucket", {"bucket": "acme-prod-audit-1"}, "store")


def _of_bucket(kind: str, inputs: Mapping[str, Any]) -> list[Planned]:
    options = {"dependencies": [BUCKET.urn], "propertyDependencies": {"bucket": [BUCKET.urn]}}
    return [BUCKET, Planned(kind, inputs, options=options)]


# Rule -> plans that break it, each for a reason of its own.
BREACHES: dict[str, list[list[Planned]]] = {
    "bucket-encryption": [
        [BUCKET],
        _of_bucket(
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        ),
    ],
    "bucket-public-access": [
        [BUCKET],
        _of_bucket(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True},
        ),
    ],
    "bucket-tls": [
        [BUCKET],
        _of_bucket("aws:s3/bucketPolicy:BucketPolicy", {"policy": '{"Statement": []}'}),
    ],
    "bucket-versions": [
        [BUCKET],
        _of_bucket(
            "aws:s3/bucketVersioning:BucketVersioning", {"versioningConfiguration": {"status": "Suspended"}}
        ),
    ],
    "evidence-locked": [
        [BUCKET],
        _of_bucket(
            "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
            {"rule": {"defaultRetention": {"mode": "COMPLIANCE"}}},
        ),
    ],
    "key-rotation": [[Planned("aws:kms/key:Key", {"enableKeyRotation": False})]],
    "table-posture": [
        [Planned("aws:dynamodb/table:Table", {"pointInTimeRecovery": {"enabled": True}})],
        [Planned("aws:dynamodb/table:Table", {"serverSideEncryption": {"kmsKeyArn": "arn:aws:kms:::key/1"}})],
    ],
    "log-retention": [
        [Planned("aws:cloudwatch/logGroup:LogGroup", {"kmsKeyId": "arn:aws:kms:::key/1"})],
        [Planned("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 30})],
    ],
    "queue-encryption": [[Planned("aws:sqs/queue:Queue")]],
    "topic-encryption": [[Planned("aws:sns/topic:Topic")]],
    "trail-posture": [
        [Planned("aws:cloudtrail/trail:Trail", {"enableLogFileValidation": True, "isMultiRegionTrail": True})]
    ],
    "stream-encryption": [[Planned("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream")]],
    "secret-posture": [
        [Planned("aws:secretsmanager/secret:Secret")],
        [Planned("aws:secretsmanager/secret:Secret", {"kmsKeyId": "k", "recoveryWindowInDays": 0})],
    ],
    "secret-value": [[Planned("aws:secretsmanager/secretVersion:SecretVersion", {"secretString": "value"})]],
    "function-posture": [
        [Planned("aws:lambda/function:Function", {"kmsKeyArn": "arn:aws:kms:::key/1"})],
        [
            Planned(
                "aws:lambda/function:Function",
                {
                    "deadLetterConfig": {"targetArn": "arn:aws:sqs:::q"},
                    "environment": {"variables": {"SCIM_TOKEN": "a value and no ARN"}},
                    "kmsKeyArn": "arn:aws:kms:::key/1",
                    "loggingConfig": {"logFormat": "JSON"},
                    "tracingConfig": {"mode": "Active"},
                },
            )
        ],
    ],
    "api-tls": [
        [Planned("aws:apigateway/restApi:RestApi", {"securityPolicy": "TLS_1_0"})],
        [
            Planned(
                "aws:apigateway/restApi:RestApi",
                {
                    "securityPolicy": "SecurityPolicy_TLS13_1_2_2021_06",
                    "endpointConfiguration": {"types": "EDGE"},
                },
            )
        ],
    ],
    "api-access-log": [[Planned("aws:apigateway/stage:Stage")]],
    "api-throttling": [
        [Planned("aws:apigateway/methodSettings:MethodSettings", {"settings": {}})],
        [
            Planned(
                "aws:apigateway/methodSettings:MethodSettings",
                {"settings": {"throttlingRateLimit": 10, "dataTraceEnabled": True}},
            )
        ],
    ],
    "network-closed": [
        [Planned("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"cidrIpv4": "0.0.0.0/0"})],
        [Planned("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"cidrIpv6": "::/0"})],
    ],
    "network-group-closed": [
        [Planned("aws:ec2/securityGroup:SecurityGroup", {"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]})]
    ],
    "role-boundary": [[Planned("aws:iam/role:Role", {"assumeRolePolicy": "{}"})]],
    "identity-wildcards": [
        [Planned("aws:iam/rolePolicy:RolePolicy", _statement(Action="s3:*", Resource="arn:aws:s3:::one"))],
        [Planned("aws:iam/rolePolicy:RolePolicy", _statement(Action="s3:GetObject", Resource="*"))],
        [Planned("aws:iam/policy:Policy", _statement(NotAction="iam:*", Resource="arn:aws:s3:::one"))],
    ],
    "permission-set-wildcards": [
        [
            Planned(
                "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy",
                {"inlinePolicy": _statement(Action="s3:*", Resource="arn:aws:s3:::one")["policy"]},
            )
        ],
    ],
    "resource-wildcards": [
        [Planned("aws:sqs/queuePolicy:QueuePolicy", _statement(Action="sqs:SendMessage", Principal="*"))],
        [
            Planned(
                "aws:kms/key:Key",
                {"enableKeyRotation": True, **_statement(Action="kms:*", Principal={"AWS": "root"})},
            )
        ],
    ],
    "protected": [[Planned(kind)] for kind in PROTECTED_TYPES],
    "tags": [[Planned("pulumi:providers:aws", {"defaultTags": {"tags": {"kit:client": "acme"}}}, "stage")]],
    "explicit-provider": [[Planned("pulumi:providers:aws", {}, "default_7_51_1")]],
    "inline-secret": [
        [Planned("aws:ssm/parameter:Parameter", {"value": "sk-ant-" + "a1" * 12})],
        [Planned("aws:ssm/parameter:Parameter", {"nested": [{"value": "-----BEGIN " + "PRIVATE KEY-----"}]})],
    ],
}  # fmt: skip


def _broken(plan: list[Planned]) -> set[str]:
    return {each.policy for each in violations(plan)}


def test_every_law_has_a_breach_that_it_must_catch() -> None:
    assert set(BREACHES) == {policy.name for policy in POLICIES}


@pytest.mark.parametrize(
    ("law", "plan"),
    [(law, plan) for law, plans in BREACHES.items() for plan in plans],
    ids=[f"{law}-{number}" for law, plans in BREACHES.items() for number in range(len(plans))],
)
def test_a_breach_is_caught_and_only_because_of_its_law(law: str, plan: list[Planned]) -> None:
    assert law in _broken(plan)
    others = [policy for policy in POLICIES if policy.name != law]
    assert law not in {each.policy for each in violations(plan, others)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stage", STAGES)
def test_no_plan_of_the_kit_breaks_a_law(stage: str, size: str) -> None:
    assert violations(plan_of(stage, size)) == []
