"""All stages driven by the real Pulumi engine through its Automation API, with state in a local folder and a
test provider in the place of AWS (Z.1, S.1-S.3): previewed, stood up, found unchanged, destroyed.
"""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi import automation

from kit.evaluation.gates import assumed_evidence
from kit.evaluation.stages import STAGES, evaluate_stages, stack_configuration
from kit.local.home import PROJECT_ROOT

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of the engine: our providers on the PATH, a backend in a folder, no cloud."""
    folder = tmp_path_factory.mktemp("engine")
    for name in ("aws", "kubernetes"):
        plugin = folder / "bin" / f"pulumi-resource-{name}"
        plugin.parent.mkdir(exist_ok=True)
        plugin.write_text(
            f'#!/bin/sh\ncd {PROJECT_ROOT} && exec {sys.executable} -m tests.engine.provider "$@"\n'
        )
        plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    (folder / "state").mkdir()
    return {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_ERROR_OUTPUT_STRING": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "KIT_UNBUILT_LAYERS": "allow",
    }


@pytest.fixture(scope="module")
def stacks(environment: dict[str, str]) -> Iterator[dict[str, automation.Stack]]:
    """The three stacks, not stood up yet, with evidence under which their gates are open."""
    with assumed_evidence(STAGES[-1], stack_configuration(STAGES[-1])) as evidence:
        made = {}
        for stage in STAGES:
            options = automation.LocalWorkspaceOptions(env_vars=environment)
            made[stage] = automation.create_or_select_stack(stage, work_dir=str(PROJECT_ROOT), opts=options)
            made[stage].set_config("evidence_file", automation.ConfigValue(str(evidence)))
        try:
            yield made
        finally:
            for stage in STAGES:
                made[stage].remove_config("evidence_file")


def test_every_stage_is_previewed_stood_up_found_unchanged(stacks: dict[str, automation.Stack]) -> None:
    planned = evaluate_stages(assume_gates=True)
    for stage, stack in stacks.items():
        foreseen = stack.preview().change_summary
        done = stack.up()
        assert done.summary.result == "succeeded"
        created = dict(done.summary.resource_changes or {}).get(automation.OpType.CREATE)
        assert created == foreseen.get(automation.OpType.CREATE)
        ours = [one for one in planned[stage] if not one.read]
        assert created in (len(ours), len(ours) + 1), "the engine counts its default provider as well"
        stack.preview(expect_no_changes=True)
        assert set(planned[stage].exports) == set(done.outputs)


def test_protected_resources_refuse_to_be_destroyed(stacks: dict[str, automation.Stack]) -> None:
    with pytest.raises(automation.CommandError, match="protect"):
        stacks["foundation"].destroy()


def test_the_state_files_of_the_project_are_left_as_they_were(stacks: dict[str, automation.Stack]) -> None:
    names = sorted(path.name for path in Path(PROJECT_ROOT, "stacks", "config").glob("Pulumi.*.yaml"))
    assert names == sorted(f"Pulumi.{stage}.yaml" for stage in stacks)
