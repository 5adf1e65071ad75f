"""The resource graph of one evaluation: what the Pulumi engine would have received, as plain data.

Values are JSON-able. What JSON has no word for is marked by a dictionary with one key:

    {"$secret": value}       a secret; the value is there for engines, documents blind it
    {"$unknown": true}       known only after the deployment (preview only)
    {"$asset": {"path"|"text"|"uri": …}}
    {"$archive": {"path"|"uri": …} | {"assets": {name: asset or archive}}}
    {"$resource": {"urn": …, "id": …}}

Paths inside the project directory are relative to it, so that a graph is the same on every machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

STACK_TYPE = "pulumi:pulumi:Stack"
STACK_REFERENCE_TYPE = "pulumi:pulumi:StackReference"


@dataclass(frozen=True)
class Resource:
    """One registration (or read) as the program made it.

    `options` holds every option that was set, by its name on the wire: protect, retainOnDelete, dependencies,
    propertyDependencies, aliases, ignoreChanges, replaceOnChanges, deleteBeforeReplace, deletedWith,
    replaceWith, additionalSecretOutputs, customTimeouts, provider, providers (URNs), version, hooks,
    import, … `outputs` are the registered outputs of a component and the exports of the stack. `source` is
    `<file in the project>#<line>` of the statement that made it.
    """

    urn: str
    type: str
    name: str
    parent: str | None
    custom: bool
    inputs: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    read: bool = False  # an existing resource that is looked up, never changed

    @property
    def protected(self) -> bool:
        """Return whether Pulumi refuses to delete it."""
        return bool(self.options.get("protect"))

    @property
    def retained(self) -> bool:
        """Return whether the physical resource outlives its deletion from the stack."""
        return bool(self.options.get("retainOnDelete"))

    def depends_on(self) -> list[str]:
        """Return the URNs that must exist before this resource, sorted."""
        found = set(self.options.get("dependencies", ()))
        for dependencies in self.options.get("propertyDependencies", {}).values():
            found.update(dependencies)
        found.update(self.options.get("providers", {}).values())
        for one in (self.parent, self.options.get("provider")):
            if one:
                found.add(one)
        found.discard(self.urn)
        return sorted(found)


@dataclass(frozen=True)
class ResourceState:
    """A resource as created by a backend: its physical id and its outputs by their wire names.

    `id` is None if it is not known before the deployment. Outputs may carry the markers of this module.
    """

    id: str | None
    outputs: Mapping[str, Any]


@dataclass(frozen=True)
class Graph:
    """The resources of one stack by URN, in URN order."""

    project: str
    stack: str
    preview: bool
    resources: Mapping[str, Resource]
    states: Mapping[str, ResourceState]
    invokes: tuple[Mapping[str, Any], ...] = ()
    hooks: tuple[str, ...] = ()
    messages: tuple[tuple[str, str], ...] = ()  # (severity, text) that the program logged

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources.values())

    def __len__(self) -> int:
        return len(self.resources)

    @property
    def exports(self) -> dict[str, Any]:
        """Return what the stack exports; empty before the program has ended."""
        for resource in self:
            if resource.type == STACK_TYPE:
                return dict(resource.outputs)
        return {}

    def of_type(self, token: str) -> list[Resource]:
        """Return all resources of one type, such as `aws:s3/bucket:Bucket`."""
        return [resource for resource in self if resource.type == token]

    def named(self, name: str, token: str | None = None) -> Resource:
        """Return the only resource with this logical name (and type). Raises LookupError otherwise."""
        found = [r for r in self if r.name == name and token in (None, r.type)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources named {name!r}{f' of type {token}' if token else ''}")
        return found[0]

    def children_of(self, urn: str) -> list[Resource]:
        """Return the direct children of a component or of the stack."""
        return [resource for resource in self if resource.parent == urn]

    def in_dependency_order(self) -> list[Resource]:
        """Return every resource after all its dependencies, ties in URN order."""
        order: list[Resource] = []
        state: dict[str, bool] = {}  # False while its dependencies are walked, True when placed

        for start in self.resources:
            waiting = [(start, iter(self._known_dependencies(start)))] if start not in state else []
            if waiting:
                state[start] = False
            while waiting:
                urn, dependencies = waiting[-1]
                following = next((d for d in dependencies if d not in state), None)
                if following is None:
                    waiting.pop()
                    state[urn] = True
                    order.append(self.resources[urn])
                else:
                    state[following] = False
                    waiting.append((following, iter(self._known_dependencies(following))))
        return order

    def _known_dependencies(self, urn: str) -> list[str]:
        return [one for one in self.resources[urn].depends_on() if one in self.resources]


def unwrapped(value: Any) -> Any:
    """Return the value without markers of secrets at any depth."""
    if isinstance(value, Mapping):
        if set(value) == {"$secret"}:
            return unwrapped(value["$secret"])
        return {key: unwrapped(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [unwrapped(one) for one in value]
    return value


def contains_unknown(value: Any) -> bool:
    """Return whether a part of the value is known only after the deployment."""
    if isinstance(value, Mapping):
        return "$unknown" in value or any(contains_unknown(one) for one in value.values())
    return isinstance(value, list | tuple) and any(contains_unknown(one) for one in value)
