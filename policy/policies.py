"""The kit's own laws as CrossGuard policies: what no stack may contain, by any author (L1.7, G.3).

Importable without starting a policy server; `policy/__main__.py` makes the pack of it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.policy import PolicyResource

BUCKET = "aws:s3/bucket:Bucket"
# Data or evidence: deleting one by accident must take a second, deliberate step.
PROTECTED_TYPES = (
    BUCKET,
    "aws:cloudtrail/trail:Trail",
    "aws:dynamodb/table:Table",
    "aws:ecr/repository:Repository",
    "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation",
    "aws:kms/key:Key",
    "aws:secretsmanager/secret:Secret",
)
EVIDENCE_NAMES = ("-audit-", "-trail-")
REQUIRED_TAGS = ("kit:client", "kit:environment", "kit:project", "kit:stage")
# Roles of AWS's own controllers get AWS's managed policies, which no boundary of ours fits.
_CONTROLLER_SERVICES = {"ec2.amazonaws.com", "eks.amazonaws.com", "s3.amazonaws.com"}
_SECRET_SHAPES = re.compile(
    r"sk-ant-[A-Za-z0-9_-]{16,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}|\bxox[abprs]-[A-Za-z0-9-]{10,}"
)

Check = Callable[[Mapping[str, Any]], str | None]


def resource_rule(
    name: str, description: str, types: Sequence[str], check: Check
) -> ResourceValidationPolicy:
    """A mandatory rule over each resource of some types; `check` says what is wrong, or None."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type in types and (wrong := check(args.props)):
            report(wrong, None)

    return ResourceValidationPolicy(
        name=name, description=description, validate=validate, enforcement_level=EnforcementLevel.MANDATORY
    )


