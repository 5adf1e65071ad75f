"""Dashboards for each audience as code; `kit dashboards` renders the same definitions locally (L5.6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch

from components.base import KitComponent, Names, refuse
from components.permissions import canonical_json
from lambdas.common.registers import REGISTERS

AUDIENCES = ("executive", "department", "operations", "governance")
NAMESPACE = "ClaudeEnterpriseKit"  # of lambdas/gateway/access_log.py and lambdas/measurement/handler.py
OVERDUE = "OverdueEntries"  # of lambdas/workflow/overdue.py
_DAY = 24 * 3600
_USD = {"CostMicroUSD", "SpentMicroUSD"}  # recorded in micro-dollars, displayed in dollars with metric math
_COLUMNS = 24
_HEIGHT = 6
Body = Mapping[str, Any]


@dataclass(frozen=True)
class DashboardsArgs:
    """`departments` and `audiences` as configured; `alarms` are alarm names without the deployment's
    prefix.
    """

    names: Names
    departments: Sequence[str]
    audiences: Sequence[str]
    alarms: Sequence[str] = ("api-impaired", "api-errors", "api-overhead", "api-throttled", "api-spending")


class Dashboards(KitComponent):
    """One CloudWatch dashboard for each audience (L5.6).

    Creates: a dashboard by audience, named after the deployment and its region, because dashboards are not
    regional.
    Default posture: metrics of the organisation, of departments, models and providers; none of a person,
    and none of a department whose group is too small to be shown.
    Replaced when changed: client, environment, region.
    """

    def __init__(self, name: str, args: DashboardsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        unknown = sorted(set(args.audiences) - set(AUDIENCES))
        refuse(f"Dashboards {name}", [(not unknown, f"audiences: {unknown} are not known")])
        super().__init__(name, opts)
        self.dashboards = {
            audience: cloudwatch.Dashboard(
                f"{name}-{audience}",
                dashboard_name=args.names.of(f"{audience}-{args.names.region}"),
                dashboard_body=canonical_json(dashboard_body(audience, args)),
                opts=self.child(),
            )
            for audience in args.audiences
        }
        self.register_outputs({"names": sorted(args.audiences)})


def dashboard_body(audience: str, args: DashboardsArgs) -> Body:
    """Return the body of one audience's dashboard in CloudWatch's format."""
    make = _Maker(args)
    widgets = {
        "executive": make.executive,
        "department": make.department,
        "operations": make.operations,
        "governance": make.governance,
    }[audience]()
    return {"start": "-P84D", "periodOverride": "inherit", "widgets": _placed(widgets)}


def _placed(rows: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Place widgets row by row on the grid of 24 columns; the widgets of a row share its width."""
    placed, y = [], 0
    for row in rows:
        width = _COLUMNS // len(row)
        height = max(widget.pop("height", _HEIGHT) for widget in row)
        for number, widget in enumerate(row):
            placed.append({**widget, "x": number * width, "y": y, "width": width, "height": height})
        y += height
    return placed


