"""Every component has a smallest program that shows it, and each of these programs runs as printed."""

import pytest

from kit.evaluation.engine import run_main_file
from kit.evaluation.graph import Graph
from kit.evaluation.input_check import wrong_inputs
from policy.checking import violations
from tests.docs.component_pages import DEPLOYED, EXAMPLES, Component, components
from tests.support.stages import plan_of, plan_of_program


@pytest.mark.parametrize("component", components(), ids=lambda one: one.name)
def test_the_smallest_deploy_of_a_component_runs(component: Component) -> None:
    assert component.example.is_file(), f"write {component.example}: the smallest program with it"
    stages = {stage: plan_of(stage).exports for stage in ("foundation", "integration")}
    graph = plan_of_program(run_main_file(component.example), stack_outputs=stages)
    (shown,) = graph.of_type(f"kit:index:{component.name}")
    assert graph.children_of(shown.urn), "it makes nothing"
    assert list(wrong_inputs(graph)) == []
    assert violations(graph) == []
    assert _without_provider(graph) == [], "a default provider neither tags nor refuses a wrong account"


def _without_provider(graph: Graph) -> list[str]:
    aws = [one for one in graph if one.type.startswith("aws:")]
    return [one.urn for one in aws if not one.options.get("provider")]


def test_every_program_is_that_of_a_component() -> None:
    programs = {component.example for component in components()}
    assert {path for path in EXAMPLES.glob("*.py") if path != DEPLOYED} == programs
