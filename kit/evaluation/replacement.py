"""Which changed inputs make AWS replace a resource.

The SDK does not carry that knowledge: it sits in the provider. This is a short table of the types that the
kit uses and the inputs that the AWS provider documents as forcing a new resource; for a type that is not in
it a changed physical name is said to replace "perhaps". `pulumi preview` is the authority.
"""

from collections.abc import Mapping
from typing import Any, Literal

Effect = Literal["updates", "may replace", "replaces"]

_NAME = ("name", "namePrefix")
_ANY = "*"

FORCES_NEW: dict[str, tuple[str, ...]] = {
    "aws:apigateway/apiKey:ApiKey": ("value",),
    "aws:apigateway/authorizer:Authorizer": ("restApi",),
    "aws:apigateway/deployment:Deployment": ("restApi", "triggers", "variables"),
    "aws:apigateway/stage:Stage": ("restApi", "stageName"),
    "aws:athena/workgroup:Workgroup": ("name",),
    "aws:budgets/budget:Budget": (*_NAME, "accountId"),
    "aws:cloudtrail/trail:Trail": ("name",),
    "aws:cloudwatch/eventRule:EventRule": (*_NAME, "eventBusName"),
    "aws:cloudwatch/eventTarget:EventTarget": ("rule", "targetId", "eventBusName"),
    "aws:cloudwatch/logGroup:LogGroup": (*_NAME, "logGroupClass"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("name",),
    "aws:cognito/identityProvider:IdentityProvider": ("userPoolId", "providerName", "providerType"),
    "aws:cognito/resourceServer:ResourceServer": ("userPoolId", "identifier"),
    "aws:cognito/userPool:UserPool": ("aliasAttributes", "usernameAttributes", "usernameConfiguration"),
    "aws:cognito/userPoolClient:UserPoolClient": ("userPoolId", "generateSecret"),
    "aws:cognito/userPoolDomain:UserPoolDomain": ("domain", "userPoolId"),
    "aws:dynamodb/table:Table": ("name", "hashKey", "rangeKey", "localSecondaryIndexes", "importTable"),
    "aws:ec2/securityGroup:SecurityGroup": (*_NAME, "description", "vpcId"),
    "aws:ec2/subnet:Subnet": ("vpcId", "cidrBlock", "availabilityZone"),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "ipv4IpamPoolId"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("vpcId", "serviceName", "vpcEndpointType"),
    "aws:eks/cluster:Cluster": ("name", "roleArn", "bootstrapSelfManagedAddons"),
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
    "aws:s3/bucket:Bucket": ("bucket", "bucketPrefix", "objectLockEnabled"),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": ("bucket",),
    "aws:s3/bucketObjectv2:BucketObjectv2": ("bucket", "key"),
    "aws:s3/bucketPolicy:BucketPolicy": ("bucket",),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("bucket",),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ("bucket",),
    "aws:s3/bucketVersioning:BucketVersioning": ("bucket",),
    "aws:scheduler/schedule:Schedule": (*_NAME, "groupName"),
    "aws:secretsmanager/secret:Secret": _NAME,
    "aws:secretsmanager/secretVersion:SecretVersion": ("secretId", "secretString", "secretBinary"),
    "aws:sfn/stateMachine:StateMachine": (*_NAME, "type"),
    "aws:sns/topic:Topic": (*_NAME, "fifoTopic"),
    "aws:sns/topicSubscription:TopicSubscription": ("topic", "protocol", "endpoint"),
    "aws:sqs/queue:Queue": (*_NAME, "fifoQueue"),
    "aws:ssm/parameter:Parameter": ("name",),
    "aws:wafv2/webAcl:WebAcl": (*_NAME, "scope"),
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
    """What a change of the input at `path` (such as `tags.owner`) does to a resource of this type."""
    top = path.split(".", 1)[0].split("[", 1)[0].split("{", 1)[0]
    for pattern in options.get("replaceOnChanges", ()):
        if pattern in (_ANY, top) or path.startswith((f"{pattern}.", f"{pattern}[")):
            return "replaces"
    if top == "region":  # since version 7 a resource may name a region of its own
        return "replaces" if token.startswith("aws:") else "may replace"
    if token in FORCES_NEW:
        return "replaces" if top in FORCES_NEW[token] or FORCES_NEW[token] == (_ANY,) else "updates"
    return "may replace" if top in _NAME_LIKE else "updates"
