"""The two access logs: the gateway's own, from files or its log group; and API Gateway's, which the gateway
cannot modify, from files or the bucket it is delivered to.
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from kit.audit.sources import Source
from lambdas.common.json_text import parse_json

EDGE_FOLDER = "api/"  # of the bucket of access logs
# Below whatever name a stage or a domain puts in front.
_GATEWAYS = re.compile(r"(?:^|/)v1/[^/]")
_CALLS = re.compile(r"(?:^|/)v1/(?:messages|messages/batches|embeddings|prompts/[^/]+/messages)$")


@dataclass(frozen=True, slots=True)
class AccessLine:
    """A line of the gateway's log about one request.

    `answered` is true for a success that was delivered in full; `edge_id` is API Gateway's request id, or
    empty.
    """

    request_id: str
    route: str
    at: datetime
    recorded: bool
    answered: bool
    edge_id: str = ""


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """A line of API Gateway's log about a request that it passed to the gateway and that the gateway
    answered.

    `call` is true for an answer of Claude or of the embedding model, which must have a record.
    """

    edge_id: str
    what: str  # method and path
    first: datetime
    last: datetime
    call: bool


def read_files(paths: Iterable[Path]) -> Iterator[AccessLine]:
    """Yield the access lines of log files, gzipped or not, skipping other lines. Raises OSError."""
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
    """Yield the access lines of a CloudWatch log group between two times. `client` is a boto3 logs client."""
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
    """Parse one line; None if it does not belong to the access log. Anything before its JSON is ignored."""
    start = text.find("{")
    try:
        line = parse_json(text[start:]) if start >= 0 else None
        if not isinstance(line, dict) or line.get("type") != "access":
            return None
        return AccessLine(
            request_id=str(line["request_id"]),
            route=str(line["route"]),
            at=datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC),
            recorded=line["recorded"] is True,
            answered=200 <= line["status"] < 300 and not line["reason"] and not line["client_gone"],
            edge_id=str(line.get("edge_id", "")),
        )
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def read_edge_files(paths: Iterable[Path]) -> Iterator[EdgeLine]:
    """Yield the lines of API Gateway's log in files, gzipped or not. Raises OSError."""
    for path in paths:
        with _opened(path) as file:
            yield from read_edge_text(file.read())


def read_edge_bucket(source: Source, first: datetime, end: datetime) -> Iterator[EdgeLine]:
    """Yield the lines of API Gateway's log delivered by Firehose for requests between two times.

    Firehose files them by its own time, which is minutes later.
    """
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= end + timedelta(hours=1):
        for entry in source.entries(f"{EDGE_FOLDER}dt={day:%Y-%m-%d}/"):
            data = source.get(entry.key) or b""
            plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            yield from read_edge_text(plain.decode("utf-8", "replace"))
        day += timedelta(days=1)


def read_edge_text(text: str) -> Iterator[EdgeLine]:
    """Yield the lines in a text, whether or not they are separated by line ends; anything else is skipped."""
    decode, position = json.JSONDecoder().raw_decode, text.find("{")
    while position >= 0:
        try:
            value, end = decode(text, position)
        except (ValueError, RecursionError):
            value, end = None, position + 1
        found = _edge_line(value)
        if found:
            yield found
        position = text.find("{", end)


def _edge_line(line: Any) -> EdgeLine | None:
    """Return the line of a request to the gateway's own paths that it answered, or None."""
    try:
        method, path, status = str(line["httpMethod"]), str(line["path"]), int(line["status"])
        answered = str(line["integrationStatus"]).isdigit() and status < 500
        if not answered or not _GATEWAYS.search(path):
            return None
        first = datetime.fromtimestamp(int(line["requestTime"]) / 1000, UTC)
        latency = str(line.get("responseLatency", ""))
        last = first + timedelta(milliseconds=int(latency) if latency.isdecimal() else 0)
        call = method == "POST" and status < 300 and _CALLS.search(path) is not None
        return EdgeLine(str(line["requestId"]), f"{method} {path}", first, last, call)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
