"""The unmodified official `anthropic` SDK works by base URL and credential alone (L1.1, L1.2, L1.6)."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from lambdas.common.prices import load_prices

from .harness import FINANCE_KEY, KEY, Harness, chat
from .upstream import Received, Reply, json_reply, message, ordinary_claude, stream_events, stream_reply

MESSAGES: Any = [{"role": "user", "content": "Write a haiku about rivers."}]


@pytest.fixture
def client(gateway: Harness) -> Iterator[Anthropic]:
    with Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        yield client


def test_a_message_and_its_text(client: Anthropic) -> None:
    answer = client.messages.create(model="fast", max_tokens=64, messages=MESSAGES)
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "Hello."
    assert answer._request_id
    assert answer._request_id.startswith("req_")


def test_a_stream_gives_its_texts_and_its_final_message(client: Anthropic) -> None:
    with client.messages.stream(model="fast", max_tokens=64, messages=MESSAGES) as stream:
        assert list(stream.text_stream) == ["Hel", "lo."]
        assert stream.get_final_message().usage.output_tokens == 5


def test_the_async_client_works_the_same(gateway: Harness) -> None:
    async def scenario() -> None:
        async with AsyncAnthropic(base_url=gateway.url, auth_token=KEY, max_retries=0) as client:
            answer = await client.messages.create(model="fast", max_tokens=64, messages=MESSAGES)
            assert answer.stop_reason == "end_turn"
            async with client.messages.stream(model="fast", max_tokens=64, messages=MESSAGES) as stream:
                assert [text async for text in stream.text_stream] == ["Hel", "lo."]

    asyncio.run(scenario())


def test_counting_and_models(client: Anthropic) -> None:
    assert client.messages.count_tokens(model="fast", messages=MESSAGES).input_tokens == 7
    assert [model.id for model in client.models.list(limit=1000)][:2] == ["fast", "balanced"]
    assert client.models.retrieve("fast").display_name == "Fast"


def test_errors_arrive_as_the_sdks_own_exceptions(gateway: Harness, client: Anthropic) -> None:
    with pytest.raises(anthropic.AuthenticationError):
        Anthropic(base_url=gateway.url, api_key="wrong").messages.create(
            model="fast", max_tokens=5, messages=MESSAGES
        )
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(model="claude-none-1", max_tokens=5, messages=MESSAGES)
    with pytest.raises(anthropic.APIStatusError, match="Models granted: fast, balanced"):
        client.messages.create(model="best", max_tokens=5, messages=MESSAGES)


def test_a_refusal_of_policy_is_not_sent_again(gateway: Harness) -> None:
    client = Anthropic(base_url=gateway.url, api_key=KEY, max_retries=5)
    secret: Any = [{"role": "user", "content": "Social security number 536-22-8723 of our customer"}]
    with pytest.raises(anthropic.APIStatusError) as raised:
        client.messages.create(model="fast", max_tokens=5, messages=secret)
    assert raised.value.status_code == 451
    assert len(gateway.lines()) == 1
    assert not gateway.upstream.received


def test_a_stream_that_breaks_raises_in_the_client(gateway: Harness, client: Anthropic) -> None:
    gateway.upstream.script = lambda _: stream_reply(stream_events(["one"])[:4])
    with (
        pytest.raises(anthropic.APIStatusError),
        client.messages.stream(model="fast", max_tokens=64, messages=MESSAGES) as stream,
    ):
        list(stream.text_stream)


class BatchApi:
    """Message batches of a provider: ended as soon as `ended` is set."""

    def __init__(self) -> None:
        self.requests: dict[str, list[dict[str, Any]]] = {}
        self.ended = False

    def __call__(self, received: Received) -> Reply:
        path = received.target.partition("?")[0]
        if received.method == "POST" and path == "/v1/messages/batches":
            batch_id = f"msgbatch_{len(self.requests) + 1:02}"
            self.requests[batch_id] = received.json()["requests"]
            return json_reply(self._batch(batch_id))
        if not path.startswith("/v1/messages/batches/"):
            return ordinary_claude(received)
        batch_id, _, action = path.removeprefix("/v1/messages/batches/").partition("/")
        if action == "results" and not self.ended:
            return json_reply({"type": "error", "error": {"type": "not_found_error", "message": path}}, 404)
        if action == "results":
            lines = [
                json.dumps(
                    {
                        "custom_id": one["custom_id"],
                        "result": {"type": "succeeded", "message": message(input_tokens=1000)},
                    }
                )
                for one in self.requests[batch_id]
            ]
            return json_reply("\n".join(lines).encode() + b"\n")
        return json_reply(self._batch(batch_id, canceling=action == "cancel"))

    def _batch(self, batch_id: str, *, canceling: bool = False) -> dict[str, Any]:
        status = "ended" if self.ended else "canceling" if canceling else "in_progress"
        results = f"https://api.anthropic.com/v1/messages/batches/{batch_id}/results" if self.ended else None
        counts = dict.fromkeys(("canceled", "errored", "expired", "processing", "succeeded"), 0)
        return {
            "id": batch_id,
            "type": "message_batch",
            "processing_status": status,
            "request_counts": counts,
            "results_url": results,
            "created_at": "2026-11-24T09:00:00Z",
            "expires_at": "2026-11-25T09:00:00Z",
            "archived_at": None,
            "cancel_initiated_at": None,
            "ended_at": None,
        }


@pytest.fixture
def batches(gateway: Harness) -> BatchApi:
    api = gateway.upstream.script = BatchApi()
    return api


def _requests(number: int) -> Any:
    params = {"model": "fast", "max_tokens": 64, "messages": MESSAGES}
    return [{"custom_id": f"c{one}", "params": params} for one in range(number)]


def test_a_batch_is_created_followed_and_read(client: Anthropic, batches: BatchApi) -> None:
    created = client.messages.batches.create(requests=_requests(3))
    assert [one["params"]["model"] for one in batches.requests[created.id]] == ["claude-haiku-5-5"] * 3
    assert client.messages.batches.retrieve(created.id).processing_status == "in_progress"
    batches.ended = True
    results = list(client.messages.batches.results(created.id))
    assert [one.custom_id for one in results] == ["c0", "c1", "c2"]


def test_batches_are_listed_newest_first_in_pages(client: Anthropic, batches: BatchApi) -> None:
    ids = [client.messages.batches.create(requests=_requests(1)).id for _ in range(5)]
    page = client.messages.batches.list(limit=2)
    assert [one.id for one in page.data] == [ids[4], ids[3]]
    assert page.has_more
    assert [one.id for one in page] == ids[::-1]
    back = client.messages.batches.list(limit=2, before_id=ids[0])
    assert ([one.id for one in back.data], back.has_more) == ([ids[2], ids[1]], True)
    with pytest.raises(anthropic.BadRequestError, match="after_id: there is no batch msgbatch_none"):
        client.messages.batches.list(after_id="msgbatch_none")


def test_a_batch_can_be_cancelled(client: Anthropic, batches: BatchApi) -> None:
    created = client.messages.batches.create(requests=_requests(1))
    assert client.messages.batches.cancel(created.id).processing_status == "canceling"


def test_another_departments_batch_does_not_exist(
    gateway: Harness, client: Anthropic, batches: BatchApi
) -> None:
    created = client.messages.batches.create(requests=_requests(1))
    stranger = Anthropic(base_url=gateway.url, api_key=FINANCE_KEY, max_retries=0)
    assert list(stranger.messages.batches.list()) == []
    before = len(gateway.upstream.received)
    for ask in (stranger.messages.batches.retrieve, stranger.messages.batches.cancel):
        with pytest.raises(anthropic.NotFoundError):
            ask(created.id)
    with pytest.raises(anthropic.NotFoundError):
        stranger.messages.batches.results(created.id)
    assert len(gateway.upstream.received) == before


def test_a_batch_stays_reserved_until_its_results_settle_it_once(
    gateway: Harness, client: Anthropic, batches: BatchApi
) -> None:
    created = client.messages.batches.create(requests=_requests(2))
    reserved = gateway.spent()
    assert reserved > 0
    assert not gateway.ledger.open_reservations()  # it does not expire: the batch goes on without us
    batches.ended = True
    usage = {"input_tokens": 1000, "output_tokens": 5}
    cost = 2 * load_prices().cost("claude-haiku-5-5", usage, batch=True)
    for _ in range(2):
        list(client.messages.batches.results(created.id))
        client.messages.batches.retrieve(created.id)
        assert gateway.spent() == cost
    kinds = [record["kind"] for record in gateway.audit.records if record["kind"] != "batch_access"]
    assert kinds == ["intent", "outcome", "batch_results"]


def test_a_batch_that_mixes_models_or_holds_restricted_data_is_refused(
    gateway: Harness, client: Anthropic, batches: BatchApi
) -> None:
    mixed = _requests(2)
    mixed[1] = {"custom_id": "x", "params": {**mixed[1]["params"], "model": "balanced"}}
    with pytest.raises(anthropic.BadRequestError, match="same model"):
        client.messages.batches.create(requests=mixed)
    leaking = _requests(2)
    content = "Social security number 536-22-8723 of our customer"
    leaking[1] = {
        "custom_id": "x",
        "params": {**leaking[1]["params"], "messages": [{"role": "user", "content": content}]},
    }
    with pytest.raises(anthropic.APIStatusError, match=r"requests\[1\]"):
        client.messages.batches.create(requests=leaking)
    assert gateway.spent() == 0
    assert not batches.requests


def test_what_came_of_an_answer_is_appended_to_its_records(gateway: Harness) -> None:
    request_id = gateway.post("/v1/messages", chat()).header("request-id")
    path = f"/v1/records/{request_id}/outcome"
    said = {"use": "sent to the customer", "result": "signed", "material_decision": True}
    for _ in range(2):
        answer = gateway.post(path, said)
        assert answer.status == 201
        assert answer.json()["request_id"] == request_id
    records = gateway.audit.of(request_id)
    assert [record["kind"] for record in records] == ["intent", "outcome", "use", "use"]
    assert json.loads(records[-1]["bodies"]["statement"]) == said


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"use": ""}, 400), ({"use": "x", "verdict": 1}, 400), ({"use": "x" * 4001}, 400)],
)
def test_a_statement_that_does_not_fit_is_refused(
    gateway: Harness, body: dict[str, Any], status: int
) -> None:
    request_id = gateway.post("/v1/messages", chat()).header("request-id")
    assert gateway.post(f"/v1/records/{request_id}/outcome", body).status == status


def test_only_the_department_of_a_call_can_say_what_came_of_it(gateway: Harness) -> None:
    request_id = gateway.post("/v1/messages", chat()).header("request-id") or ""
    forged = request_id[:-1] + ("0" if request_id[-1] != "0" else "1")
    for key, name in ((FINANCE_KEY, request_id), (KEY, forged), (KEY, "req_x")):
        assert gateway.post(f"/v1/records/{name}/outcome", {"use": "x"}, key=key).status == 404
    assert [record["kind"] for record in gateway.audit.records] == ["intent", "outcome"]
