"""IAM policy documents from typed statements: sorted, without accidental wildcards, identical on every
machine.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi

from components.base import refuse

Conditions = Mapping[str, Mapping[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]]]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy.

    `actions` are full names (`dynamodb:GetItem`); wildcards are rejected. A resource may be `*` only if AWS
    supports no narrower one; then `conditions` must restrict it, or `why_everywhere` must say why nothing
    can.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    except_these: bool = False  # all but `resources`; only for a denial
    effect: Literal["Allow", "Deny"] = "Allow"
    principals: Mapping[str, Sequence[pulumi.Input[str]]] | Literal["*"] | None = None
    conditions: Conditions = field(default_factory=dict)
    why_everywhere: str = ""

    def __post_init__(self) -> None:
        everywhere = any(resource == "*" for resource in self.resources)
        in_resource_policy = self.principals is not None
        refuse(
            f"Statement {self.sid}",
            [
                (bool(self.actions), "names no action"),
                (bool(self.resources), "names no resource"),
                (self.effect == "Deny" or not self.except_these, "allows all but some resources"),
                (
                    self.effect == "Deny" or not any("*" in action for action in self.actions),
                    "allows a wildcard action",
                ),
                (
                    self.effect == "Deny"
                    or in_resource_policy
                    or not everywhere
                    or bool(self.conditions)
                    or bool(self.why_everywhere),
                    "allows every resource without a condition",
                ),
                (
                    self.effect == "Deny" or self.principals != "*" or bool(self.conditions),
                    "allows everyone without a condition",
                ),
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the statement in IAM's format, with plain lists sorted."""
        statement: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": self.effect,
            "Action": sorted(self.actions),
            "NotResource" if self.except_these else "Resource": _sorted(self.resources),
        }
        if self.principals is not None:
            statement["Principal"] = (
                "*"
                if self.principals == "*"
                else {kind: _sorted(who) for kind, who in self.principals.items()}
            )
        if self.conditions:
            statement["Condition"] = {operator: dict(tests) for operator, tests in self.conditions.items()}
        return statement


def _sorted(values: Sequence[pulumi.Input[str]]) -> list[Any]:
    plain = [value for value in values if isinstance(value, str)]
    return list(values) if len(plain) != len(values) else sorted(plain)


def document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """Return a policy document as canonical JSON. It needs at least one statement, each with a unique
    `sid`.
    """
    sids = [statement.sid for statement in statements]
    refuse(
        "policy document",
        [
            (bool(sids), "has no statement"),
            (len(set(sids)) == len(sids), f"repeats a statement: {sorted(sids)}"),
        ],
    )
    body = {"Version": "2012-10-17", "Statement": [statement.to_dict() for statement in statements]}
    return pulumi.Output.from_input(body).apply(canonical_json)


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces, so that two evaluations give the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def via(service: str, region: str) -> Conditions:
    """Return the condition that an AWS service (`s3`) makes the request for the caller.

    Every permission on a key that callers never use directly has this condition.
    """
    return {"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"}}


def put_copies(stream_arn: pulumi.Input[str], key_arn: pulumi.Input[str], region: str) -> list[Statement]:
    """Return permission to write to a Firehose stream under a customer-managed key, which the caller must
    be able to use.
    """
    return [
        Statement("CopyMetadata", ["firehose:PutRecordBatch"], [stream_arn]),
        Statement(
            "EncryptCopies",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [key_arn],
            conditions=via("firehose", region),
        ),
    ]


def append_records(
    bucket_arn: pulumi.Input[str], key_arn: pulumi.Input[str], writer_key_arn: pulumi.Input[str], region: str
) -> list[Statement]:
    """Return permission to append encrypted audit records and to introduce their writer, but not to read or
    delete them.
    """
    return [
        Statement("AppendRecords", ["s3:PutObject"], [pulumi.Output.concat(bucket_arn, "/records/*")]),
        Statement("EncryptRecords", ["kms:GenerateDataKey"], [key_arn], conditions=via("s3", region)),
        Statement("Introduce", ["kms:Sign"], [writer_key_arn]),
    ]


def trusted(service: str, conditions: Conditions | None = None) -> pulumi.Output[str]:
    """Return a trust policy for one AWS service.

    `conditions` restrict the service to this account (`aws:SourceAccount`, `aws:SourceArn`) if it sends
    them; Lambda and S3 replication send none when they assume a role.
    """
    body: dict[str, Any] = {
        "Sid": "Service",
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": service},
    }
    if conditions:
        body["Condition"] = conditions
    return pulumi.Output.from_input({"Version": "2012-10-17", "Statement": [body]}).apply(canonical_json)
