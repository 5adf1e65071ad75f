"""Predicted ids and outputs of AWS resources: deterministic, and in AWS's format.

They appear in a plan where a deployment would put the real ones, so that a policy or an environment
variable built from them can be read, compared and checked. Everything is derived from the URN: no
randomness, no clock.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kit.evaluation.graph import Resource, ResourceState, unwrapped


@dataclass(frozen=True)
class Account:
    """The AWS account that a plan is for; the default is the one in AWS's documentation."""

    id: str = "111122223333"
    region: str = "eu-central-1"
    partition: str = "aws"


class _Made:
    """One resource while its state is predicted."""

    def __init__(self, resource: Resource, account: Account) -> None:
        self.inputs = unwrapped(resource.inputs)
        self.account = account
        self.region = str(self.inputs.get("region") or account.region)
        self.digest = hashlib.sha256(resource.urn.encode()).hexdigest()
        self.logical = resource.name
        _, path, self.kind = resource.type.split(":")
        self.service = path.split("/")[0]

    def name(self, *keys: str) -> str:
        """Return the physical name: the first of these inputs that is set, otherwise Pulumi's auto-name."""
        for key in (*keys, "name"):
            given = self.inputs.get(key)
            if isinstance(given, str) and given:
                return given
        prefix = next(
            (self.inputs[f"{key}Prefix"] for key in (*keys, "name") if f"{key}Prefix" in self.inputs), None
        )
        return f"{prefix}{self.digest[:12]}" if prefix else f"{self.logical}-{self.digest[:7]}"

    def text(self, key: str) -> str:
        """Return an input as text; empty if it is missing or unknown."""
        value = self.inputs.get(key)
        return value if isinstance(value, str) else ""

    def arn(self, service: str, rest: str, *, region: str | None = None, account: str | None = None) -> str:
        place = self.region if region is None else region
        owner = self.account.id if account is None else account
        return f"arn:{self.account.partition}:{service}:{place}:{owner}:{rest}"

    @property
    def uuid(self) -> str:
        d = self.digest
        return f"{d[:8]}-{d[8:12]}-4{d[13:16]}-8{d[17:20]}-{d[20:32]}"

    def short(self, length: int = 10) -> str:
        """Return lower-case letters and digits, like API Gateway's ids."""
        alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
        return "".join(alphabet[int(self.digest[i * 2 : i * 2 + 2], 16) % 36] for i in range(length))


_State = tuple[str, dict[str, Any]]
_Rule = Callable[[_Made], _State]


def predict(resource: Resource, account: Account) -> ResourceState:
    """Return the state that a deployment of this resource would have: its inputs, and what AWS computes.

    Providers and types without a rule get an id, and AWS types an ARN in the common format.
    """
    if resource.type.startswith("pulumi:providers:"):
        digest = hashlib.sha256(resource.urn.encode()).hexdigest()
        return ResourceState(digest[:32], dict(resource.inputs))
    if resource.type.startswith("kubernetes:"):
        return _kubernetes(resource)
    if resource.type.count(":") != 2 or not resource.type.startswith("aws:"):
        return ResourceState(hashlib.sha256(resource.urn.encode()).hexdigest()[:20], dict(resource.inputs))
    made = _Made(resource, account)
    id_, computed = _RULES.get(resource.type.split(":", 1)[1], _common)(made)
    return ResourceState(id_, {**resource.inputs, **computed})


def _kubernetes(resource: Resource) -> ResourceState:
    metadata = unwrapped(resource.inputs.get("metadata") or {})
    digest = hashlib.sha256(resource.urn.encode()).hexdigest()
    name = metadata.get("name") or f"{resource.name}-{digest[:8]}"
    namespace = metadata.get("namespace", "default")
    outputs = {
        **resource.inputs,
        "metadata": {**metadata, "name": name, "namespace": namespace, "uid": digest[:32]},
    }
    return ResourceState(f"{namespace}/{name}", outputs)


def _common(made: _Made) -> _State:
    name = made.name()
    kind = made.kind[0].lower() + made.kind[1:]
    return name, {"arn": made.arn(made.service, f"{kind}/{name}"), "name": name}


def _named(service: str, resource: str, *keys: str, global_: bool = False, id_is_arn: bool = False) -> _Rule:
    """Resources whose ARN ends in a pattern over their name, such as `table/{name}`."""

    def rule(made: _Made) -> _State:
        name = made.name(*keys)
        arn = made.arn(service, resource.format(name=name), region="" if global_ else None)
        return (arn if id_is_arn else name), {"arn": arn, (keys[0] if keys else "name"): name}

    return rule


