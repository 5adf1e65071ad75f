"""Statements: they add up to the price of all calls and are held against the ledger, exactly (C.2, L5.4)."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from contract.kinds import BudgetModel
from kit.cli import app
from kit.errors import ExitCode, KitError
from kit.measurement.charging import CENTRAL, as_csv, statements
from lambdas.measurement.aggregates import Aggregate, Aggregator
from lambdas.measurement.events import read_event
from lambdas.measurement.seen import Seen

from .rows import row, write_rows

_CALLS = st.lists(
    st.tuples(
        st.sampled_from(["marketing", "finance", "legal"]),
        st.sampled_from(["p1", "p2", "p3", "app"]),
        st.integers(0, 10**10),
    ),
    max_size=40,
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


@given(_CALLS, st.sampled_from(["per-call", "per-user-month", "central"]))
def test_under_every_budget_model_the_charges_are_the_price_of_all_calls_to_the_micro_dollar(
    calls: list[tuple[str, str, int]], model: BudgetModel
) -> None:
    ledger = {name: sum(cost for one, _, cost in calls if one == name) for name in ("marketing", "finance")}
    made = statements(_use(calls), model, {"marketing": "CC-1", "finance": "CC-2"}, ledger)
    assert sum(one.charged_microusd for one in made) == sum(cost for _, _, cost in calls)
    for one in made:
        if one.department in ledger:
            assert one.difference_microusd == 0


@given(_CALLS)
def test_per_user_and_month_every_active_person_costs_the_same_and_applications_pay_for_themselves(
    calls: list[tuple[str, str, int]],
) -> None:
    made = statements(_use(calls), "per-user-month", {}, None)
    pool = sum(cost for _, who, cost in calls if who != "app")
    active = {
        name: {who for one, who, _ in calls if one == name and who != "app"}
        for name in ["marketing", "finance", "legal"]
    }
    people = sum(len(one) for one in active.values())
    for one in made:
        own = sum(cost for name, who, cost in calls if name == one.department and who == "app")
        if people:
            exact = pool * len(active[one.department]) / people
            assert abs(one.charged_microusd - own - exact) <= 1 + exact * 1e-12


def test_centrally_the_center_of_excellence_pays_and_departments_see_their_use() -> None:
    made = statements(_use([("marketing", "p1", 7), ("finance", "p2", 5)]), "central", {}, None)
    assert {one.department: one.charged_microusd for one in made} == {
        "marketing": 0,
        "finance": 0,
        CENTRAL: 12,
    }
    assert {one.department: one.used_microusd for one in made}["marketing"] == 7


def test_the_csv_says_the_same_as_the_statements() -> None:
    made = statements(
        _use([("marketing", "p1", 1_234_567)]), "per-call", {"marketing": "CC-1"}, {"marketing": 5}
    )
    (line,) = csv.DictReader(io.StringIO(as_csv("2026-11", made)))
    assert line["charged_usd"] == "1.234567"
    assert line["difference_microusd"] == str(5 - 1_234_567)
    assert line["active_people"] == ""  # one person is a small group


@pytest.mark.parametrize("off_by", [0, 1, -1])
def test_a_difference_of_one_micro_dollar_to_the_ledger_ends_with_exit_code_5(
    tmp_path: Path, off_by: int
) -> None:
    write_rows(tmp_path, "2026-11-10", [row(1, cost_microusd=900), row(2, cost_microusd=100)])
    ledger = tmp_path / "ledger.json"
    ledger.write_text(json.dumps({"marketing": 1_000 + off_by}))
    arguments = [
        "chargeback",
        "--month",
        "2026-11",
        "--records",
        str(tmp_path),
        "--ledger",
        str(ledger),
        "--json",
    ]
    done = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path / "out")])
    marketing = next(one for one in json.loads(done.stdout)["statements"] if one["department"] == "marketing")
    assert marketing["difference_microusd"] == off_by
    assert (tmp_path / "out" / "statements.csv").exists()
    if off_by:
        assert isinstance(done.exception, KitError)
        assert done.exception.exit_code == ExitCode.VERIFICATION_FAILED
        assert f"{off_by:+,} micro-dollars" in (tmp_path / "out" / "statements.html").read_text()
    else:
        assert done.exit_code == 0


@pytest.mark.parametrize("month", ["2026-13", "November", "2026-1"])
def test_a_wrong_month_is_refused(tmp_path: Path, month: str) -> None:
    done = CliRunner().invoke(app, ["chargeback", "--month", month, "--records", str(tmp_path)])
    assert isinstance(done.exception, KitError)
    assert done.exception.exit_code == ExitCode.USAGE
