"""The role that deploys (S.1, L1.7): enough for every type of every plan, and no way to the data. Which
actions exist is AWS's own service reference (policy-sentry); which requests make a resource are botocore's
models.
"""

import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data, get_actions_with_access_level

from components.base import Names
from kit.deploy.role import FAMILIES, UnknownType, deploy_template, role_statements
from kit.evaluation.engine import PROJECT_ROOT
from tests.plans.key_needs import NEEDS
from tests.plans.made import made
from tests.plans.policies import allows
from tests.plans.test_values import REQUESTS
from tests.support.stages import plans_of

pytestmark = pytest.mark.timeout(600)  # it makes four plans
NAMES = Names("example", "production", "111122223333", "eu-central-1")
# Where a request of the API is permitted under another name than its own.
PERMITTED = {
    "apigateway": None,
    "apigatewayv2": None,
    "elbv2": "elasticloadbalancing",
    "stepfunctions": "states",
}
DATA = ("dynamodb", "kms", "lambda", "s3", "secretsmanager", "sqs", "sns", "firehose", "athena")
READS_DATA = {
    "s3:GetObject", "s3:GetObjectVersion", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan",
    "kms:Sign", "secretsmanager:GetSecretValue", "sqs:ReceiveMessage", "lambda:InvokeFunction",
    "athena:GetQueryResults", "dynamodb:PutItem", "dynamodb:DeleteItem", "logs:GetLogEvents",
    "sts:AssumeRole", "kms:ScheduleKeyDeletion", "kms:DisableKey", "cloudtrail:StopLogging",
    "iam:CreateUser", "iam:CreateAccessKey",
}  # fmt: skip


# Variants with types that no other plan has.
ADDING_TYPES = ("anomaly monitor of its own", "guardrail", "private API")


# Of other services, or of features that no plan uses.
NOT_OURS = (
    "amplify:",
    "apprunner:",
    "appsync:",
    "cognito-idp:AssociateWebACL",
    "cognito-idp:DisassociateWebACL",
    "cognito-idp:GetWebACLForResource",
    "ec2:AssociateVerifiedAccess",
    "ec2:DisassociateVerifiedAccess",
    "ec2:GetVerifiedAccess",
    "ecs:",  # flow logs of tasks
    "kms:",  # by a statement of its own, in the test below
    "lambda:PassCapacityProvider",
    "organizations:ListAWSServiceAccessForOrganization",  # a trail of the whole organisation
    "states:PublishStateMachineVersion",
    "wafv2:GetPermissionPolicy",  # a rule group of another account
    "wafv2:PutPermissionPolicy",
)
# Their ARNs are made up in another form than AWS's.
ASKED_OTHERWISE = (
    "aws:athena/namedQuery",  # on its workgroup
    "aws:cognito/userGroup",  # on its pool
    "aws:eks/addon",  # on its cluster, as is the next
    "aws:eks/podIdentityAssociation",
    "aws:lb/listenerRule",  # on its listener
    "aws:route53/resolverFirewallDomainList",
    "aws:route53/resolverFirewallRule",
    "aws:signer/signingProfile",
)


@cache
def _types() -> frozenset[str]:
    plans = [("enterprise", "direct door"), *(("medium", name) for name in ADDING_TYPES)]
    return frozenset(
        one.resource.type for size, name in plans for one in made(size, name) if one.resource.custom
    )


def _statements() -> list[dict[str, Any]]:
    return [one for one in json.loads(_document())["Statement"] if one["Effect"] == "Allow"]


@cache
def _document() -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": role_statements(_types(), NAMES)})


def test_every_type_of_every_plan_is_covered_and_a_new_one_is_asked_about() -> None:
    assert role_statements(_types(), NAMES)
    with pytest.raises(UnknownType, match="aws:rds/instance"):
        role_statements(["aws:rds/instance:Instance"], NAMES)


def test_every_action_is_one_that_aws_has() -> None:
    for family in FAMILIES:
        for action in f"{family.actions} {family.anywhere}".split():
            assert get_action_data(family.service, action), f"{family.service}:{action}"


