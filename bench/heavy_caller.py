"""What one caller's large requests cost a colleague: one-line calls, alone and beside ten parallel 2.9 MB
bodies of another key.

    python bench/heavy_caller.py            # a table
    python bench/heavy_caller.py --seconds 8 --kind blocks

The colleague sends a call every 20 ms; both phases are measured alternately, twice, in one run on one
machine. The goal: p99 grows by at most a factor of 3 (L1.11). A missed goal is reported but is not an
error.
"""

import argparse
import http.client
import json
import statistics
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import gateway as parts  # noqa: E402 - found only now
from lambdas.common.virtual_keys import new_virtual_key  # noqa: E402

HEAVY_BYTES = 2_900_000
HEAVY_AT_ONCE = 10
EVERY_SECONDS = 0.02
GOAL = 3.0


def heavy(kind: str, number: int) -> bytes:
    """Return a body that has not been inspected yet: addresses in one text, or very many small blocks."""
    content: object
    if kind == "addresses":
        one = [f"user{number}.{index}@example{index % 977}.com" for index in range(HEAVY_BYTES // 26)]
        content = " ".join(one)[:HEAVY_BYTES]
    else:
        content = [{"type": "text", "text": f"word {number} {index}"} for index in range(HEAVY_BYTES // 44)]
    messages = [{"role": "user", "content": content}]
    return json.dumps({"model": "fast", "max_tokens": 64, "messages": messages}).encode()


def post(port: int, key: str, body: bytes) -> int:
    """Return the status of one call."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", "/v1/messages", body, {"x-api-key": key})
    status = connection.getresponse().status
    connection.close()
    return status


def colleague(port: int, key: str, seconds: float) -> list[float]:
    """Return the seconds of each one-line call, every call different."""
    took: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        text = f"Write one sentence about river number {len(took)} at {time.time()}."
        body = {"model": "fast", "max_tokens": 64, "messages": [{"role": "user", "content": text}]}
        started = time.perf_counter()
        if post(port, key, json.dumps(body).encode()) != 200:
            raise SystemExit("error: a colleague's call was refused")
        took.append(time.perf_counter() - started)
        time.sleep(EVERY_SECONDS)
    return took


def attacked(port: int, keys: tuple[str, str], kind: str, seconds: float) -> tuple[list[float], list[int]]:
    """Return the colleague's times beside the heavy caller, and the heavy caller's status codes."""
    answers: list[int] = []
    ends = threading.Event()

    def attack(number: int) -> None:
        while not ends.is_set():
            answers.append(post(port, keys[1], heavy(kind, number + len(answers) * HEAVY_AT_ONCE)))

    threads = [threading.Thread(target=attack, args=(one,), daemon=True) for one in range(HEAVY_AT_ONCE)]
    for thread in threads:
        thread.start()
    time.sleep(2)  # until all ten bodies have arrived
    took = colleague(port, keys[0], seconds)
    ends.set()
    return took, answers


def line(name: str, took: list[float]) -> str:
    """One row of the table."""
    cuts = statistics.quantiles(took, n=100)
    return (
        f"| {name} | {len(took)} | {1000 * cuts[49]:.1f} | {1000 * cuts[98]:.1f} | {1000 * max(took):.0f} |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each phase (default 6)")
    parser.add_argument("--kind", choices=("addresses", "blocks"), default="addresses")
    parser.add_argument("--role", choices=("gateway",), help=argparse.SUPPRESS)
    parser.add_argument("--keys", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--upstream", help=argparse.SUPPRESS)
    parser.add_argument("--started", type=float, default=0.0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role:
        from bench.gateway_in_memory import gateway_app

        parts.serve_app(lambda: gateway_app(given.upstream, *given.keys), given.started)
        return
    keys = (new_virtual_key(), new_virtual_key())
    provider, upstream, _ = parts.spawn("provider")
    gateway, port, _ = parts.spawn(
        "gateway", "--upstream", f"http://127.0.0.1:{upstream}", "--keys", *keys, script=__file__
    )
    try:
        colleague(port, keys[0], 1)
        alone = colleague(port, keys[0], given.seconds)
        beside, answers = attacked(port, keys, given.kind, given.seconds)
    finally:
        gateway.kill()
        provider.kill()
    print("| colleague's calls | number | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|")
    print(line("alone", alone))
    print(line(f"beside {HEAVY_AT_ONCE} bodies of {HEAVY_BYTES / 1e6:.1f} MB ({given.kind})", beside))
    factor = statistics.quantiles(beside, n=100)[98] / statistics.quantiles(alone, n=100)[98]
    met = "met" if factor <= GOAL else "missed"
    print(
        f"\np99 grows by a factor of {factor:.1f} (goal: at most {GOAL:g}, {met}); heavy answers: {answers}"
    )


if __name__ == "__main__":
    main()
