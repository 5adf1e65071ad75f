"""`python -m bench.aggregation [--events N] [--counted N]`: aggregate one day of usage, by query and by
function.

By query: Parquet as Firehose delivers it, aggregated with the queries that Athena runs, here by DuckDB
limited to 256 MB. By function: JSON lines, read once. One event in fifty is a duplicate. CPU time is
reported instead of wall-clock time (L5.1).
"""

import argparse
import gzip
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from bench.memory import peak_mb
from kit.measurement.parquet import answers
from lambdas.measurement.aggregates import Aggregator
from lambdas.measurement.queries import PARQUET_PREFIX, aggregate_by_query
from lambdas.measurement.seen import Seen
from lambdas.measurement.source import FolderSource, events

_DAY = "2026-11-10"
_PER_FILE = 1_000_000
_PEOPLE = 50_000
_MEMORY = "256MB"
# The columns of a row by event number; columns that are not listed are NULL.
_ROW = """
  SELECT format('rec_{:026d}', id) AS record_id, 'outcome' AS kind, '{DAY}T09:00:00.000+00:00' AS "at",
    format('req_{:026d}', id) AS request_id, 'messages' AS call,
    format('person-{}', id % {PEOPLE}) AS principal,
    'person' AS principal_kind,
    format('department-{}', id % 20) AS department,
    format('case-{}', (id % {PEOPLE} + id % 3) % 30) AS use_case, '' AS prompt, false AS requires_review,
    'claude-sonnet-5-5' AS model, 'completed' AS result, '' AS reason, 2000::BIGINT AS input_tokens,
    500::BIGINT AS output_tokens, 9000::BIGINT AS cost_microusd, false AS material_decision
  FROM (SELECT CASE WHEN n % 50 = 1 THEN n - 1 ELSE n END AS id FROM range({FIRST}, {LAST}) AS t(n))
"""


def _rows(first: int, last: int) -> str:
    filled = {"DAY": _DAY, "PEOPLE": str(_PEOPLE), "FIRST": str(first), "LAST": str(last)}
    text = _ROW
    for name, value in filled.items():
        text = text.replace("{" + name + "}", value)
    return text


def _write_parquet(folder: Path, count: int) -> None:
    target = folder / PARQUET_PREFIX / f"dt={_DAY}"
    target.mkdir(parents=True)
    for first in range(0, count, _PER_FILE):
        rows = _rows(first, min(first + _PER_FILE, count))
        duckdb.execute(f"COPY ({rows}) TO '{target}/{first:09d}.parquet' (FORMAT parquet)")


def _write_lines(folder: Path, count: int) -> None:
    target = folder / "records" / f"dt={_DAY}"
    target.mkdir(parents=True)
    found = duckdb.execute(_rows(0, count))
    names = [one[0] for one in found.description or ()]
    with gzip.open(target / "rows.json.gz", "wt", compresslevel=1) as file:
        while rows := found.fetchmany(10_000):
            for row in rows:
                said = {name: value for name, value in zip(names, row, strict=True) if value is not None}
                file.write(json.dumps(said) + "\n")


def _measure(how: str, folder: Path) -> None:
    """Aggregate in this process and print time and memory."""
    started = time.process_time()
    if how == "query":
        files = sorted((folder / PARQUET_PREFIX / f"dt={_DAY}").glob("*"))
        aggregate, counted = aggregate_by_query(lambda query: answers(query, files, _MEMORY), _DAY, "bench")
    else:
        with Seen() as seen:
            aggregator = Aggregator("bench", seen)
            counted = aggregator.count(events(FolderSource(folder), _DAY))
            aggregate = aggregator.finish()[_DAY]
    seconds = time.process_time() - started
    assert aggregate.total().counts["calls"] == counted
    print(json.dumps({"counted": counted, "seconds": seconds, "mb": peak_mb()}))


def _in_its_own_process(how: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.aggregation", "--measure", how, "--folder", str(folder)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=10_000_000, help="by query")
    parser.add_argument("--counted", type=int, default=500_000, help="by the function")
    parser.add_argument("--measure", choices=("query", "function"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        _measure(given.measure, given.folder)
        return
    for how, write, count, before in (
        ("query", _write_parquet, given.events, "none: the function read two days again every hour"),
        ("function", _write_lines, given.counted, "33 us an event, 24 times a day"),
    ):
        with TemporaryDirectory() as name:
            write(Path(name), count)
            found = _in_its_own_process(how, Path(name))
        print(
            f"aggregation by {how}: {count:,} events, {found['counted']:,.0f} of them different, "
            f"{found['seconds']:.1f} s of processor ({found['seconds'] / count * 1e6:.1f} us an event), "
            f"{found['mb']:.0f} MB at most; before: {before}"
        )


if __name__ == "__main__":
    main()
