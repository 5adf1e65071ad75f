"""Providers: swapped without a caller noticing, left when they fail, never before their time, never after the
first byte (L1.2, L1.3, L1.8).
"""

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from anthropic import Anthropic

from lambdas.common.policy import parse_policy
from lambdas.gateway.call import Deadlines
from lambdas.gateway.providers.circuit import CircuitBreaker
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.transport import HttpTransport
from lambdas.gateway.providers.user_sessions import Attribution

from .harness import KEY, OTHER_KEY, PROVIDER_KEY, Harness, chat, make, policy_document
from .signatures import SESSION, why_refused
from .upstream import (
    BREAK,
    FakeUpstream,
    Received,
    Reply,
    json_reply,
    message,
    ordinary_claude,
    stream_events,
    stream_reply,
)

SOMEBODY = Attribution("app-1", "marketing", "CC-100")
FAST = Deadlines(ping=0.2, connect=0.5, first_byte_whole=0.4, first_byte_stream=0.4, idle=0.5)


@pytest.fixture
def impatient(provider_servers: list[FakeUpstream]) -> Iterator[Harness]:
    """Two providers and short deadlines."""
    harness = make(provider_servers, FAST)
    harness.reset()
    yield harness
    harness.stop()


def _unavailable(status: int) -> Reply:
    return json_reply({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, status)


def test_an_alias_moves_to_another_model_and_provider_without_a_change_in_the_caller(
    two_providers: Harness,
) -> None:
    client = Anthropic(base_url=two_providers.url, api_key=KEY, max_retries=0)
    ask: Any = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    assert client.messages.create(**ask).model == "claude-haiku-5-5"
    document = two_providers.policy_source.document
    document["models"]["fast"]["model"] = "claude-opus-5-5"
    document["providers"].reverse()
    document["providers"][0]["models"] = {"claude-opus-5-5": "eu.opus-v9"}
    time.sleep(0.15)  # the gateway follows the policy by itself
    assert client.messages.create(**ask).content[0].type == "text"
    assert two_providers.second_upstream.received[-1].json()["model"] == "eu.opus-v9"
    assert [one["provider"] for one in two_providers.lines()] == ["provider-1", "provider-2"]


@pytest.mark.parametrize("asked", [None, "global", "us"])
def test_the_policy_says_where_a_provider_answers_whatever_the_caller_asks(
    two_providers: Harness, asked: str | None
) -> None:
    """(G.1) Data residency: `inference_geo` is sent with each message, and with each one of a batch."""
    two_providers.policy_source.document["providers"][0]["inference_geo"] = "us"
    time.sleep(0.15)  # the gateway follows the policy by itself
    client = Anthropic(base_url=two_providers.url, api_key=KEY, max_retries=0)
    ask: Any = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    ask |= {"inference_geo": asked} if asked else {}
    client.messages.create(**ask)
    assert two_providers.upstream.received[-1].json()["inference_geo"] == "us"
    two_providers.upstream.script = lambda _: json_reply({"id": "msgbatch_1", "type": "message_batch"})
    client.post(
        "/v1/messages/batches", cast_to=object, body={"requests": [{"custom_id": "a", "params": ask}]}
    )
    (sent,) = two_providers.upstream.received[-1].json()["requests"]
    assert sent["params"] == {**ask, "model": "claude-haiku-5-5", "inference_geo": "us"}


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504, 529])
def test_a_provider_that_cannot_is_left_for_the_next_one(two_providers: Harness, status: int) -> None:
    two_providers.upstream.script = lambda _: _unavailable(status)
    for stream in (False, True):
        assert two_providers.post("/v1/messages", chat(stream=stream)).status == 200
    outcome = two_providers.audit.records[-1]
    assert outcome["provider"] == "provider-2"
    assert [one["result"] for one in outcome["attempts"]] == [str(status), "200"]


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_an_error_of_the_caller_is_the_answer_and_no_other_provider_is_asked(
    two_providers: Harness, status: int
) -> None:
    two_providers.upstream.script = lambda _: _unavailable(status)
    assert two_providers.post("/v1/messages", chat()).status == status
    assert not two_providers.second_upstream.received