def _iam(kind: str, *, id_is_arn: bool = False) -> _Rule:
    prefix = {"role": "AROA", "user": "AIDA", "group": "AGPA", "policy": "ANPA", "instance-profile": "AIPA"}[
        kind
    ]

    def rule(made: _Made) -> _State:
        name = made.name()
        arn = made.arn("iam", f"{kind}{made.text('path') or '/'}{name}", region="")
        unique = prefix + made.short(17).upper()
        return (arn if id_is_arn else name), {
            "arn": arn,
            "name": name,
            "path": made.text("path") or "/",
            "policyId" if kind == "policy" else "uniqueId": unique,
        }

    return rule


def _bucket(made: _Made) -> _State:
    name = made.name("bucket")
    return name, {
        "bucket": name,
        "arn": made.arn("s3", name, region="", account=""),
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{made.region}.amazonaws.com",
        "bucketRegion": made.region,
        "hostedZoneId": "Z" + made.short(13).upper(),
    }


def _of_bucket(made: _Made) -> _State:
    """A bucket configuration has the bucket's name as its id."""
    return made.text("bucket"), {}


def _object(made: _Made) -> _State:
    key = made.name("key")
    return f"{made.text('bucket')}/{key}", {
        "key": key,
        "arn": made.arn("s3", f"{made.text('bucket')}/{key}", region="", account=""),
        "etag": made.digest[:32],
        "versionId": made.short(32),
    }


def _kms_key(made: _Made) -> _State:
    return made.uuid, {"keyId": made.uuid, "arn": made.arn("kms", f"key/{made.uuid}")}


def _kms_alias(made: _Made) -> _State:
    name = made.name()
    target = made.text("targetKeyId")
    return name, {
        "name": name,
        "arn": made.arn("kms", name),
        "targetKeyArn": target if target.startswith("arn:") else made.arn("kms", f"key/{target}"),
    }


def _joined(*keys: str, by: str = ":") -> _Rule:
    """Attachments, whose id joins what they attach."""
    return lambda made: (by.join(made.name(key) for key in keys), {})


def _invoke_arn(made: _Made, function_arn: str, version: str, suffix: str) -> str:
    path = f"path/{version}/functions/{function_arn}/{suffix}"
    return made.arn("apigateway", path, account="lambda")


def _function(made: _Made) -> _State:
    name = made.name()
    arn = made.arn("lambda", f"function:{name}")
    version = "1" if made.inputs.get("publish") else "$LATEST"
    qualified = f"{arn}:{version}"
    return name, {
        "name": name,
        "arn": arn,
        "qualifiedArn": qualified,
        "version": version,
        "invokeArn": _invoke_arn(made, arn, "2015-03-31", "invocations"),
        "qualifiedInvokeArn": _invoke_arn(made, qualified, "2015-03-31", "invocations"),
        "responseStreamingInvokeArn": _invoke_arn(made, arn, "2021-11-15", "response-streaming-invocations"),
    }


def _function_alias(made: _Made) -> _State:
    function = made.text("functionName").rsplit(":", 1)[-1]
    arn = made.arn("lambda", f"function:{function}:{made.name()}")
    return arn, {"arn": arn, "invokeArn": _invoke_arn(made, arn, "2015-03-31", "invocations")}


def _layer(made: _Made) -> _State:
    layer = made.arn("lambda", f"layer:{made.name('layerName')}")
    return f"{layer}:1", {"arn": f"{layer}:1", "layerArn": layer, "version": "1"}


def _function_url(made: _Made) -> _State:
    function = made.text("functionName").rsplit(":", 1)[-1]
    url_id = made.short(32)
    return function, {
        "functionArn": made.arn("lambda", f"function:{function}"),
        "functionUrl": f"https://{url_id}.lambda-url.{made.region}.on.aws/",
        "urlId": url_id,
    }


def _permission(made: _Made) -> _State:
    statement = made.name("statementId")
    return statement, {"statementId": statement}


def _event_source(made: _Made) -> _State:
    return made.uuid, {"uuid": made.uuid, "arn": made.arn("lambda", f"event-source-mapping:{made.uuid}")}


