"""The gateway's access log: from files, or from the log group of its function."""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class AccessLine:
    """What the log says of one request. `answered` is true for a success that was given out whole."""

    request_id: str
    route: str
    at: datetime
    recorded: bool
    answered: bool


def read_files(paths: Iterable[Path]) -> Iterator[AccessLine]:
    """The access lines of log files, gzipped or not; other lines are passed over. Raises OSError."""
    for path in paths:
        with _opened(path) as lines:
            for line in lines:
                found = read_line(line)
                if found:
                    yield found


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", errors="replace")
    return path.open(encoding="utf-8", errors="replace")


def read_log_group(client: Any, group: str, first: datetime, end: datetime) -> Iterator[AccessLine]:
    """The access lines of a CloudWatch log group between two times. `client` is a boto3 logs client."""
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        startTime=int(first.timestamp() * 1000),
        endTime=int(end.timestamp() * 1000),
        filterPattern='"CloudWatchMetrics"',
    )
    for page in pages:
        for event in page["events"]:
            found = read_line(event["message"])
            if found:
                yield found


def read_line(text: str) -> AccessLine | None:
    """One line; None when it is not one of the access log. What stands before its JSON is ignored."""
    start = text.find("{")
    try:
        line = json.loads(text[start:]) if start >= 0 else None
        if not isinstance(line, dict) or line.get("type") != "access":
            return None
        return AccessLine(
            request_id=str(line["request_id"]),
            route=str(line["route"]),
            at=datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC),
            recorded=line["recorded"] is True,
            answered=200 <= line["status"] < 300 and not line["reason"] and not line["client_gone"],
        )
    except (ValueError, KeyError, TypeError):
        return None
