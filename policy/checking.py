"""Runs the policies over an evaluated graph, without an engine and without a policy server."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pulumi_policy import (
    Policy,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.policy import PolicyCustomTimeouts, PolicyResource, PolicyResourceOptions

from policy.policies import POLICIES


class PlannedResource(Protocol):
    """What is looked at; `kit.evaluation.graph.Resource` is one."""

    @property
    def urn(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Violation:
    """One broken rule."""

    policy: str
    urn: str
    message: str


def violations(
    resources: Iterable[PlannedResource], policies: Sequence[Policy] = POLICIES
) -> list[Violation]:
    """Every violation in a plan, by policy and URN."""
    nodes = _nodes(list(resources))
    found: list[Violation] = []
    for policy in policies:

        def report(message: str, urn: str | None = None, *, policy: Policy = policy, at: str = "") -> None:
            found.append(Violation(policy.name, urn or at, message))

        if isinstance(policy, StackValidationPolicy):
            _run(policy, StackValidationArgs(list(nodes.values())), report)
        elif isinstance(policy, ResourceValidationPolicy):
            for node in nodes.values():
                args = ResourceValidationArgs(
                    node.resource_type, node.props, node.urn, node.name, node.opts, None
                )
                _run(policy, args, lambda message, urn=None, at=node.urn: report(message, urn or at))
    return sorted(found, key=lambda each: (each.policy, each.urn))


def _run(policy: Any, args: Any, report: Any) -> None:
    checks = policy.validate if isinstance(policy.validate, list) else [policy.validate]
    for check in checks:
        check(args, report)


def _nodes(resources: Sequence[PlannedResource]) -> dict[str, PolicyResource]:
    """Resources as policies see them, their dependencies joined up."""
    nodes = {
        one.urn: PolicyResource(
            one.type, _plain(one.inputs), one.urn, one.name, _options(one), None, None, [], {}
        )
        for one in resources
    }
    for one in resources:
        node = nodes[one.urn]
        node.dependencies.extend(nodes[urn] for urn in one.options.get("dependencies", ()) if urn in nodes)
        for key, urns in (one.options.get("propertyDependencies") or {}).items():
            node.property_dependencies[key] = [nodes[urn] for urn in urns if urn in nodes]
    return nodes


def _options(one: PlannedResource) -> PolicyResourceOptions:
    given = one.options
    return PolicyResourceOptions(
        protect=bool(given.get("protect")),
        ignore_changes=list(given.get("ignoreChanges", ())),
        delete_before_replace=given.get("deleteBeforeReplace"),
        aliases=[],
        custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
        additional_secret_outputs=list(given.get("additionalSecretOutputs", ())),
        parent=None,
    )


def _plain(value: Any) -> Any:
    """Values without the marks of the evaluation: a secret is its value, an unknown is not there."""
    if isinstance(value, Mapping):
        if set(value) == {"$secret"}:
            return _plain(value["$secret"])
        return {key: _plain(item) for key, item in value.items() if item != {"$unknown": True}}
    if isinstance(value, list):
        return [_plain(item) for item in value if item != {"$unknown": True}]
    return value
