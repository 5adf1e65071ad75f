"""Tokens presented again: used up before, of a sign-in that has ended, or meant for something else (L1.3,
G.4).

A person's access token may be presented until it expires; that is what it is for. What ends it before is
tested here through the gateway's HTTP.
"""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.common.access import AccessRecord
from lambdas.common.ledger import LedgerUnavailable
from lambdas.common.ledger.dynamo_store import DynamoStore
from lambdas.common.ledger.items import Key
from lambdas.common.ledger.token_uses import TokenUses, session_name, use_name
from lambdas.common.tokens import KeySets, TokenVerifier
from lambdas.common.virtual_keys import (
    key_record_pk,
    new_pepper,
    new_virtual_key,
    read_pepper,
    workload_record_pk,
)
from lambdas.gateway.authenticate import RECORD_SECONDS, Authenticator, LiveRecords
from lambdas.gateway.settings import read_settings
from tests.gateway.harness import Answer, Harness, MemoryDocument, chat, policy_document
from tests.gateway.upstream import FakeUpstream

from .deployed import Deployed
from .issuers import NOW, Provider, serving

PEPPER = read_pepper(new_pepper())
POOL = {
    "claims": {"person": "kit_person", "session": "origin_jti"},
    "required_claims": {"token_use": "access"},
}
PERSON = {"kit_person": "ada", "token_use": "access", "origin_jti": "sign-in-1", "sub": "cognito-id"}
SECOND_CI = "https://ci.example.com"


@dataclass
class Table:
    """Access records, as the gateway reads them."""

    records: dict[str, AccessRecord] = field(default_factory=dict)

    def get(self, key: str) -> AccessRecord | None:
        return self.records.get(key)


@dataclass
class Running:
    """A gateway that knows one person and one workload, by tokens of a scripted issuer."""

    harness: Harness
    provider: Provider
    table: Table
    monotonic: float = 0.0

    def call(self, token: str, path: str = "/v1/messages") -> Answer:
        bearer = {"authorization": f"Bearer {token}"}
        if path == "/v1/models":
            return self.harness.request("GET", path, None, bearer, key=None)
        body = b"" if path == "/v1/sign-out" else chat()
        return self.harness.post(path, body, bearer, key=None)

    def reached_claude(self) -> int:
        return len(self.harness.upstream.received)

    def let_in(self, pk: str, subject: str, department: str = "marketing") -> None:
        self.table.records[pk] = AccessRecord(pk, subject, active=True, department=department)
        self.harness.ledger.admit(pk, department)

    def sign_out_everywhere(self, pk: str, at: int) -> None:
        """As `kit sign-out` writes it; what the gateway keeps of the record does not know of it."""
        ended = datetime.fromtimestamp(at, UTC)
        self.table.records[pk] = replace(self.table.records[pk], signed_out_at=ended, version=2)
        self.harness.ledger.store.items[Key("access", pk, "ACCESS")]["signed_out_at"] = at

    def once(self, **claims: Any) -> str:
        return self.provider.token(**{"aud": "ci", "sub": "build", "jti": "assertion-1", **claims})

    def person(self, **claims: Any) -> str:
        return self.provider.token(**{**PERSON, **claims})


@pytest.fixture
def running() -> Iterator[Running]:
    upstream = FakeUpstream().start()
    with serving(Provider()) as provider:
        one_time: dict[str, Any] = {
            "audience": "ci", "principal": "application", "claims": {}, "single_use": True,
        }  # fmt: skip
        issuers = (
            provider.configured(**POOL),
            provider.configured(**one_time),
            provider.configured(**one_time, issuer=SECOND_CI),
        )
        document = MemoryDocument(policy_document([upstream.url]))
        harness = Harness([upstream], read_settings({}), document)
        table = Table()
        one = Running(harness, provider, table)

        def clock() -> datetime:
            return datetime.fromtimestamp(NOW, UTC)

        harness.keys = Authenticator(  # type: ignore[assignment]
            policy=SimpleNamespace(current=lambda: SimpleNamespace(issuers=issuers, departments={})),  # type: ignore[arg-type]
            records=LiveRecords(table, ThreadPoolExecutor(2), clock=lambda: one.monotonic),  # type: ignore[arg-type]
            pepper=lambda: PEPPER,
            verifier=TokenVerifier(KeySets(), clock=clock),
            uses=TokenUses(harness.ledger.store, clock),
            clock=clock,
            monotonic_clock=lambda: one.monotonic,
        )
        one.let_in("USER#ada", "ada")
        for issuer in (provider.issuer, SECOND_CI):
            one.let_in(workload_record_pk(issuer, "build", PEPPER), "build")
        harness.start()
        yield one
        harness.stop()
    upstream.stop()


