"""Provisioning of an organisation over HTTP: import with progress, lookups, a group of 5,000, a leaver.

    python bench/scim.py                   # 5,000 people, the table for BENCHMARKS.md
    python bench/scim.py --people 50000    # an enterprise; takes about ten minutes

The service runs under uvicorn in this process, on the emulated AWS in a separate process. Compare ratios
within a run; absolute figures depend on the machine.
"""

import argparse
import asyncio
import contextlib
import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402
from rich.table import Table  # noqa: E402

from kit.local import emulator  # noqa: E402
from lambdas.common.identities import Principal  # noqa: E402
from lambdas.common.ids import new_id  # noqa: E402
from lambdas.common.ledger import Ask, Ledger, Refused  # noqa: E402
from lambdas.common.ledger.dynamo_store import DynamoStore  # noqa: E402
from tests.records.ledger_fixtures import department, organization  # noqa: E402
from tests.scim.harness import Scim, Tenant  # noqa: E402
from tests.support.ports import free_port  # noqa: E402

CLIENTS = 8
GROUP = 5_000
Row = tuple[str, str]


@contextlib.contextmanager
def service() -> Iterator[Scim]:
    """Yield the service on its own emulated AWS; its access log is discarded."""
    folder = Path(tempfile.mkdtemp())
    venv = Path(os.environ.get("KIT_EMULATOR_VENV", ROOT / ".kit" / "emulator-venv"))
    running = emulator.start(
        venv=venv, state=folder, port=free_port(), region="eu-central-1", log=folder / "emulator.log"
    )
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            scim = Scim(Tenant.make(running), body_limit=32 * 1024 * 1024)
            yield scim
            scim.stop()
    finally:
        emulator.stop(running.pid)


def person(number: int) -> dict[str, Any]:
    """Return a user as Microsoft Entra sends it."""
    name = f"person{number:06}@example.com"
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "externalId": f"{number:032x}",
        "active": True,
        "displayName": f"Person {number}",
        "name": {"givenName": "Person", "familyName": f"Number{number}"},
        "emails": [{"value": name, "type": "work", "primary": True}],
    }


def imported(scim: Scim, people: int, console: Console) -> tuple[list[str], float, list[float]]:
    """Create everybody with several clients; return their ids, the total seconds, and the seconds of each
    request.
    """
    times: list[float] = []

    def create(number: int) -> str:
        while True:
            started = time.perf_counter()
            answer = scim.request("POST", "/Users", person(number))
            if answer.status_code != 429:
                break
            time.sleep(int(answer.headers["retry-after"]))  # the limit of one token, as providers honour it
        times.append(time.perf_counter() - started)
        answer.raise_for_status()
        return answer.json()["id"]

    started = time.perf_counter()
    with Progress(console=console) as progress, ThreadPoolExecutor(CLIENTS) as pool:
        task = progress.add_task(f"importing {people:,} people", total=people)
        ids = []
        for identifier in pool.map(create, range(people)):
            ids.append(identifier)
            progress.advance(task)
    return ids, time.perf_counter() - started, times


def timed(call: Callable[[], Any], times: int = 30) -> float:
    """Return the median of a call in milliseconds."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def denied_after(scim: Scim, identifier: str) -> float:
    """Return milliseconds from sending a deactivation until a reservation of the person was refused."""
    settings = scim.tenant.settings
    table = settings.access_table
    store = DynamoStore(
        scim.tenant.client("dynamodb"), ledger_table=table, access_table=table, pool=ThreadPoolExecutor(4)
    )
    ask = Ask(
        reservation_id=new_id("req_"),
        principal=Principal("person", identifier, "marketing", f"USER#{identifier}", "https://login"),
        department=department(id="marketing"),
        organization=organization(),
        model="claude-haiku-5-5",
        microusd=1_000,
        tokens=100,
        expires_at=datetime.now(UTC) + timedelta(minutes=5),
    )
    started = time.perf_counter()
    scim.patch(f"/Users/{identifier}", {"op": "replace", "value": {"active": False}})
    try:
        asyncio.run(Ledger(store).reserve(ask))
    except Refused:
        return (time.perf_counter() - started) * 1000
    raise AssertionError("the call of a leaver was let through")


def measure(scim: Scim, people: int, console: Console) -> Iterator[Row]:
    ids, seconds, times = imported(scim, people, console)
    quantiles = statistics.quantiles(times, n=100)
    yield (
        f"import of {people:,} people, {CLIENTS} clients",
        f"{seconds:.1f} s, {people / seconds:.0f} a second",
    )
    yield "one creation, p50 / p99", f"{quantiles[49] * 1000:.1f} / {quantiles[98] * 1000:.1f} ms"
    middle = people // 2
    name = person(middle)["userName"]
    for condition in (f'userName eq "{name}"', f'externalId eq "{middle:032x}"', f'emails.value eq "{name}"'):
        found = timed(lambda condition=condition: scim.find("Users", condition))
        yield f"lookup by {condition.split()[0]}", f"{found:.1f} ms"
    page = {"startIndex": middle, "count": 100}
    yield "a page of 100 in the middle", f"{timed(lambda: scim.http.get('/Users', params=page)):.0f} ms"
    whole = timed(lambda: scim.find("Users", f'name.familyName co "{middle}"'), times=1)
    yield "a filter without an index", f"{whole / 1000:.1f} s"
    started = time.perf_counter()
    members = ids[-GROUP:]  # providers push larger groups in several requests
    with console.status(f"a group of {len(members):,}"):
        group = scim.group("Claude Marketing", *members)
    yield f"a group of {len(members):,}, everybody placed", f"{time.perf_counter() - started:.1f} s"
    change = {"op": "remove", "path": f'members[value eq "{members[0]}"]'}
    leave = timed(lambda: scim.patch(f"/Groups/{group['id']}", change), times=1)
    yield "one member leaves that group", f"{leave:.1f} ms"
    denials = [denied_after(scim, identifier) for identifier in members[1:21]]
    yield "deactivated to refused, p50 / max", f"{statistics.median(denials):.1f} / {max(denials):.1f} ms"


def cold_start() -> float:
    """Return milliseconds to import the service in a separate process; the best of five."""
    code = "import time; t = time.perf_counter(); import lambdas.scim.app; print(time.perf_counter() - t)"
    runs = [subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) for _ in range(5)]
    return min(float(run) for run in runs) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=5_000)
    arguments = parser.parse_args()
    console = Console(file=sys.__stdout__)
    table = Table("what", "measured")
    table.add_row("import of the service's code", f"{cold_start():.0f} ms")
    with service() as scim:
        for row in measure(scim, arguments.people, console):
            table.add_row(*row)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    table.add_row("peak memory of service and clients together", f"{peak} MB")
    console.print(table)


if __name__ == "__main__":
    main()
