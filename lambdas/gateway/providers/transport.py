"""HTTP/1.1 client for the providers, directly on httptools.

This is not a library for three measured reasons: importing aiohttp alone takes half of the start-up budget
(170 of 300 ms), one call through it takes three times the processor time of this module, and the gateway
must know exactly whether any byte of a response has arrived, because that decides whether another provider
may be tried. It supports what those providers use: HTTP/1.1 over TLS, keep-alive, chunked or sized bodies,
no redirects, no compression.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from time import monotonic
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools

Headers = list[tuple[bytes, bytes]]

_RECEIVE_HIGH_WATER = 1 << 20  # bytes buffered for a slow reader before the socket is paused
_MAX_HEAD_BYTES = 64 * 1024
_JOIN_BELOW = 64 * 1024  # a smaller body is sent with its head in one write


class TransportError(Exception):
    """The exchange with the provider failed. `response_started`: whether any byte of a response had
    arrived.
    """

    def __init__(self, message: str, *, response_started: bool = False) -> None:
        super().__init__(message)
        self.response_started = response_started


class ConnectFailed(TransportError):
    """No connection: refused, unreachable, certificate not trusted, or not within the connect deadline."""


class DeadlineExceeded(TransportError):
    """The provider sent nothing within the first-byte or idle deadline."""


class CallCancelled(TransportError):
    """The call was cancelled because its client disconnected; the connection to the provider has been
    closed.
    """


class Cancellation:
    """Lets one party cancel a call that another awaits. Idempotent."""

    __slots__ = ("_callback", "cancelled")

    def __init__(self) -> None:
        self.cancelled = False
        self._callback: Callable[[], None] | None = None

    def cancel(self) -> None:
        """Cancel: the task that awaits the provider gets `CallCancelled`."""
        self.cancelled = True
        if self._callback is not None:
            self._callback()

    def on_cancel(self, callback: Callable[[], None] | None) -> None:
        """Set the action on cancellation; there is one at a time."""
        self._callback = callback


def read_on(client: Cancellation, seconds: float) -> Cancellation:
    """Return a cancellation `seconds` after the client's, by when the provider may have reported the cost
    of its answer.
    """
    late = Cancellation()

    def left() -> None:
        asyncio.get_running_loop().call_later(seconds, late.cancel)

    if client.cancelled:
        left()
    client.on_cancel(left)
    return late


class Endpoint(NamedTuple):
    """Target of a connection."""

    scheme: str
    host: str
    port: int


def endpoint_of(url: str) -> tuple[Endpoint, bytes]:
    """Return endpoint and request target (path and query) of an absolute URL."""
    parts = urlsplit(url)
    target = parts.path or "/"
    if parts.query:
        target += "?" + parts.query
    return _endpoint(parts.scheme, parts.netloc), target.encode("ascii")


@lru_cache(256)  # a call asks a dozen times for the same few
def _endpoint(scheme: str, netloc: str) -> Endpoint:
    parts = urlsplit(f"{scheme}://{netloc}")
    if scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"not an absolute http(s) URL: {scheme}://{netloc}")
    return Endpoint(scheme, parts.hostname, parts.port or (443 if scheme == "https" else 80))


class Response:
    """A response whose head has arrived. Read it with `read` until that returns `b""`, or `abort` it."""

    __slots__ = (
        "_chunks",
        "_connection",
        "_size",
        "_waiter",
        "complete",
        "error",
        "head_complete",
        "headers",
        "status",
    )

    def __init__(self, connection: "_Connection") -> None:
        self.status = 0
        self.headers: Headers = []
        self.head_complete = False
        self.complete = False
        self.error: TransportError | None = None
        self._connection: _Connection | None = connection
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._waiter: asyncio.Future[bool] | None = None

    def header(self, name: bytes) -> bytes | None:
        """Return the first value of a header, by its lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    async def read(self, seconds: float) -> bytes:
        """Return what has arrived since the last read; `b""` at the end of the response.

        Raises `DeadlineExceeded` if nothing arrives within `seconds` (the response stays readable),
        `TransportError` if the connection failed before the response was complete, `CallCancelled` after
        `abort`.
        """
        while not self._chunks:
            if self.error is not None:
                raise self.error
            if self.complete:
                return b""
            if not await self._wait(seconds):
                raise DeadlineExceeded(f"nothing came for {seconds:g} s", response_started=True)
        if len(self._chunks) == 1:
            data = self._chunks.popleft()
        else:
            data = b"".join(self._chunks)
            self._chunks.clear()
        if self._size > _RECEIVE_HIGH_WATER and self._connection is not None:
            self._connection.resume()
        self._size = 0
        return data

    def abort(self) -> None:
        """Close the connection of the response; a pending `read` raises `CallCancelled`."""
        self.fail(CallCancelled("the call was given up", response_started=self.head_complete))
        if self._connection is not None:
            self._connection.close()

    async def wait_head(self, seconds: float) -> None:
        """Wait until status and headers have arrived."""
        deadline = monotonic() + seconds
        while not self.head_complete:
            if self.error is not None:
                raise self.error
            if not await self._wait(deadline - monotonic()):
                self.abort()
                raise DeadlineExceeded(f"no answer began within {seconds:g} s")

    async def _wait(self, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiter = waiter
        timer = loop.call_later(max(seconds, 0), _resolve, waiter, False)
        try:
            return await waiter
        finally:
            timer.cancel()
            self._waiter = None

    # -- called by the connection ----------------------------------------------------------------------------

    def feed(self, data: bytes) -> int:
        """Add a chunk of the body. Return how many bytes wait for the reader."""
        self._chunks.append(data)
        self._size += len(data)
        self.wake()
        return self._size

    def finish(self) -> None:
        """Mark the response as complete; the connection can be reused."""
        self.complete = True
        self._connection = None
        self.wake()

    def fail(self, error: TransportError) -> None:
        """Mark the response as failed."""
        if not self.complete and self.error is None:
            self.error = error
            self.wake()

    def wake(self) -> None:
        """Wake the reader."""
        if self._waiter is not None:
            _resolve(self._waiter, True)


def _resolve(waiter: "asyncio.Future[bool]", value: bool) -> None:
    if not waiter.done():
        waiter.set_result(value)


class _Connection(asyncio.Protocol):
    """One socket. Serves one call at a time and returns to its pool after a complete response."""

    def __init__(self, pool: "deque[_Connection]") -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._response: Response | None = None
        self._head_bytes = 0
        self._ended_by_close = False
        self._paused = False
        self.idle_since = 0.0
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop has a class of its own

    def start(self, head: bytes, body: bytes) -> Response:
        """Send a request. The response arrives in the returned `Response`."""
        assert self._transport is not None
        response = self._response = Response(self)
        self._parser = httptools.HttpResponseParser(self)
        self._head_bytes = 0
        self._ended_by_close = False
        if len(body) < _JOIN_BELOW:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)
        return response

    def close(self) -> None:
        """Close the connection at once, whatever is in progress."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def resume(self) -> None:
        """Resume reading after the reader has caught up."""
        if self._paused and self._transport is not None and not self.closed:
            self._paused = False
            self._transport.resume_reading()

    # -- asyncio.Protocol ------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None or self._parser is None:
            self.close()  # bytes that no request asked for: the connection is not trustworthy
            return
        if not response.head_complete:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            response.fail(
                TransportError(f"malformed answer: {error}", response_started=response.head_complete)
            )
            self.close()
            return
        if not response.head_complete and self._head_bytes > _MAX_HEAD_BYTES:
            response.fail(TransportError("the head of the answer is too large"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        response, self._response = self._response, None
        if response is None:
            return
        if response.head_complete and self._ended_by_close and exc is None:
            response.finish()
            return
        response.fail(
            TransportError(
                f"the connection broke: {exc or 'closed by the provider'}",
                response_started=response.head_complete,
            )
        )

    # -- httptools -------------------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        assert self._response is not None
        self._response.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        response, parser = self._response, self._parser
        assert response is not None
        assert parser is not None
        response.status = parser.get_status_code()
        if response.status < 200:
            return
        response.head_complete = True
        self._ended_by_close = response.status not in {204, 304} and not any(
            name in {b"content-length", b"transfer-encoding"} for name, _ in response.headers
        )
        response.wake()

    def on_body(self, body: bytes) -> None:
        assert self._response is not None
        if (
            self._response.feed(body) > _RECEIVE_HIGH_WATER
            and not self._paused
            and self._transport is not None
        ):
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        response, parser, transport = self._response, self._parser, self._transport
        if response is None or parser is None or transport is None:
            return
        if response.status < 200:  # an interim response, followed by the final one
            response.headers.clear()
            return
        self._response = None
        reusable = (
            parser.should_keep_alive() and not self._ended_by_close and not transport.get_write_buffer_size()
        )
        if self._paused:
            self._paused = False
            transport.resume_reading()
        response.finish()
        if reusable and not self.closed:
            self.idle_since = monotonic()
            self._pool.append(self)
        else:
            self.close()


class HttpTransport:
    """A pool of connections to the providers, for one event loop.

    `connect_seconds` limits DNS, TCP and TLS together; an idle connection is reused within `keep_seconds`.
    """

    def __init__(self, *, connect_seconds: float = 5.0, keep_seconds: float = 50.0) -> None:
        self._connect_seconds = connect_seconds
        self._keep_seconds = keep_seconds
        self._pools: dict[Endpoint, deque[_Connection]] = {}
        self._tls: ssl.SSLContext | None = None
        self.loop: asyncio.AbstractEventLoop | None = None  # loop of the connections; None before the first

    async def send(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes = b"",
        *,
        first_byte_seconds: float,
        cancellation: Cancellation | None = None,
        resend: bool = True,
    ) -> Response:
        """Send a request and wait for the head of its response.

        `host`, `content-length` and `accept-encoding: identity` are added here and must not be among
        `headers`. An idle connection that turns out to be closed before any byte of a response is replaced
        once by a new one, unless `resend` is False. Raises `ConnectFailed`, `DeadlineExceeded`,
        `CallCancelled`, `TransportError`.
        """
        endpoint, target = endpoint_of(url)
        head = _request_head(method, target, endpoint, headers, body)
        if cancellation is not None and cancellation.cancelled:
            raise CallCancelled("the call was given up")
        kept = self._kept_connection(endpoint)
        if kept is not None:
            try:
                return await self._exchange(kept, head, body, first_byte_seconds, cancellation)
            except (DeadlineExceeded, CallCancelled):
                raise
            except TransportError as error:
                if error.response_started or not resend:
                    raise
        fresh = await self._connect(endpoint)
        return await self._exchange(fresh, head, body, first_byte_seconds, cancellation)

    async def _exchange(
        self,
        connection: _Connection,
        head: bytes,
        body: bytes,
        first_byte_seconds: float,
        cancellation: Cancellation | None,
    ) -> Response:
        response = connection.start(head, body)
        if cancellation is not None:
            if cancellation.cancelled:
                response.abort()
            else:
                cancellation.on_cancel(response.abort)
        try:
            await response.wait_head(first_byte_seconds)
        except asyncio.CancelledError:
            response.abort()
            raise
        return response

    def _kept_connection(self, endpoint: Endpoint) -> _Connection | None:
        pool = self._pools.get(endpoint)
        oldest = monotonic() - self._keep_seconds
        while pool:
            connection = pool.pop()
            if connection.closed:
                continue
            if connection.idle_since < oldest:
                connection.close()
                continue
            return connection
        return None

    async def _connect(self, endpoint: Endpoint) -> _Connection:
        pool = self._pools.setdefault(endpoint, deque())
        loop = self.loop = asyncio.get_running_loop()
        secure = endpoint.scheme == "https"
        if secure and self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: _Connection(pool),
                    endpoint.host,
                    endpoint.port,
                    ssl=self._tls if secure else None,
                    server_hostname=endpoint.host if secure else None,
                )
        except (OSError, TimeoutError, ssl.SSLError) as error:
            raise ConnectFailed(
                f"no connection to {endpoint.host}:{endpoint.port}: {type(error).__name__}"
            ) from error
        return connection

    def prepare_tls(self) -> None:
        """Load the trusted certificates now, and not during the first call."""
        self._tls = self._tls or ssl.create_default_context()

    def close(self) -> None:
        """Close every idle connection."""
        for pool in self._pools.values():
            while pool:
                pool.pop().close()


def _request_head(
    method: str, target: bytes, endpoint: Endpoint, headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> bytes:
    lines = [
        b"%b %b HTTP/1.1\r\nhost: %b\r\naccept-encoding: identity\r\n"
        % (method.encode(), target, host_header(endpoint))
    ]
    lines.extend(b"%b: %b\r\n" % header for header in headers)
    if body or method not in {"GET", "HEAD", "DELETE"}:
        lines.append(b"content-length: %d\r\n" % len(body))
    lines.append(b"\r\n")
    return b"".join(lines)


@lru_cache(256)
def host_header(endpoint: Endpoint) -> bytes:
    """Return the value of `host` for an endpoint."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    default = 443 if endpoint.scheme == "https" else 80
    return (host if endpoint.port == default else f"{host}:{endpoint.port}").encode("ascii")