# -- tokens that are good for one request --------------------------------------------------------------------


def test_a_one_time_token_is_good_for_one_request(running: Running) -> None:
    token = running.once()
    assert running.call(token).status == 200
    again = running.call(token)
    assert again.status == 401
    assert again.json()["error"]["type"] == "authentication_error"
    assert running.call(token, "/v1/models").status == 401
    assert running.reached_claude() == 1
    assert running.call(running.once(jti="assertion-2")).status == 200


def test_of_many_who_present_a_one_time_token_at_once_one_is_let_in(running: Running) -> None:
    token = running.once()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: running.call(token).status, range(8)))
    assert sorted(statuses) == [200, *[401] * 7]
    assert running.reached_claude() == 1


def test_a_one_time_token_without_an_id_is_refused(running: Running) -> None:
    for wrong in (None, "", 7, ["assertion-1"]):
        assert running.call(running.once(jti=wrong)).status == 401
    assert running.reached_claude() == 0


def test_an_id_is_one_issuers_own(running: Running) -> None:
    assert running.call(running.once()).status == 200
    assert running.call(running.once(iss=SECOND_CI)).status == 200
    assert running.call(running.once(iss=SECOND_CI)).status == 401


def test_when_uses_cannot_be_remembered_no_one_time_token_is_let_in(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(operations: Any) -> None:
        raise LedgerUnavailable("no answer")

    monkeypatch.setattr(running.harness.ledger.store, "transact", silent)
    for path in ("/v1/messages", "/v1/models"):
        answer = running.call(running.once(), path)
        assert answer.status == 503
        assert answer.header("x-should-retry") == "false"
    assert running.reached_claude() == 0


def test_who_is_refused_for_another_reason_has_not_used_the_token(running: Running) -> None:
    pk = workload_record_pk(running.provider.issuer, "build", PEPPER)
    record = running.table.records.pop(pk)
    assert running.call(running.once()).status == 401
    running.table.records[pk] = record
    running.monotonic += RECORD_SECONDS + 1
    assert running.call(running.once()).status == 200


def test_a_request_that_is_looked_at_again_uses_its_token_once(running: Running) -> None:
    """The workload has moved since its record was kept: the same request goes on in the new department."""
    pk = workload_record_pk(running.provider.issuer, "build", PEPPER)
    assert running.call(running.once()).status == 200
    running.let_in(pk, "build", "finance")
    assert running.call(running.once(jti="assertion-2")).status == 200
    assert running.harness.ledger.committed("DEPT#finance") > 0


def test_a_use_is_remembered_longer_than_the_token_is_good(running: Running) -> None:
    assert running.call(running.once(exp=NOW + 600)).status == 200
    item = running.harness.ledger.store.items[
        Key("ledger", f"TOKEN#{use_name(running.provider.issuer, 'assertion-1')}", "USED")
    ]
    assert item["ttl"] > NOW + 600 + 60
    assert "assertion-1" not in json.dumps(item)


# -- sign-ins that have ended --------------------------------------------------------------------------------


def test_after_signing_out_the_same_token_is_refused_at_the_next_call(running: Running) -> None:
    token, renewed = running.person(), running.person(iat=NOW - 1)
    elsewhere = running.person(origin_jti="sign-in-2")
    assert running.call(token).status == running.call(elsewhere).status == 200
    assert running.call(token, "/v1/sign-out").json() == {"type": "signed_out"}
    answer = running.call(token)
    assert answer.status == 403
    assert answer.json()["error"]["message"] == "You have signed out. Sign in again."
    assert running.call(renewed).status == 403, "every token of the sign-in"
    assert running.call(elsewhere).status == 200, "a sign-in on another machine goes on"
    assert running.reached_claude() == 3


def test_after_signing_out_what_spends_nothing_is_refused_within_seconds(running: Running) -> None:
    token = running.person()
    assert running.call(token, "/v1/models").status == 200
    assert running.call(token, "/v1/sign-out").status == 200
    running.monotonic += RECORD_SECONDS
    assert running.call(token, "/v1/models").status == 403
    assert running.call(token, "/v1/sign-out").status == 403


def test_when_all_sign_ins_of_a_person_end_the_same_token_is_refused_at_the_next_call(
    running: Running,
) -> None:
    token = running.person(auth_time=NOW - 60)
    assert running.call(token).status == 200
    running.sign_out_everywhere("USER#ada", NOW - 30)
    answer = running.call(token)
    assert answer.status == 403
    assert answer.json()["error"]["message"] == "You have signed out. Sign in again."
    renewed = running.person(auth_time=NOW - 60, iat=NOW, origin_jti="sign-in-1")
    assert running.call(renewed).status == 403, "issued after, of a sign-in before"
    assert running.call(running.person(auth_time=NOW - 30)).status == 403
    assert running.call(running.person(auth_time=None, iat=None)).status == 403, "says nothing of when"
    assert running.call(running.person(auth_time=NOW - 29, origin_jti="sign-in-2")).status == 200
    assert running.reached_claude() == 2


def test_a_token_that_does_not_say_which_sign_in_it_is_of_is_refused(running: Running) -> None:
    for wrong in (None, "", 7):
        assert running.call(running.person(origin_jti=wrong)).status == 401


def test_when_ended_sign_ins_cannot_be_read_nobody_is_let_in(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(keys: Any, *, consistent: bool = True) -> None:
        raise LedgerUnavailable("no answer")

    monkeypatch.setattr(running.harness.ledger.store, "get", silent)
    for path in ("/v1/messages", "/v1/models", "/v1/sign-out"):
        assert running.call(running.person(), path).status == 503
    assert running.reached_claude() == 0


def test_signing_out_that_cannot_be_remembered_is_said_to_have_failed(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(operations: Any) -> None:
        raise LedgerUnavailable("no answer")

    monkeypatch.setattr(running.harness.ledger.store, "transact", silent)
    assert running.call(running.person(), "/v1/sign-out").status == 503


def test_a_key_has_no_sign_in_to_end(running: Running) -> None:
    key = new_virtual_key()
    running.let_in(key_record_pk(key, PEPPER), "app-1")
    assert running.call(key, "/v1/sign-out").status == 400
    assert running.call(key).status == 200


# -- tokens for something else -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"token_use": "id"},
        {"aud": "another-app"},
        {"aud": None, "client_id": "another-app"},
        {"aud": "ci"},
        {"exp": NOW - 61},
        {"kit_person": None},
    ],
    ids=["identity token", "audience", "app client", "audience of ci", "expired", "without a person"],
)
def test_a_token_for_something_else_is_refused(running: Running, claims: dict[str, Any]) -> None:
    assert running.call(running.person()).status == 200
    assert running.call(running.person(**claims)).status == 401
    assert running.reached_claude() == 1


# -- in the ledger's table, under the gateway's own role -----------------------------------------------------


def test_the_gateways_role_can_remember_uses_and_ended_sign_ins(deployed: Deployed) -> None:
    with ThreadPoolExecutor(4) as pool:
        store = DynamoStore(
            deployed.gateway.client("dynamodb"),
            ledger_table=deployed.stage.exported("ledger_table_name"),
            access_table=deployed.stage.exported("access_table_name"),
            pool=pool,
        )
        uses = TokenUses(store)
        name, session = use_name("https://ci", "a"), session_name("https://login", "s")

        async def at_once() -> list[bool]:
            return await asyncio.gather(*(uses.use(name, NOW) for _ in range(6)))

        assert sorted(asyncio.run(at_once())) == [False] * 5 + [True]
        assert asyncio.run(uses.has_ended(session)) is False
        asyncio.run(uses.end(session))
        asyncio.run(uses.end(session))
        assert asyncio.run(uses.has_ended(session)) is True
