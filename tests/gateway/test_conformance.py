"""The conformance checklist of a Claude-compatible gateway, one test for each of its promises (L1.1, L1.3,
L1.6, L2.5).
"""

import json
import re
import time
from typing import Any

import pytest

from lambdas.common.subject_keys import SubjectErased

from .harness import KEY, OTHER_KEY, Harness, chat, make
from .upstream import (
    BREAK,
    FakeUpstream,
    Received,
    Reply,
    event,
    json_reply,
    message,
    stream_events,
    stream_reply,
)


def test_messages_is_matched_on_its_path_and_the_query_reaches_the_provider(gateway: Harness) -> None:
    answer = gateway.post("/v1/messages?beta=true", chat())
    assert answer.status == 200
    assert gateway.upstream.received[-1].target == "/v1/messages?beta=true"


def test_an_erased_person_is_refused_for_good_and_nothing_leaves(gateway: Harness) -> None:
    gateway.audit.refuse = SubjectErased("gone")
    answer = gateway.post("/v1/messages", chat())
    assert (answer.status, answer.json()["error"]["type"]) == (403, "permission_error")
    assert answer.header("x-should-retry") == "false"
    assert gateway.upstream.received == []
    (line,) = gateway.lines()
    assert line["reason"] == "subject_erased", "no outage of the audit store, and no alarm of one"
    assert gateway.ledger.open_reservations() == []
    assert gateway.spent() == 0


def test_a_call_under_way_when_its_person_is_erased_is_recorded_without_its_body(gateway: Harness) -> None:
    gateway.audit.refuse, gateway.audit.refuse_kind = SubjectErased("gone"), "outcome"
    gateway.audit.refuse_bodies_only = True
    assert gateway.post("/v1/messages", chat()).status == 200
    intent, outcome = gateway.audit.records
    assert (intent["kind"], outcome["kind"], outcome["erased"]) == ("intent", "outcome", True)
    assert outcome["bodies"] == {}


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "both"])
def test_the_credential_is_accepted_in_either_header_and_in_both(gateway: Harness, header: str) -> None:
    headers = {}
    if header != "x-api-key":
        headers["authorization"] = f"Bearer {KEY}"
    if header != "authorization":
        headers["x-api-key"] = KEY
    assert gateway.post("/v1/messages", chat(), headers=headers, key=None).status == 200
    assert gateway.request("GET", "/v1/models", headers=headers, key=None).status == 200


def test_unknown_body_fields_and_anthropic_headers_reach_the_provider_byte_for_byte(gateway: Harness) -> None:
    body = (
        b'{ "model":"claude-haiku-5-5" ,\n"max_tokens": 16,"x_new": {"b":1, "a":[1.50, 1e3]},'
        b'"messages":[{"role":"user","content":"gr\\u00fc\xc3\xbc\xf0\x9f\x98\x80"}]}'
    )
    headers = {
        "anthropic-beta": "a-2026-01-01,b-2027-01-01",
        "anthropic-version": "2029-01-01",
        "anthropic-new": "x;y",
    }
    assert gateway.post("/v1/messages", body, headers=headers).status == 200
    received = gateway.upstream.received[-1]
    assert received.body == body
    for name, value in headers.items():
        assert received.header(name) == value


def test_only_the_bytes_of_the_models_value_change_when_an_alias_is_used(gateway: Harness) -> None:
    body = (
        b'{"x":"model: fast","model" : "fast","max_tokens":5,"metadata":{"model":"fast"},'
        b'"messages":[{"role":"user","content":"\xe2\x82\xac \\"model\\": \\"fast\\""}]}'
    )
    assert gateway.post("/v1/messages", body).status == 200
    assert gateway.upstream.received[-1].body == body.replace(
        b'"model" : "fast"', b'"model" : "claude-haiku-5-5"'
    )


def test_the_first_system_block_and_the_order_of_system_stay_untouched(gateway: Harness) -> None:
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1"},
        {"type": "text", "text": "You are a helper.", "cache_control": {"type": "ephemeral"}},
    ]
    gateway.post("/v1/messages", chat(system=system))
    assert gateway.upstream.received[-1].json()["system"] == system


