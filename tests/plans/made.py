"""Plans with what the evaluation makes up for ids and outputs, so that a policy can be held against the
resource that it is about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contract.kinds import STAGES
from kit.evaluation.backends import PlanBackend
from kit.evaluation.graph import Resource, ResourceState
from kit.evaluation.stages import evaluate_stage, planned_account, stack_configuration
from tests.plans.variants import VARIANTS
from tests.support.once import once_a_run

ACCOUNT, REGION = "111122223333", "eu-central-1"


@dataclass(frozen=True)
class Made:
    """One resource of a plan, as it would be afterwards."""

    stage: str
    resource: Resource
    state: ResourceState

    @property
    def type(self) -> str:
        """Its type without the doubled last part: `aws:kms/key`."""
        return self.resource.type.rpartition(":")[0]

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.resource.inputs


class _Kept(PlanBackend):
    """Keeps what it answered."""

    kept: list[tuple[Resource, ResourceState]]

    def register(self, resource: Resource) -> ResourceState:
        state = super().register(resource)
        self.kept.append((resource, state))
        return state


@once_a_run
def made(size: str, variant: str = "plain") -> tuple[Made, ...]:
    """All resources of the three stages, gates assumed to be open."""
    exports: dict[str, Mapping[str, Any]] = {}
    found: list[Made] = []
    for stage in STAGES:
        config = VARIANTS[variant]
        account = planned_account(stack_configuration(stage, size=size, config=config))
        backend = _Kept(stack_outputs=exports, account=account)
        backend.kept = []
        graph = evaluate_stage(
            stage, size=size, config=config, assume_gates=True, backend=backend, stack_outputs=exports
        )
        exports = {**exports, graph.stack: graph.exports}
        found += [Made(stage, resource, state) for resource, state in backend.kept]
    return tuple(found)


def of_type(plan: tuple[Made, ...], *types: str) -> list[Made]:
    """Those of some types (`aws:kms/key`), in the order in which they were registered."""
    return [one for one in plan if one.type in types]
