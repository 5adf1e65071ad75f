"""The cost model before deployment: its sums, prices, comparison with the planning values (Z.2, L5.4)."""

import json
import subprocess
import sys
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kit.chosen import settings_of
from kit.cli import app
from kit.cost.model import CostModel, build_model
from kit.cost.price_file import read_prices
from kit.errors import KitError
from kit.home import PROJECT_ROOT
from lambdas.gateway.access_log import AccessEntry, AccessLog
from lambdas.measurement.aggregates import DepartmentAggregate
from lambdas.measurement.handler import metric_lines
from tests.support.stages import SIZES, plans_of

ROOT = Path(__file__).parent.parent.parent


def model_of(size: str, given: dict[str, str] | None = None) -> CostModel:
    return build_model(settings_of(None, config={"size": size}), list(plans_of(size).values()), given)


@pytest.mark.parametrize("size", SIZES)
def test_every_line_is_its_quantity_times_its_price_and_every_total_is_the_sum_of_its_lines(
    size: str,
) -> None:
    document = model_of(size).as_document()
    sums: dict[tuple[str, str], int] = {}
    for line in document["lines"]:
        exact = Decimal(line["quantity"]) * Decimal(line["unit_usd"]) * 1_000_000
        assert abs(exact - line["microusd"]) <= Decimal("0.5")
        key = (line["group"], line["rhythm"])
        sums[key] = sums.get(key, 0) + line["microusd"]
    totals = document["totals_microusd"]
    for group in ("api", "infrastructure", "organisation"):
        for rhythm in ("once", "monthly", "yearly"):
            assert totals[group][rhythm] == sums.get((group, rhythm), 0)
    expected = sum(amount * (12 if rhythm == "monthly" else 1) for (_, rhythm), amount in sums.items())
    assert totals["programme_first_year"] == expected


@pytest.mark.parametrize("size", SIZES)
def test_no_resource_of_the_plan_is_left_without_a_price(size: str) -> None:
    assert model_of(size).unpriced == []


@pytest.mark.parametrize("size", SIZES)
def test_the_metrics_that_are_priced_are_those_that_the_functions_write(size: str) -> None:
    """Names and dimensions of the lines that gateway and measurement write of everything configured."""
    settings, lines = settings_of(None, config={"size": size}), []
    log = AccessLog(settings.environment, lines.append)
    models = [*settings.claude.models, "none"]
    providers = [*(one.name for one in settings.claude.providers), "none"]
    for model, provider in product(models, providers):
        entry = AccessEntry("req_1", "POST", model=model, provider=provider)
        log.request(entry, status=200, seconds=1, bytes_in=1, bytes_out=1, client_gone=False)
    for one in settings.departments:
        log.unlisted(one.id, "field", "name", "refuse")
    shown = {one.id: DepartmentAggregate() for one in settings.departments}
    lines += metric_lines(shown, settings.environment, 0)
    written = set()
    for line in map(json.loads, lines):
        (declared,) = line["_aws"]["CloudWatchMetrics"]
        for metric, names in product(declared["Metrics"], declared["Dimensions"]):
            written.add((metric["Name"], *((name, line[name]) for name in names)))
    (priced,) = [one for one in model_of(size).as_document()["lines"] if one["item"] == "metrics"]
    others = 45  # what the two do not write: by kind of finding, of tool, of register, and single ones
    assert Decimal(priced["quantity"]) == len(written) + others


def test_the_api_line_follows_from_people_tokens_and_list_prices() -> None:
    model = model_of("small", {"fast_percent": "100", "balanced_percent": "0"})
    # 500 people x 50,000 tokens, 80 % input at 0.10 and 20 % output at 0.50 USD a million
    assert model.total("api", "monthly") == 25_000_000 * 8 // 10 // 10 + 25_000_000 * 2 // 10 // 2


def test_each_planning_value_is_compared_and_a_difference_says_why() -> None:
    for size in SIZES:
        comparisons = model_of(size).comparisons
        assert len(comparisons) == 7
        for each in comparisons:
            inside = each.low_usd <= each.model_usd <= each.high_usd
            assert (each.verdict == "within") == inside
            assert each.why


