"""Intervals of EventBridge schedules, needed by alarms on missed runs."""

from itertools import pairwise, product

_UNIT_MINUTES = {"minute": 1, "minutes": 1, "hour": 60, "hours": 60, "day": 1440, "days": 1440}
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WEEK_MINUTES = 7 * 1440


def longest_gap_minutes(expression: str) -> int:
    """Return the maximum number of minutes between two runs of a schedule that repeats weekly or more
    often.

    `rate(5 minutes)`, `cron(30 5 * * ? *)` (UTC, with EventBridge's fields: 1 is Sunday).

    Raises:
        ValueError: not a schedule, or one that skips days of the month, months or years.
    """
    kind, _, rest = expression.partition("(")
    fields = rest.removesuffix(")").split()
    if kind == "rate" and len(fields) == 2 and fields[0].isdecimal() and fields[1] in _UNIT_MINUTES:
        return int(fields[0]) * _UNIT_MINUTES[fields[1]]
    if kind != "cron" or len(fields) != 6:
        raise ValueError(f"{expression!r}: not a schedule")
    minutes, hours, day, month, weekday, year = fields
    if day not in {"*", "?"} or month != "*" or year != "*":
        raise ValueError(f"{expression!r}: does not repeat within a week")
    for number, name in enumerate(_WEEKDAYS, 1):
        weekday = weekday.replace(name, str(number))
    times = product(_values(weekday, 1, 7), _values(hours, 0, 23), _values(minutes, 0, 59))
    runs = sorted((on - 1) * 1440 + hour * 60 + minute for on, hour, minute in times)
    return max(later - earlier for earlier, later in pairwise([*runs, runs[0] + _WEEK_MINUTES]))


def _values(field: str, lowest: int, highest: int) -> list[int]:
    """Return the numbers that one field of a cron expression stands for."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span in {"*", "?"}:
            start, end = lowest, highest
        else:
            start, end = int(first), int(last) if last else highest if step else int(first)
        if not lowest <= start <= end <= highest:
            raise ValueError(f"{field!r}: not within {lowest}..{highest}")
        found.update(range(start, end + 1, int(step or 1)))
    return sorted(found)
