"""Resources of a plan as CloudFormation has them, by type: which type it is there, and how its properties are
called and shaped. What is the same by its name stands nowhere; every other difference stands here.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Inputs = Mapping[str, Any]

TYPES: Mapping[str, str] = {
    "aws:apigateway/authorizer": "AWS::ApiGateway::Authorizer",
    "aws:apigateway/basePathMapping": "AWS::ApiGateway::BasePathMapping",
    "aws:apigateway/domainName": "AWS::ApiGateway::DomainName",
    "aws:apigateway/integration": "AWS::ApiGateway::Method",
    "aws:apigateway/resource": "AWS::ApiGateway::Resource",
    "aws:apigateway/response": "AWS::ApiGateway::GatewayResponse",
    "aws:apigateway/restApi": "AWS::ApiGateway::RestApi",
    "aws:apigateway/stage": "AWS::ApiGateway::Stage",
    "aws:apigatewayv2/vpcLink": "AWS::ApiGatewayV2::VpcLink",
    "aws:athena/namedQuery": "AWS::Athena::NamedQuery",
    "aws:athena/workgroup": "AWS::Athena::WorkGroup",
    "aws:cloudtrail/trail": "AWS::CloudTrail::Trail",
    "aws:cloudwatch/compositeAlarm": "AWS::CloudWatch::CompositeAlarm",
    "aws:cloudwatch/dashboard": "AWS::CloudWatch::Dashboard",
    "aws:cloudwatch/eventRule": "AWS::Events::Rule",
    "aws:cloudwatch/logGroup": "AWS::Logs::LogGroup",
    "aws:cloudwatch/logStream": "AWS::Logs::LogStream",
    "aws:cloudwatch/metricAlarm": "AWS::CloudWatch::Alarm",
    "aws:cognito/identityProvider": "AWS::Cognito::UserPoolIdentityProvider",
    "aws:cognito/resourceServer": "AWS::Cognito::UserPoolResourceServer",
    "aws:chatbot/slackChannelConfiguration": "AWS::Chatbot::SlackChannelConfiguration",
    "aws:chatbot/teamsChannelConfiguration": "AWS::Chatbot::MicrosoftTeamsChannelConfiguration",
    "aws:cognito/userGroup": "AWS::Cognito::UserPoolGroup",
    "aws:cognito/userPool": "AWS::Cognito::UserPool",
    "aws:cognito/userPoolClient": "AWS::Cognito::UserPoolClient",
    "aws:cognito/userPoolDomain": "AWS::Cognito::UserPoolDomain",
    "aws:dynamodb/table": "AWS::DynamoDB::Table",
    "aws:ec2/eip": "AWS::EC2::EIP",
    "aws:ec2/flowLog": "AWS::EC2::FlowLog",
    "aws:ec2/natGateway": "AWS::EC2::NatGateway",
    "aws:ec2/routeTableAssociation": "AWS::EC2::SubnetRouteTableAssociation",
    "aws:ec2/securityGroup": "AWS::EC2::SecurityGroup",
    "aws:ec2/subnet": "AWS::EC2::Subnet",
    "aws:ec2/vpc": "AWS::EC2::VPC",
    "aws:ec2/vpcEndpoint": "AWS::EC2::VPCEndpoint",
    "aws:ecr/repository": "AWS::ECR::Repository",
    "aws:eks/addon": "AWS::EKS::Addon",
    "aws:eks/cluster": "AWS::EKS::Cluster",
    "aws:eks/podIdentityAssociation": "AWS::EKS::PodIdentityAssociation",
    "aws:iam/policy": "AWS::IAM::ManagedPolicy",
    "aws:iam/role": "AWS::IAM::Role",
    "aws:iam/rolePolicy": "AWS::IAM::RolePolicy",
    "aws:kinesis/firehoseDeliveryStream": "AWS::KinesisFirehose::DeliveryStream",
    "aws:kms/alias": "AWS::KMS::Alias",
    "aws:kms/key": "AWS::KMS::Key",
    "aws:lambda/alias": "AWS::Lambda::Alias",
    "aws:lambda/function": "AWS::Lambda::Function",
    "aws:lambda/layerVersion": "AWS::Lambda::LayerVersion",
    "aws:lambda/permission": "AWS::Lambda::Permission",
    "aws:lb/listener": "AWS::ElasticLoadBalancingV2::Listener",
    "aws:lb/listenerRule": "AWS::ElasticLoadBalancingV2::ListenerRule",
    "aws:lb/loadBalancer": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "aws:lb/targetGroup": "AWS::ElasticLoadBalancingV2::TargetGroup",
    "aws:route53/resolverFirewallDomainList": "AWS::Route53Resolver::FirewallDomainList",
    "aws:route53/resolverFirewallRuleGroupAssociation": "AWS::Route53Resolver::FirewallRuleGroupAssociation",
    "aws:s3/bucket": "AWS::S3::Bucket",
    "aws:s3/bucketPolicy": "AWS::S3::BucketPolicy",
    "aws:secretsmanager/secret": "AWS::SecretsManager::Secret",
    "aws:secretsmanager/secretPolicy": "AWS::SecretsManager::ResourcePolicy",
    "aws:sfn/stateMachine": "AWS::StepFunctions::StateMachine",
    "aws:signer/signingProfile": "AWS::Signer::SigningProfile",
    "aws:sns/topic": "AWS::SNS::Topic",
    "aws:sns/topicPolicy": "AWS::SNS::TopicPolicy",
    "aws:sns/topicSubscription": "AWS::SNS::Subscription",
    "aws:sqs/queue": "AWS::SQS::Queue",
    "aws:vpc/securityGroupEgressRule": "AWS::EC2::SecurityGroupEgress",
    "aws:vpc/securityGroupIngressRule": "AWS::EC2::SecurityGroupIngress",
    "aws:wafv2/webAcl": "AWS::WAFv2::WebACL",
    "aws:wafv2/webAclAssociation": "AWS::WAFv2::WebACLAssociation",
    "aws:wafv2/webAclLoggingConfiguration": "AWS::WAFv2::LoggingConfiguration",
}
# What CloudFormation has no type for, or only as a part of another that stands above.
NOT_CONVERTED = (
    "aws:apigateway/deployment",  # its triggers are the provider's own
    "aws:apigateway/method",  # comes with its integration
    "aws:apigateway/methodSettings",
    "aws:budgets/budget",
    "aws:cloudwatch/eventTarget",
    "aws:cognito/managedLoginBranding",
    "aws:dynamodb/contributorInsights",
    "aws:ec2/defaultSecurityGroup",
    "aws:ec2/internetGateway",
    "aws:ec2/routeTable",
    "aws:glue/catalogDatabase",
    "aws:glue/catalogTable",
    "aws:iam/outboundWebIdentityFederation",
    "aws:iam/rolePolicyAttachment",
    "aws:route53/resolverFirewallConfig",
    "aws:route53/resolverFirewallRule",
    "aws:route53/resolverFirewallRuleGroup",
    "aws:s3/bucketObjectv2",
    "aws:s3/bucketReplicationConfig",
)
RENAMED: Mapping[str, str] = {
    "aws:apigateway/authorizer:restApi": "RestApiId",
    "aws:apigateway/basePathMapping:restApi": "RestApiId",
    "aws:apigateway/basePathMapping:stageName": "Stage",
    "aws:apigateway/resource:restApi": "RestApiId",
    "aws:apigateway/stage:accessLogSettings": "AccessLogSetting",
    "aws:apigateway/stage:deployment": "DeploymentId",
    "aws:apigateway/stage:restApi": "RestApiId",
    "aws:apigateway/stage:xrayTracingEnabled": "TracingEnabled",
    "aws:athena/namedQuery:query": "QueryString",
    "aws:athena/workgroup:configuration": "WorkGroupConfiguration",
    "aws:cloudtrail/trail:enableLogging": "IsLogging",
    "aws:cloudtrail/trail:name": "TrailName",
    "aws:cloudwatch/logGroup:name": "LogGroupName",
    "aws:cloudwatch/logStream:name": "LogStreamName",
    "aws:cloudwatch/metricAlarm:name": "AlarmName",
    "aws:chatbot/slackChannelConfiguration:guardrailPolicyArns": "GuardrailPolicies",
    "aws:chatbot/slackChannelConfiguration:slackTeamId": "SlackWorkspaceId",
    "aws:chatbot/teamsChannelConfiguration:channelId": "TeamsChannelId",
    "aws:chatbot/teamsChannelConfiguration:guardrailPolicyArns": "GuardrailPolicies",
    "aws:chatbot/teamsChannelConfiguration:tenantId": "TeamsTenantId",
    "aws:cognito/userGroup:name": "GroupName",
    "aws:cognito/userPool:name": "UserPoolName",
    "aws:cognito/userPool:schemas": "Schema",
    "aws:cognito/userPoolClient:name": "ClientName",
    "aws:ec2/flowLog:iamRoleArn": "DeliverLogsPermissionArn",
    "aws:ec2/securityGroup:description": "GroupDescription",
    "aws:ec2/securityGroup:name": "GroupName",
    "aws:ec2/vpcEndpoint:policy": "PolicyDocument",
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
    "aws:signer/signingProfile:name": "ProfileName",
    "aws:sns/topic:name": "TopicName",
    "aws:sns/topicPolicy:arn": "Topics",
    "aws:sns/topicPolicy:policy": "PolicyDocument",
    "aws:sns/topicSubscription:topic": "TopicArn",
    "aws:sqs/queue:messageRetentionSeconds": "MessageRetentionPeriod",
    "aws:sqs/queue:name": "QueueName",
    "aws:vpc/securityGroupEgressRule:cidrIpv4": "CidrIp",
    "aws:vpc/securityGroupEgressRule:referencedSecurityGroupId": "DestinationSecurityGroupId",
    "aws:vpc/securityGroupEgressRule:securityGroupId": "GroupId",
    "aws:vpc/securityGroupIngressRule:cidrIpv4": "CidrIp",
    "aws:vpc/securityGroupIngressRule:referencedSecurityGroupId": "SourceSecurityGroupId",
    "aws:vpc/securityGroupIngressRule:securityGroupId": "GroupId",
}
# Options of the provider, or of the request that makes the resource; not of the resource itself.
NOT_THERE = {
    "aws:kms/key:region",
    "aws:lambda/function:code",
    "aws:lambda/function:publish",
    "aws:lambda/layerVersion:code",
    "aws:lambda/layerVersion:skipDestroy",
    "aws:lambda/permission:qualifier",
    "aws:s3/bucket:region",
    "aws:s3/bucketPolicy:region",
    "aws:secretsmanager/secret:recoveryWindowInDays",
}
_ARCHIVE = {"S3Bucket": "example-archives", "S3Key": "archive.zip"}
# What CloudFormation alone asks for: Pulumi uploads archives itself, and names what has no name.
ADDITIONS: Mapping[str, Mapping[str, Any]] = {
    "AWS::IAM::RolePolicy": {"PolicyName": "named-by-pulumi"},
    "AWS::Lambda::Function": {"Code": _ARCHIVE},
    "AWS::Lambda::LayerVersion": {"Content": _ARCHIVE},
}


def _cluster(given: Inputs) -> dict[str, Any]:
    types = [{"type": one} for one in given["enabledClusterLogTypes"]]
    rest = {
        name: value for name, value in given.items() if name not in {"enabledClusterLogTypes", "vpcConfig"}
    }
    return {
        **rest,
        "resourcesVpcConfig": given["vpcConfig"],
        "logging": {"clusterLogging": {"enabledTypes": types}},
    }


def _flow_log(given: Inputs) -> dict[str, Any]:
    rest = {name: value for name, value in given.items() if name != "vpcId"}
    return {**rest, "resourceId": given["vpcId"], "resourceType": "VPC"}


def _integration(given: Inputs) -> dict[str, Any]:
    """A method's integration is a part of the method there."""
    outside = {"httpMethod", "resourceId", "restApi"}
    inside = {name: value for name, value in given.items() if name not in outside}
    if "timeoutMilliseconds" in inside:
        inside["timeoutInMillis"] = inside.pop("timeoutMilliseconds")
    return {
        "httpMethod": given["httpMethod"],
        "resourceId": given["resourceId"],
        "restApiId": given["restApi"],
        "authorizationType": "NONE",
        "integration": inside,
    }


