"""POST /v1/embeddings by a provider other than Bedrock: Voyage AI's API and OpenAI's, priced and recorded as
Bedrock's are (L1.1, L1.4, L1.6).
"""

from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.common.prices import load_prices

from .harness import KEY, PROVIDER_KEY, Answer, Harness, make
from .upstream import FakeUpstream, Received, Reply, json_reply

VOYAGE, OPENAI, UNPRICED = "voyage-4", "text-embedding-3-small", "some-model"


class Vendor:
    """Answers as the two APIs document it: vectors out of order, tokens that count the instruction before
    each text.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Reply | None = None

    def __call__(self, received: Received) -> Reply:
        assert (received.method, received.target) == ("POST", "/v1/embeddings")
        if received.header("authorization") != f"Bearer {PROVIDER_KEY}":
            return json_reply({"detail": "Provided API key is invalid."}, 401)
        asked = received.json()
        self.asked.append(asked)
        if self.answer is not None:
            return self.answer
        size = asked.get("output_dimension") or asked.get("dimensions") or 1024
        data = [
            {"object": "embedding", "index": index, "embedding": [float(len(text)), *[0.0] * (size - 1)]}
            for index, text in enumerate(asked["input"])
        ]
        tokens = sum(len(text.split()) + 8 for text in asked["input"])
        usage = {"total_tokens": tokens, "prompt_tokens": tokens}
        return json_reply({"object": "list", "data": data[::-1], "model": asked["model"], "usage": usage})


@pytest.fixture(scope="module", params=[VOYAGE, OPENAI])
def running(request: pytest.FixtureRequest) -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    embeddings = {"model": request.param, "url": f"{upstream.url}/v1/embeddings"}
    harness = make([upstream], has_bedrock=False, embeddings=embeddings)
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def vendor(running: Harness) -> Vendor:
    running.reset()
    vendor = running.upstream.script = Vendor()
    return vendor


def ask(harness: Harness, **fields: Any) -> Answer:
    return harness.post("/v1/embeddings", {"input": ["one two", "three"], **fields}, key=KEY)


def test_texts_become_vectors_priced_and_recorded(running: Harness, vendor: Vendor) -> None:
    model = running.policy_source.document["embeddings"]["model"]
    answer = ask(running, dimensions=2048, input_type="search_query")
    assert answer.status == 200
    said = answer.json()
    assert [one["embedding"][0] for one in said["data"]] == [7.0, 5.0]
    assert (len(said["data"][0]["embedding"]), said["usage"]) == (2048, {"input_tokens": 19})
    (asked,) = vendor.asked
    if model == VOYAGE:
        assert (asked["input_type"], asked["output_dimension"], asked["truncation"]) == ("query", 2048, False)
    else:
        assert asked.keys() == {"model", "input", "dimensions"}
    outcome = running.audit.records[-1]
    price = load_prices().of(model).bands[0].input
    assert outcome["cost_microusd"] == -(-19 * price // 1000) == running.spent()
    assert (outcome["provider"], outcome["model"]) == ("127.0.0.1", model)
    assert running.audit.records[-2]["reserved_microusd"] >= outcome["cost_microusd"]
    assert PROVIDER_KEY not in str(running.audit.records) + str(running.log)


@pytest.mark.parametrize(
    ("reply", "status", "charged"),
    [
        (json_reply({"detail": "too long"}, 400), 400, False),
        (json_reply({"detail": "no"}, 401), 529, False),
        (json_reply({"detail": "slow down"}, 429), 529, False),
        (json_reply(b"no json"), 502, True),
        (json_reply({"data": [], "usage": {"total_tokens": 9}}), 502, True),
        (json_reply({"data": [{"index": 0, "embedding": [1.0]}], "usage": {"total_tokens": 9}}), 502, True),
        (json_reply({"data": [{"index": 1, "embedding": [1.0]}], "usage": {"total_tokens": 9}}), 502, True),
        (json_reply({"data": [{"index": 0, "embedding": [1.0]}], "usage": {"total_tokens": 0}}), 502, True),
        (json_reply({"data": [{"index": 0, "embedding": [1.0]}]}), 502, True),
    ],
)
def test_what_is_of_no_use_is_said_and_never_guessed_down(
    running: Harness, vendor: Vendor, reply: Reply, status: int, charged: bool
) -> None:
    vendor.answer = reply
    assert ask(running).status == status
    assert (running.spent() > 0) is charged


def test_a_model_without_a_price_makes_nothing(provider_servers: list[FakeUpstream]) -> None:
    url = f"{provider_servers[0].url}/v1/embeddings"
    harness = make(provider_servers[:1], has_bedrock=False, embeddings={"model": UNPRICED, "url": url})
    harness.reset()
    vendor = harness.upstream.script = Vendor()
    answer = ask(harness)
    harness.stop()
    assert (answer.status, vendor.asked) == (503, [])
    assert "price of this model" in answer.json()["error"]["message"]
