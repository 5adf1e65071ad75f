"""`make bench-scale`: what holds at 50,000 people, part by part, and a table of the parts at the end.

Each part finishes within some minutes on two CPUs; `--parts` (PARTS) selects, `--list` lists them. A
failing part does not stop the others; the exit code says that one failed.
"""

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A benchmark in a module of its own."""

    name: str
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
    """Return the parts with their numbers of events, records and calls."""
    evidence, many = "bench.evidence_scale", ("--records", str(records))
    return [
        Part("ledger", "ledger and kill switch over a DynamoDB that conflicts", "bench.ledger_load"),
        Part("notary", "memory of the notary by calls an hour", evidence, ("notary",)),
        Part("compaction", "a shard of the notary at 100 calls/s", "bench.compaction"),
        Part("verify", "verification of sealed segments", evidence, ("verify", *many)),
        Part("copy", "kit audit verify of an auditor's copy", evidence, ("copy", *many)),
        Part("scim", "a group of 500,000", evidence, ("scim",)),
        Part("cost", "cost per million calls by profile", evidence, ("cost",)),
        Part("aggregation", "use: daily aggregates", "bench.aggregation", ("--events", str(events))),
        Part("faults", "while everything fails: served = recorded", "bench.faults", (str(calls),)),
        Part("kills", "processes killed: served = recorded", "bench.kills", ("--calls", str(calls // 5))),
    ]


def run(part: Part, place: str) -> Done:
    """Run a part; its output is shown as it is printed."""
    print(f"\n== {place} {part.title}", flush=True)
    before, started = _processor(), time.monotonic()
    code = subprocess.run([sys.executable, "-u", "-m", part.module, *part.arguments], check=False).returncode
    return Done(part, code, time.monotonic() - started, _processor() - before)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Run all parts. Exit code 1 if one failed, or was not reached before Ctrl-C."""
    parser = argparse.ArgumentParser(description="What holds at 50,000 people.")
    parser.add_argument("--events", type=int, default=1_000_000, help="that are aggregated")
    parser.add_argument("--records", type=int, default=400_000, help="that are verified")
    parser.add_argument(
        "--calls", type=int, default=10_000, help="while everything fails; a fifth with kills"
    )
    parser.add_argument("--parts", help="names, separated by commas; default: all")
    parser.add_argument("--list", action="store_true", help="name the parts, and do nothing")
    wanted = parser.parse_args()
    asked = parts(wanted.events, wanted.records, wanted.calls)
    if wanted.list:
        print("\n".join(f"{one.name:<12} {one.title}" for one in asked))
        return 0
    chosen = wanted.parts.split(",") if wanted.parts else [one.name for one in asked]
    unknown = set(chosen) - {one.name for one in asked}
    if unknown:
        parser.error(f"--parts: no part {', '.join(sorted(unknown))}; --list names them")
    asked = [one for one in asked if one.name in chosen]
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
