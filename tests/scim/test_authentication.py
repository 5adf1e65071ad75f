"""Who may provision: bearer tokens, their rotation, tenants apart, nothing personal in logs (L1.7, G.4)."""

import json
import statistics
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from kit.embedded import Emulator
from lambdas.scim.bearer import BearerTokens, TokensUnavailable

from .harness import ENTERPRISE_SCHEMA, Scim, Tenant

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Secrets:
    """Secrets Manager with the versions of one secret."""

    def __init__(self, **versions: tuple[str, datetime]) -> None:
        self.versions = versions
        self.reads = 0
        self.fails: Exception | None = None

    def rotate(self, token: str, at: datetime) -> None:
        self.versions = {"AWSPREVIOUS": self.versions["AWSCURRENT"], "AWSCURRENT": (token, at)}

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, Any]:  # noqa: N803
        self.reads += 1
        if self.fails:
            raise self.fails
        if VersionStage not in self.versions:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        token, at = self.versions[VersionStage]
        return {"SecretString": token, "CreatedDate": at}


class Watch:
    """A clock and a stopwatch that a test turns."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def now(self) -> datetime:
        return NOW + self.passed

    def seconds(self) -> float:
        return self.passed.total_seconds()


def tokens(secrets: Secrets, watch: Watch) -> BearerTokens:
    return BearerTokens(secrets, "scim", clock=watch.now, stopwatch=watch.seconds)


def test_after_a_rotation_both_tokens_are_valid_until_the_overlap_is_over():
    secrets, watch = Secrets(AWSCURRENT=("old", NOW - timedelta(days=90))), Watch()
    checked = tokens(secrets, watch)
    assert checked.accepts("old")
    secrets.rotate("new", NOW)
    watch.passed = timedelta(minutes=2)
    assert checked.accepts("new")
    assert checked.accepts("old")
    watch.passed = timedelta(days=6, hours=23)
    assert checked.accepts("old")
    watch.passed = timedelta(days=7)
    assert not checked.accepts("old")
    assert checked.accepts("new")
    secrets.rotate("newer", watch.now())
    watch.passed += timedelta(minutes=2)
    assert [checked.accepts(one) for one in ("newer", "new", "old")] == [True, True, False]


def test_a_token_made_a_moment_ago_is_accepted_at_once_and_guessing_costs_no_reads():
    secrets, watch = Secrets(AWSCURRENT=("old", NOW)), Watch()
    checked = tokens(secrets, watch)
    assert checked.accepts("old")
    secrets.rotate("new", NOW)
    assert checked.accepts("new")
    secrets.rotate("newer", NOW)
    watch.passed = timedelta(seconds=6)
    assert checked.accepts("newer")
    reads = secrets.reads
    assert not any(checked.accepts(f"guess {number}") for number in range(500))
    assert secrets.reads == reads


@pytest.mark.parametrize("token", ["", "x" * 5000, "nëw", "\udcff", "new ", "NEW", "ne"])
def test_what_is_not_the_token_is_refused(token):
    assert not tokens(Secrets(AWSCURRENT=("new", NOW)), Watch()).accepts(token)


@pytest.mark.parametrize(
    "fails",
    [
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"),
        ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue"),
        EndpointConnectionError(endpoint_url="https://secretsmanager"),
    ],
)
def test_when_the_secret_cannot_be_read_nobody_is_let_in(fails):
    secrets = Secrets(AWSCURRENT=("new", NOW))
    secrets.fails = fails
    with pytest.raises(TokensUnavailable):
        tokens(secrets, Watch()).accepts("new")


def test_an_empty_secret_lets_nobody_in():
    class Empty(Secrets):
        def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, Any]:  # noqa: N803
            return {"CreatedDate": NOW}

    with pytest.raises(TokensUnavailable):
        tokens(Empty(), Watch()).accepts("x")


def test_the_time_of_a_comparison_does_not_say_how_much_was_right():
    token = uuid.uuid4().hex * 4
    checked = tokens(Secrets(AWSCURRENT=(token, NOW)), Watch())
    guesses = {"nothing": "x" * len(token), "all but one": token[:-1] + "x"}
    times: dict[str, list[int]] = {name: [] for name in guesses}
    for _ in range(4_000):
        for name, guess in guesses.items():
            started = time.perf_counter_ns()
            checked.accepts(guess)
            times[name].append(time.perf_counter_ns() - started)
    nothing, almost = (statistics.median(times[name]) for name in guesses)
    assert abs(nothing - almost) / nothing < 0.2


# -- over HTTP -----------------------------------------------------------------------------------------------


@pytest.mark.emulator
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic {token}"},
        {"authorization": "{token}"},
        {"authorization": "Bearer {token}x"},
        {"x-api-key": "{token}"},
        {"cookie": "authorization=Bearer {token}"},
    ],
)
def test_without_the_token_nothing_is_answered_and_nothing_is_read(scim: Scim, headers):
    given = {name: value.format(token=scim.tenant.token) for name, value in headers.items()}
    for method, path in (("GET", "/Users"), ("GET", "/Schemas"), ("POST", "/Users"), ("GET", "/nonsense")):
        answer = httpx2.request(
            method, f"{scim.url}{path}", headers=given, content=b"{" if method == "POST" else None
        )
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="scim"'
        assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


@pytest.mark.emulator
def test_the_scheme_is_read_in_any_case_and_health_needs_no_token(scim: Scim):
    answer = httpx2.get(f"{scim.url}/Schemas", headers={"authorization": f"bEARER {scim.tenant.token}"})
    assert answer.status_code == 200
    assert httpx2.get(scim.url.removesuffix("/scim/v2") + "/healthz").status_code == 200


@pytest.mark.emulator
def test_one_tenant_reaches_nothing_of_another(scim: Scim, emulated_aws: Emulator):
    other = Scim(Tenant.make(emulated_aws))
    user, theirs = scim.user("same@example.com"), other.user("same@example.com")
    assert user["id"] != theirs["id"]
    with_our_token = {"authorization": f"Bearer {scim.tenant.token}"}
    assert httpx2.get(f"{other.url}/Users", headers=with_our_token).status_code == 401
    assert other.http.get(f"/Users/{user['id']}").status_code == 404
    assert other.find("Users", f'id eq "{user["id"]}"')["totalResults"] == 0
    group = other.group("all", theirs["id"])
    answer = other.patch(
        f"/Groups/{group['id']}", {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    )
    assert answer.status_code == 400
    other.stop()
    scim.request("DELETE", f"/Users/{user['id']}")


@pytest.mark.emulator
def test_a_table_that_does_not_answer_is_503_and_not_a_person_who_is_gone(scim: Scim, monkeypatch):
    user = scim.user()

    def refuse(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    with monkeypatch.context() as patch:
        patch.setattr(scim.directory.store._client, "get_item", refuse)
        answer = scim.http.get(f"/Users/{user['id']}")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


@pytest.mark.emulator
def test_nothing_personal_and_no_token_is_in_the_log(scim: Scim, capfd):
    secret_name = f"{uuid.uuid4().hex}@personal.example"
    user = scim.user(secret_name, title="Personal", **{ENTERPRISE_SCHEMA: {"employeeNumber": "P-4711"}})
    scim.find("Users", f'userName eq "{secret_name}"')
    scim.http.get(f"/Users/{secret_name}")
    scim.http.get(f"/{secret_name}/x")
    scim.request("POST", "/Users", {"userName": secret_name})
    scim.request("POST", "/Users", b'{"userName": "' + secret_name.encode())
    scim.patch(f"/Users/{user['id']}", {"op": "replace", "path": "active", "value": secret_name})
    scim.request("DELETE", f"/Users/{user['id']}")
    time.sleep(0.1)
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert len(lines) >= 8
    assert {line["route"] for line in lines} >= {"Users", "Users/{id}", "other"}
    for hidden in (secret_name, "personal", "P-4711", user["id"], scim.tenant.token):
        assert hidden not in out + err
