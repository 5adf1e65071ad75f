"""The hourly function reads each object once, loses no day to an outage, asks Athena for Parquet (L5.1)."""

import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.measurement.aggregates import COUNTS, Aggregate
from lambdas.measurement.athena import Athena, QueryFailed
from lambdas.measurement.handler import run
from lambdas.measurement.progress import KEY

from .rows import row

_DAY = "2026-11-10"


class Bucket:
    """Objects in memory, and how often each was read; the part of an S3 client that the function uses."""

    class exceptions:  # noqa: N801 its name at botocore
        class NoSuchKey(Exception):
            pass

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads: Counter[str] = Counter()

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise self.exceptions.NoSuchKey
        self.reads[Key] += 1
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, *, Bucket: str, Key: str, Body: Any) -> None:  # noqa: N803
        self.objects[Key] = Body if isinstance(Body, bytes) else Body.read()

    def get_paginator(self, _operation: str) -> "Bucket":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        yield {"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]}

    def deliver(self, day: str, name: str, *rows: dict[str, Any]) -> None:
        lines = "".join(json.dumps(one) + "\n" for one in rows)
        self.objects[f"records/dt={day}/{name}"] = gzip.compress(lines.encode())

    def counts(self, day: str) -> Counter[str]:
        stored = gzip.decompress(self.objects[f"aggregates/dt={day}.json.gz"])
        return Aggregate.from_json(stored).total().counts


def _run(bucket: Bucket, day: int, hour: int, **options: Any) -> dict[str, int]:
    return run(
        bucket,
        "analytics",
        "acme-test",
        "test",
        clock=lambda: datetime(2026, 11, day, hour, 20, tzinfo=UTC),
        write=options.pop("write", lambda _: None),
        **options,
    )


def test_every_object_is_read_once_and_a_late_row_or_a_duplicate_finds_its_day() -> None:
    bucket = Bucket()
    bucket.deliver(_DAY, "a", row(1), row(2), row(9, result="expired", request_id="req_x", principal="p"))
    _run(bucket, 10, 9)
    assert bucket.counts(_DAY)["calls"] == 3, "of the given-up call nothing else is known yet"
    bucket.deliver(_DAY, "b", row(2), row(3), row(10, request_id="req_x", principal="p"))
    _run(bucket, 10, 10)
    assert (bucket.counts(_DAY)["calls"], bucket.counts(_DAY)["completed"]) == (4, 4)
    bucket.deliver("2026-11-11", "c", row(1), row(4), row(5, at="2026-11-11T00:01:00.000+00:00"))
    bucket.deliver("2026-11-11", "d", row(11, result="expired", request_id="req_x"))
    for hour in (0, 1):
        assert _run(bucket, 11, hour)["2026-11-11"] == 1
        assert bucket.counts(_DAY)["calls"] == 5
    assert {bucket.reads[f"records/dt={_DAY}/{name}"] for name in "ab"} == {1}
    assert {bucket.reads[f"records/dt=2026-11-11/{name}"] for name in "cd"} == {1}


def test_an_outage_of_days_is_caught_up_with() -> None:
    bucket = Bucket()
    bucket.deliver(_DAY, "a", row(1))
    _run(bucket, 10, 9)
    bucket.deliver(_DAY, "b", row(2))
    bucket.deliver("2026-11-12", "c", row(3, at="2026-11-12T09:00:00.000+00:00"))
    assert _run(bucket, 14, 9) == {
        "2026-11-09": 0,
        _DAY: 2,
        "2026-11-11": 0,
        "2026-11-12": 1,
        "2026-11-13": 0,
        "2026-11-14": 0,
    }
    assert _run(bucket, 14, 10) == {"2026-11-13": 0, "2026-11-14": 0}
    assert (bucket.counts(_DAY)["calls"], bucket.counts("2026-11-12")["calls"]) == (2, 1)


def test_a_run_that_is_out_of_time_goes_on_at_the_next_and_reports_no_half_of_a_day() -> None:
    bucket, lines = Bucket(), list[str]()
    people = [row(number, principal=f"p{number}") for number in range(6)]
    for number, one in enumerate(people):
        bucket.deliver(_DAY, f"{number}", one)
    looks = iter([False, False, False, True])
    _run(bucket, 11, 9, enough=lambda: next(looks), write=lines.append)
    assert (bucket.counts(_DAY)["calls"], lines) == (3, [])
    _run(bucket, 11, 10, write=lines.append)
    assert bucket.counts(_DAY)["calls"] == 6
    assert [json.loads(line)["Calls"] for line in lines] == [6, 6]
    assert {bucket.reads[f"records/dt={_DAY}/{number}"] for number in range(6)} == {1}


@pytest.mark.parametrize("found", [b"", b"no zip", None])
def test_progress_that_is_gone_or_broken_is_made_again_from_the_rows(found: bytes | None) -> None:
    bucket = Bucket()
    bucket.deliver(_DAY, "a", row(1), row(2))
    _run(bucket, 10, 9)
    if found is None:
        del bucket.objects[KEY]
    else:
        bucket.objects[KEY] = found
    _run(bucket, 10, 10)
    assert bucket.counts(_DAY)["calls"] == 2


def test_a_death_before_the_progress_is_kept_counts_nothing_twice() -> None:
    bucket = Bucket()
    bucket.deliver(_DAY, "a", row(1))
    _run(bucket, 10, 9)
    before = bucket.objects[KEY]
    bucket.deliver(_DAY, "b", row(2))
    _run(bucket, 10, 10)
    bucket.objects[KEY] = before  # as if it had died between the aggregate and its progress
    _run(bucket, 10, 11)
    assert bucket.counts(_DAY)["calls"] == 2


def test_a_day_that_changes_between_json_and_parquet_is_one_day() -> None:
    bucket = Bucket()
    bucket.deliver(_DAY, "a", row(1, department="legal"))

    def ask(query: str) -> list[dict[str, Any]]:
        if f"= '{_DAY}'" not in query or "SUM" not in query.upper().split("FROM EVENTS")[0]:
            return []
        group = {"department": "legal", "use_case": "", "model": "", "person": "true", "principal": "p"}
        counts = dict.fromkeys([*COUNTS, "active"], "0") | {"calls": "2", "active": "2"}
        return [{**group, "reason": "", "events": "2", **counts}]

    assert _run(bucket, 10, 9, ask=ask)[_DAY] == 3
    assert bucket.counts(_DAY)["calls"] == 3
    bucket.deliver(_DAY, "b", row(2, department="legal"))  # Athena was given up for the rest of the day
    assert _run(bucket, 10, 10)[_DAY] == 4
    assert _run(bucket, 11, 1)[_DAY] == 4
    assert bucket.counts(_DAY)["calls"] == 4


class Client:
    """Athena's answers in order: states of a query, then pages of its results."""

    def __init__(self, states: list[str], pages: list[list[list[str | None]]]) -> None:
        self.states, self.pages, self.stopped = iter(states), pages, False

    def start_query_execution(self, **_given: Any) -> dict[str, str]:
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, **_given: Any) -> dict[str, Any]:
        return {"QueryExecution": {"Status": {"State": next(self.states), "StateChangeReason": "exhausted"}}}

    def stop_query_execution(self, **_given: Any) -> None:
        self.stopped = True

    def get_paginator(self, _operation: str) -> "Client":
        return self

    def paginate(self, **_given: Any) -> Iterator[dict[str, Any]]:
        for page in self.pages:
            rows = [{"Data": [{} if one is None else {"VarCharValue": one} for one in each]} for each in page]
            yield {
                "ResultSet": {
                    "Rows": rows,
                    "ResultSetMetadata": {"ColumnInfo": [{"Name": "a"}, {"Name": "b"}]},
                }
            }


def _ask(client: Client, sleep: Callable[[float], Any] = lambda _: None) -> list[dict[str, str | None]]:
    return list(Athena(client, "w", "d", sleep=sleep).rows("SELECT 1"))


def test_the_header_of_the_first_page_is_no_row_and_null_is_none() -> None:
    client = Client(["QUEUED", "RUNNING", "SUCCEEDED"], [[["a", "b"], ["1", None]], [["2", "x"]]])
    assert _ask(client) == [{"a": "1", "b": None}, {"a": "2", "b": "x"}]


def test_a_query_that_failed_or_never_ends_is_an_error() -> None:
    with pytest.raises(QueryFailed, match="exhausted"):
        _ask(Client(["FAILED"], []))
    slow = Client(["RUNNING"] * 1_000, [])
    with pytest.raises(QueryFailed, match="600 s"):
        _ask(slow)
    assert slow.stopped
