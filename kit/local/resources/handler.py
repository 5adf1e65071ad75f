"""What a resource handler is: three functions that bring one type of resource about in the emulated AWS."""

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions

from kit import aws_clients
from kit.aws_facts.prediction import Account

Inputs = Mapping[str, Any]
Made = tuple[str, dict[str, Any]]  # physical id, computed outputs by their names on the wire

_GONE = {
    "404", "NoSuchBucket", "NoSuchKey", "NoSuchEntity", "NotFound", "NotFoundException",
    "ResourceNotFoundException",
    "NoSuchBucketPolicy", "NoSuchPublicAccessBlockConfiguration", "NoSuchLifecycleConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError", "ObjectLockConfigurationNotFoundError",
    "OwnershipControlsNotFoundError", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist",
    "EntityNotFoundException", "ResourceNotFound", "InvalidRequestException", "UserPoolTaggingException",
    "StateMachineDoesNotExist", "NoSuchVersion", "ParameterNotFound",
}  # fmt: skip


class Clients(aws_clients.Clients):
    """AWS clients of the emulator with its root credentials."""

    def __init__(self, endpoint_url: str, access_key_id: str, secret_access_key: str) -> None:
        session = boto3.Session(aws_access_key_id=access_key_id, aws_secret_access_key=secret_access_key)
        super().__init__(session, endpoint_url)


@dataclass(frozen=True)
class Place:
    """Where a resource lives: its region and account, and the URN that it answers to."""

    clients: Clients
    region: str
    account: Account
    urn: str
    root: Path

    def client(self, service: str) -> Any:
        """The client of one service in this region."""
        return self.clients.of(service, self.region)

    def arn(self, service: str, rest: str) -> str:
        """An ARN in this account and region."""
        return f"arn:{self.account.partition}:{service}:{self.region}:{self.account.id}:{rest}"


@dataclass(frozen=True)
class Handler:
    """One type of resource.

    `ensure(place, inputs, id)` creates it, adopts it where it exists already, and brings it to what the
    inputs say; `id` is given for an update. `exists` and `delete` get the id and the recorded inputs. All
    three raise botocore's errors.
    """

    ensure: Callable[[Place, Inputs, str | None], Made]
    exists: Callable[[Place, str, Inputs], bool]
    delete: Callable[[Place, str, Inputs], None]

    @property
    def digest(self) -> str:
        """Of the file that `ensure` is written in: another one after an upgrade of the kit brings what stands
        to what the new code makes.
        """
        return _file_digest(inspect.getfile(inspect.unwrap(self.ensure)))


@lru_cache(maxsize=64)
def _file_digest(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def error_code(error: botocore.exceptions.ClientError) -> str:
    """The code of an AWS error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_gone(error: botocore.exceptions.ClientError) -> bool:
    """Whether the error says that there is no such thing."""
    code = error_code(error)
    return code in _GONE or "NotFound" in code or "NoSuch" in code or "DoesNotExist" in code


def found(call: Callable[..., Any], **arguments: Any) -> Any | None:
    """The answer of a lookup; None where there is no such thing."""
    try:
        return call(**arguments)
    except botocore.exceptions.ClientError as error:
        if is_gone(error):
            return None
        raise


def without(call: Callable[..., Any], **arguments: Any) -> None:
    """Delete something that may be gone already."""
    found(call, **arguments)


def adopted(code: str, call: Callable[..., Any], **arguments: Any) -> Any | None:
    """The answer of a creation; None where it exists already, which the error code `code` says."""
    try:
        return call(**arguments)
    except botocore.exceptions.ClientError as error:
        if error_code(error) == code:
            return None
        raise


def given(**arguments: Any) -> dict[str, Any]:
    """The arguments that have a value."""
    return {name: value for name, value in arguments.items() if value not in (None, "", [], {})}


def api_names(value: Any, special: Mapping[str, str] | None = None) -> Any:
    """Inputs in the spelling of AWS's API: `defaultRetention` as `DefaultRetention`, at every depth.

    Whole numbers arrive as floats from the program and are made whole again. `special` names exceptions.
    """
    if isinstance(value, Mapping):
        return {
            (special or {}).get(key) or key[:1].upper() + key[1:]: api_names(one, special)
            for key, one in value.items()
            if one is not None
        }
    if isinstance(value, list | tuple):
        return [api_names(one, special) for one in value]
    return whole(value)


def whole(value: Any) -> Any:
    """An integer where a float has no fraction."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Attribute values as AWS's query APIs want them."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(whole(value))
        for name, value in values.items()
        if value not in (None, "")
    }


def policy_for_emulator(policy: Any) -> str:
    """The policy without the conditions that the emulator cannot judge; everything else is enforced as it is.

    * It listens on the loopback address without TLS, so statements that deny `aws:SecureTransport: false`
      would deny everything.
    * It knows no KMS encryption context, so conditions on it would never be met.
    * It does not tell which KMS key a put names, so statements that deny every other key would deny all.
    * It gives `aws:PrincipalArn` of a role's session as the session's ARN, where AWS gives the role's: role
      ARNs in such conditions therefore also stand for the role's sessions.
    * It does not know of which workgroup a query of Athena is, where AWS does: who may ask in one may read
      the answers of all.
    """
    document = json.loads(policy) if isinstance(policy, str) else policy
    statements = document.get("Statement", [])
    kept = []
    for statement in statements if isinstance(statements, list) else [statements]:
        conditions = statement.get("Condition", {})
        if statement.get("Effect") == "Deny" and _cannot_be_judged(conditions):
            continue
        judged = {
            operator: {
                key: _with_sessions(one) if key == "aws:PrincipalArn" else one
                for key, one in tests.items()
                if not key.startswith("kms:EncryptionContext")
            }
            for operator, tests in conditions.items()
        }
        judged = {operator: tests for operator, tests in judged.items() if tests}
        kept.append(
            {key: one for key, one in statement.items() if key != "Condition"}
            | ({"Condition": judged} if judged else {})
        )
        if answers := sorted({"athena:GetQueryExecution", "athena:GetQueryResults"} & _actions(statement)):
            kept.append({"Effect": statement["Effect"], "Action": answers, "Resource": "*"})
    return json.dumps({**document, "Statement": kept}, sort_keys=True)


def _actions(statement: Mapping[str, Any]) -> set[str]:
    named = statement.get("Action", [])
    return {named} if isinstance(named, str) else set(named)


def _with_sessions(roles: str | list[str]) -> list[str]:
    """ARNs of roles, and of all their sessions."""
    arns = [roles] if isinstance(roles, str) else roles
    sessions = [
        arn.replace(":iam:", ":sts:", 1).replace(":role/", ":assumed-role/", 1) + "/*"
        for arn in arns
        if ":role/" in arn
    ]
    return [*arns, *sessions]


_UNKNOWN_KEYS = {
    "aws:SecureTransport",
    "s3:TlsVersion",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
}


def _cannot_be_judged(conditions: Mapping[str, Mapping[str, Any]]) -> bool:
    keys = {key for tests in conditions.values() for key in tests}
    return bool(keys) and keys <= _UNKNOWN_KEYS
