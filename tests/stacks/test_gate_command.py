"""`kit gate` on real files: what it shows, what it records, and how it refuses (S.1-S.3)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.cli import main
from kit.errors import ExitCode
from stacks.gates import ROOT

_LEAD = "arn:aws:sts::111122223333:assumed-role/governance-lead"


@dataclass(frozen=True)
class Answer:
    """What a run of the command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def gate(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Run `kit gate` over a configuration folder of one's own, as the operator's shell would, with Ada signed
    in. That the kit's documents are not filled in is left to the tests of that.
    """
    for name in ("_refuse_placeholders", "_refuse_missing_providers"):
        monkeypatch.setattr(f"kit.commands.gate.{name}", lambda *_: None)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("kit.commands.gate._signed_in", lambda: f"{_LEAD}/ada")

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr("sys.argv", ["kit", "gate", *arguments, "--config-folder", str(folder)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return run


def test_status_shows_every_criterion_of_the_three_stages_and_the_week(gate: Callable[..., Answer]) -> None:
    document = gate("status", "--today", "2026-12-01", "--json").document

    assert [each["stage"] for each in document["stages"]] == ["foundation", "integration", "rollout"]
    assert [each["gate"] for each in document["stages"]] == ["open", "closed", "closed"]
    assert len(document["criteria"]) == sum(each["criteria"] for each in document["stages"]) == 17
    assert document["timeline"] == {
        "started": "2026-11-02",
        "today": "2026-12-01",
        "week": 5,
        "planned_stage": "integration",
        "reached_stage": "foundation",
        "late": True,
    }


def test_status_for_people_names_the_week_and_the_next_step(gate: Callable[..., Answer]) -> None:
    text = gate("status", "--today", "2026-12-01").out
    assert "foundation [####] integration [#...] rollout [....]" in text
    assert "week 5 of 12, planned: integration; working on: foundation; late" in text
    assert "next: Data classification approved by the board. record it: kit gate attest" in text


@pytest.mark.parametrize(
    ("today", "week", "planned"),
    [
        ("2026-11-01", 0, "foundation"),
        ("2026-11-02", 1, "foundation"),
        ("2027-01-24", 12, "rollout"),
        ("2027-01-25", 13, "done"),
    ],
)
def test_the_timeline_counts_weeks_from_the_first_day(
    gate: Callable[..., Answer], today: str, week: int, planned: str
) -> None:
    timeline = gate("status", "--today", today, "--json").document["timeline"]
    assert (timeline["week"], timeline["planned_stage"]) == (week, planned)


def test_attest_records_who_when_and_the_hash_once(gate: Callable[..., Answer], folder: Path) -> None:
    arguments = ("attest", "coe-staffed", "--by", "Ada Lovelace, director", "--on", "2026-11-20")

    assert gate(*arguments, "--json").document["recorded"] is True
    before = (folder / "evidence" / "example.yaml").read_bytes()
    assert gate(*arguments, "--json").document["recorded"] is False
    assert (
        gate("attest", "coe-staffed", "--by", "Ada Lovelace, director", "--json").document["recorded"]
        is False
    )

    assert (folder / "evidence" / "example.yaml").read_bytes() == before
    (entry,) = yaml.safe_load(before)["attestations"]
    assert entry["by"] == "Ada Lovelace, director"
    assert entry["dated"].isoformat() == "2026-11-20"
    assert entry["document"] == "documents/coe-charter.md"
    assert len(entry["sha256"]) == 64


def test_blank_paper_and_a_provider_without_its_contract_are_refused_in_production(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The kit's documents as they are shipped hold `_name_` and `_amount_`: nobody approves those."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("kit.commands.gate._signed_in", lambda: "arn:aws:sts::1:assumed-role/lead/ada")

    def refused(criterion: str) -> str:
        argv = ["kit", "gate", "attest", criterion, "--by", "Ada Lovelace", "--config-folder", str(folder)]
        monkeypatch.setattr("sys.argv", argv)
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == ExitCode.USAGE
        return capsys.readouterr().err

    for criterion in ("coe-staffed", "budget-secured", "zero-training-attested"):
        assert "is not filled in" in refused(criterion)
    filled = tmp_path / "zero-training.md"
    monkeypatch.setattr("kit.commands.gate._document_path", lambda *_: filled)
    filled.write_text("| Provider | Contract |\n|---|---|\n| Anthropic | MSA 4711 |\n")
    assert "no filled row for the provider" in refused("zero-training-attested")
    assert not (folder / "evidence" / "example.yaml").exists()


def test_check_is_closed_with_exit_code_3_until_everything_is_attested(
    gate: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = gate("check", "--stage", "integration", "--json")
    assert (closed.code, closed.document["open"]) == (ExitCode.GATE_CLOSED, False)

    for each in closed.document["missing"]:
        assert gate("attest", each["criterion"], "--by", "Ada Lovelace").code == 0
    assert gate("check", "--stage", "integration").code == ExitCode.GATE_CLOSED, "zero training needs two"
    monkeypatch.setattr("kit.commands.gate._signed_in", lambda: f"{_LEAD}/bob")
    assert gate("attest", "zero-training-attested", "--by", "Bob Noyce, compliance").code == 0

    opened = gate("check", "--stage", "integration", "--json")
    assert (opened.code, opened.document["open"]) == (0, True)
    assert gate("check", "--stage", "integration").out == "the gate to stage integration is open\n"
    assert gate("check", "--stage", "rollout").code == ExitCode.GATE_CLOSED


def test_record_keeps_value_threshold_and_source(gate: Callable[..., Answer], folder: Path) -> None:
    gate("record", "pilots-live", "--value", "1", "--source", "ledger, week 47")
    gate("record", "pilots-live", "--value", "2", "--source", "ledger, week 48")

    entries = yaml.safe_load((folder / "evidence" / "example.yaml").read_text())["measurements"]
    assert [(each["value"], each["threshold"], each["source"]) for each in entries] == [
        (1, 2, "ledger, week 47"),
        (2, 2, "ledger, week 48"),
    ]
    criteria = gate("status", "--json").document["criteria"]
    assert next(each["state"] for each in criteria if each["criterion"] == "pilots-live") == "typed"


def test_a_criterion_without_a_fixed_document_takes_one_of_the_project(gate: Callable[..., Answer]) -> None:
    assert "name the file with --document" in gate("attest", "roi-published", "--by", "Ada Lovelace").err
    outside = gate("attest", "roi-published", "--by", "Ada Lovelace", "--document", "/etc/hosts")
    assert "lies outside the project" in outside.err
    inside = gate(
        "attest", "roi-published", "--by", "Ada Lovelace", "--document", "documents/coe-charter.md", "--json"
    )
    assert inside.document["entry"]["document"] == "documents/coe-charter.md"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("attest", "coe-stafed", "--by", "Ada"), 'did you mean "coe-staffed"?'),
        (("attest", "pilots-live", "--by", "Ada"), "kit gate measure pilots-live"),
        (("record", "coe-staffed", "--value", "1", "--source", "x"), "kit gate attest coe-staffed --by NAME"),
        (("attest", "coe-staffed", "--by", "A"), "does not name a person"),
        (("attest", "coe-staffed", "--by", "sk-ant-api03-abcdefghijkl"), "looks like a credential"),
        (("attest", "coe-staffed", "--by", "Ada", "--on", "2999-01-01"), "lies in the future"),
        (("attest", "coe-staffed", "--by", "Ada", "--on", "soon"), "write it as YYYY-MM-DD"),
        (("attest", "coe-staffed", "--by", "Ada", "--document", "README.md"), "leave --document out"),
        (("record", "records-complete", "--value", "101", "--source", "x"), "is in percent"),
        (("status", "--client", "nobody"), "has no file in"),
        (("check", "--stage", "pilot"), "one of: foundation, integration, rollout"),
    ],
)
def test_a_wrong_command_is_refused_with_a_hint(
    gate: Callable[..., Answer], folder: Path, arguments: tuple[str, ...], says: str
) -> None:
    answer = gate(*arguments)
    assert answer.code == ExitCode.USAGE
    assert says in answer.err.replace("\n", " ")
    assert not (folder / "evidence").exists()


def test_broken_configuration_is_named_and_nothing_is_written(
    gate: Callable[..., Answer], folder: Path
) -> None:
    file = folder / "clients" / "example.yaml"
    file.write_text(file.read_text().replace("size: medium", "size: huge"))
    answer = gate("status")
    assert answer.code == ExitCode.USAGE
    assert 'size: "huge" is not allowed; allowed: small, medium, large or enterprise' in answer.err.replace(
        "\n", " "
    )


def test_an_override_in_the_stack_file_shows_in_status_and_check(
    gate: Callable[..., Answer], folder: Path
) -> None:
    criteria = [each["criterion"] for each in gate("status", "--json").document["criteria"]]
    stack = folder / "Pulumi.integration.yaml"
    config = yaml.safe_load(stack.read_text())
    config["config"]["claude-enterprise-kit:environment"] = "staging"
    config["config"]["claude-enterprise-kit:gate_override"] = {
        "stage": "integration",
        "approver": "Grace Hopper",
        "reason": "A rehearsal with test data only.",
        "criteria": criteria[:6],
    }
    stack.write_text(yaml.safe_dump(config))

    assert gate("check", "--stage", "integration").out.startswith(
        "the gate to stage integration is open; waived: "
    )
    assert "override by Grace Hopper: A rehearsal with test data only." in gate("status").out
