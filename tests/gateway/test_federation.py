"""No key at all: STS vouches for the gateway's role, Anthropic exchanges that for a short-lived token. Both
over HTTP, both strict (L1.3, L1.7, L1.8).
"""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from anthropic import Anthropic

from lambdas.gateway.deployment import _Aws
from lambdas.gateway.settings import read_settings

from .harness import KEY, PROVIDER_KEY, Harness, chat, make
from .signatures import SESSION, why_refused
from .upstream import BREAK, FakeUpstream, Received, Reply, json_reply, ordinary_claude

REGION = "eu-central-1"
AUDIENCE = "https://api.anthropic.com"
RULE = {
    "federation_rule_id": "fdrl_1",
    "organization_id": "org_1",
    "service_account_id": "svac_1",
    "workspace_id": "wrkspc_1",
}


class Sts:
    """STS: vouches, with a token of its own each time, for anyone who signs with the role's session."""

    def __init__(self) -> None:
        self.minted: list[str] = []
        self.error: tuple[int, str] | None = None

    def __call__(self, received: Received) -> Reply:
        refused = why_refused(received, service="sts", region=REGION)
        if refused is not None:
            return self._error(403, "SignatureDoesNotMatch")
        asked = {name: value[0] for name, value in parse_qs(received.body.decode()).items()}
        assert asked == {
            "Action": "GetWebIdentityToken",
            "Version": "2011-06-15",
            "Audience.member.1": AUDIENCE,
            "SigningAlgorithm": "RS256",
            "DurationSeconds": "300",
        }
        if self.error is not None:
            return self._error(*self.error)
        self.minted.append(f"eyJhbGciOi.sts-assertion-{len(self.minted) + 1}.c2ln")
        body = (
            '<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<GetWebIdentityTokenResult><WebIdentityToken>{self.minted[-1]}</WebIdentityToken>"
            "<Expiration>2036-11-25T00:00:00Z</Expiration></GetWebIdentityTokenResult>"
            "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetWebIdentityTokenResponse>"
        )
        return Reply(200, [("content-type", "text/xml")], [body.encode()])

    def _error(self, status: int, code: str) -> Reply:
        body = (
            '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
            f"<Code>{code}</Code><Message>role arn:aws:iam::111122223333:role/x may not</Message></Error>"
            "<RequestId>1</RequestId></ErrorResponse>"
        )
        return Reply(status, [("content-type", "text/xml")], [body.encode()])


