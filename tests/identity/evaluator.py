"""Whether a role's policy allows a request, by the rules that AWS documents for conditions.

A second judge beside the emulated AWS, which does not know `dynamodb:LeadingKeys` and `dynamodb:Attributes`.
It knows the operators that the kit's policies use, and fails on any other rather than guess.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request: the action, the resource, and the condition keys with their values."""

    action: str
    resource: str
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)


def allowed(statements: Sequence[Mapping[str, Any]], asked: Asked) -> bool:
    """Whether these statements allow it: a denial wins, and what nothing allows is denied."""
    fitting = [one for one in statements if _fits(one, asked)]
    return bool(fitting) and all(one["Effect"] == "Allow" for one in fitting)


def _fits(statement: Mapping[str, Any], asked: Asked) -> bool:
    if not set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}:
        raise ValueError(f"unknown element in {statement.get('Sid')}")
    actions, resources = _several(statement["Action"]), _several(statement["Resource"])
    return (
        any(_like(asked.action, one, ignore_case=True) for one in actions)
        and any(_like(asked.resource, one) for one in resources)
        and all(
            _holds(operator, _several(wanted), asked.context.get(name))
            for operator, block in statement.get("Condition", {}).items()
            for name, wanted in block.items()
        )
    )


def _holds(operator: str, wanted: Sequence[str], given: Sequence[str] | None) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    if plain not in {"StringEquals", "StringLike"}:
        raise ValueError(f"unknown operator {operator}")

    def matches(value: str) -> bool:
        return any(value == one if plain == "StringEquals" else _like(value, one) for one in wanted)

    if quantifier == "ForAllValues":
        return all(matches(one) for one in given or ())  # true where the request does not have the key
    if quantifier:
        raise ValueError(f"unknown quantifier {quantifier}")
    return given is not None and len(given) == 1 and matches(given[0])


def _like(value: str, pattern: str, *, ignore_case: bool = False) -> bool:
    regex = "".join(".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.fullmatch(regex, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def _several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
