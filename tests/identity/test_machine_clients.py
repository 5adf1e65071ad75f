"""Machines with a client of their own in the user pool (client credentials): let in, held to the scope and to
their department, on record as machines (L1.3, L1.4, G.4).

Tokens come from the emulated user pool over HTTP, by the app clients that the plan made.
"""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import anthropic
import boto3
import httpx2
import pytest

import kit.target
from kit.target import Target
from lambdas.common.access import AccessRecord
from lambdas.common.virtual_keys import workload_record_pk
from lambdas.gateway.authenticate import RECORD_SECONDS
from tests.gateway.harness import Harness, chat

from .commands import invoke
from .deployed import Deployed

pytestmark = pytest.mark.emulator
SCOPE = "claude/messages"
OTHER_SCOPE = "claude/reports"


@dataclass
class Machines:
    """A running gateway, and the machines that the user pool knows."""

    deployed: Deployed
    harness: Harness

    def cognito(self) -> tuple[Any, str]:
        return self.deployed.stage.root("cognito-idp"), self.deployed.stage.exported("user_pool_id")

    def client(self, machine: str) -> dict[str, Any]:
        """The machine's app client, secret included."""
        cognito, pool = self.cognito()
        clients = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=20)["UserPoolClients"]
        (app,) = (one["ClientId"] for one in clients if one["ClientName"] == f"machine-{machine}")
        return cognito.describe_user_pool_client(UserPoolId=pool, ClientId=app)["UserPoolClient"]

    def ask(self, machine: str, scope: str = SCOPE, secret: str = "") -> httpx2.Response:
        """What the token endpoint answers to the machine."""
        app = self.client(machine)
        proof = base64.b64encode(f"{app['ClientId']}:{secret or app['ClientSecret']}".encode()).decode()
        return httpx2.post(
            f"{self.deployed.stage.emulator.endpoint_url}/oauth2/token",
            data={"grant_type": "client_credentials", "scope": scope},
            headers={"authorization": f"Basic {proof}"},
        )

    def token(self, machine: str, scope: str = SCOPE) -> str:
        answer = self.ask(machine, scope)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def let_in(self, machine: str, department: str) -> str:
        """Let a machine in, as `kit key create --issuer` does. Its id."""
        _, pool = self.cognito()
        issuer = f"https://cognito-idp.{self.deployed.stage.emulator.region}.amazonaws.com/{pool}"
        pk = workload_record_pk(issuer, self.client(machine)["ClientId"], self.deployed.pepper)
        if self.deployed.records.get(pk) is None:
            self.deployed.records.create(
                AccessRecord(pk, f"key_{machine}", active=True, department=department)
            )
        return f"key_{machine}"

    def grant(self, machine: str) -> tuple[str, str]:
        """Where a machine's access record lies, and its id as it is now."""
        _, pool = self.cognito()
        issuer = f"https://cognito-idp.{self.deployed.stage.emulator.region}.amazonaws.com/{pool}"
        pk = workload_record_pk(issuer, self.client(machine)["ClientId"], self.deployed.pepper)
        record = self.deployed.records.get(pk)
        assert record is not None
        return pk, record.subject

    def target(self) -> Target:
        """The deployment as an operator's `kit` finds it."""
        stage = self.deployed.stage
        exports = {
            name: str(value) for graph in stage.graphs.values() for name, value in graph.exports.items()
        }
        session = boto3.Session(stage.emulator.access_key_id, stage.emulator.secret_access_key)
        return Target(exports, stage.emulator.region, True, session, stage.emulator.endpoint_url)

    def post(self, path: str, token: str, body: Any) -> Any:
        return self.harness.post(path, body, {"authorization": f"Bearer {token}"}, key=None)


@pytest.fixture
def machines(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    harness, _ = deployed.composed(monkeypatch, ANTHROPIC_UPSTREAM_URL=deployed.upstream.url)
    harness.start()
    made = Machines(deployed, harness)
    made.let_in("reports", "marketing")
    made.let_in("ledger", "finance")
    yield made
    harness.stop()


def test_a_machine_calls_with_its_token_and_is_on_record_as_a_machine(machines: Machines) -> None:
    client = anthropic.Anthropic(
        base_url=machines.harness.url, api_key=machines.token("reports"), max_retries=0
    )
    answer = client.messages.with_raw_response.create(
        model="fast", max_tokens=16, messages=[{"role": "user", "content": "Say hello."}]
    )
    records = _records(machines, answer.headers["request-id"])
    assert {one["kind"] for one in records} >= {"intent", "outcome"}
    intent = next(one for one in records if one["kind"] == "intent")
    said = json.dumps(intent)
    assert "key_reports" in said
    assert "application" in said
    assert machines.client("reports")["ClientSecret"] not in said


def _records(machines: Machines, request_id: str) -> list[dict[str, Any]]:
    """The records of a call in the audit store."""
    s3, bucket = machines.deployed.stage.root("s3"), machines.deployed.stage.exported("audit_bucket_name")
    found: list[dict[str, Any]] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="records/"):
        for item in page.get("Contents", ()):
            body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            found += [json.loads(line) for line in body.splitlines() if request_id in line.decode()]
    return found


def test_a_machine_without_its_secret_gets_no_token(machines: Machines) -> None:
    assert machines.ask("reports", secret="guess").status_code in {400, 401}
    assert machines.ask("reports", scope="claude/everything").status_code == 400


