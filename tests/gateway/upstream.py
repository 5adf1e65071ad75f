"""A provider over real sockets that answers byte for byte what a test wants, and remembers byte for byte what
it got.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httptools

BREAK = object()  # in a script: cut the connection here


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    cut: bool = False  # the gateway closed the connection before the answer was complete

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """An answer: `parts` are bytes to send as they are, seconds to wait, or BREAK. Chunked when `chunked`."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    parts: list[Any] = field(default_factory=list)
    chunked: bool = False


def json_reply(value: Any, status: int = 200, headers: list[tuple[str, str]] | None = None) -> Reply:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Reply(status, [("content-type", "application/json"), *(headers or [])], [body])


def message(text: str = "Hello.", model: str = "claude-haiku-5-5", **usage: Any) -> dict[str, Any]:
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 5, **usage},
    }


def event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


def stream_events(texts: list[str], *, input_tokens: int = 12, output_tokens: int = 5) -> list[bytes]:
    """The events of one streamed message, each a separate piece of bytes."""
    start = message() | {"content": [], "stop_reason": None}
    start["usage"] = {"input_tokens": input_tokens, "output_tokens": 1}
    return [
        event("message_start", {"message": start}),
        event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        event("ping", {}),
        *(
            event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}})
            for text in texts
        ),
        event("content_block_stop", {"index": 0}),
        event(
            "message_delta",
            {
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": output_tokens},
            },
        ),
        event("message_stop", {}),
    ]


def stream_reply(parts: list[Any]) -> Reply:
    return Reply(
        200, [("content-type", "text/event-stream; charset=utf-8"), ("request-id", "req_up")], parts, True
    )


def ordinary_claude(request: Received) -> Reply:
    """Answers as the API does: a message, a stream when asked for one, a count, the list of models."""
    path = request.target.partition("?")[0]
    if path == "/v1/messages/count_tokens":
        return json_reply({"input_tokens": 7})
    if path == "/v1/messages":
        body = request.json()
        if body.get("stream"):
            return stream_reply(stream_events(["Hel", "lo."]))
        return json_reply(message(model=body["model"]), headers=[("request-id", "req_up")])
    return json_reply({"type": "error", "error": {"type": "not_found_error", "message": path}}, 404)


class FakeUpstream:
    """The server. `script` decides each answer; it may be exchanged at any time."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.script: Callable[[Received], Reply] = ordinary_claude
        self.port = 0
        self.connections: set[_Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        self.received.clear()
        self.script = ordinary_claude

    def drop_connections(self) -> None:
        """Close every connection from this side, as a server does with idle ones."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(lambda: [one.close() for one in list(self.connections)])

    def start(self) -> "FakeUpstream":
        started = threading.Event()

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            stop = self._stop = asyncio.Event()
            server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await stop.wait()
            server.close()

        self._thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
        self._thread.start()
        started.wait(10)
        return self

    def stop(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


class _Connection(asyncio.Protocol):
    def __init__(self, upstream: FakeUpstream) -> None:
        self._upstream = upstream
        self._task: asyncio.Task[None] | None = None
        self._current: Received | None = None
        self._new()

    def _new(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._target, self._headers, self._body = b"", [], []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._upstream.connections.add(self)

    def close(self) -> None:
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._upstream.connections.discard(self)
        if self._current is not None:
            self._current.cut = True
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode().lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        received = Received(
            self._parser.get_method().decode(), self._target.decode(), self._headers, b"".join(self._body)
        )
        self._target, self._headers, self._body = b"", [], []
        self._upstream.received.append(received)
        self._current = received
        self._task = asyncio.get_running_loop().create_task(self._answer(received))

    async def _answer(self, received: Received) -> None:
        reply = self._upstream.script(received)
        head = f"HTTP/1.1 {reply.status} X\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in reply.headers
        )
        if reply.chunked:
            head += "transfer-encoding: chunked\r\n"
        else:
            head += f"content-length: {sum(len(part) for part in reply.parts if isinstance(part, bytes))}\r\n"
        head_sent = False
        for part in reply.parts:
            if part is BREAK:
                if not head_sent and reply.parts[0] is not BREAK:
                    self._transport.write(head.encode() + b"\r\n")
                self._current = None
                await asyncio.sleep(0.02)
                self._transport.abort()
                return
            if isinstance(part, int | float):
                await asyncio.sleep(part)
                continue
            if not head_sent:
                self._transport.write(head.encode() + b"\r\n")
                head_sent = True
            self._transport.write(b"%x\r\n%b\r\n" % (len(part), part) if reply.chunked else part)
            if reply.chunked:
                await asyncio.sleep(0)
        if not head_sent:
            self._transport.write(head.encode() + b"\r\n")
        if reply.chunked:
            self._transport.write(b"0\r\n\r\n")
        self._current = None
