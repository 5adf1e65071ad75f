"""Charts as inline SVG: lines over time, bars, ranges. Plain, labelled, readable in print."""

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10

COLOURS = ("#1f6f8b", "#c1572b", "#4f7d3a", "#7a4f9a", "#b08900", "#3a5fb0", "#8b3a55", "#5b6775")
_DASHES = ("", "6 3", "2 3", "8 3 2 3")
_TOPS = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)  # times a power of ten: the highest line of a chart
_FONT = 'font-family="system-ui, Segoe UI, DejaVu Sans, sans-serif"'


def lines(
    series: Mapping[str, Sequence[float | None]],
    labels: Sequence[str],
    *,
    title: str,
    width: int = 640,
    height: int = 220,
    stacked: bool = False,
) -> str:
    """Lines over the same labels, or areas upon each other. None is a value that is not shown."""
    shown = _stacked(series) if stacked else {name: list(values) for name, values in series.items()}
    top = _round_up(max((value for values in shown.values() for value in values if value), default=1.0))
    left, right, upper, lower = 52, 12, 12, 42 + 16 * ((len(shown) + 3) // 4)
    inner_width, inner_height = width - left - right, height - upper - 30
    whole = height + lower - 30

    def x(number: int) -> float:
        return left + inner_width * (number / max(1, len(labels) - 1))

    def y(value: float) -> float:
        return upper + inner_height * (1 - value / top)

    parts = [_opening(width, whole, title)]
    for step in range(5):
        value = top * step / 4
        parts.append(_rule(left, width - right, y(value)))
        parts.append(_word(left - 6, y(value) + 4, short(value), anchor="end"))
    every = max(1, -(-len(labels) // 7))
    ticks = range(0, len(labels), every)
    parts.extend(
        _word(x(number), height - 12, labels[number], anchor=_anchor(number, labels)) for number in ticks
    )
    order = list(shown.items())
    for number, (_, values) in enumerate(reversed(order) if stacked else order):
        place = len(order) - 1 - number if stacked else number
        colour = COLOURS[place % len(COLOURS)]
        if stacked:
            points = " ".join(f"{x(at):.1f},{y(value or 0):.1f}" for at, value in enumerate(values))
            floor = f"{x(len(values) - 1):.1f},{y(0):.1f} {x(0):.1f},{y(0):.1f}"
            parts.append(
                f'<polygon points="{points} {floor}" fill="{colour}" stroke="#fff" stroke-width="0.6"/>'
            )
            continue
        dash = _DASHES[place // len(COLOURS) % len(_DASHES)]
        for run in _runs(values):
            points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in run)
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"'
                f' stroke-dasharray="{dash}"/>'
            )
            parts.extend(
                f'<circle cx="{x(at):.1f}" cy="{y(value):.1f}" r="2.2" fill="{colour}"/>' for at, value in run
            )
    column = inner_width / 4
    for number, name in enumerate(shown):
        at_x, at_y = left + column * (number % 4), height + 8 + 16 * (number // 4)
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<rect x="{at_x:.1f}" y="{at_y - 9:.1f}" width="10" height="10" fill="{colour}"/>')
        parts.append(_word(at_x + 15, at_y, name))
    return "".join([*parts, "</svg>"])


def bars(rows: Sequence[tuple[str, float, str]], *, title: str, width: int = 640) -> str:
    """Horizontal bars: name, value, and the text beside the bar."""
    top = max((value for _, value, _ in rows), default=0) or 1
    left, step = 170, 24
    parts = [_opening(width, 8 + step * len(rows), title)]
    for number, (name, value, text) in enumerate(rows):
        y = 4 + step * number
        length = (width - left - 130) * max(0.0, value) / top
        parts.append(_word(left - 8, y + 14, name, anchor="end"))
        parts.append(
            f'<rect x="{left}" y="{y + 2}" width="{max(1.0, length):.1f}" height="16" fill="{COLOURS[0]}"/>'
        )
        parts.append(_word(left + max(1.0, length) + 6, y + 14, text))
    return "".join([*parts, "</svg>"])


def ranges(rows: Sequence[tuple[str, float, float, float, str]], *, title: str, width: int = 640) -> str:
    """Ranges: name, low, central, high, and the text at the end."""
    top = max((high for *_, high, _ in rows), default=0) or 1
    left, step = 120, 28
    parts = [_opening(width, 12 + step * len(rows), title)]

    def x(value: float) -> float:
        return left + (width - left - 170) * max(0.0, value) / top

    for number, (name, low, central, high, text) in enumerate(rows):
        y = 6 + step * number
        parts.append(_word(left - 8, y + 14, name, anchor="end"))
        parts.append(
            f'<rect x="{x(low):.1f}" y="{y + 5}" width="{max(1.5, x(high) - x(low)):.1f}" height="10" rx="3"'
            f' fill="{COLOURS[0]}" fill-opacity="0.35"/>'
        )
        parts.append(
            f'<rect x="{x(central) - 1.5:.1f}" y="{y + 1}" width="3" height="18" fill="{COLOURS[0]}"/>'
        )
        parts.append(_word(x(high) + 8, y + 14, text))
    return "".join([*parts, "</svg>"])


def short(value: float) -> str:
    """A number as a label: 1200 is 1.2k."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def _stacked(series: Mapping[str, Sequence[float | None]]) -> dict[str, list[float | None]]:
    sums: list[float] = []
    found: dict[str, list[float | None]] = {}
    for name, values in series.items():
        sums = [
            before + (value or 0) for before, value in zip(sums or [0.0] * len(values), values, strict=True)
        ]
        found[name] = list(sums)
    return found


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Stretches without a gap."""
    runs: list[list[tuple[int, float]]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((at, value))
    return [run for run in runs if run]


def _round_up(value: float) -> float:
    """The next number that four steps divide into round ones."""
    power = 10.0 ** floor(log10(value))
    return next(factor * power for factor in _TOPS if value <= factor * power)


def _anchor(number: int, labels: Sequence[str]) -> str:
    """The last label ends where the chart does."""
    return "end" if number == len(labels) - 1 and number else "middle"


def _opening(width: int, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" width="{width}"'
        f' height="{height:.0f}" viewBox="0 0 {width} {height:.0f}"><title>{escape(title)}</title>'
    )


def _rule(left: float, right: float, y: float) -> str:
    return f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d9dee4" stroke-width="1"/>'


def _word(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" fill="#3b4654" {_FONT}>'
        f"{escape(text)}</text>"
    )