class _Maker:
    def __init__(self, args: DashboardsArgs) -> None:
        self._args = args
        self._environment = ("environment", args.names.environment)

    def executive(self) -> list[list[dict[str, Any]]]:
        return [
            [
                _text(
                    "# Claude in the organisation\nPeople, value and cost, by day. "
                    "Minutes saved are what people said in feedback; the report says what follows from them."
                )
            ],
            [
                self._number("Active people, last day shown", ["ActivePeople"]),
                self._number("Minutes saved (stated), last day shown", ["MinutesSaved"]),
                self._number("Calls, last day shown", ["Calls"]),
                self._number("Spent (USD), last day shown", ["SpentMicroUSD"]),
            ],
            [
                self._by_department("Active people", "ActivePeople"),
                self._by_department("Minutes saved (stated)", "MinutesSaved"),
            ],
            [self._by_department("Spent (USD)", "SpentMicroUSD", stacked=True)],
        ]

    def department(self) -> list[list[dict[str, Any]]]:
        titles = {
            "Calls": "Calls",
            "ActivePeople": "Active people",
            "MinutesSaved": "Minutes saved (stated)",
            "Useful": "Useful answers",
            "Registered": "Answers from approved prompts",
            "Reworked": "Answers used after a change",
            "SpentMicroUSD": "Spent (USD)",
            "Refused": "Requests blocked by inspection",
        }
        widgets = [self._by_department(title, metric) for metric, title in titles.items()]
        pairs = [list(pair) for pair in zip(widgets[::2], widgets[1::2], strict=True)]
        privacy = "Days of fewer than five people are shown with the next ones; people in steps of five."
        return [[_text(f"# Departments\n{privacy}")], *pairs]

    def operations(self) -> list[list[dict[str, Any]]]:
        names = self._args.names
        api, gateway = names.of("api"), names.of("gateway")
        return [
            [
                _text("# Operations\nWhat callers see of the gateway, and what it uses."),
                self._alarms(),
            ],
            [
                self._gateway("Requests, errors, refusals", ["Requests", "Errors", "Refusals"], "Sum"),
                self._gateway("Latency, median and p99 (ms)", ["Latency"], "p50", "p99"),
            ],
            [
                self._gateway("Tokens", ["InputTokens", "OutputTokens"], "Sum"),
                self._gateway("Cost (USD)", ["CostMicroUSD"], "Sum"),
            ],
            [
                self._aws("API: 4xx and 5xx", "AWS/ApiGateway", ["4XXError", "5XXError"], ("ApiName", api)),
                self._aws(
                    "Gateway: errors and throttles",
                    "AWS/Lambda",
                    ["Errors", "Throttles"],
                    ("FunctionName", gateway),
                ),
            ],
        ]

    def governance(self) -> list[list[dict[str, Any]]]:
        return [
            [
                _text(
                    "# Governance\nWhat was blocked, what was reviewed, what was made from approved prompts."
                )
            ],
            [
                self._total("Requests blocked by inspection", ["Refused"]),
                self._total("Reviews needed and made", ["ReviewsNeeded", "Reviewed"]),
                self._overdue(),
            ],
            [
                self._total(
                    "Answers, of approved prompts, validated", ["Completed", "Registered", "Validated"]
                ),
                self._total("Reworked and rejected", ["Reworked", "Rejected"]),
            ],
            [
                self._by_department("Requests blocked, by department", "Refused", stacked=True),
                self._gateway("Kinds of findings in requests, and blocks", ["Findings", "Blocked"], "Sum"),
                self._gateway(
                    "Tools that answers called, and what nobody lists", ["ToolCalls", "Unlisted"], "Sum"
                ),
            ],
        ]

    # -- widgets -----------------------------------------------------------------------------------------

    def _number(self, title: str, metrics: Sequence[str]) -> dict[str, Any]:
        series = [[NAMESPACE, metric, *self._environment, {"label": title}] for metric in metrics]
        return self._metric(title, series, view="singleValue", stat="Maximum", height=4)

    def _total(self, title: str, metrics: Sequence[str]) -> dict[str, Any]:
        series = [[NAMESPACE, metric, *self._environment, {"label": _label(metric)}] for metric in metrics]
        return self._metric(title, series, stat="Maximum")

    def _overdue(self) -> dict[str, Any]:
        series = [
            [NAMESPACE, OVERDUE, *self._environment, "register", name, {"label": name}] for name in REGISTERS
        ]
        return self._metric("Overdue entries of the registers", series, view="singleValue", stat="Maximum")

    def _by_department(self, title: str, metric: str, *, stacked: bool = False) -> dict[str, Any]:
        series = [
            [NAMESPACE, metric, *self._environment, "department", name, {"label": name}]
            for name in self._args.departments
        ]
        return self._metric(title, series, stat="Maximum", stacked=stacked)

    def _gateway(self, title: str, metrics: Sequence[str], *stats: str) -> dict[str, Any]:
        series = [
            [
                NAMESPACE,
                metric,
                *self._environment,
                {"label": _label(metric) if len(stats) == 1 else stat, "stat": stat},
            ]
            for metric in metrics
            for stat in stats
        ]
        return self._metric(title, series, stat=stats[0])

    def _aws(self, title: str, namespace: str, metrics: Sequence[str], of: tuple[str, str]) -> dict[str, Any]:
        series = [[namespace, metric, *of, {"label": metric}] for metric in metrics]
        return self._metric(title, series, stat="Sum")

    def _metric(
        self,
        title: str,
        series: list[list[Any]],
        *,
        stat: str,
        view: str = "timeSeries",
        stacked: bool = False,
        height: int = _HEIGHT,
    ) -> dict[str, Any]:
        properties = {
            "title": title,
            "region": self._args.names.region,
            "view": view,
            "stat": stat,
            "period": _DAY,
            "metrics": _shown(series),
        }
        if view == "timeSeries":
            properties["stacked"] = stacked
            if any(one[1] in _USD for one in series):
                properties["yAxis"] = {"left": {"label": "USD", "min": 0, "showUnits": False}}
        return {"type": "metric", "height": height, "properties": properties}

    def _alarms(self) -> dict[str, Any]:
        names = self._args.names
        arns = [names.arn("cloudwatch", f"alarm:{names.of(alarm)}") for alarm in self._args.alarms]
        return {"type": "alarm", "height": 3, "properties": {"title": "Alarms", "alarms": arns}}


def _shown(series: Sequence[list[Any]]) -> list[list[Any]]:
    """Return the series as displayed: amounts hidden, followed by their conversion to dollars."""
    drawn, dollars = [], []
    for number, one in enumerate(series, 1):
        *names, options = one
        if names[1] not in _USD:
            drawn.append(one)
            continue
        drawn.append([*names, {**options, "id": f"m{number}", "visible": False}])
        expression = f"m{number} / 1000000"
        dollars.append([{"expression": expression, "id": f"usd{number}", "label": options["label"]}])
    return [*drawn, *dollars]


# Labels of metrics whose names are not self-explanatory.
_LABELS = {
    "Completed": "answers",
    "CostMicroUSD": "USD",
    "InputTokens": "in prompts",
    "OutputTokens": "in answers",
    "Refused": "blocked",
    "Registered": "from approved prompts",
    "Reviewed": "made",
    "ReviewsNeeded": "needed",
}


def _label(metric: str) -> str:
    return _LABELS.get(metric, metric.lower())


def _text(markdown: str) -> dict[str, Any]:
    return {"type": "text", "height": 3, "properties": {"markdown": markdown}}