_ATTRIBUTES = {
    "clientKeepAlive": "client_keep_alive.seconds",
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableWafFailOpen": "waf.fail_open.enabled",
    "enableZonalShift": "zonal_shift.config.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
}


def _attributes(given: Inputs) -> list[Mapping[str, str]]:
    """Options of a load balancer, which are pairs of texts there."""
    return [
        {"key": _ATTRIBUTES[name], "value": str(value).lower() if isinstance(value, bool) else str(value)}
        for name, value in sorted(given.items())
        if name in _ATTRIBUTES
    ]


def _load_balancer(given: Inputs) -> dict[str, Any]:
    return {
        "name": given["name"],
        "scheme": "internal" if given["internal"] else "internet-facing",
        "type": given["loadBalancerType"],
        "securityGroups": given["securityGroups"],
        "subnets": given["subnets"],
        "loadBalancerAttributes": _attributes(given),
    }


def _target_group(given: Inputs) -> dict[str, Any]:
    check = given["healthCheck"]
    names = {
        "enabled": "healthCheckEnabled",
        "healthyThreshold": "healthyThresholdCount",
        "interval": "healthCheckIntervalSeconds",
        "path": "healthCheckPath",
        "port": "healthCheckPort",
        "protocol": "healthCheckProtocol",
        "timeout": "healthCheckTimeoutSeconds",
        "unhealthyThreshold": "unhealthyThresholdCount",
    }
    rest = {name: value for name, value in given.items() if name not in _ATTRIBUTES and name != "healthCheck"}
    matcher = {"matcher": {"httpCode": check["matcher"]}} if "matcher" in check else {}
    return {
        **rest,
        **matcher,
        **{names[name]: value for name, value in check.items() if name != "matcher"},
        "targetGroupAttributes": _attributes(given),
    }


