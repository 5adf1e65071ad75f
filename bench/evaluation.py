"""How long plans take: `python bench/evaluation.py [--json]`.

Figures to reach (warm bytecode): all stages at all sizes evaluated in 5 s or less, imports included, in one process;
`kit preview` of one stage in 1.5 s or less, as a command.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KIT = [sys.executable, "-c", "from kit.cli import main; main()"]
ALL = (
    "from kit.evaluation.stages import SIZES, evaluate_stages\n"
    "print(sum(len(g) for s in SIZES for g in evaluate_stages(size=s, assume_gates=True).values()))"
)
ROUNDS = 3


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of a command that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> int:
    """Print the figures; exit code 1 if one is not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    as_json = parser.parse_args().json
    measured = [("all stages, all sizes", 5.0, [sys.executable, "-c", ALL])]
    measured += [
        (f"kit preview --stage {stage}", 1.5, [*KIT, "preview", "--assume-gates", "--stage", stage])
        for stage in ("foundation", "integration", "rollout")
    ]
    figures = []
    for name, wanted, command in measured:
        seconds(command)  # warm caches and bytecode
        median = statistics.median(seconds(command) for _ in range(ROUNDS))
        figures.append(
            {"name": name, "seconds": round(median, 2), "at_most": wanted, "reached": median <= wanted}
        )
        if not as_json:
            print(f"{name:<32} {median:5.2f} s   (at most {wanted} s)")
    if as_json:
        print(json.dumps(figures, indent=1))
    return 0 if all(figure["reached"] for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
