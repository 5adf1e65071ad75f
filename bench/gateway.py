"""The gateway with every control on, beside the direct call and a bare reverse proxy, in one run on one
machine.

    python bench/gateway.py                     # the tables for BENCHMARKS.md, each goal beside its figure
    python bench/gateway.py --memory 100000     # also: whether memory is flat over that many calls
    python bench/gateway.py --emulator          # also with ledger and audit store on the emulated AWS
    python bench/gateway.py --without-inspection  # also the rest of the path alone
    python bench/gateway.py --wire              # also with the stores' requests serialized, signed and sent
    python bench/gateway.py --json              # the same as JSON

A missed goal is reported but is not an error: the exit code is 0 whenever the figures could be measured.
Each part runs in its own process: a provider that answers from memory, the proxy or the gateway with one
worker, and this process, which generates the load. Compare ratios within a run; absolute figures depend on
the machine.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import httptools
import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import texts  # noqa: E402 - found only now
from lambdas.common.virtual_keys import new_virtual_key  # noqa: E402

KEY = os.environ.get("BENCH_KEY") or new_virtual_key()  # one key for all parts of a run
MESSAGE = json.dumps(
    {
        "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-haiku-5-5",
        "content": [{"type": "text", "text": "Rivers run softly through the green valley."}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 12, "output_tokens": 9},
    }
).encode()  # fmt: skip
DELTAS = 50
CLIENTS = (1, 16, 64)
STARTS = 5
DIRECT = "direct to the provider"
OURS = "gateway, every control on, stores in memory"
WIRED = "gateway, every request of its stores over the wire"
UNINSPECTED = "the same, nothing inspected or filtered"


def request_body(*, stream: bool, padding: int = 0) -> bytes:
    text = "Write one sentence about rivers. " + "The water is calm and clear today. " * (padding // 35)
    body = {"model": "fast", "max_tokens": 64, "messages": [{"role": "user", "content": text}]}
    return json.dumps(body | {"stream": True} if stream else body).encode()


def events() -> list[bytes]:
    def one(name: str, **fields: Any) -> bytes:
        return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()

    start = json.loads(MESSAGE) | {
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 12, "output_tokens": 1},
    }
    return [
        one("message_start", message=start),
        one("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *(
            one("content_block_delta", index=0, delta={"type": "text_delta", "text": f" calm water {number}"})
            for number in range(DELTAS)
        ),
        one("content_block_stop", index=0),
        one(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": 150},
        ),
        one("message_stop"),
    ]


# -- the provider --------------------------------------------------------------------------------------------


def whole(message: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(message) + message


class Provider(asyncio.Protocol):
    """Answers at once from memory, streams event by event."""

    plain = whole(MESSAGE)
    answers: ClassVar = {b"[answer: %b]" % kind.encode(): whole(texts.answer(kind)) for kind in texts.ANSWERS}
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    pieces = tuple(b"%x\r\n%b\r\n" % (len(event), event) for event in events())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._streaming = False
        self._answer = self.plain

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if b'"stream": true' in body:
            self._streaming = True
        if b"[answer: " in body:
            self._answer = next(answer for mark, answer in self.answers.items() if mark in body)

    def on_message_complete(self) -> None:
        if not self._streaming:
            self._transport.write(self._answer)
            self._answer = self.plain
            return
        self._streaming = False
        self._transport.write(self.head)
        for piece in self.pieces:
            self._transport.write(piece)
        self._transport.write(b"0\r\n\r\n")


async def serve_provider() -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# -- what stands between -------------------------------------------------------------------------------------


def bare_proxy(upstream: str) -> Any:
    """A reverse proxy without any control, on the same server and transport as the gateway."""
    from lambdas.gateway.providers.transport import HttpTransport

    transport = HttpTransport()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        headers = [pair for pair in scope["headers"] if pair[0] in {b"content-type", b"x-api-key"}]
        response = await transport.send(
            "POST", upstream + scope["path"], headers, message["body"], first_byte_seconds=60
        )
        kept = [pair for pair in response.headers if pair[0] in {b"content-type", b"content-length"}]
        await send({"type": "http.response.start", "status": response.status, "headers": kept})
        while piece := await response.read(60):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def serve_app(make: Callable[[], Any], started: float) -> None:
    """Run an application under uvicorn with one worker; prints its port and the time from process start to
    readiness.
    """
    import uvicorn

    config = uvicorn.Config(
        make(),
        host="127.0.0.1",
        port=0,
        log_level="error",
        access_log=False,
        lifespan="on",
        proxy_headers=False,
        loop="uvloop",
        http="lambdas.common.http_protocol:BoundedConnection",
    )
    server = uvicorn.Server(config)

    async def run() -> None:
        task = asyncio.create_task(server.serve())
        while not server.started:  # uvicorn has no event for it  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        port = server.servers[0].sockets[0].getsockname()[1]
        print(port, round((time.time() - started) * 1000), flush=True)
        await task

    uvloop.run(run())


# -- load ----------------------------------------------------------------------------------------------------


@dataclass
class Sample:
    seconds: float
    first_byte: float


class Client(asyncio.Protocol):
    """A client with one connection: it sends the next request when the previous answer is complete."""

    def __init__(self, request: bytes, until: float, samples: list[Sample], left: list[int]) -> None:
        self._request = request
        self._until = until
        self._samples = samples
        self._left = left
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)
        self._send()

    def _send(self) -> None:
        if time.perf_counter() > self._until or self._left[0] <= 0:
            self._finish()
            return
        self._left[0] -= 1
        self._started = time.perf_counter()
        self._first = 0.0
        self._transport.write(texts.renewed(self._request))

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"connection lost: {exc}"))

    def on_body(self, body: bytes) -> None:
        self._first = self._first or time.perf_counter()

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status != 200:
            self.done.set_exception(RuntimeError(f"answered {status}"))
            return
        now = time.perf_counter()
        self._samples.append(Sample(now - self._started, self._first - self._started))
        self._parser = httptools.HttpResponseParser(self)
        asyncio.get_running_loop().call_soon(self._send)


async def load(
    port: int, body: bytes, clients: int, seconds: float, limit: int = 1 << 60
) -> tuple[list[Sample], float]:
    """Return the samples of `clients` closed-loop clients, and the elapsed seconds."""
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx-api-key: {KEY}\r\n"
        "content-type: application/json\r\nanthropic-version: 2023-06-01\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode()
    samples: list[Sample] = []
    started = time.perf_counter()
    left = [limit]
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(
            lambda: Client(head + body, started + seconds, samples, left), "127.0.0.1", port
        )
        for _ in range(clients)
    ]
    await asyncio.gather(*(client.done for _, client in made))
    return samples, time.perf_counter() - started


# -- one run -------------------------------------------------------------------------------------------------


def spawn(role: str, *arguments: str, script: str = __file__) -> tuple[subprocess.Popen[str], int, int]:
    """Start a part; return its process, its port and the milliseconds until it was ready."""
    process = subprocess.Popen(
        [sys.executable, script, "--role", role, "--started", str(time.time()), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", "BENCH_KEY": KEY},
    )
    assert process.stdout is not None
    words = process.stdout.readline().split()
    if not words:
        raise SystemExit(f"error: the {role} did not start")
    return process, int(words[0]), int(words[1]) if len(words) > 1 else 0


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(port: int, pid: int, seconds: float, rounds: int) -> dict[str, float]:
    """Return medians over the rounds: requests per second and p50 by number of clients, CPU per request,
    and figures of streams.
    """
    figures: dict[str, list[float]] = {}

    def keep(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)

    for _ in range(rounds):
        for clients in CLIENTS:
            cpu = cpu_seconds(pid)
            samples, took = uvloop.run(load(port, request_body(stream=False), clients, seconds))
            keep(f"rps{clients}", len(samples) / took)
            keep(f"p50_{clients}", statistics.median(sample.seconds for sample in samples) * 1000)
            if clients == 16:
                keep("cpu", (cpu_seconds(pid) - cpu) / len(samples) * 1000)
        samples, _ = uvloop.run(load(port, request_body(stream=True), 1, seconds))
        keep("stream", statistics.median(sample.seconds for sample in samples) * 1000)
        keep("first", statistics.median(sample.first_byte for sample in samples) * 1000)
        samples, _ = uvloop.run(load(port, request_body(stream=False, padding=40_000), 1, seconds / 2))
        keep("p50_40k", statistics.median(sample.seconds for sample in samples) * 1000)
        for kind in texts.ANSWERS:
            for clients in (1, 16):
                samples, took = uvloop.run(load(port, texts.question(kind), clients, seconds / 2))
                keep(f"{kind}{clients}", len(samples) / took)
                keep(f"{kind}_p50_{clients}", statistics.median(one.seconds for one in samples) * 1000)
        cpu = cpu_seconds(pid)
        samples, _ = uvloop.run(load(port, texts.session(), 1, seconds / 2))
        keep("session_cpu", (cpu_seconds(pid) - cpu) / len(samples) * 1000)
    return {name: statistics.median(values) for name, values in figures.items()}


COLUMNS = {
    "rps1": "rps at 1 client",
    "p50_1": "p50 ms at 1",
    "rps16": "rps at 16",
    "p50_16": "p50 ms at 16",
    "rps64": "rps at 64",
    "cpu": "CPU ms per request",
    "p50_40k": "40 kB body: p50 ms at 1",
    "stream": "stream of 50 deltas: p50 ms",
    "first": "first byte ms",
}


_MILLISECONDS = ("cpu", "stream", "first", "session_cpu")
# the same with what users send: every request new, answers of 700 to 1,700 characters, a coding body of 100
# kB
USERS = {
    "prose16": "prose answer: rps at 16",
    "prose_p50_1": "p50 ms at 1",
    "technical16": "technical answer: rps at 16",
    "technical_p50_1": "p50 ms at 1",
    "code16": "code answer: rps at 16",
    "code_p50_1": "p50 ms at 1",
    "session_cpu": "100 kB of new code: CPU ms",
}


def table(results: dict[str, dict[str, float]], columns: dict[str, str] = COLUMNS) -> str:
    lines = ["| one worker | " + " | ".join(columns.values()) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, figures in results.items():
        cells = [
            f"{figures[key]:.2f}" if "p50" in key or key in _MILLISECONDS else f"{figures[key]:,.0f}"
            for key in columns
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="of load per figure and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--memory", type=int, default=0, metavar="CALLS", help="also watch memory over that many calls"
    )
    parser.add_argument("--emulator", action="store_true", help="also with the stores on the emulated AWS")
    parser.add_argument(
        "--without-inspection", action="store_true", help="also with nothing inspected: the rest of the path"
    )
    parser.add_argument("--json", action="store_true", help="figures as JSON instead of a table")
    parser.add_argument(
        "--wire", action="store_true", help="also with stores that answer at once, in their real wire format"
    )
    parser.add_argument("--stores", default="", help=argparse.SUPPRESS)
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--started", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--upstream", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role == "provider":
        uvloop.run(serve_provider())
    elif arguments.role == "proxy":
        serve_app(lambda: bare_proxy(arguments.upstream), arguments.started)
    elif arguments.role in ("gateway", "uninspected"):
        from bench.gateway_in_memory import gateway_app

        inspects = arguments.role == "gateway"
        serve_app(
            lambda: gateway_app(arguments.upstream, KEY, inspects=inspects, stores=arguments.stores),
            arguments.started,
        )
    elif arguments.role == "stores":
        from bench.gateway_in_memory import key_pk
        from bench.stores_on_loopback import serve_stores

        uvloop.run(serve_stores(key_pk(KEY), "marketing"))
    else:
        run(arguments)


def run(arguments: argparse.Namespace) -> None:
    """Start the parts, measure each and print."""
    processes: list[subprocess.Popen[str]] = []
    try:
        provider, provider_port, _ = spawn("provider")
        processes.append(provider)
        upstream = f"http://127.0.0.1:{provider_port}"
        results = {DIRECT: measure(provider_port, provider.pid, arguments.seconds, arguments.rounds)}
        ready = statistics.median(start_ms("gateway", upstream) for _ in range(STARTS))
        proxy, port, _ = spawn("proxy", "--upstream", upstream)
        processes.append(proxy)
        results["bare reverse proxy"] = measure(port, proxy.pid, arguments.seconds, arguments.rounds)
        gateway, port, _ = spawn("gateway", "--upstream", upstream)
        processes.append(gateway)
        results[OURS] = measure(port, gateway.pid, arguments.seconds, arguments.rounds)
        if arguments.emulator:
            from bench.gateway_on_emulator import gateway_process

            with gateway_process(upstream, KEY) as (emulated, emulated_port):
                results["gateway, stores on the emulated AWS"] = measure(
                    emulated_port, emulated.pid, arguments.seconds, arguments.rounds
                )
        if arguments.wire:
            stores, port_of_stores, _ = spawn("stores")
            processes.append(stores)
            at = f"http://127.0.0.1:{port_of_stores}"
            wired, port_of_wired, _ = spawn("gateway", "--upstream", upstream, "--stores", at)
            processes.append(wired)
            results[WIRED] = measure(port_of_wired, wired.pid, arguments.seconds, arguments.rounds)
        if arguments.without_inspection:
            bare, port_of_bare, _ = spawn("uninspected", "--upstream", upstream)
            processes.append(bare)
            results[UNINSPECTED] = measure(port_of_bare, bare.pid, arguments.seconds, arguments.rounds)
        memory = watch_memory(port, gateway.pid, arguments.memory) if arguments.memory else []
    finally:
        for process in processes:
            process.terminate()
            process.wait(10)
    against = goals(results[OURS], results[DIRECT], ready, memory)
    if arguments.wire:
        against += goals_over_the_wire(results[WIRED])
    if arguments.without_inspection:
        against += goals_without_inspection(results[UNINSPECTED], results[DIRECT])
    if arguments.json:
        judged = [
            {**asdict(goal), "reached": goal.missed_by <= 0, "missed_by": max(goal.missed_by, 0)}
            for goal in against
        ]
        print(json.dumps({"results": results, "goals": judged, "memory_kb": memory}, indent=2))
        return
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, medians of {arguments.rounds} rounds.\n"
    )
    print(table(results))
    print("\nWhat users send: no text seen before.\n")
    print(table(results, USERS))
    print("\n| figure | measured | goal | |\n|---|---|---|---|")
    for goal in against:
        print(goal.row())
    if memory:
        print(f"\nResident memory every {arguments.memory // 10} calls, kB: {', '.join(map(str, memory))}.")


def start_ms(role: str, upstream: str) -> int:
    """Return the milliseconds from the start of a process to its first readiness; then stop it."""
    process, _, ready = spawn(role, "--upstream", upstream)
    process.terminate()
    process.wait(10)
    return ready


@dataclass(frozen=True)
class Goal:
    """A figure and its goal: at most `goal`, or at least where `at_least`."""

    figure: str
    measured: float
    goal: float
    unit: str
    at_least: bool = False

    @property
    def missed_by(self) -> float:
        """Return the distance from the goal; 0 or less if it is reached."""
        return self.goal - self.measured if self.at_least else self.measured - self.goal

    def row(self) -> str:
        """A line of a table."""
        side = "at least" if self.at_least else "at most"
        verdict = "reached" if self.missed_by <= 0 else f"missed by {self.missed_by:,.4g} {self.unit}"
        measured = f"{self.measured:,.0f}" if self.measured >= 100 else f"{self.measured:.2f}"
        return f"| {self.figure} | {measured} {self.unit} | {side} {self.goal:,g} {self.unit} | {verdict} |"


def goals(ours: dict[str, float], direct: dict[str, float], ready: float, memory: list[int]) -> list[Goal]:
    """Goals of the gateway with its stores in memory, on an otherwise idle machine."""
    found = [
        Goal("added p50 at 1 client", ours["p50_1"] - direct["p50_1"], 0.85, "ms"),
        Goal("requests a second at 16 clients", ours["rps16"], 1_100, "rps", at_least=True),
        Goal("requests a second at 64 clients", ours["rps64"], 1_100, "rps", at_least=True),
        Goal("first byte of a stream after the provider's", ours["first"] - direct["first"], 1, "ms"),
        Goal("process start to ready", ready, 300, "ms"),
        Goal("technical answer at 16 clients", ours["technical16"], 1_500, "rps", at_least=True),
        Goal(
            "technical answer, added p50 at 1 client",
            ours["technical_p50_1"] - direct["technical_p50_1"],
            0.8,
            "ms",
        ),
        Goal("code answer at 16 clients", ours["code16"], 1_000, "rps", at_least=True),
        Goal("100 kB of new code, processor time", ours["session_cpu"], 8, "ms"),
    ]
    if memory:  # the first tenth fills the caches of the process
        found.append(Goal("growth of memory after the first tenth", (memory[-1] - memory[0]) / 1024, 2, "MB"))
    return found


def goals_over_the_wire(wired: dict[str, float]) -> list[Goal]:
    """Goals of a call including all its requests to AWS."""
    return [Goal("processor a request, stores over the wire", wired["cpu"], 1.0, "ms")]


def goals_without_inspection(bare: dict[str, float], direct: dict[str, float]) -> list[Goal]:
    """Goals of the rest of the path."""
    return [
        Goal("without inspection: added p50 at 1 client", bare["p50_1"] - direct["p50_1"], 0.35, "ms"),
        Goal("without inspection: requests a second at 16", bare["rps16"], 3_000, "rps", at_least=True),
    ]


def watch_memory(port: int, pid: int, calls: int) -> list[int]:
    """Return the resident memory after each tenth of the calls."""
    sizes = []
    for _ in range(10):
        uvloop.run(load(port, request_body(stream=False), 16, 3600, calls // 10))
        sizes.append(resident_kb(pid))
    return sizes


if __name__ == "__main__":
    main()
