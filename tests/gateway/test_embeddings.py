"""POST /v1/embeddings end to end: a real credential in, a signed call to a Bedrock over HTTP out, under every
control that a message has (L1.1, L1.4, L1.6, L2.3, L2.5).
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import pytest

from lambdas.common.identities import Principal
from lambdas.common.prices import load_prices
from lambdas.gateway.providers.user_sessions import Attribution
from lambdas.gateway.settings import read_settings

from .harness import FINANCE_KEY, KEY, Answer, Harness, department, make
from .signatures import SESSION, why_refused
from .upstream import BREAK, FakeUpstream, Received, Reply, json_reply

TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-v4:0"
REGION = "eu-west-1"
NARROWED_KEY = "vk_marketing_3_secret"
EMBEDDING_KEY = "vk_marketing_4_secret"
MANY = ["one two three"] * 90


class Bedrock:
    """Bedrock's runtime: refuses what is not signed for it, answers as Titan v2 and Cohere v4 do.

    A vector tells its text: the first number is how long it was. Tokens are words.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.answer: Any = None  # in place of an answer

    def __call__(self, received: Received) -> Reply:
        refused = why_refused(received, service="bedrock", region=REGION)
        if refused is not None:
            self.refused.append(refused)
            return json_reply({"message": "The request signature we calculated does not match"}, 403)
        _, model, name, action = received.target.split("/")
        assert (received.method, model, action) == ("POST", "model", "invoke")
        asked = received.json()
        self.asked.append(asked)
        if self.answer is not None:
            said: Reply | None = self.answer if isinstance(self.answer, Reply) else self.answer(asked)
            if said is not None:
                return said
        return {TITAN: self._titan, COHERE: self._cohere}[unquote(name)](asked)

    def _titan(self, asked: dict[str, Any]) -> Reply:
        assert asked.keys() <= {"inputText", "dimensions"}
        dimensions = asked.get("dimensions", 1024)
        if dimensions not in {256, 512, 1024}:
            return json_reply({"message": "Malformed input request"}, 400)
        vector = [float(len(asked["inputText"])), *[0.0] * (dimensions - 1)]
        words = len(asked["inputText"].split())
        return json_reply(
            {"embedding": vector, "embeddingsByType": {"float": vector}, "inputTextTokenCount": words},
            headers=[("x-amzn-bedrock-input-token-count", str(words)), ("x-amzn-requestid", "aws-1")],
        )

    def _cohere(self, asked: dict[str, Any]) -> Reply:
        assert asked.keys() <= {"texts", "input_type", "embedding_types", "output_dimension"}
        rest = [0.0] * (asked.get("output_dimension", 1536) - 1)
        vectors = [[float(len(text)), *rest] for text in asked["texts"]]
        words = sum(len(text.split()) for text in asked["texts"])
        return json_reply(
            {"id": "1", "response_type": "embeddings_by_type", "embeddings": {"float": vectors}},
            headers=[("x-amzn-bedrock-input-token-count", str(words))],
        )


async def _session(attribution: Attribution) -> Any:
    assert attribution.department in {"marketing", "finance"}
    return SESSION


@pytest.fixture(scope="module", params=[TITAN, COHERE])
def shared(request: pytest.FixtureRequest) -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    harness = make(
        [upstream],
        aws_credentials=_session,
        departments=[department("marketing"), department("finance", embeddings=False)],
        embeddings={"model": request.param, "base_url": upstream.url, "region": REGION},
    )
    for key, models in ((NARROWED_KEY, ("fast",)), (EMBEDDING_KEY, ("fast", "embeddings"))):
        harness.keys.principals[key] = Principal(
            "application", key[:14], "marketing", f"KEY#{key}", "keys", models=models
        )
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def embedding(shared: Harness) -> tuple[Harness, Bedrock, str]:
    """A gateway in front of Bedrock, and the model that is configured."""
    shared.reset()
    bedrock = shared.upstream.script = Bedrock()
    return shared, bedrock, shared.policy_source.document["embeddings"]["model"]


