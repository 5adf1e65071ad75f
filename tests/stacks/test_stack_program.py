"""The project file and the entry: what Pulumi hands to the program, and what the program answers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.errors import ExitCode, KitError
from kit.evaluation.stages import evaluate_stage
from stacks.gates import ROOT
from stacks.settings import STAGES

PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())


def refused(**options: Any) -> KitError:
    with pytest.raises(KitError) as caught:
        evaluate_stage("foundation", **options)
    return caught.value


def test_the_project_file_keeps_to_what_pulumi_reads() -> None:
    assert PROJECT["name"] == "claude-enterprise-kit"
    assert PROJECT["runtime"] == {"name": "python", "options": {"toolchain": "uv"}}
    assert (ROOT / PROJECT["stackConfigDir"]).is_dir()
    assert PROJECT["requiredPulumiVersion"].startswith(">=3.")
    assert PROJECT["template"].keys() <= {
        "displayName",
        "description",
        "quickstart",
        "important",
        "metadata",
        "config",
    }
    for schema in PROJECT["config"].values():
        assert schema.keys() <= {"type", "items", "description", "secret", "default"}
        assert "default" not in schema, "a stack that forgets its client must fail, not deploy another's"


def test_there_is_a_stack_file_for_each_stage_with_its_own_stage() -> None:
    for stage in STAGES:
        file = ROOT / PROJECT["stackConfigDir"] / f"Pulumi.{stage}.yaml"
        assert yaml.safe_load(file.read_text())["config"]["claude-enterprise-kit:stage"] == stage


def test_a_misspelt_key_in_a_stack_is_noticed() -> None:
    error = refused(config={"sise": "large"})
    assert error.exit_code == ExitCode.USAGE
    assert 'sise: is not a key; did you mean "size"?' in error.message


def test_an_encrypted_value_in_a_stack_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.foundation.yaml"
    config = {
        "claude-enterprise-kit:client": "example",
        "claude-enterprise-kit:organization": {"secure": "v1:abc"},
    }
    file.write_text(yaml.safe_dump({"config": config}))
    assert "organization: is an encrypted secret" in refused(config_file=file).message


def test_the_program_reads_what_the_language_host_hands_it() -> None:
    """The language host passes the configuration in the environment, secrets by their names."""
    program = (
        "import pulumi.runtime as r\n"
        "from stacks.settings import SettingsError, load_settings\n"
        "r.settings.configure(r.Settings(project='claude-enterprise-kit', stack='foundation'))\n"
        "try: print(load_settings().size)\n"
        "except SettingsError as error: print(error)\n"
    )

    def run(config: dict[str, str], secret: list[str]) -> str:
        full = {f"claude-enterprise-kit:{key}": value for key, value in config.items()}
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps({**full, "aws:region": "eu-west-1"}),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps([f"claude-enterprise-kit:{key}" for key in secret]),
        }
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout

    given = {"stage": "foundation", "client": "example", "size": "large"}
    assert run(given, []) == "large\n"
    assert "size: is an encrypted secret" in run(given, ["size"])


def test_a_stack_named_otherwise_than_its_stage_is_refused() -> None:
    from kit.evaluation.backends import PlanBackend
    from kit.evaluation.engine import evaluate, run_main_file
    from kit.evaluation.stages import stack_configuration

    with pytest.raises(Exception, match=r'stack "production" has stage foundation: name it foundation'):
        evaluate(
            run_main_file(ROOT / "__main__.py"),
            stack_configuration("foundation"),
            PlanBackend(),
            stack="production",
        )