def _table(made: _Made) -> _State:
    name = made.name()
    arn = made.arn("dynamodb", f"table/{name}")
    label = "2026-01-01T00:00:00.000"
    streams = (
        {"streamArn": f"{arn}/stream/{label}", "streamLabel": label}
        if made.inputs.get("streamEnabled")
        else {}
    )
    return name, {"name": name, "arn": arn, **streams}


def _queue(made: _Made) -> _State:
    name = made.name()
    url = f"https://sqs.{made.region}.amazonaws.com/{made.account.id}/{name}"
    return url, {"name": name, "url": url, "arn": made.arn("sqs", name)}


def _subscription(made: _Made) -> _State:
    arn = f"{made.text('topic')}:{made.uuid}"
    return arn, {"arn": arn}


def _secret(made: _Made) -> _State:
    name = made.name()
    arn = made.arn("secretsmanager", f"secret:{name}-{made.digest[:6]}")
    return arn, {"arn": arn, "name": name}


def _secret_version(made: _Made) -> _State:
    secret = made.text("secretId")
    return f"{secret}|{made.uuid}", {"arn": secret, "secretArn": secret, "versionId": made.uuid}


def _target_of_rule(made: _Made) -> _State:
    target = made.name("targetId")
    return f"{made.text('rule')}-{target}", {"targetId": target}


def _dashboard(made: _Made) -> _State:
    name = made.name("dashboardName")
    return name, {
        "dashboardName": name,
        "dashboardArn": made.arn("cloudwatch", f"dashboard/{name}", region=""),
    }


def _schedule(made: _Made) -> _State:
    name = made.name()
    group = made.text("groupName") or "default"
    return f"{group}/{name}", {
        "name": name,
        "groupName": group,
        "arn": made.arn("scheduler", f"schedule/{group}/{name}"),
    }


def _rest_api(made: _Made) -> _State:
    id_ = made.short()
    return id_, {
        "name": made.name(),
        "arn": made.arn("apigateway", f"/restapis/{id_}", account=""),
        "executionArn": made.arn("execute-api", id_),
        "rootResourceId": made.short(12)[2:],
    }


def _rest_stage(made: _Made) -> _State:
    api, stage = made.text("restApi"), made.text("stageName")
    return f"ags-{api}-{stage}", {
        "arn": made.arn("apigateway", f"/restapis/{api}/stages/{stage}", account=""),
        "executionArn": made.arn("execute-api", f"{api}/{stage}"),
        "invokeUrl": f"https://{api}.execute-api.{made.region}.amazonaws.com/{stage}",
    }


def _api_key(made: _Made) -> _State:
    id_ = made.short()
    return id_, {
        "arn": made.arn("apigateway", f"/apikeys/{id_}", account=""),
        "value": {"$secret": made.digest[:40]},
    }


def _short_id(made: _Made) -> _State:
    return made.short(), {}


def _under_rest_apis(resource: str) -> _Rule:
    def rule(made: _Made) -> _State:
        id_ = made.short()
        return id_, {
            "arn": made.arn("apigateway", resource.format(id=id_, api=made.text("restApi")), account="")
        }

    return rule


def _http_api(made: _Made) -> _State:
    id_ = made.short()
    return id_, {
        "name": made.name(),
        "arn": made.arn("apigateway", f"/apis/{id_}", account=""),
        "executionArn": made.arn("execute-api", id_),
        "apiEndpoint": f"https://{id_}.execute-api.{made.region}.amazonaws.com",
    }


def _http_stage(made: _Made) -> _State:
    api, stage = made.text("apiId"), made.name()
    path = "" if stage == "$default" else stage
    return stage, {
        "arn": made.arn("apigateway", f"/apis/{api}/stages/{stage}", account=""),
        "executionArn": made.arn("execute-api", f"{api}/{stage}"),
        "invokeUrl": f"https://{api}.execute-api.{made.region}.amazonaws.com/{path}",
    }


def _user_pool(made: _Made) -> _State:
    id_ = f"{made.region}_{made.short(9)}"
    return id_, {
        "name": made.name(),
        "arn": made.arn("cognito-idp", f"userpool/{id_}"),
        "endpoint": f"cognito-idp.{made.region}.amazonaws.com/{id_}",
    }


def _user_pool_client(made: _Made) -> _State:
    secret = {"clientSecret": {"$secret": made.digest[:52]}} if made.inputs.get("generateSecret") else {}
    return made.short(26), secret


