"""A local stand-in for Claude: it speaks the Messages API and says in every answer what it is. Where Bedrock
would embed texts, it makes vectors up.

It serves `kit up` on a machine without an API key, and tests. The answer repeats the last user message.
Faults are asked for by headers (`x-stand-in-status: 529`) or, where a gateway strips headers, by a directive
in the last user message, `[stand-in status=529 delay_ms=200]`:

    status=N          answer with this HTTP status and an error of its type (`retry_after=S` adds that header)
    delay_ms=N        wait before the answer begins
    pause_ms=N        wait between two events of a stream
    cut_after=N       close the connection after N events of a stream, or after N bytes of a plain answer
    error_after=N     send `event: error` (overloaded) after N events of a stream and end
    output_tokens=N   make the answer as long as N tokens (at four characters per token)
    stop=REASON       end with this stop_reason
    tool=NAME         use this tool; `tool_choice` does the same

Run it: `python -m kit.local.claude_stand_in --port 8899`.
"""

import asyncio
import hashlib
import itertools
import json
import math
import random
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kit.local.stand_in_files import StandInFiles

LABEL = "[local stand-in, not Claude]"
MODELS = {
    "claude-haiku-5-5": "Claude Haiku 5.5 (local stand-in)",
    "claude-opus-5-5": "Claude Opus 5.5 (local stand-in)",
    "claude-sonnet-5-5": "Claude Sonnet 5.5 (local stand-in)",
}
ERROR_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 409: "invalid_request_error", 413: "request_too_large", 429: "rate_limit_error",
    500: "api_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
CHARACTERS_PER_TOKEN = 4
_CREATED = "2026-01-01T00:00:00Z"
_CHUNK = 24  # characters per streamed delta
_REMEMBERED_PREFIXES = 1024
_DIRECTIVE = re.compile(r"\[stand-in ([^\]]*)\]")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class ApiError(Exception):
    """A response in the format of the API's errors."""

    def __init__(self, status: int, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


class _Cut(Exception):
    """Close the connection without an end, as a failing provider does."""


@dataclass
class _Faults:
    asked: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str, default: int | None = None) -> int | None:
        text = self.asked.get(name, "")
        return int(text) if text.isdecimal() else default


