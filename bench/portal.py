"""The portal: start to first answer, pages for 50 people at once, and what the portal adds to the gateway's
first word (L4.2).

    python bench/portal.py [--people 50] [--pages 20]

Every part of the server is real except what is behind a network: rows and access records are in memory, and
a gateway answers at once. People are threads of another process, each with a session, who read every page for
half a second on average (at least a quarter, at most three quarters; the same seed every time). `first` are
the pages of a process that has shown none yet, `page` those of the second round.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import uvicorn

from components.portal.content import content_text
from kit.prompts.library import read_library
from lambdas.common.access import person_record
from lambdas.common.clock import utc_now
from lambdas.common.learning import read_content
from lambdas.gateway.prompts import describe
from lambdas.portal.app import create_app
from lambdas.portal.catalogue import Library
from lambdas.portal.gateway import Answer, Finished, Stream
from lambdas.portal.portal import Delegate, Portal
from lambdas.portal.sessions import Sessions, Tokens
from lambdas.portal.settings import read_settings
from lambdas.portal.table import Row

PORT = 27_600
PAGES = (
    "",
    "library",
    "library?q=campain",
    "library/campaign-copy",
    "learn",
    "guidelines",
    "champions",
    "ideas",
)
ENVIRONMENT = {
    "AWS_REGION": "eu-central-1",
    "PORTAL_TABLE": "portal",
    "ACCESS_TABLE": "access",
    "GOVERNANCE_BUCKET": "g",
    "GATEWAY_URL": "http://127.0.0.1:1",
    "PORTAL_URL": f"http://127.0.0.1:{PORT}/portal",
    "SIGN_IN_URL": "http://127.0.0.1:1",
    "SIGN_IN_CLIENT_ID": "c",
    "SIGN_IN_PROVIDER": "p",
    "SIGN_IN_ISSUER": "http://127.0.0.1:1",
    "REGISTRAR_FUNCTION": "r",
    "DEPUTY_FUNCTION": "d",
    "AWS_ACCESS_KEY_ID": "k",
    "AWS_SECRET_ACCESS_KEY": "s",
}


class MemoryTable:
    """Rows in memory, with the methods that pages use."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}

    def get(self, pk: str, sk: str) -> Row | None:
        return self._rows.get((pk, sk))

    def rows(self, pk: str, prefix: str = "", *, newest_first: bool = False) -> list[Row]:
        found = sorted(key for key in self._rows if key[0] == pk and key[1].startswith(prefix))
        return [self._rows[key] for key in (reversed(found) if newest_first else found)]

    def create(self, row: Row) -> Row:
        written = replace(row, version=row.version + 1)
        self._rows[row.pk, row.sk] = written
        return written

    write = create

    def change(self, row: Row, **values: Any) -> Row:
        return self.create(replace(row, **values))


class Stub:
    """What is behind a network: access records, content, gateway, pool."""

    def get(self, key: str, *_: Any) -> Any:
        return person_record(key.removeprefix("USER#"), provisioned=True, department="marketing")

    def current(self) -> Any:
        return CONTENT

    def close(self) -> None: ...


class StubGateway:
    """Answers at once."""

    async def get(self, token: str, path: str) -> Answer:
        del token
        if path.startswith("/v1/prompts"):
            return Answer(200, {"data": PROMPTS}, "req_1")
        rights = {"models": [], "registered_prompts_only": False}
        budget = {"committed_microusd": 1, "monthly_microusd": 9}
        return Answer(200, {"data": [], "budget": budget, **rights}, "req_1")

    @asynccontextmanager
    async def stream(
        self, token: str, path: str, body: Any, finished: Finished, use_case: str = ""
    ) -> AsyncIterator[Stream]:
        del token, path, body, use_case
        finished.stop_reason = "end_turn"

        async def text() -> AsyncIterator[str]:
            yield "An answer."

        yield Stream("req_01", text())


CONTENT = read_content(content_text().encode())
PROMPTS: list[dict[str, Any]] = []


def served() -> tuple[Any, list[str]]:
    """Return the application over stubs, and the cookies of open sessions."""
    library = read_library(Path("prompts")).values()
    PROMPTS.extend(describe(entry.draft, "en") for entry in library)
    stub, table = Stub(), MemoryTable()
    gateway: Any = StubGateway()
    rows: Any = table
    sessions = Sessions(rows)
    pool = type("Pool", (), {"transport": stub})()
    parts: Any = {
        "settings": read_settings(ENVIRONMENT),
        "table": table,
        "sessions": sessions,
        "records": stub,
        "pool": pool,
        "gateway": gateway,
        "registrar": Delegate(None, ""),
        "deputy": Delegate(None, ""),
        "content": stub,
        "figures": stub,
        "library": Library(gateway),
        "clock": utc_now,
    }
    portal = Portal(**parts)
    soon = int(time.time()) + 3_600
    cookies = [sessions.open(f"p{n}", "Ada", Tokens("a", "i", "r", soon)).secret for n in range(200)]
    return create_app(portal), cookies


