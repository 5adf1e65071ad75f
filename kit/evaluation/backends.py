"""Who answers a registration: the contract between an evaluation and what stands behind it.

A backend gets each resource after all that it depends on, from several threads at once. It answers with the
id and the outputs, or raises: the evaluation then stops with the resource's URN and its message.
`PlanBackend` makes nothing.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from kit.aws_facts.lookups import answer
from kit.aws_facts.prediction import Account, predict
from kit.errors import ExitCode
from kit.evaluation.errors import EvaluationError
from kit.evaluation.graph import STACK_REFERENCE_TYPE, Resource, ResourceState, unwrapped


class Backend(Protocol):
    """What stands behind an evaluation. `prompt` says that it answers at once, without waiting for anything:
    it is then asked in the program's own thread.
    """

    @property
    def prompt(self) -> bool: ...

    def register(self, resource: Resource) -> ResourceState:
        """Bring the resource about. Called for custom resources only, dependencies first, from worker
        threads.
        """
        ...

    def read(self, resource: Resource) -> ResourceState:
        """Look up something that exists already; `resource.options["id"]` says what. StackReferences come
        here.
        """
        ...

    def invoke(self, token: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer a function of a provider, such as `aws:index/getCallerIdentity:getCallerIdentity`."""
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
        """Predict what AWS would answer (update), or what the engine knows beforehand (preview)."""
        if self.preview:
            return ResourceState(None, dict(resource.inputs))
        return predict(resource, self.account)

    def read(self, resource: Resource) -> ResourceState:
        """The exports of an earlier stage; any other resource is taken to exist as it was described."""
        if resource.type == STACK_REFERENCE_TYPE:
            return stack_reference(resource, self.stack_outputs)
        return ResourceState(str(resource.options.get("id", "")), dict(resource.inputs))

    def invoke(self, token: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """What AWS would say for this account and region."""
        return answer(token, args, self.account)


def stack_reference(resource: Resource, exports: Mapping[str, Mapping[str, Any]]) -> ResourceState:
    """The state of a StackReference from the exports of the stacks evaluated before.

    Raises EvaluationError where that stack has not been evaluated.
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
