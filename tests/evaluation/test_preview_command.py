"""`kit preview` as a person and a machine use it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from kit.cli import app
from kit.errors import ExitCode, KitError
from kit.evaluation.engine import PROJECT_ROOT


def preview(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["preview", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_tree_shows_components_what_they_make_and_how_it_is_kept() -> None:
    lines = preview("--stage", "foundation").stdout.splitlines()
    lock = next(line for line in lines if "audit-store-lock" in line)
    assert "COMPLIANCE" in lock
    assert "days" in lock
    assert "[protect retain]" in lock
    assert any(line.endswith("AuditStore") for line in lines)
    assert lines[-1].startswith("foundation: ")
    assert "protected" in lines[-1]


def test_the_document_is_sorted_versioned_and_the_same_twice() -> None:
    first, second = preview("--stage", "foundation", "--json"), preview("--stage", "foundation", "--json")
    assert first.stdout == second.stdout
    document = json.loads(first.stdout)
    assert document["schema"] == "kit-plan/1"
    urns = [resource["urn"] for resource in document["stacks"][0]["resources"]]
    assert urns == sorted(urns)


def test_all_stages_are_planned_and_assumed_gates_are_said() -> None:
    text = preview().stdout
    for stage in ("foundation", "integration", "rollout"):
        assert f"{stage}: " in text
    assert "assumed to be open" in text


def test_a_closed_gate_of_the_named_stage_is_refused_unless_assumed() -> None:
    with pytest.raises(KitError) as caught:
        preview("--stage", "integration")
    assert caught.value.exit_code == ExitCode.GATE_CLOSED
    assert "assumed to be open" in preview("--stage", "integration", "--assume-gates").stdout


def test_a_saved_plan_shows_what_a_change_does(tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    assert (
        f"saved to {saved}"
        in preview("--stage", "foundation", "--size", "small", "--save", str(saved)).stdout
    )
    assert (
        "Nothing changes"
        in preview("--stage", "foundation", "--size", "small", "--against", str(saved)).stdout
    )
    text = preview("--stage", "foundation", "--size", "large", "--against", str(saved)).stdout
    assert "+  audit-replica-bucket  s3.Bucket  add" in text
    found = json.loads(
        preview("--stage", "foundation", "--size", "large", "--against", str(saved), "--json").stdout
    )
    assert found["schema"] == "kit-difference/1"
    assert found["counts"]["create"] == sum(c["operation"] == "create" for c in found["changes"])


def test_lost_protection_is_shouted(tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    preview("--stage", "foundation", "--save", str(saved))
    document = json.loads(saved.read_text())
    alias = next(r for r in document["stacks"][0]["resources"] if r["name"] == "keys-audit-alias")
    alias["options"]["protect"] = True
    saved.write_text(json.dumps(document))
    text = preview("--stage", "foundation", "--against", str(saved)).stdout
    assert "!! option protect: true → (none)  PROTECTION LOST" in text
    assert "1 resources LOSE PROTECTION" in text


def test_a_file_of_another_client_is_planned(tmp_path: Path) -> None:
    client: dict[str, Any] = yaml.safe_load(
        (PROJECT_ROOT / "stacks" / "config" / "clients" / "example.yaml").read_text()
    )
    client |= {"account": "444455556666"}
    del client["client"], client["portal"]  # its certificate is of the other account
    file = tmp_path / "acme.yaml"
    file.write_text(yaml.safe_dump(client))
    text = preview("--stage", "foundation", "--config", str(file)).stdout
    assert "acme-production-audit-444455556666" in text


def test_unknowns_leave_out_what_only_aws_knows() -> None:
    document = json.loads(preview("--stage", "foundation", "--unknowns", "--json").stdout)
    assert document["stacks"][0]["values"] == "unknown until deployed"
    assert '{"$unknown": true}' in json.dumps(document)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stage", "fondation"], "unknown stage 'fondation'"),
        (["--size", "huge"], "unknown size 'huge'"),
        (["--config", "missing.yaml"], "missing.yaml: no such file"),
        (["--client", "nobody"], "client: has no file"),
        (["--against", "missing.json"], "missing.json: no such file"),
        (["--stage", "foundation", "--save", "/no/such/folder/plan.json"], "cannot be written"),
        (["--against", "pyproject.toml"], "not JSON"),
        (["--against", "/dev/null"], "not JSON"),
        (["--config", "kit/cli.py", "--stage", "foundation"], "kit/cli.py"),
    ],
)
def test_a_wrong_word_ends_in_one_clear_message(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT_ROOT)
    with pytest.raises(KitError) as caught:
        preview(*arguments)
    assert said in caught.value.message
    assert caught.value.exit_code == ExitCode.USAGE
