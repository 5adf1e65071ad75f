"""`kit review` says when an alarm rings later, and what a dashboard no longer shows (O.3, L5.1)."""

import json
from typing import Any

import pytest

from kit.plan.difference import Change
from kit.plan_review.finding import Finding
from kit.plan_review.governance import judge

ABOVE: dict[str, Any] = {
    "namespace": "Kit", "metricName": "Errors", "comparisonOperator": "GreaterThanThreshold", "threshold": 0,
    "evaluationPeriods": 1, "period": 300, "treatMissingData": "notBreaching",
}  # fmt: skip
BELOW = {
    **ABOVE, "comparisonOperator": "LessThanThreshold", "threshold": 5, "treatMissingData": "breaching",
}  # fmt: skip
LATER, DEAF, OTHER = (
    ("alarm-deafened", "warning"),
    ("alarm-deafened", "critical"),
    ("alarm-watches-other", "warning"),
)


def found(kind: str, before: dict[str, Any], after: dict[str, Any]) -> list[Finding]:
    change = Change(
        "urn", f"aws:cloudwatch/{kind}", "it", "update", old={"inputs": before}, new={"inputs": after}
    )
    return list(judge([change])(change))


@pytest.mark.parametrize(
    ("alarm", "name", "value", "expected"),
    [
        (ABOVE, "threshold", 100, [LATER]),
        (BELOW, "threshold", 1, [LATER]),
        (ABOVE, "evaluationPeriods", 12, [LATER]),
        (ABOVE, "period", 3600, [LATER]),
        (BELOW, "treatMissingData", "ignore", [DEAF]),
        (BELOW, "treatMissingData", None, [DEAF]),
        (ABOVE, "metricName", "Successes", [OTHER]),
        (ABOVE, "comparisonOperator", "LessThanThreshold", [OTHER]),
        (ABOVE, "metricQueries", [{"expression": "0"}], [OTHER]),
        (BELOW, "threshold", 50, []),
        (BELOW, "period", 60, []),
        (ABOVE, "treatMissingData", "breaching", []),
        (ABOVE, "alarmDescription", "better words", []),
    ],
)
def test_an_alarm_that_rings_later_or_for_something_else_is_found(alarm, name, value, expected) -> None:
    after = {key: one for key, one in {**alarm, name: value}.items() if one is not None}
    said = found("metricAlarm:MetricAlarm", alarm, after)
    assert [(one.rule, one.severity) for one in said] == expected


def test_what_a_dashboard_no_longer_shows_is_named() -> None:
    def body(*titles: str) -> dict[str, Any]:
        return {"dashboardBody": json.dumps({"widgets": [{"properties": {"title": one}} for one in titles]})}

    (one,) = found("dashboard:Dashboard", body("Cost", "Errors"), body("Cost", "Speed"))
    assert (one.rule, one.message) == ("dashboard-shows-less", "the dashboard no longer shows Errors")
    assert found("dashboard:Dashboard", body("Cost"), body("Cost", "Errors")) == []
    assert found("dashboard:Dashboard", {"dashboardBody": "${later}"}, body("Cost")) == []
