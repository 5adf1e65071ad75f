"""Time of plans and of a whole local deployment: `python bench/evaluation.py [--json] [--without-up]`.

Goals (warm bytecode and package cache): all stages at all sizes evaluated in 5 s or less in one process,
imports included; `kit preview` of one stage in 1.5 s or less as a command; `kit up` from nothing to the
first answer in 60 s or less. A stage needs the exports of earlier stages. They are cached between runs; one
row says what a preview costs without that cache. CPU seconds are shown beside wall-clock seconds because
load on the machine affects them less.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KIT = [sys.executable, "-c", "from kit.cli import main; main()"]
ALL = (
    "import gc; gc.disable()\n"
    "from kit.evaluation.stages import evaluate_sizes\n"
    "plans = evaluate_sizes(assume_gates=True)\n"
    "print(sum(len(graph) for stages in plans.values() for graph in stages.values()))"
)
KEPT = ROOT / ".kit" / "plans"  # exports of earlier stages
ROUNDS = 3


def measured(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, float]:
    """Return the wall-clock and CPU seconds of a command that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    variables = os.environ | {"PYTHONDONTWRITEBYTECODE": ""} | (environment or {})  # warm: see above
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=variables)
    elapsed = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def plans(name: str, wanted: float, command: list[str], *, forget: bool = False) -> dict[str, object]:
    """Return the medians of several rounds, after one that warms caches and bytecode. `forget` clears the
    cached exports before each round.
    """
    rounds: list[tuple[float, float]] = []
    for _ in range(1 + ROUNDS):
        if forget:
            shutil.rmtree(KEPT, ignore_errors=True)
        rounds.append(measured(command))
    rounds = rounds[1:]
    return figure(name, wanted, *(statistics.median(values) for values in zip(*rounds, strict=True)))


def local_deployment() -> list[dict[str, object]]:
    """Time `kit up` on an empty home, and again when nothing has changed."""
    with tempfile.TemporaryDirectory() as folder:
        home = {
            "KIT_HOME": f"{folder}/home",
            "KIT_PORT_BASE": str(random.randrange(5_000, 10_000, 100)),
            "ANTHROPIC_API_KEY": "",
        }
        try:
            first = measured([*KIT, "up", "--json"], home)
            second = measured([*KIT, "up", "--json"], home)
        finally:
            measured([*KIT, "down"], home)
    return [figure("kit up, from nothing", 60.0, *first), figure("kit up, nothing changed", 60.0, *second)]


def figure(name: str, wanted: float, elapsed: float, processor: float) -> dict[str, object]:
    """One row of the table."""
    return {
        "name": name,
        "seconds": round(elapsed, 2),
        "processor_seconds": round(processor, 2),
        "at_most": wanted,
        "reached": elapsed <= wanted,
    }


def main() -> int:
    """Print the figures; exit code 1 if a goal is not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--without-up", action="store_true", help="plans only")
    arguments = parser.parse_args()
    figures = [plans("all stages, all sizes", 5.0, [sys.executable, "-c", ALL])]
    figures += [
        plans(f"kit preview --stage {stage}", 1.5, [*KIT, "preview", "--assume-gates", "--stage", stage])
        for stage in ("foundation", "integration", "rollout")
    ]
    every = [*KIT, "preview", "--assume-gates", "--stage", "rollout"]
    figures.append(plans("kit preview --stage rollout, unkept", 3.0, every, forget=True))
    if not arguments.without_up:
        figures += local_deployment()
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        print(f"{'':<36} {'seconds':>8} {'processor':>10} {'at most':>8}")
        for row in figures:
            mark = "" if row["reached"] else "  NOT REACHED"
            times = f"{row['seconds']:>8} {row['processor_seconds']:>10} {row['at_most']:>8}"
            print(f"{row['name']:<36} {times}{mark}")
    return 0 if all(row["reached"] for row in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