def test_whatever_makes_a_resource_is_allowed_on_the_deployments_own_names() -> None:
    document = json.loads(_document())
    allowed = {
        action for one in document["Statement"] if one["Effect"] == "Allow" for action in one["Action"]
    }
    for kind, (service, operation) in REQUESTS.items():
        prefix = PERMITTED.get(service, service)
        if prefix is not None and any(one.startswith(f"{kind}:") for one in _types()):
            assert f"{prefix}:{operation}" in allowed, kind
    for action, mine, theirs in (
        ("lambda:CreateFunction", "lambda:eu-central-1:111122223333:function:example-production-gateway",
         "lambda:eu-central-1:111122223333:function:payroll"),
        ("s3:PutBucketPolicy", "s3:::example-production-audit-111122223333-eu-central-1", "s3:::payroll"),
        ("dynamodb:CreateTable", "dynamodb:eu-central-1:111122223333:table/example-production-ledger",
         "dynamodb:eu-central-1:111122223333:table/payroll"),
        ("secretsmanager:PutSecretValue",
         "secretsmanager:eu-central-1:111122223333:secret:example-production-key-pepper-AbCdEf",
         "secretsmanager:eu-central-1:111122223333:secret:payroll-AbCdEf"),
    ):  # fmt: skip
        assert allows(document, action, resource=f"arn:aws:{mine}"), action
        assert not allows(document, action, resource=f"arn:aws:{theirs}"), action


def test_the_role_may_ask_whatever_the_doctor_asks() -> None:
    """`kit deploy` runs the checks first, with the same credentials."""
    source = (PROJECT_ROOT / "kit" / "deploy" / "checks.py").read_text("utf-8")
    asked = re.findall(r'clients\("([\w-]+)"\)\s*\.(?:get_paginator\("(\w+)"\)|(\w+)\()', source)
    assert len(asked) >= 14
    allowed = {action.lower() for one in _statements() for action in one["Action"]}
    for service, paginated, called in asked:
        action = (paginated or called).replace("_", "")
        if service == "sts" or action == "updatecostallocationtagsstatus":
            continue  # needs no right; activating tags is for the account that pays
        prefix = {"service-quotas": "servicequotas"}.get(service, service)
        wanted = "get" if service == "apigateway" else action
        assert f"{prefix}:{wanted}" in allowed, f"{prefix}:{action}"


def test_whatever_an_action_depends_on_is_allowed_too() -> None:
    """AWS says of some actions which others a caller needs for them as well."""
    allowed = {action.lower(): action for one in _statements() for action in one["Action"]}
    missing = {}
    for action in set(allowed.values()) - {"servicequotas:GetServiceQuota"}:  # of quotas of other services
        service, _, name = action.partition(":")
        rows = [row for rows in get_action_data(service, name).values() for row in rows]
        needed = {each for row in rows for each in row.get("dependent_actions") or ()}
        unmet = {each for each in needed if each.lower() not in allowed and not each.startswith(NOT_OURS)}
        if unmet:
            missing[action] = sorted(unmet)
    assert missing == {}


def test_whatever_a_plan_makes_is_among_the_resources_that_the_role_may_make() -> None:
    """By the ARN that each has afterwards, and by the layers of AWS's own that its functions have."""
    refused = set()
    for one in made("enterprise", "direct door"):
        service, operation = REQUESTS.get(one.type, ("", ""))
        arn, prefix = one.state.outputs.get("arn"), PERMITTED.get(service, service)
        if prefix and arn and one.type not in ASKED_OTHERWISE:
            under = {"iam:PermissionsBoundary": one.inputs.get("permissionsBoundary", "")}
            if not allows(_document(), f"{prefix}:{operation}", resource=arn, context=under):
                refused.add(f"{prefix}:{operation} {arn}")
        if one.type == "aws:lambda/function":
            for layer in one.inputs["layers"]:
                if not allows(_document(), "lambda:GetLayerVersion", resource=layer):
                    refused.add(f"lambda:GetLayerVersion {layer}")
    assert not refused, "\n".join(sorted(refused))


def test_the_role_may_use_the_keys_of_what_it_makes_through_services_alone() -> None:
    key = "arn:aws:kms:eu-central-1:111122223333:key/1234"
    needed = {(need.via, action) for need in NEEDS if need.maker for action in need.actions}
    assert len({via for via, _ in needed}) >= 7
    for via, action in needed:
        through = {
            "kms:ViaService": f"{via}.eu-central-1.amazonaws.com",
            "kms:GrantIsForAWSResource": "true",
        }
        assert allows(_document(), action, resource=key, context=through), (via, action)
    for action in ("kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"):
        assert not allows(_document(), action, resource=key), "a key by itself opens nothing"


