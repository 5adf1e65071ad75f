"""What the single contract costs the gateway: `python bench/contract_cost.py [--against COMMIT] [--of
COMMIT]`.

Reported: the time to parse the gateway's policy with 7 and with 200 departments, the time to import the
gateway's modules, and the start of the whole process (uvicorn, every control on, stores in memory) until it
is ready. Without `--against`, the comparison is with the commit before the contract was declared once, and
the files compared are the current ones or those of `--of`. Both run alternately, in their own processes, on
the document that the older one publishes. Figures are CPU time, the minimum of several rounds, which load
on the machine affects least.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEFORE = "607de27^"  # the commit that declares the contract once, its parent
ROUNDS = 7

PUBLISHED = """
import json, sys
from bench.gateway_in_memory import policy
sys.stdout.write(json.dumps(policy("https://api.anthropic.com")))
"""
MEASURED = """
import gc, json, sys, time
gc.disable()
start = time.process_time()
import lambdas.gateway.app
loaded = time.process_time() - start
try:
    from contract.policy import parse_policy
except ImportError:
    from lambdas.common.policy import parse_policy
document = json.load(sys.stdin)
def parse(count, times):
    one = document["departments"][0]
    several = [{**one, "id": f"{one['id']}-{n}"} for n in range(count)]
    given = json.dumps({**document, "departments": several}).encode()
    start = time.process_time()
    for _ in range(times):
        parse_policy(given)
    return (time.process_time() - start) / times
print(json.dumps([loaded, parse(7, 200), parse(200, 10)]))
"""


def _variables(root: Path) -> dict[str, str]:
    """Return the environment for modules under `root`. Bytecode is kept, so every round but the first uses
    it.
    """
    return {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": ""}


def run(code: str, root: Path, given: str = "") -> str:
    """Return the output of a program that imports the modules under `root`."""
    command = [sys.executable, "-c", code]
    variables = _variables(root)
    done = subprocess.run(
        command, cwd=root, env=variables, input=given, check=True, capture_output=True, text=True
    )
    return done.stdout


def until_ready(root: Path) -> float:
    """Return the CPU seconds of a gateway process until it prints its port."""
    command = [sys.executable, "bench/gateway.py", "--role", "gateway", "--upstream", "http://127.0.0.1:9"]
    variables = {**_variables(root), "BENCH_KEY": "sk-kit-bench"}
    with subprocess.Popen(
        [*command, "--started", str(time.time())], cwd=root, env=variables, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                raise SystemExit(f"error: the gateway of {root} did not start")
            fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        finally:
            process.terminate()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """Yield a temporary folder with the files of a commit."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", str(folder), commit], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True, capture_output=True)


def main() -> None:
    """Print both columns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", default=BEFORE, metavar="COMMIT", help="what to compare with")
    parser.add_argument("--of", metavar="COMMIT", help="what to compare; these files if it is left out")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        before = stack.enter_context(checked_out(arguments.against, folder / "before"))
        now = stack.enter_context(checked_out(arguments.of, folder / "now")) if arguments.of else ROOT
        document = run(PUBLISHED, before)
        rounds = [
            [[*json.loads(run(MEASURED, root, document)), until_ready(root)] for root in (before, now)]
            for _ in range(ROUNDS)
        ]
    names = (
        "gateway's modules loaded",
        "policy of 7 departments parsed",
        "policy of 200 departments parsed",
        "gateway process, start to ready",
    )
    figures = [
        {"name": name, **{side: round(1000 * min(each[place][number] for each in rounds), 2)
                          for place, side in enumerate(("before_ms", "now_ms"))}}
        for number, name in enumerate(names)
    ]  # fmt: skip
    if arguments.json:
        print(json.dumps(figures, indent=1))
        return
    print(f"{'processor milliseconds':<34} {'before':>8} {'now':>8}")
    for row in figures:
        print(f"{row['name']:<34} {row['before_ms']:>8} {row['now_ms']:>8}")


if __name__ == "__main__":
    main()
