"""A body reaches no model that its caller was not granted, and no text in it passes unread (L1.2, L2.3)."""

import base64
import gzip
import json
import random
import zlib
from typing import Any

import pytest

from .harness import Harness, chat

BEST = "claude-opus-5-5"  # granted to nobody here
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": BEST}
PLACES: dict[str, dict[str, Any]] = {
    "fallbacks": {"fallbacks": [{"model": BEST}]},
    "advisor": {"tools": [ADVISOR]},
    "a tool within messages": {
        "messages": [
            {"role": "user", "content": "Hi."},
            {"role": "system", "content": [{"type": "tool_addition", "tool": ADVISOR}]},
            {"role": "user", "content": "Go on."},
        ]
    },
    "a field that nobody knows": {"brand_new": {"deep": [{"model": BEST}]}},
    "no name at all": {"fallbacks": [{"model": {"id": BEST}}]},
}
TURN = [
    {"role": "user", "content": "Hi."},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}]},
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages/batches"])
def test_a_model_anywhere_in_a_body_is_held_against_the_grant(
    gateway: Harness, path: str, place: str
) -> None:
    body = json.loads(chat(**PLACES[place]))
    if path.endswith("batches"):
        body = {"requests": [{"custom_id": "a", "params": body}]}
    answer = gateway.post(path, body)
    assert answer.status in {400, 451}
    assert not gateway.upstream.received


def test_the_refusal_names_place_and_models(gateway: Harness) -> None:
    message = gateway.post("/v1/messages", chat(tools=[ADVISOR])).json()["error"]["message"]
    assert "claude-opus-5-5 in tools[0].model is not granted to you" in message
    assert "claude-haiku-5-5" in message


def test_a_model_is_a_model_only_where_the_api_reads_one(gateway: Harness) -> None:
    turn = json.loads(json.dumps(TURN))
    turn[1]["content"][0]["input"] = {"model": "Volvo 240", "car": {"model": "XC40"}}
    schema = {"type": "object", "properties": {"model": {"type": "string"}}}
    tools = [{"name": "f", "input_schema": schema}]
    assert gateway.post("/v1/messages", chat(messages=turn, tools=tools)).status == 200


def test_a_granted_fallback_passes(gateway: Harness) -> None:
    assert gateway.post("/v1/messages", chat(fallbacks=[{"model": "claude-sonnet-5-5"}])).status == 200


def kept_back(gateway: Harness, body: bytes, value: str) -> bool:
    """Whether the value stayed here: the request was refused, or the block that held it withheld."""
    answer = gateway.post("/v1/messages", body)
    if answer.status != 200:
        assert answer.status in {403, 451}
        return not gateway.upstream.received
    return value.encode() not in gateway.upstream.received[-1].body


@pytest.mark.parametrize("key", ["role", "type", "signature", "model", "media_type", "cache_control"])
def test_a_value_under_a_name_of_the_protocol_is_found(gateway: Harness, key: str) -> None:
    turn = json.loads(json.dumps(TURN))
    turn[1]["content"][0]["input"] = {key: "SSN 536-22-8714"}
    assert kept_back(gateway, chat(messages=turn), "536-22-8714")


@pytest.mark.parametrize("key", ["id", "name"])
def test_a_value_that_labels_a_call_does_not_leave_with_the_withheld_block(
    gateway: Harness, key: str
) -> None:
    turn = json.loads(json.dumps(TURN))
    turn[1]["content"][0][key] = "SSN 536-22-8714"
    assert kept_back(gateway, chat(messages=turn), "536-22-8714")


@pytest.mark.parametrize(
    "input_",
    ['{"ghp_16C7e42F292c6912E7710c838347Ae178B4a": 1}', '{"card_number": 4539578763621486.0}',
     '{"card_number": 4.539578763621486e15}'],
)  # fmt: skip
def test_a_value_as_a_name_or_a_number_is_found(gateway: Harness, input_: str) -> None:
    body = chat(messages=TURN).replace(b'"input": {}', b'"input": ' + input_.encode())
    assert kept_back(gateway, body, input_)


