"""`make bench-scale`: what holds at 50,000 people, part by part, and a table of the parts at the end.

A part that fails does not keep the others from running; the exit code says that one did.
"""

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A benchmark that is a module of its own."""

    title: str
    module: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """What a part took. Seconds."""

    part: Part
    code: int
    wall: float
    processor: float


def parts(events: int, records: int, calls: int) -> list[Part]:
    """The parts, with how many events, records and calls they look at."""
    return [
        Part("ledger and kill switch over a DynamoDB that conflicts", "bench.ledger_load"),
        Part(
            "evidence: notary, verification; SCIM; cost by profile",
            "bench.evidence_scale",
            ("--records", str(records)),
        ),
        Part("use: daily aggregates", "bench.aggregation", ("--events", str(events))),
        Part("while everything fails: served = recorded", "bench.faults", (str(calls),)),
    ]


def run(part: Part, place: str) -> Done:
    """Run a part; what it prints is seen as it comes."""
    print(f"\n== {place} {part.title}", flush=True)
    before, started = _processor(), time.monotonic()
    code = subprocess.run([sys.executable, "-u", "-m", part.module, *part.arguments], check=False).returncode
    return Done(part, code, time.monotonic() - started, _processor() - before)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Run all parts. 1 when one failed, or was not reached before Ctrl-C."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--records", type=int, default=500_000)
    parser.add_argument("--calls", type=int, default=10_000)
    wanted = parser.parse_args()
    asked = parts(wanted.events, wanted.records, wanted.calls)
    done: list[Done] = []
    try:
        for number, part in enumerate(asked, 1):
            done.append(run(part, f"{number}/{len(asked)}"))
    except KeyboardInterrupt:
        print(f"\nstopped; of {len(asked)} parts {len(done)} are done", flush=True)
    print("\n| part | result | seconds | of the processor |\n|---|---|---|---|")
    for one in done:
        result = "done" if one.code == 0 else f"failed ({one.code})"
        print(f"| {one.part.title} | {result} | {one.wall:,.0f} | {one.processor:,.0f} |")
    return int(len(done) < len(asked) or any(one.code for one in done))


if __name__ == "__main__":
    sys.exit(main())