def test_thinking_and_signatures_pass_untouched_in_both_directions(gateway: Harness) -> None:
    thinking = {"type": "thinking", "thinking": "Let me see.", "signature": "EqQBCg=="}
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [thinking]},
        {"role": "user", "content": "?"},
    ]
    answer = message() | {"content": [thinking, {"type": "text", "text": "ok"}]}
    gateway.upstream.script = lambda _: json_reply(answer)
    got = gateway.post("/v1/messages", chat(messages=turns))
    assert gateway.upstream.received[-1].json()["messages"] == turns
    assert got.json() == answer


def test_a_stream_arrives_byte_for_byte(gateway: Harness) -> None:
    unknown = b'event: brand_new\ndata: {"type": "brand_new", "z": [1.0]}\n\n'
    comment = b": keep-alive\n\n"
    events = stream_events(["Hel", "lo"])
    parts = [events[0] + unknown[:11], unknown[11:] + comment, *events[1:]]
    gateway.upstream.script = lambda _: stream_reply(parts)
    answer = gateway.post("/v1/messages", chat(stream=True))
    assert answer.body == b"".join(parts)
    assert (answer.header("content-type") or "").startswith("text/event-stream")
    assert answer.header("content-encoding") is None


def test_events_leave_as_they_come_and_not_at_the_end(gateway: Harness) -> None:
    events = stream_events(["one", "two"])
    gateway.upstream.script = lambda _: stream_reply([*events[:4], 0.6, *events[4:]])
    started = time.monotonic()
    arrivals = [(time.monotonic() - started, data) for data in gateway.stream(chat(stream=True))]
    assert b"one" in b"".join(data for when, data in arrivals if when < 0.4)


def test_silence_is_broken_by_a_ping_within_the_promised_time(gateway: Harness) -> None:
    assert gateway.deadlines_default.ping <= 15
    events = stream_events(["one"])
    gateway.upstream.script = lambda _: stream_reply([*events[:3], gateway.ping_seconds * 3.5, *events[3:]])
    body = gateway.post("/v1/messages", chat(stream=True)).body
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    assert body.count(ping) - b"".join(events).count(ping) >= 3
    assert body.replace(ping, b"") == b"".join(events).replace(ping, b"")


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_stream_that_breaks_off_ends_with_an_error_event(gateway: Harness, cut: int) -> None:
    events = stream_events(["one", "two"])
    gateway.upstream.script = lambda _: stream_reply([*events[:cut], 0.02, BREAK])
    body = gateway.post("/v1/messages", chat(stream=True)).body
    assert body.startswith(b"".join(events[:cut]))
    assert body.endswith(b"\n\n")
    last = body.strip().split(b"\n\n")[-1]
    assert last.startswith(b"event: error\n")
    assert json.loads(last.split(b"data: ")[1])["error"]["type"] == "api_error"
    assert b"message_stop" not in body


def test_a_stream_that_ends_early_without_an_error_is_not_taken_for_a_whole_one(gateway: Harness) -> None:
    gateway.upstream.script = lambda _: stream_reply(stream_events(["one"])[:4])
    assert b"event: error\n" in gateway.post("/v1/messages", chat(stream=True)).body


