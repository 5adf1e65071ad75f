"""Gates: a stage opens only while what was demanded before it holds, and names what is missing
(S.1-S.3, G.5).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.errors import ExitCode, KitError
from kit.evaluation.stages import evaluate_stage
from stacks.evidence import Attestation, Evidence, EvidenceError, Measurement, read_evidence, write_evidence
from stacks.gates import (
    ROOT,
    Finding,
    GateClosed,
    assess,
    criteria,
    demonstration,
    document_hash,
    require_open,
)
from stacks.settings import Settings, SettingsError

Read = Callable[..., Settings]
DAY = date(2026, 11, 24)
_LEAD = "arn:aws:sts::111122223333:assumed-role/governance-lead"
FOUNDATION = [
    "data-classification-approved",
    "acceptable-use-approved",
    "audit-policy-approved",
    "zero-training-attested",
    "coe-staffed",
    "budget-secured",
]


def measured(name: str, day: date, value: int, threshold: int) -> Measurement:
    """A value as `kit gate measure` writes it."""
    return Measurement(name, day, value, threshold, "kit gate measure", query="counted in the records")


def proof(settings: Settings, *, without: str = "", day: date = DAY, root: Path = ROOT) -> Evidence:
    """Evidence by people and measurements that meets every criterion but `without`."""
    attestations, measurements = [], []
    for each in criteria(settings):
        if each.name == without:
            continue
        if each.kind == "measured":
            measurements.append(measured(each.name, day, each.threshold, each.threshold))
        else:
            document = each.document or "documents/audit-policy.md"
            digest = document_hash(root / document)
            assert digest is not None
            attestations += [
                Attestation(each.name, "Ada Lovelace", day, document, digest, identity=f"{_LEAD}/{who}")
                for who in ("bob", "ada")[-each.people :]
            ]
    return Evidence(tuple(attestations), tuple(measurements))


def record(settings: Settings, evidence: Evidence) -> Settings:
    write_evidence(Path(settings.evidence_file), evidence)
    return settings


def states(settings: Settings, **options: Any) -> dict[str, str]:
    return {each.criterion.name: each.state for each in assess(settings, **options)}


# --- closed and open


def test_foundation_needs_nothing_before_it(read: Read) -> None:
    assert require_open("foundation", read("foundation"))["criteria"] == []


def test_integration_is_closed_and_lists_all_that_is_missing_with_a_hint(read: Read) -> None:
    with pytest.raises(GateClosed) as closed:
        require_open("integration", read())
    assert [each.criterion.name for each in closed.value.findings] == FOUNDATION
    for name in FOUNDATION:
        assert f"kit gate attest {name} --by NAME" in str(closed.value)


@pytest.mark.parametrize("missing", FOUNDATION)
def test_each_single_missing_criterion_keeps_integration_closed(read: Read, missing: str) -> None:
    settings = read()
    record(settings, proof(settings, without=missing))
    with pytest.raises(GateClosed) as closed:
        require_open("integration", settings)
    assert [each.criterion.name for each in closed.value.findings] == [missing]


def test_rollout_demands_the_measured_criteria_of_integration_too(read: Read) -> None:
    settings = read("rollout")
    record(settings, Evidence(proof(settings).attestations))
    with pytest.raises(GateClosed) as closed:
        require_open("rollout", settings)
    assert {each.criterion.kind for each in closed.value.findings} == {"measured"}
    assert "kit gate measure pilots-live" in str(closed.value)


@pytest.mark.parametrize("stage", ["integration", "rollout"])
def test_with_all_evidence_the_stage_opens_and_says_why(read: Read, stage: Any) -> None:
    settings = read(stage)
    record(settings, proof(settings))

    opened = require_open(stage, settings)

    assert (opened["client"], opened["stage"], opened["override"]) == ("example", stage, None)
    assert {each["state"] for each in opened["criteria"]} == {"met"}
    zero_training = next(each for each in opened["criteria"] if each["criterion"] == "zero-training-attested")
    assert zero_training["evidence"]["by"] == "Ada Lovelace"
    assert zero_training["evidence"]["sha256"] == document_hash(ROOT / "documents" / "zero-training.md")


def test_the_record_of_a_gate_is_the_same_each_time(read: Read) -> None:
    settings = read("rollout")
    record(settings, proof(settings))
    assert require_open("rollout", settings) == require_open("rollout", settings)


def test_every_document_that_people_approve_is_there() -> None:
    for name in ("data-classification", "acceptable-use", "audit-policy", "zero-training", "coe-charter"):
        text = (ROOT / "documents" / f"{name}.md").read_text()
        assert len(text) > 500, name


# --- what reopens a criterion


def test_a_document_changed_after_its_approval_reopens_the_criterion(read: Read, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    for path in (ROOT / "documents").glob("*.md"):
        (documents / path.name).write_bytes(path.read_bytes())
    settings = read()
    record(settings, proof(settings, root=tmp_path))
    assert require_open("integration", settings, root=tmp_path)

    (documents / "acceptable-use.md").write_text("Anything goes.\n")

    assert states(settings, root=tmp_path)["acceptable-use-approved"] == "changed"
    with pytest.raises(GateClosed, match=r"acceptable-use\.md is not what Ada Lovelace approved on 2026"):
        require_open("integration", settings, root=tmp_path)


def test_a_vanished_document_reopens_the_criterion(read: Read, tmp_path: Path) -> None:
    settings = read()
    record(settings, proof(settings))
    assert set(states(settings, root=tmp_path).values()) == {"changed", "met"}


@pytest.mark.parametrize("people", [(), ("ada",), ("ada", "ada")])
def test_in_production_zero_training_is_attested_by_two_people_who_were_signed_in(
    read: Read, people: tuple[str, ...]
) -> None:
    """A name that somebody typed, one person, or one person twice keep it closed."""
    settings = read()
    evidence = proof(settings, without="zero-training-attested")
    document = "documents/zero-training.md"
    digest = document_hash(ROOT / document) or ""
    entries = [
        Attestation("zero-training-attested", "Ada", DAY, document, digest, identity=who and f"{_LEAD}/{who}")
        for who in people or ("",)
    ]  # fmt: skip
    record(settings, evidence + Evidence(tuple(entries)))
    assert states(settings)["zero-training-attested"] == "typed"
    with pytest.raises(GateClosed, match="2 signed-in people of legal and compliance"):
        require_open("integration", settings)


def test_where_there_is_a_clock_an_approval_expires_though_nothing_newer_was_recorded(read: Read) -> None:
    settings = read()
    record(settings, proof(settings))
    assert states(settings)["audit-policy-approved"] == "met"
    assert states(settings, today=DAY + timedelta(days=401))["audit-policy-approved"] == "stale"
    assert states(settings, today=DAY + timedelta(days=400))["audit-policy-approved"] == "met"


def test_an_approval_of_another_document_does_not_count(read: Read) -> None:
    settings = read()
    digest = document_hash(ROOT / "documents" / "audit-policy.md") or ""
    other = Attestation("zero-training-attested", "Ada Lovelace", DAY, "documents/audit-policy.md", digest)
    record(settings, Evidence((other,)))
    assert states(settings)["zero-training-attested"] == "changed"


def test_a_value_below_its_threshold_keeps_the_gate_closed(read: Read) -> None:
    settings = read("rollout")
    evidence = proof(settings, without="pilots-live")
    low = measured("pilots-live", DAY, 1, 1)
    record(settings, evidence + Evidence(measurements=(low,)))
    assert states(settings)["pilots-live"] == "below"
    with pytest.raises(GateClosed, match="1 measured on 2026-11-24, at least 2 departments"):
        require_open("rollout", settings)


def test_in_production_a_value_that_was_typed_in_does_not_open_the_gate(read: Read) -> None:
    typed = Evidence(measurements=(Measurement("pilots-live", DAY, 2, 2, "a mail"),))
    settings = read("rollout")
    record(settings, proof(settings, without="pilots-live") + typed)
    assert states(settings)["pilots-live"] == "typed"
    with pytest.raises(GateClosed, match="was typed in"):
        require_open("rollout", settings)
    assert states(read("rollout", environment="staging"))["pilots-live"] == "met"


def test_the_threshold_is_that_of_the_size_and_not_that_of_the_file(read: Read) -> None:
    small, large = read(size="small"), read(size="large")
    record(small, proof(small))
    assert states(small)["people-live"] == "met"
    assert states(large)["people-live"] == "below"


def test_old_evidence_expires_by_the_newest_date_in_the_file_and_not_by_a_clock(read: Read) -> None:
    settings = read("rollout")
    record(settings, proof(settings))
    assert states(settings)["pilot-outputs"] == "met"

    much_later = measured("people-live", DAY + timedelta(days=401), 900, 300)
    record(settings, proof(settings) + Evidence(measurements=(much_later,)))
    assert states(settings)["budget-secured"] == "stale"


@pytest.mark.parametrize(("days", "state"), [(35, "met"), (36, "stale")])
def test_evidence_holds_on_its_last_day_and_not_on_the_next(read: Read, days: int, state: str) -> None:
    settings = read("rollout")
    newest = measured("people-live", DAY + timedelta(days=days), 900, 300)
    record(settings, proof(settings) + Evidence(measurements=(newest,)))
    assert states(settings)["pilot-outputs"] == state


def test_the_latest_entry_counts(read: Read) -> None:
    settings = read("rollout")
    fallen = measured("pilots-live", DAY + timedelta(days=1), 0, 2)
    record(settings, proof(settings) + Evidence(measurements=(fallen,)))
    assert states(settings)["pilots-live"] == "below"


# --- override

OVERRIDE = {
    "stage": "integration",
    "approver": "Grace Hopper",
    "reason": "The board meets on Friday; risk accepted.",
}


def test_an_override_opens_the_gate_for_what_it_names_and_is_recorded(read: Read) -> None:
    settings = read(gate_override=OVERRIDE | {"criteria": ["budget-secured"]})
    record(settings, proof(settings, without="budget-secured"))

    opened = require_open("integration", settings)

    assert opened["override"]["approver"] == "Grace Hopper"
    assert opened["override"]["reason"] == OVERRIDE["reason"]
    assert [each["state"] for each in opened["criteria"] if each["criterion"] == "budget-secured"] == [
        "waived"
    ]


def test_an_override_does_not_open_for_what_it_does_not_name(read: Read) -> None:
    settings = read(gate_override=OVERRIDE | {"criteria": ["budget-secured"]})
    with pytest.raises(GateClosed) as closed:
        require_open("integration", settings)
    assert [each.criterion.name for each in closed.value.findings] == FOUNDATION[:-1]


def test_an_override_for_one_stage_does_not_open_another(read: Read) -> None:
    every = [each.name for each in criteria(read()) if each.stage != "rollout"]
    override = {**OVERRIDE, "criteria": every}
    assert require_open(
        "rollout", read("rollout", environment="sandbox", gate_override=override | {"stage": "rollout"})
    )
    with pytest.raises(GateClosed):
        require_open("rollout", read("rollout", environment="sandbox", gate_override=override))


def test_zero_training_cannot_be_waived_in_production(read: Read) -> None:
    settings = read(gate_override=OVERRIDE | {"criteria": ["zero-training-attested"]})
    record(settings, proof(settings, without="zero-training-attested"))
    with pytest.raises(GateClosed, match="zero-training-attested cannot be waived in production"):
        require_open("integration", settings)

    sandbox = read(environment="sandbox", gate_override=OVERRIDE | {"criteria": ["zero-training-attested"]})
    assert require_open("integration", sandbox)


def test_an_override_of_an_unknown_criterion_is_refused_with_the_nearest(read: Read) -> None:
    settings = read(gate_override=OVERRIDE | {"criteria": ["budget-secure"]})
    with pytest.raises(GateClosed, match='did you mean "budget-secured"'):
        require_open("integration", settings)


@pytest.mark.parametrize("lacking", ["approver", "reason", "criteria"])
def test_an_override_needs_approver_reason_and_criteria(read: Read, lacking: str) -> None:
    override: dict[str, Any] = OVERRIDE | {"criteria": FOUNDATION}
    del override[lacking]
    with pytest.raises(SettingsError, match=rf"gate_override\.{lacking}: is required"):
        read(gate_override=override)


# --- demonstrations


def test_a_demonstration_opens_the_gates_on_the_emulated_aws_only(read: Read, tmp_path: Path) -> None:
    file = tmp_path / "demonstration.yaml"
    settings = read("rollout", emulated=True, demonstration_evidence=str(file))
    write_evidence(file, demonstration(settings, DAY, "kit up"))

    opened = require_open("rollout", settings)

    assert opened["emulated"] is True
    assert all(each["evidence"]["demonstration"] for each in opened["criteria"])
    with pytest.raises(SettingsError, match="demonstration_evidence: is accepted on the emulated AWS only"):
        read("rollout", demonstration_evidence=str(file))


def test_evaluation_itself_takes_no_demonstration_unless_emulated(read: Read, tmp_path: Path) -> None:
    file = tmp_path / "demonstration.yaml"
    settings = read("rollout", emulated=True, demonstration_evidence=str(file))
    write_evidence(file, demonstration(settings, DAY, "kit up"))
    assert set(states(settings).values()) == {"met"}
    assert set(states(replace(settings, emulated=False)).values()) == {"missing"}


def test_a_demonstration_in_the_real_evidence_is_refused(read: Read) -> None:
    settings = read(emulated=True)
    record(settings, demonstration(settings, DAY, "kit up"))
    with pytest.raises(GateClosed, match="a demonstration is accepted on the emulated AWS only"):
        require_open("integration", settings)


def test_an_emulated_stack_can_reach_no_real_account() -> None:
    """Anyone who marks a stack as emulated to pass its gates gets a provider that reaches nothing."""
    graph = evaluate_stage("foundation", config={"emulated": "true"})
    providers = [each for each in graph.resources.values() if each.type == "pulumi:providers:aws"]
    assert providers
    for provider in providers:
        assert "http://127.0.0.1:" in str(provider.inputs["endpoints"])
        assert "amazonaws" not in str(provider.inputs["endpoints"])


# --- the stages themselves


def test_a_closed_gate_stops_the_program_of_the_stage() -> None:
    with pytest.raises(KitError) as refused:
        evaluate_stage("integration", config={"evidence_file": "/nonexistent/evidence.yaml"})
    assert refused.value.exit_code == ExitCode.GATE_CLOSED
    assert "kit gate attest zero-training-attested" in refused.value.message


def test_the_record_of_an_override_is_published_with_the_stage(read: Read) -> None:
    settings = read()
    record(settings, proof(settings, without="budget-secured"))
    override = OVERRIDE | {"criteria": ["budget-secured"]}
    graph = evaluate_stage(
        "integration", config={"evidence_file": settings.evidence_file, "gate_override": override}
    )
    published = [
        each.inputs for each in graph.resources.values() if each.inputs.get("key") == "gates/integration.json"
    ]
    assert len(published) == 1
    assert "Grace Hopper" in published[0]["content"]


# --- the file


def test_evidence_survives_writing_and_reading(read: Read, tmp_path: Path) -> None:
    evidence = proof(read("rollout"))
    write_evidence(tmp_path / "e.yaml", evidence)
    assert read_evidence(tmp_path / "e.yaml", demonstration=False) == evidence


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("attestations: yes\n", "not a list"),
        ("approvals: []\n", "only the keys"),
        ("attestations: [{criterion: x}]\n", "attestations[0].sha256"),
        ("attestations: [{criterion: x, who: y}]\n", "who: is not a key"),
        ("measurements: [{criterion: x, dated: 2026-01-01, value: -1}]\n", "measurements[0].value"),
        ("measurements: [{criterion: x, dated: soon}]\n", "measurements[0].dated"),
        ("measurements: [{criterion: x, source: AKIAIOSFODNN7EXAMPLE}]\n", "looks like a credential"),
        ("attestations: [\n", "line"),
    ],
)
def test_a_broken_evidence_file_closes_the_gate_and_names_the_entry(read: Read, text: str, says: str) -> None:
    settings = read()
    path = Path(settings.evidence_file)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(EvidenceError) as refused:
        assess(settings)
    assert says in str(refused.value)
    assert "AKIAIOSFODNN7EXAMPLE" not in str(refused.value)
    with pytest.raises(GateClosed):
        require_open("integration", settings)


def test_a_failed_write_leaves_the_old_evidence(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "evidence" / "e.yaml"
    evidence = proof(read("rollout"))
    write_evidence(path, evidence)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_evidence(path, Evidence())
    monkeypatch.undo()
    assert read_evidence(path, demonstration=False) == evidence
    assert [each.name for each in path.parent.iterdir()] == ["e.yaml"]


def test_evidence_is_plain_yaml_that_a_diff_shows(read: Read) -> None:
    settings = read("rollout")
    record(settings, proof(settings))
    first = yaml.safe_load(Path(settings.evidence_file).read_text())["attestations"][0]
    assert list(first) == ["criterion", "by", "dated", "document", "sha256", "identity"]


def test_every_finding_that_does_not_hold_says_what_to_do(read: Read) -> None:
    open_findings: list[Finding] = [each for each in assess(read()) if not each.holds]
    assert open_findings
    assert all("kit gate" in each.hint for each in open_findings)
