"""POST /v1/chat/completions: OpenAI clients reach Claude through the same steps (L1.12)."""

import base64
import json
from typing import Any

import pytest

from .harness import KEY, Answer, Harness
from .upstream import Received, Reply, event, json_reply, message, stream_events, stream_reply

PATH = "/v1/chat/completions"
COMPLETION: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
FUNCTION = {"name": "weather", "description": "Of a town", "parameters": {"type": "object", "properties": {}}}
PIXEL = base64.b64encode(b"\x89PNG").decode()


def _turn(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


def _calls(call: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "tool_calls": [call]}]}


UNTRANSLATABLE: list[dict[str, Any]] = [
    {"seed": 7},
    {"logit_bias": {"50256": -100}},
    {"n": 2},
    {"temperature": 1.5},
    {"messages": []},
    {"messages": ["canary-7c1f0a3e-of-a-caller"]},
    {"messages": [{"role": "canary-7c1f0a3e-of-a-caller", "content": "x"}]},
    _turn([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]),
    _turn([5]),
    _turn([{"type": "text", "text": 5}]),
    _turn([{"type": "image_url", "image_url": {"url": "data:image/png,xyz"}}]),
    _turn([{"type": "image_url", "image_url": {"url": f"data:image/tiff;base64,{PIXEL}"}}]),
    _turn([{"type": "file", "file": {"file_data": f"data:text/csv;base64,{PIXEL}"}}]),
    {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
    {"messages": [{"role": "assistant"}]},
    {"messages": [{"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}]},
    _calls({"id": "1", "type": "custom", "custom": {}}),
    _calls({"id": "1", "type": "function", "function": {"name": "f", "arguments": "[1"}}),
    {"tools": [{"type": "web_search"}]},
    {"tool_choice": "any", "tools": [{"type": "function", "function": FUNCTION}]},
    {"tool_choice": {"type": "custom"}, "tools": [{"type": "function", "function": FUNCTION}]},
    {"response_format": {"type": "json_object"}},
    {"reasoning_effort": "canary-7c1f0a3e-of-a-caller"},
]


def ask(gateway: Harness, **fields: Any) -> Answer:
    return gateway.post(PATH, {**COMPLETION, **fields}, key=KEY)


def sent(gateway: Harness) -> Any:
    return gateway.upstream.received[-1].json()


def test_an_answer_comes_as_a_completion_with_the_same_record_as_a_message(gateway: Harness) -> None:
    usage: dict[str, Any] = {"cache_read_input_tokens": 8, "cache_creation_input_tokens": 3}
    gateway.upstream.script = lambda _: json_reply(message("Hello.", **usage))
    answer = ask(gateway)
    assert answer.status == 200
    completion = answer.json()
    (choice,) = completion["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Hello.", "refusal": None}
    assert choice["finish_reason"] == "stop"
    assert completion["object"] == "chat.completion"
    assert completion["usage"] == {
        "prompt_tokens": 12 + 8 + 3,
        "completion_tokens": 5,
        "total_tokens": 28,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    assert sent(gateway) == {
        "model": "claude-haiku-5-5",
        "max_tokens": 8_192,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }
    received = gateway.upstream.received[-1]
    assert received.target == "/v1/messages"
    assert received.header("anthropic-version") == "2023-06-01"
    kinds = [record["kind"] for record in gateway.audit.of(answer.header("request-id"))]
    assert kinds == ["intent", "outcome"]
    assert gateway.spent() > 0
    assert gateway.lines()[-1]["route"] == "messages"


def test_conversation_tools_and_images_are_translated(gateway: Harness) -> None:
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": "weather", "arguments": '{"town": "Graz"}'}}
        for n in (1, 2)
    ]
    answer = ask(
        gateway,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "In German."}]},
            {"role": "user", "content": "Weather in Graz?"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c1", "content": "rain"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "wind"}]},
            {"role": "user", "content": "And now?"},
        ],
        tools=[{"type": "function", "function": {**FUNCTION, "strict": True}}],
        tool_choice="required",
        parallel_tool_calls=False,
        max_completion_tokens=99,
        temperature=0.5,
        stop="END",
        reasoning_effort="high",
        user="somebody",
    )
    assert answer.status == 200, answer.body
    body = sent(gateway)
    assert body["system"] == [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "In German."}]
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user", "user"]
    assert body["messages"][1]["content"] == [
        {"type": "tool_use", "id": f"c{n}", "name": "weather", "input": {"town": "Graz"}} for n in (1, 2)
    ]
    assert [block["tool_use_id"] for block in body["messages"][2]["content"]] == ["c1", "c2"]
    (tool,) = body["tools"]
    assert (tool["name"], tool["strict"]) == ("weather", True)
    assert tool["input_schema"] == FUNCTION["parameters"]
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert (body["max_tokens"], body["temperature"], body["stop_sequences"]) == (99, 0.5, ["END"])
    assert body["output_config"] == {"effort": "high"}
    assert "user" not in body