def ask(harness: Harness, texts: Any = "Rivers of Europe", key: str = KEY, **fields: Any) -> Answer:
    return harness.post("/v1/embeddings", {"input": texts, **fields}, key=key)


def test_texts_become_vectors_in_their_order(embedding: tuple[Harness, Bedrock, str]) -> None:
    harness, bedrock, model = embedding
    texts = ["x" * length for length in range(20, 0, -1)]
    answer = ask(harness, texts, dimensions=512, model=model)
    assert answer.status == 200
    assert not bedrock.refused
    said = answer.json()
    assert said.keys() == {"object", "model", "data", "usage"}
    assert (said["object"], said["model"], said["usage"]) == ("list", model, {"input_tokens": 20})
    assert [one["index"] for one in said["data"]] == list(range(20))
    assert {one["object"] for one in said["data"]} == {"embedding"}
    assert [one["embedding"][0] for one in said["data"]] == [float(len(text)) for text in texts]
    assert {len(one["embedding"]) for one in said["data"]} == {512}
    assert len(bedrock.asked) == (1 if model == COHERE else 20)
    assert (answer.header("request-id") or "").startswith("req_")
    assert answer.header("anthropic-ratelimit-requests-remaining")


def test_one_text_needs_no_list(embedding: tuple[Harness, Bedrock, str]) -> None:
    harness, bedrock, model = embedding
    assert len(ask(harness, "Rivers", input_type="search_query").json()["data"]) == 1
    if model == COHERE:
        assert bedrock.asked[0]["input_type"] == "search_query"


def test_a_call_is_recorded_priced_and_settled(embedding: tuple[Harness, Bedrock, str]) -> None:
    harness, _, model = embedding
    answer = harness.post(
        "/v1/embeddings", {"input": ["one two three"] * 50}, headers={"x-use-case": "search"}
    )
    intent, outcome = harness.audit.of(answer.header("request-id"))
    assert (intent["kind"], outcome["kind"]) == ("intent", "outcome")
    cost = load_prices().cost(model, {"input_tokens": 150})
    assert (outcome["input_tokens"], outcome["cost_microusd"]) == (150, cost)
    assert intent["reserved_microusd"] >= cost > 0
    assert harness.spent() == cost
    assert not harness.ledger.open_reservations()
    named = {"call": "embeddings", "model": model, "provider": "bedrock", "use_case": "search"}
    assert named.items() <= outcome.items()
    assert json.loads(intent["bodies"]["request"])["input"][0] == "one two three"
    assert outcome["bodies"]["response"] == answer.body
    (line,) = harness.lines()
    assert (line["recorded"], line["CostMicroUSD"], line["route"]) == (True, cost, "embeddings")
    found = harness.request("GET", f"/v1/records/{answer.header('request-id')}").json()
    assert (found["result"], found["call"], found["model"]) == ("completed", "embeddings", model)


def test_what_must_not_leave_does_not(embedding: tuple[Harness, Bedrock, str]) -> None:
    harness, bedrock, _ = embedding
    answer = ask(harness, ["Rivers", "Social security number 536-22-8723 of our customer"])
    assert answer.status == 451
    assert answer.header("x-should-retry") == "false"
    assert not harness.upstream.received
    assert not bedrock.asked
    assert [record["kind"] for record in harness.audit.records] == ["refusal"]
    assert harness.spent() == 0


@contextmanager
def rights(harness: Harness, refused: int, **changes: Any) -> Iterator[None]:
    """Other rights of the department for a while; the gateway follows the policy by itself."""
    entry = harness.policy_source.document["departments"][0]
    before = dict(entry)
    entry.update(changes)
    try:
        _until(lambda: ask(harness, MANY).status == refused)
        yield
    finally:
        entry.clear()
        entry.update(before)
        _until(lambda: ask(harness).status == 200)


