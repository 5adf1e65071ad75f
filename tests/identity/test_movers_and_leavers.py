"""What provisioning changes, the next call feels: through the gateway's HTTP, on a deployment with IAM
enforced (G.4, L1.3, L1.5).

What spends money is checked against the live record in the ledger's transaction, so the very next call knows.
What spends none (the list of models, counting tokens) goes by records that are kept for five seconds at most.
"""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx2
import pytest

from kit.embedded import remembered
from lambdas.common.access import AccessRecord, AccessRecords
from lambdas.common.virtual_keys import key_record_pk, new_virtual_key, read_pepper
from lambdas.gateway.authenticate import RECORD_SECONDS
from tests.support.local_kit import LocalKit

from .commands import Done, known_target, run

pytestmark = pytest.mark.emulator
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ASK = {"model": "fast", "messages": [{"role": "user", "content": "Say hello."}]}


@dataclass
class Deployment:
    """The deployment as an identity provider, an operator and callers see it."""

    kit: LocalKit
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.variables = dict(self.kit.clients_environment())

    def client(self, service: str) -> Any:
        running = remembered(self.kit.home)
        assert running is not None
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=running.endpoint_url,
            region_name=running.region,
            aws_access_key_id=running.access_key_id,
            aws_secret_access_key=running.secret_access_key,
        )

    def scim(self, method: str, path: str, body: Any) -> dict[str, Any]:
        answer = httpx2.request(
            method,
            self.variables["SCIM_BASE_URL"] + path,
            json=body,
            headers={"authorization": f"Bearer {self.variables['SCIM_TOKEN']}"},
        )
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def call(self, credential: str, path: str = "/v1/messages", **headers: str) -> httpx2.Response:
        more = {"authorization": f"Bearer {credential}", "anthropic-version": "2023-06-01", **headers}
        url = self.variables["ANTHROPIC_BASE_URL"] + path
        if path == "/v1/models":
            return httpx2.get(url, headers=more)
        spends = {"max_tokens": 8} if path == "/v1/messages" else {}
        return httpx2.post(url, json={**ASK, **spends}, headers=more)


@pytest.fixture(scope="module")
def deployment(local_kit: LocalKit) -> Deployment:
    return Deployment(local_kit)


@dataclass
class Person:
    """Somebody whom the identity provider created, signed in at the user pool."""

    deployment: Deployment
    id: str
    name: str  # its user name; the pool has it under the part before the @
    token: str

    def patch(self, path: str, value: Any) -> None:
        operation = {"op": "replace", "path": path, "value": value}
        self.deployment.scim("PATCH", f"/Users/{self.id}", {"schemas": [PATCH], "Operations": [operation]})

    def call(self, path: str = "/v1/messages") -> httpx2.Response:
        return self.deployment.call(self.token, path)


@pytest.fixture
def person(deployment: Deployment) -> Person:
    name = f"{uuid.uuid4().hex[:10]}@example.com"
    resource = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": name,
        "active": True,
        ENTERPRISE: {"department": "marketing"},
    }
    made = deployment.scim("POST", "/Users", resource)
    return Person(deployment, made["id"], name, _signed_in(deployment, name))


def _signed_in(deployment: Deployment, name: str) -> str:
    """An access token of the user pool, with what the trigger adds to it."""
    cognito = deployment.client("cognito-idp")
    (pool,) = (one["Id"] for one in cognito.list_user_pools(MaxResults=10)["UserPools"])
    clients = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=10)["UserPoolClients"]
    (app,) = (one["ClientId"] for one in clients if one["ClientName"] == "people")
    user = {"UserPoolId": pool, "Username": f"organization_{name.partition('@')[0]}"}
    attributes = [{"Name": "email", "Value": name}, {"Name": "email_verified", "Value": "true"}]
    cognito.admin_create_user(**user, UserAttributes=attributes, MessageAction="SUPPRESS")
    return _sign_in(cognito, app, user)


def _signed_in_again(person: Person) -> str:
    """A token of another sign-in of the same person."""
    cognito = person.deployment.client("cognito-idp")
    (pool,) = (one["Id"] for one in cognito.list_user_pools(MaxResults=10)["UserPools"])
    clients = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=10)["UserPoolClients"]
    (app,) = (one["ClientId"] for one in clients if one["ClientName"] == "people")
    return _sign_in(
        cognito, app, {"UserPoolId": pool, "Username": f"organization_{person.name.partition('@')[0]}"}
    )


