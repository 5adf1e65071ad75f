"""The quarterly report and maturity: value by department with its range and doubts, queries, hidden groups,
levels (L3.3, L5.2, L5.5, C.3).
"""

import html
import json
import re
from collections import Counter
from datetime import date
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from components.api.analytics import COLUMNS
from kit.cli import app
from kit.errors import KitError
from kit.measurement import charts
from kit.measurement.baselines import (
    Baseline,
    append_baseline,
    baseline_for,
    baselines_until,
    read_baselines,
)
from kit.measurement.maturity import maturity_of
from kit.measurement.period import quarter
from kit.measurement.value import mean_and_upper, student_t, value_of_departments, value_of_use_case
from lambdas.measurement.aggregates import Cell, DepartmentAggregate

from .rows import row, write_rows
from .trino import objections


def _baseline(**changes: object) -> Baseline:
    fields: dict[str, object] = {
        "department": "marketing", "use_case": "*", "minutes_per_task": 60, "tasks_per_month": 100,
        "rework_percent": 20, "hourly_cost_usd": Decimal(60), "dated": date(2026, 9, 1), "by": "Ada Lovelace",
    }  # fmt: skip
    return Baseline(**(fields | changes))  # type: ignore[arg-type]


def _cell(minutes: list[int], unrated: int = 0, people: int = 10) -> Cell:
    """Usable answers: one rating after the other by `people` people, and answers without feedback."""
    ratings: Counter[str] = Counter()
    stated: Counter[str] = Counter()
    for number, one in enumerate(minutes):
        ratings[f"p{number % people}"] += 1
        stated[f"p{number % people}"] += one
    return Cell(Counter(answers=len(minutes) + unrated), ratings=ratings, minutes_of=stated)


@given(st.lists(st.integers(0, 480), max_size=60), st.integers(0, 500), st.booleans())
def test_the_range_of_a_value_is_ordered_and_its_low_end_is_never_more_than_people_stated(
    minutes: list[int], unrated: int, measured: bool
) -> None:
    value = value_of_use_case(_cell(minutes, unrated), _baseline() if measured else None, 90, None)
    assert 0 <= value.minutes.low <= value.minutes.central <= value.minutes.high
    assert value.minutes.low <= sum(minutes)
    if measured:
        assert value.microusd is not None
        assert value.microusd.low == value.minutes.low * 1_000_000
        assert value.minutes.high <= 60 * Decimal(100 * 90) / Decimal("30.4375")
    else:
        assert value.microusd is None
        assert any("no baseline" in doubt for doubt in value.doubts)
    assert any(doubt.startswith("only ") for doubt in value.doubts) == (len(minutes) < 30)


def test_one_rating_says_nothing_of_the_answers_without_feedback() -> None:
    """Findings 5: one rating of 60 minutes had an error of 0 and made 18,000 USD of 300 answers."""
    alone = value_of_use_case(_cell([60], 299), _baseline(tasks_per_month=1_000), 90, None)
    assert alone.minutes.low == alone.minutes.central == alone.minutes.high == 60
    assert any("no range" in doubt for doubt in alone.doubts)


def test_ratings_of_one_person_are_one_opinion_not_many() -> None:
    """The interval is that of clusters: 6 people of 5 equal ratings each are 6 observations."""
    by_person = [10, 20, 30, 40, 50, 60]
    ratings = Counter({f"p{number}": 5 for number in range(6)})
    stated = Counter({f"p{number}": 5 * one for number, one in enumerate(by_person)})
    mean, upper = mean_and_upper(ratings, stated)
    deviation = (sum((one - 35) ** 2 for one in by_person) / 5) ** 0.5  # of a sample
    assert float(mean) == 35
    assert float(upper) == pytest.approx(35 + 2.571 * deviation / 6**0.5, rel=1e-3)


def test_the_quantiles_are_those_of_the_published_table() -> None:
    """Student's t, 97.5 %: NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2."""
    published = {4: 2.776, 5: 2.571, 9: 2.262, 19: 2.093, 29: 2.045, 100: 1.984}
    assert all(abs(student_t(freedom) - value) < 0.01 for freedom, value in published.items())