def test_the_role_reads_no_data_and_ends_no_evidence() -> None:
    allowed = {action for one in _statements() for action in one["Action"]}
    assert allowed & READS_DATA == {"s3:GetObject"}, "to find the approval of its plan, in production"
    everywhere = "111122223333-eu-central-1"
    for read in (f"audit-{everywhere}/records/one", f"governance-{everywhere}/change-reviews/one"):
        assert allows(_document(), "s3:GetObject", resource=f"arn:aws:s3:::example-production-{read}")
    for unread in (f"governance-{everywhere}/documents/one", f"data-marketing-{everywhere}/inbox/one"):
        assert not allows(_document(), "s3:GetObject", resource=f"arn:aws:s3:::example-production-{unread}")
    elsewhere = role_statements(_types(), replace(NAMES, environment="sandbox"))
    assert "s3:GetObject" not in {action for one in elsewhere for action in one["Action"]}
    assert not any("*" in action for action in allowed)
    for service in DATA:
        managing = set(get_actions_with_access_level(service, "Permissions management"))
        assert allowed & managing <= {
            "kms:CreateGrant", "kms:PutKeyPolicy", "kms:RetireGrant",
            "lambda:AddPermission", "lambda:RemovePermission",
            "s3:DeleteBucketPolicy", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock", "secretsmanager:DeleteResourcePolicy",
            "sns:CreateTopic", "sns:SetTopicAttributes", "sqs:CreateQueue", "sqs:SetQueueAttributes",
            "secretsmanager:PutResourcePolicy", "secretsmanager:ValidateResourcePolicy",
        }  # fmt: skip


def test_a_role_is_made_only_under_the_boundary_and_never_more_than_it() -> None:
    document = json.loads(_document())
    made_role = "arn:aws:iam::111122223333:role/example-production-gateway"
    boundary = "arn:aws:iam::111122223333:policy/example-production-boundary"
    under = {"iam:PermissionsBoundary": boundary}
    (planned,) = [one for one in made("small") if one.type == "aws:iam/policy" and "boundary" in one.name]
    assert planned.inputs["name"] == "example-production-boundary"
    assert allows(document, "iam:CreateRole", resource=made_role, context=under)
    assert not allows(
        document, "iam:CreateRole", resource=made_role, context={"iam:PermissionsBoundary": "other"}
    )
    assert not allows(
        document, "iam:CreateRole", resource=made_role.replace("example", "other"), context=under
    )
    assert not allows(document, "iam:DeleteRolePermissionsBoundary", resource=made_role)
    itself = "arn:aws:iam::111122223333:role/example-production-deploy"
    assert not allows(document, "iam:PutRolePolicy", resource=itself, context=under)


def test_the_role_pushes_images_of_this_deployment_and_has_them_signed() -> None:
    """What ECR documents for pushing to a private repository and for signing what is pushed."""
    document = json.loads(_document())
    at = "eu-central-1:111122223333"
    for action in (
        "BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "InitiateLayerUpload",
        "PutImage", "UploadLayerPart",
    ):  # fmt: skip
        ours = f"arn:aws:ecr:{at}:repository/example-production-gateway"
        assert allows(document, f"ecr:{action}", resource=ours), action
        assert not allows(document, f"ecr:{action}", resource=f"arn:aws:ecr:{at}:repository/payroll"), action
    assert allows(document, "ecr:GetAuthorizationToken", resource="*")
    profile = f"arn:aws:signer:{at}:/signing-profiles/example_production"
    assert allows(document, "signer:SignPayload", resource=profile)


def _template(**asked: Any) -> dict[str, Any]:
    return deploy_template(list(plans_of("small").values()), NAMES, **asked)


def test_the_template_holds_awss_limits_and_trusts_who_is_named() -> None:
    template = _template(
        people=["arn:aws:iam::111122223333:role/platform"], repository="acme/kit", state_bucket="s"
    )
    policies = [one for one in template["Resources"].values() if one["Type"] == "AWS::IAM::ManagedPolicy"]
    assert 1 <= len(policies) <= 10, "a role has ten managed policies at most"
    for one in policies:
        text = json.dumps(one["Properties"]["PolicyDocument"], separators=(",", ":"))
        assert len(text) <= 6_144
    people, github = template["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert people["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    subjects = github["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    assert subjects == [
        f"repo:acme/kit:environment:{stage}" for stage in ("foundation", "integration", "rollout")
    ]
    assert not any("*" in subject for subject in subjects)
    (alone,) = _template()["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert alone["Principal"] == {"AWS": ["arn:aws:iam::111122223333:root"]}
