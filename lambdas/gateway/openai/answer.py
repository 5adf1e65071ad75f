"""Translation of a Messages API answer into one of the OpenAI API: whole, as a stream, or as an error."""

import json
from collections.abc import Mapping
from typing import Any

from lambdas.common.json_text import json_bytes
from lambdas.gateway.sse import EventBuffer, event_data, event_name

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class ChatAnswer:
    """Translates the bytes of one answer into those of a chat completion.

    `created` is in seconds since the epoch; `include_usage` adds the chunk that reports usage to a stream.
    """

    def __init__(self, created: int) -> None:
        self._created = created
        self.include_usage = False
        self._buffer = EventBuffer()
        self._id = ""
        self._model = ""
        self._usage: dict[str, Any] = {}
        self._finish: str | None = None
        self._calls: dict[int, int] = {}  # index of a content block: number of the tool call

    def whole(self, status: int, body: bytes) -> bytes:
        """Return a whole answer: a message as a completion, an error as an error."""
        try:
            document = json.loads(body)
        except ValueError:  # from a provider that answers without a message: relayed unchanged
            return body
        if status >= 400:
            return json.dumps(_error(document)).encode()
        usage = document.get("usage")
        return json_bytes(
            {
                "id": f"chatcmpl-{document.get('id', '')}",
                "object": "chat.completion",
                "created": self._created,
                "model": document.get("model"),
                "choices": [
                    {
                        "index": 0,
                        "message": _message(document.get("content") or []),
                        "logprobs": None,
                        "finish_reason": _FINISH.get(str(document.get("stop_reason")), "stop"),
                    }
                ],
                "usage": _usage(usage if isinstance(usage, Mapping) else {}),
            }
        )

    def piece(self, data: bytes) -> bytes:
        """Return the chunks for whole events in `data`; an incomplete event waits for the next call."""
        return b"".join(chunk for event in self._buffer.feed(data) for chunk in self._chunks(event))

    def _chunks(self, event: bytes) -> list[bytes]:
        data = event_data(event)
        match event_name(event):
            case b"message_start":
                message = data.get("message") or {}
                self._id, self._model = str(message.get("id", "")), str(message.get("model", ""))
                self._usage.update(message.get("usage") or {})
                return [self._chunk({"role": "assistant", "content": ""})]
            case b"content_block_start":
                return self._opened(data)
            case b"content_block_delta":
                return self._delta(data)
            case b"message_delta":
                self._usage.update({k: v for k, v in (data.get("usage") or {}).items() if v is not None})
                reason = (data.get("delta") or {}).get("stop_reason")
                return [self._chunk({}, _FINISH.get(str(reason), "stop"))] if reason else []
            case b"message_stop":
                usage = [self._usage_chunk()] if self.include_usage else []
                return [*usage, b"data: [DONE]\n\n"]
            case b"error":
                return [_data(_error(data))]
            case b"ping":
                return [b": ping\n\n"]
            case _:
                return []

    def _opened(self, data: Mapping[str, Any]) -> list[bytes]:
        block = data.get("content_block") or {}
        if block.get("type") != "tool_use":
            return []
        number = self._calls[data["index"]] = len(self._calls)
        function = {"name": block.get("name"), "arguments": ""}
        call = {"index": number, "id": block.get("id"), "type": "function", "function": function}
        return [self._chunk({"tool_calls": [call]})]

    def _delta(self, data: Mapping[str, Any]) -> list[bytes]:
        delta = data.get("delta") or {}
        match delta.get("type"):
            case "text_delta":
                return [self._chunk({"content": delta.get("text", "")})]
            case "input_json_delta" if data.get("index") in self._calls:
                function = {"arguments": delta.get("partial_json", "")}
                return [
                    self._chunk({"tool_calls": [{"index": self._calls[data["index"]], "function": function}]})
                ]
            case _:  # thinking, signatures, citations: no equivalent in the OpenAI API
                return []

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data({**self._head(), "choices": [choice]})

    def _usage_chunk(self) -> bytes:
        return _data({**self._head(), "choices": [], "usage": _usage(self._usage)})

    def _head(self) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self._id}",
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
        }


def _data(document: dict[str, Any]) -> bytes:
    return b"data: " + json_bytes(document) + b"\n\n"


def _message(blocks: list[Any]) -> dict[str, Any]:
    texts = [block["text"] for block in blocks if block.get("type") == "text"]
    calls = [
        {
            "id": block["id"],
            "type": "function",
            "function": {"name": block["name"], "arguments": json.dumps(block["input"], ensure_ascii=False)},
        }
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    return {
        "role": "assistant",
        "content": "".join(texts) if texts or not calls else None,
        "refusal": None,
        **({"tool_calls": calls} if calls else {}),
    }


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    def count(name: str) -> int:
        value = usage.get(name)
        return value if isinstance(value, int) else 0

    cached = count("cache_read_input_tokens")
    prompt = count("input_tokens") + count("cache_creation_input_tokens") + cached
    completion = count("output_tokens")
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def _error(document: Mapping[str, Any]) -> dict[str, Any]:
    error = document.get("error")
    error = error if isinstance(error, Mapping) else {}
    return {
        "error": {
            "message": error.get("message", ""),
            "type": error.get("type", "api_error"),
            "param": None,
            "code": None,
        }
    }
