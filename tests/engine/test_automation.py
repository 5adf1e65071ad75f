"""All stages at all sizes driven by the real Pulumi engine, with state in a folder and a test provider in the
place of AWS (Z.1, S.1-S.3). The engine, not our evaluation, decides here what a plan is.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import pytest
from pulumi import automation

from contract.kinds import STAGES
from kit.evaluation.graph import Graph
from kit.evaluation.stages import evaluate_stages
from tests.engine.conftest import CHOSEN, Engine, resources
from tests.plans.variants import VARIANTS

pytestmark = pytest.mark.timeout(1800)


def _ours(resources: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Without what the engine keeps for itself: the stack, providers, references."""
    return {(kind, name) for kind, name in resources if not kind.startswith("pulumi:")}


def _changes(summary: Any) -> dict[str, int]:
    return {str(getattr(kind, "value", kind)): count for kind, count in (summary or {}).items() if count}


def _was_shown(done: dict[str, int], foreseen: dict[str, int]) -> bool:
    """Whether nothing was done that was not shown. What AWS computes is unknown beforehand, so an update or a
    replacement that was shown may turn out to be none.
    """
    made = all(done.get(kind) == foreseen.get(kind) for kind in ("create", "delete"))
    return made and all(done.get(kind, 0) <= foreseen.get(kind, 0) for kind in ("update", "replace"))


# The biggest size with its pods, which need a name of their own (docs/deploy.md).
ADDED = {"enterprise": VARIANTS["direct door"]}


@cache
def _planned(size: str) -> Mapping[str, Graph]:
    """What our own evaluation makes of a size."""
    return evaluate_stages(size=size, config=ADDED.get(size) or {}, assume_gates=True)


@pytest.mark.parametrize(("size", "stage"), [(size, stage) for size in CHOSEN for stage in STAGES])
def test_a_stage_is_previewed_stood_up_found_unchanged_and_refreshed(
    engine: Engine, size: str, stage: str
) -> None:
    """From size to size in the same state, each with a release of its own. What holds data is protected: the
    engine would refuse to replace it on the way.
    """
    engine.release(size)
    stack = engine.stack(
        stage, size=size, **{key: json.dumps(value) for key, value in (ADDED.get(size) or {}).items()}
    )
    foreseen = _changes(stack.preview().change_summary)
    done = stack.up()
    assert done.summary.result == "succeeded"
    assert _was_shown(_changes(done.summary.resource_changes), foreseen)
    planned = _planned(size)[stage]
    assert _ours((one.type, one.name) for one in planned if not one.read) == _ours(
        (one["type"], one["urn"].rpartition("::")[2]) for one in resources(stack) if not one.get("external")
    ), "our own evaluation and the engine agree on what is made"
    assert set(planned.exports) == set(done.outputs)
    stack.preview(expect_no_changes=True)
    stack.refresh(expect_no_changes=True)


def test_a_stage_reads_the_state_of_the_one_before(engine: Engine) -> None:
    """StackReferences between real states, and no secret in the clear in any of them."""
    exports = engine.stack("foundation").outputs()
    for stage in STAGES[1:]:
        held = resources(engine.stack(stage))
        references = [one for one in held if one["type"] == "pulumi:pulumi:StackReference"]
        read = [one["outputs"]["outputs"].keys() for one in references]
        assert exports.keys() in read, "of all that a stage refers to, whatever their order in the state"


def test_a_secret_is_nowhere_plain_in_a_state(engine: Engine) -> None:
    secret = "a-value-that-nobody-may-read"
    stack = engine.stack("foundation", "with-secret")
    stack.set_config("note", automation.ConfigValue(secret, secret=True))
    assert stack.get_config("note").value == secret
    for file in (engine.project / "stacks" / "config").glob("*.yaml"):
        assert secret not in file.read_text("utf-8")
    stack.workspace.remove_stack("with-secret")


def test_evidence_is_protected_from_being_destroyed(engine: Engine) -> None:
    with pytest.raises(automation.CommandError, match="protect"):
        engine.stack("foundation").destroy()
    assert resources(engine.stack("foundation"))
