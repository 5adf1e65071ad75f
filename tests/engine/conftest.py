"""The real engine for tests: a copy of the project, a backend in a folder, our providers in the place of AWS.

They run with `make test-engine`, which builds the engine where there is none, and fails where it cannot; a
plain `make test` leaves them out.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi import automation

from components.layers import archive_path
from contract.kinds import SIZES, STAGES
from kit.build.layers import families
from kit.evaluation.gates import assumed_evidence
from kit.evaluation.stages import stack_configuration
from kit.home import PROJECT_ROOT
from tests.engine import language_host, provider
from tests.engine.build import engine_folder
from tests.engine.provider import Faults, World

_WITH_ENGINE = ["test_automation.py", "test_day_two.py", "test_smallest_deploys.py"]
collect_ignore = [] if os.environ.get("KIT_TEST_ENGINE") else _WITH_ENGINE

# All sizes, one after the other in the same state; KIT_TEST_SIZES names some of them.
_NAMED = os.environ.get("KIT_TEST_SIZES", "").split() or SIZES
CHOSEN = tuple(size for size in SIZES if size in _NAMED)
# What a test has the engine do, for the table of counts.
_OPERATIONS = {
    "test_a_stage_is_previewed_stood_up_found_unchanged_and_refreshed": (
        "preview",
        "up",
        "no changes",
        "refresh",
    ),
    "test_a_stage_reads_the_state_of_the_one_before": ("StackReferences between real states",),
    "test_a_secret_is_nowhere_plain_in_a_state": ("secret encrypted",),
    "test_evidence_is_protected_from_being_destroyed": ("destroy with protection",),
    "test_a_deployment_that_failed_in_the_middle_goes_on_from_there": ("throttled and timed out, continued",),
    "test_a_refresh_finds_what_was_changed_and_deleted_by_hand": ("drift found by refresh",),
    "test_what_was_there_before_is_taken_over_and_not_made_again": ("import of an existing resource",),
    "test_a_run_that_was_killed_is_cancelled_and_continued": ("killed, cancelled, continued",),
    "test_every_plan_holds_the_laws_when_the_engine_asks_the_policy_pack": ("policy pack",),
    "test_one_resource_can_be_changed_alone": ("target",),
    "test_a_renamed_component_keeps_its_resources": ("alias of a renamed component",),
    "test_a_new_project_comes_from_the_repository": ("new project",),
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of counts: each operation, how often it was right and how often it was tried."""
    tried, right = Counter[str](), Counter[str]()
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if getattr(report, "when", "") != "call" or "/engine/" not in report.nodeid:
                continue
            name, _, case = report.nodeid.rpartition("::")[2].partition("[")
            operations = _OPERATIONS.get(name, ())
            if case and not case.startswith(CHOSEN[0]):
                operations = (*operations, "change of size")
            tried.update(operations)
            right.update(operations if outcome == "passed" else ())
    if tried:
        others = [size for size in SIZES if size not in CHOSEN]
        rest = f"; {', '.join(others)}: make nightly" if others else ""
        terminalreporter.write_line(f"engine: sizes: {', '.join(CHOSEN)}{rest}")
    for operation, count in tried.items():
        terminalreporter.write_line(f"engine: {operation:36} {right[operation]:3} of {count}")


@dataclass(frozen=True)
class Engine:
    """An engine with its own home, state and copy of the project."""

    project: Path
    environment: dict[str, str]
    command: automation.PulumiCommand
    evidence: Path
    world: World
    faults: Faults

    def workspace(self) -> automation.LocalWorkspaceOptions:
        return automation.LocalWorkspaceOptions(env_vars=self.environment, pulumi_command=self.command)

    def stack(self, stage: str, name: str = "", **config: str) -> automation.Stack:
        """The stack of a stage, made where it is not there; `config` is set on it."""
        stack = automation.create_or_select_stack(
            name or stage, work_dir=str(self.project), opts=self.workspace()
        )
        wanted = {"stage": stage, "client": "example", "evidence_file": str(self.evidence), **config}
        stack.set_all_config({key: automation.ConfigValue(value) for key, value in wanted.items()})
        return stack

    def release(self, version: str) -> None:
        """Layers as a version of the kit has them; what is in them is the business of kit build's tests."""
        for family in families():
            layer = self.project / archive_path(family)
            layer.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(layer, "w") as archive:
                archive.writestr(zipfile.ZipInfo("family"), f"{family} {version}")

    def run(
        self, *arguments: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """The command line itself."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=cwd or self.project,
            env={**os.environ, **self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )


def resources(stack: automation.Stack) -> list[dict[str, Any]]:
    """What the state of a stack holds; nothing before it was deployed."""
    return list((stack.export_stack().deployment or {}).get("resources") or ())


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    binary = engine_folder()
    assert binary is not None, "there is no engine: run make test-engine"
    # KIT_TEST_FOLDER keeps it, so that one size can be driven after the other
    kept = os.environ.get("KIT_TEST_FOLDER")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("engine")
    project = _copy(folder / "project")
    (folder / "state").mkdir(exist_ok=True)
    environment = {
        "PATH": os.pathsep.join([str(binary), os.environ["PATH"]]),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_ERROR_OUTPUT_STRING": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # the state is written once, at the end of a run: after each of 500 resources it takes minutes
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    world, faults = World(folder / "world"), Faults()
    with ExitStack() as until_the_end:
        port = until_the_end.enter_context(provider.serving(world, faults))
        environment["PULUMI_DEBUG_PROVIDERS"] = f"aws:{port},kubernetes:{port}"
        if not (binary / "pulumi-language-python").exists():  # a release of Pulumi brings its own
            port = until_the_end.enter_context(language_host.serving(environment))
            environment["PULUMI_DEBUG_LANGUAGES"] = f"python:{port}"
        patch = until_the_end.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("PATH", environment["PATH"])
        command = automation.PulumiCommand(skip_version_check=True)
        evidence = until_the_end.enter_context(assumed_evidence(STAGES[-1], stack_configuration(STAGES[-1])))
        made = Engine(project, environment, command, Path(evidence), world, faults)
        made.release("first")
        yield made


def _copy(project: Path) -> Path:
    """What is in the repository, as a clone has it, running in this environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT_ROOT / name).exists():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT_ROOT / name, project / name)
    for settings in (project / "Pulumi.yaml", project / "policy" / "PulumiPolicy.yaml"):
        read = yaml.safe_load(settings.read_text("utf-8"))
        read["runtime"] = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
        settings.write_text(yaml.safe_dump(read), "utf-8")
    return project
