"""Permissions boundary: the maximum that any role of the kit can do, whatever is attached to it later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam

from components.base import KitComponent, Names
from components.permissions import Statement, document

# Every action that a role of the kit has in some configuration, and no other: tests hold the list against the
# roles of every plan, both ways. Endpoint policies follow from it.
ACTIONS: Mapping[str, Sequence[str]] = {
    "athena": (
        "GetQueryExecution",
        "GetQueryResults",
        "GetWorkGroup",
        "StartQueryExecution",
        "StopQueryExecution",
    ),
    "aws-external-anthropic": (
        "CountTokens",
        "CreateBatchInference",
        "CreateFile",
        "CreateInference",
        "DeleteFile",
        "GetBatchInference",
        "GetFile",
        "GetSkill",
        "ListSkills",
    ),
    "bedrock": ("ApplyGuardrail", "InvokeModel"),
    "bedrock-mantle": ("CreateInference",),
    "budgets": ("ViewBudget",),
    "cloudtrail": ("LookupEvents",),
    "cloudwatch": ("DescribeAlarmHistory", "DescribeAlarms", "GetDashboard", "GetMetricData"),
    "cognito-idp": (
        "AdminDisableUser",
        "AdminEnableUser",
        "AdminUserGlobalSignOut",
        "DescribeIdentityProvider",
        "DescribeUserPoolClient",
        "ListUserPoolClients",
        "ListUsers",
        "UpdateIdentityProvider",
    ),
    "dynamodb": (
        "BatchGetItem",
        "ConditionCheckItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "UpdateItem",
    ),
    "ec2": (
        "AssignPrivateIpAddresses",
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "UnassignPrivateIpAddresses",
    ),
    "firehose": ("PutRecordBatch",),
    "glue": (
        "GetDatabase",
        "GetPartition",
        "GetPartitions",
        "GetTable",
        "GetTableVersion",
        "GetTableVersions",
    ),
    "iam": ("GetRole",),  # who may assume a Center of Excellence role, for the access review
    "kms": ("Decrypt", "Encrypt", "GenerateDataKey", "GetPublicKey", "Sign", "Verify"),
    "lambda": ("InvokeFunction",),
    "logs": (
        "CreateLogDelivery",
        "CreateLogStream",
        "DeleteLogDelivery",
        "DescribeLogGroups",
        "DescribeLogStreams",
        "DescribeResourcePolicies",
        "FilterLogEvents",
        "GetLogDelivery",
        "GetLogEvents",
        "GetQueryResults",
        "ListLogDeliveries",
        "PutLogEvents",
        "PutResourcePolicy",
        "StartQuery",
        "UpdateLogDelivery",
    ),
    "s3": (
        "GetBucketLocation",
        "GetBucketObjectLockConfiguration",
        "GetLifecycleConfiguration",
        "GetObject",
        "GetObjectLegalHold",
        "GetObjectRetention",
        "GetObjectTagging",
        "GetObjectVersion",
        "GetObjectVersionAcl",
        "GetObjectVersionForReplication",
        "GetObjectVersionTagging",
        "GetReplicationConfiguration",
        "ListBucket",
        "ListBucketVersions",
        "PutObject",
        "PutObjectRetention",
        "PutObjectTagging",
        "ReplicateObject",
        "ReplicateTags",
    ),
    "secretsmanager": ("GetSecretValue", "PutSecretValue"),
    "ses": ("SendEmail",),
    "sns": ("Publish",),
    "sqs": ("SendMessage",),
    "states": ("DescribeExecution", "SendTaskSuccess", "StartExecution"),
    "sts": ("AssumeRole", "GetWebIdentityToken", "TagSession"),
    "xray": ("BatchGetTraces", "GetTraceSummaries", "PutTelemetryRecords", "PutTraceSegments"),
}
# Also denied explicitly, so that no later statement of the boundary can allow it.
_EVIDENCE_DENIED = (
    "cloudtrail:DeleteTrail",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateTrail",
    "iam:CreateAccessKey",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "s3:BypassGovernanceRetention",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteObjectVersion",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketPolicy",
    "s3:PutBucketVersioning",
)


def actions() -> list[str]:
    """Return every action of the boundary as `service:Action`, sorted."""
    return sorted(f"{service}:{action}" for service, allowed in ACTIONS.items() for action in allowed)


@dataclass(frozen=True)
class BoundaryArgs:
    """`regions` are those in which roles of the kit may act; global services are exempt."""

    names: Names
    regions: Sequence[str]


class Boundary(KitComponent):
    """The permissions boundary of every role of the kit (C.1, L1.7).

    Creates: one managed policy, in two statements: the actions that the kit's roles may ever have, in its
    regions only, and a denial of everything that destroys evidence or lifts a boundary.
    Default posture: whatever is not listed is denied. Protected: roles refer to it.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: BoundaryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.policy = iam.Policy(
            f"{name}-policy",
            name=args.names.of("boundary"),
            description="The most that a role of the Claude kit can do",
            policy=document(
                [
                    Statement(
                        "AtMost",
                        actions(),
                        ["*"],
                        conditions={
                            "StringEquals": {"aws:RequestedRegion": sorted({*args.regions, "us-east-1"})},
                        },
                    ),
                    Statement("NeverDestroyEvidence", _EVIDENCE_DENIED, ["*"], effect="Deny"),
                ]
            ),
            opts=self.kept(),
        )
        self.arn = self.policy.arn
        self.register_outputs({"arn": self.arn})
