"""Client of the gateway, in the person's own name and with the person's own token (L1.1, L4.2).

The portal has no credential of its own. Whatever a person may not do through the API they cannot do in the
portal.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from lambdas.common.json_text import json_bytes
from lambdas.gateway.providers.transport import HttpTransport, Response, TransportError

_FIRST_BYTE_SECONDS = 120.0
_IDLE_SECONDS = 120.0
_SHORT_SECONDS = 10.0
CHANNEL = "portal"
_POLICY_STATUS = 451
# Reasons of refusals by which no text of the person would pass: the person has no right to what was asked.
_RIGHTS = frozenset(
    {
        "embeddings_not_granted", "model_not_granted", "prompt_follow_up", "prompt_not_granted",
        "public_declarations", "registered_prompts_only", "session_loop", "switch", "tool_not_permitted",
        "unknown_department",
    }
)  # fmt: skip
_MOST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class GatewayError(Exception):
    """The gateway refused, or did not answer (`status` 0).

    `message` is for the person, in the gateway's words; `reason` is the gateway's machine-readable reason,
    or empty.
    """

    status: int
    kind: str
    message: str
    request_id: str = ""
    help_url: str = ""
    retry_after: int = 0
    reason: str = ""

    @property
    def of_inspection(self) -> bool:
        """Return whether something in the text stopped the call, so that another text would pass."""
        return self.status == _POLICY_STATUS and self.reason not in _RIGHTS


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of the gateway."""

    status: int
    content: Any
    request_id: str


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer in progress: `text` yields pieces of Claude's text as they arrive."""

    request_id: str
    text: AsyncIterator[str]


@dataclass(slots=True)
class Finished:
    """State at the end of a stream: stop reason and tokens used."""

    stop_reason: str = ""
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway's API. `url` has no trailing slash."""

    transport: HttpTransport
    url: str

    async def get(self, token: str, path: str) -> Answer:
        """GET a JSON document. Raises `GatewayError`."""
        return await self._whole(token, "GET", path, None)

    async def post(self, token: str, path: str, body: Mapping[str, Any]) -> Answer:
        """POST a JSON document. Raises `GatewayError`."""
        return await self._whole(token, "POST", path, body)

    @asynccontextmanager
    async def stream(
        self, token: str, path: str, body: Mapping[str, Any], finished: Finished, use_case: str = ""
    ) -> AsyncIterator[Stream]:
        """POST a request with a streamed answer. Leaving the block early also closes the call at the
        gateway.

        Raises `GatewayError` before the first piece, or from `text` if the stream ends with an error.
        """
        response = await self._send(token, "POST", path, {**body, "stream": True}, use_case)
        request_id = _header(response, b"request-id")
        try:
            if response.status != 200:
                raise _refusal(response, await _read(response), request_id)
            async with aclosing(_pieces(response, finished, request_id)) as text:
                yield Stream(request_id, text)
        finally:
            if not response.complete:
                response.abort()

    async def _whole(self, token: str, method: str, path: str, body: Mapping[str, Any] | None) -> Answer:
        response = await self._send(token, method, path, body)
        request_id = _header(response, b"request-id")
        data = await _read(response)
        if response.status >= 400:
            raise _refusal(response, data, request_id)
        try:
            return Answer(response.status, read_json(data) if data else None, request_id)
        except ValueError:
            raise GatewayError(0, "unavailable", "", request_id) from None

    async def _send(
        self, token: str, method: str, path: str, body: Mapping[str, Any] | None, use_case: str = ""
    ) -> Response:
        headers = [(b"authorization", b"Bearer " + token.encode()), (b"x-kit-channel", CHANNEL.encode())]
        if use_case:
            headers.append((b"x-use-case", use_case.encode()))
        data = b""
        if body is not None:
            data = json_bytes(body)
            headers.append((b"content-type", b"application/json"))
        seconds = _FIRST_BYTE_SECONDS if method == "POST" else _SHORT_SECONDS
        try:
            return await self.transport.send(
                method, self.url + path, headers, data, first_byte_seconds=seconds, resend=method == "GET"
            )
        except TransportError:
            raise GatewayError(0, "unavailable", "") from None


async def _read(response: Response) -> bytes:
    data = bytearray()
    try:
        while piece := await response.read(_IDLE_SECONDS):
            data += piece
            if len(data) > _MOST_BYTES:
                response.abort()
                raise GatewayError(0, "unavailable", "")
    except TransportError:
        raise GatewayError(0, "unavailable", "") from None
    return bytes(data)


async def _pieces(response: Response, finished: Finished, request_id: str) -> AsyncGenerator[str]:
    """Yield the text of a stream of server-sent events."""
    buffer = b""
    try:
        while data := await response.read(_IDLE_SECONDS):
            buffer += data
            *events, buffer = buffer.split(b"\n\n")
            for event in events:
                if text := _text_of(_event(event), finished, request_id):
                    yield text
    except TransportError:
        raise GatewayError(0, "interrupted", "", request_id) from None


def read_json(data: bytes) -> Any:
    """Parse JSON, replacing unpaired surrogates, which neither a page nor a store can carry. Raises
    ValueError.
    """
    found = json.loads(data)
    if b"\\ud" not in data.lower():
        return found
    return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))


def _event(event: bytes) -> Mapping[str, Any]:
    data = b"\n".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))
    try:
        parsed = read_json(data) if data else {}
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _text_of(event: Mapping[str, Any], finished: Finished, request_id: str) -> str:
    match event.get("type"):
        case "content_block_delta":
            delta = event.get("delta") or {}
            return delta.get("text", "") if delta.get("type") == "text_delta" else ""
        case "message_delta":
            finished.stop_reason = (event.get("delta") or {}).get("stop_reason") or ""
            finished.output_tokens = (event.get("usage") or {}).get("output_tokens") or 0
        case "error":
            error = event.get("error") or {}
            raise GatewayError(200, str(error.get("type", "")), str(error.get("message", "")), request_id)
    return ""


def _refusal(response: Response, data: bytes, request_id: str) -> GatewayError:
    try:
        error = read_json(data)["error"]
        kind, message = str(error["type"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        kind, message = "unavailable", ""
    retry_after = _header(response, b"retry-after")
    return GatewayError(
        response.status,
        kind,
        message,
        request_id,
        _link(_header(response, b"link")),
        int(retry_after) if retry_after.isdecimal() else 0,
        _header(response, b"x-kit-reason"),
    )


def _header(response: Response, name: bytes) -> str:
    return (response.header(name) or b"").decode("latin-1")


def _link(header: str) -> str:
    address, _, relation = header.partition(";")
    return address.strip(" <>") if 'rel="help"' in relation else ""