def test_a_value_cut_into_two_messages_or_two_inputs_is_found(gateway: Harness) -> None:
    parts = [{"role": "user", "content": "The SSN is 536-2"}, {"role": "user", "content": "2-8714"}]
    assert kept_back(gateway, chat(messages=parts), "The SSN is 536-2")
    body = {"model": "amazon.titan-embed-text-v2:0", "input": ["The SSN is 536-2", "2-8714"]}
    assert gateway.post("/v1/embeddings", body).status in {403, 451}


def ciphertext(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def signature(size: int, model: bytes = b"claude-opus-5-5") -> str:
    """As Claude's own: a short head, the model's name, and bytes that only Claude can read."""
    return base64.b64encode(b"\x12\xa4\x01\x0a\x48" + model + b"\x18\x02" + ciphertext(size)).decode()


def second_turn(block: dict[str, Any]) -> bytes:
    messages = [
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": [block, {"type": "text", "text": "Yes."}]},
        {"role": "user", "content": "Go on."},
    ]
    return chat(messages=messages)


def blocks(value: str) -> dict[str, dict[str, Any]]:
    """Every block in which Claude gives something back that only Claude can read."""
    result = {"type": "web_search_result", "title": "Rivers", "url": "https://a.example/r"}
    return {
        "redacted thinking": {"type": "redacted_thinking", "data": value},
        "thinking": {"type": "thinking", "thinking": "Rivers are long.", "signature": value},
        "search": {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": [{**result, "encrypted_content": value}],
        },
        "citation": {
            "type": "text",
            "text": "The Nile.",
            "citations": [{"type": "web_search_result_location", "encrypted_index": value}],
        },
        "compaction": {"type": "compaction", "content": None, "encrypted_content": value},
        "code": {
            "type": "code_execution_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": {"type": "encrypted_code_execution_result", "encrypted_stdout": value},
        },
        "advisor": {
            "type": "advisor_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": {"type": "advisor_redacted_result", "encrypted_content": value},
        },
    }


@pytest.mark.parametrize("kind", blocks(""))
@pytest.mark.parametrize("size", [60, 250, 700, 20_000])
def test_what_claude_encrypted_comes_back_to_it_unharmed(gateway: Harness, kind: str, size: int) -> None:
    body = second_turn(blocks(signature(size))[kind])
    assert gateway.post("/v1/messages", body).status == 200
    assert gateway.upstream.received[-1].json()["messages"] == json.loads(body)["messages"]


def test_the_short_example_of_the_documentation_passes(gateway: Harness) -> None:
    assert gateway.post("/v1/messages", second_turn(blocks("EmwK")["redacted thinking"])).status == 200


TEXT = b"The customer's SSN is 536-22-8714, and she asked for a loan of ten thousand until the spring."
DISGUISES = {
    "plain": TEXT.decode(),
    "base64": base64.b64encode(TEXT).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(TEXT).decode().rstrip("="),
    "twice": base64.b64encode(base64.b64encode(TEXT)).decode(),
    "within ciphertext": base64.b64encode(ciphertext(400) + TEXT + ciphertext(400, 2)).decode(),
    "UTF-16 within ciphertext": base64.b64encode(
        ciphertext(50) + TEXT.decode().encode("utf-16-le") + ciphertext(50, 2)
    ).decode(),
    "gzip": base64.b64encode(gzip.compress(TEXT * 3)).decode(),
    "zlib": base64.b64encode(zlib.compress(TEXT * 3)).decode(),
    "masked": base64.b64encode(bytes(byte ^ 0xA5 for byte in TEXT)).decode(),
}


@pytest.mark.parametrize("kind", blocks(""))
@pytest.mark.parametrize("disguise", DISGUISES)
def test_text_in_the_place_of_ciphertext_is_found(gateway: Harness, kind: str, disguise: str) -> None:
    value = DISGUISES[disguise]
    assert kept_back(gateway, second_turn(blocks(value)[kind]), value)
