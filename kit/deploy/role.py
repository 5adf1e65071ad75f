"""The deploying role, computed from the plan: what its resource types need, on this deployment's names
(S.1, L1.7). It creates, changes, tags and deletes; it reads no data: no object, item, secret or message.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.base import Names
from components.functions import adapter_layer
from components.permissions import canonical_json
from contract.kinds import STAGES
from kit.evaluation.graph import Graph

_MOST_CHARACTERS = 6_144  # of a managed policy
_SESSION_SECONDS = 2 * 3_600


@dataclass(frozen=True)
class Family:
    """What resources of a family of types need: actions of one service, on ARNs. In these `{name}` is the
    deployment's prefix, `{arn}` the partition's start, `{at}` region and account. What a service knows no
    resource for is under `anywhere`.
    """

    types: Sequence[str]
    service: str
    actions: str
    resources: Sequence[str]
    anywhere: str = ""


_TAGS = "TagResource UntagResource ListTagsForResource"
FAMILIES: tuple[Family, ...] = (
    Family(["aws:apigateway/", "aws:apigatewayv2/"], "apigateway", "DELETE GET PATCH POST PUT"
           " SetWebACL UpdateRestApiPolicy",
           ["{arn}:apigateway:{region}::/*"]),
    Family(["aws:athena/"], "athena",
           f"CreateWorkGroup DeleteWorkGroup GetWorkGroup UpdateWorkGroup CreateNamedQuery DeleteNamedQuery"
           f" GetNamedQuery UpdateNamedQuery {_TAGS}", ["{arn}:athena:{at}:workgroup/{name}*"]),
    Family(["aws:bedrock/"], "bedrock",
           f"CreateGuardrail CreateGuardrailVersion DeleteGuardrail GetGuardrail UpdateGuardrail {_TAGS}",
           ["{arn}:bedrock:{at}:guardrail/*"]),
    Family(["aws:budgets/"], "budgets", f"ModifyBudget ViewBudget {_TAGS}",
           ["{arn}:budgets::{account}:budget/{name}*"]),
    Family(["aws:budgets/"], "billing", "GetBillingViewData",
           ["{arn}:billing::{account}:billingview/primary"]),
    Family(["aws:chatbot/"], "chatbot",
           f"DeleteMicrosoftTeamsChannelConfiguration DeleteSlackChannelConfiguration"
           f" UpdateMicrosoftTeamsChannelConfiguration UpdateSlackChannelConfiguration {_TAGS}",
           ["{arn}:chatbot::{account}:chat-configuration/*/{name}*"],
           "CreateMicrosoftTeamsChannelConfiguration CreateSlackChannelConfiguration"
           " DescribeSlackChannelConfigurations GetMicrosoftTeamsChannelConfiguration"
           " ListMicrosoftTeamsChannelConfigurations"),
    Family(["aws:cloudtrail/"], "cloudtrail",
           "AddTags CreateTrail DeleteTrail GetEventSelectors GetTrail GetTrailStatus ListTags"
           " PutEventSelectors"
           " RemoveTags StartLogging UpdateTrail", ["{arn}:cloudtrail:{at}:trail/{name}*"], "DescribeTrails"),
    Family(["aws:cloudwatch/metricAlarm", "aws:cloudwatch/compositeAlarm"], "cloudwatch",
           f"DeleteAlarms DescribeAlarms PutCompositeAlarm PutMetricAlarm {_TAGS}",
           ["{arn}:cloudwatch:{at}:alarm:{name}*"]),
    Family(["aws:cloudwatch/dashboard"], "cloudwatch", "DeleteDashboards GetDashboard PutDashboard",
           ["{arn}:cloudwatch::{account}:dashboard/{name}*"]),
    Family(["aws:cloudwatch/event"], "events",
           f"DeleteRule DescribeRule ListTargetsByRule PutRule PutTargets RemoveTargets {_TAGS}",
           ["{arn}:events:{at}:rule/{name}*"]),
    Family(["aws:cloudwatch/log"], "logs",
           f"AssociateKmsKey CreateLogGroup CreateLogStream DeleteLogGroup DeleteLogStream DescribeLogStreams"
           f" DisassociateKmsKey PutRetentionPolicy {_TAGS}",
           ["{arn}:logs:{at}:log-group:*{name}*"], "CreateLogDelivery DeleteLogDelivery DescribeLogGroups"
           " DescribeResourcePolicies GetLogDelivery ListLogDeliveries PutResourcePolicy UpdateLogDelivery"),
    Family(["aws:cognito/"], "cognito-idp",
           f"AddCustomAttributes CreateGroup CreateIdentityProvider CreateManagedLoginBranding"
           f" CreateResourceServer"
           f" CreateUserPoolClient CreateUserPoolDomain DeleteGroup DeleteIdentityProvider"
           f" DeleteManagedLoginBranding DeleteResourceServer DeleteUserPool DeleteUserPoolClient"
           f" DeleteUserPoolDomain DescribeIdentityProvider DescribeManagedLoginBranding"
           f" DescribeManagedLoginBrandingByClient DescribeResourceServer DescribeUserPool"
           f" DescribeUserPoolClient"
           f" GetGroup GetUserPoolMfaConfig SetUserPoolMfaConfig UpdateGroup UpdateIdentityProvider"
           f" UpdateManagedLoginBranding UpdateResourceServer UpdateUserPool UpdateUserPoolClient"
           f" UpdateUserPoolDomain {_TAGS}",
           ["{arn}:cognito-idp:{at}:userpool/*"], "CreateUserPool DescribeUserPoolDomain ListUserPools"),
    Family(["aws:costexplorer/"], "ce",
           f"CreateAnomalyMonitor CreateAnomalySubscription DeleteAnomalyMonitor DeleteAnomalySubscription"
           f" GetAnomalyMonitors GetAnomalySubscriptions UpdateAnomalyMonitor UpdateAnomalySubscription"
           f" {_TAGS}",
           ["{arn}:ce::{account}:anomalymonitor/*", "{arn}:ce::{account}:anomalysubscription/*"]),
    Family(["aws:dynamodb/"], "dynamodb",
           "CreateTable DeleteTable DescribeContinuousBackups DescribeContributorInsights DescribeTable"
           " DescribeTimeToLive ListTagsOfResource TagResource UntagResource UpdateContinuousBackups"
           " UpdateContributorInsights UpdateTable UpdateTimeToLive", ["{arn}:dynamodb:{at}:table/{name}*"]),
    Family(["aws:ec2/", "aws:vpc/"], "ec2",
           "AllocateAddress AssociateAddress AssociateRouteTable AttachInternetGateway"
           " AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateFlowLogs CreateInternetGateway"
           " CreateNatGateway CreateRoute CreateRouteTable CreateSecurityGroup CreateSubnet CreateTags"
           " CreateVpc"
           " CreateVpcEndpoint DeleteFlowLogs DeleteInternetGateway DeleteNatGateway DeleteRoute"
           " DeleteRouteTable"
           " DeleteSecurityGroup DeleteSubnet DeleteTags DeleteVpc DeleteVpcEndpoints DetachInternetGateway"
           " DisassociateAddress DisassociateRouteTable ModifySecurityGroupRules ModifySubnetAttribute"
           " ModifyVpcAttribute ModifyVpcEndpoint ReleaseAddress ReplaceRoute RevokeSecurityGroupEgress"
           " RevokeSecurityGroupIngress",
           ["{arn}:ec2:{at}:*"],
           "DescribeAddresses DescribeAddressesAttribute DescribeAvailabilityZones DescribeFlowLogs"
           " DescribeInternetGateways DescribeNatGateways DescribeNetworkAcls DescribeNetworkInterfaces"
           " DescribePrefixLists DescribeRouteTables DescribeSecurityGroupRules DescribeSecurityGroups"
           " DescribeSubnets DescribeVpcAttribute DescribeVpcEndpoints DescribeVpcs"),
    Family(["aws:ec2/vpcEndpoint"], "route53", "AssociateVPCWithHostedZone",  # names of private endpoints
           ["{arn}:route53:::hostedzone/*", "{arn}:ec2:{at}:vpc/*"]),
    Family(["aws:ecr/"], "ecr",
           f"CreateRepository DeleteRepository DescribeImageSigningStatus DescribeImages DescribeRepositories"
           f" PutImageScanningConfiguration"
           f" PutImageTagMutability {_TAGS}", ["{arn}:ecr:{at}:repository/{name}*"]),
    Family(["aws:ecr/repository"], "ecr",  # `kit image push`
           "BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload InitiateLayerUpload PutImage"
           " UploadLayerPart",
           ["{arn}:ecr:{at}:repository/{name}*"], "GetAuthorizationToken"),
    Family(["aws:eks/"], "eks",
           f"AssociateAccessPolicy CreateAccessEntry CreateAddon CreateCluster CreatePodIdentityAssociation"
           f" DeleteAccessEntry DeleteAddon DeleteCluster DeletePodIdentityAssociation DescribeAccessEntry"
           f" DescribeAddon DescribeCluster DescribePodIdentityAssociation DescribeUpdate"
           f" DisassociateAccessPolicy"
           f" ListAssociatedAccessPolicies UpdateAccessEntry UpdateAddon UpdateClusterConfig"
           f" UpdateClusterVersion"
           f" UpdatePodIdentityAssociation {_TAGS}",
           ["{arn}:eks:{at}:*/{name}*"], "DescribeAddonVersions"),
    Family(["aws:glue/"], "glue",
           "CreateDatabase CreateTable DeleteDatabase DeleteTable GetDatabase GetTable GetTags TagResource"
           " UntagResource UpdateDatabase UpdateTable",
           ["{arn}:glue:{at}:catalog", "{arn}:glue:{at}:database/*", "{arn}:glue:{at}:table/*"]),
    Family(["aws:iam/outbound"], "iam", "",  [],
           "DisableOutboundWebIdentityFederation EnableOutboundWebIdentityFederation"
           " GetOutboundWebIdentityFederationInfo"),
    Family(["aws:iam/policy"], "iam",
           "CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion"
           " ListPolicyVersions TagPolicy UntagPolicy", ["{arn}:iam::{account}:policy/{name}*"]),
    Family(["aws:iam/openId"], "iam",
           "CreateOpenIDConnectProvider DeleteOpenIDConnectProvider GetOpenIDConnectProvider"
           " TagOpenIDConnectProvider UntagOpenIDConnectProvider", ["{arn}:iam::{account}:oidc-provider/*"]),
    Family(["aws:iam/saml"], "iam",
           "CreateSAMLProvider DeleteSAMLProvider GetSAMLProvider TagSAMLProvider UntagSAMLProvider"
           " UpdateSAMLProvider", ["{arn}:iam::{account}:saml-provider/{name}*"]),
    Family(["aws:kinesis/"], "firehose",
           "CreateDeliveryStream DeleteDeliveryStream DescribeDeliveryStream ListTagsForDeliveryStream"
           " StartDeliveryStreamEncryption StopDeliveryStreamEncryption TagDeliveryStream UntagDeliveryStream"
           " UpdateDestination", ["{arn}:firehose:{at}:deliverystream/*"]),
    Family(["aws:kms/"], "kms",
           "CreateAlias DeleteAlias DescribeKey EnableKeyRotation GetKeyPolicy"
           " GetKeyRotationStatus"
           " ListResourceTags PutKeyPolicy TagResource UntagResource UpdateAlias UpdateKeyDescription",
           ["{arn}:kms:*:{account}:key/*", "{arn}:kms:*:{account}:alias/{name}*"],  # the replica's too
           "CreateKey ListAliases"),
    Family(["aws:lambda/"], "lambda",
           "AddPermission CreateAlias CreateFunction DeleteAlias DeleteFunction DeleteFunctionConcurrency"
           " DeleteProvisionedConcurrencyConfig GetAlias GetFunction GetFunctionCodeSigningConfig"
           " GetFunctionConfiguration GetLayerVersion GetPolicy GetProvisionedConcurrencyConfig ListTags"
           " ListVersionsByFunction PublishLayerVersion PublishVersion PutFunctionConcurrency"
           " PutProvisionedConcurrencyConfig RemovePermission TagResource UntagResource UpdateAlias"
           " UpdateFunctionCode UpdateFunctionConfiguration",
           ["{arn}:lambda:{at}:function:{name}*", "{arn}:lambda:{at}:layer:{name}*"]),
    Family(["aws:lb/"], "elasticloadbalancing",
           "AddTags CreateListener CreateLoadBalancer CreateRule CreateTargetGroup CreateTrustStore"
           " CreateWebACLAssociation DeleteListener DeleteLoadBalancer DeleteRule DeleteTargetGroup"
           " DeleteTrustStore DeleteWebACLAssociation GetLoadBalancerWebACL ModifyListener"
           " ModifyListenerAttributes ModifyLoadBalancerAttributes ModifyRule ModifyTargetGroup"
           " ModifyTargetGroupAttributes ModifyTrustStore RemoveTags SetRulePriorities SetSecurityGroups"
           " SetSubnets SetWebACL", ["{arn}:elasticloadbalancing:{at}:*"],
           "DescribeListenerAttributes DescribeListeners DescribeLoadBalancerAttributes DescribeLoadBalancers"
           " DescribeRules DescribeTags DescribeTargetGroupAttributes DescribeTargetGroups"
           " DescribeTrustStores"),
    Family(["aws:route53/resolver"], "route53resolver",
           f"AssociateFirewallRuleGroup CreateFirewallDomainList CreateFirewallRule CreateFirewallRuleGroup"
           f" DeleteFirewallDomainList DeleteFirewallRule DeleteFirewallRuleGroup"
           f" DisassociateFirewallRuleGroup"
           f" GetFirewallConfig GetFirewallDomainList GetFirewallRuleGroup GetFirewallRuleGroupAssociation"
           f" ListFirewallDomains ListFirewallRules UpdateFirewallConfig UpdateFirewallDomains"
           f" UpdateFirewallRule"
           f" UpdateFirewallRuleGroupAssociation {_TAGS}", ["{arn}:route53resolver:{at}:*"]),
    Family(["aws:route53/record"], "route53", "ChangeResourceRecordSets GetHostedZone ListResourceRecordSets",
           ["{arn}:route53:::hostedzone/*"], "GetChange"),
    Family(["aws:s3/bucketObject"], "s3", "DeleteObject GetObjectTagging PutObject PutObjectTagging",
           ["{arn}:s3:::{name}governance-*/*"]),
    Family(["aws:s3/bucket"], "s3",
           "CreateBucket DeleteBucket DeleteBucketPolicy GetAccelerateConfiguration GetBucketAcl"
           " GetBucketCORS"
           " GetBucketLocation GetBucketLogging GetBucketObjectLockConfiguration GetBucketOwnershipControls"
           " GetBucketPolicy GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging"
           " GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetLifecycleConfiguration"
           " GetReplicationConfiguration ListBucket PutBucketObjectLockConfiguration"
           " PutBucketOwnershipControls"
           " PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning"
           " PutEncryptionConfiguration PutLifecycleConfiguration PutReplicationConfiguration",
           ["{arn}:s3:::{name}*"]),
    Family(["aws:secretsmanager/"], "secretsmanager",
           "CreateSecret DeleteResourcePolicy DeleteSecret DescribeSecret GetResourcePolicy PutResourcePolicy"
           " PutSecretValue RestoreSecret TagResource UntagResource UpdateSecret ValidateResourcePolicy",
           ["{arn}:secretsmanager:{at}:secret:{name}*"]),
    Family(["aws:sfn/"], "states",
           f"CreateStateMachine DeleteStateMachine DescribeStateMachine ListStateMachineVersions"
           f" UpdateStateMachine ValidateStateMachineDefinition {_TAGS}",
           ["{arn}:states:{at}:stateMachine:{name}*"]),
    Family(["aws:signer/"], "signer",
           f"CancelSigningProfile GetSigningProfile ListProfilePermissions PutSigningProfile SignPayload"
           f" {_TAGS}",
           ["{arn}:signer:{at}:/signing-profiles/*"]),
    Family(["aws:sns/"], "sns",
           f"CreateTopic DeleteTopic GetSubscriptionAttributes GetTopicAttributes SetTopicAttributes"
           f" Subscribe"
           f" Unsubscribe {_TAGS}", ["{arn}:sns:{at}:{name}*"]),
    Family(["aws:sqs/"], "sqs",
           "CreateQueue DeleteQueue GetQueueAttributes GetQueueUrl ListQueueTags SetQueueAttributes TagQueue"
           " UntagQueue", ["{arn}:sqs:{at}:{name}*"]),
    Family(["aws:ssoadmin/"], "sso",
           "AttachCustomerManagedPolicyReferenceToPermissionSet CreateAccountAssignment CreatePermissionSet"
           " DeleteAccountAssignment DeleteInlinePolicyFromPermissionSet DeletePermissionSet"
           " DescribeAccountAssignmentCreationStatus DescribeAccountAssignmentDeletionStatus"
           " DescribePermissionSet DescribePermissionSetProvisioningStatus GetInlinePolicyForPermissionSet"
           " ListAccountAssignments ListTagsForResource ProvisionPermissionSet PutInlinePolicyToPermissionSet"
           " TagResource UntagResource UpdatePermissionSet",
           ["{arn}:sso:::instance/*", "{arn}:sso:::permissionSet/*", "{arn}:sso:::account/{account}"]),
    Family(["aws:wafv2/"], "wafv2",
           f"AssociateWebACL CreateWebACL DeleteLoggingConfiguration DeleteWebACL DisassociateWebACL"
           f" GetLoggingConfiguration GetWebACL GetWebACLForResource PutLoggingConfiguration UpdateWebACL"
           f" {_TAGS}",
           ["{arn}:wafv2:{at}:regional/*", "{arn}:apigateway:{region}::/restapis/*/stages/*",
            "{arn}:elasticloadbalancing:{at}:loadbalancer/app/*"]),
)  # fmt: skip
# What encrypts in the name of the maker of a table, function, guardrail, object or value.
_ENCRYPTING = ("bedrock", "dynamodb", "lambda", "s3", "secretsmanager")
_PREFLIGHT = (
    "acm:DescribeCertificate",
    "bedrock:GetFoundationModelAvailability",
    "ce:GetAnomalyMonitors",
    "ce:ListCostAllocationTags",
    "ec2:DescribeAddresses",
    "ec2:DescribeRegions",
    "ec2:DescribeVpcEndpointServices",
    "iam:GetOutboundWebIdentityFederationInfo",
    "lambda:GetAccountSettings",
    "secretsmanager:ListSecrets",
    "servicequotas:GetServiceQuota",
    "signer:GetSigningPlatform",
)
# Nothing at AWS stands for these.
_NOT_AWS = ("kubernetes:", "pulumi:")
_ROLES = ("aws:iam/role",)  # roles, their policies and attachments: by a statement of their own


class UnknownType(Exception):
    """No family covers a resource type of the plan; adding one requires saying what deploying it needs."""


def deploy_template(
    graphs: Iterable[Graph],
    names: Names,
    *,
    people: Sequence[str] = (),
    repository: str = "",
    state_bucket: str = "",
) -> dict[str, Any]:
    """A CloudFormation template with the role: made once, by an administrator, before anything else. It is
    assumed by the roles in `people` with a second factor, and by workflows of the GitHub `repository`
    (`owner/name`) in the environment of a stage. Raises `UnknownType`.
    """
    statements = role_statements({one.type for graph in graphs for one in graph if one.custom}, names)
    if state_bucket:
        statements += _state_statements(state_bucket, names)
    policies = {
        f"Policy{number}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "ManagedPolicyName": names.of(f"deploy-{number}"),
                "PolicyDocument": {"Version": "2012-10-17", "Statement": part},
            },
        }
        for number, part in enumerate(_in_parts(statements), 1)
    }
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": names.of("deploy"),
            "Description": "Deploys the kit: makes and changes its resources, reads no data",
            "MaxSessionDuration": _SESSION_SECONDS,
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": _trust(names, people, repository),
            },
            "ManagedPolicyArns": [{"Ref": name} for name in policies],
        },
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The role that deploys {names.client} {names.environment}",
        "Resources": {"Role": role, **policies},
        "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }


def role_statements(types: Iterable[str], names: Names) -> list[dict[str, Any]]:
    """Return what deploying these resource types needs. Raises `UnknownType`."""
    wanted = sorted({one for one in types if not one.startswith(_NOT_AWS)})
    found: list[Family] = []
    for one in wanted:
        families = [each for each in FAMILIES if one.startswith(tuple(each.types))]
        if not families and not one.startswith(_ROLES):
            raise UnknownType(f"{one}: say in kit/deploy/role.py what deploying it needs")
        found += [family for family in families if family not in found]
    statements = [one for family in found for one in _of_family(family, names)]
    statements.append(_preflight_statement())
    if names.environment == "production":
        statements.append(_approval_statement(names))
    return [*statements, _layer_statement(names), *_key_statements(names), *_role_statements(names)]


def _of_family(family: Family, names: Names) -> list[dict[str, Any]]:
    filled = _filled(names)
    sid = "".join(part for part in f"{family.types[0]} {family.service}".title() if part.isalnum())
    found = []
    if family.actions:
        found.append(
            _statement(sid, family, family.actions, [one.format(**filled) for one in family.resources])
        )
    if family.anywhere:
        found.append(_statement(f"{sid}Anywhere", family, family.anywhere, ["*"]))
    return found


def _statement(sid: str, family: Family, actions: str, resources: list[str]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(f"{family.service}:{action}" for action in actions.split()),
        "Resource": resources,
    }


def _filled(names: Names) -> Mapping[str, str]:
    return {
        "arn": f"arn:{names.partition}",
        "at": f"{names.region}:{names.account}",
        "region": names.region,
        "account": names.account,
        "name": f"{names.client}-{names.environment}-",
    }


def _preflight_statement() -> dict[str, Any]:
    """Return what `kit doctor`, which `kit deploy` runs first, asks of the account; AWS defines no
    resources for it.
    """
    return {"Sid": "Preflight", "Effect": "Allow", "Action": sorted(_PREFLIGHT), "Resource": ["*"]}


def _approval_statement(names: Names) -> dict[str, Any]:
    """In production a plan is deployed as somebody else approved it, and the approval is an audit record.
    Bodies of records stay wrapped: the key that wraps them is used through no service.
    """
    audit, governance = (
        f"arn:{names.partition}:s3:::{names.everywhere(what)}" for what in ("audit", "governance")
    )
    records = [f"{audit}/{folder}/*" for folder in ("manifests", "records", "segments")]
    return {
        "Sid": "FindApproval",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:ListBucket", "s3:ListBucketVersions"],
        "Resource": [audit, *records, f"{governance}/change-reviews/*"],
    }


def _layer_statement(names: Names) -> dict[str, Any]:
    """Return the right to read layers, which Lambda requires of a function's creator, AWS's own too."""
    return {
        "Sid": "LayerOfAws",
        "Effect": "Allow",
        "Action": ["lambda:GetLayerVersion"],
        "Resource": [adapter_layer(names)],
    }


def _key_statements(names: Names) -> list[dict[str, Any]]:
    """Services encrypt what is made in the name of its maker, or are given a grant by it. That opens
    no data: the role may read no object, item or value, and no key by itself.
    """
    key = f"arn:{names.partition}:kms:*:{names.account}:key/*"
    through = [f"{service}.{names.region}.amazonaws.com" for service in _ENCRYPTING]
    return [
        {
            "Sid": "KeysThroughServices",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
            "Resource": [key],
            "Condition": {"StringEquals": {"kms:ViaService": through}},
        },
        {
            "Sid": "GrantsToServices",
            "Effect": "Allow",
            "Action": ["kms:CreateGrant", "kms:RetireGrant"],
            "Resource": [key],
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    ]


def _role_statements(names: Names) -> list[dict[str, Any]]:
    """Roles are made only under the kit's boundary, except the two of EKS, whose permissions are AWS's own
    managed policies; a role is handed to AWS's services only.
    """
    roles = f"arn:{names.partition}:iam::{names.account}:role/{names.client}-{names.environment}-"
    boundary = f"arn:{names.partition}:iam::{names.account}:policy/{names.of('boundary')}"
    change = "CreateRole PutRolePermissionsBoundary PutRolePolicy"
    keep = (
        "DeleteRole DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies"
        " ListInstanceProfilesForRole ListRolePolicies TagRole UntagRole UpdateAssumeRolePolicy UpdateRole"
        " UpdateRoleDescription"
    )
    managed = [
        f"arn:{names.partition}:iam::aws:policy/{name}"
        for name in ("AmazonEKS*", "AmazonEC2ContainerRegistryPullOnly")
    ]

    def allow(
        sid: str, actions: str, resource: str, condition: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        made = {
            "Sid": sid,
            "Effect": "Allow",
            "Action": sorted(f"iam:{action}" for action in actions.split()),
            "Resource": [resource],
        }
        return {**made, "Condition": condition} if condition else made

    return [
        allow("RolesUnderTheBoundary", change, f"{roles}*",
              {"StringEquals": {"iam:PermissionsBoundary": boundary}}),
        allow("RolesKept", keep, f"{roles}*"),
        allow("RolesOfEks", "CreateRole", f"{roles}eks-*"),
        allow("PoliciesOfEks", "AttachRolePolicy", f"{roles}eks-*", {"ArnLike": {"iam:PolicyARN": managed}}),
        allow("RolesForServices", "PassRole", f"{roles}*",
              {"StringLike": {"iam:PassedToService": "*.amazonaws.com"}}),
        allow("LinkedRoles", "CreateServiceLinkedRole",
              f"arn:{names.partition}:iam::{names.account}:role/aws-service-role/*"),
        {
            "Sid": "NotItself",
            "Effect": "Deny",
            "Action": ["iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"],
            "Resource": [f"{roles}deploy"],
        },
    ]  # fmt: skip


def _state_statements(bucket: str, names: Names) -> list[dict[str, Any]]:
    """Return access to the engine's own state, and the key of its secrets."""
    alias = {"StringEquals": {"kms:RequestAlias": f"alias/{bucket}"}}
    key = f"arn:{names.partition}:kms:{names.region}:{names.account}:key/*"
    return [
        {
            "Sid": "State",
            "Effect": "Allow",
            "Action": ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
            "Resource": [f"arn:{names.partition}:s3:::{bucket}", f"arn:{names.partition}:s3:::{bucket}/*"],
        },
        {
            "Sid": "StateKey",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
            "Resource": [key],
            "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{bucket}"}},
        },
        {"Sid": "StateKeyByName", "Effect": "Allow", "Action": ["kms:DescribeKey"], "Resource": [key],
         "Condition": alias},
    ]  # fmt: skip


def _trust(names: Names, people: Sequence[str], repository: str) -> list[dict[str, Any]]:
    """Return who may assume the role; by default, administrators of the account with MFA."""
    trusted = []
    if people or not repository:
        trusted.append(
            {
                "Sid": "People",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": sorted(people) or [names.root_principal]},
                "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
            }
        )
    if repository:
        host = "token.actions.githubusercontent.com"
        trusted.append(
            {
                "Sid": "GitHub",
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {
                    "Federated": f"arn:{names.partition}:iam::{names.account}:oidc-provider/{host}"
                },
                "Condition": {
                    "StringEquals": {
                        f"{host}:aud": "sts.amazonaws.com",
                        f"{host}:sub": [f"repo:{repository}:environment:{stage}" for stage in STAGES],
                    }
                },
            }
        )
    return trusted


def _in_parts(statements: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return as few policies as AWS's limit allows, in order."""
    parts: list[list[dict[str, Any]]] = [[]]
    for statement in statements:
        longer = [*parts[-1], statement]
        if (
            parts[-1]
            and len(canonical_json({"Version": "2012-10-17", "Statement": longer})) > _MOST_CHARACTERS
        ):
            parts.append([statement])
        else:
            parts[-1] = longer
    return parts
