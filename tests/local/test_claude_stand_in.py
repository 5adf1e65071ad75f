"""The stand-in speaks the Messages API to the official SDK and is never mistaken for Claude."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest
import uvicorn

from kit.local.claude_stand_in import LABEL, create_app
from tests.support.ports import free_port

MODEL = "claude-haiku-5-5"


@pytest.fixture(scope="module")
def claude() -> Iterator[anthropic.Anthropic]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield anthropic.Anthropic(base_url=f"http://127.0.0.1:{port}", api_key="any", max_retries=0)
    server.should_exit = True
    thread.join(10)


def ask(claude: anthropic.Anthropic, text: str, **more: Any) -> anthropic.types.Message:
    arguments: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": text}],
    }
    return claude.messages.create(**arguments | more)


def test_an_answer_says_that_it_is_a_stand_in_and_repeats_the_question(claude: anthropic.Anthropic) -> None:
    message = ask(claude, "What is a ledger?")
    (block,) = message.content
    assert block.type == "text"
    assert block.text.startswith(LABEL)
    assert block.text.endswith("What is a ledger?")
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


def test_a_stream_adds_up_to_the_same_message(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(
        model=MODEL, max_tokens=1000, messages=[{"role": "user", "content": "Stream this."}]
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    whole = ask(claude, "Stream this.")
    assert final.content[0].to_dict()["text"] == whole.content[0].to_dict()["text"]
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"


def test_max_tokens_cuts_the_answer(claude: anthropic.Anthropic) -> None:
    message = ask(claude, "long", max_tokens=3)
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens <= 4


def test_a_forced_tool_is_used_with_the_required_inputs(claude: anthropic.Anthropic) -> None:
    tool = {
        "name": "look_up",
        "input_schema": {
            "type": "object",
            "properties": {"what": {"type": "string"}, "limit": {"type": "integer"}},
            "required": ["what", "limit"],
        },
    }
    message = ask(claude, "ledger", tools=[tool], tool_choice={"type": "tool", "name": "look_up"})
    assert message.stop_reason == "tool_use"
    assert message.content[0].to_dict()["input"] == {"what": "ledger", "limit": 1}


def test_a_marked_prefix_is_written_once_and_then_read(claude: anthropic.Anthropic) -> None:
    system = [{"type": "text", "text": "Rules. " * 500, "cache_control": {"type": "ephemeral"}}]
    first = ask(claude, "one", system=system).usage
    second = ask(claude, "two", system=system).usage
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens
    assert first.cache_creation_input_tokens
    assert first.cache_read_input_tokens == second.cache_creation_input_tokens == 0


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, anthropic.RateLimitError), (529, anthropic.APIStatusError), (401, anthropic.AuthenticationError)],
)
def test_a_fault_can_be_asked_for_by_prompt_or_header(
    claude: anthropic.Anthropic, status: int, error: type[anthropic.APIStatusError]
) -> None:
    with pytest.raises(error) as by_prompt:
        ask(claude, f"[stand-in status={status} retry_after=7]")
    assert by_prompt.value.status_code == status
    assert by_prompt.value.response.headers["retry-after"] == "7"
    with pytest.raises(error):
        ask(claude, "x", extra_headers={"x-stand-in-status": str(status)})


def test_a_stream_can_be_cut_and_can_end_in_an_error(claude: anthropic.Anthropic) -> None:
    def stream(text: str) -> None:
        for _ in claude.messages.create(
            model=MODEL, max_tokens=100, stream=True, messages=[{"role": "user", "content": text}]
        ):
            pass

    with pytest.raises(anthropic.APIError, match="stand-in"):
        stream("[stand-in error_after=4]")
    with pytest.raises(Exception, match=r"(?i)incomplete|closed|disconnected"):
        stream("[stand-in cut_after=4]")


def test_tokens_models_and_batches_are_answered(claude: anthropic.Anthropic) -> None:
    counted = claude.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "count me"}])
    assert counted.input_tokens > 0
    assert MODEL in [model.id for model in claude.models.list()]
    params: Any = {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": "in a batch"}]}
    batch = claude.messages.batches.create(requests=[{"custom_id": "a", "params": params}])
    assert claude.messages.batches.retrieve(batch.id).processing_status == "ended"


def test_a_wrong_request_gets_the_error_of_the_api(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="at least one message"):
        ask(claude, "", messages=[])
    with pytest.raises(anthropic.NotFoundError):
        claude.models.retrieve("claude-unknown")


@pytest.mark.parametrize(
    "asked", [{}, {"dimensions": 256}, {"texts": ["a"]}, {"texts": ["a"], "output_dimension": 512}]
)
def test_an_embedding_has_the_dimensions_that_its_model_would_give(
    claude: anthropic.Anthropic, asked: dict[str, Any]
) -> None:
    body = asked if "texts" in asked else {"inputText": "a", **asked}
    answer = httpx2.post(f"{claude.base_url}/model/any/invoke", json=body).json()
    vector = answer["embeddings"]["float"][0] if "texts" in asked else answer["embedding"]
    default = 1536 if "texts" in asked else 1024
    assert len(vector) == asked.get("dimensions", asked.get("output_dimension", default))


@pytest.mark.parametrize("dimensions", ["many", None, 7, True, [256]])
def test_dimensions_that_no_model_has_are_refused(claude: anthropic.Anthropic, dimensions: Any) -> None:
    body = {"inputText": "a", "dimensions": dimensions}
    answer = httpx2.post(f"{claude.base_url}/model/any/invoke", json=body)
    assert answer.status_code == 400
    assert "dimensions" in answer.json()["error"]["message"]
