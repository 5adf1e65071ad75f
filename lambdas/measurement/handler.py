"""Runs every hour: aggregates of yesterday and of today so far, and the dashboards' metrics (L5.1-L5.6).

Writes `aggregates/dt=YYYY-MM-DD.json.gz` to the analytics bucket. A day is always computed whole from its
rows, so a second run, or rows that came late or twice, change nothing that they should not. Metrics are
published of days that are over: figures that grow by the hour would tell what one person did in it.
"""

import gzip
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import botocore.session

from lambdas.common.clock import Clock, utc_now
from lambdas.measurement.aggregates import Aggregate, Aggregator, Cell, DepartmentAggregate
from lambdas.measurement.privacy import coarse, days_until, shown_by_day
from lambdas.measurement.seen import Seen
from lambdas.measurement.source import BucketSource, Source, aggregate_key, events

NAMESPACE = "ClaudeEnterpriseKit"
_SETTLED = 1  # hour of the next day from which a day's rows have all been delivered
# Name of each metric, and the counts of a cell that it sums. `ActivePeople` is the size of the group, in
# steps of five. A day is published again by each run of the next day, so its value is the maximum.
METRICS: Mapping[str, tuple[str, ...]] = {
    "ActivePeople": (),
    "Calls": ("calls",),
    "Completed": ("completed",),
    "Registered": ("registered",),
    "Refused": ("refused",),
    "SpentMicroUSD": ("cost_microusd",),
    "MinutesSaved": ("minutes",),
    "Rated": ("rated",),
    "Useful": ("useful",),
    "Validated": ("validated",),
    "ReviewsNeeded": ("review_needed",),
    "Reviewed": ("reviewed",),
    "Reworked": ("edited", "review_edited"),
    "Rejected": ("rejected", "review_rejected"),
}


def handler(_event: Any, _context: Any) -> dict[str, int]:
    """Entry of the scheduled function. Returns the number of events by day."""
    session = botocore.session.get_session()
    s3 = session.create_client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
    return run(
        s3, os.environ["ANALYTICS_BUCKET"], os.environ["KIT_DEPLOYMENT"], os.environ["KIT_ENVIRONMENT"]
    )


def run(
    s3: Any,
    bucket: str,
    deployment: str,
    environment: str,
    *,
    clock: Clock = utc_now,
    write: Callable[[str], Any] = sys.stdout.write,
) -> dict[str, int]:
    """Aggregate yesterday and today. Raises what the client raises; the schedule tries again."""
    now, source = clock(), BucketSource(s3, bucket)
    today, yesterday = now.date(), now.date() - timedelta(days=1)
    counted: dict[str, int] = {}
    for day in (yesterday, today):
        aggregate, count = aggregate_day(source, day.isoformat(), deployment)
        body = gzip.compress(aggregate.to_json().encode(), mtime=0)
        s3.put_object(Bucket=bucket, Key=aggregate_key(day.isoformat()), Body=body)
        counted[day.isoformat()] = count
    if now.hour >= _SETTLED:
        ((_, shown),) = deque(shown_by_day(_aggregates(source, yesterday)), maxlen=1)  # the last day's
        noon = datetime(yesterday.year, yesterday.month, yesterday.day, 12, tzinfo=UTC)
        for line in metric_lines(shown, environment, int(noon.timestamp() * 1000)):
            write(line + "\n")
    return counted


def _aggregates(source: Source, last: date) -> Iterator[tuple[str, Aggregate]]:
    """The days of the quarter until `last`; one without use, too."""
    for day in days_until(last):
        text = source.aggregate(day)
        yield day, Aggregate() if text is None else Aggregate.from_json(text)


def aggregate_day(source: Source, day: str, deployment: str) -> tuple[Aggregate, int]:
    """The aggregate of one UTC day, and how many events it holds.

    Rows are filed by the time they were delivered, so those of the next day are looked through as well.
    """
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    with Seen() as seen:
        aggregator = Aggregator(deployment, seen)
        count = 0
        for filed in (day, following):
            count += aggregator.count(one for one in events(source, filed) if one.day == day)
        return aggregator.finish().get(day, Aggregate()), count


def metric_lines(shown: Mapping[str, DepartmentAggregate], environment: str, milliseconds: int) -> list[str]:
    """Metrics in embedded metric format, by environment and by department; never by person.

    `shown` is what `shown_by_day` lets out of one day; the total is theirs, so that it hides nobody.
    """
    lines = [
        _line(one.total, {"environment": environment, "department": name}, milliseconds)
        for name, one in sorted(shown.items())
    ]
    if shown:
        lines.append(_line(Aggregate(dict(shown)).total(), {"environment": environment}, milliseconds))
    return lines


def metric(cell: Cell, name: str) -> int:
    """The value of a metric for one cell; numbers of people in steps of five."""
    return (
        coarse(len(cell.people))
        if name == "ActivePeople"
        else sum(cell.counts[count] for count in METRICS[name])
    )


def _line(cell: Cell, dimensions: dict[str, str], milliseconds: int) -> str:
    metrics = [{"Name": name, "Unit": "Count"} for name in METRICS]
    return json.dumps(
        {
            "_aws": {
                "Timestamp": milliseconds,
                "CloudWatchMetrics": [
                    {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": metrics}
                ],
            },
            "type": "measurement",
            **dimensions,
            **{name: metric(cell, name) for name in METRICS},
        },
        separators=(",", ":"),
    )
