"""What identity commands need of a deployment: access records, pepper, policy, and a record of the action."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kit.errors import ExitCode, KitError
from kit.target import Target
from lambdas.common.access import AccessRecords
from lambdas.common.audit import (
    AuditBucket,
    AuditUnavailable,
    AuditWriter,
    Introducer,
    Journal,
    MetadataCopies,
)
from lambdas.common.policy import GatewayPolicy, PolicyError, parse_policy
from lambdas.common.virtual_keys import PepperError, read_pepper


def access_records(target: Target) -> AccessRecords:
    """Return the access table of a deployment."""
    return AccessRecords(target.client("dynamodb"), target.require("access_table_name"))


def pepper(target: Target) -> bytes:
    """Return the key of virtual keys' hashes. Raises KitError if it was never set."""
    arn = target.require("key_pepper_secret_arn")
    try:
        text = target.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
        return read_pepper(text)
    except PepperError as error:
        raise KitError(str(error), hint=f"put 32 random bytes in base 64 into {arn}") from None
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise KitError(
            "the pepper of virtual keys has no value yet",
            hint=f"put 32 random bytes in base 64 into {arn}, once, then never change it",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None


def policy(target: Target) -> GatewayPolicy:
    """Return the gateway policy in force."""
    place = {"Bucket": target.require("governance_bucket_name"), "Key": target.require("policy_object_key")}
    document = target.client("s3").get_object(**place)["Body"].read()
    try:
        return parse_policy(document)
    except PolicyError as error:
        raise KitError(
            f"the gateway policy does not parse: {error}", hint="deploy integration again"
        ) from None


def operator_writer(
    target: Target,
    name: str = "operator",
    pool: ThreadPoolExecutor | None = None,
    copies: MetadataCopies | None = None,
) -> AuditWriter:
    """Return a writer for people's actions, introduced by the operators' key."""
    store = AuditBucket(
        target.client("s3"),
        bucket=target.require("audit_bucket_name"),
        key_arn=target.require("audit_key_arn"),
    )
    introducer = Introducer(target.client("kms"), target.require("operator_key_arn"))
    return AuditWriter(
        Journal(name, store, introducer), keys=None, pool=pool or ThreadPoolExecutor(1), copies=copies
    )


def record_event(target: Target, record: Mapping[str, Any]) -> None:
    """Record an operator's action with the actor. Raises KitError; the action must then not be taken."""
    with ThreadPoolExecutor(1) as pool:
        writer = operator_writer(target, "operator", pool)
        try:
            writer.append_now({**record, "operator": caller_arn(target)}, bodies={})
        except AuditUnavailable as error:
            raise KitError(
                f"the audit store took no record, so nothing was changed: {error}",
                hint="try again; see the runbook on the audit store",
                exit_code=ExitCode.ENVIRONMENT,
            ) from None


def caller_arn(target: Target) -> str:
    """Return the operator's identity in AWS."""
    return str(target.client("sts").get_caller_identity()["Arn"])


def from_aws(error: Exception) -> KitError:
    """Return an AWS error as an error of the command, without its values."""
    if isinstance(error, ClientError):
        code, operation = error.response["Error"]["Code"], error.operation_name
        denied = "AccessDenied" in code or "Unauthorized" in code
        hint = _role_that_may(operation) if denied else "try again"
        return KitError(f"AWS refused {operation}: {code}", hint=hint, exit_code=ExitCode.ENVIRONMENT)
    return KitError(
        f"AWS does not answer: {type(error).__name__}",
        hint="check the network, the region and the credentials",
        exit_code=ExitCode.ENVIRONMENT,
    )


# Which role of the Center of Excellence is for what is refused; the first that fits.
_ROLES = {
    "governance-lead": (
        "TransactWriteItems",
        "UpdateItem",
        "GetObjectRetention",
        "Verify",
        "FilterLogEvents",
        "GetObject",
        "ListObjectsV2",
        "Scan",
    ),
    "key-operator": (
        "GetSecretValue",
        "PutSecretValue",
        "DescribeIdentityProvider",
        "UpdateIdentityProvider",
        "DescribeUserPoolClient",
        "ListUserPoolClients",
        "TransactWriteItems",
    ),
}


def _role_that_may(operation: str) -> str:
    roles = [role for role, operations in _ROLES.items() if operation in operations]
    if not roles:
        return "take the role of the Center of Excellence whose work this is: docs/rights.md"
    return f"take the role {' or '.join(roles)}"


AWS_ERRORS = (ClientError, BotoCoreError)


def plain(text: str, option: str, *, most: int = 200) -> str:
    """Return one line of printable text that is not a credential. Raises KitError."""
    from stacks.settings.credentials import looks_secret

    line = " ".join(text.split())
    if not line or len(line) > most or not line.isprintable():
        raise usage(f"{option} is not a text of 1 to {most} characters", "say it in one line")
    if looks_secret(line) or re.search(r"vk_[0-9A-Za-z]{20}", line):
        raise usage(f"{option} looks like a credential", "leave it out")
    return line


def usage(message: str, hint: str) -> KitError:
    """Return an error of the command line."""
    return KitError(message, hint=hint, exit_code=ExitCode.USAGE)
