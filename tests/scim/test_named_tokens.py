"""Named tokens of providers: an owner, an end, sources, a limit, and OAuth client credentials (G.4)."""

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from lambdas.scim.credentials import BURST, KNOWN_SECONDS, NamedToken, NamedTokens, digest_of, new_secret

from .harness import USER_SCHEMA, Scim

pytestmark = pytest.mark.emulator
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def made(tokens: NamedTokens, name: str = "", **values: object) -> tuple[str, str]:
    name, secret = name or f"okta-{uuid.uuid4().hex[:8]}", new_secret()
    tokens.create(NamedToken(name, digest_of(secret), "ada", **values))  # type: ignore[arg-type]
    return name, secret


def status(scim: Scim, token: str, **headers: str) -> int:
    return httpx2.get(
        f"{scim.url}/Users?count=0", headers={"authorization": f"Bearer {token}", **headers}
    ).status_code


def test_a_named_token_is_good_until_it_is_revoked_and_who_used_it_is_known(own_scim: Scim):
    name, secret = made(own_scim.named)
    assert status(own_scim, secret) == 200
    (listed,) = own_scim.named.every()
    assert (listed.name, listed.owner) == (name, "ada")
    assert listed.last_used_at is not None
    assert own_scim.named.revoke(name)
    assert not own_scim.named.revoke(name)
    clock = iter([1e9])
    fresh = NamedTokens(own_scim.directory.store, stopwatch=lambda: next(clock, 1e9))
    assert fresh.accepts(secret, "192.0.2.1") is None  # what another process knows is older by 5 s at most
    assert KNOWN_SECONDS <= 5


def test_a_token_of_the_same_name_takes_the_place_of_the_one_before(own_scim: Scim):
    name, first = made(own_scim.named)
    _, second = made(own_scim.named, name)
    assert status(own_scim, second) == 200
    assert status(own_scim, first) == 401
    assert len(own_scim.named.every()) == 1


@pytest.mark.parametrize(
    ("values", "address", "good"),
    [
        ({"expires_at": NOW + timedelta(seconds=1)}, "192.0.2.1", True),
        ({"expires_at": NOW}, "192.0.2.1", False),
        ({"networks": ("192.0.2.0/24", "2001:db8::/32")}, "192.0.2.77", True),
        ({"networks": ("192.0.2.0/24", "2001:db8::/32")}, "2001:db8::1", True),
        ({"networks": ("192.0.2.0/24",)}, "198.51.100.1", False),
        ({"networks": ("192.0.2.0/24",)}, "", False),
        ({"networks": ("192.0.2.0/24",)}, "nonsense", False),
    ],
    ids=repr,
)
def test_an_end_and_sources_hold(scim: Scim, values, address, good):
    tokens = NamedTokens(scim.directory.store, clock=lambda: NOW)
    name, secret = made(tokens, **values)
    assert tokens.accepts(secret, address) == (name if good else None)


def test_what_is_no_token_is_refused(scim: Scim):
    name, secret = made(scim.named)
    for other in ("", name, secret + "x", secret[:-1], secret.upper(), digest_of(secret), "x" * 10_000):
        assert scim.named.accepts(other, "192.0.2.1") is None


def test_more_than_a_token_may_send_waits(scim: Scim):
    now = [0.0]
    tokens = NamedTokens(scim.directory.store, stopwatch=lambda: now[0])
    sent = sum(tokens.within_limit("okta") for _ in range(int(BURST) + 50))
    assert sent == int(BURST)
    assert tokens.within_limit("another")
    now[0] = 1.0
    assert tokens.within_limit("okta")


def test_what_is_over_the_limit_is_told_to_come_again(own_scim: Scim, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own_scim.named, "within_limit", lambda _: False)
    answer = own_scim.http.get("/Users?count=0")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


def grant(scim: Scim, form: dict[str, str], **headers: str) -> httpx2.Response:
    return httpx2.post(f"{scim.url}/oauth/token", data=form, headers=headers)


