"""`kit gate measure`: exit criteria computed from records, with their query and figures (S.2, S.3, L5.2)."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.cli import main
from kit.measurement.baselines import Baseline
from kit.measurement.reading import Reading
from lambdas.common.clock import utc_now
from stacks.gates import ROOT
from tests.support.config_folder import own_config_folder


class Records:
    """A copy of the analytics bucket, as the gateway's metadata copies fill it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0

    def add(self, kind: str, who: str, department: str, *, days_ago: int = 1, **fields: Any) -> None:
        self.number += 1
        day = (utc_now().date() - timedelta(days=days_ago)).isoformat()
        row = {
            "record_id": f"rec_{self.number}",
            "kind": kind,
            "at": f"{day}T10:00:00+00:00",
            "request_id": f"req_{self.number}",
            "principal": who,
            "principal_kind": "person",
            "department": department,
            **fields,
        }
        path = self.folder / "records" / f"dt={day}" / "rows.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def answers(self, who: str, department: str, count: int, **fields: Any) -> None:
        for _ in range(count):
            self.add("outcome", who, department, result="completed", **fields)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "copy")


@pytest.fixture
def measure(
    tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Run `kit gate measure` over the copy, with a configuration of one's own; what it said."""
    config = own_config_folder(tmp_path)
    client = config / "clients" / "example.yaml"
    started = utc_now().date() - timedelta(days=60)
    client.write_text(client.read_text().replace("2026-11-02", started.isoformat()))
    monkeypatch.chdir(ROOT)

    def run(*arguments: str, command: str = "measure") -> Any:
        copy = ("--records", str(records.folder)) if command == "measure" else ()
        argv = ["kit", "gate", command, *arguments, *copy, "--config-folder", str(config), "--json"]
        monkeypatch.setattr("sys.argv", argv)
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert end.value.code in (0, None), said.err
        return json.loads(said.out)

    return run


def evidence(tmp_path: Path) -> list[dict[str, Any]]:
    return yaml.safe_load((tmp_path / "config" / "evidence" / "example.yaml").read_text())["measurements"]


def test_criteria_are_computed_from_the_records_and_written_with_query_and_figures(
    records: Records, measure: Callable[..., Any], tmp_path: Path
) -> None:
    records.answers("ada", "marketing", 70)
    records.answers("grace", "finance", 40)
    records.answers("alan", "finance", 1)
    records.answers("shop", "finance", 3, principal_kind="application")
    records.add("outcome", "eve", "finance", result="failed")
    records.add("training", "ada", "marketing", days_ago=30)
    records.add("training", "grace", "finance", days_ago=50)

    said = measure("pilots-live", "pilot-outputs", "people-live", "pilot-teams-trained",
                   "applications-integrated")  # fmt: skip
    values = {one["criterion"]: one["value"] for one in said["measured"]}
    assert values == {
        "pilots-live": 2,
        "pilot-outputs": 114,
        "people-live": 3,  # whose call failed is not live
        "pilot-teams-trained": 50,  # of finance: one of two
        "applications-integrated": 1,
    }
    written = evidence(tmp_path)
    assert [one["criterion"] for one in written] == list(said["recorded"])
    outputs = next(one for one in written if one["criterion"] == "pilot-outputs")
    assert outputs["figures"] == {"answers marketing": 70, "answers finance": 44}
    assert outputs["query"].startswith("complete answers of pilots, ")
    states = {one["criterion"]: one["state"] for one in measure(command="status")["criteria"]}
    assert (states["pilots-live"], states["pilot-outputs"]) == ("met", "met")
    assert (states["people-live"], states["pilot-teams-trained"]) == ("below", "below")


def test_a_pilot_that_stopped_is_live_no_more(records: Records, measure: Callable[..., Any]) -> None:
    records.add("outcome", "ada", "marketing", result="completed", days_ago=9)
    records.answers("grace", "finance", 1)
    (live,) = measure("pilots-live")["measured"]
    assert live["value"] == 1
    assert live["figures"]["answers marketing"] == 0


def test_a_department_counts_for_value_with_a_baseline_and_enough_feedback_only(
    records: Records, measure: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for department, rated in (("marketing", 30), ("finance", 29), ("legal", 40)):
        for number in range(rated):
            records.answers(f"p{number % 6}", department, 1)
            details = json.dumps({"useful": True, "minutes_saved": 5})
            answer = f"req_{records.number}"
            records.add("feedback", f"p{number % 6}", department, request_id=answer, details=details)
    day = date(2020, 1, 1)
    known = [Baseline(one, "*", 30, 900, 0, Decimal(60), day, "Ada") for one in ("marketing", "finance")]
    monkeypatch.setattr(Reading, "baselines", lambda _: known)
    (roi,) = measure("roi-measured")["measured"]
    assert roi["value"] == 1
    assert roi["figures"]["rated marketing"] == 30
    assert roi["figures"]["value_low_microusd marketing"] == 30 * 5 * 1_000_000
    assert "rated finance" not in roi["figures"]


def test_measured_again_on_the_same_day_nothing_is_written_twice(
    records: Records, measure: Callable[..., Any], tmp_path: Path
) -> None:
    records.answers("ada", "marketing", 1)
    assert measure("pilots-live")["recorded"] == ["pilots-live"]
    assert measure("pilots-live")["recorded"] == []
    assert len(evidence(tmp_path)) == 1


def test_made_up_events_are_shown_and_never_become_evidence(
    records: Records, measure: Callable[..., Any], tmp_path: Path
) -> None:
    records.answers("ada", "marketing", 1, details=json.dumps({"synthetic": True}))
    said = measure("people-live")
    assert (said["recorded"], said["measured"][0]["value"]) == ([], 1)
    assert "kit demo" in said["why_not"]
    assert not (tmp_path / "config" / "evidence").exists()


def test_a_human_criterion_cannot_be_measured(measure: Callable[..., Any], records: Records) -> None:
    records.folder.mkdir()
    (records.folder / "records").mkdir()
    with pytest.raises(AssertionError, match="is a human criterion"):
        measure("coe-staffed")
