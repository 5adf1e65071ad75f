"""The law of the contract: every key that a client may set changes what it says it changes (L1.7, Z.1)."""

import gc
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pytest

from components.permissions import canonical_json
from contract.keys import Declaration
from contract.sizes import rules
from kit.cost.model import build_model
from kit.evaluation.graph import Graph
from kit.evaluation.stages import evaluate_stage, evaluate_stages
from lambdas.common.policy import parse_policy
from stacks.gates import criteria
from stacks.gateway_policy import gateway_policy
from stacks.settings import Settings, SettingsError, parse_settings
from tests.contract.documents import SCENARIOS, SPECIAL, Path, another, as_config, changed, keys, unseen

KEYS = {name: (scenario, place, one) for name, scenario, place, one in keys()}
# Keys whose value lies in a file of its own: proved with such files in
# tests/identity/test_federation_plans.py and tests/identity/test_console_access.py.
WITH_FILES = {"identity(saml).metadata_file", "console_access(saml).metadata_file"}
# Its name chooses the file: tests/contract/test_client_folder.py makes plans of another one.
NAMED_BY_FILE = {"client"}
STAGES = ("foundation", "integration", "rollout")  # the first costs a fifth of the second
IDENTITY = {
    "account",
    "environment",
    "region",
}  # of the deployment: a later stage refuses another one's exports


def _change(name: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The document before and after another value of a key, and the scenario."""
    scenario, place, one = KEYS[name]
    if name in SPECIAL:
        scenario, place, value = SPECIAL[name]
    else:
        value = another(one, _at(SCENARIOS[scenario], place))
    return SCENARIOS[scenario], changed(SCENARIOS[scenario], place, value), scenario


def _at(document: Any, place: Path) -> Any:
    for step in place:
        document = document.get(step) if isinstance(document, dict) else document[step]
        if document is None:
            return None
    return document


def _settings(document: dict[str, Any]) -> Settings:
    return parse_settings({**document, "stage": "integration"})


@cache
def _plans(scenario: str) -> dict[str, Graph]:
    return evaluate_stages(config=as_config(SCENARIOS[scenario]), assume_gates=True)


def _inputs(graph: Graph) -> dict[str, Any]:
    """What is deployed but the document that repeats the settings, which every key changes."""
    return {
        urn: (resource.inputs, resource.options)
        for urn, resource in graph.resources.items()
        if resource.name != "in-force-object"
    }


def _changes_a_plan(after: dict[str, Any], scenario: str, stages: Sequence[str] = STAGES) -> bool:
    """Whether any resource of any stage differs."""
    before = _plans(scenario)
    exports = {graph.stack: graph.exports for graph in before.values()}
    for stage in stages:
        graph = evaluate_stage(stage, config=as_config(after), assume_gates=True, stack_outputs=exports)
        if _inputs(graph) != _inputs(before[stage]):
            return True
    return False


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """Looking for garbage takes a quarter of an evaluation."""
    gc.disable()
    yield
    gc.enable()


def _named(*changes: str) -> list[str]:
    return [
        name
        for name, (_, _, one) in KEYS.items()
        if one.key.changes in changes and name not in WITH_FILES | NAMED_BY_FILE
    ]


def test_every_class_of_the_contract_is_looked_at() -> None:
    assert unseen() == {"SamlConsoleAccess"}, "it needs a file: tests/identity/test_console_access.py"


def test_what_did_not_change_changes_no_resource() -> None:
    assert not _changes_a_plan(SCENARIOS["anthropic"], "anthropic")


@pytest.mark.parametrize("name", _named("plan"))
def test_a_key_of_the_plan_changes_a_resource(name: str) -> None:
    _, after, scenario = _change(name)
    stages = ["foundation"] if name in IDENTITY else STAGES
    assert _changes_a_plan(after, scenario, stages), f"{name} changes no resource of any stage"


@pytest.mark.parametrize("name", _named("gateway"))
def test_a_key_of_the_gateway_reaches_the_policy_that_it_decides_by(name: str) -> None:
    """That each changes a decision is proved beside its consumer in tests/gateway and tests/records."""
    before, after, _ = _change(name)
    read = [
        parse_policy(canonical_json(gateway_policy(_settings(document))).encode())
        for document in (before, after)
    ]
    assert read[0] != read[1], f"{name} is not in what the gateway reads"


@pytest.mark.parametrize("name", _named("check"))
def test_a_key_that_is_a_check_refuses_what_it_must(name: str) -> None:
    before, after, _ = _change(name)
    _settings(before)
    with pytest.raises(SettingsError):
        _settings(after)


def test_what_a_command_does_follows_from_its_keys() -> None:
    assert _named("command") == ["rollout_started"], "its timeline: tests/rollout (kit gate status)"


# -- what follows from the size

SIZES = rules()
# What else must hold so that a value takes effect.
BESIDES: dict[str, tuple[str, dict[str, Any]]] = {
    "capacity.gateway_provisioned_concurrency": ("rich", {"gateway_snap_start": False}),
    "capacity.api_burst": ("rich", {}),
    "capacity.gateway_replicas_minimum": ("kubernetes", {}),
    "capacity.gateway_replicas_maximum": ("kubernetes", {}),
    "capacity.runtime": ("anthropic", {}),
    "redundancy.availability_zones": ("anthropic", {}),
    "redundancy.replica_region": ("rich", {}),
    "redundancy.vpc_endpoints": ("rich", {}),
}


def _other_size(name: str, one: Declaration, current: Any) -> Any:
    if one.money:
        return "3.45"
    if name == "capacity.runtime":
        return "kubernetes"
    if name == "adoption.dashboards":
        return ["operations", "governance"]
    if one.key.choices:
        return next(each for each in one.key.choices if each != current)
    if isinstance(current, bool):
        return not current
    return current - 1 if one.key.most is not None and current + 1 > one.key.most else current + 1


def _sized(name: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    scenario, besides = BESIDES.get(name, ("rich", {}))
    group, _, field = name.partition(".")
    plan = _settings(SCENARIOS[scenario]).sizing
    one = SIZES[name]
    if not field:
        return SCENARIOS[scenario], {**SCENARIOS[scenario], "sizing": {"people": 2_001}}, scenario
    value = _other_size(name, one, getattr(getattr(plan, group), field))
    after = {**SCENARIOS[scenario], "sizing": {group: {**besides, one.file_name: value}}}
    return SCENARIOS[scenario], after, scenario


@pytest.mark.parametrize("name", [name for name, one in SIZES.items() if one.key.changes == "plan"])
def test_a_value_of_the_size_changes_a_resource(name: str) -> None:
    _, after, scenario = _sized(name)
    assert _changes_a_plan(after, scenario), f"sizing.{name} changes no resource of any stage"


@pytest.mark.parametrize("name", [name for name, one in SIZES.items() if one.key.changes == "cost"])
def test_a_planning_value_changes_a_figure_of_the_cost_model(name: str) -> None:
    before, after, scenario = _sized(name)
    graphs = list(_plans(scenario).values())
    models = [build_model(_settings(document), graphs).as_document() for document in (before, after)]
    for model in models:
        model.pop("people")
    assert models[0] != models[1], f"sizing.{name} changes no figure of kit cost"


@pytest.mark.parametrize("name", [name for name, one in SIZES.items() if one.key.changes == "command"])
def test_what_the_rollout_has_to_reach_is_what_the_gates_ask(name: str) -> None:
    before, after, _ = _sized(name)
    assert criteria(_settings(before)) != criteria(_settings(after)), f"sizing.{name} changes no criterion"