def _actions(given: Iterable[Inputs]) -> list[dict[str, Any]]:
    found = []
    for one in given:
        action = dict(one)
        if "fixedResponse" in action:
            action["fixedResponseConfig"] = action.pop("fixedResponse")
        found.append(action)
    return found


def _listener(given: Inputs) -> dict[str, Any]:
    rest = {name: value for name, value in given.items() if name not in {"certificateArn", "defaultActions"}}
    return {
        **rest,
        "certificates": [{"certificateArn": given["certificateArn"]}],
        "defaultActions": _actions(given["defaultActions"]),
    }


def _listener_rule(given: Inputs) -> dict[str, Any]:
    conditions = []
    for one in given["conditions"]:
        for what, values in one.items():
            field = "".join(f"-{each.lower()}" if each.isupper() else each for each in what)
            conditions.append({"field": field, f"{what}Config": values})
    return {**given, "actions": _actions(given["actions"]), "conditions": conditions}


def _metric_alarm(given: Inputs) -> dict[str, Any]:
    found = {name: value for name, value in given.items() if name not in {"metricQueries", "name"}}
    found["alarmName"] = given["name"]
    metrics = []
    for query in given.get("metricQueries", ()):
        one = dict(query)
        if metric := one.pop("metric", None):
            outside = {"period", "stat", "unit"}
            one["metricStat"] = {name: metric[name] for name in outside if name in metric}
            one["metricStat"]["metric"] = {name: v for name, v in metric.items() if name not in outside}
        metrics.append(one)
    return {**found, **({"metrics": metrics} if metrics else {})}


