"""Runs every hour: aggregates of yesterday and of today so far, and the dashboards' metrics (L5.1-L5.6).

Writes `aggregates/dt=YYYY-MM-DD.json.gz` to the analytics bucket. A day is always computed whole from its
rows, so a second run, or rows that came late or twice, change nothing that they should not.
"""

import gzip
import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import botocore.session

from lambdas.common.clock import Clock, utc_now
from lambdas.measurement.aggregates import Aggregate, Aggregator, Cell
from lambdas.measurement.privacy import hidden, total_shown
from lambdas.measurement.seen import Seen
from lambdas.measurement.source import BucketSource, Source, aggregate_key, events

NAMESPACE = "ClaudeEnterpriseKit"
# Name of each metric, and the counts of a cell that it sums. `ActivePeople` is the size of the group. Each
# line tells a day's figures so far, so a day's value is its maximum.
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
    today = clock().date()
    counted: dict[str, int] = {}
    for day in (today - timedelta(days=1), today):
        aggregate, count = aggregate_day(BucketSource(s3, bucket), day.isoformat(), deployment)
        body = gzip.compress(aggregate.to_json().encode(), mtime=0)
        s3.put_object(Bucket=bucket, Key=aggregate_key(day.isoformat()), Body=body)
        counted[day.isoformat()] = count
    for line in metric_lines(aggregate, environment, int(clock().timestamp() * 1000)):
        write(line + "\n")
    return counted


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
        return aggregator.days.get(day, Aggregate()), count


def metric_lines(aggregate: Aggregate, environment: str, milliseconds: int) -> list[str]:
    """Metrics in embedded metric format, by environment and by department; never by person.

    A department whose group is too small to be shown has no metrics.
    """
    people = {name: one.total.people for name, one in aggregate.departments.items()}
    secret = hidden(people)
    lines = [
        _line(one.total, {"environment": environment, "department": name}, milliseconds)
        for name, one in sorted(aggregate.departments.items())
        if name not in secret
    ]
    if total_shown(people):
        lines.append(_line(aggregate.total(), {"environment": environment}, milliseconds))
    return lines


def metric(cell: Cell, name: str) -> int:
    """The value of a metric for one cell."""
    return len(cell.people) if name == "ActivePeople" else sum(cell.counts[count] for count in METRICS[name])


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
