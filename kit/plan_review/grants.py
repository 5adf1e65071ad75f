"""What an IAM document grants, so that two documents are compared by effect and not by text."""

import fnmatch
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Grant:
    """One principal, one action, one resource, under one condition (JSON; empty if none)."""

    principal: str
    action: str
    resource: str
    condition: str
    inverted: bool = False  # NotAction, NotResource or NotPrincipal: the patterns name what is excluded

    def __str__(self) -> str:
        who = f"{self.principal} " if self.principal else ""
        under = f" if {self.condition}" if self.condition else ""
        return f"{who}{'everything but ' if self.inverted else ''}{self.action} on {self.resource}{under}"

    def covers(self, other: "Grant") -> bool:
        """Whether this grants everything that `other` grants."""
        if self == other:
            return True
        if self.inverted or other.inverted:
            return False
        return (
            _matches(self.principal, other.principal)
            and _matches(self.action.lower(), other.action.lower())
            and _matches(self.resource, other.resource)
            and self.condition in ("", other.condition)
        )


def policy_documents(inputs: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every IAM document among the inputs, as JSON text or as an object, with its path."""
    if isinstance(inputs, str):
        document = _parsed(inputs)
        if document is not None:
            yield path, document
    elif isinstance(inputs, Mapping):
        if "Statement" in inputs:
            yield path, dict(inputs)
            return
        for key in sorted(inputs):
            yield from policy_documents(inputs[key], f"{path}.{key}" if path else key)
    elif isinstance(inputs, list):
        for index, one in enumerate(inputs):
            yield from policy_documents(one, f"{path}[{index}]")


def grants(document: Mapping[str, Any], effect: str) -> frozenset[Grant]:
    """Return all grants of the statements with this effect, `Allow` or `Deny`."""
    found: set[Grant] = set()
    for statement in _many(document.get("Statement")):
        if not isinstance(statement, Mapping) or statement.get("Effect") != effect:
            continue
        condition = statement.get("Condition")
        under = json.dumps(condition, sort_keys=True) if condition else ""
        inverted = any(key in statement for key in ("NotAction", "NotResource", "NotPrincipal"))
        for principal in _principals(statement):
            for action in _texts(statement.get("Action", statement.get("NotAction"))):
                for resource in _texts(statement.get("Resource", statement.get("NotResource", "*"))):
                    found.add(Grant(principal, action, resource, under, inverted))
    return frozenset(found)


def added(old: frozenset[Grant], new: frozenset[Grant]) -> list[Grant]:
    """Return the grants of `new` that nothing in `old` covers, sorted."""
    return sorted(grant for grant in new - old if not any(before.covers(grant) for before in old))


def _principals(statement: Mapping[str, Any]) -> Iterator[str]:
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if principal is None:
        yield ""
    elif isinstance(principal, Mapping):
        for kind in sorted(principal):
            for one in _texts(principal[kind]):
                yield one if one == "*" else f"{kind}:{one}"
    else:
        yield from _texts(principal)


def _texts(value: Any) -> list[str]:
    return [
        one if isinstance(one, str) else json.dumps(one, sort_keys=True, default=str) for one in _many(value)
    ]


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, text: str) -> bool:
    """IAM wildcards: `*` and `?`, nothing else."""
    return pattern in (text, "*") or fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def _parsed(text: str) -> dict[str, Any] | None:
    if '"Statement"' not in text:
        return None
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) and "Statement" in document else None
