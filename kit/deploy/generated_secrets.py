"""Secrets that nobody needs to know: made at random between two stages, never shown, never in a state."""

from collections.abc import Callable, Mapping
from typing import Any

from lambdas.common.virtual_keys import new_pepper
from lambdas.scim.bearer import new_token

GENERATED: Mapping[str, Callable[[], str]] = {
    "key_pepper_secret_arn": new_pepper,
    "scim_token_secret_arn": new_token,
}


def has_value(manager: Any, arn: str) -> bool:
    """Whether a secret has a value; one that was only created has no version at all. The value itself is not
    asked for: the role that deploys may read none.
    """
    return bool(manager.describe_secret(SecretId=arn).get("VersionIdsToStages"))


def fill_generated(
    manager: Any, exports: Mapping[str, str], filled: Callable[[Any, str], bool] = has_value
) -> list[str]:
    """Give the empty ones of `exports` a value, and name those that were given one. A secret that has a value
    keeps it: another pepper would make every virtual key worthless. `manager` is a Secrets Manager client,
    `filled` how it is asked.
    """
    given = []
    for name, make in GENERATED.items():
        arn = exports.get(name)
        if arn and not filled(manager, arn):
            manager.put_secret_value(SecretId=arn, SecretString=make())
            given.append(name.removesuffix("_secret_arn").replace("_", "-"))
    return given