def _repository(given: Inputs) -> dict[str, Any]:
    (encryption,) = given["encryptionConfigurations"]
    rest = {name: value for name, value in given.items() if name not in {"encryptionConfigurations", "name"}}
    return {**rest, "repositoryName": given["name"], "encryptionConfiguration": encryption}


def _state_machine(given: Inputs) -> dict[str, Any]:
    logging = dict(given["loggingConfiguration"])
    group = logging.pop("logDestination")
    return {
        "stateMachineName": given["name"],
        "stateMachineType": given["type"],
        "definitionString": given["definition"],
        "roleArn": given["roleArn"],
        "loggingConfiguration": {
            **logging,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        },
        "tracingConfiguration": given["tracingConfiguration"],
    }


def _stream(given: Inputs) -> dict[str, Any]:
    target = dict(given["extendedS3Configuration"])
    hints = {
        "intervalInSeconds": target.pop("bufferingInterval", None),
        "sizeInMBs": target.pop("bufferingSize", None),
    }
    key = target.pop("kmsKeyArn", None)
    encryption = given["serverSideEncryption"]
    return {
        "deliveryStreamName": given["name"],
        "deliveryStreamEncryptionConfigurationInput": {
            "keyARN": encryption["keyArn"],
            "keyType": encryption["keyType"],
        },
        "extendedS3DestinationConfiguration": {
            **target,
            "bufferingHints": hints,
            **({"encryptionConfiguration": {"kMSEncryptionConfig": {"aWSKMSKeyARN": key}}} if key else {}),
        },
    }


