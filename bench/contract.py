"""What the one contract costs the gateway: `python bench/contract.py [--against COMMIT]`.

How long the gateway's policy takes to parse, with 7 departments and with 200, and how long
the gateway's modules take to load. Without `--against` the commit before the contract was declared once is
compared; both run in turns, in processes of their own, on the document that the older one publishes. The
figures are processor time, the smallest of some rounds, which a busy machine changes least.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BEFORE = "607de27^"  # the commit that declares the contract once, its parent
ROUNDS = 5

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


def run(code: str, root: Path, given: str = "") -> str:
    """What a program prints that runs on the modules under `root`."""
    command = [sys.executable, "-c", code]
    variables = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        command, cwd=root, env=variables, input=given, check=True, capture_output=True, text=True
    )
    return done.stdout


def main() -> None:
    """Print both columns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", default=BEFORE, metavar="COMMIT", help="what to compare with")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run(
            [*git, "add", "--detach", str(before), arguments.against], check=True, capture_output=True
        )
        try:
            document = run(PUBLISHED, before)
            rounds = [[json.loads(run(MEASURED, root, document)) for root in (before, ROOT)]
                      for _ in range(ROUNDS)]  # fmt: skip
        finally:
            subprocess.run([*git, "remove", "--force", str(before)], check=True, capture_output=True)
    names = ("gateway's modules loaded", "policy of 7 departments parsed", "policy of 200 departments parsed")
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
