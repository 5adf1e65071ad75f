"""The plans against the schemas of CloudFormation's registry and the rules of cfn-lint (S.2): types whose
properties mean the same there. A property is matched by its name; what is called otherwise stands in
`RENAMED`, what CloudFormation does not have in `NOT_THERE`. An input that is in neither fails: nothing is
left out unseen.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tests.plans.made import REGION, made

pytestmark = pytest.mark.nightly

TYPES: Mapping[str, str] = {
    "aws:apigateway/authorizer": "AWS::ApiGateway::Authorizer",
    "aws:apigateway/resource": "AWS::ApiGateway::Resource",
    "aws:apigateway/response": "AWS::ApiGateway::GatewayResponse",
    "aws:athena/namedQuery": "AWS::Athena::NamedQuery",
    "aws:cloudwatch/compositeAlarm": "AWS::CloudWatch::CompositeAlarm",
    "aws:cloudwatch/dashboard": "AWS::CloudWatch::Dashboard",
    "aws:cloudwatch/eventRule": "AWS::Events::Rule",
    "aws:cloudwatch/logGroup": "AWS::Logs::LogGroup",
    "aws:cloudwatch/logStream": "AWS::Logs::LogStream",
    "aws:cognito/resourceServer": "AWS::Cognito::UserPoolResourceServer",
    "aws:cognito/userGroup": "AWS::Cognito::UserPoolGroup",
    "aws:ec2/subnet": "AWS::EC2::Subnet",
    "aws:ec2/vpc": "AWS::EC2::VPC",
    "aws:eks/podIdentityAssociation": "AWS::EKS::PodIdentityAssociation",
    "aws:iam/policy": "AWS::IAM::ManagedPolicy",
    "aws:iam/role": "AWS::IAM::Role",
    "aws:iam/rolePolicy": "AWS::IAM::RolePolicy",
    "aws:kms/alias": "AWS::KMS::Alias",
    "aws:kms/key": "AWS::KMS::Key",
    "aws:lambda/alias": "AWS::Lambda::Alias",
    "aws:lambda/function": "AWS::Lambda::Function",
    "aws:lambda/permission": "AWS::Lambda::Permission",
    "aws:s3/bucketPolicy": "AWS::S3::BucketPolicy",
    "aws:secretsmanager/secret": "AWS::SecretsManager::Secret",
    "aws:secretsmanager/secretPolicy": "AWS::SecretsManager::ResourcePolicy",
    "aws:sns/topic": "AWS::SNS::Topic",
    "aws:sns/topicPolicy": "AWS::SNS::TopicPolicy",
    "aws:sns/topicSubscription": "AWS::SNS::Subscription",
    "aws:sqs/queue": "AWS::SQS::Queue",
    "aws:wafv2/webAclAssociation": "AWS::WAFv2::WebACLAssociation",
}
RENAMED: Mapping[str, str] = {
    "aws:apigateway/authorizer:restApi": "RestApiId",
    "aws:apigateway/resource:restApi": "RestApiId",
    "aws:athena/namedQuery:query": "QueryString",
    "aws:cloudwatch/logGroup:name": "LogGroupName",
    "aws:cloudwatch/logStream:name": "LogStreamName",
    "aws:cognito/userGroup:name": "GroupName",
    "aws:eks/podIdentityAssociation:serviceAccount": "ServiceAccount",
    "aws:iam/policy:name": "ManagedPolicyName",
    "aws:iam/policy:policy": "PolicyDocument",
    "aws:iam/role:assumeRolePolicy": "AssumeRolePolicyDocument",
    "aws:iam/role:name": "RoleName",
    "aws:iam/rolePolicy:name": "PolicyName",
    "aws:iam/rolePolicy:policy": "PolicyDocument",
    "aws:iam/rolePolicy:role": "RoleName",
    "aws:kms/alias:name": "AliasName",
    "aws:kms/key:customerMasterKeySpec": "KeySpec",
    "aws:kms/key:deletionWindowInDays": "PendingWindowInDays",
    "aws:kms/key:policy": "KeyPolicy",
    "aws:lambda/function:name": "FunctionName",
    "aws:lambda/permission:function": "FunctionName",
    "aws:s3/bucketPolicy:policy": "PolicyDocument",
    "aws:secretsmanager/secretPolicy:policy": "ResourcePolicy",
    "aws:secretsmanager/secretPolicy:secretArn": "SecretId",
    "aws:sns/topic:name": "TopicName",
    "aws:sns/topicPolicy:arn": "Topics",
    "aws:sns/topicPolicy:policy": "PolicyDocument",
    "aws:sns/topicSubscription:topic": "TopicArn",
    "aws:sqs/queue:messageRetentionSeconds": "MessageRetentionPeriod",
    "aws:sqs/queue:name": "QueueName",
}
# Options of the provider, or of the request that makes the resource; not of the resource itself.
NOT_THERE = {
    "aws:kms/key:region",
    "aws:s3/bucketPolicy:region",
    "aws:lambda/function:code",
    "aws:lambda/function:publish",
    "aws:lambda/permission:qualifier",
    "aws:secretsmanager/secret:recoveryWindowInDays",
}
# What CloudFormation alone asks for: Pulumi uploads archives itself, and names what has no name.
BESIDES: Mapping[str, Mapping[str, Any]] = {
    "AWS::IAM::RolePolicy": {"PolicyName": "named-by-pulumi"},
    "AWS::Lambda::Function": {"Code": {"S3Bucket": "example-archives", "S3Key": "archive.zip"}},
}


def _flat(name: str) -> str:
    return name.replace("_", "").lower()


@cache
def _schema(kind: str) -> Mapping[str, Any]:
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema(region=REGION, resource_type=kind).schema


def _resolved(kind: str, shape: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a shape refers to."""
    while "$ref" in shape:
        shape = _schema(kind)["definitions"][shape["$ref"].rpartition("/")[2]]
    return shape


