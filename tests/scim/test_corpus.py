"""What identity providers send of joiners, movers and leavers, replayed; after each step the next gateway
call of a session that began after it (G.4). The requests are data (`corpus/*.json`), shaped as each provider
documents or publishes them. What came of each step is in the table of docs/leavers.md.
"""

import asyncio
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from lambdas.common.identities import Principal
from lambdas.common.ids import new_id
from lambdas.common.ledger.dynamo_store import DynamoStore
from lambdas.common.ledger.ledger import Ask, Ledger, Refused
from tests.records.ledger_fixtures import department, organization

from .harness import Scim

pytestmark = pytest.mark.emulator
CORPUS = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((Path(__file__).parent / "corpus").glob("*.json"))
}


@dataclass(frozen=True)
class Answered:
    """One step: what SCIM answered, whether the next call passed, and how long it took to be refused (ms)."""

    step: str
    status: int
    passed: bool
    milliseconds: float


class Replay:
    """A provider's run against a service."""

    def __init__(self, scim: Scim) -> None:
        self._scim = scim
        run = uuid.uuid4().hex[:8]
        self._words = {
            "<run>": run,
            "<name>": f"lee.{run}@example.com",
            "<renamed>": f"leeann.{run}@example.com",
            "<external>": f"00u{run}",
        }

    def steps(self, provider: str) -> Iterator[tuple[dict[str, Any], Answered]]:
        """Each step of a provider with what came of it."""
        for step in CORPUS[provider]["steps"]:
            if "<group>" in step["path"] and "<group>" not in self._words:
                self._words["<group>"] = self._scim.group(f"Canteen {self._words['<run>']}")["id"]
            body = None if step["body"] is None else json.loads(self._said(json.dumps(step["body"])))
            answer = self._scim.request(
                step["method"], self._said(step["path"]), body, **step.get("headers", {})
            )
            if step["method"] == "POST" and answer.status_code == 201:
                self._words["<id>" if step["path"] == "/Users" else "<group>"] = answer.json()["id"]
            if step["call"] is None:  # before there is anybody
                assert answer.status_code == 200, step
                continue
            began = perf_counter()
            passed = self._call()
            took = (perf_counter() - began) * 1000
            yield step, Answered(step["step"], answer.status_code, passed, took)

    def _said(self, text: str) -> str:
        for word, value in self._words.items():
            text = text.replace(word, value)
        return text

    def _call(self) -> bool:
        """Whether a gateway call of the person passes the ledger's transaction now."""
        person = self._words["<id>"]
        record = self._scim.access(person)
        where = record.department or "marketing"
        settings = self._scim.tenant.settings
        store = DynamoStore(
            self._scim.tenant.client("dynamodb"),
            ledger_table=settings.access_table,
            access_table=settings.access_table,
            pool=ThreadPoolExecutor(2),
        )
        ask = Ask(
            reservation_id=new_id("req_"),
            principal=Principal(
                "person",
                person,
                where,
                f"USER#{person}",
                "https://login.example.com",
                signed_out_at=int(record.signed_out_at.timestamp()) if record.signed_out_at else 0,
            ),
            department=department(id=where),
            organization=organization(),
            model="claude-haiku-5-5",
            microusd=1_000,
            tokens=100,
            expires_at=datetime.now(UTC) + timedelta(minutes=5),
        )
        try:
            asyncio.run(Ledger(store).reserve(ask))
        except Refused as refused:
            if refused.kind != "access":
                raise
            return False
        return True


@pytest.mark.parametrize("provider", CORPUS)
def test_each_step_of_a_provider_is_taken_and_the_next_call_follows_it(scim: Scim, provider: str):
    for step, answered in Replay(scim).steps(provider):
        expected = step.get("status", {"POST": 201}.get(step["method"]))
        assert answered.status == expected if expected else answered.status in {200, 204}, answered
        assert answered.passed is step["call"], answered


def test_the_corpus_has_every_provider_and_every_kind_of_step():
    assert set(CORPUS) >= {
        *("okta", "entra", "entra-compliant", "onelogin", "jumpcloud"),
        *("google", "ping", "keycloak", "authentik"),
    }
    assert all(one["source"] for one in CORPUS.values())
    for provider, one in CORPUS.items():
        calls = [step["call"] for step in one["steps"]]
        assert {True, False} <= set(calls), provider


def test_the_page_has_what_the_corpus_says():
    page = (Path(__file__).parents[2] / "docs" / "leavers.md").read_text("utf-8")
    rows = [
        f"| {provider} | {step['step']} | {step['method']} {step['path']} | "
        f"{'passes' if step['call'] else 'is refused'} |"
        for provider, one in CORPUS.items()
        for step in one["steps"]
        if step["call"] is not None
    ]
    assert page.rpartition("|---|\n")[2] == "\n".join(rows) + "\n"
