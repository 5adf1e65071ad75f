"""Charts as inline SVG drawn by Vega-Lite, each followed by its values as a table for readers who cannot
see it.

Series differ in labels, dashes and marks as well as in colour; bar axes start at zero.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

from kit.measurement import pages

COLOURS = ("#1f6f8b", "#c1572b", "#4f7d3a", "#7a4f9a", "#8a6a00", "#3a5fb0", "#8b3a55", "#5b6775")
_DASHES = ([1, 0], [6, 3], [2, 3], [8, 3, 2, 3])
_INK, _SOFT, _LINE = "#1b2430", "#4d5966", "#d9dee4"
_FONT = "system-ui, Segoe UI, DejaVu Sans, sans-serif"
_CONFIG: Mapping[str, Any] = {
    "font": _FONT,
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": _SOFT, "titleColor": _SOFT, "gridColor": _LINE, "domainColor": _LINE,
        "tickColor": _LINE, "labelFontSize": 12, "labelLimit": 220,
    },
    "legend": {"labelColor": _INK, "labelFontSize": 12, "labelLimit": 260, "title": None, "orient": "bottom"},
}  # fmt: skip
_ROW = 30


def lines(
    series: Mapping[str, Sequence[float | None]],
    labels: Sequence[str],
    *,
    title: str,
    width: int = 720,
    stacked: bool = False,
) -> str:
    """Draw lines over shared labels, or stacked areas. None is a value that is not disclosed: a gap in a
    line; areas use only disclosed values.
    """
    values = [
        {"at": label, "value": value, "series": name}
        for name, row in series.items()
        for label, value in zip(labels, row, strict=True)
        if not (stacked and value is None)
    ]
    names = list(series)
    whole = all(value is None or float(value).is_integer() for row in series.values() for value in row)
    every = max(1, -(-len(labels) // 8))
    encoding: dict[str, Any] = {
        "x": {
            "field": "at", "type": "ordinal", "sort": None, "title": None, "scale": {"domain": list(labels)},
            "axis": {"labelAngle": 0, "values": list(labels[::every])},
        },
        "y": {
            "field": "value", "type": "quantitative", "title": None, "scale": {"zero": True},
            "axis": {"tickCount": 5, **({"tickMinStep": 1, "format": "~s"} if whole else {"format": "~g"})},
        },
        "color": {
            "field": "series", "type": "nominal", "sort": names,
            "scale": {"domain": names, "range": [COLOURS[at % len(COLOURS)] for at in range(len(names))]},
            "legend": {"columns": 4} if len(names) > 1 else None,
        },
    }  # fmt: skip
    if not stacked:
        dashes = [list(_DASHES[at // 2 % len(_DASHES)]) for at in range(len(names))]
        encoding["strokeDash"] = {
            "field": "series", "type": "nominal", "sort": names, "legend": None,
            "scale": {"domain": names, "range": dashes},
        }  # fmt: skip
    mark: dict[str, Any] = (
        {"type": "area", "line": False, "stroke": "#fff", "strokeWidth": 0.6}
        if stacked
        else {"type": "line", "strokeWidth": 2, "point": {"size": 26}, "invalid": "break-paths-show-domains"}
    )
    spec = {
        "width": width - 60,
        "height": 200,
        "data": {"values": values},
        "mark": mark,
        "encoding": encoding,
    }
    head = ("", *series)
    rows = [
        (escape(label), *(_number(series[name][at]) for name in series)) for at, label in enumerate(labels)
    ]
    return _figure(spec, title, head, rows)


def bars(rows: Sequence[tuple[str, float, str]], *, title: str, width: int = 720) -> str:
    """Draw horizontal bars: name, value, and the text next to the bar."""
    values = [{"name": name, "value": max(0.0, value), "text": text} for name, value, text in rows]
    y = {"field": "name", "type": "nominal", "sort": None, "title": None}
    x = {"field": "value", "type": "quantitative", "title": None, "axis": None}
    spec = {
        "width": width - 330, "height": {"step": _ROW}, "data": {"values": values}, "encoding": {"y": y},
        "layer": [
            {"mark": {"type": "bar", "color": COLOURS[0], "height": 16}, "encoding": {"x": x}},
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "color": _INK, "fontSize": 12},
                "encoding": {"x": x, "text": {"field": "text"}},
            },
        ],
    }  # fmt: skip
    return _figure(spec, title, ("", "value"), [(escape(name), escape(text)) for name, _, text in rows])


def ranges(rows: Sequence[tuple[str, float, float, float, str]], *, title: str, width: int = 720) -> str:
    """Draw ranges: name, low, central, high, and the text at the end."""
    values = [
        {"name": name, "low": low, "central": central, "high": high, "text": text}
        for name, low, central, high, text in rows
    ]
    y = {"field": "name", "type": "nominal", "sort": None, "title": None}
    axis = {"tickCount": 4, "format": "~s"}

    def x(name: str) -> dict[str, Any]:
        return {"field": name, "type": "quantitative", "title": None, "axis": axis, "scale": {"zero": True}}

    spec = {
        "width": width - 330, "height": {"step": _ROW}, "data": {"values": values}, "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "bar", "height": 12, "color": COLOURS[0], "opacity": 0.4, "cornerRadius": 3},
                "encoding": {"x": x("low"), "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "tick", "thickness": 3, "size": 20, "color": COLOURS[0]},
                "encoding": {"x": x("central")},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 8, "color": _INK, "fontSize": 12},
                "encoding": {"x": x("high"), "text": {"field": "text"}},
            },
        ],
    }  # fmt: skip
    head = ("", "low", "centre", "high")
    table = [
        (escape(name), _number(low), _number(central), _number(high)) for name, low, central, high, _ in rows
    ]
    return _figure(spec, title, head, table)


def _figure(spec: Mapping[str, Any], title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the drawing under its title, with its values in a collapsible table."""
    if not rows:
        return f"<figure><figcaption>{escape(title)}: nothing to draw.</figcaption></figure>"
    table = pages.table(head, rows, numbers=range(1, len(head)), caption=title)
    return (
        f'<figure role="group" tabindex="0" aria-label="{escape(title)}">'
        f"<figcaption>{escape(title)}</figcaption>"
        f"{_svg(spec)}<details><summary>Values</summary>{table}</details></figure>"
    )


def _svg(spec: Mapping[str, Any]) -> str:
    """Render the drawing. The table holds its content, so it is a single image to a screen reader."""
    import vl_convert  # expensive to import, and needed only for drawing

    drawn = vl_convert.vegalite_to_svg({**spec, "config": dict(_CONFIG)})
    found = _SIZE.search(drawn)
    size = f' viewBox="0 0 {found[1]} {found[2]}" style="max-width:{found[1]}px"' if found else ""
    inner = drawn[drawn.index(">") + 1 :]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" aria-hidden="true" focusable="false"{size}>{_plain(inner)}'
    )


_SIZE = re.compile(r'width="([\d.]+)" height="([\d.]+)"')


@cache
def _spoken() -> re.Pattern[str]:
    return re.compile(r' (?:aria-[a-z]+|role|pointer-events)="[^"]*"')


def _plain(svg: str) -> str:
    """Strip the accessibility markup, which the table replaces; it is half of the size."""
    return _spoken().sub("", svg)


def _number(value: float | None) -> str:
    if value is None:
        return "not shown"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