def _statements(document: Any) -> Iterator[Mapping[str, Any]]:
    """The statements of a policy document; none while it is not known yet."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return
    if isinstance(document, Mapping):
        found = document.get("Statement", [])
        yield from [found] if isinstance(found, Mapping) else found


def _many(value: Any) -> list[Any]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _wildcards(key: str, *, identity: bool) -> Check:
    """Allow statements with a wildcard action; in identity policies also every resource without a
    condition.
    """

    def check(props: Mapping[str, Any]) -> str | None:
        for statement in _statements(props.get(key)):
            if statement.get("Effect") != "Allow":
                continue
            where = statement.get("Sid", "a statement")
            if "NotAction" in statement or "NotResource" in statement:
                return f"{where} allows by exception"
            if loose := [action for action in _many(statement.get("Action")) if "*" in action]:
                return f"{where} allows {', '.join(loose)}"
            if identity and "*" in _many(statement.get("Resource")) and not statement.get("Condition"):
                return f"{where} allows every resource without a condition"
            if statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]}) and not statement.get(
                "Condition"
            ):
                return f"{where} allows everybody without a condition"
        return None

    return check


def _key_rotates(props: Mapping[str, Any]) -> str | None:
    signing = props.get("keyUsage") in ("SIGN_VERIFY", "GENERATE_VERIFY_MAC")
    return None if signing or props.get("enableKeyRotation") is True else "the key does not rotate"


def _table(props: Mapping[str, Any]) -> str | None:
    if not (props.get("serverSideEncryption") or {}).get("kmsKeyArn"):
        return "the table has no key of its own"
    if (props.get("pointInTimeRecovery") or {}).get("enabled") is not True:
        return "the table cannot be restored to a point in time"
    return None


def _log_group(props: Mapping[str, Any]) -> str | None:
    if not props.get("retentionInDays"):
        return "the log group keeps logs forever"
    return None if props.get("kmsKeyId") else "the log group has no key of its own"


def _has(*keys: str) -> Check:
    def check(props: Mapping[str, Any]) -> str | None:
        missing = [key for key in keys if not props.get(key)]
        return f"{', '.join(missing)}: not set" if missing else None

    return check


def _secret(props: Mapping[str, Any]) -> str | None:
    window = props.get("recoveryWindowInDays")
    if window is not None and window < 7:
        return "a deleted secret could not be restored for at least seven days"
    return None if props.get("kmsKeyId") else "the secret has no key of its own"


def _secret_version(props: Mapping[str, Any]) -> str | None:
    held = [key for key in ("secretBinary", "secretString", "secretStringWo") if props.get(key)]
    return f"{held[0]}: the value of a secret does not belong into a stack" if held else None


def _function(props: Mapping[str, Any]) -> str | None:
    wanted = ("deadLetterConfig", "environment", "kmsKeyArn", "loggingConfig", "tracingConfig")
    if missing := [key for key in wanted if not props.get(key)]:
        return f"{', '.join(missing)}: not set"
    variables = (props.get("environment") or {}).get("variables") or {}
    plain = [
        name
        for name, value in variables.items()
        if re.search(r"PASSWORD|SECRET|TOKEN|API_KEY", name)
        and isinstance(value, str)
        and not value.startswith("arn:")
    ]
    return f"environment variables {', '.join(sorted(plain))} hold more than an ARN" if plain else None


def _api_tls(props: Mapping[str, Any]) -> str | None:
    if not str(props.get("securityPolicy", "")).startswith("SecurityPolicy_TLS13"):
        return "securityPolicy: no TLS 1.3 policy"
    kind = (props.get("endpointConfiguration") or {}).get("types")
    return "edge-optimised endpoints cut streams short" if kind == "EDGE" else None


def _ingress_rule(props: Mapping[str, Any]) -> str | None:
    open_to_all = props.get("cidrIpv4") == "0.0.0.0/0" or props.get("cidrIpv6") == "::/0"
    return "the whole internet may come in" if open_to_all else None


def _security_group(props: Mapping[str, Any]) -> str | None:
    for rule in props.get("ingress") or []:
        if "0.0.0.0/0" in (rule.get("cidrBlocks") or []):
            return "the whole internet may come in"
    return None


def _method_settings(props: Mapping[str, Any]) -> str | None:
    settings = props.get("settings") or {}
    if settings.get("dataTraceEnabled"):
        return "data tracing writes prompts into a log"
    return None if settings.get("throttlingRateLimit") else "the API is not throttled"


def _role(props: Mapping[str, Any]) -> str | None:
    services: set[str] = set()
    for statement in _statements(props.get("assumeRolePolicy")):
        principal = statement.get("Principal")
        if isinstance(principal, Mapping):
            services.update(_many(principal.get("Service")))
    if services and services <= _CONTROLLER_SERVICES:
        return None
    return None if props.get("permissionsBoundary") else "the role has no permissions boundary"


def _lock(props: Mapping[str, Any]) -> str | None:
    retention = (props.get("rule") or {}).get("defaultRetention") or {}
    if retention.get("mode") not in ("COMPLIANCE", "GOVERNANCE"):
        return "the lock has no mode"
    return None if retention.get("days") or retention.get("years") else "the lock has no retention"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _inline_secret(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if any(_SECRET_SHAPES.search(text) for text in _strings(args.props)):
        report("a property holds what looks like a credential", None)


def _protected(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type in PROTECTED_TYPES and not args.opts.protect:
        report("holds data or evidence and is not protected", None)


def _tagged(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Tags come from the provider's defaults, so it is the provider that is looked at."""
    if args.resource_type != "pulumi:providers:aws":
        return
    defaults = args.props.get("defaultTags") or {}
    if isinstance(defaults, str):
        defaults = json.loads(defaults)
    missing = [tag for tag in REQUIRED_TAGS if tag not in (defaults.get("tags") or {})]
    if missing:
        report(f"the provider does not tag with {', '.join(missing)}", None)


def _explicit_provider(args: StackValidationArgs, report: ReportViolation) -> None:
    """A default provider neither tags nor refuses a wrong account."""
    for resource in args.resources:
        if resource.resource_type == "pulumi:providers:aws" and resource.name.startswith("default"):
            report("resources were made with the default provider", resource.urn)


