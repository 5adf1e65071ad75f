"""Every text and number of the plans against the models that AWS publishes of its own APIs (S.2): pattern,
length, range, enumeration. A resource is held against the request that makes it; names are matched as they
are, so what the provider calls otherwise stands in `RENAMED`, and what it alone knows in no request.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
import pytest

from tests.plans.made import made

# Which request makes a type, and where in it the resource's inputs are.
REQUESTS: Mapping[str, tuple[str, str]] = {
    "aws:apigateway/authorizer": ("apigateway", "CreateAuthorizer"),
    "aws:apigateway/domainName": ("apigateway", "CreateDomainName"),
    "aws:apigateway/integration": ("apigateway", "PutIntegration"),
    "aws:apigateway/method": ("apigateway", "PutMethod"),
    "aws:apigateway/response": ("apigateway", "PutGatewayResponse"),
    "aws:apigateway/restApi": ("apigateway", "CreateRestApi"),
    "aws:apigateway/stage": ("apigateway", "CreateStage"),
    "aws:apigatewayv2/vpcLink": ("apigatewayv2", "CreateVpcLink"),
    "aws:athena/namedQuery": ("athena", "CreateNamedQuery"),
    "aws:athena/workgroup": ("athena", "CreateWorkGroup"),
    "aws:chatbot/slackChannelConfiguration": ("chatbot", "CreateSlackChannelConfiguration"),
    "aws:chatbot/teamsChannelConfiguration": ("chatbot", "CreateMicrosoftTeamsChannelConfiguration"),
    "aws:cloudtrail/trail": ("cloudtrail", "CreateTrail"),
    "aws:cloudwatch/compositeAlarm": ("cloudwatch", "PutCompositeAlarm"),
    "aws:cloudwatch/dashboard": ("cloudwatch", "PutDashboard"),
    "aws:cloudwatch/eventRule": ("events", "PutRule"),
    "aws:cloudwatch/logGroup": ("logs", "CreateLogGroup"),
    "aws:cloudwatch/metricAlarm": ("cloudwatch", "PutMetricAlarm"),
    "aws:cognito/identityProvider": ("cognito-idp", "CreateIdentityProvider"),
    "aws:cognito/resourceServer": ("cognito-idp", "CreateResourceServer"),
    "aws:cognito/userGroup": ("cognito-idp", "CreateGroup"),
    "aws:cognito/userPool": ("cognito-idp", "CreateUserPool"),
    "aws:cognito/userPoolClient": ("cognito-idp", "CreateUserPoolClient"),
    "aws:cognito/userPoolDomain": ("cognito-idp", "CreateUserPoolDomain"),
    "aws:dynamodb/table": ("dynamodb", "CreateTable"),
    "aws:ec2/securityGroup": ("ec2", "CreateSecurityGroup"),
    "aws:ec2/subnet": ("ec2", "CreateSubnet"),
    "aws:ec2/vpc": ("ec2", "CreateVpc"),
    "aws:ec2/vpcEndpoint": ("ec2", "CreateVpcEndpoint"),
    "aws:ecr/repository": ("ecr", "CreateRepository"),
    "aws:eks/addon": ("eks", "CreateAddon"),
    "aws:eks/cluster": ("eks", "CreateCluster"),
    "aws:eks/podIdentityAssociation": ("eks", "CreatePodIdentityAssociation"),
    "aws:iam/policy": ("iam", "CreatePolicy"),
    "aws:iam/role": ("iam", "CreateRole"),
    "aws:iam/rolePolicy": ("iam", "PutRolePolicy"),
    "aws:kinesis/firehoseDeliveryStream": ("firehose", "CreateDeliveryStream"),
    "aws:kms/alias": ("kms", "CreateAlias"),
    "aws:kms/key": ("kms", "CreateKey"),
    "aws:lambda/alias": ("lambda", "CreateAlias"),
    "aws:lambda/function": ("lambda", "CreateFunction"),
    "aws:lambda/layerVersion": ("lambda", "PublishLayerVersion"),
    "aws:lambda/permission": ("lambda", "AddPermission"),
    "aws:lb/listener": ("elbv2", "CreateListener"),
    "aws:lb/listenerRule": ("elbv2", "CreateRule"),
    "aws:lb/loadBalancer": ("elbv2", "CreateLoadBalancer"),
    "aws:lb/targetGroup": ("elbv2", "CreateTargetGroup"),
    "aws:route53/resolverFirewallDomainList": ("route53resolver", "CreateFirewallDomainList"),
    "aws:route53/resolverFirewallRule": ("route53resolver", "CreateFirewallRule"),
    "aws:secretsmanager/secret": ("secretsmanager", "CreateSecret"),
    "aws:sfn/stateMachine": ("stepfunctions", "CreateStateMachine"),
    "aws:signer/signingProfile": ("signer", "PutSigningProfile"),
    "aws:sns/topic": ("sns", "CreateTopic"),
    "aws:sqs/queue": ("sqs", "CreateQueue"),
    "aws:wafv2/webAcl": ("wafv2", "CreateWebACL"),
}
RENAMED: Mapping[str, str] = {
    "aws:cloudwatch/metricAlarm:name": "alarmname",
    "aws:cloudwatch/logGroup:name": "loggroupname",
    "aws:cognito/userGroup:name": "groupname",
    "aws:cognito/userPool:name": "poolname",
    "aws:cognito/userPoolClient:name": "clientname",
    "aws:dynamodb/table:name": "tablename",
    "aws:ec2/securityGroup:name": "groupname",
    "aws:ecr/repository:name": "repositoryname",
    "aws:iam/policy:name": "policyname",
    "aws:iam/policy:policy": "policydocument",
    "aws:iam/role:name": "rolename",
    "aws:iam/role:assumeRolePolicy": "assumerolepolicydocument",
    "aws:iam/rolePolicy:name": "policyname",
    "aws:iam/rolePolicy:policy": "policydocument",
    "aws:kinesis/firehoseDeliveryStream:name": "deliverystreamname",
    "aws:kms/alias:name": "aliasname",
    "aws:lambda/function:name": "functionname",
    "aws:lambda/permission:function": "functionname",
    "aws:signer/signingProfile:name": "profilename",
    "aws:sqs/queue:name": "queuename",
}
_LEAST = 2_000  # values that are checked in a plan: fewer, and names no longer match
_NOT_PYTHON = {
    "\\p{L}": "\\w", "\\p{M}": "\\u0300-\\u036f", "\\p{N}": "\\d", "\\p{Z}": "\\s",
    "\\p{S}": "$+<=>^`|~", "\\p{P}": "!-/:-@_\\[\\]{}\\\\",
    "\\p{Print}": "\\x20-\\x7e", "\\p{ASCII}": "\\x00-\\x7f",
}  # fmt: skip


@cache
def _request(service: str, operation: str) -> Any:
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    return shape


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    """The pattern in Python's dialect; None where it cannot be said there."""
    for theirs, ours in _NOT_PYTHON.items():
        text = text.replace(theirs, ours)
    try:
        return re.compile(text)
    except re.error:
        return None


