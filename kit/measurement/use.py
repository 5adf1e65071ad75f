"""Use of Claude over a period: aggregates by day, from the deployment or from a folder copy of its bucket."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kit.errors import ExitCode, KitError
from kit.measurement.period import Period
from lambdas.measurement.aggregates import Aggregate, DepartmentAggregate, merged
from lambdas.measurement.handler import aggregate_day
from lambdas.measurement.privacy import shown_by_day
from lambdas.measurement.source import BucketSource, FolderSource, Source

if TYPE_CHECKING:
    from kit.target import Target

Progress = Callable[[int, int], None]  # days done, days in all


@dataclass(frozen=True)
class Use:
    """What happened in a period. Days without use are not in `days`."""

    period: Period
    days: Mapping[str, Aggregate]

    @cached_property
    def whole(self) -> Aggregate:
        """All days together."""
        return merged(self.days.values())

    @cached_property
    def shown(self) -> dict[str, dict[str, DepartmentAggregate]]:
        """What may be shown of each day, by department."""
        return dict(shown_by_day(sorted(self.days.items())))

    @cached_property
    def weeks(self) -> dict[str, Aggregate]:
        """By the Monday of each week that has a day in the period."""
        found: dict[str, Aggregate] = {}
        for day in self.period.days():
            at = date.fromisoformat(day)
            week = (at - timedelta(days=at.weekday())).isoformat()
            found.setdefault(week, Aggregate()).add(self.days.get(day, Aggregate()))
        return found

    @property
    def synthetic(self) -> bool:
        """Whether any of it was made up by `kit demo`."""
        return self.whole.total().counts["synthetic"] > 0

    @cached_property
    def cohorts(self) -> dict[str, list[int]]:
        """By the week of people's first call in the period: how many of them called in it and each week
        after.
        """
        weeks = list(self.weeks)
        active = [set(self.weeks[week].total().people) for week in weeks]
        found: dict[str, list[int]] = {}
        known: set[str] = set()
        for number, week in enumerate(weeks):
            new = active[number] - known
            known |= new
            if new:
                found[week] = [len(new & later) for later in active[number:]]
        return found


def read_use(
    source: Source, deployment: str, period: Period, today: date, progress: Progress | None = None
) -> Use:
    """Aggregates of a period, up to today.

    Days that are over for long come from the hourly function's aggregates where there are some; all others
    are computed from the rows.
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
    return Use(passed, days)


def source_of(records: Path | None, target: "Target | None") -> Source:
    """Where to read. Raises KitError where there is no such folder."""
    if records is not None:
        if not (records / "records").is_dir():
            raise KitError(
                f"{records} holds no folder records/dt=…",
                hint="copy it there: aws s3 sync s3://<analytics bucket>/records records",
                exit_code=ExitCode.USAGE,
            )
        return FolderSource(records)
    if target is None:
        raise KitError("neither a deployment nor a folder was given", exit_code=ExitCode.USAGE)
    return BucketSource(target.client("s3"), target.require("analytics_bucket_name"))