def test_a_deadline_for_the_first_byte_moves_the_call_on(impatient: Harness) -> None:
    impatient.upstream.script = lambda _: Reply(200, [], [2.0, b"late"])
    started = time.monotonic()
    assert impatient.post("/v1/messages", chat()).status == 200
    assert time.monotonic() - started < 1.5
    assert len(impatient.second_upstream.received) == 1


def test_when_no_provider_answers_the_caller_gets_a_clear_529_and_what_it_may_cost_is_uncertain(
    impatient: Harness,
) -> None:
    for upstream in impatient.upstreams:
        upstream.script = lambda _: Reply(parts=[BREAK])
    answer = impatient.post("/v1/messages", chat())
    assert answer.status == 529
    assert answer.json()["error"]["type"] == "overloaded_error"
    assert int(answer.header("retry-after") or 0) > 0
    intent, outcome = impatient.audit.records
    assert outcome["uncertain_microusd"] == outcome["cost_microusd"] == impatient.spent()
    assert impatient.spent() == 2 * intent["reserved_microusd"]  # each of two had the request


def test_the_last_providers_error_is_relayed_when_none_does_better(two_providers: Harness) -> None:
    for upstream in two_providers.upstreams:
        upstream.script = lambda _: _unavailable(529)
    answer = two_providers.post("/v1/messages", chat())
    assert (answer.status, answer.json()["error"]["type"]) == (529, "overloaded_error")


def test_a_stream_that_falls_silent_ends_with_an_error_event(impatient: Harness) -> None:
    impatient.upstream.script = lambda _: stream_reply([*stream_events(["one"])[:4], 3.0])
    body = impatient.post("/v1/messages", chat(stream=True)).body
    assert b"event: error\n" in body
    assert not impatient.second_upstream.received


def test_a_whole_answer_that_falls_silent_is_given_up_and_its_connection_closed(impatient: Harness) -> None:
    """Else the provider would go on with an answer that nobody reads."""
    body = json.dumps(message()).encode()
    reply = Reply(parts=[body[:20], 5.0, body[20:]], headers=[("content-type", "application/json")])
    impatient.upstream.script = lambda _: reply
    assert impatient.post("/v1/messages", chat()).status == 502
    (received,) = impatient.upstream.received
    deadline = time.monotonic() + 2
    while not received.cut and time.monotonic() < deadline:
        time.sleep(0.01)
    assert received.cut


def test_a_provider_that_keeps_failing_is_left_alone_and_tried_again_later(two_providers: Harness) -> None:
    two_providers.upstream.script = lambda _: _unavailable(503)
    for number in range(8):
        key = (KEY, OTHER_KEY)[number % 2]
        assert two_providers.post("/v1/messages", chat(), key=key).status == 200
    assert len(two_providers.upstream.received) == 5
    assert two_providers.audit.records[-1]["attempts"][0]["result"] == "circuit open"
    two_providers.post("/v1/messages", chat(model="balanced"))
    assert len(two_providers.upstream.received) == 6, "another model has a circuit of its own"


def test_one_caller_never_closes_a_provider_to_the_others(two_providers: Harness) -> None:
    two_providers.upstream.script = lambda _: _unavailable(500)
    for _ in range(9):
        assert two_providers.post("/v1/messages", chat()).status == 200
    assert len(two_providers.upstream.received) == 9


def test_the_only_provider_tells_its_own_error_however_often_it_fails(
    provider_servers: list[FakeUpstream],
) -> None:
    harness = make(provider_servers[:1])
    try:
        harness.reset()
        harness.upstream.script = lambda _: _unavailable(503)
        for number in range(9):
            assert harness.post("/v1/messages", chat(), key=(KEY, OTHER_KEY)[number % 2]).status == 503
        harness.upstream.reset()
        assert harness.post("/v1/messages", chat()).status == 200
    finally:
        harness.stop()