def _sign_in(cognito: Any, app: str, user: dict[str, str]) -> str:
    password = f"Aa1!{uuid.uuid4().hex}"
    cognito.admin_set_user_password(**user, Password=password, Permanent=True)
    answer = cognito.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=app,
        AuthParameters={"USERNAME": user["Username"], "PASSWORD": password},
    )
    return answer["AuthenticationResult"]["AccessToken"]


def _seconds_until(refused: Callable[[], bool], *, most: float) -> float:
    started = time.monotonic()
    while not refused():
        assert time.monotonic() - started < most, "still let in"
        time.sleep(0.1)
    return time.monotonic() - started


def test_a_leavers_next_call_is_refused_and_all_else_within_five_seconds(person: Person) -> None:
    for path in ("/v1/messages", "/v1/models", "/v1/messages/count_tokens"):
        assert person.call(path).status_code == 200
    person.patch("active", False)
    left_at = time.monotonic()
    answer = person.call()
    assert answer.status_code == 403, answer.text
    refusal = answer.json()["error"]
    assert refusal["type"] == "permission_error"
    assert refusal["message"].startswith("Your access to Claude has ended.")
    for path in ("/v1/models", "/v1/messages/count_tokens"):
        _seconds_until(lambda path=path: person.call(path).status_code == 403, most=RECORD_SECONDS + 3)
    assert time.monotonic() - left_at < RECORD_SECONDS + 4
    assert person.call().status_code == 403


def test_who_signs_out_is_out_at_the_next_call_with_the_same_token(person: Person) -> None:
    """And comes in again by signing in; `kit logout` asks for it."""
    assert person.call().status_code == 200
    answer = person.deployment.call(person.token, "/v1/sign-out")
    assert answer.json() == {"type": "signed_out"}
    assert person.call().status_code == 403
    _seconds_until(lambda: person.call("/v1/models").status_code == 403, most=RECORD_SECONDS + 3)
    assert person.deployment.call(_signed_in_again(person)).status_code == 200


def test_who_is_switched_off_is_out_at_the_next_call_with_the_same_token(person: Person) -> None:
    kit = person.deployment.kit
    assert person.call().status_code == 200
    assert run(kit, "switch", "off", "principal", person.id, "--reason", "a token was stolen").code == 0
    answer = person.call()
    assert answer.status_code == 451
    assert answer.headers["x-should-retry"] == "false"
    assert run(kit, "switch", "on", "principal", person.id, "--reason", "it was found again").code == 0
    assert person.call().status_code == 200


def test_who_is_signed_out_by_the_operator_is_out_at_the_next_call_until_signing_in_again(
    person: Person,
) -> None:
    kit = person.deployment.kit
    assert person.call().status_code == 200
    done = run(kit, "sign-out", person.name, "--reason", "a laptop was stolen", "--json")
    assert json.loads(done.stdout)["person"] == person.id
    assert person.call().status_code == 403
    _after_this_second()
    assert person.deployment.call(_signed_in_again(person)).status_code == 200
    assert run(kit, "sign-out", person.id, "--reason", "once more").code == 0
    unknown = run(kit, "sign-out", "nobody@example.com", "--reason", "x")
    assert (unknown.code, "hint:" in unknown.stderr) == (2, True)


def test_a_command_about_a_name_says_whom_it_means_and_about_an_unknown_one_does_nothing(
    person: Person,
) -> None:
    reason = ("--reason", "x")
    off = ("switch", "off", "principal", "NAME", *reason)
    on = ("switch", "on", "principal", "NAME", *reason)
    find = ("audit", "find", "--person", "NAME")
    sign_out = ("sign-out", "NAME", *reason)
    erase = ("audit", "erase", "--subject", "NAME", *reason, "--yes")

    def about(name: str, command: tuple[str, ...]) -> Done:
        return run(person.deployment.kit, *(name if one == "NAME" else one for one in command))

    with known_target(person.deployment.kit):
        for command in (off, on, find, sign_out, erase):
            unknown = about("nobody@example.com", command)
            assert (unknown.code, "nobody@example.com" in unknown.stderr) == (2, True), command
            assert unknown.stdout == "", command
        assert person.call().status_code == 200, "nobody else was hit"
        assert run(person.deployment.kit, "switch", "list").stdout == "nothing is off\n"
        for command in (off, on, find, sign_out, erase):
            done = about(person.name, command)
            assert (done.code, person.id in done.stdout + done.stderr) == (0, True), command


