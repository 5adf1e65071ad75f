"""Every breach is counted, by department and rule, and says nothing of who it was (G.2, L2.3)."""

import asyncio
import json
from typing import Any

import pytest

from lambdas.common.identities import Principal
from lambdas.common.policy import Department
from lambdas.gateway.access_log import AccessLog
from lambdas.gateway.inspection import Declaration, InspectionStep
from lambdas.gateway.json_body import parse_object
from lambdas.inspection import InspectionConfig, Inspector
from tests.support.stages import plan_of

from .test_second_stage import MARKETING

CALLER = Principal("person", "u-4711", "marketing", "USER#u-4711", "people")


def counted(text: str, department: Department = MARKETING) -> list[dict[str, Any]]:
    """The lines that a request leaves in the log."""
    lines: list[str] = []
    step = InspectionStep(
        Inspector(InspectionConfig(hash_key=b"k" * 32)), count=AccessLog("test", lines.append).finding
    )
    body = parse_object(json.dumps({"messages": [{"role": "user", "content": text}]}).encode())
    asyncio.run(step.verdict(body, department, CALLER, Declaration()))
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Write a haiku about rivers.", []),
        ("His SSN is 536-22-8723.", ["class-restricted"]),
        ("Which of my employees should I fire?", ["personnel-decision"]),
    ],
)
def test_each_kind_of_finding_is_one_count_of_the_department(text: str, kinds: list[str]) -> None:
    lines = counted(text)
    assert [(one["department"], one["kind"], one["Blocked"]) for one in lines] == [
        ("marketing", kind, 1) for kind in kinds
    ]


def test_a_metric_has_no_dimension_of_a_person_or_small_group_and_its_line_no_value() -> None:
    (line,) = counted("His SSN is 536-22-8723.")
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert {name for names in directive["Dimensions"] for name in names} == {"environment", "kind"}
    assert "u-4711" not in json.dumps(line)
    assert "536" not in json.dumps({**line, "_aws": None})


def test_many_stopped_requests_are_an_alarm() -> None:
    alarms = plan_of("integration").of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    (alarm,) = [one for one in alarms if one.inputs.get("metricName") == "Blocked"]
    assert alarm.inputs["dimensions"] == {"environment": "production"}
    assert alarm.inputs["alarmActions"]
