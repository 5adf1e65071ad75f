"""Dashboards are valid by CloudWatch's rules, hold no person, and are drawn locally as defined (L5.6)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.base import Names
from components.measurement.dashboards import AUDIENCES, NAMESPACE, DashboardsArgs, dashboard_body
from kit.cli import app
from lambdas.common.log import NAMESPACE as GATEWAY_NAMESPACE
from lambdas.common.log import NAMESPACE as MEASUREMENT_NAMESPACE
from lambdas.measurement.handler import METRICS
from lambdas.workflow.overdue import METRIC as OVERDUE

from .rows import row, write_rows

_ARGS = DashboardsArgs(
    Names("acme", "production", "111122223333", "eu-central-1"), ["marketing", "finance"], AUDIENCES
)
_GATEWAY_METRICS = {
    "ToolCalls",
    "Unlisted",
    "Findings",
    "Blocked",
    "Requests",
    "Errors",
    "Refusals",
    "Latency",
    "InputTokens",
    "OutputTokens",
    "CostMicroUSD",
}
_PROPERTIES = {
    "metric": {"title", "region", "view", "stat", "period", "metrics", "stacked", "yAxis"},
    "text": {"markdown"},
    "alarm": {"title", "alarms"},
}


@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_widget_keeps_the_rules_of_the_service(audience: str) -> None:
    body: Any = json.loads(json.dumps(dashboard_body(audience, _ARGS)))
    assert set(body) <= {"start", "end", "periodOverride", "widgets", "variables"}
    assert 1 <= len(body["widgets"]) <= 500
    assert sum(len(one["properties"].get("metrics", [])) for one in body["widgets"]) <= 2_500
    for widget in body["widgets"]:
        assert set(widget) == {"type", "x", "y", "width", "height", "properties"}
        assert widget["x"] >= 0
        assert widget["width"] >= 1
        assert widget["x"] + widget["width"] <= 24
        assert 1 <= widget["height"] <= 1_000
        properties = widget["properties"]
        assert set(properties) <= _PROPERTIES[widget["type"]]
        if widget["type"] == "metric":
            _check_metric(properties)
        if widget["type"] == "alarm":
            assert all(arn.startswith("arn:aws:cloudwatch:eu-central-1:") for arn in properties["alarms"])
            assert len(properties["alarms"]) <= 100


def _check_metric(properties: dict[str, Any]) -> None:
    assert properties["region"] == "eu-central-1"
    assert properties["view"] in {"timeSeries", "singleValue", "bar", "pie", "gauge"}
    assert properties["period"] % 60 == 0
    assert 1 <= len(properties["metrics"]) <= 500
    ids = [one[-1]["id"] for one in properties["metrics"] if "id" in one[-1]]
    assert len(set(ids)) == len(ids)
    for series in properties["metrics"]:
        if "expression" in series[0]:
            _check_expression(series[0], ids)
            assert len(series) == 1
            continue
        options = series[-1] if isinstance(series[-1], dict) else {}
        names = [part for part in series if isinstance(part, str)]
        assert len(series) == len(names) + bool(options)
        assert len(names) % 2 == 0  # namespace, metric, then pairs of dimension and value
        assert 4 <= len(names) <= 2 + 2 * 30
        assert set(options) <= {"label", "stat", "color", "yAxis", "visible", "period", "region", "id"}


def _check_expression(given: dict[str, Any], ids: list[str]) -> None:
    """Metric math: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html"""
    assert set(given) == {"expression", "id", "label"}
    assert re.fullmatch(r"[a-z][A-Za-z0-9_]*", given["id"])
    of, _, divisor = given["expression"].partition(" / ")
    assert of in ids
    assert divisor == "1000000"


@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_amount_is_shown_in_dollars_and_none_in_micro_dollars(audience: str) -> None:
    for widget in dashboard_body(audience, _ARGS)["widgets"]:
        assert "micro" not in json.dumps(widget["properties"].get("title", ""))
        for series in widget["properties"].get("metrics", []):
            if len(series) > 1 and "MicroUSD" in series[1]:
                assert series[-1]["visible"] is False
                drawn = [one[0] for one in widget["properties"]["metrics"] if "expression" in one[0]]
                assert f"{series[-1]['id']} / 1000000" in [one["expression"] for one in drawn]


@pytest.mark.parametrize("audience", AUDIENCES)
def test_widgets_do_not_overlap(audience: str) -> None:
    taken: set[tuple[int, int]] = set()
    for one in dashboard_body(audience, _ARGS)["widgets"]:
        cells = {
            (x, y)
            for x in range(one["x"], one["x"] + one["width"])
            for y in range(one["y"], one["y"] + one["height"])
        }
        assert not cells & taken
        taken |= cells


def test_every_metric_of_ours_is_one_that_is_written_with_those_dimensions() -> None:
    assert NAMESPACE == GATEWAY_NAMESPACE == MEASUREMENT_NAMESPACE
    for audience in AUDIENCES:
        for widget in dashboard_body(audience, _ARGS)["widgets"]:
            for series in widget["properties"].get("metrics", []):
                if "expression" in series[0]:
                    continue
                namespace, name, *rest = series
                if namespace != NAMESPACE:
                    continue
                dimensions = tuple(part for part in rest if isinstance(part, str))[::2]
                if name == OVERDUE:
                    assert dimensions == ("environment", "register")
                    continue
                assert name in _GATEWAY_METRICS | METRICS.keys()
                assert dimensions in {("environment",), ("environment", "department")}
                assert name in METRICS or dimensions == ("environment",)


def test_the_governance_dashboard_shows_what_inspection_found_and_stopped() -> None:
    """Every kind of finding is one count (G.2, L2.3)."""
    widgets = dashboard_body("governance", _ARGS)["widgets"]
    drawn = {series[1] for one in widgets for series in one["properties"].get("metrics", [])}
    assert {"Findings", "Blocked"} <= drawn


def test_the_pages_draw_what_is_defined_and_hide_small_groups(tmp_path: Path) -> None:
    rows = [row(number, department="marketing", principal=f"m{number}") for number in range(7)]
    rows += [row(100 + number, department="finance", principal=f"f{number % 6}") for number in range(30)]
    rows += [row(900, department="legal", principal="l1"), row(901, department="people", principal="p1")]
    write_rows(tmp_path, "2026-11-10", rows)
    arguments = [
        "dashboards",
        "--records",
        str(tmp_path),
        "--output",
        str(tmp_path / "out"),
        "--until",
        "2026-11-20",
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    names = {path.stem for path in (tmp_path / "out").glob("*.html")}
    assert names == set(AUDIENCES)
    page = (tmp_path / "out" / "department.html").read_text()
    assert "Answers from approved prompts" in page
    executive = (tmp_path / "out" / "executive.html").read_text()
    assert "Spent (USD)" in executive
    assert "icro-USD" not in executive
    assert "made-up" not in page
    operations = (tmp_path / "out" / "operations.html").read_text()
    assert "measured by AWS" in operations


def test_pages_of_a_demonstration_say_so(tmp_path: Path) -> None:
    write_rows(tmp_path, "2026-11-10", [row(number, details={"synthetic": True}) for number in range(9)])
    arguments = [
        "dashboards",
        "--records",
        str(tmp_path),
        "--output",
        str(tmp_path / "out"),
        "--until",
        "2026-11-20",
    ]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert "made-up use" in (tmp_path / "out" / "executive.html").read_text()
