"""A provider that answers as a scripted Claude would, and the gateway with the shipped defaults before it."""

import json
from typing import Any

from components.permissions import canonical_json
from kit.evaluation.stages import stack_configuration
from kit.local.stand_in_files import StandInFiles
from lambdas.gateway.call import Deadlines
from stacks.gateway_policy import gateway_policy
from stacks.settings.loading import RawConfig, read_settings
from tests.gateway.harness import Harness, make
from tests.gateway.upstream import FakeUpstream, Received, Reply, event, json_reply, message, stream_reply

ANSWER = "It rains in Graz."
Block = dict[str, Any]
_FILES = StandInFiles()


def shipped_gateway(size: str) -> Harness:
    """A gateway with the policy that the kit publishes for a size, in front of a scripted provider."""
    upstream = FakeUpstream().start()
    values = {key.partition(":")[2]: value for key, value in stack_configuration("integration").items()}
    policy = json.loads(canonical_json(gateway_policy(read_settings(RawConfig({**values, "size": size})))))
    policy.pop("version")
    policy["providers"] = [
        {
            "name": "claude", "kind": "anthropic", "base_url": upstream.url, "auth": {"kind": "secret"},
            "models": {},
        }
    ]  # fmt: skip
    policy["embeddings"] = {"model": "voyage-4", "url": f"{upstream.url}/v1/embeddings"}
    harness = make([upstream], Deadlines(ping=10.0), **policy)
    object.__setattr__(harness.settings, "body_limit", 32 << 20)
    object.__setattr__(harness.settings, "body_seconds", 30.0)
    harness.reset()
    return harness


def answer_with(received: Received, blocks: list[Block], stop_reason: str = "end_turn") -> Reply:
    """The blocks as a message, or as a stream where that was asked for."""
    asked = received.json()
    usage = {"input_tokens": 900, "cache_read_input_tokens": len(received.body) // 4, "output_tokens": 60}
    whole = {
        **message(model=asked["model"]), "content": blocks, "stop_reason": stop_reason, "usage": usage,
    }  # fmt: skip
    if not asked.get("stream"):
        return json_reply(whole)
    events = [event("message_start", {"message": {**whole, "content": [], "stop_reason": None}})]
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            opened: Block = {"type": "text", "text": ""}
            delta: Block = {"type": "text_delta", "text": block["text"]}
        else:
            opened = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events += [
            event("content_block_start", {"index": index, "content_block": opened}),
            event("content_block_delta", {"index": index, "delta": delta}),
            event("content_block_stop", {"index": index}),
        ]
    ended = {"delta": {"stop_reason": stop_reason, "stop_sequence": None}, "usage": usage}
    return stream_reply([*events, event("message_delta", ended), event("message_stop", {})])


def text(said: str) -> list[Block]:
    """One block of text."""
    return [{"type": "text", "text": said}]


def call(name: str, number: int = 1, **given: Any) -> Block:
    """A call of a tool."""
    return {"type": "tool_use", "id": f"toolu_{number:04}", "name": name, "input": given}


def results(asked: Any) -> list[Block]:
    """All results of tools in a request."""
    return [
        block
        for turn in asked["messages"]
        if isinstance(turn["content"], list)
        for block in turn["content"]
        if block.get("type") == "tool_result"
    ]


def _file(received: Received, path: str) -> Reply:
    """Uploads and deletions; what else clients ask about files the gateway knows."""
    if received.method == "POST":
        return json_reply(_FILES.upload(received.header("content-type") or "", received.body))
    return json_reply(_FILES.delete(path.rsplit("/", 1)[1]))


def ordinary(received: Received) -> Reply:
    """A question about the weather: a call of the tool where there is one, JSON where a schema asks for
    it.
    """
    path = received.target.partition("?")[0]
    if path == "/v1/messages/count_tokens":
        return json_reply({"input_tokens": 7})
    if path.startswith("/v1/files"):
        return _file(received, path)
    if path == "/v1/embeddings":
        data = [{"index": index, "embedding": [0.5, 0.5]} for index, _ in enumerate(received.json()["input"])]
        return json_reply({"object": "list", "data": data, "usage": {"total_tokens": 4}})
    asked = received.json()
    tools = asked.get("tools") or []
    if tools and not results(asked):
        return answer_with(received, [call(tools[0]["name"], town="Graz")], "tool_use")
    if (asked.get("output_config") or {}).get("format"):
        return answer_with(received, text('{"town": "Graz"}'))
    return answer_with(received, text(ANSWER))