def _until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_used_up_budget_stops_it(embedding: tuple[Harness, Bedrock, str]) -> None:
    harness, _, _ = embedding
    with rights(harness, 402, monthly_budget_microusd=1):
        harness.upstream.received.clear()
        answer = ask(harness, MANY)
        assert (answer.status, answer.json()["error"]["type"]) == (402, "billing_error")
        assert answer.header("x-should-retry") == "false"
        assert not harness.upstream.received


def test_a_department_without_embeddings_is_refused(embedding: tuple[Harness, Bedrock, str]) -> None:
    harness, _, _ = embedding
    answer = ask(harness, key=FINANCE_KEY)
    assert answer.status == 451
    assert answer.json()["error"]["type"] == "permission_error"
    assert answer.header("x-should-retry") == "false"
    assert not harness.upstream.received
    assert not harness.audit.records


def test_a_key_narrowed_to_models_embeds_only_where_that_is_among_them(
    embedding: tuple[Harness, Bedrock, str],
) -> None:
    harness, _, _ = embedding
    assert ask(harness, key=NARROWED_KEY).status == 451
    assert ask(harness, key=EMBEDDING_KEY).status == 200


def test_a_department_of_registered_prompts_only_embeds_nothing(
    embedding: tuple[Harness, Bedrock, str],
) -> None:
    harness, _, _ = embedding
    with rights(harness, 451, registered_prompts_only=True):
        assert "registered prompts" in ask(harness).json()["error"]["message"]


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        (json_reply({"message": "Too many input tokens: arn:aws:bedrock"}, 400), 400, "upstream_refused"),
        (json_reply({"message": "You don't have access to arn:aws:bedrock"}, 403), 529, "upstream_403"),
        (json_reply({"message": "Too many requests"}, 429), 529, "upstream_429"),
        (json_reply({"message": "unavailable"}, 503), 529, "upstream_503"),
        (Reply(parts=[BREAK]), 529, "no_provider"),
    ],
)
def test_an_error_of_bedrock_is_told_in_claudes_shape_and_costs_nothing(
    embedding: tuple[Harness, Bedrock, str], said: Reply, status: int, reason: str
) -> None:
    harness, bedrock, _ = embedding
    bedrock.answer = said
    answer = ask(harness, ["one", "two"])
    assert answer.status == status
    error = answer.json()
    assert error["type"] == "error"
    assert error["request_id"] == answer.header("request-id")
    assert "arn:" not in answer.body.decode()
    assert harness.spent() == 0
    assert not harness.ledger.open_reservations()
    outcome = harness.audit.records[-1]
    assert (outcome["kind"], outcome["result"], outcome["reason"]) == ("outcome", "upstream_error", reason)
    assert outcome["attempts"] == [{"provider": "bedrock", "result": reason}]
    assert [line["reason"] for line in harness.lines()] == [reason]


@pytest.mark.parametrize(
    "said",
    [b"{", b"[]", b"null", b'{"embedding": "x", "inputTextTokenCount": 1}', b'{"inputTextTokenCount": 1}',
     b'{"embeddings": {"float": []}, "inputTextTokenCount": 2}', b'{"embeddings": [], "embedding": [0.5]}'],
)  # fmt: skip
def test_an_answer_that_is_none_is_a_502_and_charged_as_bedrock_does(
    embedding: tuple[Harness, Bedrock, str], said: bytes
) -> None:
    harness, bedrock, _ = embedding
    bedrock.answer = json_reply(said)
    answer = ask(harness, "Rivers of Europe and of Asia " * 30)
    assert (answer.status, answer.json()["error"]["type"]) == (502, "api_error")
    assert not [line for line in harness.log if line["type"] == "defect"]
    assert harness.spent() == harness.audit.records[-1]["cost_microusd"] > 0
    assert not harness.ledger.open_reservations()


