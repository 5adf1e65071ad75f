"""This gateway beside that of another commit, measured alternately in slices, so that load on the machine
affects both.

    python bench/gateway_against.py                     # against the parent commit
    python bench/gateway_against.py v1.2.0 --rounds 20

Each commit runs its own code, from a worktree that is removed afterwards. A round measures every figure for
both, in alternating order, and for the provider alone: the difference is what the gateway adds. The goals
(L1.11): added p50 and first byte at most 10 % above the other commit, requests per second at least 95 % of
it. A missed goal is reported but is not an error.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import gateway as parts  # noqa: E402 - found only now

DIRECT, OURS, OTHER = "provider alone", "this tree", "the other commit"
ARMS = (DIRECT, OURS, OTHER)
SLICE_SECONDS = 0.12
MOST_ADDED = 1.10
LEAST_RATE = 0.95


def slices(port: int, pid: int) -> dict[str, float]:
    """One slice of each figure: seconds with one client, requests and CPU seconds per second with 16."""
    one, _ = uvloop.run(parts.load(port, parts.request_body(stream=False), 1, SLICE_SECONDS))
    streams, _ = uvloop.run(parts.load(port, parts.request_body(stream=True), 1, SLICE_SECONDS))
    before = parts.cpu_seconds(pid)
    many, took = uvloop.run(parts.load(port, parts.request_body(stream=False), 16, 2 * SLICE_SECONDS))
    return {
        "p50": statistics.median(sample.seconds for sample in one) * 1000,
        "first byte": statistics.median(sample.first_byte for sample in streams) * 1000,
        "requests a second at 16": len(many) / took,
        "processor ms a request": (parts.cpu_seconds(pid) - before) / len(many) * 1000,
    }


def measured(places: dict[str, tuple[int, int]], rounds: int) -> dict[str, dict[str, float]]:
    """Return each figure by arm as its best quarter of slices: what an arm does while the rest of the
    machine is idle. `places` are port and process.
    """
    figures: dict[str, dict[str, list[float]]] = {arm: defaultdict(list) for arm in ARMS}
    for number in range(rounds + 1):
        for arm in ARMS if number % 2 else reversed(ARMS):
            for name, value in slices(*places[arm]).items():
                if number:  # the first round only warms up
                    figures[arm][name].append(value)
    return {
        arm: {
            name: statistics.quantiles(values, n=4)[2 if name.startswith("requests") else 0]
            for name, values in of_arm.items()
        }
        for arm, of_arm in figures.items()
    }


def rows(figures: dict[str, dict[str, float]]) -> list[str]:
    """One line per figure: both values, their ratio, the verdict."""
    direct, ours, other = (figures[arm] for arm in ARMS)
    lines = ["| figure | this tree | the other commit | ratio | |", "|---|---|---|---|---|"]
    for name in ("p50", "first byte"):
        mine, theirs = (1000 * (one[name] - direct[name]) for one in (ours, other))
        met = "reached" if mine <= MOST_ADDED * theirs else "missed"
        lines.append(
            f"| added {name} | {mine:.0f} µs | {theirs:.0f} µs | {mine / theirs:.2f} | "
            f"at most {MOST_ADDED}: {met} |"
        )
    mine, theirs = (one["requests a second at 16"] for one in (ours, other))
    met = "reached" if mine >= LEAST_RATE * theirs else "missed"
    lines.append(
        f"| requests a second at 16 | {mine:,.0f} | {theirs:,.0f} | {mine / theirs:.2f} | "
        f"at least {LEAST_RATE}: {met} |"
    )
    mine, theirs = (one["processor ms a request"] for one in (ours, other))
    lines.append(f"| processor ms a request | {mine:.2f} | {theirs:.2f} | {mine / theirs:.2f} | |")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("commit", nargs="?", default="HEAD^", help="what to compare with (default HEAD^)")
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder, "tree")
        added = subprocess.run(
            ["git", "-C", ROOT, "worktree", "add", "--quiet", "--detach", other, given.commit], check=False
        )
        if added.returncode:
            raise SystemExit(2)
        processes: list[subprocess.Popen[str]] = []
        try:
            provider, port, _ = parts.spawn("provider")
            processes.append(provider)
            places = {DIRECT: (port, provider.pid)}
            for arm, tree in ((OURS, ROOT), (OTHER, other)):
                script = str(tree / "bench" / "gateway.py")
                process, at, _ = parts.spawn(
                    "gateway", "--upstream", f"http://127.0.0.1:{port}", script=script
                )
                processes.append(process)
                places[arm] = (at, process.pid)
            figures = measured(places, given.rounds)
        finally:
            for process in processes:
                process.terminate()
                process.wait(10)
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", other], check=False)
    print("\n".join(rows(figures)))


if __name__ == "__main__":
    main()
