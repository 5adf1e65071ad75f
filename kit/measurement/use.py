"""Use of Claude over a period: aggregates by day, from the deployment or from a folder copy of its bucket."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from kit.errors import ExitCode, KitError
from kit.measurement.parquet import ParquetRows, WithParquet
from kit.measurement.period import Period
from lambdas.measurement.aggregates import Aggregate, Aggregator, DepartmentAggregate, merged
from lambdas.measurement.handler import aggregate_day
from lambdas.measurement.privacy import Released, released, shown_by_day
from lambdas.measurement.queries import PARQUET_PREFIX
from lambdas.measurement.seen import Seen
from lambdas.measurement.source import PREFIX, BucketSource, FolderSource, Source, events

if TYPE_CHECKING:
    from kit.target import Target

Progress = Callable[[int, int], None]  # days done, days in all
_LATER = 31  # days in which feedback comes, batches are collected and the sweeper ends what broke off


@dataclass(frozen=True)
class Use:
    """What happened in a period, until `today`. Days without use are not in `days`; a day is in it by the
    date that it is booked on. `first_use`: the first day of each department with a call, in all time;
    `trained_before`: digests of who was trained before the period.
    """

    period: Period
    days: Mapping[str, Aggregate]
    today: date
    first_use: Mapping[str, str] = field(default_factory=dict)
    trained_before: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def last_whole(self) -> date:
        """The last day of the period that is over; the day before it where none is."""
        return min(self.period.last, self.today - timedelta(days=1))

    @cached_property
    def whole(self) -> Aggregate:
        """All days together, exact: for sums that are compared, never for what is shown of a group."""
        return merged(self.days.values())

    @cached_property
    def shown(self) -> dict[str, dict[str, DepartmentAggregate]]:
        """What may be shown of each day, by department."""
        over = ((day, one) for day, one in sorted(self.days.items()) if day <= self.last_whole.isoformat())
        return dict(shown_by_day(over))

    @cached_property
    def months(self) -> dict[str, Released]:
        """What may be disclosed of each month that has use. The period must begin with a month."""
        over = ((day, one) for day, one in sorted(self.days.items()) if day <= self.last_whole.isoformat())
        return released(over, self.last_whole)

    @cached_property
    def disclosed(self) -> Aggregate:
        """What may be disclosed of each department: its months together."""
        return merged(Aggregate(dict(one.departments)) for one in self.months.values())

    @cached_property
    def rest(self) -> DepartmentAggregate:
        """What may be disclosed of all departments together and of none alone."""
        whole = DepartmentAggregate()
        for one in self.months.values():
            whole.add(one.rest or DepartmentAggregate())
        return whole

    @cached_property
    def total(self) -> DepartmentAggregate:
        """What may be disclosed of the organisation: the sum of all that is disclosed."""
        whole = DepartmentAggregate()
        for one in (*self.disclosed.departments.values(), self.rest):
            whole.add(one)
        return whole

    @cached_property
    def weeks(self) -> dict[str, Aggregate]:
        """By the Monday of each week that has a day in the period."""
        found: dict[str, Aggregate] = {}
        for day in self.period.days():
            at = date.fromisoformat(day)
            week = (at - timedelta(days=at.weekday())).isoformat()
            found.setdefault(week, Aggregate()).add(self.days.get(day, Aggregate()))
        return found

    def whole_week(self, week: str) -> bool:
        """Whether all seven days of a week lie in the period and are over."""
        first = date.fromisoformat(week)
        return self.period.first <= first and first + timedelta(days=6) <= self.last_whole

    @property
    def synthetic(self) -> bool:
        """Whether any of it was made up by `kit demo`."""
        return self.whole.total().counts["synthetic"] > 0

    @cached_property
    def cohorts(self) -> dict[str, list[int]]:
        """By the week of people's first call in the period: how many of them called in it and each whole week
        after.
        """
        weeks = [week for week in self.weeks if self.whole_week(week)]
        active = [set(self.weeks[week].total().people) for week in weeks]
        found: dict[str, list[int]] = {}
        known: set[str] = set()
        for number, week in enumerate(weeks):
            new = active[number] - known
            known |= new
            if new:
                found[week] = [len(new & later) for later in active[number:]]
        return found


def read_days(
    source: Source, deployment: str, period: Period, today: date, progress: Progress | None = None
) -> Use:
    """Aggregates of a period by day, for dashboards. Days that are over for long come from the hourly
    function's aggregates where there are some; all others are computed from the rows.
    """
    passed = period.until(today)
    filed = set(source.days())
    days: dict[str, Aggregate] = {}
    for number, day in enumerate(passed.days()):
        following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
        settled = date.fromisoformat(day) < today - timedelta(days=2)
        text = source.aggregate(day) if settled else None
        if text is not None:
            days[day] = Aggregate.from_json(text)
        elif filed & {day, following}:
            aggregate, count = aggregate_day(source, day, deployment)
            if count:
                days[day] = aggregate
        if progress is not None:
            progress(number + 1, passed.length)
    return Use(passed, days, today)


def read_whole(
    source: Source, deployment: str, period: Period, today: date, progress: Progress | None = None
) -> Use:
    """A period from its rows in one pass, for whatever is reported: feedback is joined to its answer, a call
    has one end, and what came within a month after the period is read as well.
    """
    passed = period.until(today)
    until = min(today, period.last + timedelta(days=_LATER)).isoformat()
    filed = [day for day in source.days() if passed.first.isoformat() <= day <= until]
    with Seen() as seen:
        aggregator = Aggregator(deployment, seen, whole=True)
        for number, day in enumerate(filed):
            aggregator.count(events(source, day))
            if progress is not None:
                progress(number + 1, len(filed))
        found = aggregator.finish()
    first, last = passed.first.isoformat(), passed.last.isoformat()
    days = {day: one for day, one in sorted(found.items()) if first <= day <= last}
    first_use, trained = _history(source, deployment, days, first)
    return Use(passed, days, today, first_use, trained)


def _history(
    source: Source, deployment: str, days: Mapping[str, Aggregate], first: str
) -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    """The first day with a call of each department, and who was trained before the period."""
    first_use: dict[str, str] = {}
    trained: dict[str, frozenset[str]] = {}
    for day, aggregate in chain(_earlier(source, deployment, first), days.items()):
        for name, one in aggregate.departments.items():
            if one.total.counts["calls"]:
                first_use.setdefault(name, day)
            if one.trained and day < first:
                trained[name] = trained.get(name, frozenset()) | one.trained
    return first_use, trained


def _earlier(source: Source, deployment: str, first: str) -> Iterator[tuple[str, Aggregate]]:
    for day in source.days():
        if day < first:
            text = source.aggregate(day)
            yield (
                day,
                Aggregate.from_json(text) if text is not None else aggregate_day(source, day, deployment)[0],
            )


def source_of(records: Path | None, target: "Target | None") -> Source:
    """Where to read. Raises KitError where there is no such folder."""
    if records is not None:
        if not any((records / name).is_dir() for name in (PREFIX, PARQUET_PREFIX)):
            raise KitError(
                f"{records} holds no folder {PREFIX}/dt=… or {PARQUET_PREFIX}/dt=…",
                hint="copy them there: aws s3 sync s3://<analytics bucket> .",
                exit_code=ExitCode.USAGE,
            )
        return WithParquet(FolderSource(records), ParquetRows(records))
    if target is None:
        raise KitError("neither a deployment nor a folder was given", exit_code=ExitCode.USAGE)
    s3, bucket = target.client("s3"), target.require("analytics_bucket_name")
    return WithParquet(BucketSource(s3, bucket), ParquetRows(None, s3, bucket))