def test_who_comes_back_is_let_in_again_by_signing_in(person: Person) -> None:
    person.patch("active", False)
    assert person.call().status_code == 403
    person.patch("active", True)
    _after_this_second()
    again = _signed_in_again(person)
    _seconds_until(lambda: person.deployment.call(again).status_code == 200, most=RECORD_SECONDS + 3)
    assert person.call().status_code == 403, "a token of before the departure"


def _after_this_second() -> None:
    """Sign-ins are distinguished by the second in which they began."""
    time.sleep(1.1)


def test_a_movers_next_call_is_billed_to_the_new_department(person: Person) -> None:
    assert person.call().status_code == 200
    before = _spent(person.deployment)
    person.patch(f"{ENTERPRISE}:department", "finance")
    answer = person.call()
    assert answer.status_code == 200, answer.text
    after = _spent(person.deployment)
    assert after["finance"] > before["finance"]
    assert after["marketing"] == before["marketing"]


def _spent(deployment: Deployment) -> dict[str, int]:
    """Committed micro-dollars of two departments."""
    dynamodb = deployment.client("dynamodb")
    (table,) = (one for one in dynamodb.list_tables()["TableNames"] if one.endswith("-ledger"))
    found = {"marketing": 0, "finance": 0}
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            kind, _, department = item["pk"]["S"].partition("#")
            if kind == "DEPT" and department in found and "committed_microusd" in item:
                found[department] += int(item["committed_microusd"]["N"])
    return found


def test_a_leavers_own_keys_end_with_them(person: Person) -> None:
    deployment = person.deployment
    key = _key_of(deployment, person.id)
    assert deployment.call(key).status_code == 200
    person.patch("active", False)
    assert deployment.call(key).status_code == 403


def _key_of(deployment: Deployment, owner: str) -> str:
    """A virtual key that a person owns."""
    dynamodb, secrets = deployment.client("dynamodb"), deployment.client("secretsmanager")
    (table,) = (one for one in dynamodb.list_tables()["TableNames"] if one.endswith("-access"))
    (secret,) = (
        one["ARN"] for one in secrets.list_secrets()["SecretList"] if one["Name"].endswith("key-pepper")
    )
    pepper = read_pepper(secrets.get_secret_value(SecretId=secret)["SecretString"])
    key = new_virtual_key()
    subject = f"key_{uuid.uuid4().hex[:8]}"
    record = AccessRecord(
        key_record_pk(key, pepper), subject, active=True, department="marketing", owner=owner
    )
    AccessRecords(dynamodb, table).create(record)
    return key


def test_a_person_behind_a_claude_apps_gateway_is_out_at_the_next_call_too(person: Person) -> None:
    deployment = person.deployment
    scope = ["--name", "apps", "--department", "marketing", "--identity-hop"]
    hop = json.loads(run(deployment.kit, "key", "create", *scope, "--json").stdout)["key"]
    says = {"x-claude-gateway-user-email": person.name}
    assert deployment.call(hop, **says).status_code == 200
    person.patch("active", False)
    assert deployment.call(hop, **says).status_code == 403
    assert deployment.call(hop).status_code == 200, "the hop itself goes on"


def test_a_leaver_is_signed_out_and_cannot_sign_in_again(person: Person) -> None:
    """The worker does it under its own role, and its log is shown and names nobody."""
    deployment = person.deployment
    person.patch("active", False)
    functions = deployment.client("lambda")
    names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
    worker = next(name for name in names if name.endswith("-provisioning"))
    answer = functions.invoke(FunctionName=worker, Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()
    shown = run(deployment.kit, "logs", "provisioning", "-n", "500")
    assert shown.code == 0
    assert "START RequestId" in shown.stdout
    assert person.name not in shown.stdout
    cognito = deployment.client("cognito-idp")
    (pool,) = (one["Id"] for one in cognito.list_user_pools(MaxResults=10)["UserPools"])
    user = cognito.admin_get_user(UserPoolId=pool, Username=f"organization_{person.name.partition('@')[0]}")
    assert user["Enabled"] is False


def test_env_shows_the_token_that_rotation_made(deployment: Deployment) -> None:
    made = json.loads(run(deployment.kit, "scim", "rotate", "--json").stdout)
    shown = json.loads(run(deployment.kit, "env", "--json").stdout)
    assert shown["SCIM_TOKEN"] == made["token"] != deployment.variables["SCIM_TOKEN"]
    deployment.variables = shown
    deployment.kit.clients_environment()  # for anyone who uses this deployment after us
    users = deployment.variables["SCIM_BASE_URL"] + "/Users?count=1"
    answer = httpx2.get(users, headers={"authorization": f"Bearer {made['token']}"})
    assert answer.status_code == 200
