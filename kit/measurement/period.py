"""Months and quarters in the notation that people use."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from kit.errors import ExitCode, KitError


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both inclusive, in UTC."""

    name: str
    first: date
    last: date

    @property
    def length(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    def days(self) -> Iterator[str]:
        """Yield each day as YYYY-MM-DD."""
        for offset in range(self.length):
            yield (self.first + timedelta(days=offset)).isoformat()

    def holds(self, moment: str) -> bool:
        """Whether a moment (ISO text with an offset) is in the period."""
        return self.first <= datetime.fromisoformat(moment).astimezone(UTC).date() <= self.last

    def months(self) -> list[str]:
        """Return each month that the period touches, as YYYY-MM."""
        return sorted({day[:7] for day in self.days()})

    def until(self, today: date) -> "Period":
        """Return the part that has passed, including today; at least the first day."""
        return Period(self.name, self.first, max(self.first, min(self.last, today)))


def month(text: str) -> Period:
    """Parse YYYY-MM. Raises KitError."""
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text):
        raise KitError(f'"{text}" is not a month', hint="write it as YYYY-MM", exit_code=ExitCode.USAGE)
    first = date.fromisoformat(f"{text}-01")
    return Period(text, first, _before_month_after(first))


def quarter(text: str) -> Period:
    """Parse YYYYQn. Raises KitError."""
    if not re.fullmatch(r"20\d\dQ[1-4]", text):
        raise KitError(f'"{text}" is not a quarter', hint="write it as 2026Q4", exit_code=ExitCode.USAGE)
    first = date(int(text[:4]), 3 * int(text[5]) - 2, 1)
    last = _before_month_after(_before_month_after(_before_month_after(first) + _DAY) + _DAY)
    return Period(text, first, last)


def before(one: Period) -> Period:
    """Return the quarter before."""
    return quarter_of(one.first - _DAY)


def quarter_of(day: date) -> Period:
    """Return the quarter that contains a day."""
    return quarter(f"{day.year}Q{(day.month + 2) // 3}")


_DAY = timedelta(days=1)


def _before_month_after(first: date) -> date:
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1) - _DAY