def test_a_bigger_organisation_costs_more() -> None:
    totals = [model_of(size).first_year() for size in SIZES]
    assert totals == sorted(totals)


def test_every_price_has_a_source_that_the_file_explains_and_the_file_a_date() -> None:
    prices = read_prices()
    assert len(prices.as_of) == 10
    assert {price.source for price in prices.prices.values()} <= set(prices.sources)
    assert all(price.usd > 0 and price.unit for price in prices.prices.values())
    looked_up = [one for one in prices.prices.values() if one.source != "planning"]
    assert len(looked_up) >= 25, "most prices have been looked up"
    assert not any(one.page for one in prices.prices.values() if one.source == "planning")


@pytest.mark.parametrize(
    "given", [{"nonsense": "1"}, {"tokens_per_call": "0"}, {"output_percent": "101"}, {"setup_days": "x"}]
)
def test_a_wrong_assumption_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(KitError):
        model_of("small", given)


def test_every_size_side_by_side_says_what_each_says_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from kit.cli import main; main()", "cost", "--every-size", "--json"],
        capture_output=True, text=True, check=True, cwd=PROJECT_ROOT,
    )  # fmt: skip
    sizes = {one["size"]: one for one in json.loads(done.stdout)["sizes"]}
    alone = CliRunner().invoke(app, ["cost", "--size", "large", "--json"])
    assert list(sizes) == list(SIZES)
    assert sizes["large"] == json.loads(alone.stdout)
    both = CliRunner().invoke(app, ["cost", "--size", "large", "--every-size"])
    assert isinstance(both.exception, KitError)


def test_the_command_prints_one_json_document() -> None:
    done = CliRunner().invoke(app, ["cost", "--size", "small", "--json", "--assume", "setup_days=10"])
    assert done.exit_code == 0
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["size"] == "small"
    assert document["assumptions"]["setup_days"] == {
        "value": "10", "why": "given on the command line", "given": True,
    }  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
def test_a_million_calls_of_each_profile_cost_what_the_sheet_says_that_was_worked_by_hand(size: str) -> None:
    text = (ROOT / "docs" / "cost-sheet.md").read_text("utf-8").partition("## All")[2]
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    by_hand = {row[0]: Decimal(row[header.index(size)].replace(",", "")) for row in rows}
    modelled = {name: Decimal(amount).scaleb(-6) for name, amount in model_of(size).per_million_calls.items()}
    assert modelled.keys() == by_hand.keys()
    for profile, worked in by_hand.items():
        assert abs(modelled[profile] - worked) <= worked / 10, profile


@pytest.mark.parametrize("size", SIZES)
def test_the_budget_of_a_person_lets_them_work_with_a_coding_agent(size: str) -> None:
    budgets = {each.profile: each for each in model_of(size).budgets}
    assert budgets["coding agents"].needed_usd > 30, "two orders above a question now and then"
    assert all(each.fits for each in budgets.values())


def test_the_second_region_pods_streams_and_endpoints_have_lines_of_their_own() -> None:
    counts = {"agent_people": "20000", "application_calls": "1000000"}
    large = {line.item for line in model_of("large", counts).lines}
    assert {"second region: transfer", "second region: kept", "gateway time", "authorizer requests"} <= large
    enterprise = {line.item for line in model_of("enterprise", counts).lines}
    assert {"pods by load", "to Claude through NAT", "through endpoints", "second region: kept"} <= enterprise
    assert "second region: kept" not in {line.item for line in model_of("small", counts).lines}


def test_counts_of_profiles_are_given_on_the_command_line() -> None:
    done = CliRunner().invoke(
        app, ["cost", "--size", "small", "--json", "--agents", "40", "--application-calls", "9"]
    )
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    usage = document["usage_a_month"]
    assert (usage["coding agents_calls"], usage["applications_calls"]) == ("120000", "9")
    assert {line["item"] for line in document["lines"] if "coding agents" in line["item"]}
