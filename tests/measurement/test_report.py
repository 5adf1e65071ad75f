"""The quarterly report and maturity: value by department with its range and doubts, queries, hidden groups,
levels (L3.3, L5.2, L5.5, C.3).
"""

import json
import re
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from kit.cli import app
from kit.errors import KitError
from kit.measurement import charts
from kit.measurement.baselines import Baseline, append_baseline, baseline_for, read_baselines
from kit.measurement.maturity import maturity_of
from kit.measurement.period import quarter
from kit.measurement.value import value_of_use_case
from lambdas.measurement.aggregates import Cell, DepartmentAggregate

from .rows import row, write_rows


def _baseline(**changes: object) -> Baseline:
    fields: dict[str, object] = {
        "department": "marketing", "use_case": "*", "minutes_per_task": 60, "tasks_per_month": 100,
        "rework_percent": 20, "hourly_cost_usd": Decimal(60), "dated": date(2026, 9, 1), "by": "Ada Lovelace",
    }  # fmt: skip
    return Baseline(**(fields | changes))  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 480), max_size=60), st.integers(0, 500), st.booleans())
def test_the_range_of_a_value_is_ordered_and_its_low_end_is_never_more_than_people_stated(
    minutes: list[int], unrated: int, measured: bool
) -> None:
    counts = Counter(
        rated=len(minutes), completed=len(minutes) + unrated, minutes=sum(minutes),
        minutes_squared=sum(one**2 for one in minutes),
    )  # fmt: skip
    value = value_of_use_case(Cell(counts), _baseline() if measured else None, 90, None)
    assert 0 <= value.minutes.low <= value.minutes.central <= value.minutes.high
    assert value.minutes.low <= sum(minutes)
    if measured:
        assert value.microusd is not None
        assert value.microusd.low == value.minutes.low * 1_000_000
        assert value.minutes.high <= 60 * max(len(minutes), 100 * 90 / 30)
    else:
        assert value.microusd is None
        assert any("no baseline" in doubt for doubt in value.doubts)
    assert any("feedback" in doubt for doubt in value.doubts) == (len(minutes) < 30)


def test_a_baseline_that_came_after_the_first_use_is_a_doubt() -> None:
    cell = Cell(Counter(rated=40, completed=40, minutes=400, minutes_squared=4_000))
    late = value_of_use_case(cell, _baseline(dated=date(2026, 11, 2)), 90, "2026-11-01")
    assert "the baseline was recorded after the first use" in late.doubts
    assert value_of_use_case(cell, _baseline(), 90, "2026-11-01").doubts == ()


def test_baselines_are_appended_never_rewritten_and_the_latest_counts(tmp_path: Path) -> None:
    path = tmp_path / "baselines" / "acme.yaml"
    first, second = _baseline(), _baseline(minutes_per_task=45, dated=date(2026, 10, 1))
    assert append_baseline(path, first)
    assert append_baseline(path, second)
    assert not append_baseline(path, first)
    entries = read_baselines(path)
    assert entries == (first, second)
    assert baseline_for(entries, "marketing", "anything") == second
    assert baseline_for(entries, "finance", "anything") is None
    with pytest.raises(KitError):
        append_baseline(path, _baseline(rework_percent=101))


def test_a_baseline_recorded_by_the_command_is_shown_and_an_unknown_department_refused(
    tmp_path: Path,
) -> None:
    import shutil

    from stacks.settings import CONFIG_FOLDER

    folder = tmp_path / "config"
    shutil.copytree(CONFIG_FOLDER, folder)
    given = [
        "--minutes-per-task", "90", "--tasks-per-month", "40", "--hourly-cost-usd", "65.50", "--by",
        "Ada Lovelace, head of marketing", "--config-folder", str(folder),
    ]  # fmt: skip
    done = CliRunner().invoke(app, ["baseline", "record", "--department", "marketing", *given])
    assert done.exit_code == 0, done.output
    shown = CliRunner().invoke(app, ["baseline", "show", "--config-folder", str(folder), "--json"])
    document = json.loads(shown.stdout)
    assert document["baselines"][0]["hourly_cost_usd"] == "65.50"
    assert "finance" in document["without"]
    wrong = CliRunner().invoke(app, ["baseline", "record", "--department", "markting", *given])
    assert isinstance(wrong.exception, KitError)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, object]]:
    """The report of a quarter in which one department is a small group; its page and its JSON."""
    folder = tmp_path_factory.mktemp("quarter")
    rows = []
    for number in range(120):
        department = "marketing" if number % 2 else "finance"
        who = f"secret-name-{department}-{number % 18}"
        request = f"req_{number}"
        rows.append(
            row(
                2 * number,
                department=department,
                principal=who,
                request_id=request,
                use_case="copy",
                prompt="copy",
            )
        )
        if number % 3:
            details = {"useful": True, "minutes_saved": 20}
            rows.append(
                row(
                    2 * number + 1, "feedback", department=department, principal=who, request_id=request,
                    use_case="copy", details=details,
                )
            )  # fmt: skip
    rows += [row(900 + number, department="legal", principal="secret-name-l") for number in range(3)]
    rows += [row(950, "refusal", department="finance", reason="restricted")]
    write_rows(folder, "2026-10-12", [one | {"at": "2026-10-12T09:00:00.000+00:00"} for one in rows])
    out = folder / "out"
    arguments = [
        "report",
        "roi",
        "--quarter",
        "2026Q4",
        "--records",
        str(folder),
        "--output",
        str(out),
        "--json",
    ]
    done = CliRunner(env={"PATH": ""}).invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return (out / "roi-2026Q4.html").read_text(), json.loads(done.stdout)


