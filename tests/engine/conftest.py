"""The real engine for tests: a copy of the project, a backend in a folder, our providers in the place of AWS.

They run with `make test-engine`, which builds the engine where there is none, and fails where it cannot; a
plain `make test` leaves them out.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi import automation

from components.layers import archive_path
from contract.kinds import STAGES
from kit.build.layers import families
from kit.evaluation.gates import assumed_evidence
from kit.evaluation.stages import stack_configuration
from kit.local.home import PROJECT_ROOT
from tests.engine.build import engine_folder
from tests.engine.provider import World

_WITH_ENGINE = ["test_automation.py", "test_day_two.py", "test_smallest_deploys.py"]
collect_ignore = [] if os.environ.get("KIT_TEST_ENGINE") else _WITH_ENGINE


@dataclass(frozen=True)
class Engine:
    """An engine with its own home, state and copy of the project."""

    project: Path
    environment: dict[str, str]
    command: automation.PulumiCommand
    faults: Path
    evidence: Path
    world: World

    def workspace(self) -> automation.LocalWorkspaceOptions:
        return automation.LocalWorkspaceOptions(env_vars=self.environment, pulumi_command=self.command)

    def stack(self, stage: str, name: str = "", **config: str) -> automation.Stack:
        """The stack of a stage, made where it is not there; `config` is set on it."""
        stack = automation.create_or_select_stack(
            name or stage, work_dir=str(self.project), opts=self.workspace()
        )
        for key, value in {
            "stage": stage,
            "client": "example",
            "evidence_file": str(self.evidence),
            **config,
        }.items():
            stack.set_config(key, automation.ConfigValue(value))
        return stack

    def fail(self, faults: dict[str, dict[str, object]]) -> None:
        """Which resources fail to be made, how and how often, by a part of the URN (see `provider.py`)."""
        self.faults.write_text(json.dumps(faults), "utf-8")

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
    binaries = folder / "bin"
    binaries.mkdir(exist_ok=True)
    for name, module in {
        "pulumi-resource-aws": "tests.engine.provider",
        "pulumi-resource-kubernetes": "tests.engine.provider",
        "pulumi-language-python": "tests.engine.language_host",
    }.items():
        if name.startswith("pulumi-language") and (binary / name).exists():
            continue  # a release of Pulumi brings its own
        _script(binaries / name, f'cd {PROJECT_ROOT} && exec {sys.executable} -m {module} "$@"')
    (folder / "state").mkdir(exist_ok=True)
    faults = folder / "faults.json"
    environment = {
        "PATH": os.pathsep.join([str(binaries), str(binary), os.environ["PATH"]]),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_ERROR_OUTPUT_STRING": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # the state is written once, at the end of a run: after each of 500 resources it takes minutes
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "KIT_TEST_FAULTS": str(faults),
        "KIT_TEST_WORLD": str(folder / "world"),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", environment["PATH"])
        command = automation.PulumiCommand(skip_version_check=True)
        with assumed_evidence(STAGES[-1], stack_configuration(STAGES[-1])) as evidence:
            yield Engine(project, environment, command, faults, Path(evidence), World(folder / "world"))


def _copy(project: Path) -> Path:
    """What is in the repository, as a clone has it, running in this environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT_ROOT / name).exists():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT_ROOT / name, project / name)
    for family in families():  # the engine reads them; what is in them is the business of kit build's tests
        layer = project / archive_path(family)
        layer.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(layer, "w") as archive:
            archive.writestr("family", family)
    for settings in (project / "Pulumi.yaml", project / "policy" / "PulumiPolicy.yaml"):
        read = yaml.safe_load(settings.read_text("utf-8"))
        read["runtime"] = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
        settings.write_text(yaml.safe_dump(read), "utf-8")
    return project


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