def _flat(name: str) -> str:
    return name.replace("_", "").lower()


def _leaves(kind: str, key: str, value: Any, shape: Any) -> Iterator[tuple[str, Any, Any]]:
    """Texts and numbers of a value, each with the shape that AWS has for it."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        members = {_flat(name): member for name, member in shape.members.items()}
        for name, part in value.items():
            wanted = RENAMED.get(f"{kind}:{name}", _flat(name)) if not key else _flat(name)
            member = members.get(wanted) or members.get(f"{wanted}s") or members.get(wanted.removesuffix("s"))
            if member is not None:
                yield from _leaves(kind, f"{key}.{name}", part, member)
    elif shape.type_name == "list" and isinstance(value, (list, tuple)):
        for part in value:
            yield from _leaves(kind, f"{key}[]", part, shape.member)
    elif shape.type_name == "map" and isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(kind, f"{key}{{}}", name, shape.key)
            yield from _leaves(kind, f"{key}.{name}", part, shape.value)
    elif isinstance(value, (str, int, float)) and shape.type_name not in {"structure", "list", "map"}:
        yield key, value, shape


def _problem(value: Any, shape: Any) -> str:
    """What AWS's model has against a value; empty if nothing."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if isinstance(value, str) and shape.type_name == "string":
        if getattr(shape, "enum", None) and value not in shape.enum:
            return f"not one of {shape.enum}"
        if (least is not None and len(value) < least) or (most is not None and len(value) > most):
            return f"length {len(value)} is not in {least}..{most}"
        pattern = _pattern(shape.metadata["pattern"]) if "pattern" in shape.metadata else None
        if pattern and not pattern.fullmatch(value):
            return f"does not match {pattern.pattern}"
        return ""
    counted = isinstance(value, (int, float)) and not isinstance(value, bool) and shape.type_name != "string"
    if counted and ((least is not None and value < least) or (most is not None and value > most)):
        return f"is not in {least}..{most}"
    return ""


@pytest.mark.parametrize(("size", "variant"), [("small", "plain"), ("enterprise", "direct door")])
def test_every_value_is_one_that_awss_own_models_allow(size: str, variant: str) -> None:
    checked: Counter[str] = Counter()
    problems: set[str] = set()
    for one in made(size, variant):
        if one.type in REQUESTS:
            for key, value, shape in _leaves(one.type, "", one.inputs, _request(*REQUESTS[one.type])):
                checked[one.type] += 1
                if found := _problem(value, shape):
                    problems.add(f"{one.type} {key}: {str(value)[:80]!r} {found}")
    assert not problems, "\n".join(sorted(problems))
    assert checked.total() >= _LEAST
    made_here = {one.type for one in made(size, variant)} & set(REQUESTS)
    assert set(checked) == made_here, f"nothing of these was matched: {made_here - set(checked)}"


def test_a_value_that_aws_would_refuse_is_found() -> None:
    """One of each kind of rule, so that a model that says nothing is noticed."""
    wrong = {
        "aws:lambda/function": {"runtime": "python2.3", "timeout": 0, "name": "a name with spaces"},
        "aws:kms/alias": {"name": "alias/a name"},
        "aws:iam/role": {"name": "x" * 65},
    }
    for kind, inputs in wrong.items():
        found = [
            key
            for key, value, shape in _leaves(kind, "", inputs, _request(*REQUESTS[kind]))
            if _problem(value, shape)
        ]
        assert len(found) == len(inputs), (kind, found)
