"""What a change means for who watches: alarms that ring later, dashboards that show less (O.3, L5.1)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kit.plan.difference import Change
from kit.plan_review.finding import Finding

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
_MEASURED = ("namespace", "metricName", "dimensions", "statistic", "extendedStatistic", "metricQueries")


def watching(change: Change) -> Iterator[Finding]:
    """The findings about one alarm or dashboard."""
    if change.old is None or change.new is None:
        return
    before, after = change.old["inputs"], change.new["inputs"]
    if change.type == ALARM:
        yield from _alarm(change.urn, before, after)
    elif change.type == DASHBOARD:
        lost = sorted(_shown(before) - _shown(after))
        if lost:
            said = f"the dashboard no longer shows {', '.join(lost)}"
            yield Finding("dashboard-shows-less", "warning", change.urn, said, "dashboardBody")


def _alarm(urn: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    if before.get("treatMissingData") == "breaching" and after.get("treatMissingData") != "breaching":
        said = "the alarm no longer rings when nothing is measured"
        yield Finding("alarm-deafened", "critical", urn, said, "treatMissingData")
    watched = [name for name in (*_MEASURED, "comparisonOperator") if before.get(name) != after.get(name)]
    if watched:
        said = f"the alarm watches something else: {', '.join(watched)}"
        yield Finding("alarm-watches-other", "warning", urn, said, watched[0])
        return
    old, new = _number(before, "threshold"), _number(after, "threshold")
    rings_above = str(after.get("comparisonOperator", "")).startswith("GreaterThan")
    if old is not None and new is not None and (new > old if rings_above else new < old):
        yield Finding(
            "alarm-deafened", "warning", urn, f"the alarm rings at {new:g}, not {old:g}", "threshold"
        )
    if _seconds(after) > _seconds(before):
        said = f"the alarm rings after {_seconds(after):g} seconds, not {_seconds(before):g}"
        yield Finding("alarm-deafened", "warning", urn, said, "evaluationPeriods")


def _seconds(alarm: Mapping[str, Any]) -> float:
    """How long the metric is beyond the threshold before it rings."""
    periods = _number(alarm, "datapointsToAlarm") or _number(alarm, "evaluationPeriods") or 1
    return periods * (_number(alarm, "period") or 60)


def _number(inputs: Mapping[str, Any], name: str) -> float | None:
    value = inputs.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _shown(inputs: Mapping[str, Any]) -> set[str]:
    """The titles of a dashboard's widgets. A body that is known only after deployment shows none."""
    body = inputs.get("dashboardBody")
    try:
        parsed = json.loads(body) if isinstance(body, str) else body
    except ValueError:
        return set()
    widgets = parsed.get("widgets") if isinstance(parsed, Mapping) else None
    properties = [one.get("properties") or {} for one in widgets or () if isinstance(one, Mapping)]
    return {str(one.get("title") or one.get("markdown", ""))[:60] for one in properties} - {""}