def test_a_baseline_for_all_use_cases_gives_its_tasks_once_however_many_names_callers_make() -> None:
    """Findings 4: the same calls under six names of a use case were worth six times as much."""
    values = []
    for names in (1, 6):
        cells = {f"case-{number}": _cell([30] * (60 // names), 600 // names) for number in range(names)}
        department = DepartmentAggregate(use_cases=cells)
        found = value_of_departments({"marketing": department}, [_baseline(tasks_per_month=60)], 30, {})
        values.append(found["marketing"].minutes)
    assert values[0] == values[1]


def test_a_baseline_that_came_after_the_first_use_is_a_doubt() -> None:
    late = value_of_use_case(_cell([10] * 40), _baseline(dated=date(2026, 11, 2)), 90, "2026-11-01")
    assert "the baseline was recorded after the first use" in late.doubts
    assert value_of_use_case(_cell([10] * 40), _baseline(), 90, "2026-11-01").doubts == ()


def test_the_later_entry_of_a_day_counts_and_none_from_after_the_period() -> None:
    """Findings 6 and 7: a correction of the same day was ignored; one of later rewrote an old quarter."""
    first, second = _baseline(minutes_per_task=10), _baseline(minutes_per_task=60)
    assert baseline_for([first, second], "marketing", "copy") == second
    made_up = _baseline(demonstration=True, dated=date(2026, 11, 1))
    assert baseline_for([first, made_up], "marketing", "copy") == first
    later = _baseline(minutes_per_task=99, dated=date(2026, 11, 20))
    assert baselines_until([first, later], date(2026, 9, 30)) == [first]


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
    misspelt = ["--department", "marketing", "--use-case", "content-generatoin"]
    noted = CliRunner().invoke(app, ["baseline", "record", *misspelt, *given])
    assert noted.exit_code == 0
    assert 'did you mean "content-generation"' in noted.output
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
    ends = [("failed", 0), ("expired", 0), ("interrupted", 200)]
    ends += [("upstream_error", status) for status in (400, 404, 429, 500, 529)] + [("client_gone", 499)]
    rows += [
        row(
            960 + number,
            department="finance",
            principal=f"secret-name-finance-{2 * number}",
            result=result,
            status=status,
        )
        for number, (result, status) in enumerate(ends)
    ]
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


def test_every_query_of_the_report_is_one_that_trino_reads(report: tuple[str, dict[str, object]]) -> None:
    queries = [
        unescape(one)
        for one in re.findall(r"<pre[^>]*>(.*?)</pre>", report[0], re.DOTALL)
        if "FROM" in one and not re.search(r"^\s*kit ", one)
    ]
    assert len(queries) > 4
    assert {query: found for query in queries if (found := objections(query, dict(COLUMNS)))} == {}


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
    assert page.count("<svg") == page.count("<details>"), "each drawing has its values as a table"
    assert "What makes these figures uncertain" in page
    assert "no baseline" in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_availability_counts_what_gateway_and_providers_failed_and_is_held_against_the_objective(
    report: tuple[str, dict[str, object]],
) -> None:
    """120 answered, two lost by the gateway, four by a provider; what callers did wrong is neither."""
    page, _ = report
    (table,) = re.findall(r"Availability by month.*?</table>", page, re.DOTALL)
    cells = [re.sub(r"<[^>]+>", "", one) for one in re.findall(r"<t[dh][^>]*>.*?</t[dh]>", table)]
    assert cells[5:] == ["2026-10", "95.24 %", "2", "4", "missed"]
    assert "Objective: 97 % of calls" in table


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


def test_the_headline_the_advice_and_the_stop_rule_follow_from_one_verdict(
    report: tuple[str, dict[str, object]],
) -> None:
    page, document = report
    departments = document["departments"]
    assert isinstance(departments, dict)
    assert {one["verdict"] for one in departments.values()} == {"unpriced"}
    assert "No value in money can be stated" in str(document["headline"])
    assert html.escape(str(document["headline"])) in page
    assert "The stop rule of the budget approval" in page
    assert "this quarter" in page
    full = [one["full_cost_microusd"] for one in departments.values()]
    costs = document["cost_microusd"]
    assert isinstance(costs, dict)
    assert all(one > 0 for one in full)
    assert sum(full) <= sum(costs.values())


def test_a_quarter_before_the_programme_costs_nothing(tmp_path: Path) -> None:
    """Findings 9: the report charged infrastructure and people for quarters without a programme."""
    write_rows(tmp_path, "2026-10-12", [row(1, at="2026-10-12T09:00:00+00:00")])
    arguments = [
        "report",
        "roi",
        "--quarter",
        "2025Q1",
        "--records",
        str(tmp_path),
        "--output",
        str(tmp_path),
    ]
    done = CliRunner(env={"PATH": ""}).invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    assert set(json.loads(done.stdout)["cost_microusd"].values()) == {0}


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
    counts = {**governed, "rated": 40, "application_calls": 5, "cost_microusd": 1_000, "validated": 50}
    value = value_of_use_case(_cell([10] * 40), _baseline(), 90, None)
    third = maturity_of("marketing", _department(**counts), value, [_baseline()], 4, 4)
    assert third.level == 3
    fourth = _department(**counts)
    fourth.use_cases = {name: Cell(Counter(registered=20)) for name in ("a", "b", "c")}
    assert maturity_of("marketing", fourth, value, [_baseline()], 4, 4).level == 4
    assert maturity_of("marketing", fourth, value, [_baseline()], 3, 4).level == 3


def test_only_active_people_count_as_trained_of_the_active() -> None:
    """Findings 14: 20 trained people of 6 active ones were 333 %, and none of the six was trained."""
    active = Counter({f"p{number}": 1 for number in range(6)})
    others = {f"q{number}" for number in range(20)}
    department = DepartmentAggregate(total=Cell(Counter(completed=6), active), trained=others)
    (condition,) = [
        one for one in maturity_of("legal", department, None, [], 1, 1).conditions if "trained" in one.says
    ]
    assert (condition.holds, condition.found) == (False, "0 of 6, 0 %")


def test_charts_escape_what_they_are_given_and_survive_empty_data() -> None:
    drawn = charts.lines({"<b>": [None, 1.0, None, 2.5]}, ["a", "b", "c", "d"], title='x" onload="')
    assert "<b>" not in drawn
    assert 'onload="' not in drawn
    assert drawn.count("not shown") == 2, "a gap is no zero"
    assert "nothing to draw" in charts.bars([], title="none")
    assert "nothing to draw" in charts.lines({}, [], title="none")
