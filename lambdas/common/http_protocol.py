"""The server's HTTP/1.1 connection with limits (L1.11): without them, an unauthenticated peer could hold
connections open, or fill memory with a request head that never ends.

    uvicorn --http lambdas.common.http_protocol:BoundedConnection …
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0  # from the first byte of a request to the end of its headers
IDLE_SECONDS = 60.0  # before the first request; between requests the server's keep-alive timeout applies
HEAD_BYTES = 64 * 1024
_TOO_SLOW = (408, "Request Timeout", "The headers of the request did not arrive within 10 seconds.")
_TOO_LARGE = (431, "Request Header Fields Too Large", "The headers of the request are larger than 64 KiB.")


class BoundedConnection(HttpToolsProtocol):
    """Closes idle connections, and connections whose request head is too slow or too large."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0  # of an incomplete head, or 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout for the first request."""
        super().connection_made(transport)
        self._end_in(IDLE_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeout."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process received data, counting what belongs to a head."""
        super().data_received(data)
        if self._head_bytes:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(*_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        super().on_message_begin()
        self._head_bytes = 1
        self._end_in(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """Note that the head is complete."""
        self._head_bytes = 0
        self._wait_no_more()
        super().on_headers_complete()

    def _end_in(self, seconds: float) -> None:
        self._wait_no_more()
        self._deadline = self.loop.call_later(seconds, self._overdue)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _overdue(self) -> None:
        self._deadline = None
        if self._head_bytes:
            self._refuse(*_TOO_SLOW)
        else:
            self.transport.abort()

    def _refuse(self, status: int, phrase: str, message: str) -> None:
        cycle = cast("Any", self.cycle)  # None before the first request, whatever its annotation says
        if cycle is None or cycle.response_complete:  # otherwise an earlier answer is in progress
            body = b'{"type": "error", "error": {"type": "invalid_request_error", "message": "%b"}}'
            body %= message.encode()
            self.transport.write(
                b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
                b"connection: close\r\n\r\n%b" % (status, phrase.encode(), len(body), body)
            )
        self._head_bytes = 0
        self.transport.close()