def _user_pool_domain(made: _Made) -> _State:
    domain = made.name("domain")
    return domain, {
        "domain": domain,
        "cloudfrontDistribution": f"d{made.short(13)}.cloudfront.net",
        "cloudfrontDistributionArn": f"d{made.short(13)}.cloudfront.net",
    }


def _resource_server(made: _Made) -> _State:
    identifier = made.name("identifier")
    scopes = [f"{identifier}/{scope.get('scopeName')}" for scope in made.inputs.get("scopes", ())]
    return f"{made.text('userPoolId')}|{identifier}", {"scopeIdentifiers": scopes}


def _outbound_identity(made: _Made) -> _State:
    return made.account.id, {"issuerIdentifier": f"https://{made.uuid}.tokens.sts.global.api.aws"}


def _budget(made: _Made) -> _State:
    name = made.name()
    return f"{made.account.id}:{name}", {
        "name": name,
        "arn": made.arn("budgets", f"budget/{name}", region=""),
    }


def _anomaly(kind: str) -> _Rule:
    def rule(made: _Made) -> _State:
        arn = made.arn("ce", f"{kind}/{made.uuid}", region="")
        return arn, {"arn": arn, "name": made.name()}

    return rule


def _oidc_provider(made: _Made) -> _State:
    host = made.text("url").removeprefix("https://")
    arn = made.arn("iam", f"oidc-provider/{host}", region="")
    return arn, {"arn": arn, "url": host}


def _catalog_database(made: _Made) -> _State:
    name = made.name()
    catalog = made.text("catalogId") or made.account.id
    return f"{catalog}:{name}", {
        "name": name,
        "catalogId": catalog,
        "arn": made.arn("glue", f"database/{name}"),
    }


def _catalog_table(made: _Made) -> _State:
    database, name = made.text("databaseName"), made.name()
    catalog = made.text("catalogId") or made.account.id
    return f"{catalog}:{database}:{name}", {
        "name": name,
        "catalogId": catalog,
        "arn": made.arn("glue", f"table/{database}/{name}"),
    }


def _web_acl(made: _Made) -> _State:
    scope = "global" if made.text("scope") == "CLOUDFRONT" else "regional"
    return made.uuid, {"arn": made.arn("wafv2", f"{scope}/webacl/{made.name()}/{made.uuid}")}


def _guardrail(made: _Made) -> _State:
    id_ = made.short(12)
    arn = made.arn("bedrock", f"guardrail/{id_}")
    return id_, {"guardrailId": id_, "guardrailArn": arn, "version": "DRAFT", "status": "READY"}


def _guardrail_version(made: _Made) -> _State:
    return f"{made.text('guardrailArn')},1", {"version": "1"}


def _inference_profile(made: _Made) -> _State:
    arn = made.arn("bedrock", f"application-inference-profile/{made.short(12)}")
    return arn, {"arn": arn, "status": "ACTIVE", "type": "APPLICATION"}


def _ec2(prefix: str, kind: str, **also: str) -> _Rule:
    """EC2 resources: `vpc-0123…`. `also` maps further output names to id prefixes."""

    def rule(made: _Made) -> _State:
        id_ = f"{prefix}-{made.digest[:17]}"
        more = {
            output: f"{other}-{hashlib.sha256((made.digest + output).encode()).hexdigest()[:17]}"
            for output, other in also.items()
        }
        return id_, {"arn": made.arn("ec2", f"{kind}/{id_}"), **more}

    return rule


def _vpc_endpoint(made: _Made) -> _State:
    id_ = f"vpce-{made.digest[:17]}"
    service = made.text("serviceName").rsplit(".", 1)[-1]
    return id_, {
        "arn": made.arn("ec2", f"vpc-endpoint/{id_}"),
        "prefixListId": f"pl-{made.digest[:8]}",
        "dnsEntries": [{"dnsName": f"{id_}-{made.short(8)}.{service}.{made.region}.vpce.amazonaws.com",
                        "hostedZoneId": "Z" + made.short(13).upper()}],
    }  # fmt: skip


def _eks_cluster(made: _Made) -> _State:
    name = made.name()
    issuer = f"https://oidc.eks.{made.region}.amazonaws.com/id/{made.digest[:32].upper()}"
    return name, {
        "name": name,
        "arn": made.arn("eks", f"cluster/{name}"),
        "endpoint": f"https://{made.digest[:32].upper()}.gr7.{made.region}.eks.amazonaws.com",
        "certificateAuthority": {"data": "LS0tLS1QTEFOTkVELS0tLS0="},
        "identities": [{"oidcs": [{"issuer": issuer}]}],
        "vpcConfig": {
            **(made.inputs.get("vpcConfig") or {}),
            "clusterSecurityGroupId": f"sg-{made.digest[:17]}",
        },
        "status": "ACTIVE",
    }


