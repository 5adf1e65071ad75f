"""Plans of the stages for tests of any folder: evaluated once for all processes of a run."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from contract.kinds import SIZES, STAGES, Size
from contract.sizes import sizing
from kit.evaluation.backends import PlanBackend
from kit.evaluation.engine import PROJECT, evaluate
from kit.evaluation.graph import Graph
from kit.evaluation.stages import evaluate_stages
from tests.support.once import once_a_run

__all__ = ["SIZES", "STAGES", "plan_of", "plan_of_program", "plans_of"]


# Pods answer once their load balancer has a name with a certificate; the example client leaves that open.
_CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/0a1b2c3d-1111-2222-3333-444455556666"
_PODS = {"cluster": {"certified": {"name": "pods.example.com", "certificate_arn": _CERTIFICATE}}}


@once_a_run
def plans_of(size: str, *, preview: bool = False) -> Mapping[str, Graph]:
    """The three stages of the example client at a size, gates assumed to be open, by stage."""
    config = _PODS if sizing(cast(Size, size)).capacity.runtime == "kubernetes" else None
    return evaluate_stages(size=size, config=config, preview=preview, assume_gates=True)


def plan_of(stage: str, size: str = "small", *, preview: bool = False) -> Graph:
    """One stage of the example client at a size."""
    return plans_of(size, preview=preview)[stage]


def plan_of_program(program: Callable[[], Any], *, preview: bool = False, **options: Any) -> Graph:
    """The plan of a small program that a test writes; `options` go to `PlanBackend` and `evaluate`."""
    backend = PlanBackend(preview=preview, stack_outputs=options.pop("stack_outputs", None))
    config = {f"{PROJECT}:{key}": value for key, value in options.pop("config", {}).items()}
    return evaluate(program, config, options.pop("backend", backend), preview=preview, **options)
