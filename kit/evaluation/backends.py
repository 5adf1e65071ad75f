"""Backends of an evaluation: they answer registrations.

A backend gets each resource after all its dependencies, from several threads concurrently. It returns the
id and the outputs, or raises: the evaluation then stops with the resource's URN and its message.
`PlanBackend` creates nothing.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from kit.aws_facts.lookups import answer
from kit.aws_facts.prediction import Account, predict
from kit.errors import ExitCode
from kit.evaluation.errors import EvaluationError
from kit.evaluation.graph import STACK_REFERENCE_TYPE, Resource, ResourceState, unwrapped


class Backend(Protocol):
    """What an evaluation runs against. `prompt` means that it answers without waiting, so it is called in
    the program's own thread.
    """

    @property
    def prompt(self) -> bool: ...

    def register(self, resource: Resource) -> ResourceState:
        """Create the resource. Called for custom resources only, dependencies first, from worker threads."""
        ...

    def read(self, resource: Resource) -> ResourceState:
        """Look up an existing resource by `resource.options["id"]`, StackReferences included."""
        ...

    def invoke(self, token: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer a provider function, such as `aws:index/getCallerIdentity:getCallerIdentity`."""
        ...


class PlanBackend:
    """Answers as a deployment would, without one.

    With `preview=True` it is the engine's preview of a first deployment: no ids, and whatever a provider
    computes is unknown. With `preview=False` ids and outputs are made up: deterministic, and of the shape
    that AWS gives them, so that policies and environments that are built from them can be read and
    compared.

    `stack_outputs` answers StackReferences: {stack name: exports}, the stack's own name or
    `org/project/stack`.
    """

    prompt = True

    def __init__(
        self,
        *,
        preview: bool = False,
        stack_outputs: Mapping[str, Mapping[str, Any]] | None = None,
        account: Account | None = None,
    ) -> None:
        self.preview = preview
        self.stack_outputs = dict(stack_outputs or {})
        self.account = account or Account()

    def register(self, resource: Resource) -> ResourceState:
        """Predict AWS's answer (update), or what the engine knows in advance (preview)."""
        if self.preview:
            return ResourceState(None, dict(resource.inputs))
        return predict(resource, self.account)

    def read(self, resource: Resource) -> ResourceState:
        """Return the exports of an earlier stage; any other resource is assumed to exist as described."""
        if resource.type == STACK_REFERENCE_TYPE:
            return stack_reference(resource, self.stack_outputs)
        return ResourceState(str(resource.options.get("id", "")), dict(resource.inputs))

    def invoke(self, token: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return AWS's answer for this account and region."""
        return answer(token, args, self.account)


def stack_reference(resource: Resource, exports: Mapping[str, Mapping[str, Any]]) -> ResourceState:
    """Return the state of a StackReference from the exports of the stacks evaluated before.

    Raises EvaluationError if that stack has not been evaluated.
    """
    wanted = str(resource.options.get("id") or unwrapped(resource.inputs.get("name")))
    found = exports.get(wanted, exports.get(wanted.rsplit("/", 1)[-1]))
    if found is None:
        raise EvaluationError(
            f"stack {wanted} is referred to but has no exports here",
            urn=resource.urn,
            hint="evaluate the stage before it first",
            exit_code=ExitCode.USAGE,
        )
    secret = sorted(
        name for name, value in found.items() if isinstance(value, Mapping) and "$secret" in value
    )
    return ResourceState(wanted, {"name": wanted, "outputs": dict(found), "secretOutputNames": secret})