class Anthropics:
    """The Anthropic API of an organisation without keys: exchanges assertions, each once, and takes nothing
    but the tokens that it gave.
    """

    def __init__(self, sts: Sts) -> None:
        self._sts = sts
        self.seconds: Any = 3600
        self.exchanged: list[str] = []
        self.valid: set[str] = set()
        self.answer: Reply | None = None  # to an exchange, in place of a token

    def __call__(self, received: Received) -> Reply:
        if received.target == "/v1/oauth/token":
            return self.answer or self._exchange(received)
        given = (received.header("authorization") or "").removeprefix("Bearer ")
        if given not in self.valid or "oauth-2025-04-20" not in (received.header("anthropic-beta") or ""):
            return json_reply({"type": "error", "error": {"type": "authentication_error"}}, 401)
        return ordinary_claude(received)

    def _exchange(self, received: Received) -> Reply:
        assert received.header("authorization") is None
        assert received.header("x-api-key") is None
        asked = received.json()
        assertion = asked.pop("assertion")
        assert asked == {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", **RULE}
        if assertion not in self._sts.minted or assertion in self.exchanged:
            return json_reply({"error": "invalid_grant", "error_description": assertion}, 400)
        self.exchanged.append(assertion)
        token = f"sk-ant-oat01-token-{len(self.exchanged)}"
        self.valid.add(token)
        return json_reply({"access_token": token, "token_type": "Bearer", "expires_in": self.seconds})


@dataclass
class Place:
    """A gateway that proves itself by STS to a first provider; a second one takes a key."""

    gateway: Harness
    sts: Sts
    api: Anthropics
    second: FakeUpstream

    def ask(self, **fields: Any) -> int:
        return self.gateway.post("/v1/messages", chat(**fields)).status

    def said(self) -> str:
        """All that the gateway wrote or recorded."""
        return json.dumps([self.gateway.log, self.gateway.audit.records], default=repr)


@pytest.fixture(scope="module")
def vouching() -> Iterator[tuple[FakeUpstream, Any]]:
    """A server for STS, and the gateway's own client of it."""
    server = FakeUpstream().start()
    settings = replace(read_settings({}), region=REGION, endpoint_url=server.url)
    aws = _Aws(settings, ThreadPoolExecutor(4))
    aws.session.set_credentials(SESSION.access_key, SESSION.secret_key, SESSION.token)
    yield server, aws.identity_token
    server.stop()


@pytest.fixture
def place(vouching: tuple[FakeUpstream, Any], provider_servers: list[FakeUpstream]) -> Iterator[Place]:
    first, second = provider_servers
    yield from _place(vouching, first, second, [_federated(first), _keyed(second)])


@pytest.fixture
def alone(vouching: tuple[FakeUpstream, Any], provider_servers: list[FakeUpstream]) -> Iterator[Place]:
    """The same without the second provider in the policy."""
    first, second = provider_servers
    yield from _place(vouching, first, second, [_federated(first)])


def _federated(server: FakeUpstream) -> dict[str, Any]:
    auth = {"kind": "workload-identity", "audience": AUDIENCE, **RULE}
    return {"name": "anthropic", "kind": "anthropic", "base_url": server.url, "auth": auth, "models": {}}


def _keyed(server: FakeUpstream) -> dict[str, Any]:
    auth = {"kind": "secret"}
    return {"name": "second", "kind": "anthropic", "base_url": server.url, "auth": auth, "models": {}}


def _place(
    vouching: tuple[FakeUpstream, Any],
    first: FakeUpstream,
    second: FakeUpstream,
    providers: list[dict[str, Any]],
) -> Iterator[Place]:
    server, identity_token = vouching
    gateway = make([first, second], providers=providers, identity_token=identity_token)
    gateway.reset()
    server.reset()
    sts = server.script = Sts()
    api = first.script = Anthropics(sts)
    yield Place(gateway, sts, api, second)
    gateway.stop()


def test_a_caller_sees_what_it_would_with_a_key(place: Place) -> None:
    client = Anthropic(base_url=place.gateway.url, api_key=KEY, max_retries=0)
    ask: Any = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    assert client.messages.create(**ask).stop_reason == "end_turn"
    with client.messages.stream(**ask) as stream:
        assert list(stream.text_stream) == ["Hel", "lo."]
    assert client.messages.count_tokens(model="fast", messages=ask["messages"]).input_tokens == 7
    assert not place.second.received
    assert place.sts.minted == place.api.exchanged
    assert len(place.api.exchanged) == 1, "the token is kept"


def test_many_calls_at_once_wait_for_one_exchange(place: Place) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda _: place.ask(), range(16))) == [200] * 16
    assert len(place.api.exchanged) == 1


def test_a_token_is_renewed_before_its_end_and_no_call_waits_for_that(place: Place) -> None:
    place.api.seconds = 100  # less than the two minutes from which a token is renewed
    assert place.ask() == 200
    place.api.seconds = 3600
    assert place.ask() == 200
    first = place.gateway.upstream.received
    used = [one.header("authorization") for one in first if one.target == "/v1/messages"]
    assert used == ["Bearer sk-ant-oat01-token-1"] * 2, "the second call used the token that there was"
    deadline = threading.Event()
    for _ in range(200):
        if len(place.api.exchanged) == 2:
            break
        deadline.wait(0.02)
    deadline.wait(0.1)
    assert place.ask() == 200
    assert place.ask() == 200
    used = [one.header("authorization") for one in first if one.target == "/v1/messages"]
    assert used[2:] == ["Bearer sk-ant-oat01-token-2"] * 2
    assert len(place.api.exchanged) == 2


def test_a_token_in_its_last_half_minute_is_not_used(place: Place) -> None:
    place.api.seconds = 29
    assert [place.ask(), place.ask()] == [200, 200]
    assert len(place.api.exchanged) == 2
    assert place.api.exchanged == place.sts.minted, "each exchange had a fresh identity"


