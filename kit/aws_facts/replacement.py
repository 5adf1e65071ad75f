"""Which changed inputs make AWS replace a resource.

Neither the SDK nor the metadata of the provider's bridge has that information; it is in the provider
itself. This is a table of the types that the kit uses and the inputs that the AWS provider documents as
forcing a new resource; a test compares it with CloudFormation's schemas, which list the create-only
properties. For a type that is not listed, a changed physical name is reported as "perhaps" replacing.
`pulumi preview` is the authority.
"""

from collections.abc import Mapping
from typing import Any, Literal

Effect = Literal["updates", "may replace", "replaces"]

_NAME = ("name", "namePrefix")
_ANY = "*"

FORCES_NEW: dict[str, tuple[str, ...]] = {
    "aws:apigateway/apiKey:ApiKey": ("value",),
    "aws:apigateway/authorizer:Authorizer": ("restApi",),
    "aws:apigateway/basePathMapping:BasePathMapping": ("domainName",),
    "aws:apigateway/deployment:Deployment": ("restApi", "triggers", "variables"),
    "aws:apigateway/domainName:DomainName": ("domainName",),
    "aws:apigateway/integration:Integration": ("restApi", "resourceId", "httpMethod", "type"),
    "aws:apigateway/method:Method": ("restApi", "resourceId", "httpMethod"),
    "aws:apigateway/resource:Resource": ("restApi",),
    "aws:apigateway/response:Response": ("restApiId", "responseType"),
    "aws:apigateway/stage:Stage": ("restApi", "stageName"),
    "aws:apigatewayv2/vpcLink:VpcLink": ("securityGroupIds", "subnetIds"),
    "aws:athena/namedQuery:NamedQuery": ("database", "description", "name", "query", "workgroup"),
    "aws:athena/workgroup:Workgroup": ("name",),
    "aws:budgets/budget:Budget": (*_NAME, "accountId"),
    "aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration": ("configurationName", "slackTeamId"),
    "aws:chatbot/teamsChannelConfiguration:TeamsChannelConfiguration": (
        "configurationName",
        "teamId",
        "tenantId",
    ),
    "aws:cloudtrail/trail:Trail": ("name",),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": ("alarmName",),
    "aws:cloudwatch/dashboard:Dashboard": ("dashboardName",),
    "aws:cloudwatch/eventRule:EventRule": (*_NAME, "eventBusName"),
    "aws:cloudwatch/eventTarget:EventTarget": ("rule", "targetId", "eventBusName"),
    "aws:cloudwatch/logGroup:LogGroup": (*_NAME, "logGroupClass"),
    "aws:cloudwatch/logStream:LogStream": ("name", "logGroupName"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("name",),
    "aws:cognito/identityProvider:IdentityProvider": ("userPoolId", "providerName", "providerType"),
    "aws:cognito/resourceServer:ResourceServer": ("userPoolId", "identifier"),
    "aws:cognito/userGroup:UserGroup": ("name", "userPoolId"),
    "aws:cognito/userPool:UserPool": ("aliasAttributes", "usernameAttributes", "usernameConfiguration"),
    "aws:cognito/userPoolClient:UserPoolClient": ("userPoolId", "generateSecret"),
    "aws:cognito/userPoolDomain:UserPoolDomain": ("domain", "userPoolId"),
    "aws:dynamodb/table:Table": ("name", "hashKey", "rangeKey", "localSecondaryIndexes", "importTable"),
    "aws:ec2/flowLog:FlowLog": (
        "iamRoleArn",
        "logDestination",
        "logDestinationType",
        "logFormat",
        "maxAggregationInterval",
        "trafficType",
        "vpcId",
    ),
    "aws:ec2/natGateway:NatGateway": ("allocationId", "connectivityType", "subnetId"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("subnetId", "gatewayId"),
    "aws:ec2/securityGroup:SecurityGroup": (*_NAME, "description", "vpcId"),
    "aws:ec2/subnet:Subnet": ("vpcId", "cidrBlock", "availabilityZone"),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "ipv4IpamPoolId"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("vpcId", "serviceName", "vpcEndpointType"),
    "aws:ecr/repository:Repository": ("name", "encryptionConfigurations"),
    "aws:eks/accessEntry:AccessEntry": ("clusterName", "principalArn", "type"),
    "aws:eks/addon:Addon": ("addonName", "clusterName"),
    "aws:eks/cluster:Cluster": ("name", "roleArn", "bootstrapSelfManagedAddons"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": ("clusterName", "namespace", "serviceAccount"),
    "aws:glue/catalogDatabase:CatalogDatabase": ("name", "catalogId"),
    "aws:glue/catalogTable:CatalogTable": ("name", "databaseName", "catalogId"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("url",),
    "aws:iam/policy:Policy": (*_NAME, "path", "description"),
    "aws:iam/role:Role": (*_NAME, "path"),
    "aws:iam/rolePolicy:RolePolicy": (*_NAME, "role"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("role", "policyArn"),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": ("name", "kinesisSourceConfiguration"),
    "aws:kms/alias:Alias": _NAME,
    "aws:kms/key:Key": ("customerMasterKeySpec", "keyUsage", "multiRegion", "customKeyStoreId", "xksKeyId"),
    "aws:lambda/alias:Alias": ("functionName", "name"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": ("eventSourceArn", "startingPosition"),
    "aws:lambda/function:Function": ("name", "packageType"),
    "aws:lambda/functionUrl:FunctionUrl": ("functionName", "qualifier"),
    "aws:lambda/layerVersion:LayerVersion": (_ANY,),
    "aws:lambda/permission:Permission": (_ANY,),
    "aws:lb/listener:Listener": ("loadBalancerArn",),
    "aws:lb/listenerRule:ListenerRule": ("listenerArn",),
    "aws:lb/loadBalancer:LoadBalancer": ("name", "internal", "loadBalancerType"),
    "aws:lb/targetGroup:TargetGroup": (
        "name",
        "port",
        "protocol",
        "protocolVersion",
        "targetType",
        "vpcId",
        "ipAddressType",
    ),
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": ("name",),
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": (
        "firewallRuleGroupId",
        "vpcId",
    ),
    "aws:s3/bucket:Bucket": ("bucket", "bucketPrefix", "objectLockEnabled"),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": ("bucket",),
    "aws:s3/bucketObjectv2:BucketObjectv2": ("bucket", "key"),
    "aws:s3/bucketPolicy:BucketPolicy": ("bucket",),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("bucket",),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ("bucket",),
    "aws:s3/bucketVersioning:BucketVersioning": ("bucket",),
    "aws:scheduler/schedule:Schedule": (*_NAME, "groupName"),
    "aws:secretsmanager/secret:Secret": _NAME,
    "aws:secretsmanager/secretPolicy:SecretPolicy": ("secretArn",),
    "aws:secretsmanager/secretVersion:SecretVersion": ("secretId", "secretString", "secretBinary"),
    "aws:sfn/stateMachine:StateMachine": (*_NAME, "type"),
    "aws:signer/signingProfile:SigningProfile": ("name", "platformId", "signatureValidityPeriod"),
    "aws:sns/topic:Topic": (*_NAME, "fifoTopic"),
    "aws:sns/topicSubscription:TopicSubscription": ("topic", "protocol", "endpoint"),
    "aws:sqs/queue:Queue": (*_NAME, "fifoQueue"),
    "aws:ssm/parameter:Parameter": ("name",),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("securityGroupId",),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("securityGroupId",),
    "aws:wafv2/webAcl:WebAcl": (*_NAME, "scope"),
    "aws:wafv2/webAclAssociation:WebAclAssociation": ("resourceArn", "webAclArn"),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": ("resourceArn",),
}
_NAME_LIKE = {
    "name",
    "namePrefix",
    "bucket",
    "bucketPrefix",
    "region",
    "availabilityZone",
    "vpcId",
    "engine",
    "clusterName",
    "identifier",
}


def effect(token: str, path: str, options: Mapping[str, Any]) -> Effect:
    """Return what a change of the input at `path` (such as `tags.owner`) does to a resource of this type."""
    top = path.split(".", 1)[0].split("[", 1)[0].split("{", 1)[0]
    for pattern in options.get("replaceOnChanges", ()):
        if pattern in (_ANY, top) or path.startswith((f"{pattern}.", f"{pattern}[")):
            return "replaces"
    if top == "region":  # since version 7 a resource may have its own region
        return "replaces" if token.startswith("aws:") else "may replace"
    if token in FORCES_NEW:
        return "replaces" if top in FORCES_NEW[token] or FORCES_NEW[token] == (_ANY,) else "updates"
    return "may replace" if top in _NAME_LIKE else "updates"
