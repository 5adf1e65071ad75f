"""IAM's evaluation of one policy document, small and strict: what it does not know it refuses to judge."""

import fnmatch
import json
from collections.abc import Iterator, Mapping
from typing import Any

_LIKE = {"StringLike", "ArnLike", "ArnEquals"}


def allows(
    policy: str | Mapping[str, Any],
    action: str,
    *,
    principal: str = "",
    resource: str = "",
    context: Mapping[str, str] | None = None,
) -> bool:
    """Whether a document allows, and does not deny, an action. `principal` only for policies of a resource
    (an ARN, or a service's name), `resource` only for policies of an identity.
    """
    verdicts = {
        statement["Effect"]
        for statement in statements(policy)
        if _applies(statement, action, principal, resource, context or {})
    }
    return verdicts == {"Allow"}


def statements(policy: str | Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The statements of a document."""
    parsed = json.loads(policy) if isinstance(policy, str) else policy
    return list(many(parsed["Statement"]))


def many(value: Any) -> list[Any]:
    """One or many, as a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _applies(
    statement: Mapping[str, Any], action: str, principal: str, resource: str, context: Mapping[str, str]
) -> bool:
    if not any(fnmatch.fnmatchcase(action, pattern) for pattern in many(statement["Action"])):
        return False
    if principal and not _is_meant(statement.get("Principal"), principal):
        return False
    if resource and not _covers(statement, resource):
        return False
    return all(
        _holds(operator, wanted, context.get(key))
        for operator, tests in statement.get("Condition", {}).items()
        for key, wanted in tests.items()
    )


def _is_meant(principals: Any, principal: str) -> bool:
    if principals == "*":
        return True
    named = [one for values in (principals or {}).values() for one in many(values)]
    of_account = principal.startswith("arn:") and "*" in named
    return principal in named or of_account


def _covers(statement: Mapping[str, Any], resource: str) -> bool:
    def matches(patterns: Any) -> bool:
        return any(fnmatch.fnmatchcase(resource, str(pattern)) for pattern in many(patterns))

    if "NotResource" in statement:
        return not matches(statement["NotResource"])
    return matches(statement["Resource"])


def _holds(operator: str, wanted: Any, given: str | None) -> bool:
    plain = operator.removeprefix("ForAllValues:").removeprefix("ForAnyValue:")
    negated = "Not" in plain
    plain = plain.replace("Not", "")
    if plain == "Null":
        return (given is None) == (str(wanted).lower() == "true")
    if given is None:
        return negated or operator.startswith("ForAllValues:")
    matched = any(_one(plain, str(value), given) for value in many(wanted))
    return matched != negated


def _one(operator: str, wanted: str, given: str) -> bool:
    if operator == "Bool":
        return wanted.lower() == given.lower()
    if operator in _LIKE:
        return fnmatch.fnmatchcase(given, wanted)
    if operator == "StringEquals":
        return wanted == given
    if operator == "NumericLessThan":
        return float(given) < float(wanted)
    raise NotImplementedError(operator)


def values_at(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """What stands under a path of keys; lists on the way are searched."""
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from values_at(one, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from values_at(value[path[0]], path[1:])