def _load_balancer(kind: str) -> _Rule:
    def rule(made: _Made) -> _State:
        arn = made.arn("elasticloadbalancing", f"{kind}/{made.name()}/{made.digest[:16]}")
        if not kind.startswith("loadbalancer"):
            return arn, {"arn": arn}
        return arn, {
            "arn": arn,
            "dnsName": f"{made.name()}-{made.digest[:16]}.elb.{made.region}.amazonaws.com",
            "zoneId": "Z" + made.short(13).upper(),
        }

    return rule


def _certificate(made: _Made) -> _State:
    arn = made.arn("acm", f"certificate/{made.uuid}")
    domains = [made.text("domainName"), *made.inputs.get("subjectAlternativeNames", ())]
    options = [
        {
            "domainName": domain,
            "resourceRecordName": f"_{made.digest[:32]}.{domain}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{made.digest[32:]}.acm-validations.aws.",
        }
        for domain in domains
    ]
    return arn, {"arn": arn, "domainValidationOptions": options, "status": "PENDING_VALIDATION"}


_BUCKET_PARTS = (
    "bucketIntelligentTieringConfiguration:BucketIntelligentTieringConfiguration",
    "bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "bucketLogging:BucketLogging",
    "bucketMetric:BucketMetric",
    "bucketNotification:BucketNotification",
    "bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "bucketOwnershipControls:BucketOwnershipControls",
    "bucketPolicy:BucketPolicy",
    "bucketPublicAccessBlock:BucketPublicAccessBlock",
    "bucketReplicationConfig:BucketReplicationConfig",
    "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "bucketVersioning:BucketVersioning",
)