def test_a_renewal_that_fails_leaves_the_token_that_there_is(place: Place) -> None:
    place.api.seconds = 100
    assert place.ask() == 200
    place.api.answer = json_reply({"error": "server_error"}, 500)
    assert [place.ask(), place.ask()] == [200, 200]
    assert not place.second.received


def test_a_revoked_token_is_exchanged_anew_within_the_call(place: Place) -> None:
    assert place.ask() == 200
    place.api.valid.clear()
    assert place.ask() == 200
    assert len(place.api.exchanged) == 2
    assert not place.second.received


REFUSALS = [
    json_reply({"error": "invalid_grant", "error_description": "sts-assertion"}, 400),
    json_reply({"error": "unauthorized_client"}, 401),
    json_reply({"error": "slow_down"}, 429),
    json_reply({"error": "server_error"}, 500),
    json_reply(b"<html>", 200),
    json_reply({"access_token": None, "expires_in": 60}),
    json_reply({"access_token": "t\u00f6ken", "expires_in": 60}),
    json_reply({"access_token": "t", "expires_in": "soon"}),
    json_reply([1]),
    Reply(parts=[BREAK]),
]


@pytest.mark.parametrize("answer", REFUSALS, ids=range(len(REFUSALS)))
def test_a_refused_exchange_moves_the_call_to_the_next_provider(place: Place, answer: Reply) -> None:
    place.api.answer = answer
    for stream in (False, True):
        assert place.ask(stream=stream) == 200
    assert [one.header("x-api-key") for one in place.second.received] == [PROVIDER_KEY] * 2
    outcome = place.gateway.audit.records[-1]
    assert (outcome["provider"], outcome["result"]) == ("second", "completed")
    (refused, _) = outcome["attempts"]
    assert refused["provider"] == "anthropic"
    assert refused["result"].startswith("CredentialUnavailable: the token exchange ")
    assert not [line for line in place.gateway.log if line["type"] == "defect"]
    assert "sts-assertion" not in place.said()


@pytest.mark.parametrize(
    "code",
    ["AccessDenied", "OutboundWebIdentityFederationDisabledException", "SessionDurationEscalationException"],
)
def test_an_sts_that_does_not_vouch_moves_the_call_on_too(place: Place, code: str) -> None:
    place.sts.error = (403, code)
    assert place.ask() == 200
    (refused, _) = place.gateway.audit.records[-1]["attempts"]
    assert re.fullmatch(r"CredentialUnavailable: AWS STS gave no identity token: \w+", refused["result"])
    assert "arn:aws" not in place.said()
    assert not place.gateway.upstream.received, "nothing is sent to a provider without a proof"


def test_without_a_proof_and_without_another_provider_the_caller_gets_a_clean_529(alone: Place) -> None:
    alone.api.answer = json_reply({"error": "invalid_grant"}, 400)
    _gets_a_clean_529(alone)
    assert alone.gateway.spent() == 0, "what was never sent costs nothing"
    assert [record["kind"] for record in alone.gateway.audit.records] == ["intent", "outcome"]


def test_without_a_proof_only_the_provider_that_had_the_request_may_have_charged(place: Place) -> None:
    place.api.answer = json_reply({"error": "invalid_grant"}, 400)
    place.second.script = lambda _: Reply(parts=[BREAK])
    _gets_a_clean_529(place)
    assert len(place.second.received) == 1
    intent, outcome = place.gateway.audit.records
    assert (intent["kind"], outcome["kind"]) == ("intent", "outcome")
    assert place.gateway.spent() == intent["reserved_microusd"] > 0, "one provider's share, not two"
    assert outcome["uncertain_microusd"] == outcome["cost_microusd"] == place.gateway.spent()


def _gets_a_clean_529(place: Place) -> None:
    answer = place.gateway.post("/v1/messages", chat())
    assert (answer.status, answer.json()["error"]["type"]) == (529, "overloaded_error")
    assert answer.header("retry-after")
    assert "exchange" not in answer.body.decode()


def test_nothing_of_any_token_is_logged_recorded_or_answered(place: Place) -> None:
    answer = place.gateway.post("/v1/messages", chat())
    assert answer.status == 200
    everything = place.said() + answer.body.decode() + json.dumps(answer.headers)
    for secret in ("sts-assertion", "sk-ant-oat01", SESSION.secret_key, SESSION.token, KEY):
        assert secret not in everything
