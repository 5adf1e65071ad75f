"""The key with which a department's workflows call the gateway (L1.3)."""

import json
from collections.abc import Iterable

from kit.errors import ExitCode, KitError
from kit.identity.keys import Scope, create_key
from kit.reviews.places import names_of_target
from kit.target import Target
from lambdas.common.access import AccessRecord


def give_credential(target: Target, department: str) -> AccessRecord:
    """Create a key and store it where the department's workflows read it. Raises KitError (2) if the
    department is not deployed.
    """
    manager, secret = target.client("secretsmanager"), _secret(target, department)
    try:
        manager.describe_secret(SecretId=secret)
    except manager.exceptions.ResourceNotFoundException:
        raise KitError(
            f"{department} does not stand", hint="deploy its stage first", exit_code=ExitCode.USAGE
        ) from None
    made = create_key(target, Scope(f"workflows of {department}", department))
    manager.put_secret_value(SecretId=secret, SecretString=json.dumps({"key": made.key}))
    return made.record


def give_missing(target: Target, departments: Iterable[str]) -> list[str]:
    """Create a key for every deployed department without one and return their names."""
    return [one for one in departments if _lacks(target, one) and give_credential(target, one)]


def _lacks(target: Target, department: str) -> bool:
    manager, secret = target.client("secretsmanager"), _secret(target, department)
    try:
        manager.describe_secret(SecretId=secret)
    except manager.exceptions.ResourceNotFoundException:
        return False
    try:
        return not manager.get_secret_value(SecretId=secret).get("SecretString")
    except manager.exceptions.ResourceNotFoundException:
        return True


def _secret(target: Target, department: str) -> str:
    return names_of_target(target).of(f"{department}-workflow-key")
