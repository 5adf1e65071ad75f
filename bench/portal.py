"""The portal: start to first answer, and pages for 50 people at once (L4.2).

    python bench/portal.py [--people 50] [--pages 20]

Every part of the server is real except what is behind a network: rows and access records are in memory, and
a gateway answers at once. People are threads of this process, each with a session; their CPU time is
included in that of a page.
"""

import argparse
import http.client
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from components.portal.content import content_text
from kit.prompts.library import read_library
from lambdas.common.access import person_record
from lambdas.common.clock import utc_now
from lambdas.common.learning import read_content
from lambdas.gateway.prompts import describe
from lambdas.portal.app import create_app
from lambdas.portal.catalogue import Library
from lambdas.portal.gateway import Answer
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
        return Answer(200, {"data": [], "budget": {"committed_microusd": 1, "monthly_microusd": 9}}, "req_1")


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
    """Return milliseconds from the start of a process to its first answer, and CPU milliseconds until it
    ended.
    """
    server = ["uvicorn", "--factory", "lambdas.portal.app:create_app", "--port", f"{PORT + 1}"]
    command = [sys.executable, "-m", *server,
               "--log-level", "error"]  # fmt: skip
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    waited = 0.0
    process = subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.DEVNULL)
    try:
        while time.perf_counter() - begun < 30:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", PORT + 1, timeout=1)
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    waited = (time.perf_counter() - begun) * 1000
                    break
            except OSError:
                time.sleep(0.005)
    finally:
        process.terminate()
        process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if not waited:
        raise SystemExit("the portal did not start")
    return waited, used * 1000


def visit(cookie: str, pages: int, taken: list[float], wrong: list[str]) -> None:
    """One person: page after page."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    for number in range(pages):
        path = f"/portal/{PAGES[number % len(PAGES)]}"
        begun = time.perf_counter()
        connection.request("GET", path, headers={"cookie": f"portal={cookie}"})
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            wrong.append(f"{path}: {answer.status}")
        time.sleep(0.5)  # a person reads


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
    taken: list[float] = []
    wrong: list[str] = []
    before = time.process_time()
    people = [
        threading.Thread(target=visit, args=(cookies[n], given.pages, taken, wrong))
        for n in range(given.people)
    ]
    for one in people:
        one.start()
    for one in people:
        one.join()
    used = time.process_time() - before
    server.should_exit = True
    sys.stdout = kept
    ordered = sorted(taken)
    figures = {
        "start_ms_median": round(statistics.median(one for one, _ in starts)),
        "start_processor_ms": round(statistics.median(used for _, used in starts)),
        "pages": len(taken),
        "people": given.people,
        "page_p50_ms": round(ordered[len(ordered) // 2], 1),
        "page_p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
        "processor_ms_per_page": round(used * 1000 / len(taken), 2),
        "load": os.getloadavg()[0],
        "wrong": wrong[:5],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