def test_a_token_of_another_scope_is_refused(machines: Machines) -> None:
    """The pool's administrator has let the machine have a second scope, and the token is for that one."""
    cognito, pool = machines.cognito()
    scopes = [{"ScopeName": name, "ScopeDescription": name} for name in ("messages", "reports")]
    cognito.update_resource_server(UserPoolId=pool, Identifier="claude", Name="Claude", Scopes=scopes)
    app = machines.client("reports")
    cognito.update_user_pool_client(
        UserPoolId=pool,
        ClientId=app["ClientId"],
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthScopes=[SCOPE, OTHER_SCOPE],
    )
    other = machines.token("reports", OTHER_SCOPE)
    before = len(machines.deployed.upstream.received)
    assert machines.post("/v1/messages", other, chat(model="fast")).status == 401
    assert len(machines.deployed.upstream.received) == before
    assert machines.post("/v1/messages", machines.token("reports"), chat(model="fast")).status == 200
    both = machines.token("reports", f"{OTHER_SCOPE} {SCOPE}")
    assert machines.post("/v1/messages", both, chat(model="fast")).status == 200


def test_a_machine_that_nobody_let_in_is_refused(machines: Machines) -> None:
    assert machines.post("/v1/messages", machines.token("stranger"), chat(model="fast")).status == 401


def test_a_machine_reaches_nothing_of_another_department(machines: Machines) -> None:
    marketing, finance = machines.token("reports"), machines.token("ledger")
    refused = machines.post("/v1/messages", marketing, chat(model="best"))
    assert refused.status == 451
    assert "not granted to you" in refused.json()["error"]["message"]
    assert machines.post("/v1/messages", finance, chat(model="best")).status == 200
    made = machines.post("/v1/messages", marketing, chat(model="fast"))
    feedback = {"request_id": made.header("request-id"), "useful": True}
    assert machines.post("/v1/feedback", finance, feedback).status == 404
    assert machines.post("/v1/feedback", marketing, feedback).status == 201


def test_the_operator_lets_a_machine_in_by_its_configured_name(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit.target, "find_target", lambda client=None: machines.target())
    create = ("key", "create", "--name", "nightly report", "--department", "finance", "--json")
    done = invoke({}, *create, "--machine", "nightly")
    assert done.code == 0, done.stderr
    made = json.loads(done.stdout)
    answer = httpx2.post(
        made["client"]["token_url"],
        data={"grant_type": "client_credentials", "scope": made["client"]["scope"]},
        auth=(made["client"]["client_id"], made["client"]["client_secret"]),
    )
    token = answer.json()["access_token"]
    assert machines.post("/v1/messages", token, chat(model="best")).status == 200
    again = invoke({}, *create, "--machine", "nightly")
    assert (again.code, f"is let in already, as {made['id']}" in again.stderr) == (2, True), again.stderr
    unknown = invoke({}, *create, "--machine", "nosuch")
    assert (unknown.code, "identity.machine_clients" in unknown.stderr) == (2, True)
    both = invoke({}, *create, "--machine", "nightly", "--issuer", "https://x", "--subject", "y")
    assert both.code == 2


def test_a_machine_that_is_revoked_is_out_at_the_next_call(machines: Machines) -> None:
    token = machines.token("ledger")
    assert machines.post("/v1/messages", token, chat(model="fast")).status == 200
    pk, _ = machines.grant("ledger")
    machines.deployed.records.revoke(pk)
    try:
        assert machines.post("/v1/messages", token, chat(model="fast")).status == 403
    finally:
        record = machines.deployed.records.get(pk)
        assert record is not None
        machines.deployed.records.change(record, active=True)


def test_a_workload_whose_grant_was_revoked_or_expired_is_let_in_again_by_the_operator(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An expired grant by `kit key renew`; a revoked one never so, but by a new grant of its own."""
    monkeypatch.setattr(kit.target, "find_target", lambda client=None: machines.target())
    token, (pk, key) = machines.token("ledger"), machines.grant("ledger")

    def called() -> int:
        return machines.post("/v1/messages", token, chat(model="fast")).status

    def let_in() -> bool:
        """At once, or when what the gateway kept of the record has aged."""
        end = time.monotonic() + RECORD_SECONDS + 1
        while called() != 200 and time.monotonic() < end:
            time.sleep(0.2)
        return called() == 200

    record = machines.deployed.records.get(pk)
    assert record is not None
    machines.deployed.records.change(record, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert called() == 403
    assert invoke({}, "key", "renew", key, "--days", "1").code == 0
    assert let_in()

    assert invoke({}, "key", "revoke", key).code == 0
    renewed = invoke({}, "key", "renew", key)
    assert (renewed.code, "is revoked" in renewed.stderr, called()) == (2, True, 403)
    create = ("key", "create", "--name", "ledger", "--department", "finance", "--machine", "ledger", "--json")
    made = invoke({}, *create)
    assert (made.code, let_in()) == (0, True), made.stderr
    assert json.loads(made.stdout)["id"] != key, "what it did before stays that grant's"


def test_a_machine_has_no_sign_in_to_end(machines: Machines) -> None:
    assert machines.post("/v1/sign-out", machines.token("reports"), b"").status == 400
