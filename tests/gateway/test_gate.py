"""One gate for every route: access, switches, grants, rates and records (L1.5, G.4, L2.5)."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from lambdas.common.ledger.items import Key
from lambdas.common.ledger.switches import Switch

from .harness import KEY, OTHER_KEY, Answer, Harness, chat, department, make
from .test_sdk import BatchApi
from .upstream import FakeUpstream, json_reply, message, stream_events, stream_reply

COUNT: Any = {"model": "fast", "messages": [{"role": "user", "content": "Hi."}]}
EMBED: Any = {"model": "amazon.titan-embed-text-v2:0", "input": "Hi."}
BATCH: Any = {"requests": [{"custom_id": "a", "params": json.loads(chat())}]}
ROUTES: dict[str, Callable[[Harness, str], Answer]] = {
    "messages": lambda gateway, _: gateway.post("/v1/messages", chat()),
    "prompts": lambda gateway, _: gateway.post("/v1/prompts/campaign-copy/messages", {}),
    "count_tokens": lambda gateway, _: gateway.post("/v1/messages/count_tokens", COUNT),
    "embeddings": lambda gateway, _: gateway.post("/v1/embeddings", EMBED),
    "batch create": lambda gateway, _: gateway.post("/v1/messages/batches", BATCH),
    "batch list": lambda gateway, _: gateway.request("GET", "/v1/messages/batches"),
    "batch retrieve": lambda gateway, batch: gateway.request("GET", f"/v1/messages/batches/{batch}"),
    "batch results": lambda gateway, batch: gateway.request("GET", f"/v1/messages/batches/{batch}/results"),
    "batch cancel": lambda gateway, batch: gateway.post(f"/v1/messages/batches/{batch}/cancel", {}),
    "library": lambda gateway, _: gateway.request("GET", "/v1/prompts"),
    "me": lambda gateway, _: gateway.request("GET", "/v1/me"),
    "models": lambda gateway, _: gateway.request("GET", "/v1/models"),
    "model": lambda gateway, _: gateway.request("GET", "/v1/models/fast"),
    "feedback": lambda gateway, _: gateway.post("/v1/feedback", {"request_id": "req_1", "useful": True}),
    "outcome": lambda gateway, _: gateway.post("/v1/records/req_1/outcome", {"use": "A letter."}),
}


@pytest.fixture
def batch(gateway: Harness) -> str:
    """A batch of the caller that has ended."""
    api = BatchApi()
    api.ended = True
    gateway.upstream.script = api
    return gateway.post("/v1/messages/batches", BATCH).json()["id"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_switch_stops_every_route(gateway: Harness, batch: str, route: str) -> None:
    gateway.upstream.received.clear()
    gateway.ledger.store.items[Switch("organization").key] = {"off": True}
    if route == "prompts":  # the kit's prompts are for other departments of this name
        return
    answer = ROUTES[route](gateway, batch)
    assert answer.status in {403, 451}
    assert "switched off" in answer.json()["error"]["message"]
    assert not gateway.upstream.received


@pytest.mark.parametrize("route", ROUTES)
def test_a_leaver_is_out_at_the_next_call_of_every_route(gateway: Harness, batch: str, route: str) -> None:
    gateway.upstream.received.clear()
    principal = gateway.keys.principals[KEY]
    gateway.ledger.store.items[Key("access", principal.access_key, "ACCESS")]["active"] = False
    if route == "prompts":
        return
    answer = ROUTES[route](gateway, batch)
    assert answer.status in {403, 451}
    assert "ended" in answer.json()["error"]["message"]
    assert not gateway.upstream.received


@pytest.fixture
def slow_lane() -> Iterator[Harness]:
    """A gateway whose callers may call three times a minute."""
    upstream = FakeUpstream().start()
    harness = make([upstream], departments=[department("marketing", user_requests_per_minute=3)])
    harness.reset()
    yield harness
    harness.stop()
    upstream.stop()


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_has_a_rate(slow_lane: Harness, route: str) -> None:
    statuses = [ROUTES[route](slow_lane, "batch_1").status for _ in range(16)]
    assert 429 in statuses
    refused = statuses.index(429)
    assert set(statuses[refused:]) == {429}
    assert refused in {3, 12}


def test_refusals_count_towards_the_rate_and_reserve_nothing(slow_lane: Harness) -> None:
    secret = chat("SSN 536-22-8723 of our customer")
    statuses = [slow_lane.post("/v1/messages", secret).status for _ in range(6)]
    assert statuses == [451, 451, 451, 429, 429, 429]
    assert len(slow_lane.audit.records) == 3
    assert not slow_lane.ledger.open_reservations()
    assert slow_lane.spent() == 0
    assert slow_lane.post("/v1/messages", chat(), key=OTHER_KEY).status == 200


def test_the_record_of_a_large_refusal_is_small(gateway: Harness) -> None:
    gateway.post("/v1/messages", chat("SSN 536-22-8723 of our customer. " + "All is well here. " * 5_000))
    (record,) = gateway.audit.records
    assert record["kind"] == "refusal"
    assert not record["bodies"]
    assert record["request_bytes"] > 80_000
    assert len(record["request_sha256"]) == 64


def test_refusals_of_one_caller_are_recorded_up_to_a_number_an_hour(gateway: Harness) -> None:
    for _ in range(130):
        gateway.post("/v1/messages", chat("SSN 536-22-8723 of our customer"), key=OTHER_KEY)
    assert len(gateway.audit.records) <= 100
    assert len(gateway.lines()) == 130


def test_a_count_is_recorded_without_its_text(gateway: Harness) -> None:
    answer = gateway.post("/v1/messages/count_tokens", COUNT)
    (record,) = gateway.audit.of(answer.header("request-id"))
    assert (record["kind"], record["bodies"]) == ("count_tokens", {})


def test_a_refused_count_is_recorded_like_a_refused_message(gateway: Harness) -> None:
    secret = {"model": "fast", "messages": [{"role": "user", "content": "SSN 536-22-8724 of our customer"}]}
    answer = gateway.post("/v1/messages/count_tokens", secret)
    assert [one["kind"] for one in gateway.audit.of(answer.header("request-id"))] == ["refusal"]


def test_a_department_of_registered_prompts_counts_no_free_text() -> None:
    upstream = FakeUpstream().start()
    harness = make([upstream], departments=[department("marketing", registered_prompts_only=True)])
    try:
        harness.reset()
        assert harness.post("/v1/messages/count_tokens", COUNT).status in {403, 451}
        assert not upstream.received
    finally:
        harness.stop()
        upstream.stop()


def test_a_batch_belongs_to_its_caller(gateway: Harness, batch: str) -> None:
    for route in ("batch retrieve", "batch results", "batch cancel"):
        path = f"/v1/messages/batches/{batch}" + {"batch results": "/results"}.get(route, "")
        method = "GET"
        if route == "batch cancel":
            path, method = path + "/cancel", "POST"
        assert gateway.request(method, path, key=OTHER_KEY).status == 404
        assert ROUTES[route](gateway, batch).status == 200
    assert gateway.request("GET", "/v1/messages/batches", key=OTHER_KEY).json()["data"] == []
    assert len(gateway.request("GET", "/v1/messages/batches").json()["data"]) == 1
    looked = [one["what"] for one in gateway.audit.records if one["kind"] == "batch_access"]
    assert looked == ["retrieve", "results", "cancel"]


def statements(gateway: Harness, request_id: str, key: str = KEY) -> list[int]:
    """What comes of feedback and of an outcome on an answer."""
    said = {"request_id": request_id, "useful": True, "minutes_saved": 5}
    outcome = {"use": "A letter.", "material_decision": True}
    return [
        gateway.post("/v1/feedback", said, key=key).status,
        gateway.post(f"/v1/records/{request_id}/outcome", outcome, key=key).status,
    ]


def test_statements_are_taken_on_an_answer_by_who_got_it(gateway: Harness) -> None:
    answered = gateway.post("/v1/messages", chat()).header("request-id") or ""
    assert statements(gateway, answered, OTHER_KEY) == [404, 404]
    assert statements(gateway, answered) == [201, 201]
    assert statements(gateway, answered) == [409, 201]


def test_statements_of_others_need_a_role_that_the_department_names(
    provider_servers: list[FakeUpstream],
) -> None:
    harness = make(provider_servers[:1], departments=[department("marketing", statement_roles=["reviewer"])])
    harness.reset()
    answered = harness.post("/v1/messages", chat()).header("request-id") or ""
    assert statements(harness, answered, OTHER_KEY) == [404, 404]
    reviewer = replace(harness.keys.principals[OTHER_KEY], roles=("reviewer",))
    harness.keys.principals[OTHER_KEY] = reviewer
    assert statements(harness, answered, OTHER_KEY) == [400, 201], "who did not do the work saved no time"
    said = {"request_id": answered, "useful": True}
    assert [harness.post("/v1/feedback", said, key=one).status for one in (OTHER_KEY, OTHER_KEY, KEY)] == [
        201,
        409,
        201,
    ]
    harness.stop()


def test_an_answer_saved_no_more_time_than_its_length_allows(gateway: Harness) -> None:
    gateway.upstream.script = lambda _: json_reply(message(output_tokens=800))
    for minutes, status in ((111, 400), (110, 201)):
        answered = gateway.post("/v1/messages", chat()).header("request-id")
        said = {"request_id": answered, "useful": True, "minutes_saved": minutes}
        assert gateway.post("/v1/feedback", said).status == status


def test_statements_are_taken_on_completed_answers_only(gateway: Harness) -> None:
    gateway.upstream.script = lambda _: stream_reply(stream_events(["one"])[:4])
    answers = [gateway.post("/v1/messages", chat(stream=True))]
    gateway.upstream.script = lambda _: json_reply({"type": "error", "error": {"message": "x"}}, 400)
    answers.append(gateway.post("/v1/messages", chat()))
    gateway.upstream.script = lambda _: json_reply(b"no message")
    answers.append(gateway.post("/v1/messages", chat()))
    answers.append(gateway.post("/v1/messages", chat("SSN 536-22-8724 of our customer")))
    answers.append(gateway.post("/v1/messages", chat(model="best")))
    for answer in answers:
        assert statements(gateway, answer.header("request-id") or "") == [404, 404]


def test_statements_are_taken_on_nothing_but_answers(gateway: Harness) -> None:
    others = [
        gateway.request("GET", "/v1/models"),
        gateway.post("/v1/messages/count_tokens", COUNT),
        gateway.request("GET", "/v1/messages/batches"),
        gateway.post("/v1/nothing", {}),
    ]
    for answer in others:
        assert statements(gateway, answer.header("request-id") or "") == [404, 404]