def test_client_credentials_are_exchanged_for_an_hour_that_ends_with_the_token(own_scim: Scim):
    name, secret = made(own_scim.named)
    kind = {"grant_type": "client_credentials"}
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
    by_form = grant(own_scim, {**kind, "client_id": name, "client_secret": secret})
    by_header = grant(own_scim, kind, authorization=f"Basic {basic}")
    for answer in (by_form, by_header):
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert (document["token_type"], 3590 <= document["expires_in"] <= 3600) == ("Bearer", True)
        assert document["access_token"] != secret
        assert status(own_scim, document["access_token"]) == 200
    own_scim.named.revoke(name)
    fresh = NamedTokens(own_scim.directory.store)
    assert fresh.accepts(by_form.json()["access_token"], "192.0.2.1") is None
    later = NamedTokens(own_scim.directory.store, clock=lambda: datetime.now(UTC) + timedelta(hours=2))
    later.forget_grants()
    assert own_scim.directory.store.under("GRANTS") == []


@pytest.mark.parametrize(
    ("form", "code", "error"),
    [
        ({}, 400, "unsupported_grant_type"),
        (
            {"grant_type": "password", "client_id": "NAME", "client_secret": "SECRET"},
            400,
            "unsupported_grant_type",
        ),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        (
            {"grant_type": "client_credentials", "client_id": "NAME", "client_secret": "x"},
            401,
            "invalid_client",
        ),
        (
            {"grant_type": "client_credentials", "client_id": "x", "client_secret": "SECRET"},
            401,
            "invalid_client",
        ),
    ],
    ids=repr,
)
def test_wrong_client_credentials_are_refused(scim: Scim, form, code, error):
    name, secret = made(scim.named)
    filled = {key: value.replace("NAME", name).replace("SECRET", secret) for key, value in form.items()}
    answer = grant(scim, filled)
    assert (answer.status_code, answer.json()["error"]) == (code, error)


def test_an_access_token_buys_no_other(scim: Scim):
    name, secret = made(scim.named)
    form = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret}
    token = grant(scim, form).json()["access_token"]
    again = grant(scim, {**form, "client_secret": token})
    assert again.status_code == 401


def test_every_change_says_which_token_made_it(own_scim: Scim):
    name, secret = made(own_scim.named)
    body = {"schemas": [USER_SCHEMA], "userName": f"{uuid.uuid4().hex}@example.com", "active": True}
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/scim+json"}
    assert httpx2.post(f"{own_scim.url}/Users", content=json.dumps(body), headers=headers).status_code == 201
    events = [json.loads(item["event"]["S"]) for item in own_scim.directory.store.under("OUTBOX")]
    assert [one["actor"] for one in events] == [f"token:{name}"]
    own_scim.user()
    events = [json.loads(item["event"]["S"]) for item in own_scim.directory.store.under("OUTBOX")]
    assert sorted(one["actor"] for one in events) == ["token:default", f"token:{name}"]


def test_a_day_without_a_request_where_there_used_to_be_some_is_told(own_scim: Scim, capsys):
    from .test_moves import run, worker_of

    def silent(later: timedelta) -> int:
        capsys.readouterr()
        run(worker_of(own_scim, later=later))
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return next(one["ProvisioningSilent"] for one in lines if one["type"] == "provisioning_heard")

    assert silent(timedelta(days=30)) == 0  # nothing ever: nobody has connected a provider yet
    own_scim.http.get("/Users?count=0")
    assert silent(timedelta(hours=23)) == 0
    assert silent(timedelta(hours=25)) == 1


def test_refusals_are_counted_where_an_alarm_sees_them(own_scim: Scim, capfd):
    person = own_scim.user(active=True)["id"]
    capfd.readouterr()
    own_scim.patch(f"/Users/{person}", {"op": "replace", "path": "userName", "value": " "})
    own_scim.patch(f"/Users/{person}", {"op": "replace", "value": {"active": False, "userName": " "}})
    own_scim.http.get("/Users/nobody")
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"POST"' not in line]
    counted = [(one["ScimRefused"], one["ScimLeaversRefused"]) for one in lines]
    assert counted == [(1, 0), (1, 1), (0, 0)]
    (metrics,) = lines[0]["_aws"]["CloudWatchMetrics"]
    assert {one["Name"] for one in metrics["Metrics"]} == {
        "ScimRequests",
        "ScimRefused",
        "ScimLeaversRefused",
    }
    assert metrics["Dimensions"] == [["environment"]]
    assert lines[0]["environment"] == "test"