def test_the_report_has_all_that_a_board_asks_for(report: tuple[str, dict[str, object]]) -> None:
    page, _ = report
    for title in (
        "In short",
        "Adoption",
        "Value",
        "Cost",
        "Quality, risk and control",
        "What works",
        "Next quarter",
    ):
        assert f">{title}" in page
    assert page.count("<svg") >= 2
    assert "What makes these figures uncertain" in page
    assert "no baseline" in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_every_figure_links_to_a_query_that_is_there(report: tuple[str, dict[str, object]]) -> None:
    page, _ = report
    linked = set(re.findall(r'href="#(q\d+)"', page))
    there = set(re.findall(r'id="(q\d+)"', page))
    assert linked == there
    assert len(there) >= 6
    assert "BETWEEN &#x27;2026-10-01&#x27;" in page


def test_a_small_department_and_every_person_stay_out_of_the_report(
    report: tuple[str, dict[str, object]],
) -> None:
    page, document = report
    departments = document["departments"]
    assert isinstance(departments, dict)
    assert "legal" not in departments
    assert "secret-name" not in page
    assert ">legal<" not in page


def test_a_wrong_quarter_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    for arguments in (["--quarter", "2026Q5"], ["--quarter", "2026Q4"]):
        done = CliRunner().invoke(app, ["report", "roi", *arguments, "--records", str(tmp_path)])
        assert isinstance(done.exception, KitError)
    assert (quarter("2026Q4").first, quarter("2026Q4").last) == (date(2026, 10, 1), date(2026, 12, 31))


def _department(**counts: int) -> DepartmentAggregate:
    people = Counter({f"p{number}": 3 for number in range(10)})
    return DepartmentAggregate(
        total=Cell(Counter(counts), people), trained={f"p{number}" for number in range(9)}
    )


def test_maturity_follows_from_evidence_and_says_what_is_missing() -> None:
    governed = {"calls": 100, "completed": 100, "registered": 60, "review_needed": 10, "reviewed": 10}
    assert maturity_of("marketing", DepartmentAggregate(), None, [], 0, 4).level == 0
    ad_hoc = maturity_of("marketing", _department(calls=9, completed=9), None, [], 4, 4)
    assert ad_hoc.level == 1
    assert [one.says for one in ad_hoc.missing] == ["half of the answers come from approved prompts"]
    second = maturity_of("marketing", _department(**governed), None, [], 4, 4)
    assert second.level == 2
    assert "a baseline was recorded" in {one.says for one in second.missing}
    counts = {
        **governed, "rated": 40, "minutes": 400, "minutes_squared": 4_000, "application_calls": 5,
        "cost_microusd": 1_000, "validated": 50,
    }  # fmt: skip
    value = value_of_use_case(Cell(Counter(counts)), _baseline(), 90, None)
    third = maturity_of("marketing", _department(**counts), value, [_baseline()], 4, 4)
    assert third.level == 3
    fourth = _department(**counts)
    fourth.use_cases = {name: Cell(Counter(registered=20)) for name in ("a", "b", "c")}
    assert maturity_of("marketing", fourth, value, [_baseline()], 4, 4).level == 4
    assert maturity_of("marketing", fourth, value, [_baseline()], 3, 4).level == 3


def test_charts_escape_what_they_are_given_and_survive_empty_data() -> None:
    drawn = charts.lines({"<b>": [None, 1.0, None, 2.5]}, ["a", "b", "c", "d"], title='x" onload="')
    assert "<b>" not in drawn
    assert 'onload="' not in drawn
    assert charts.bars([], title="none").startswith("<svg")
    assert charts.lines({}, [], title="none").endswith("</svg>")