def test_structured_output_keeps_its_schema(gateway: Harness) -> None:
    schema = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": schema}}
    assert ask(gateway, response_format=wanted).status == 200
    assert sent(gateway)["output_config"] == {"format": {"type": "json_schema", "schema": schema}}


def test_an_image_is_passed_on_and_inspected_as_in_a_message(gateway: Harness) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    answer = ask(gateway, **_turn([{"type": "text", "text": "What is this?"}, picture]))
    assert answer.status == 200
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    assert sent(gateway)["messages"][0]["content"][1] == {"type": "image", "source": source}
    decisions = gateway.audit.of(answer.header("request-id"))[0]["decisions"]
    assert any(one.get("uninspectable") for one in decisions), "an image is named in the record"


def test_calls_of_tools_come_back(gateway: Harness) -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"town": "Graz"}}
    gateway.upstream.script = lambda _: json_reply(
        {**message(), "content": [block], "stop_reason": "tool_use"}
    )
    (choice,) = ask(gateway).json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    (call,) = choice["message"]["tool_calls"]
    assert (call["id"], call["function"]["name"]) == ("toolu_1", "weather")
    assert json.loads(call["function"]["arguments"]) == {"town": "Graz"}


def _chunks(answer: Answer) -> list[Any]:
    lines = [line for line in answer.body.decode().split("\n\n") if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def test_a_stream_comes_in_chunks_and_ends_with_usage_where_it_was_asked_for(gateway: Harness) -> None:
    answer = ask(gateway, stream=True, stream_options={"include_usage": True})
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    chunks = _chunks(answer)
    texts = [one["choices"][0]["delta"].get("content") for one in chunks if one["choices"]]
    assert "".join(text for text in texts if text) == "Hello."
    assert [one["choices"][0]["finish_reason"] for one in chunks if one["choices"]][-1] == "stop"
    assert chunks[-1]["usage"]["total_tokens"] == 17
    assert {one["object"] for one in chunks} == {"chat.completion.chunk"}
    plain = _chunks(ask(gateway, stream=True))
    assert all("usage" not in one for one in plain)


def test_a_streamed_call_of_a_tool_comes_in_pieces(gateway: Harness) -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    events = [
        stream_events([])[0],
        event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Let me see."}}),
        event("content_block_stop", {"index": 0}),
        event("content_block_start", {"index": 1, "content_block": block}),
        *(
            event("content_block_delta", {"index": 1, "delta": delta})
            for delta in (
                {"type": "input_json_delta", "partial_json": '{"town"'},
                {"type": "input_json_delta", "partial_json": ': "Graz"}'},
            )
        ),
        event("content_block_stop", {"index": 1}),
        event("message_delta", {"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}),
        event("message_stop", {}),
    ]  # fmt: skip
    gateway.upstream.script = lambda _: stream_reply(events)
    deltas = [one["choices"][0] for one in _chunks(ask(gateway, stream=True))]
    calls = [call for one in deltas for call in one["delta"].get("tool_calls", [])]
    assert calls[0]["id"] == "toolu_1"
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"town": "Graz"}
    assert deltas[-1]["finish_reason"] == "tool_calls"


def test_errors_have_the_shape_that_openai_clients_read(gateway: Harness) -> None:
    refused = ask(gateway, model="best")
    assert refused.status == 451
    assert refused.json()["error"].keys() == {"message", "type", "param", "code"}
    assert refused.header("x-should-retry") == "false"
    down = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    gateway.upstream.script = lambda _: json_reply(down, 529)
    answer = ask(gateway)
    assert (answer.status, answer.json()["error"]["message"]) == (529, "Overloaded")
    gateway.upstream.script = lambda _: stream_reply(stream_events(["one"])[:4])
    broken = ask(gateway, stream=True)
    last = broken.body.decode().strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["type"] == "api_error"


@pytest.mark.parametrize("fields", UNTRANSLATABLE, ids=lambda fields: next(iter(fields)))
def test_what_cannot_be_translated_is_refused_by_name_and_never_dropped(
    gateway: Harness, fields: dict[str, Any]
) -> None:
    answer = ask(gateway, **fields)
    assert answer.status == 400
    assert answer.json()["error"]["message"].startswith(next(iter(fields)))
    assert not gateway.upstream.received


def test_what_policy_refuses_in_a_message_it_refuses_here(gateway: Harness) -> None:
    answer = ask(gateway, **_turn("Social security number 536-22-8723 of our customer"))
    assert answer.status == 451
    assert "US social security number" in answer.json()["error"]["message"]
    assert [record["kind"] for record in gateway.audit.records] == ["refusal"]


def test_the_sdk_of_openai_needs_nothing_but_the_address(gateway: Harness) -> None:
    """With `/v1` in the base URL, as its clients have it, and without."""

    def claude(received: Received) -> Reply:
        return json_reply(message(model=received.json()["model"]))

    gateway.upstream.script = claude
    for path in (PATH, "/chat/completions"):
        assert gateway.post(path, COMPLETION).json()["choices"][0]["message"]["content"] == "Hello."


ODD = [
    True,
    1,
    -1,
    1.5,
    "x",
    ["x"],
    [[]],
    [None],
    {"a": [1]},
    {"type": []},
    [{"type": {}}],
    [{"function": []}],
]
HALF = "half \ud83d"  # of an emoji, which a program cut between its two halves


def test_no_shape_of_a_value_is_a_defect_of_the_gateway(gateway: Harness) -> None:
    names = (
        "tools",
        "tool_choice",
        "response_format",
        "reasoning_effort",
        "stop",
        "stream_options",
        "stream",
    )
    bodies = [{**COMPLETION, name: value} for name in names for value in ODD]
    for role in ("user", "assistant", "tool"):
        for name in ("content", "tool_calls", "tool_call_id", "audio"):
            turns = [{"role": role, "content": "x", name: value} for value in ODD]
            bodies += [{**COMPLETION, "messages": [*COMPLETION["messages"], turn]} for turn in turns]
    for body in bodies:
        assert gateway.post(PATH, body).status in (200, 400), body


def test_half_an_emoji_is_a_text_like_any_other(gateway: Harness) -> None:
    def half(received: Received) -> Reply:
        if received.json().get("stream"):
            return stream_reply(stream_events([HALF, "\ude00"]))
        return json_reply(message(HALF))

    gateway.upstream.script = half
    asked = _turn(HALF)
    for path, body in (
        (PATH, {"model": "fast", **asked}),
        (PATH, {"model": "fast", "stream": True, **asked}),
        ("/v1/messages", {"model": "fast", "max_tokens": 9, **asked}),
        ("/v1/inspections", {"text": HALF}),
    ):
        answer = gateway.post(path, body)
        assert answer.status == 200, (path, answer.body)
        assert path == "/v1/inspections" or "half" in answer.body.decode()