def test_a_provider_without_a_connection_is_left_alone_whoever_asks() -> None:
    circuit = CircuitBreaker(failures_to_open=2)
    circuit.failed("ada")
    circuit.failed("ada", unreachable=True)
    assert circuit.allows()
    circuit.failed("ada", unreachable=True)
    assert not circuit.allows()


def test_a_circuit_lets_one_call_try_and_closes_when_it_succeeds() -> None:
    now = [0.0]
    circuit = CircuitBreaker(failures_to_open=2, open_seconds=10, clock=lambda: now[0])
    circuit.failed("ada")
    assert circuit.allows()
    circuit.failed("ben")
    assert not circuit.allows()
    now[0] = 10.0
    assert [circuit.allows(), circuit.allows()] == [True, False]
    circuit.failed("ada")
    assert not circuit.allows()
    now[0] = 20.0
    assert circuit.allows()
    circuit.undecided()
    assert circuit.allows()
    circuit.succeeded()
    assert [circuit.allows(), circuit.allows()] == [True, True]


def test_more_calls_at_once_than_configured_are_told_to_come_back(
    provider_servers: list[FakeUpstream],
) -> None:
    harness = make(provider_servers[:1], concurrent_calls=3)
    try:
        harness.reset()
        harness.upstream.script = lambda _: Reply(
            200, [("content-type", "application/json")], [0.4, json.dumps(message()).encode()]
        )
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: harness.post("/v1/messages", chat()), range(6)))
        assert sorted(answer.status for answer in answers) == [200] * 3 + [529] * 3
        assert all(answer.header("retry-after") for answer in answers if answer.status == 529)
        harness.upstream.reset()
        assert harness.post("/v1/messages", chat()).status == 200
    finally:
        harness.stop()


# -- the client leaves ---------------------------------------------------------------------------------------


def _leave(harness: Harness, body: bytes, *, after: bytes | None) -> None:
    """Send a request and close the connection: at once, or when `after` was seen."""
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", harness.port), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        got = b""
        while after is not None and after not in got:
            got += connection.recv(65536)
        if after is None:
            time.sleep(0.2)


def _until(condition: Any) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_client_that_leaves_a_stream_cancels_it_and_pays_for_what_came(gateway: Harness) -> None:
    events = stream_events(["one " * 100, "two"])
    gateway.upstream.script = lambda _: stream_reply([*events[:4], 10.0, *events[4:]])
    _leave(gateway, chat(stream=True), after=b"one one")
    _until(lambda: len(gateway.audit.records) == 2)
    outcome = gateway.audit.records[-1]
    assert outcome["result"] == "client_gone"
    assert outcome["output_tokens"] == 100  # 400 characters were delivered
    _until(lambda: gateway.upstream.received[-1].cut)
    assert gateway.spent() == outcome["cost_microusd"] > 0
    assert b"one one" in outcome["bodies"]["response"]
    _until(lambda: bool(gateway.lines()))
    assert gateway.lines()[-1]["client_gone"] is True


def test_a_client_that_leaves_before_the_answer_cancels_the_call_and_what_it_may_cost_is_uncertain(
    gateway: Harness,
) -> None:
    gateway.upstream.script = lambda _: Reply(200, [], [10.0, b"{}"])
    _leave(gateway, chat(), after=None)
    _until(lambda: len(gateway.audit.records) == 2)
    assert gateway.audit.records[-1]["result"] == "client_gone"
    _until(lambda: gateway.upstream.received[-1].cut)
    assert gateway.spent() == gateway.audit.records[-1]["cost_microusd"] > 0
    assert not gateway.ledger.open_reservations()


# -- credentials (federation with the Anthropic API has tests of its own) ------------------------------------

PLATFORMS: dict[str, dict[str, Any]] = {
    "anthropic": {"kind": "anthropic", "auth": {"kind": "secret"}},
    "claude-platform-aws": {
        "kind": "claude-platform-aws",
        "auth": {"kind": "aws", "region": "eu-west-1", "workspace_id": "wrkspc_1"},
    },
    "bedrock": {"kind": "bedrock", "auth": {"kind": "aws", "region": "eu-west-1"}},
}
SERVICES = {"claude-platform-aws": "aws-external-anthropic", "bedrock": "bedrock-mantle"}