def _of_bucket(resources: Iterable[PolicyResource], kind: str) -> dict[str, PolicyResource]:
    """Configurations of one kind, by the URN of their bucket."""
    found: dict[str, PolicyResource] = {}
    for resource in resources:
        if resource.resource_type == kind:
            for bucket in resource.property_dependencies.get("bucket", resource.dependencies):
                found[bucket.urn] = resource
    return found


def bucket_rule(
    name: str,
    description: str,
    kind: str,
    check: Check,
    *,
    needed: Callable[[PolicyResource], bool] | None = None,
) -> StackValidationPolicy:
    """Each bucket (that `needed` picks) has a configuration of a kind, and it passes `check`."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        configured = _of_bucket(args.resources, kind)
        for bucket in args.resources:
            if bucket.resource_type != BUCKET or (needed and not needed(bucket)):
                continue
            configuration = configured.get(bucket.urn)
            if configuration is None:
                report(f"the bucket has no {kind.rsplit(':', 1)[-1]}", bucket.urn)
            elif wrong := check(configuration.props):
                report(wrong, bucket.urn)

    return StackValidationPolicy(
        name=name, description=description, validate=validate, enforcement_level=EnforcementLevel.MANDATORY
    )


def _bucket_encryption(props: Mapping[str, Any]) -> str | None:
    for rule in props.get("rules") or []:
        default = rule.get("applyServerSideEncryptionByDefault") or {}
        if default.get("sseAlgorithm") == "aws:kms" and default.get("kmsMasterKeyId"):
            return None
    return "the bucket is not encrypted with a key of its own"


def _public_access(props: Mapping[str, Any]) -> str | None:
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    off = [switch for switch in switches if props.get(switch) is not True]
    return f"{', '.join(off)}: not on" if off else None


def _tls_only(props: Mapping[str, Any]) -> str | None:
    if not isinstance(props.get("policy"), str):
        return None  # not known before the deployment
    for statement in _statements(props["policy"]):
        secure = ((statement.get("Condition") or {}).get("Bool") or {}).get("aws:SecureTransport")
        if statement.get("Effect") == "Deny" and secure == "false" and statement.get("Principal") == "*":
            return None
    return "the bucket answers plain HTTP"


def _versioned(props: Mapping[str, Any]) -> str | None:
    status = (props.get("versioningConfiguration") or {}).get("status")
    return None if status == "Enabled" else "the bucket keeps no versions"


def _is_evidence(bucket: PolicyResource) -> bool:
    name = str(bucket.props.get("bucket", ""))
    return bool(bucket.props.get("objectLockEnabled")) or any(part in name for part in EVIDENCE_NAMES)


_IDENTITY_POLICIES = ("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy")
_RESOURCE_POLICIES = (
    "aws:apigateway/restApiPolicy:RestApiPolicy",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:kms/key:Key",
    "aws:kms/replicaKey:ReplicaKey",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sqs/queuePolicy:QueuePolicy",
)

POLICIES: Sequence[Policy] = (
    bucket_rule(
        "bucket-encryption",
        "Buckets are encrypted with customer-managed keys",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        _bucket_encryption,
    ),
    bucket_rule(
        "bucket-public-access",
        "Buckets are closed to the public",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        _public_access,
    ),
    bucket_rule("bucket-tls", "Buckets refuse plain HTTP", "aws:s3/bucketPolicy:BucketPolicy", _tls_only),
    bucket_rule(
        "bucket-versions", "Buckets keep versions", "aws:s3/bucketVersioning:BucketVersioning", _versioned
    ),
    bucket_rule(
        "evidence-locked",
        "Buckets of evidence are locked for a time",
        "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
        _lock,
        needed=_is_evidence,
    ),
    resource_rule("key-rotation", "Symmetric keys rotate", ["aws:kms/key:Key"], _key_rotates),
    resource_rule(
        "table-posture", "Tables have a key and can be restored", ["aws:dynamodb/table:Table"], _table
    ),
    resource_rule(
        "log-retention",
        "Log groups have a retention and a key",
        ["aws:cloudwatch/logGroup:LogGroup"],
        _log_group,
    ),
    resource_rule("queue-encryption", "Queues have a key", ["aws:sqs/queue:Queue"], _has("kmsMasterKeyId")),
    resource_rule("topic-encryption", "Topics have a key", ["aws:sns/topic:Topic"], _has("kmsMasterKeyId")),
    resource_rule(
        "trail-posture",
        "Trails validate their files, cover all regions and have a key",
        ["aws:cloudtrail/trail:Trail"],
        _has("enableLogFileValidation", "isMultiRegionTrail", "kmsKeyId"),
    ),
    resource_rule(
        "stream-encryption",
        "Delivery streams are encrypted",
        ["aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"],
        _has("serverSideEncryption"),
    ),
    resource_rule("secret-posture", "Secrets have a key", ["aws:secretsmanager/secret:Secret"], _secret),
    resource_rule(
        "secret-value",
        "Values of secrets are not in the stack",
        ["aws:secretsmanager/secretVersion:SecretVersion"],
        _secret_version,
    ),
    resource_rule(
        "function-posture",
        "Functions have dead letters, tracing, logs, a key, and no secret in their environment",
        ["aws:lambda/function:Function"],
        _function,
    ),
    resource_rule(
        "api-tls",
        "APIs speak TLS 1.3 and stream",
        ["aws:apigateway/restApi:RestApi", "aws:apigateway/domainName:DomainName"],
        _api_tls,
    ),
    resource_rule(
        "api-access-log",
        "API stages write an access log",
        ["aws:apigateway/stage:Stage"],
        _has("accessLogSettings"),
    ),
    resource_rule(
        "api-throttling",
        "APIs are throttled and never trace data",
        ["aws:apigateway/methodSettings:MethodSettings"],
        _method_settings,
    ),
    resource_rule(
        "network-closed",
        "Nothing is open to the internet",
        [
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "aws:ec2/securityGroupRule:SecurityGroupRule",
        ],
        _ingress_rule,
    ),
    resource_rule(
        "network-group-closed",
        "No security group is open to the internet",
        ["aws:ec2/securityGroup:SecurityGroup"],
        _security_group,
    ),
    resource_rule("role-boundary", "Roles have a permissions boundary", ["aws:iam/role:Role"], _role),
    resource_rule(
        "identity-wildcards",
        "Identity policies name actions and resources",
        _IDENTITY_POLICIES,
        _wildcards("policy", identity=True),
    ),
    resource_rule(
        "permission-set-wildcards",
        "Permission sets of IAM Identity Center name actions and resources",
        ["aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy"],
        _wildcards("inlinePolicy", identity=True),
    ),
    resource_rule(
        "resource-wildcards",
        "Resource policies name actions and principals",
        _RESOURCE_POLICIES,
        _wildcards("policy", identity=False),
    ),
    ResourceValidationPolicy(
        name="protected",
        description="Data and evidence are protected from deletion",
        validate=_protected,
        enforcement_level=EnforcementLevel.MANDATORY,
    ),
    ResourceValidationPolicy(
        name="tags",
        description="Providers tag all they make",
        validate=_tagged,
        enforcement_level=EnforcementLevel.MANDATORY,
    ),
    StackValidationPolicy(
        name="explicit-provider",
        description="Resources are made with the stage's own provider",
        validate=_explicit_provider,
        enforcement_level=EnforcementLevel.MANDATORY,
    ),
    ResourceValidationPolicy(
        name="inline-secret",
        description="No property holds a credential",
        validate=_inline_secret,
        enforcement_level=EnforcementLevel.MANDATORY,
    ),
)
