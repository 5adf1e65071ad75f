"""Draws the CloudWatch dashboards from local data: the same definitions, widget by widget (L5.6)."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

from kit.measurement import charts, pages
from kit.measurement.period import Period
from kit.measurement.use import Use
from lambdas.measurement.aggregates import Aggregate, Cell
from lambdas.measurement.handler import METRICS, metric

# Gateway metrics that the events also contain.
_GATEWAY = {
    "Requests": ("calls", "refused"),
    "Refusals": ("refused",),
    "InputTokens": ("input_tokens",),
    "OutputTokens": ("output_tokens",),
    "CostMicroUSD": ("cost_microusd",),
}
_AWS_ONLY = "measured by AWS; not part of the embedded default"


def dashboard_page(
    organization: str,
    audience: str,
    body: Mapping[str, Any],
    use: Use,
    others: Sequence[str],
    period: Period,
) -> str:
    """Return one dashboard as a page with links to the others. `period` selects the part of `use` to draw."""
    links = "".join(f'<a href="{name}.html">{escape(name)}</a>' for name in others)
    widgets = "".join(_widget(one, use, list(period.days())) for one in body["widgets"])
    intro = (
        f"<nav>{links}</nav><h1>{escape(organization)}: {escape(audience)}</h1>"
        f"<p class=soft>{period.first} to {period.last} (UTC), from the metadata of records. "
        "Days of fewer than five people are shown together with the next ones, people in steps of five.</p>"
    )
    html = f'{intro}<div class="grid">{widgets}</div>'
    return pages.page(f"Claude: {audience}", html, synthetic=use.synthetic, wide=True)


def _widget(widget: Mapping[str, Any], use: Use, days: list[str]) -> str:
    place = (
        f"grid-column: {widget['x'] + 1} / span {widget['width']}; "
        f"grid-row: {widget['y'] + 1} / span {widget['height']}"
    )
    properties = widget["properties"]
    match widget["type"]:
        case "text":
            inner = _markdown(properties["markdown"])
        case "alarm":
            names = "".join(f"<li>{escape(arn.rpartition(':')[2])}</li>" for arn in properties["alarms"])
            inner = f"<h3>{escape(properties['title'])}</h3><ul>{names}</ul><p class=soft>{_AWS_ONLY}</p>"
        case _:
            inner = (
                f"<h3>{escape(properties['title'])}</h3>{_metrics(properties, use, days, widget['width'])}"
            )
    return f'<div class="widget" style="{place}">{inner}</div>'


def _metrics(properties: Mapping[str, Any], use: Use, days: list[str], columns: int) -> str:
    found: dict[str, list[float | None]] = {}
    by_id: dict[str, list[float | None]] = {}
    dollars = False
    for *names, options in properties["metrics"]:
        if "expression" in options:
            of, divisor = options["expression"].split(" / ")
            dollars = True
            if of in by_id:
                found[options["label"]] = [None if one is None else one / int(divisor) for one in by_id[of]]
            continue
        namespace, name, *rest = names
        values = series(use, namespace, name, dict(zip(rest[::2], rest[1::2], strict=True)), days)
        if values is not None:
            by_id[options.get("id", "")] = values
            if options.get("visible", True):
                found[options["label"]] = values
    if not found:
        return f"<p class=soft>{_AWS_ONLY}</p>"
    if properties["view"] == "singleValue":
        return "".join(_tile(values, days, 2 if dollars else 0) for values in found.values())
    note = ""
    if len(days) > 21:
        people = any("ActivePeople" in one for one in properties["metrics"])
        found, days, partial = _by_week(found, days, people=people)
        what = "The highest day of each week" if people else "Sums of whole weeks"
        note = f"<p class=soft>{what}, by Monday{partial}.</p>"
    return note + charts.lines(
        found,
        [day[5:] for day in days],
        title=properties["title"],
        stacked=properties.get("stacked", False),
        width=1180 if columns > 12 else 620,
    )


def series(
    use: Use, namespace: str, name: str, dimensions: Mapping[str, str], days: Sequence[str]
) -> list[float | None] | None:
    """Return the daily values of a metric as the aggregation function reports them. None for a metric that
    the events do not contain, and for a day with too few people, which is shown with a later one.
    """
    if namespace != "ClaudeEnterpriseKit" or (name not in METRICS and name not in _GATEWAY):
        return None
    return [_value(use, day, name, dimensions.get("department")) for day in days]


def _value(use: Use, day: str, name: str, department: str | None) -> float | None:
    there, shown = use.days.get(day), use.shown.get(day, {})
    if there is None or (department is not None and department not in there.departments):
        return 0
    if department is None:
        return _figure(Aggregate(shown).total(), name) if shown else None
    return _figure(shown[department].total, name) if department in shown else None


def _figure(cell: Cell, name: str) -> int:
    return metric(cell, name) if name in METRICS else sum(cell.counts[count] for count in _GATEWAY[name])


def _tile(values: Sequence[float | None], days: Sequence[str], decimals: int) -> str:
    """Return the last disclosed day, even if it is zero, with its date."""
    disclosed = [(day, value) for day, value in zip(days, values, strict=True) if value is not None]
    if not disclosed:
        return "<b class=tile>not shown</b>"
    day, value = disclosed[-1]
    return f"<b class=tile>{value:,.{decimals}f}</b><p class=soft>on {day}</p>"


def _by_week(
    found: Mapping[str, Sequence[float | None]], days: Sequence[str], *, people: bool
) -> tuple[dict[str, list[float | None]], list[str], str]:
    """Aggregate to whole weeks from Monday: sums, or the highest day for numbers of people, since the same
    people return. Days of incomplete weeks are left out, and the note says so.
    """
    first = next((at for at, day in enumerate(days) if date.fromisoformat(day).weekday() == 0), 0)
    starts = list(range(first, len(days) - 6, 7))
    weeks = [days[start] for start in starts]
    of = _highest if people else _sum
    left = len(days) - (starts[-1] + 7 if starts else first)
    partial = f"; the week that is not over ({left} days) is not drawn" if left else ""
    return (
        {name: [of(values[at : at + 7]) for at in starts] for name, values in found.items()},
        weeks,
        partial,
    )


def _highest(values: Sequence[float | None]) -> float | None:
    """Days without use and days shown later are unknown, not zero."""
    known = [value for value in values if value is not None]
    return None if None in values and not any(known) else max(known, default=None)


def _sum(values: Sequence[float | None]) -> float | None:
    """A day disclosed with a later one is included in that day's figure."""
    disclosed = [value for value in values if value is not None]
    return None if None in values and not any(disclosed) else sum(disclosed)


def _markdown(text: str) -> str:
    """Render the subset of Markdown that our text widgets use."""
    parts = []
    for line in text.splitlines():
        heading = line.startswith("# ")
        parts.append(f"<h2>{escape(line[2:])}</h2>" if heading else f"<p>{escape(line)}</p>")
    return "".join(parts)
