"""Statements: they add up to the price of all calls and are held against the ledger, exactly (C.2, L5.4)."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from contract.kinds import BudgetModel
from kit.cli import app
from kit.errors import ExitCode, KitError
from kit.measurement import closing
from kit.measurement.charging import CENTRAL, REST, as_csv, comparisons, statements
from kit.measurement.period import month
from kit.measurement.use import read_whole
from lambdas.measurement.aggregates import Aggregate, Aggregator
from lambdas.measurement.events import read_event
from lambdas.measurement.privacy import Released, released
from lambdas.measurement.seen import Seen
from lambdas.measurement.source import FolderSource

from .rows import row, write_rows

_PEOPLE = [f"p{number}" for number in range(7)]
_CALLS = st.lists(
    st.tuples(
        st.sampled_from(["marketing", "finance", "legal"]),
        st.sampled_from([*_PEOPLE, "app"]),
        st.integers(0, 10**10),
    ),
    max_size=60,
)


def _use(calls: list[tuple[str, str, int]]) -> Aggregate:
    rows = [
        row(
            number,
            department=department,
            principal=who,
            principal_kind="application" if who == "app" else "person",
            cost_microusd=cost,
        )
        for number, (department, who, cost) in enumerate(calls)
    ]
    with Seen() as seen:
        aggregator = Aggregator("acme-test", seen)
        aggregator.count(event for one in rows if (event := read_event(one)) is not None)
        return aggregator.finish().get("2026-11-10", Aggregate())


def _told(calls: list[tuple[str, str, int]], last: date = date(2026, 11, 30)) -> Released:
    return released([("2026-11-10", _use(calls))], last)["2026-11"]


def _behind(calls: list[tuple[str, str, int]], department: str) -> set[str]:
    return {who for name, who, _ in calls if name == department and who != "app"}


@given(_CALLS, st.sampled_from(["per-call", "per-user-month", "central"]))
def test_under_every_budget_model_the_charges_are_the_price_of_what_is_told_to_the_micro_dollar(
    calls: list[tuple[str, str, int]], model: BudgetModel
) -> None:
    disclosed = _told(calls)
    made = statements(disclosed, model, {"marketing": "CC-1", "finance": "CC-2"})
    small = {name for name, *_ in calls if 0 < len(_behind(calls, name)) < 5}
    together = set().union(*(_behind(calls, name) for name in small))
    kept = small if disclosed.rest is None else set()
    assert (disclosed.rest is None) == (bool(small) and (len(small) < 2 or len(together) < 5))
    assert sum(one.charged_microusd for one in made) == sum(
        cost for name, _, cost in calls if name not in kept
    )
    assert not {one.department for one in made} & small
    assert {one.department for one in made} <= {"marketing", "finance", "legal", REST, CENTRAL}


@given(_CALLS)
def test_per_user_and_month_every_active_person_is_one_seat_and_applications_pay_for_themselves(
    calls: list[tuple[str, str, int]],
) -> None:
    """A person who changed the department has a part of the seat in each, by answers."""
    disclosed = Released(_use(calls).departments, None, over=True)
    made = statements(disclosed, "per-user-month", {})
    pool = sum(cost for _, who, cost in calls if who != "app")
    answers = Counter(who for _, who, _ in calls if who != "app")
    for one in made:
        own = sum(cost for name, who, cost in calls if name == one.department and who == "app")
        seats = sum(
            Fraction(1, answers[who]) for name, who, _ in calls if name == one.department and who != "app"
        )
        if answers:
            assert abs(one.charged_microusd - own - pool * seats / len(answers)) <= 1


def test_a_failed_call_in_a_second_department_moves_no_seat() -> None:
    rows = [row(number, principal=f"p{number}", cost_microusd=100) for number in range(6)]
    rows += [
        row(20 + number, department="finance", principal=f"f{number}", cost_microusd=100)
        for number in range(6)
    ]
    moved = row(50, department="finance", principal="p0", result="failed", cost_microusd=0)
    shares = []
    for some in (rows, [*rows, moved]):
        with Seen() as seen:
            aggregator = Aggregator("acme-test", seen)
            aggregator.count(event for one in some if (event := read_event(one)) is not None)
            made = statements(
                Released(aggregator.finish()["2026-11-10"].departments, None, over=True), "per-user-month", {}
            )
        shares.append({one.department: one.charged_microusd for one in made})
    assert shares[0] == shares[1] == {"finance": 600, "marketing": 600}


def test_centrally_the_center_of_excellence_pays_and_departments_see_their_use() -> None:
    calls = [(name, who, 7) for name in ("marketing", "finance") for who in _PEOPLE]
    made = statements(_told(calls), "central", {})
    assert {one.department: one.charged_microusd for one in made} == {
        "marketing": 0, "finance": 0, CENTRAL: 98,
    }  # fmt: skip
    assert {one.department: one.used_microusd for one in made}["marketing"] == 49


def test_the_csv_says_the_same_as_the_statements() -> None:
    calls = [("marketing", who, 0) for who in _PEOPLE] + [("marketing", "p1", 1_234_567)]
    (line,) = csv.DictReader(
        io.StringIO(as_csv("2026-11", statements(_told(calls), "per-call", {"marketing": "CC-1"})))
    )
    assert line["charged_usd"] == "1.234567"
    assert (line["month_utc"], line["active_people"], line["cost_center"]) == ("2026-11", "7", "CC-1")


def test_the_comparison_with_the_ledger_is_exact_for_small_groups_too() -> None:
    (one,) = comparisons(_use([("legal", "p1", 500)]), {"legal": 501})
    assert (one.difference_microusd, one.agrees) == (1, False)
    (one,) = comparisons(_use([("legal", "p1", 500)]), {"legal": 501}, {"legal": 1})
    assert one.agrees


def test_a_batch_collected_in_the_next_month_and_a_swept_call_that_ended_count_once_where_they_are_booked(
    tmp_path: Path,
) -> None:
    """Records and ledger of a month whose calls went over its end (findings 10, 11, 18)."""
    people = [
        row(number, principal=f"p{number}", cost_microusd=100, at="2026-09-30T10:00:00+00:00")
        for number in range(6)
    ]
    late = row(
        10,
        request_id="req_late",
        cost_microusd=40,
        at="2026-10-01T00:00:10+00:00",
        details={"booked_month": "2026-09"},
    )
    swept = row(
        11,
        request_id="req_late",
        result="expired",
        cost_microusd=90,
        at="2026-10-01T01:00:00+00:00",
        details={"booked_month": "2026-09"},
    )
    batch = row(
        12,
        "batch_results",
        principal="p9",
        model="claude-haiku-5-5",
        cost_microusd=1_000,
        at="2026-10-20T09:00:00+00:00",
        details={"booked_month": "2026-09"},
    )
    for day, some in (("2026-09-30", people), ("2026-10-01", [late, swept]), ("2026-10-20", [batch])):
        write_rows(tmp_path, day, some)
    use = read_whole(FolderSource(tmp_path), "acme-test", month("2026-09"), date(2026, 11, 30))
    (one,) = statements(use.months["2026-09"], "per-call", {})
    assert (one.used_microusd, one.people) == (1_640, 8)
    assert one.models == (("claude-haiku-5-5", 100),)
    assert not read_whole(FolderSource(tmp_path), "acme-test", month("2026-10"), date(2026, 11, 30)).days


def test_a_closed_month_stays_as_it_was_and_names_every_correction(tmp_path: Path) -> None:
    figures = {"statements": [{"department": "marketing", "used_microusd": 700}]}
    path = closing.closed_file(tmp_path, "acme", "2026-10")
    made = closing.close(path, "2026-10", figures, (), datetime(2026, 11, 2, tzinfo=UTC))
    assert closing.read_closed(path) == made
    later = {"statements": [{"department": "marketing", "used_microusd": 710}]}
    assert closing.corrections(made, figures) == []
    assert closing.corrections(made, later) == [
        closing.Correction("statements[marketing].used_microusd", 700, 710)
    ]
    with pytest.raises(KitError, match="closed already"):
        closing.close(path, "2026-10", later, (), datetime(2026, 11, 3, tzinfo=UTC))
    path.write_text(path.read_text().replace("700", "710"))
    with pytest.raises(KitError, match="altered"):
        closing.read_closed(path)


@pytest.mark.parametrize("off_by", [0, 1, -1])
def test_a_difference_of_one_micro_dollar_to_the_ledger_ends_with_exit_code_5(
    tmp_path: Path, off_by: int
) -> None:
    rows = [row(number, principal=f"p{number}", cost_microusd=100) for number in range(10)]
    write_rows(tmp_path, "2026-10-12", [one | {"at": "2026-10-12T09:00:00+00:00"} for one in rows])
    ledger = tmp_path / "ledger.json"
    ledger.write_text(json.dumps({"marketing": 1_000 + off_by}))
    arguments = ["chargeback", "--month", "2026-10", "--records", str(tmp_path), "--ledger", str(ledger)]
    done = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path / "out"), "--json"])
    document = json.loads(done.stdout)
    (marketing,) = document["statements"]
    assert (marketing["department"], marketing["used_microusd"]) == ("marketing", 1_000)
    assert (tmp_path / "out" / "statements.csv").exists()
    if off_by:
        assert document["ledger_differences"] == [{"department": "marketing", "difference_microusd": off_by}]
        assert isinstance(done.exception, KitError)
        assert done.exception.exit_code == ExitCode.VERIFICATION_FAILED
        assert f"{off_by:+,} micro-dollars" in (tmp_path / "out" / "statements.html").read_text()
    else:
        assert done.exit_code == 0
        assert document["ledger"] == "agrees"


def test_exact_statements_need_a_deployment_that_records_who_asked(tmp_path: Path) -> None:
    write_rows(tmp_path, "2026-10-12", [row(1, at="2026-10-12T09:00:00+00:00")])
    arguments = ["chargeback", "--month", "2026-10", "--records", str(tmp_path), "--exact", "booking"]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, KitError)
    assert "recorded" in str(done.exception)


@pytest.mark.parametrize("month", ["2026-13", "November", "2026-1"])
def test_a_wrong_month_is_refused(tmp_path: Path, month: str) -> None:
    done = CliRunner().invoke(app, ["chargeback", "--month", month, "--records", str(tmp_path)])
    assert isinstance(done.exception, KitError)
    assert done.exception.exit_code == ExitCode.USAGE
