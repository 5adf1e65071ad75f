"""`kit chargeback reconcile --resolve` between an Admin API that answers as its documentation shows and a
ledger on the emulated AWS (C.2, L1.6).
"""

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from typer.testing import CliRunner

from kit.cli import app
from kit.embedded import Emulator
from kit.errors import KitError
from kit.target import Target
from lambdas.common.ids import new_id
from tests.records.ledger_fixtures import Bench, dynamo_store, make_tables, root_client

from .test_reconcile import DAY, OWN, SONNET, cost_report, paid, usage_report

ADMIN_KEY = "sk-ant-admin01-example"
EMPTY = {"starting_at": f"{DAY}T08:00:00Z", "ending_at": f"{DAY}T09:00:00Z", "results": []}
HELD, KNOWN, TRUE = 52_000, 2_000, 12_000  # micro-dollars of the uncertain call


class AdminApi(BaseHTTPRequestHandler):
    """Two pages of each report, the second behind the token that the first names. Refuses as the API does:
    401 without an Admin key, 400 for a parameter that it does not know or that is missing.
    """

    reports: ClassVar[dict[str, Any]] = {
        "/v1/organizations/usage_report/messages": usage_report(SONNET, 2_000, 11_000),
        "/v1/organizations/cost_report": cost_report((OWN, SONNET, "11.4")),
    }
    known: ClassVar[set[str]] = {"starting_at", "ending_at", "bucket_width", "group_by[]", "limit", "page"}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.asked.append(path)
        if self.headers["x-api-key"] != ADMIN_KEY or not self.headers["anthropic-version"]:
            self._answer(401, {"type": "error", "error": {"type": "authentication_error", "message": "no"}})
        elif path not in self.reports or not query.keys() <= self.known or "starting_at" not in query:
            self._answer(400, {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}})
        elif "page" not in query:
            self._answer(200, {"data": [EMPTY], "has_more": True, "next_page": "page_MjAyNg=="})
        elif query["page"] == ["page_MjAyNg=="]:
            self._answer(200, self.reports[path])
        else:
            self._answer(400, {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}})

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def admin_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), AdminApi)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def deployment(emulated_aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> tuple[Target, Bench]:
    """A ledger with one certain and one uncertain call, whose rows lie in the analytics bucket."""
    name = new_id("reconcile-").lower().replace("_", "-")
    tables = make_tables(emulated_aws, name)
    bench = Bench(dynamo_store(emulated_aws, tables))
    s3 = root_client(emulated_aws, "s3")
    outputs = {
        "ledger_table_name": tables[0], "analytics_bucket_name": f"{name}-rows",
        "audit_bucket_name": f"{name}-audit", "client": "example",
    }  # fmt: skip
    for kind in ("analytics", "audit"):
        s3.create_bucket(
            Bucket=outputs[f"{kind}_bucket_name"],
            CreateBucketConfiguration={"LocationConstraint": emulated_aws.region},
        )

    async def call(microusd: int, uncertain: int) -> str:
        granted = await bench.ledger.reserve(bench.ask(microusd))
        await bench.ledger.settle(granted, microusd, 0, uncertain=uncertain)
        return granted.handle.reservation.id

    async def calls() -> tuple[str, str]:
        await bench.grant_access()
        return await call(102_000, 0), await call(HELD, HELD - KNOWN)

    known, unsure = asyncio.run(calls())
    rows = [paid(1, 102_000, request_id=known), paid(2, HELD, HELD - KNOWN, request_id=unsure)]
    lines = "".join(json.dumps(one) + "\n" for one in rows)
    s3.put_object(
        Bucket=outputs["analytics_bucket_name"], Key=f"records/dt={DAY}/part.json.gz",
        Body=gzip.compress(lines.encode()),
    )  # fmt: skip
    session = boto3.Session(
        emulated_aws.access_key_id, emulated_aws.secret_access_key, region_name=emulated_aws.region
    )
    target = Target(outputs, emulated_aws.region, False, session, emulated_aws.endpoint_url)
    monkeypatch.setattr("kit.target.find_target", lambda _: target)
    return target, bench


def reconcile(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["chargeback", "reconcile", "--month", "2026-11", "--json", *arguments])
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


@pytest.mark.emulator
def test_what_the_providers_report_explains_becomes_the_true_cost_in_the_ledger_once(
    deployment: tuple[Target, Bench], admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bench = deployment
    monkeypatch.setenv("ANTHROPIC_ADMIN_URL", admin_url)
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "sk-ant-api03-no-admin")
    refused = CliRunner().invoke(app, ["chargeback", "reconcile", "--month", "2026-11"])
    assert isinstance(refused.exception, KitError)
    assert "401" in str(refused.exception)
    assert "sk-ant-api03" not in str(refused.exception)

    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", ADMIN_KEY)
    scopes = ["USER#ada", "DEPT#marketing", "ORG"]

    def balances() -> list[tuple[int, int]]:
        found = asyncio.run(bench.ledger.balances(scopes, "2026-11"))
        return [(one.committed_microusd, one.uncertain_microusd) for one in found]

    document = reconcile()
    (explained,) = document["explained"]
    assert explained["microusd"] == TRUE
    assert document["resolved"] == []
    assert {one["report"] for one in document["lines"]} == {"cost", "usage"}
    assert all(not one["difference_microusd"] for one in document["lines"])
    assert balances() == [(102_000 + HELD, HELD - KNOWN)] * 3

    assert reconcile("--resolve")["resolved"] == [explained["request_id"]]
    assert balances() == [(102_000 + TRUE, 0)] * 3
    assert reconcile("--resolve")["resolved"] == [], "what was resolved is charged twice"
    assert balances() == [(102_000 + TRUE, 0)] * 3