def started() -> tuple[float, float]:
    """Return milliseconds from the start of a process to its first answer, and its CPU milliseconds until
    then.
    """
    server = ["uvicorn", "--factory", "lambdas.portal.app:create_app", "--port", f"{PORT + 1}"]
    command = [sys.executable, "-m", *server,
               "--log-level", "error"]  # fmt: skip
    begun, waited, used = time.perf_counter(), 0.0, 0.0
    process = subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.DEVNULL)
    try:
        while time.perf_counter() - begun < 30:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", PORT + 1, timeout=1)
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    waited = (time.perf_counter() - begun) * 1000
                    used = _processor_seconds(process.pid) * 1000
                    break
            except OSError:
                time.sleep(0.005)
    finally:
        process.terminate()
        process.wait()
    if not waited:
        raise SystemExit("the portal did not start")
    return waited, used


def _processor_seconds(process: int) -> float:
    """Return the CPU time of a running process, on Linux."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def visit(number: int, cookie: str, pages: int, taken: list[float], wrong: list[str]) -> None:
    """One person: page after page."""
    reading = random.Random(number)
    time.sleep(reading.uniform(0, 0.75))
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    for page in range(pages):
        path = f"/portal/{PAGES[(number + page) % len(PAGES)]}"
        begun = time.perf_counter()
        connection.request("GET", path, headers={"cookie": f"portal={cookie}"})
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            wrong.append(f"{path}: {answer.status}")
        time.sleep(reading.uniform(0.25, 0.75))


def first_words(cookie: str, times: int) -> list[float]:
    """One person asks, one question after another. Return milliseconds to the first word of each answer, of
    a gateway that needs none.
    """
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    headers = {"cookie": f"portal={cookie}"}
    connection.request("GET", "/portal/ask", headers=headers)
    page = connection.getresponse().read().decode()
    token = page.split('name="form_token" value="', 1)[1].split('"', 1)[0]
    body = urlencode({"form_token": token, "text": "Hello", "model": "fast"})
    headers |= {"accept": "text/event-stream", "content-type": "application/x-www-form-urlencoded"}
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        connection.request("POST", "/portal/ask", body, headers)
        answer = connection.getresponse()
        line = b"."
        while line and b"An answer." not in line:
            line = answer.readline()
        if not line:
            raise SystemExit(f"no word came: {answer.status}")
        taken.append((time.perf_counter() - begun) * 1000)
        answer.read()
    return taken


def visit_all(cookies: Sequence[str], pages: int) -> tuple[list[float], list[str]]:
    """Everybody at once, in this process. Return milliseconds of every page, and what was wrong."""
    taken: list[float] = []
    wrong: list[str] = []
    people = [
        threading.Thread(target=visit, args=(number, cookie, pages, taken, wrong))
        for number, cookie in enumerate(cookies)
    ]
    for one in people:
        one.start()
    for one in people:
        one.join()
    return taken, wrong


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--pages", type=int, default=20)
    given = parser.parse_args()
    starts = [started() for _ in range(5)]
    app, cookies = served()
    config = uvicorn.Config(app, port=PORT, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    sys.stdout, kept = open(os.devnull, "w"), sys.stdout  # noqa: SIM115, PTH123  # the access log
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as readers:
        readers.submit(int).result()
        first, wrong = readers.submit(visit_all, cookies[: given.people], given.pages).result()
        before = time.process_time()
        taken, again = readers.submit(visit_all, cookies[: given.people], given.pages).result()
        used = time.process_time() - before
        words = readers.submit(first_words, cookies[0], 50).result()
    server.should_exit = True
    sys.stdout = kept
    ordered, unused = sorted(taken), sorted(first)
    figures = {
        "start_ms_median": round(statistics.median(one for one, _ in starts)),
        "start_processor_ms": round(statistics.median(used for _, used in starts)),
        "pages": len(taken),
        "people": given.people,
        "first_p95_ms": round(unused[int(len(unused) * 0.95)], 1),
        "page_p50_ms": round(ordered[len(ordered) // 2], 1),
        "page_p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
        "processor_ms_per_page": round(used * 1000 / len(taken), 2),
        "first_word_ms_median": round(statistics.median(words), 1),
        "first_word_ms_p95": round(sorted(words)[int(len(words) * 0.95)], 1),
        "load": round(os.getloadavg()[0], 1),
        "wrong": [*wrong, *again][:5],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
