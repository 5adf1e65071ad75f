"""Secrets that nobody needs to know: generated between two stages, never shown, never in a state."""

from collections.abc import Callable, Mapping
from typing import Any

from lambdas.common.virtual_keys import new_pepper
from lambdas.scim.bearer import new_token

GENERATED: Mapping[str, Callable[[], str]] = {
    "key_pepper_secret_arn": new_pepper,
    "scim_token_secret_arn": new_token,
}


def has_value(manager: Any, arn: str) -> bool:
    """Return whether a secret has a value; one that was only created has no version at all.

    The value itself is not requested: the deploying role may read none.
    """
    return bool(manager.describe_secret(SecretId=arn).get("VersionIdsToStages"))


def fill_generated(
    manager: Any, exports: Mapping[str, str], filled: Callable[[Any, str], bool] = has_value
) -> list[str]:
    """Give the empty secrets in `exports` a value, and return their names.

    A secret with a value keeps it: another pepper would make every virtual key worthless. `manager` is a
    Secrets Manager client, `filled` tells whether a secret has a value.
    """
    given = []
    for name, make in GENERATED.items():
        arn = exports.get(name)
        if arn and not filled(manager, arn):
            manager.put_secret_value(SecretId=arn, SecretString=make())
            given.append(name.removesuffix("_secret_arn").replace("_", "-"))
    return given
