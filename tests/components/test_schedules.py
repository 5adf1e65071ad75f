"""An alarm on missed runs goes off after three of them, and not between two runs of a sound schedule."""

import pytest

from components.api.scheduled import silence
from components.schedules import longest_gap_minutes
from tests.support.stages import SIZES, STAGES, plan_of

# Counted by hand.
GAPS = {
    "rate(1 minute)": 1,
    "rate(5 minutes)": 5,
    "rate(2 hours)": 120,
    "rate(1 day)": 1440,
    "cron(10 * * * ? *)": 60,
    "cron(0/15 * * * ? *)": 15,
    "cron(30 5 * * ? *)": 1440,
    "cron(0 8,20 * * ? *)": 720,
    "cron(0 8-18 * * ? *)": 14 * 60,
    "cron(0 6 ? * MON-FRI *)": 3 * 1440,  # from Friday to Monday
    "cron(0 6 ? * 1 *)": 7 * 1440,
}


@pytest.mark.parametrize(("expression", "gap"), GAPS.items())
def test_the_longest_gap_between_two_runs(expression: str, gap: int) -> None:
    assert longest_gap_minutes(expression) == gap


@pytest.mark.parametrize(
    "expression",
    ["", "every day", "rate(x minutes)", "cron(0 0 1 * ? *)", "cron(0 25 * * ? *)", "cron(0 6 ? * MON *)"],
)
def test_a_schedule_that_no_alarm_can_watch_is_refused_by_name(expression: str) -> None:
    with pytest.raises(Exception, match="expression"):
        silence("ScheduledFunction x", expression)


@pytest.mark.parametrize("size", SIZES)
def test_no_alarm_of_a_plan_goes_off_between_two_runs_and_each_can_be_made(size: str) -> None:
    seen = 0
    for stage in STAGES:
        plan = plan_of(stage, size)
        rules = {
            one.inputs["name"]: one.inputs["scheduleExpression"]
            for one in plan
            if one.type == "aws:cloudwatch/eventRule:EventRule" and "scheduleExpression" in one.inputs
        }
        alarms = {
            one.inputs["name"]: one.inputs
            for one in plan
            if one.type == "aws:cloudwatch/metricAlarm:MetricAlarm"
        }
        for name, expression in rules.items():
            alarm = alarms[f"{name}-silent"]
            period, count = alarm["period"], alarm["evaluationPeriods"]
            assert period * count >= 3 * 60 * longest_gap_minutes(expression)
            assert period % 60 == 0
            assert period * count <= (86_400 if period < 3600 else 604_800), "what CloudWatch looks back over"
            seen += 1
    assert seen >= 4
