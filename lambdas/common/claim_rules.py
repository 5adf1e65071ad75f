"""Rules on the claims of an issuer's tokens: typed, nested, multi-valued (L1.3).

A rule is a text, a number, true or false, or a list of these, of which any may match. A text that ends in
`*` is a prefix that ends at a delimiter (`acme/*`, `refs/heads/*`), so that `acme` never matches
`acme-evil`. A claim that is a list matches if one of its values does. Types are distinct: true is neither 1
nor "true".

A nested claim is addressed by the names on its path, separated by spaces: `kubernetes.io namespace`,
`google compute_engine project_id`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

Scalar = str | int | float | bool
Rule = Scalar | Sequence[Scalar]


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim by its name or path, or None if it does not exist."""
    if path in claims:
        return claims[path]
    parts = path.split(" ")
    for end in range(len(parts) - 1, 0, -1):  # names may contain spaces: longest first
        below = claims.get(" ".join(parts[:end]))
        if isinstance(below, Mapping):
            return claim(cast("Mapping[str, Any]", below), " ".join(parts[end:]))
    return None


def hold(rules: Mapping[str, Rule], claims: Mapping[str, Any]) -> bool:
    """Return whether every rule matches."""
    return all(_holds(rule, claim(claims, path)) for path, rule in rules.items())


def _holds(rule: Rule, value: Any) -> bool:
    wanted = rule if isinstance(rule, list | tuple) else (rule,)
    given: Sequence[Any] = cast("list[Any]", value) if isinstance(value, list) else (value,)
    return any(_equal(one, each) for one in wanted for each in given)


def _equal(rule: Any, value: Any) -> bool:
    if isinstance(rule, str) and rule.endswith("*"):
        prefix = rule[:-1]
        return isinstance(value, str) and len(value) > len(prefix) and value.startswith(prefix)
    if isinstance(rule, bool) or isinstance(value, bool):
        return rule is value
    numbers = isinstance(rule, int | float) and isinstance(value, int | float)
    return (numbers or isinstance(value, type(rule))) and rule == value


def wrong(rule: Any) -> str:
    """Return why a rule is invalid, or an empty text if it is valid."""
    values: Sequence[Any] = cast("Sequence[Any]", rule) if isinstance(rule, list | tuple) else [rule]
    if not values:
        return "the list is empty: nothing would be let in"
    for value in values:
        if not isinstance(value, str | int | float | bool):
            return "a rule is a text, a number, true or false, or a list of these"
        if isinstance(value, str) and not value:
            return "an empty text is not a rule"
        if isinstance(value, str) and "*" in value[:-1]:
            return "* stands at the end only"
        if isinstance(value, str) and value.endswith("*") and (len(value) < 2 or value[-2].isalnum()):
            return "a prefix ends at a boundary such as / or :, or it lets in every name that begins so"
    return ""