class StandIn:
    """The ASGI application. It stores the "cached" prompt prefixes and the batches."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._cached: OrderedDict[str, None] = OrderedDict()
        self._batches: dict[str, dict[str, Any]] = {}
        self._results: dict[str, list[dict[str, Any]]] = {}
        self._files = StandInFiles()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
            return
        request_id = f"req_standin{next(self._numbers):09d}"
        try:
            await self._answer(scope, receive, send, request_id)
        except ApiError as error:
            await _send_error(send, error, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        method, path = scope["method"], scope["path"].rstrip("/")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if method in ("GET", "HEAD"):
            await self._read(method, path, send, request_id)
            return
        raw = await _body(receive)
        if method == "DELETE" and path.startswith("/v1/messages/batches/"):
            await _send_json(send, self._delete_batch(path.split("/")[4]), request_id)
            return
        if path.startswith("/v1/files"):
            await _send_json(send, self._file(method, path, headers, raw), request_id)
            return
        if method != "POST":
            raise ApiError(405, f"{method} is not allowed here")
        if path == "/v1/messages/batches":
            await _send_json(send, self._create_batch(_object(raw)), request_id)
        elif path.startswith("/v1/messages/batches/") and path.endswith("/cancel"):
            await _send_json(send, self._batch(path.split("/")[4]), request_id)
        elif path == "/v1/messages/count_tokens":
            body = _object(raw)
            _check(body, ("model", "messages"))
            await _send_json(send, {"input_tokens": _tokens_of_request(body)}, request_id)
        elif path == "/v1/messages":
            await self._message(_object(raw), headers, send, request_id)
        elif path.startswith("/model/") and path.endswith("/invoke"):
            await _send_json(send, _embedded(_object(raw)), request_id)
        else:
            raise ApiError(404, f"Not found: {path}")

    async def _read(self, method: str, path: str, send: Send, request_id: str) -> None:
        parts = path.split("/")[1:]
        if path in ("", "/healthz", "/api/hello"):
            found: Any = {"status": "ok", "label": LABEL}
        elif parts == ["v1", "models"]:
            data = [_model(name) for name in MODELS]
            found = {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}
        elif parts[:2] == ["v1", "models"] and len(parts) == 3:
            found = _model(parts[2])
        elif parts == ["v1", "messages", "batches"]:
            batches = list(reversed(self._batches.values()))
            ids = [one["id"] for one in batches] or [None]
            found = {"data": batches, "has_more": False, "first_id": ids[0], "last_id": ids[-1]}
        elif parts[:2] == ["v1", "files"]:
            found = self._file("GET", path, {}, b"")
        elif parts[:3] == ["v1", "messages", "batches"] and len(parts) == 4:
            found = self._batch(parts[3])
        elif parts[:3] == ["v1", "messages", "batches"] and parts[4:] == ["results"]:
            lines = [json.dumps(result) for result in self._results[self._batch(parts[3])["id"]]]
            text = "".join(line + "\n" for line in lines).encode()
            await _send(send, 200, text, request_id, content_type=b"application/x-jsonl")
            return
        else:
            raise ApiError(404, f"Not found: {path}")
        await _send_json(send, found, request_id, empty=method == "HEAD")

    def _file(self, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> dict[str, Any]:
        file_id = path.removeprefix("/v1/files").strip("/")
        if method == "POST" and not file_id:
            found = self._files.upload(headers.get("content-type", ""), raw)
            if found is None:
                raise ApiError(400, "file: required")
            return found
        found = self._files.delete(file_id) if method == "DELETE" else self._files.metadata(file_id)
        if found is None:
            status = 400 if self._files.metadata(file_id.removesuffix("/content")) else 404
            raise ApiError(status, f"file {file_id} was not found, or cannot be downloaded")
        return found

    # -- messages

    async def _message(
        self, body: dict[str, Any], headers: Mapping[str, str], send: Send, request_id: str
    ) -> None:
        faults = _faults(body, headers)
        if delay := faults.number("delay_ms"):
            await asyncio.sleep(delay / 1000)
        if status := faults.number("status"):
            message = f"{LABEL} was asked to fail with status {status}"
            raise ApiError(status, message, retry_after=faults.asked.get("retry_after"))
        message = self._made(body, faults)
        cut, error = faults.number("cut_after"), faults.number("error_after")
        if not body.get("stream"):
            raw = json.dumps(message).encode()
            await _send(send, 200, raw, request_id, cut_after=cut)
            return
        pause = (faults.number("pause_ms") or 0) / 1000
        await send(
            _start(200, b"text/event-stream; charset=utf-8", request_id, [(b"cache-control", b"no-cache")])
        )
        for number, (name, data) in enumerate(_events(message)):
            if number == cut:
                raise _Cut
            if number == error:
                name, data = "error", _error_body(529, f"{LABEL} was asked to fail", request_id)
            chunk = f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if name == "error":
                break
            if pause:
                await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": b""})

    def _made(self, body: dict[str, Any], faults: _Faults) -> dict[str, Any]:
        """Return the whole message, as a call without streaming gets it."""
        _check(body, ("model", "max_tokens", "messages"))
        tool = _tool_to_use(body, faults)
        limit = body["max_tokens"] * CHARACTERS_PER_TOKEN
        content: list[dict[str, Any]] = []
        if (body.get("thinking") or {}).get("type") == "enabled":
            thought = "A stand-in has no thoughts; this block has the shape of one."
            content.append({"type": "thinking", "thinking": thought, "signature": _digest(thought)})
        stop = faults.asked.get("stop", "end_turn")
        if tool is not None:
            use = {"type": "tool_use", "id": f"toolu_standin{next(self._numbers):09d}", "name": tool["name"]}
            content.append(use | {"input": _sample(tool.get("input_schema") or {}, _last_text(body))})
            stop = "tool_use"
        else:
            text = _text(body, faults.number("output_tokens"))
            if len(text) > limit:
                text, stop = text[:limit], "max_tokens"
            content.append({"type": "text", "text": text})
        return {
            "id": f"msg_standin{next(self._numbers):09d}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": self._usage(body, content),
        }

    def _usage(self, body: dict[str, Any], content: list[dict[str, Any]]) -> dict[str, Any]:
        """Return tokens by length. What precedes the last cache mark is written once, then read."""
        total, prefix = _tokens_of_request(body), _cached_prefix(body)
        cached = min(total - 1, _tokens(prefix)) if prefix else 0
        digest = hashlib.sha256(prefix.encode()).hexdigest()
        known = digest in self._cached
        if prefix:
            self._cached[digest] = None
            self._cached.move_to_end(digest)
            if len(self._cached) > _REMEMBERED_PREFIXES:
                self._cached.popitem(last=False)
        output = sum(_tokens(json.dumps(block.get("input") or block.get("text") or "")) for block in content)
        return {
            "input_tokens": total - cached,
            "cache_creation_input_tokens": 0 if known else cached,
            "cache_read_input_tokens": cached if known else 0,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0 if known else cached,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": max(1, output),
            "service_tier": "standard",
        }

    # -- batches: worked off at once

    def _create_batch(self, body: dict[str, Any]) -> dict[str, Any]:
        requests = body.get("requests")
        if not isinstance(requests, list) or not requests:
            raise ApiError(400, "requests: a list with at least one request is expected")
        results, counts = [], {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        for entry in requests:
            if not isinstance(entry, dict) or not isinstance(entry.get("custom_id"), str):
                raise ApiError(400, "requests.custom_id: a text is expected")
            try:
                params = entry.get("params") if isinstance(entry.get("params"), dict) else {}
                result = {"type": "succeeded", "message": self._made(params or {}, _faults(params or {}, {}))}
            except ApiError as error:
                result = {"type": "errored", "error": _error_body(error.status, error.message, "")}
            counts[result["type"]] += 1
            results.append({"custom_id": entry["custom_id"], "result": result})
        name = f"msgbatch_standin{next(self._numbers):09d}"
        self._results[name] = results
        self._batches[name] = {
            "id": name,
            "type": "message_batch",
            "processing_status": "ended",
            "request_counts": counts,
            "created_at": _CREATED,
            "ended_at": _CREATED,
            "expires_at": "2026-01-02T00:00:00Z",
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"/v1/messages/batches/{name}/results",
        }
        return self._batches[name]

    def _delete_batch(self, name: str) -> dict[str, Any]:
        self._batch(name)
        del self._batches[name], self._results[name]
        return {"id": name, "type": "message_batch_deleted"}

    def _batch(self, name: str) -> dict[str, Any]:
        if name not in self._batches:
            raise ApiError(404, f"message batch {name} was not found")
        return self._batches[name]


def create_app() -> Application:
    """Return the stand-in as an ASGI application."""
    return _uncut(StandIn())


def _uncut(app: Application) -> Application:
    """Let a cut connection end without a traceback: uvicorn closes an unfinished response."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except _Cut:
            return

    return wrapped


