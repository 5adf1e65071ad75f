"""`python -m bench.aggregation [events]`: a day of events aggregated, with progress, time and memory (L5.1).

One event in fifty comes twice. The rows lie in a folder as Firehose delivers them.
"""

import gzip
import json
import random
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from lambdas.measurement.aggregates import Aggregator
from lambdas.measurement.seen import Seen
from lambdas.measurement.source import FolderSource, events

_DAY = "2026-11-10"
_PER_FILE = 50_000
_PEOPLE = 50_000


def _write(folder: Path, count: int) -> None:
    choose = random.Random(6)
    target = folder / "records" / f"dt={_DAY}"
    target.mkdir(parents=True)
    for start in range(0, count, _PER_FILE):
        with gzip.open(target / f"{start:09d}.json.gz", "wt", compresslevel=1) as file:
            for number in range(start, min(start + _PER_FILE, count)):
                person = choose.randrange(_PEOPLE)
                row = {
                    "record_id": f"rec_{number - 1 if number % 50 == 1 else number:026d}",
                    "kind": "outcome",
                    "at": f"{_DAY}T{number % 24:02d}:00:00.000+00:00",
                    "request_id": f"req_{number - 1 if number % 50 == 1 else number:026d}",
                    "principal": f"person-{person}",
                    "principal_kind": "person",
                    "department": f"department-{person % 20}",
                    "use_case": f"case-{(person + choose.randrange(3)) % 30}",
                    "model": "claude-sonnet-5-5",
                    "result": "completed",
                    "status": 200,
                    "input_tokens": 2_000,
                    "output_tokens": 500,
                    "cost_microusd": 9_000,
                    "decisions": "[]",
                }
                file.write(json.dumps(row) + "\n")


def main() -> None:
    """Print one line of progress for each tenth, and the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with TemporaryDirectory() as name, Seen() as seen:
        _write(Path(name), count)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        aggregator = Aggregator("bench", seen)
        started = time.perf_counter()
        counted = read = 0
        for event in events(FolderSource(Path(name)), _DAY):
            counted += aggregator.count((event,))
            read += 1
            if read % max(1, count // 10) == 0:
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                print(f"{read:>9,} events, {time.perf_counter() - started:6.1f} s, {memory} MB at most")
        days = aggregator.finish()
        seconds = time.perf_counter() - started
        size = len(days[_DAY].to_json())
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    print(
        f"{read:,} events ({read - counted:,} of them twice) in {seconds:.1f} s: "
        f"{read / seconds:,.0f} a second, {grown} MB of memory, aggregate of {size / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
