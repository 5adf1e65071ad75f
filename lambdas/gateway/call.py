"""Calling Claude: ordered failover before the first byte, circuit breakers, deadlines, bounded concurrency
(L1.8).

The next provider is tried if one cannot be reached, misses a deadline, rejects the gateway's credential, is
over its limits or fails (401, 403, 429, 5xx), as long as no byte of its response has been used. Every other
response is the answer, even if it is an error: Claude Code recovers by the provider's exact wording.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from lambdas.gateway import errors
from lambdas.gateway.errors import ApiError, Header
from lambdas.gateway.providers.circuit import CircuitBreaker
from lambdas.gateway.providers.credentials import CredentialUnavailable, read_whole
from lambdas.gateway.providers.provider import ClaudeProvider
from lambdas.gateway.providers.transport import (
    CallCancelled,
    Cancellation,
    ConnectFailed,
    HttpTransport,
    Response,
    TransportError,
)
from lambdas.gateway.providers.user_sessions import Attribution

_TRY_NEXT = frozenset({401, 403, 429, 500, 502, 503, 504, 529})
_UNHEALTHY = frozenset({500, 502, 503, 504, 529})
_ERROR_BODY_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Deadlines in seconds. `total` limits the whole call and must be below the runtime's own limit
    (Lambda: 900).
    """

    connect: float = 5.0
    first_byte_stream: float = 120.0
    first_byte_whole: float = 600.0
    idle: float = 120.0
    total: float = 840.0
    ping: float = 14.0  # silence after which a stream gets a ping; clients were promised 15
    read_on: float = 30.0  # after its client disconnected, to learn what the answer cost


@dataclass(slots=True)
class Attempt:
    """One attempt at one provider, for the record: its name and result.

    `unsure`: the request was sent without a response, so the provider may have charged it.
    """

    provider: str
    result: str
    unsure: bool = False


@dataclass(slots=True)
class Answer:
    """What the caller will get. `response` is still open, unless `body` holds the whole (error) response."""

    provider: ClaudeProvider
    response: Response
    body: bytes | None = None


@dataclass(slots=True)
class Calls:
    """Calls in progress, and their maximum number in this process."""

    limit: int
    under_way: int = 0
    of_callers: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def place(self, caller: str = "", most: int | None = None) -> Iterator[None]:
        """Take a place for the duration of a call.

        Raises `ApiError` 529 if there is none, 429 if `caller` already holds `most`.
        """
        if most is not None and self.of_callers[caller] >= most:
            raise errors.caller_busy(most)
        if self.under_way >= self.limit:
            raise ApiError(
                529,
                errors.OVERLOADED,
                "The gateway is at its limit of concurrent calls; try again in a moment.",
                reason="concurrency",
                headers=((b"retry-after", b"1"),),
            )
        self.under_way += 1
        self.of_callers[caller] += 1
        try:
            yield
        finally:
            self.under_way -= 1
            self.of_callers[caller] -= 1
            if not self.of_callers[caller]:
                del self.of_callers[caller]


@dataclass(slots=True)
class UpstreamCall:
    """A request that any of the providers may answer. `body_for` builds its bytes for a provider."""

    method: str
    path: str  # with the query, as sent by the caller
    raw_headers: Sequence[Header]
    attribution: Attribution
    body_for: Callable[[ClaudeProvider], bytes]
    first_byte_seconds: float
    cancellation: Cancellation | None = None
    attempts: list[Attempt] = field(default_factory=list)
    model: str = ""  # empty if the call is not about a model
    before_another: Callable[[], Awaitable[bool]] | None = None  # False: no other provider may be asked


class Caller:
    """Sends calls to the providers in policy order."""

    def __init__(self, transport: HttpTransport, deadlines: Deadlines) -> None:
        self._transport = transport
        self._deadlines = deadlines

    async def call(self, call: UpstreamCall, providers: Sequence[ClaudeProvider]) -> Answer:
        """Return the first usable response, its body unread; after the last provider, its error response
        with the body.

        Raises `ApiError` 529 if no provider responded, `CallCancelled` if the client disconnected.
        """
        last: Answer | None = None
        for provider, circuit in self._willing(call, providers):
            unsure = bool(call.attempts) and call.attempts[-1].unsure
            if unsure and call.before_another is not None and not await call.before_another():
                break
            answer = await self._try(call, provider, circuit)
            if answer is None:
                continue
            if answer.response.status not in _TRY_NEXT:
                return answer
            last = await self._read_error(call, answer) or last
        if last is not None and last.response.status == 401:  # of ours: the caller's own was valid
            raise ApiError(
                502,
                errors.API,
                "The provider of Claude refused the gateway's own credential. Operators were notified.",
                reason="provider_credential",
            )
        if last is not None:
            return last
        raise ApiError(
            529,
            errors.OVERLOADED,
            "Claude cannot be reached now through any configured provider; try again in a moment.",
            reason="no_provider",
            headers=((b"retry-after", b"5"),),
        )

    def _willing(
        self, call: UpstreamCall, providers: Sequence[ClaudeProvider]
    ) -> Iterator[tuple[ClaudeProvider, CircuitBreaker]]:
        """Return the providers worth trying. A single provider is always tried: its own error says more
        than ours.
        """
        for provider in providers:
            circuit = provider.circuit(call.model)
            if circuit.allows() or len(providers) == 1:
                yield provider, circuit
            else:
                call.attempts.append(Attempt(provider.name, "circuit open"))

    async def _try(
        self, call: UpstreamCall, provider: ClaudeProvider, circuit: CircuitBreaker
    ) -> Answer | None:
        try:
            response = await self._send(call, provider)
            if response.status == 401 and provider.credential.refused():
                response.abort()
                response = await self._send(call, provider)
        except CallCancelled:
            circuit.undecided()
            call.attempts.append(Attempt(provider.name, "client left"))
            raise
        except (TransportError, CredentialUnavailable) as error:
            circuit.failed(call.attribution, unreachable=isinstance(error, ConnectFailed))
            unsure = isinstance(error, TransportError) and not isinstance(error, ConnectFailed)
            call.attempts.append(Attempt(provider.name, f"{type(error).__name__}: {error}", unsure))
            return None
        except BaseException:
            circuit.undecided()
            raise
        if response.status in _UNHEALTHY:
            circuit.failed(call.attribution)
        else:
            circuit.succeeded()
        call.attempts.append(Attempt(provider.name, str(response.status)))
        return Answer(provider, response)

    async def _send(self, call: UpstreamCall, provider: ClaudeProvider) -> Response:
        url = provider.base_url + call.path
        body = call.body_for(provider)
        headers = provider.request_headers(call.raw_headers)
        headers += await provider.credential.headers(call.method, url, headers, body, call.attribution)
        return await self._transport.send(
            call.method,
            url,
            headers,
            body,
            first_byte_seconds=call.first_byte_seconds,
            cancellation=call.cancellation,
        )

    async def _read_error(self, call: UpstreamCall, answer: Answer) -> Answer | None:
        """Return the error response with its body, which is relayed only if no other provider does better."""
        try:
            answer.body = await read_whole(answer.response, self._deadlines.idle, limit=_ERROR_BODY_LIMIT)
        except CallCancelled:
            raise
        except TransportError as error:
            call.attempts.append(Attempt(answer.provider.name, f"{type(error).__name__}: {error}"))
            return None
        return answer