_RULES: dict[str, _Rule] = {
    "s3/bucket:Bucket": _bucket,
    **{f"s3/{part}": _of_bucket for part in _BUCKET_PARTS},
    "s3/bucketObject:BucketObject": _object,
    "s3/bucketObjectv2:BucketObjectv2": _object,
    "kms/key:Key": _kms_key,
    "kms/replicaKey:ReplicaKey": _kms_key,
    "kms/alias:Alias": _kms_alias,
    "iam/role:Role": _iam("role"),
    "iam/user:User": _iam("user"),
    "iam/group:Group": _iam("group"),
    "iam/policy:Policy": _iam("policy", id_is_arn=True),
    "iam/instanceProfile:InstanceProfile": _iam("instance-profile"),
    "iam/openIdConnectProvider:OpenIdConnectProvider": _oidc_provider,
    "iam/outboundWebIdentityFederation:OutboundWebIdentityFederation": _outbound_identity,
    "iam/samlProvider:SamlProvider": _named("iam", "saml-provider/{name}", global_=True, id_is_arn=True),
    "iam/rolePolicy:RolePolicy": _joined("role", "name"),
    "iam/rolePolicyAttachment:RolePolicyAttachment": _joined("role", "policyArn", by="/"),
    "lambda/function:Function": _function,
    "lambda/alias:Alias": _function_alias,
    "lambda/layerVersion:LayerVersion": _layer,
    "lambda/functionUrl:FunctionUrl": _function_url,
    "lambda/permission:Permission": _permission,
    "lambda/eventSourceMapping:EventSourceMapping": _event_source,
    "dynamodb/table:Table": _table,
    "sqs/queue:Queue": _queue,
    "sns/topic:Topic": _named("sns", "{name}", id_is_arn=True),
    "sns/topicSubscription:TopicSubscription": _subscription,
    "secretsmanager/secret:Secret": _secret,
    "secretsmanager/secretVersion:SecretVersion": _secret_version,
    "cloudwatch/logGroup:LogGroup": _named("logs", "log-group:{name}"),
    "cloudwatch/metricAlarm:MetricAlarm": _named("cloudwatch", "alarm:{name}"),
    "cloudwatch/compositeAlarm:CompositeAlarm": _named("cloudwatch", "alarm:{name}", "alarmName"),
    "cloudwatch/dashboard:Dashboard": _dashboard,
    "cloudwatch/eventRule:EventRule": _named("events", "rule/{name}"),
    "cloudwatch/eventBus:EventBus": _named("events", "event-bus/{name}"),
    "cloudwatch/eventTarget:EventTarget": _target_of_rule,
    "scheduler/schedule:Schedule": _schedule,
    "scheduler/scheduleGroup:ScheduleGroup": _named("scheduler", "schedule-group/{name}"),
    "sfn/stateMachine:StateMachine": _named("states", "stateMachine:{name}", id_is_arn=True),
    "ssm/parameter:Parameter": _named("ssm", "parameter/{name}"),
    "apigateway/restApi:RestApi": _rest_api,
    "apigateway/stage:Stage": _rest_stage,
    "apigateway/deployment:Deployment": _short_id,
    "apigateway/resource:Resource": _short_id,
    "apigateway/authorizer:Authorizer": _under_rest_apis("/restapis/{api}/authorizers/{id}"),
    "apigateway/usagePlan:UsagePlan": _under_rest_apis("/usageplans/{id}"),
    "apigateway/vpcLink:VpcLink": _under_rest_apis("/vpclinks/{id}"),
    "apigateway/apiKey:ApiKey": _api_key,
    "apigatewayv2/api:Api": _http_api,
    "apigatewayv2/stage:Stage": _http_stage,
    "apigatewayv2/integration:Integration": _short_id,
    "apigatewayv2/route:Route": _short_id,
    "apigatewayv2/authorizer:Authorizer": _short_id,
    "cognito/userPool:UserPool": _user_pool,
    "cognito/userPoolClient:UserPoolClient": _user_pool_client,
    "cognito/userPoolDomain:UserPoolDomain": _user_pool_domain,
    "cognito/resourceServer:ResourceServer": _resource_server,
    "cognito/identityProvider:IdentityProvider": _joined("userPoolId", "providerName"),
    "cloudtrail/trail:Trail": _named("cloudtrail", "trail/{name}", id_is_arn=True),
    "budgets/budget:Budget": _budget,
    "budgets/budgetAction:BudgetAction": _named("budgets", "action/{name}", "budgetName", global_=True),
    "costexplorer/anomalyMonitor:AnomalyMonitor": _anomaly("anomalymonitor"),
    "costexplorer/anomalySubscription:AnomalySubscription": _anomaly("anomalysubscription"),
    "kinesis/stream:Stream": _named("kinesis", "stream/{name}", id_is_arn=True),
    "kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": _named(
        "firehose", "deliverystream/{name}", id_is_arn=True
    ),
    "glue/catalogDatabase:CatalogDatabase": _catalog_database,
    "glue/catalogTable:CatalogTable": _catalog_table,
    "glue/crawler:Crawler": _named("glue", "crawler/{name}"),
    "athena/workgroup:Workgroup": _named("athena", "workgroup/{name}"),
    "wafv2/webAcl:WebAcl": _web_acl,
    "wafv2/webAclAssociation:WebAclAssociation": _joined("webAclArn", "resourceArn", by=","),
    "bedrock/guardrail:Guardrail": _guardrail,
    "bedrock/guardrailVersion:GuardrailVersion": _guardrail_version,
    "bedrock/inferenceProfile:InferenceProfile": _inference_profile,
    "ec2/vpc:Vpc": _ec2(
        "vpc", "vpc", defaultSecurityGroupId="sg", defaultRouteTableId="rtb", mainRouteTableId="rtb"
    ),
    "ec2/subnet:Subnet": _ec2("subnet", "subnet"),
    "ec2/securityGroup:SecurityGroup": _ec2("sg", "security-group"),
    "ec2/routeTable:RouteTable": _ec2("rtb", "route-table"),
    "ec2/internetGateway:InternetGateway": _ec2("igw", "internet-gateway"),
    "ec2/natGateway:NatGateway": lambda made: (f"nat-{made.digest[:17]}", {}),
    "ec2/eip:Eip": _ec2("eipalloc", "elastic-ip", allocationId="eipalloc"),
    "ec2/flowLog:FlowLog": _ec2("fl", "vpc-flow-log"),
    "ec2/vpcEndpoint:VpcEndpoint": _vpc_endpoint,
    "eks/cluster:Cluster": _eks_cluster,
    "lb/loadBalancer:LoadBalancer": _load_balancer("loadbalancer/app"),
    "lb/targetGroup:TargetGroup": _load_balancer("targetgroup"),
    "lb/listener:Listener": _load_balancer("listener/net"),
    "acm/certificate:Certificate": _certificate,
    "backup/vault:Vault": _named("backup", "backup-vault:{name}"),
}
