"""Runs every hour: aggregates of yesterday and of today so far, and the dashboards' metrics (L5.1-L5.6).

Writes `aggregates/dt=YYYY-MM-DD.json.gz` to the analytics bucket. Rows that are JSON are counted here, each
object once (`progress.py`): a second run, or rows that came late or twice, change nothing that they should
not, and an outage is caught up with. Rows that are Parquet are counted by Athena, day by day (`queries.py`).
A day's aggregate is the sum of both, so that a deployment may change from one to the other on any day: what
Athena said last is kept, so a day on which it was given up lacks only the Parquet rows after its last run.
Metrics are reported for days that are over: figures that grow by the hour would show what one person did.
"""

import gzip
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import botocore.session

from lambdas.common.clock import Clock, utc_now
from lambdas.common.log import encode, metrics
from lambdas.measurement.aggregates import Aggregate, Aggregator, Cell, DepartmentAggregate
from lambdas.measurement.athena import Athena
from lambdas.measurement.privacy import coarse, days_until, shown_by_day
from lambdas.measurement.progress import Progress
from lambdas.measurement.queries import Ask, aggregate_by_query
from lambdas.measurement.seen import Seen
from lambdas.measurement.source import BucketSource, Source, aggregate_key, events

_FOR_THE_REST = 180_000  # ms that aggregates, queries and progress take after the rows
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


def handler(_event: Any, context: Any) -> dict[str, int]:
    """Serve the schedule. Return the number of events by day."""
    session, endpoint = botocore.session.get_session(), os.environ.get("AWS_ENDPOINT_URL")
    workgroup, ask = os.environ.get("ATHENA_WORKGROUP"), None
    if workgroup:
        client = session.create_client("athena", endpoint_url=endpoint)
        ask = Athena(client, workgroup, os.environ["ATHENA_DATABASE"]).rows
    return run(
        session.create_client("s3", endpoint_url=endpoint),
        os.environ["ANALYTICS_BUCKET"],
        os.environ["KIT_DEPLOYMENT"],
        os.environ["KIT_ENVIRONMENT"],
        ask=ask,
        enough=lambda: context.get_remaining_time_in_millis() < _FOR_THE_REST,
    )


def run(
    s3: Any,
    bucket: str,
    deployment: str,
    environment: str,
    *,
    ask: Ask | None = None,
    enough: Callable[[], bool] = lambda: False,
    clock: Clock = utc_now,
    write: Callable[[str], Any] = sys.stdout.write,
) -> dict[str, int]:
    """Aggregate yesterday, today, and days that an outage left open. `ask` runs queries over Parquet rows,
    where there are some; reading stops once `enough` says so, and the next run goes on from there.

    Raises what the client and `ask` raise; the schedule tries again.
    """
    now, source = clock(), BucketSource(s3, bucket)
    yesterday = now.date() - timedelta(days=1)
    counted: dict[str, int] = {}
    with Progress(deployment, now.date()) as progress:
        progress.resume(s3, bucket)
        complete = progress.read_on(source, enough)
        for day in progress.days:
            aggregate, counted[day] = progress.aggregate(day)
            if ask is not None:
                progress.note_asked(day, *aggregate_by_query(ask, day, deployment))
            asked, events = progress.asked(day)
            aggregate.add(asked)
            counted[day] += events
            body = gzip.compress(aggregate.to_json().encode(), mtime=0)
            s3.put_object(Bucket=bucket, Key=aggregate_key(day), Body=body)
        progress.save(s3, bucket, complete=complete)
    if complete and now.hour >= _SETTLED:
        ((_, shown),) = deque(shown_by_day(_aggregates(source, yesterday)), maxlen=1)  # the last day's
        noon = datetime(yesterday.year, yesterday.month, yesterday.day, 12, tzinfo=UTC)
        for line in metric_lines(shown, environment, int(noon.timestamp() * 1000)):
            write(line + "\n")
    return counted


def _aggregates(source: Source, last: date) -> Iterator[tuple[str, Aggregate]]:
    """Yield the days of the quarter until `last`, including those without use."""
    for day in days_until(last):
        text = source.aggregate(day)
        yield day, Aggregate() if text is None else Aggregate.from_json(text)


def aggregate_day(source: Source, day: str, deployment: str) -> tuple[Aggregate, int]:
    """Return the aggregate of one UTC day, and its number of events.

    Rows are filed by time of delivery, so those of the next day are searched as well.
    """
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    with Seen() as seen:
        aggregator = Aggregator(deployment, seen)
        count = 0
        for filed in (day, following):
            count += aggregator.count(one for one in events(source, filed) if one.day == day)
        return aggregator.finish().get(day, Aggregate()), count


def metric_lines(shown: Mapping[str, DepartmentAggregate], environment: str, milliseconds: int) -> list[str]:
    """Return metrics in embedded metric format, by environment and by department, never by person.

    `shown` is what `shown_by_day` releases of one day; the total is theirs, so that it hides nobody.
    """
    lines = [
        _line(one.total, {"environment": environment, "department": name}, milliseconds)
        for name, one in sorted(shown.items())
    ]
    if shown:
        lines.append(_line(Aggregate(dict(shown)).total(), {"environment": environment}, milliseconds))
    return lines


def metric(cell: Cell, name: str) -> int:
    """Return the value of a metric for one cell; numbers of people in steps of five."""
    return (
        coarse(len(cell.people))
        if name == "ActivePeople"
        else sum(cell.counts[count] for count in METRICS[name])
    )


def _line(cell: Cell, dimensions: dict[str, str], milliseconds: int) -> str:
    values = {name: metric(cell, name) for name in METRICS}
    counted = metrics(values, [list(dimensions)], milliseconds=milliseconds)
    return encode({"type": "measurement", **dimensions, **counted})