def _key_schema(given: Inputs) -> list[Mapping[str, str]]:
    keys = [("HASH", given["hashKey"]), ("RANGE", given.get("rangeKey"))]
    return [{"AttributeName": name, "KeyType": kind} for kind, name in keys if name]


def _web_acl(given: Inputs) -> dict[str, Any]:
    bodies = {
        one["key"]: {"Content": one["content"], "ContentType": one["contentType"]}
        for one in given.get("customResponseBodies", ())
    }
    return {**given, "customResponseBodies": bodies}


def _table(given: Inputs) -> dict[str, Any]:
    indexes = [
        {
            "indexName": one["name"],
            "keySchema": _key_schema(one),
            "projection": {"projectionType": one["projectionType"]},
        }
        for one in given.get("globalSecondaryIndexes", ())
    ]
    encryption, recovery = given["serverSideEncryption"], given["pointInTimeRecovery"]
    ttl = given.get("ttl")
    converted = {
        "globalSecondaryIndexes",
        "attributes",
        "hashKey",
        "name",
        "pointInTimeRecovery",
        "rangeKey",
        "serverSideEncryption",
        "ttl",
    }
    return {
        **{name: value for name, value in given.items() if name not in converted},
        "tableName": given["name"],
        "attributeDefinitions": [
            {"attributeName": one["name"], "attributeType": one["type"]} for one in given["attributes"]
        ],
        "keySchema": _key_schema(given),
        "sSESpecification": {
            "sSEEnabled": encryption["enabled"],
            "kMSMasterKeyId": encryption["kmsKeyArn"],
            "sSEType": "KMS",
        },
        "pointInTimeRecoverySpecification": {
            "pointInTimeRecoveryEnabled": recovery["enabled"],
            "recoveryPeriodInDays": recovery.get("recoveryPeriodInDays"),
        },
        **({"timeToLiveSpecification": ttl} if ttl else {}),
        **({"globalSecondaryIndexes": indexes} if indexes else {}),
    }


# Where a resource is built otherwise there: from inputs to CloudFormation's properties, in camel case.
RESHAPED: Mapping[str, Callable[[Inputs], dict[str, Any]]] = {
    "aws:apigateway/integration": _integration,
    "aws:cloudwatch/metricAlarm": _metric_alarm,
    "aws:dynamodb/table": _table,
    "aws:ec2/flowLog": _flow_log,
    "aws:ecr/repository": _repository,
    "aws:eks/cluster": _cluster,
    "aws:kinesis/firehoseDeliveryStream": _stream,
    "aws:lb/listener": _listener,
    "aws:lb/listenerRule": _listener_rule,
    "aws:lb/loadBalancer": _load_balancer,
    "aws:lb/targetGroup": _target_group,
    "aws:sfn/stateMachine": _state_machine,
    "aws:wafv2/webAcl": _web_acl,
}


