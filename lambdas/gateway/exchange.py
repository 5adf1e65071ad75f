"""One HTTP exchange over ASGI: reading the request within limits, answering, detecting disconnected
clients.
"""

import asyncio
import json
import re
from collections.abc import MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from time import perf_counter
from typing import Any, Protocol

from lambdas.common.asgi import Receive, Scope, Send
from lambdas.gateway import errors
from lambdas.gateway.errors import ApiError, Header
from lambdas.gateway.providers.transport import Cancellation

_WITHOUT_VERSION = ("/messages", "/models", "/chat/completions", "/embeddings", "/files", "/skills")
_EDGE_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_DISCARDED = 2  # times the limit: how much of an excessive body is received before it is refused


class AnswerForm(Protocol):
    """Converts an answer of the Claude API to another API's format."""

    def whole(self, status: int, body: bytes) -> bytes: ...
    def piece(self, data: bytes) -> bytes: ...


class ClientGone(Exception):
    """The client disconnected before its request was complete."""


class Exchange:
    """A request and its answer. `headers` maps each lower-case name to its last value."""

    __slots__ = (
        "_body",
        "_receive",
        "_send",
        "_turn",
        "_watcher",
        "bytes_in",
        "bytes_out",
        "cancellation",
        "cut_on_error",
        "ended",
        "form",
        "headers",
        "method",
        "path",
        "peer",
        "query",
        "raw_headers",
        "request_id",
        "started_at",
        "status",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self.method: str = scope["method"]
        self.path: str = plain_path(scope["path"])
        self.query: bytes = scope["query_string"]
        client = scope.get("client")
        self.peer: str = client[0] if client else ""  # source address of the connection
        self.raw_headers: list[Header] = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(self.raw_headers)
        self.request_id = request_id
        self.started_at = perf_counter()
        self.status = 0
        self.ended = False
        self.cut_on_error = False  # a stream without events: if it fails, its end is missing
        self.bytes_in = 0
        self.bytes_out = 0
        self.cancellation = Cancellation()
        self.form: AnswerForm | None = None  # format of the caller's API, if it is not Claude's
        self._turn: AbstractAsyncContextManager[None] | None = None
        self._receive = receive
        self._send = send
        self._watcher: asyncio.Task[None] | None = None
        self._body: bytes | None = None

    @property
    def target(self) -> str:
        """Return path and query as sent by the client."""
        return f"{self.path}?{self.query.decode('latin-1')}" if self.query else self.path

    @property
    def edge_id(self) -> str:
        """Return API Gateway's id of this request, as passed on by Lambda Web Adapter; empty if there is
        none.

        Trusted only behind API Gateway: elsewhere a caller could write it.
        """
        try:
            context = json.loads(self.headers.get(b"x-amzn-request-context", b"{}"))
            given = context["requestId"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        return given if isinstance(given, str) and _EDGE_ID.fullmatch(given) else ""

    @property
    def client_gone(self) -> bool:
        """Return whether the client disconnected before the answer was complete."""
        return self.cancellation.cancelled

    @property
    def started(self) -> bool:
        """Return whether the head of the answer has been sent."""
        return self.status != 0

    async def body(self, limit: int, seconds: float) -> bytes:
        """Return the whole request body; repeated calls return the same.

        Raises `ApiError` 413 above `limit` bytes, 408 after `seconds`, `ClientGone`.
        """
        if self._body is None:
            self._body = await self._read_body(limit, seconds)
        return self._body

    async def _read_body(self, limit: int, seconds: float) -> bytes:
        declared = self.headers.get(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > limit:
            if int(declared) <= _DISCARDED * limit:
                await self._discard(int(declared), seconds)
            raise _too_large(limit)
        if self.headers.get(b"content-encoding", b"identity") not in {b"identity", b""}:
            raise errors.invalid_request(
                "A compressed request body cannot be inspected: send it without content-encoding.",
                reason="encoded_body",
            )
        message = await self._receive()
        if not message.get("more_body") and message["type"] == "http.request":
            data = message.get("body", b"")
            self.bytes_in = len(data)
            if len(data) > limit:
                raise _too_large(limit)
            return data
        return await self._long_body(message, limit, seconds)

    async def _long_body(self, message: MutableMapping[str, Any], limit: int, seconds: float) -> bytes:
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    piece = message.get("body", b"")
                    self.bytes_in += len(piece)
                    if self.bytes_in > limit:
                        break
                    pieces.append(piece)
                    if not message.get("more_body"):
                        return b"".join(pieces)
                    message = await self._receive()
        except TimeoutError:
            raise ApiError(
                408,
                errors.INVALID_REQUEST,
                f"The request body did not arrive within {seconds:g} seconds.",
                reason="slow_body",
                headers=((b"connection", b"close"),),
            ) from None
        pieces.clear()
        if message.get("more_body"):
            await self._discard(_DISCARDED * limit, seconds)
        raise _too_large(limit)

    async def _discard(self, most: int, seconds: float) -> None:
        """Receive a refused body without storing it.

        Most clients read no answer before they have sent everything, and treat a closed connection as an
        outage that they retry. A client that asked first (`expect: 100-continue`) has nothing to send.
        """
        if self.headers.get(b"expect", b"").lower() == b"100-continue":
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.bytes_in < most:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    self.bytes_in += len(message.get("body", b""))
                    if not message.get("more_body"):
                        return

    async def take_turn(self, turn: AbstractAsyncContextManager[None]) -> None:
        """Wait for a turn, once, and keep it until `end_turn`."""
        if self._turn is None:
            await turn.__aenter__()
            self._turn = turn

    async def end_turn(self) -> None:
        """Release the turn."""
        turn, self._turn = self._turn, None
        if turn is not None:
            await turn.__aexit__(None, None, None)

    def watch_client(self) -> None:
        """From now on, after the body was read, cancel `cancellation` if the client disconnects."""
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                if not self.ended:
                    self.cancellation.cancel()
                return

    def unwatch_client(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        """Send the head of the answer; `request-id` is added."""
        self.status = status
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, (b"request-id", self.request_id.encode())],
            }
        )

    async def write(self, data: bytes) -> None:
        """Send a chunk of the answer's body."""
        if self.form is not None:
            data = self.form.piece(data)
            if not data:
                return
        self.bytes_out += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last chunk of the answer's body."""
        await self._end(self.form.piece(data) if self.form is not None else data)

    async def _end(self, data: bytes) -> None:
        self.ended = True
        self.bytes_out += len(data)
        await self._send({"type": "http.response.body", "body": data})

    async def answer(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """Send a whole answer."""
        if self.form is not None:
            body = self.form.whole(status, body)
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self._end(b"" if self.method == "HEAD" else body)

    async def answer_error(self, error: ApiError, extra_headers: Sequence[Header] = ()) -> None:
        """Send an error as a whole answer, or as the last event of a stream that has begun."""
        if not self.started:
            await self.answer(
                error.status, [*error.response_headers(), *extra_headers], error.body(self.request_id)
            )
        elif not self.ended and not self.cut_on_error:
            await self.end(errors.error_event(error.kind, error.message))


def plain_path(path: str) -> str:
    """Return the path below `/v1`.

    Some clients add `/v1` to a base URL and some do not, so base URLs with and without it reach the same
    route.
    """
    if path.startswith("/v1/v1/"):
        return path[3:]
    return f"/v1{path}" if path.startswith(_WITHOUT_VERSION) else path


def _too_large(limit: int) -> ApiError:
    return ApiError(
        413,
        errors.TOO_LARGE,
        f"The request is larger than {limit} bytes, the most this gateway takes.",
        reason="too_large",
        retry=False,
        headers=((b"connection", b"close"),),
    )