def test_texts_embedded_before_a_failure_are_charged(embedding: tuple[Harness, Bedrock, str]) -> None:
    """A caller cannot have 95 texts for nothing by adding one that is refused."""
    harness, bedrock, model = embedding
    texts = ["good " * 1_000] * 20 + ["bad"] + ["good"] * 20
    bedrock.answer = lambda asked: json_reply({}, 400) if "bad" in json.dumps(asked) else None
    assert ask(harness, texts).status == 400
    outcome = harness.audit.records[-1]
    assert harness.spent() == outcome["cost_microusd"]
    if model == TITAN:
        assert outcome["input_tokens"] >= 20 * 1_000
        assert outcome["cost_microusd"] > 0
        assert len(bedrock.asked) < len(texts)  # after the refusal no further text is sent


def test_no_credential_of_a_caller_reaches_bedrock(embedding: tuple[Harness, Bedrock, str]) -> None:
    harness, _, _ = embedding
    assert ask(harness).status == 200
    for received in harness.upstream.received:
        assert KEY not in json.dumps(received.headers) + received.body.decode()


@pytest.mark.parametrize(
    "fields",
    [{"input": []}, {"input": [""]}, {"input": [1]}, {"input": ["x"] * 97}, {"input": {}},
     {"dimensions": 3}, {"dimensions": [256]}, {"input_type": "x"}, {"input_type": []}],
)  # fmt: skip
def test_a_wrong_field_is_named(embedding: tuple[Harness, Bedrock, str], fields: dict[str, Any]) -> None:
    harness, _, _ = embedding
    answer = harness.post("/v1/embeddings", {"input": "Rivers", **fields})
    assert answer.status == 400
    assert next(iter(fields)) in answer.json()["error"]["message"]
    assert not harness.upstream.received


def test_another_model_than_the_configured_one_is_not_found(embedding: tuple[Harness, Bedrock, str]) -> None:
    harness, _, model = embedding
    answer = ask(harness, model="text-embedding-3-small")
    assert answer.status == 404
    assert model in answer.json()["error"]["message"]


def test_a_signature_that_does_not_hold_is_noticed(embedding: tuple[Harness, Bedrock, str]) -> None:
    """The check of this file itself: other bytes, another service, another region, a missing token."""
    harness, _, _ = embedding
    assert ask(harness).status == 200
    received = harness.upstream.received[-1]
    held: dict[str, Any] = {"service": "bedrock", "region": REGION}
    assert why_refused(received, **held) is None
    assert why_refused(received, service="bedrock", region="eu-west-2") == f"signed for bedrock in {REGION}"
    other = Received(received.method, received.target, received.headers, received.body + b" ")
    assert why_refused(other, **held) == "the signature differs"
    other = Received(received.method, received.target + "x", received.headers, received.body)
    assert why_refused(other, **held) == "the signature differs"
    bare = [(name, value) for name, value in received.headers if name != "x-amz-security-token"]
    other = Received(received.method, received.target, bare, received.body)
    assert why_refused(other, **held) == "the session's token is missing"


@pytest.mark.parametrize(
    ("environment", "has"),
    [
        ({}, True),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, False),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://x"}, True),
    ],
    ids=("AWS", "emulated", "emulated, with a stand-in"),
)
def test_without_bedrock_embeddings_are_404_and_name_the_setting(
    provider_servers: list[FakeUpstream], environment: dict[str, str], has: bool
) -> None:
    assert read_settings(environment).has_bedrock is has
    if has:
        return
    harness = make(provider_servers[:1], has_bedrock=False)
    harness.reset()
    answer = harness.post("/v1/embeddings", {"input": "a text"})
    harness.stop()
    assert answer.status == 404
    assert "claude.embeddings_model" in answer.json()["error"]["message"]
    assert "emulated" in answer.json()["error"]["message"]