def _text(body: dict[str, Any], tokens: int | None) -> str:
    said = _DIRECTIVE.sub("", _last_text(body)).strip()
    text = f"{LABEL} {body['model']} would answer here. You wrote: {said[:4000]}"
    if tokens is None:
        return text
    length = tokens * CHARACTERS_PER_TOKEN
    return (text + " lorem ipsum" * (length // 12 + 1))[:length]


def _events(message: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the message as stream events."""
    usage = message["usage"]
    opened = message | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    yield "message_start", {"type": "message_start", "message": opened}
    for index, block in enumerate(message["content"]):
        empty, deltas = _deltas(block)
        yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": empty}
        if index == 0:
            yield "ping", {"type": "ping"}
        for delta in deltas:
            yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
        yield "content_block_stop", {"type": "content_block_stop", "index": index}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    yield "message_delta", {"type": "message_delta", "delta": ended, "usage": usage}
    yield "message_stop", {"type": "message_stop"}


def _deltas(block: dict[str, Any]) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    def pieces(text: str) -> Iterator[str]:
        return (text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK))

    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}, (
                {"type": "text_delta", "text": piece} for piece in pieces(block["text"])
            )
        case "tool_use":
            written = json.dumps(block["input"])
            return block | {"input": {}}, (
                {"type": "input_json_delta", "partial_json": piece} for piece in pieces(written)
            )
        case _:
            thoughts = ({"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"]))
            signed = iter([{"type": "signature_delta", "signature": block["signature"]}])
            return {"type": "thinking", "thinking": "", "signature": ""}, itertools.chain(thoughts, signed)


def _faults(body: Mapping[str, Any], headers: Mapping[str, str]) -> _Faults:
    asked = {}
    directive = _DIRECTIVE.search(_last_text(body))
    if directive:
        asked = dict(part.split("=", 1) for part in directive.group(1).split() if "=" in part)
    prefix = "x-stand-in-"
    asked |= {
        name.removeprefix(prefix).replace("-", "_"): value
        for name, value in headers.items()
        if name.startswith(prefix)
    }
    return _Faults(asked)


def _tool_to_use(body: Mapping[str, Any], faults: _Faults) -> dict[str, Any] | None:
    tools = [tool for tool in body.get("tools") or [] if isinstance(tool, dict) and "name" in tool]
    choice = body.get("tool_choice") or {}
    wanted = faults.asked.get("tool") or (choice.get("name") if choice.get("type") == "tool" else None)
    if wanted is None and choice.get("type") == "any" and tools:
        return tools[0]
    if wanted is None:
        return None
    found = next((tool for tool in tools if tool["name"] == wanted), None)
    if found is None:
        raise ApiError(400, f"tool_choice: there is no tool {wanted!r}")
    return found


def _sample(schema: Mapping[str, Any], text: str) -> Any:
    """Return a value that matches the schema: required properties only, texts from the prompt."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object" | None:
            properties = schema.get("properties") or {}
            required = schema.get("required") or []
            return {name: _sample(properties.get(name) or {"type": "string"}, text) for name in required}
        case "array":
            return [_sample(schema.get("items") or {"type": "string"}, text)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return text[:200]


def _check(body: Mapping[str, Any], required: tuple[str, ...]) -> None:
    for name in required:
        if name not in body:
            raise ApiError(400, f"{name}: Field required")
    if not isinstance(body["model"], str) or not body["model"]:
        raise ApiError(400, "model: a text is expected")
    limit = body.get("max_tokens", 1)
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ApiError(400, "max_tokens: an integer of at least 1 is expected")
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "messages: at least one message is required")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant", "system"):
            raise ApiError(400, f"messages.{number}.role: user or assistant is expected")
        if not isinstance(message.get("content"), str | list):
            raise ApiError(400, f"messages.{number}.content: a text or a list of blocks is expected")


def _last_text(body: Mapping[str, Any]) -> str:
    """Return the text of the last user message; empty for any other body."""
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            blocks = content if isinstance(content, list) else []
            return "\n".join(str(one["text"]) for one in blocks if isinstance(one, dict) and "text" in one)
    return ""


def _cached_prefix(body: Mapping[str, Any]) -> str:
    """Return tools, system and messages up to the last block with a cache mark, as text; empty without a
    mark.
    """
    blocks: list[Any] = [*(body.get("tools") or [])]
    system = body.get("system")
    blocks += system if isinstance(system, list) else [system] if system else []
    for message in body["messages"]:
        content = message["content"]
        blocks += content if isinstance(content, list) else [content]
    marked = [n for n, block in enumerate(blocks) if isinstance(block, dict) and block.get("cache_control")]
    return json.dumps([body["model"], blocks[: marked[-1] + 1]], sort_keys=True) if marked else ""


def _tokens_of_request(body: Mapping[str, Any]) -> int:
    counted = {name: body[name] for name in ("system", "messages", "tools") if name in body}
    return _tokens(json.dumps(counted, ensure_ascii=False))


def _tokens(text: str) -> int:
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))


_DIMENSIONS = (256, 512, 1024, 1536)


def _embedded(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return Bedrock's answer to an embedding call with made-up vectors: Titan's format, or Cohere's for
    several texts. The same text has the same vector; distance means nothing.
    """
    texts = body.get("texts", [body.get("inputText")])
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise ApiError(400, "inputText or texts: non-empty strings are required")
    dimensions = body.get("output_dimension", 1536) if "texts" in body else body.get("dimensions", 1024)
    if type(dimensions) is not int or dimensions not in _DIMENSIONS:
        raise ApiError(400, f"dimensions: one of {', '.join(map(str, _DIMENSIONS))} is required")
    vectors = [_vector(text, dimensions) for text in texts]
    tokens = sum(_tokens(text) for text in texts)
    if "texts" in body:
        return {"embeddings": {"float": vectors}, "inputTextTokenCount": tokens}
    return {"embedding": vectors[0], "inputTextTokenCount": tokens}


def _vector(text: str, dimensions: int) -> list[float]:
    chance = random.Random(_digest(text))  # noqa: S311 - made up, and the same for the same text
    made = [chance.gauss(0, 1) for _ in range(dimensions)]
    length = math.hypot(*made)
    return [round(one / length, 6) for one in made]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _model(name: str) -> dict[str, Any]:
    if name not in MODELS:
        raise ApiError(404, f"model: {name}")
    return {"type": "model", "id": name, "display_name": MODELS[name], "created_at": _CREATED}


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        raise ApiError(400, "the request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise ApiError(400, "the request body is not a JSON object")
    return body


async def _body(receive: Receive) -> bytes:
    pieces: list[bytes] = []
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise _Cut
        pieces.append(event.get("body", b""))
        more = event.get("more_body", False)
    return b"".join(pieces)


def _error_body(status: int, message: str, request_id: str) -> dict[str, Any]:
    kind = ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


def _start(
    status: int, content_type: bytes, request_id: str, extra: list[tuple[bytes, bytes]] | None = None
) -> dict[str, Any]:
    headers = [(b"content-type", content_type), (b"request-id", request_id.encode()), *(extra or [])]
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _send(
    send: Send,
    status: int,
    body: bytes,
    request_id: str,
    *,
    content_type: bytes = b"application/json",
    extra: list[tuple[bytes, bytes]] | None = None,
    cut_after: int | None = None,
) -> None:
    length = [(b"content-length", str(len(body)).encode())]
    await send(_start(status, content_type, request_id, [*length, *(extra or [])]))
    if cut_after is not None:
        await send({"type": "http.response.body", "body": body[:cut_after], "more_body": True})
        raise _Cut
    await send({"type": "http.response.body", "body": body})


async def _send_json(send: Send, value: Any, request_id: str, *, empty: bool = False) -> None:
    await _send(send, 200, b"" if empty else json.dumps(value).encode(), request_id)


async def _send_error(send: Send, error: ApiError, request_id: str) -> None:
    extra = [(b"retry-after", error.retry_after.encode("latin-1"))] if error.retry_after else []
    body = json.dumps(_error_body(error.status, error.message, request_id)).encode()
    await _send(send, error.status, body, request_id, extra=extra)


def main() -> None:
    """Serve the stand-in on the loopback address."""
    import argparse

    import uvicorn

    parser = argparse.ArgumentParser(description="Serve a local stand-in for the Claude API.")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    uvicorn.run(create_app(), host="127.0.0.1", port=arguments.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