class Platform:
    """Any of the three providers: refuses what is not proved in its own way, then answers as Claude does."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, received: Received) -> Reply:
        if self._refuses(received) is not None:
            return _unavailable(403)
        asked = received.json()
        asked["model"] = asked["model"].removeprefix("anthropic.")
        shown = Received(
            received.method,
            received.target.removeprefix("/anthropic"),
            received.headers,
            json.dumps(asked).encode(),
        )
        return ordinary_claude(shown)

    def _refuses(self, received: Received) -> str | None:
        if self.kind == "anthropic":
            return None if received.header("x-api-key") == PROVIDER_KEY else "no key"
        if not received.target.startswith("/anthropic/v1/"):
            return "another path"
        if self.kind == "claude-platform-aws" and received.header("anthropic-workspace-id") != "wrkspc_1":
            return "no workspace"
        return why_refused(received, service=SERVICES[self.kind], region="eu-west-1")


async def _session(attribution: Attribution) -> Any:
    assert attribution == SOMEBODY
    return SESSION


@pytest.fixture(scope="module", params=PLATFORMS)
def shared_platform(request: pytest.FixtureRequest) -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    url = upstream.url if request.param == "anthropic" else f"{upstream.url}/anthropic"
    provider = {"name": "only", "base_url": url, "models": {}, **PLATFORMS[request.param]}
    harness = make([upstream], providers=[provider], aws_credentials=_session)
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def platform(shared_platform: Harness) -> tuple[Harness, str]:
    """A gateway in front of one provider, and its kind."""
    shared_platform.reset()
    kind = shared_platform.policy_source.document["providers"][0]["kind"]
    shared_platform.upstream.script = Platform(kind)
    return shared_platform, kind


def test_a_caller_sees_the_same_whatever_the_provider_and_its_proof(platform: tuple[Harness, str]) -> None:
    """A message, a stream, a count, an error: the same bytes from each of the three (L1.2, L1.3)."""
    harness, _ = platform
    client = Anthropic(base_url=harness.url, api_key=KEY, max_retries=0)
    ask: Any = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    assert client.messages.create(**ask).to_dict() == message()
    with client.messages.stream(**ask) as stream:
        assert list(stream.text_stream) == ["Hel", "lo."]
    assert client.messages.count_tokens(model="fast", messages=ask["messages"]).input_tokens == 7
    answers = [harness.post("/v1/messages", chat(stream=stream)) for stream in (False, True)]
    assert [answer.body for answer in answers] == [
        json.dumps(message()).encode(),
        b"".join(stream_events(["Hel", "lo."])),
    ]
    harness.upstream.script = lambda _: json_reply(b'{"type":"error", "z": 1}', 400)
    assert harness.post("/v1/messages", chat()).body == b'{"type":"error", "z": 1}'
    assert {one["status"] for one in harness.audit.records if one["kind"] == "outcome"} == {200, 400}


@pytest.mark.parametrize("content_type", [None, "application/json", "application/json; charset=utf-8"])
def test_the_proof_holds_whatever_content_type_the_caller_sends(
    platform: tuple[Harness, str], content_type: str | None
) -> None:
    harness, _ = platform
    headers = {"content-type": content_type} if content_type else {}
    for path in ("/v1/messages", "/v1/messages?beta=true&x=a%20b&a=1"):
        assert harness.request("POST", path, chat(), headers).status == 200


def test_each_platform_is_asked_for_the_model_by_its_own_name_and_gets_no_callers_key(
    platform: tuple[Harness, str],
) -> None:
    harness, kind = platform
    assert harness.post("/v1/messages", chat(model="fast")).status == 200
    sent = harness.upstream.received[-1]
    prefix = "anthropic." if kind == "bedrock" else ""
    assert sent.json()["model"] == prefix + "claude-haiku-5-5"
    assert KEY not in json.dumps(sent.headers)
    assert (sent.header("x-api-key") is None) == (kind != "anthropic")


@pytest.mark.parametrize("status", [400, 403, 404, 429, 503])
def test_an_error_of_aws_names_no_account_and_no_role_of_the_organisation(
    platform: tuple[Harness, str], status: int
) -> None:
    """Only what AWS says of the organisation is cut out; of all else each byte stays (L1.7)."""
    harness, kind = platform
    role = b"arn:aws:sts::111122223333:assumed-role/acme-production-claude-caller/ada"
    project = b"arn:aws:bedrock-mantle:eu-west-1:111122223333:project/x"
    form = (
        b'{"type":"error","error":{"type":"permission_error","message":"User: %b may not perform: '
        b'CreateInference on resource: %b in account %b; prompt is too long: 215000 tokens"},  "z": 1.50}'
    )
    said = form % (role, project, b"111122223333")
    harness.upstream.script = lambda _: json_reply(said, status)
    answer = harness.post("/v1/messages", chat())
    assert answer.status == status
    if kind == "anthropic":
        assert answer.body == said
        return
    assert answer.body == form % ((b"(withheld)",) * 3)


def test_a_stand_in_replaces_the_first_provider_and_never_sees_its_credential(
    provider_servers: list[FakeUpstream],
) -> None:
    async def never(*_: object) -> Any:
        raise AssertionError("a credential was asked for")

    document = policy_document(["https://api.anthropic.com", "https://other.example.com"])
    providers = Providers(
        HttpTransport(),
        read_secret=never,
        identity_token=never,
        aws_credentials=never,
        region="eu-central-1",
        stand_in_url=provider_servers[0].url,
    ).of(parse_policy(json.dumps(document).encode()))
    assert [one.base_url for one in providers] == [provider_servers[0].url, "https://other.example.com"]
    assert asyncio.run(providers[0].credential.headers("POST", "x", [], b"", SOMEBODY)) == []


def test_a_key_is_read_once_and_again_when_the_provider_refuses_it(
    provider_servers: list[FakeUpstream],
) -> None:
    reads: list[str] = []

    async def read() -> str:
        reads.append(f"key-{len(reads) + 1}")
        return reads[-1]

    harness = make(provider_servers[:1], read_secret=read)
    try:
        harness.reset()
        harness.upstream.script = lambda received: (
            json_reply(message()) if received.header("x-api-key") == reads[-1] else _unavailable(401)
        )
        for _ in range(3):
            assert harness.post("/v1/messages", chat()).status == 200
        assert reads == ["key-1"]
        harness.upstream.script = lambda received: (
            json_reply(message()) if received.header("x-api-key") == "key-2" else _unavailable(401)
        )
        assert harness.post("/v1/messages", chat()).status == 200
        assert reads == ["key-1", "key-2"]
    finally:
        harness.stop()


def test_connections_to_a_provider_are_kept_and_a_stale_one_is_replaced(gateway: Harness) -> None:
    assert gateway.post("/v1/messages", chat()).status == 200
    gateway.upstream.drop_connections()
    time.sleep(0.05)
    assert gateway.post("/v1/messages", chat()).status == 200
    assert len(gateway.upstream.received) == 2


def test_a_slow_reader_does_not_make_the_gateway_hoard_the_answer(gateway: Harness) -> None:
    """A stream of 8 MB to a client that does not read: the gateway stops reading from the provider."""
    piece = stream_events(["x" * 60_000])[3]
    sent: list[int] = []
    gateway.upstream.script = lambda _: stream_reply([*stream_events(["a"])[:3], *[piece] * 130])
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", "/v1/messages", chat(stream=True), {"x-api-key": KEY})
    reader = threading.Thread(target=lambda: sent.append(len(connection.getresponse().read())))
    time.sleep(0.3)
    reader.start()
    reader.join(15)
    assert sent[0] > 130 * 60_000
    connection.close()