def _value(kind: str, value: Any, shape: Mapping[str, Any]) -> Any:
    """A value of the plan as the schema wants it: documents as objects, members by the schema's names."""
    shape = _resolved(kind, shape)
    wanted = shape.get("type", "")
    if "object" in wanted and isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    if (
        wanted == "array"
        and isinstance(value, Mapping)
        and {"Key", "Value"} == set(_resolved(kind, shape["items"]).get("properties", ()))
    ):
        return [{"Key": key, "Value": text} for key, text in value.items()]
    if wanted == "array":
        several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        return [_value(kind, part, shape["items"]) for part in several]
    if wanted == "object" and isinstance(value, Mapping) and "properties" in shape:
        members = {_flat(name): name for name in shape["properties"]}
        unknown = [name for name in value if _flat(name) not in members]
        if unknown:
            raise LookupError(f"{kind}: CloudFormation has no {unknown}")
        return {
            members[_flat(name)]: _value(kind, part, shape["properties"][members[_flat(name)]])
            for name, part in value.items()
            if part is not None
        }
    return value


def _properties(source: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    kind = TYPES[source]
    properties = _schema(kind)["properties"]
    names = {_flat(name): name for name in properties}
    found = dict(BESIDES.get(kind, {}))
    for name, value in inputs.items():
        if f"{source}:{name}" in NOT_THERE or value is None:
            continue
        wanted = RENAMED.get(f"{source}:{name}") or names.get(_flat(name))
        if wanted is None or wanted not in properties:
            raise LookupError(f"{source}: CloudFormation has no {name}")
        found[wanted] = _value(kind, value, properties[wanted])
    return found


def _problems(resources: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Errors of cfn-lint: logical id of the resource, and rule, place and message."""
    template = json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})
    found = []
    for match in lint(template, config=ManualArgs(regions=[REGION], ignore_checks=["W", "I"])):
        path = [str(step) for step in getattr(match, "path", None) or []]
        found.append((path[1] if len(path) > 1 else "", f"{match.rule.id} {path[3:]}: {match.message}"))
    return found


def test_resources_are_ones_that_cloudformations_schemas_allow() -> None:
    plan = made("enterprise", "direct door")
    converted = [one for one in plan if one.type in TYPES]
    resources = {
        f"R{number}": {"Type": TYPES[one.type], "Properties": _properties(one.type, one.inputs)}
        for number, one in enumerate(converted)
    }
    names = {key: f"{one.type} {one.name}" for key, one in zip(resources, converted, strict=True)}
    problems = [f"{names.get(key, key)} {message}" for key, message in _problems(resources)]
    assert not problems, "\n".join(problems)
    print(f"{len(resources)} resources of {len(TYPES)} types; not converted:")
    print(*sorted({one.type for one in plan} - set(TYPES)), sep="\n")
    assert set(TYPES) == {one.type for one in converted}, "the table names a type that no plan has"


def test_what_cloudformation_would_refuse_is_found() -> None:
    wrong = {
        "aws:lambda/function": {"name": "a", "role": "no role", "runtime": "python2.3", "handler": "a.b"},
        "aws:sqs/queue": {"name": "a", "messageRetentionSeconds": 1},
        "aws:kms/key": {"policy": "{}", "deletionWindowInDays": 1},
    }
    resources = {
        f"R{number}": {"Type": TYPES[source], "Properties": _properties(source, inputs)}
        for number, (source, inputs) in enumerate(wrong.items())
    }
    assert {key for key, _ in _problems(resources)} == set(resources)
    with pytest.raises(LookupError, match="has no colour"):
        _properties("aws:sns/topic", {"colour": "red"})
