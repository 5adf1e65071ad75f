"""The page for the CIO and the board: what is late has an owner and a date, three decisions at most are asked
(L5.5, C.3).
"""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from kit.cost.model import build_model
from kit.evaluation.stages import evaluate_stages
from kit.measurement.baselines import Baseline
from kit.measurement.executive import Standing, behind, board_paper, decisions, executive_page, risks
from kit.measurement.period import quarter
from kit.measurement.published_figures import figures_document
from kit.measurement.quarter import Quarter
from kit.measurement.report import Report, headline
from kit.measurement.use import Use
from lambdas.common.registers import Entry
from lambdas.measurement.aggregates import Aggregate, Cell, DepartmentAggregate
from lambdas.portal.figures import read_figures
from stacks.gates import assess
from stacks.settings import RawConfig, read_settings
from stacks.settings.loading import as_config
from tests.support.config_folder import own_config_folder

_PEOPLE = [f"p{number}" for number in range(6)]


def _use(name: str, minutes: int) -> Use:
    """One department, six people, one answer each with stated minutes, on the quarter's second day."""
    period = quarter(name)
    counts = Counter(
        calls=6, completed=6, answers=6, rated=6, useful=6, cost_microusd=6_000_000, minutes=6 * minutes
    )
    cell = Cell(
        counts, Counter(_PEOPLE), Counter(_PEOPLE), Counter(dict.fromkeys(_PEOPLE, minutes)), set(_PEOPLE)
    )
    department = DepartmentAggregate(total=cell, use_cases={"copy": cell})
    day = (period.first + timedelta(days=1)).isoformat()
    return Use(period, {day: Aggregate({"marketing": department})}, date(2027, 4, 20), {"marketing": day})


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Standing:
    """A finished programme whose only department saved one minute an answer, in both quarters."""
    folder: Path = own_config_folder(tmp_path_factory.mktemp("config"))
    given = {"stage": "rollout", "client": "example", "config_folder": str(folder)}
    settings = read_settings(RawConfig(as_config(given)))
    cost = build_model(settings, list(evaluate_stages(assume_gates=True).values()))
    baseline = Baseline("marketing", "*", 60, 100, 20, Decimal(60), date(2026, 9, 1), "Ada Lovelace")
    earlier = Quarter(settings, _use("2026Q4", 1), [baseline], cost)
    now = Quarter(settings, _use("2027Q1", 1), [baseline], cost, earlier)
    incident = Entry(
        "reg_1", "incidents", "lost laptop", "Ada", "open", "2027-04-01T00:00:00+00:00", "ada",
        due={"supervisory authority (GDPR Art. 33)": "2027-04-04T00:00:00+00:00"},
    )  # fmt: skip
    return Standing(now, assess(settings), [incident], (120, 2), date(2027, 4, 20))


def test_what_is_late_has_an_owner_and_a_date(standing: Standing) -> None:
    rows = {what: (owner, when) for what, _, owner, when in behind(standing)}
    assert rows["Contract excludes training on our data"] == ("legal and compliance", "2026-11-29")
    assert rows["incidents: lost laptop"] == ("Ada", "now")
    assert ("records of the last week", "120 calls: 2 findings of the verification") in risks(standing)


def test_a_change_of_an_uncertain_figure_is_a_range(standing: Standing) -> None:
    """Six answers of one minute at 60 USD an hour: 6 USD at the low end, in both quarters."""
    page = Report(standing.quarter).html()
    assert "the quarter before: 6.00 to 6.00; changed by +0.00 to +0.00, so it may be none" in page
    more = replace(standing.quarter, use=_use("2027Q1", 3))
    assert "the quarter before: 6.00 to 6.00; changed by +12.00 to +12.00<" in Report(more).html()
    assert "; the quarter before: 6; changed by +0" in page


def test_headline_stop_rule_and_decisions_say_the_same(standing: Standing) -> None:
    assert standing.quarter.stop_rule["marketing"] == ("below", "below")
    assert "below its full cost" in headline(standing.quarter)
    asked = decisions(standing)
    assert len(asked) == 3
    assert asked[0][0].startswith("Decide on lost laptop")
    assert asked[1][0].startswith("Stop or cut back marketing")
    valuable = replace(
        standing, quarter=replace(standing.quarter, use=_use("2027Q1", 60), earlier=None), registers=[]
    )
    assert not [one for one in decisions(valuable) if one[0].startswith("Stop")]


def test_what_was_not_asked_is_said_to_be_so(standing: Standing) -> None:
    blind = replace(standing, registers=None, verified=None)
    assert ("registers", "not asked: there is no deployment") in risks(blind)
    assert any("not verified here" in state for _, state in risks(blind))


def test_page_and_paper_load_nothing_and_have_all_their_parts(standing: Standing) -> None:
    page, paper = executive_page(standing), board_paper(standing)
    for title in (
        "What we got for the money",
        "What is at risk",
        "Who is behind",
        "What we ask you to decide",
    ):
        assert f">{title}" in page
    for title in ("What it costs", "Risks", "Timeline", "People of the Center by stage", "Roadmap"):
        assert f">{title}" in paper
    assert "<script" not in page + paper
    assert "weeks 9 to 12" in paper


def test_the_portal_reads_the_same_figures_that_the_page_has(standing: Standing) -> None:
    now = datetime(2027, 4, 20, 8, tzinfo=UTC)
    found = read_figures(json.dumps(figures_document(standing, now)).encode())
    one = found.departments["marketing"]
    assert found.headline == headline(standing.quarter)
    assert one.cost == standing.quarter.full_costs["marketing"]
    assert one.value is not None
    assert one.value[0] <= one.value[1] <= one.value[2]
    assert (one.verdict, one.owner, one.due) == ("below", "head of marketing", "2027-03-31")
    (level,) = standing.quarter.maturity
    assert (one.level, bool(one.missing)) == (level.level, bool(level.missing))
    assert found.decisions == tuple(decisions(standing))
    assert not any(name in json.dumps(figures_document(standing, now)) for name in _PEOPLE)