# Made beside a bucket, and one resource with it there.
OF_BUCKETS = (
    "aws:s3/bucketLifecycleConfiguration",
    "aws:s3/bucketObjectLockConfiguration",
    "aws:s3/bucketOwnershipControls",
    "aws:s3/bucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning",
)


def _lifecycle_rule(given: Inputs) -> dict[str, Any]:
    """A rule of a lifecycle; an input that is not known here fails."""
    rest = dict(given)
    found = {
        name: rest.pop(name) for name in ("id", "status", "abortIncompleteMultipartUpload") if name in rest
    }
    chosen = dict(rest.pop("filter", None) or {})
    chosen |= chosen.pop("and", None) or {}
    if chosen.get("prefix"):
        found["prefix"] = chosen["prefix"]
    tags = chosen.get("tags") or ({chosen["tag"]["key"]: chosen["tag"]["value"]} if "tag" in chosen else {})
    if tags:
        found["tagFilters"] = [{"key": key, "value": value} for key, value in tags.items()]
    if expiration := rest.pop("expiration", None):
        if "days" in expiration:
            found["expirationInDays"] = expiration["days"]
        if "expiredObjectDeleteMarker" in expiration:
            found["expiredObjectDeleteMarker"] = expiration["expiredObjectDeleteMarker"]
    if transitions := rest.pop("transitions", None):
        found["transitions"] = [
            {"transitionInDays": one["days"], "storageClass": one["storageClass"]} for one in transitions
        ]
    if noncurrent := rest.pop("noncurrentVersionExpiration", None):
        found["noncurrentVersionExpiration"] = noncurrent
    if moved := rest.pop("noncurrentVersionTransitions", None):
        found["noncurrentVersionTransitions"] = [
            {"transitionInDays": one["noncurrentDays"], "storageClass": one["storageClass"]} for one in moved
        ]
    if rest:
        raise LookupError(f"a rule of a lifecycle has {sorted(rest)}")
    return found


def bucket(parts: Mapping[str, Inputs]) -> dict[str, Any]:
    """A bucket with what the plan makes beside it, by type: one resource there."""
    made: dict[str, Any] = {
        "bucketName": parts["aws:s3/bucket"]["bucket"],
        "objectLockEnabled": parts["aws:s3/bucket"].get("objectLockEnabled"),
    }
    if access := parts.get("aws:s3/bucketPublicAccessBlock"):
        made["publicAccessBlockConfiguration"] = {
            name: value for name, value in access.items() if name not in {"bucket", "region"}
        }
    if versions := parts.get("aws:s3/bucketVersioning"):
        made["versioningConfiguration"] = {"status": versions["versioningConfiguration"]["status"]}
    if owners := parts.get("aws:s3/bucketOwnershipControls"):
        made["ownershipControls"] = {"rules": [owners["rule"]]}
    if encryption := parts.get("aws:s3/bucketServerSideEncryptionConfiguration"):
        made["bucketEncryption"] = {
            "serverSideEncryptionConfiguration": [
                {
                    "bucketKeyEnabled": rule.get("bucketKeyEnabled"),
                    "serverSideEncryptionByDefault": {
                        "sSEAlgorithm": rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"],
                        "kMSMasterKeyID": rule["applyServerSideEncryptionByDefault"].get("kmsMasterKeyId"),
                    },
                }
                for rule in encryption["rules"]
            ]
        }
    if lock := parts.get("aws:s3/bucketObjectLockConfiguration"):
        made["objectLockConfiguration"] = {"objectLockEnabled": "Enabled", "rule": lock["rule"]}
    if lifecycle := parts.get("aws:s3/bucketLifecycleConfiguration"):
        made["lifecycleConfiguration"] = {"rules": [_lifecycle_rule(rule) for rule in lifecycle["rules"]]}
    return made