def test_an_error_event_of_the_provider_is_relayed_as_it_is(gateway: Harness) -> None:
    error = event("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}})
    gateway.upstream.script = lambda _: stream_reply([*stream_events(["one"])[:4], error])
    assert gateway.post("/v1/messages", chat(stream=True)).body.endswith(error)


@pytest.mark.parametrize("status", [400, 404, 413, 422, 429, 500, 529])
def test_an_error_body_of_the_provider_arrives_byte_for_byte(gateway: Harness, status: int) -> None:
    body = (
        b'{"type":"error","error":{"type":"invalid_request_error",'
        b'"message":"prompt is too long: 215000 tokens > 200000 maximum"},"request_id":"req_x"}\n'
    )
    gateway.upstream.script = lambda _: json_reply(body, status)
    for stream in (False, True):
        answer = gateway.post("/v1/messages", chat(stream=stream))
        assert (answer.status, answer.body) == (status, body)
        assert (answer.header("request-id") or "").startswith("req_")


@pytest.mark.parametrize("status", [400, 404, 429, 502, 503, 504, 529])
def test_what_is_no_json_becomes_an_error_of_the_same_status_in_claudes_shape(
    provider_servers: list[FakeUpstream], status: int
) -> None:
    harness = make(provider_servers[:1])  # with a circuit of its own
    try:
        harness.reset()
        html = [("content-type", "text/html"), ("retry-after", "7")]
        for body in (b"<html><h1>502 Bad Gateway</h1></html>", b"[]"):
            harness.upstream.script = lambda _, body=body: Reply(status, html, [body])
            for path in ("/v1/messages", "/v1/messages/count_tokens"):
                answer = harness.post(path, chat())
                assert answer.status == status
                error = answer.json()
                assert (error["type"], error["request_id"]) == ("error", answer.header("request-id"))
                assert error["error"]["type"].endswith("_error")
                kinds = [value for name, value in answer.headers if name == "content-type"]
                assert kinds == ["application/json"]
                assert answer.header("retry-after") == "7"
                assert b"<h1>" not in answer.body
    finally:
        harness.stop()


def test_a_refused_credential_of_the_gateway_is_not_told_as_the_callers(two_providers: Harness) -> None:
    refused = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
    for upstream in two_providers.upstreams:
        upstream.script = lambda _: json_reply(refused, 401)
    answer = two_providers.post("/v1/messages", chat())
    assert (answer.status, answer.json()["error"]["type"]) == (502, "api_error")
    outcome = two_providers.audit.records[-1]
    assert [one["result"] for one in outcome["attempts"]] == ["401", "401"]
    assert two_providers.spent() == 0


def test_every_answer_has_a_request_id(gateway: Harness) -> None:
    answers = [
        gateway.post("/v1/messages", chat()),
        gateway.post("/v1/messages", chat(stream=True)),
        gateway.post("/v1/messages", chat(), key="wrong"),
        gateway.post("/v1/messages", chat(model="claude-unknown-1")),
        gateway.post("/v1/messages", b"{"),
        gateway.post("/nothing", b""),
        gateway.request("GET", "/v1/models"),
        gateway.request("GET", "/healthz"),
        gateway.post("/v1/messages", b"x" * (gateway.body_limit + 1)),
    ]
    assert [answer.status for answer in answers] == [200, 200, 401, 404, 400, 404, 200, 200, 413]
    ids = [answer.header("request-id") for answer in answers]
    assert all(re.fullmatch(r"req_[0-9A-HJKMNP-TV-Z]{26}", value or "") for value in ids)
    assert len(set(ids)) == len(ids)


def test_models_are_listed_fast_without_redirect(gateway: Harness) -> None:
    started = time.monotonic()
    answer = gateway.request("GET", "/v1/models?limit=1000")
    assert time.monotonic() - started < 3
    assert answer.status == 200
    ids = [entry["id"] for entry in answer.json()["data"]]
    assert ids == ["fast", "balanced", "claude-haiku-5-5", "claude-sonnet-5-5"]
    assert gateway.request("GET", "/v1/models/fast").json()["display_name"] == "Fast"
    assert gateway.request("GET", "/v1/models/best").status == 404


def test_models_say_what_clients_ask_for(gateway: Harness) -> None:
    alias, model = (
        gateway.request("GET", f"/v1/models/{name}").json() for name in ("fast", "claude-haiku-5-5")
    )
    assert (model["display_name"], model["line"]) == ("Claude Haiku 5.5", "haiku")
    for entry in (alias, model):
        assert (entry["max_input_tokens"], entry["max_tokens"]) == (1_000_000, 128_000)
        assert entry["capabilities"]["image_input"] == {"supported": True}


def test_the_list_of_models_is_paged_as_the_api_pages(gateway: Harness) -> None:
    def page(query: str) -> Any:
        return gateway.request("GET", f"/v1/models?{query}").json()

    first = page("limit=3")
    assert [entry["id"] for entry in first["data"]] == ["fast", "balanced", "claude-haiku-5-5"]
    assert (first["has_more"], first["last_id"]) == (True, "claude-haiku-5-5")
    rest = page("limit=3&after_id=claude-haiku-5-5")
    assert ([entry["id"] for entry in rest["data"]], rest["has_more"]) == (["claude-sonnet-5-5"], False)
    before = page("limit=1&before_id=claude-haiku-5-5")
    assert ([entry["id"] for entry in before["data"]], before["has_more"]) == (["balanced"], True)


@pytest.mark.parametrize(
    "name",
    [
        "fast",
        "claude-fast",
        "claude-haiku-5-5",
        "claude-haiku-5-5-20261101",
        "claude-haiku-5-5-latest",
        "claude-haiku-5-5[1m]",
        "fast[1m]",
    ],
)
def test_every_form_of_a_name_that_clients_use_is_taken(gateway: Harness, name: str) -> None:
    assert gateway.post("/v1/messages", chat(model=name)).status == 200
    assert gateway.upstream.received[-1].json()["model"] == "claude-haiku-5-5"
    assert gateway.request("GET", f"/v1/models/{name}".replace("[", "%5B").replace("]", "%5D")).status == 200


@pytest.mark.parametrize(
    "name", ["claude-best", "claude-opus-5-5[1m]", "claude-haiku-5", "haiku-5-5", "claude-"]
)
def test_no_form_of_a_name_reaches_a_model_that_is_not_granted(gateway: Harness, name: str) -> None:
    assert gateway.post("/v1/messages", chat(model=name)).status in {404, 451}
    assert not gateway.upstream.received


@pytest.mark.parametrize("path", ["/v1/messages", "/messages", "/v1/v1/messages"])
def test_a_base_url_works_with_v1_and_without(gateway: Harness, path: str) -> None:
    assert gateway.post(f"{path}?beta=true", chat()).status == 200
    assert gateway.upstream.received[-1].target == "/v1/messages?beta=true"


def test_count_tokens_is_passed_on_and_never_charged(gateway: Harness) -> None:
    body = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
    before = gateway.spent()
    answer = gateway.post("/v1/messages/count_tokens", body)
    assert answer.json() == {"input_tokens": 7}
    assert gateway.upstream.received[-1].json()["model"] == "claude-haiku-5-5"
    assert gateway.spent() == before


def test_count_tokens_works_when_the_budget_is_used_up(poor_gateway: Harness) -> None:
    body = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
    assert poor_gateway.post("/v1/messages", chat()).status == 402
    assert poor_gateway.post("/v1/messages/count_tokens", body).status == 200


@pytest.mark.parametrize("size", ["at", "above"])
def test_the_size_limit_is_exact_and_answers_413(gateway: Harness, size: str) -> None:
    frame = len(chat(messages=[{"role": "user", "content": ""}]))
    padding = gateway.body_limit - frame + (1 if size == "above" else 0)
    answer = gateway.post("/v1/messages", chat(messages=[{"role": "user", "content": "a" * padding}]))
    assert answer.status == (413 if size == "above" else 200)
    if size == "above":
        assert answer.json()["error"]["type"] == "request_too_large"
        assert answer.header("x-should-retry") == "false"


def test_no_credential_crosses_the_gateway_in_either_direction(gateway: Harness) -> None:
    gateway.upstream.script = lambda r: json_reply(
        message(), headers=[("set-cookie", "s=1"), ("anthropic-organization-id", "org-1")]
    )
    for header in ({"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}):
        headers = {
            **header,
            "cookie": "c=1",
            "proxy-authorization": "Basic x",
            "x-amzn-request-context": "{}",
        }
        answer = gateway.post("/v1/messages", chat(), headers=headers, key=None)
        received = gateway.upstream.received[-1]
        assert KEY not in json.dumps(received.headers)
        assert received.header("x-api-key") == gateway.provider_key
        assert received.header("authorization") is None
        for name in ("cookie", "proxy-authorization", "x-amzn-request-context"):
            assert received.header(name) is None
        assert gateway.provider_key not in json.dumps(answer.headers) + answer.body.decode()
        assert answer.header("set-cookie") is None
        assert answer.header("anthropic-organization-id") is None


def test_the_session_and_the_agent_of_claude_code_are_in_the_records_and_go_no_further(
    gateway: Harness,
) -> None:
    session = "4d0a1f5c-57c1-4f0e-9b36-0b7f1d2c9a11"
    headers = {"x-claude-code-session-id": session, "x-claude-code-agent-id": "no id but <text>"}
    answer = gateway.post("/v1/messages", chat(), headers)
    assert answer.status == 200
    for record in gateway.audit.of(answer.header("request-id")):
        assert record["client_session"] == session
        assert "client_agent" not in record
    assert gateway.upstream.received[-1].header("x-claude-code-session-id") is None
    assert session not in json.dumps(gateway.lines())


def test_rate_limit_headers_are_the_callers_own(gateway: Harness) -> None:
    shared = [
        ("anthropic-ratelimit-requests-remaining", "4711"),
        ("anthropic-ratelimit-unified-status", "allowed"),
    ]
    gateway.upstream.script = lambda r: json_reply(message(), headers=shared)
    remaining = []
    for _ in range(2):
        answer = gateway.post("/v1/messages", chat())
        assert "4711" not in json.dumps(answer.headers)
        assert answer.header("anthropic-ratelimit-unified-status") is None
        assert answer.header("anthropic-ratelimit-requests-limit") == str(gateway.user_requests_per_minute)
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.header("anthropic-ratelimit-requests-reset") or ""
        )
        remaining.append(int(answer.header("anthropic-ratelimit-requests-remaining") or -1))
    assert remaining[1] == remaining[0] - 1
    other = gateway.post("/v1/messages", chat(), key=OTHER_KEY)
    assert int(other.header("anthropic-ratelimit-requests-remaining") or -1) > remaining[1]


def test_the_provider_is_asked_not_to_compress(gateway: Harness) -> None:
    gateway.post("/v1/messages", chat(), headers={"accept-encoding": "gzip, br, zstd"})
    received = gateway.upstream.received[-1]
    assert received.header("accept-encoding") == "identity"


def test_a_compressed_request_is_refused_because_it_cannot_be_inspected(gateway: Harness) -> None:
    answer = gateway.post("/v1/messages", chat(), headers={"content-encoding": "gzip"})
    assert answer.status == 400
    assert not gateway.upstream.received


def test_unknown_routes_get_an_anthropic_shaped_not_found(gateway: Harness) -> None:
    for method, path in [
        ("GET", "/v1/agents"),
        ("POST", "/v1/complete"),
        ("PUT", "/v1/messages"),
        ("GET", "/"),
    ]:
        answer = gateway.request(method, path)
        assert answer.status == 404
        error = answer.json()
        assert error["type"] == "error"
        assert error["error"]["type"] == "not_found_error"
        assert error["request_id"] == answer.header("request-id")


def test_the_probe_of_claude_code_and_the_health_routes_need_no_credential(gateway: Harness) -> None:
    assert gateway.request("HEAD", "/api/hello", key=None).status == 200
    assert gateway.request("GET", "/healthz", key=None).status == 200
    assert gateway.request("GET", "/readyz", key=None).status == 200


def test_a_wrong_or_missing_credential_is_401_and_nothing_is_sent(gateway: Harness) -> None:
    for key in ("wrong", None):
        answer = gateway.post("/v1/messages", chat(), key=key)
        assert answer.status == 401
        assert answer.json()["error"]["type"] == "authentication_error"
        assert answer.header("x-should-retry") == "false"
    assert not gateway.upstream.received


def test_a_model_that_is_not_granted_is_named_with_those_that_are(gateway: Harness) -> None:
    answer = gateway.post("/v1/messages", chat(model="best"))
    assert answer.status == 451
    assert "fast, balanced" in answer.json()["error"]["message"]
    assert answer.header("x-should-retry") == "false"
    assert not gateway.upstream.received


def _no_reply(_: Received) -> Reply:
    return Reply(parts=[BREAK])


def test_the_next_provider_answers_when_the_first_gives_no_byte(two_providers: Harness) -> None:
    two_providers.upstream.script = _no_reply
    answer = two_providers.post("/v1/messages", chat())
    assert answer.status == 200
    assert len(two_providers.second_upstream.received) == 1


def test_no_other_provider_is_asked_once_a_byte_was_relayed(two_providers: Harness) -> None:
    two_providers.upstream.script = lambda _: stream_reply([*stream_events(["one"])[:2], BREAK])
    body = two_providers.post("/v1/messages", chat(stream=True)).body
    assert b"event: error\n" in body
    assert not two_providers.second_upstream.received
