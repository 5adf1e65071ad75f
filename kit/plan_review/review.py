"""An auditor's reading of a change: which controls it weakens, which evidence it endangers, which access it
grants.

`critical`: a control is weakened, or data or evidence can be lost; the change needs an override. `warning`:
a reviewer should know about it and agree. `info`: worth a look. The rules read only inputs and options;
they know nothing about the state in AWS.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kit.evaluation.graph import unwrapped
from kit.plan.difference import Change
from kit.plan_review.finding import SEVERITIES, Finding, Severity
from kit.plan_review.governance import judge
from kit.plan_review.grants import Grant, added, grants, policy_documents

# -- what must not become weaker

_Weaker = Callable[[Any, Any], bool]


def _off(old: Any, new: Any) -> bool:
    return _true(old) and not _true(new)


def _gone(old: Any, new: Any) -> bool:
    return bool(old) and not new


def _less(old: Any, new: Any) -> bool:
    before, after = _number(old), _number(new)
    return before is not None and (after is None or after < before)


def _less_or_finite(old: Any, new: Any) -> bool:
    """Compare days where 0 or nothing means forever."""
    before, after = _number(old) or float("inf"), _number(new) or float("inf")
    return after < before


def _more(old: Any, new: Any) -> bool:
    before, after = _number(old), _number(new)
    return before is not None and after is not None and after > before


def _fewer(old: Any, new: Any) -> bool:
    return isinstance(old, list) and any(one not in (new or []) for one in old)


def _differs(old: Any, new: Any) -> bool:
    return old is not None and old != new


def _fewer_named(old: Any, new: Any) -> bool:
    """Return whether an entry was removed, by its name; a changed entry of the same name does not count."""
    return isinstance(old, list) and not _names(old) <= _names(new or [])


def _names(entries: Sequence[Any]) -> set[str]:
    return {str(one.get("name", "")) for one in entries if isinstance(one, Mapping)}


def _down(*ranks: str) -> _Weaker:
    """A closed set of values from strongest to weakest; a value outside the set is weaker than all."""

    def weaker(old: Any, new: Any) -> bool:
        order = {rank: position for position, rank in enumerate(ranks)}
        last = len(ranks)
        return order.get(str(old), last) < order.get(str(new), last)

    return weaker


_PUBLIC_ACCESS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_SSE = "applyServerSideEncryptionByDefault"

# type: (rule, path of the input, what is weaker, severity, words)
_REGRESSION_RULES: dict[str, tuple[tuple[str, str, _Weaker, Severity, str], ...]] = {
    "aws:apigateway/method:Method": (
        (
            "authorization-lost",
            "authorization",
            _down("CUSTOM", "COGNITO_USER_POOLS", "AWS_IAM", "NONE"),
            "critical",
            "callers are no longer identified as strictly",
        ),
    ),
    "aws:apigateway/restApi:RestApi": (
        (
            "endpoint-exposed",
            "endpointConfiguration.types",
            _down("PRIVATE", "REGIONAL", "EDGE"),
            "critical",
            "the API is reachable from more networks",
        ),
    ),
    "aws:apigateway/stage:Stage": (
        ("access-log-lost", "accessLogSettings", _gone, "critical", "requests are no longer logged"),
        (
            "client-certificate-lost",
            "clientCertificateId",
            _gone,
            "warning",
            "no client certificate is asked for",
        ),
    ),
    "aws:budgets/budget:Budget": (
        ("budget-raised", "limitAmount", _more, "warning", "the budget grows"),
        (
            "budget-notice-lost",
            "notifications",
            _gone,
            "critical",
            "nobody is notified when the budget is used up",
        ),
    ),
    "aws:cloudtrail/trail:Trail": (
        (
            "trail-off",
            "enableLogging",
            lambda old, new: old is not False and new is False,
            "critical",
            "the trail stops recording",
        ),
        ("trail-narrowed", "isMultiRegionTrail", _off, "critical", "the trail no longer covers all regions"),
        (
            "trail-validation-lost",
            "enableLogFileValidation",
            _off,
            "critical",
            "log files are no longer signed",
        ),
        ("encryption-key-lost", "kmsKeyId", _gone, "critical", "no customer-managed key"),
        ("trail-events-lost", "eventSelectors", _fewer, "critical", "fewer events are recorded"),
        ("trail-events-lost", "advancedEventSelectors", _fewer, "critical", "fewer events are recorded"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        (
            "retention-shortened",
            "retentionInDays",
            _less_or_finite,
            "critical",
            "logs are kept for less time",
        ),
        ("encryption-key-lost", "kmsKeyId", _gone, "critical", "no customer-managed key"),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        (
            "alarm-silenced",
            "actionsEnabled",
            lambda old, new: old is not False and new is False,
            "critical",
            "the alarm tells nobody",
        ),
        ("alarm-silenced", "alarmActions", _fewer, "critical", "the alarm tells fewer"),
    ),
    "aws:cognito/userPool:UserPool": (
        (
            "mfa-weakened",
            "mfaConfiguration",
            _down("ON", "OPTIONAL", "OFF"),
            "critical",
            "second factor weakened",
        ),
        (
            "deletion-protection-lost",
            "deletionProtection",
            _down("ACTIVE", "INACTIVE"),
            "critical",
            "the user pool can be deleted",
        ),
        (
            "password-weakened",
            "passwordPolicy.minimumLength",
            _less,
            "critical",
            "shorter passwords are allowed",
        ),
    ),
    "aws:dynamodb/table:Table": (
        ("recovery-lost", "pointInTimeRecovery.enabled", _off, "critical", "no point-in-time recovery"),
        (
            "deletion-protection-lost",
            "deletionProtectionEnabled",
            _off,
            "critical",
            "the table can be deleted",
        ),
        (
            "encryption-key-lost",
            "serverSideEncryption.kmsKeyArn",
            _gone,
            "critical",
            "no customer-managed key",
        ),
        ("encryption-lost", "serverSideEncryption.enabled", _off, "critical", "encryption weakened"),
    ),
    "aws:iam/role:Role": (
        ("boundary-lost", "permissionsBoundary", _gone, "critical", "no permissions boundary holds the role"),
        ("session-lengthened", "maxSessionDuration", _more, "warning", "sessions last longer"),
    ),
    "aws:kms/key:Key": (
        ("rotation-lost", "enableKeyRotation", _off, "critical", "the key is no longer rotated"),
        (
            "deletion-window-shortened",
            "deletionWindowInDays",
            _less,
            "warning",
            "less time to undo a deletion",
        ),
        (
            "key-disabled",
            "isEnabled",
            lambda old, new: old is not False and new is False,
            "critical",
            "what it encrypts becomes unreadable",
        ),
        (
            "lockout-check-bypassed",
            "bypassPolicyLockoutSafetyCheck",
            lambda old, new: not _true(old) and _true(new),
            "critical",
            "the key's policy may lock everyone out",
        ),
    ),
    "aws:lambda/function:Function": (
        ("encryption-key-lost", "kmsKeyArn", _gone, "critical", "environment without customer-managed key"),
        ("dead-letters-lost", "deadLetterConfig", _gone, "warning", "failed events are lost"),
        ("network-opened", "vpcConfig.subnetIds", _gone, "critical", "the function leaves the network"),
    ),
    "aws:sns/topicSubscription:TopicSubscription": (
        ("recipient-changed", "endpoint", _differs, "warning", "notifications go to someone else"),
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": (
        (
            "lock-weakened",
            "rule.defaultRetention.mode",
            _down("COMPLIANCE", "GOVERNANCE"),
            "critical",
            "locked objects can be deleted by those with the permission",
        ),
    ),
    "aws:s3/bucket:Bucket": (
        ("lock-weakened", "objectLockEnabled", _off, "critical", "the bucket no longer locks objects"),
        (
            "bucket-emptied",
            "forceDestroy",
            lambda old, new: not _true(old) and _true(new),
            "critical",
            "deleting the bucket deletes what is in it",
        ),
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": tuple(
        ("public-access", flag, _off, "critical", "public access is possible") for flag in _PUBLIC_ACCESS
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        (
            "encryption-lost",
            f"rules[0].{_SSE}.sseAlgorithm",
            _down("aws:kms:dsse", "aws:kms", "AES256"),
            "critical",
            "encryption weakened",
        ),
        (
            "encryption-key-lost",
            f"rules[0].{_SSE}.kmsMasterKeyId",
            _gone,
            "critical",
            "no customer-managed key",
        ),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": (
        (
            "versioning-lost",
            "versioningConfiguration.status",
            _down("Enabled", "Suspended"),
            "critical",
            "overwritten objects are gone",
        ),
    ),
    "aws:secretsmanager/secret:Secret": (
        (
            "recovery-window-shortened",
            "recoveryWindowInDays",
            _less,
            "critical",
            "less time to undo a deletion",
        ),
        ("encryption-key-lost", "kmsKeyId", _gone, "critical", "no customer-managed key"),
    ),
    "aws:sns/topic:Topic": (
        ("encryption-key-lost", "kmsMasterKeyId", _gone, "critical", "no customer-managed key"),
    ),
    "aws:sqs/queue:Queue": (
        ("encryption-key-lost", "kmsMasterKeyId", _gone, "critical", "no customer-managed key"),
        (
            "retention-shortened",
            "messageRetentionSeconds",
            _less,
            "warning",
            "messages are kept for less time",
        ),
    ),
    "aws:wafv2/webAcl:WebAcl": (
        ("firewall-rules-lost", "rules", _fewer_named, "critical", "fewer firewall rules"),
    ),
}

# Holds data or evidence: deleting it loses both.
_KEEPS_DATA = {
    "aws:cognito/userPool:UserPool",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:dynamodb/table:Table",
    "aws:glue/catalogDatabase:CatalogDatabase",
    "aws:kms/key:Key",
    "aws:kms/replicaKey:ReplicaKey",
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:secretsmanager/secret:Secret",
}
# Guards something else: deleting it opens access.
_GUARDS = {
    "aws:apigateway/authorizer:Authorizer": "critical",
    "aws:budgets/budget:Budget": "critical",
    "aws:cloudtrail/trail:Trail": "critical",
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": "warning",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "critical",
    "aws:costexplorer/anomalyMonitor:AnomalyMonitor": "warning",
    "aws:costexplorer/anomalySubscription:AnomalySubscription": "warning",
    "aws:ec2/flowLog:FlowLog": "critical",
    "aws:s3/bucketLogging:BucketLogging": "critical",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": "critical",
    "aws:s3/bucketPolicy:BucketPolicy": "critical",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "critical",
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": "critical",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "critical",
    "aws:s3/bucketVersioning:BucketVersioning": "critical",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "critical",
    "aws:secretsmanager/secretRotation:SecretRotation": "critical",
    "aws:sns/topicPolicy:TopicPolicy": "warning",
    "aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration": "warning",
    "aws:chatbot/teamsChannelConfiguration:TeamsChannelConfiguration": "warning",
    "aws:sns/topicSubscription:TopicSubscription": "warning",
    "aws:wafv2/webAcl:WebAcl": "critical",
    "aws:wafv2/webAclAssociation:WebAclAssociation": "critical",
}
_SWEEPING = re.compile(r"/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$")
_SECRET_VALUE = re.compile(r"sk-ant-[\w-]{8,}|(?:AKIA|ASIA)[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----")
_SECRET_INPUTS = {
    "secretString",
    "secretBinary",
    "password",
    "masterPassword",
    "masterUserPassword",
    "authToken",
}
_SECRET_VARIABLE = re.compile(r"(PASSWORD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY)$", re.IGNORECASE)


def review(changes: Sequence[Change]) -> list[Finding]:
    """Return all findings, the most severe first, then by URN."""
    rules = (*_RULES, judge(changes))
    found = {finding for change in changes for rule in rules for finding in rule(change)}
    order = {severity: position for position, severity in enumerate(SEVERITIES)}
    return sorted(found, key=lambda f: (order[f.severity], f.urn, f.rule, f.path, f.message))


def _lost_options(change: Change) -> Iterator[Finding]:
    """protect or retainOnDelete is removed, or ignoreChanges hides a control from now on."""
    if change.new is None:
        return
    for option in change.lost_safety:
        rule = "protect-lost" if option == "protect" else "retain-lost"
        what = (
            "Pulumi may delete it from now on"
            if option == "protect"
            else "its deletion deletes what it holds"
        )
        yield Finding(rule, "critical", change.urn, what, option)
    for option in change.options:
        if option.path == "ignoreChanges" and option.new:
            hidden = sorted(set(option.new) - set(option.old or ()))
            if hidden:
                message = f"changes of {', '.join(hidden)} are ignored from now on"
                yield Finding("changes-ignored", "warning", change.urn, message, option.path)
        if option.path == "additionalSecretOutputs" and set(option.old or ()) - set(option.new or ()):
            yield Finding(
                "secret-output-lost", "critical", change.urn, "outputs are no longer secret", option.path
            )


def _deletions(change: Change) -> Iterator[Finding]:
    """Something that holds data or guards a resource is deleted or replaced."""
    if change.operation not in ("delete", "replace", "may replace") or change.old is None:
        return
    options = change.old["options"]
    keeps, guard = change.type in _KEEPS_DATA, _GUARDS.get(change.type)
    certain = change.operation != "may replace"
    verb = {"delete": "is deleted", "replace": "is replaced", "may replace": "may be replaced"}[
        change.operation
    ]
    if options.get("protect"):
        message = f"a protected resource {verb}; Pulumi refuses unless it is instructed to ignore protection"
        yield Finding("protected-resource", "critical" if certain else "warning", change.urn, message)
    if keeps:
        if options.get("retainOnDelete"):
            message = f"{verb}; the physical resource stays in the account, outside of the stack"
            yield Finding("data-unmanaged", "warning", change.urn, message)
        else:
            message = f"{verb}, and what it holds with it"
            yield Finding("data-lost", "critical" if certain else "warning", change.urn, message)
    if guard and change.operation == "delete":
        severity: Severity = "critical" if guard == "critical" else "warning"
        yield Finding("guard-deleted", severity, change.urn, "a control is deleted")


def _weaker_inputs(change: Change) -> Iterator[Finding]:
    """An input is weaker than before."""
    if change.old is None or change.new is None:
        return
    old, new = change.old["inputs"], change.new["inputs"]
    for rule, path, weaker, severity, words in _REGRESSION_RULES.get(change.type, ()):
        before, after = _at(old, path), _at(new, path)
        if before != after and weaker(_first(before), _first(after)):
            yield Finding(rule, severity, change.urn, f"{words} ({_said(before)} → {_said(after)})", path)
    if change.type.endswith(":BucketObjectLockConfiguration"):
        before, after = _lock_days(old), _lock_days(new)
        if after < before:
            message = f"objects are locked for less time ({before} → {after} days)"
            yield Finding("retention-shortened", "critical", change.urn, message, "rule.defaultRetention")
    if change.type.endswith(":BucketLifecycleConfiguration"):
        before, after = _expiry_days(old), _expiry_days(new)
        if after < before:
            message = f"objects expire earlier ({_said_days(before)} → {_said_days(after)})"
            yield Finding("retention-shortened", "critical", change.urn, message, "rules")


def _wider_access(change: Change) -> Iterator[Finding]:
    """IAM documents allow more, or deny less, than before."""
    if change.new is None:
        return
    before = dict(policy_documents((change.old or {}).get("inputs", {})))
    after = dict(policy_documents(change.new["inputs"]))
    for path, document in after.items():
        allowed = added(grants(before.get(path, {}), "Allow"), grants(document, "Allow"))
        for grant in allowed:
            if grant.principal == "*" and not grant.condition:
                message = f"anyone may: {grant.action} on {grant.resource}"
                yield Finding("public-grant", "critical", change.urn, message, path)
            elif _sweeping(grant):
                yield Finding("sweeping-grant", "critical", change.urn, f"newly allowed: {grant}", path)
            elif path in before:
                yield Finding("access-widened", "critical", change.urn, f"newly allowed: {grant}", path)
        if path in before:
            for grant in added(grants(document, "Deny"), grants(before[path], "Deny")):
                yield Finding("denial-lost", "critical", change.urn, f"no longer denied: {grant}", path)
    for path in before.keys() - after.keys():
        if not _at(change.new["inputs"], path) and grants(before[path], "Deny"):
            yield Finding("denial-lost", "critical", change.urn, "the document that denied is gone", path)
    arn = change.new["inputs"].get("policyArn")
    if change.operation != "same" and isinstance(arn, str) and _SWEEPING.search(arn):
        yield Finding(
            "sweeping-grant", "critical", change.urn, f"attaches {arn.rsplit('/', 1)[-1]}", "policyArn"
        )


def _sweeping(grant: Grant) -> bool:
    """Return whether a grant covers everything, everything but something, or a whole service on all
    resources.

    A resource policy always names the resource `*`, so only the action counts there.
    """
    if grant.principal:
        return grant.action == "*" and grant.resource == "*"
    return grant.inverted or grant.action == "*" or (grant.action.endswith(":*") and grant.resource == "*")


def _unreadable_access(change: Change) -> Iterator[Finding]:
    """A policy that is known only after the deployment cannot be reviewed before it."""
    if change.new is None or change.operation in ("same", "delete"):
        return
    for key in ("policy", "assumeRolePolicy"):
        value = change.new["inputs"].get(key)
        if isinstance(value, Mapping) and "$unknown" in value:
            message = "its text is known only after deployment; `kit preview --against` shows it"
            yield Finding("policy-unreadable", "warning", change.urn, message, key)


def _plain_secrets(change: Change) -> Iterator[Finding]:
    """A value that should be a secret is in plain text in the plan. The value itself is never repeated."""
    if change.new is None or change.operation in ("same", "read"):
        return
    for path, value in _leaves(change.new["inputs"]):
        last = path.rsplit(".", 1)[-1]
        named = last in _SECRET_INPUTS or (".variables." in f".{path}" and _SECRET_VARIABLE.search(last))
        if _SECRET_VALUE.search(value) or (named and value and not value.startswith("arn:")):
            yield Finding(
                "secret-in-plain", "critical", change.urn, "a credential is in the plan and the state", path
            )
    for prop in change.properties:
        if isinstance(prop.old, Mapping) and "$secret" in prop.old and isinstance(prop.new, Mapping):
            if "$secret" in prop.new:
                yield Finding("secret-changed", "info", change.urn, "a secret value changes", prop.path)
        elif isinstance(prop.old, Mapping) and "$secret" in prop.old and prop.kind == "update":
            yield Finding("secret-in-plain", "critical", change.urn, "was a secret, is plain now", prop.path)


_RULES: tuple[Callable[[Change], Iterator[Finding]], ...] = (
    _lost_options,
    _deletions,
    _weaker_inputs,
    _wider_access,
    _unreadable_access,
    _plain_secrets,
)


# -- reading inputs


def _at(inputs: Any, path: str) -> Any:
    value = unwrapped(inputs) if not isinstance(inputs, str) else inputs
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _first(value: Any) -> Any:
    """API Gateway's endpoint types are a list with one element."""
    return value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) else value


def _true(value: Any) -> bool:
    return value is True or value == "true"


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _lock_days(inputs: Any) -> int:
    retention = _at(inputs, "rule.defaultRetention") or {}
    return int(_number(retention.get("days")) or 0) + 365 * int(_number(retention.get("years")) or 0)


def _expiry_days(inputs: Any) -> float:
    """Return the shortest time after which an enabled rule deletes current objects; infinite if none does."""
    days = [
        _number((rule.get("expiration") or {}).get("days"))
        for rule in _at(inputs, "rules") or ()
        if isinstance(rule, Mapping) and rule.get("status") == "Enabled"
    ]
    return min((day for day in days if day), default=float("inf"))


def _said_days(days: float) -> str:
    return "never" if days == float("inf") else f"{int(days)} days"


def _said(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "on" if value else "off"
    text = f"{len(value)} entries" if isinstance(value, list | Mapping) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every string among the inputs that is not marked as secret."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        if "$secret" not in value:
            for key in sorted(value):
                yield from _leaves(value[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _leaves(one, f"{path}[{index}]")
