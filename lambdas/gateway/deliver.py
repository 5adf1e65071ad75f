"""Delivery of the answer to the client, whole or event by event, and never its end before the call is
settled and recorded (L2.5).

A whole answer is held back until `finish` has returned. A stream is relayed as it arrives, except for its
`message_stop`, which is held back: only the end can follow it, so a client that has seen it has an answer
with a record.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from lambdas.common.json_text import json_bytes
from lambdas.gateway import errors
from lambdas.gateway.answer_filter import AnswerFilter
from lambdas.gateway.call import Answer, Deadlines
from lambdas.gateway.called_tools import called_in
from lambdas.gateway.error_relay import sanitized
from lambdas.gateway.errors import ApiError
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.hold import Hold, StepRefused
from lambdas.gateway.made import made_in
from lambdas.gateway.outcome import Outcome, usage_and_stop_reason
from lambdas.gateway.providers.credentials import read_whole
from lambdas.gateway.providers.provider import response_headers
from lambdas.gateway.providers.transport import CallCancelled, DeadlineExceeded, TransportError
from lambdas.gateway.sse import (
    LONGEST_EVENT,
    PING,
    EventBuffer,
    EventTooLong,
    MessageStream,
    delivered_characters,
    event_data,
    is_readable,
)
from lambdas.inspection.second_stage import SecondStageFilter

Finish = Callable[[Outcome], Awaitable[None]]

_ANSWER_LIMIT = 64 << 20
# Filtered in less time than a thread may run before a switch, so a thread would only cost.
_SHORT_ANSWER_BYTES = 2 * 1024
_CHARACTERS_PER_TOKEN = 4  # minimum by which Anthropic's own gateway bills an aborted stream
_LAST_WORD_SECONDS = 5.0


async def read_answer(answer: Answer, deadlines: Deadlines, request_id: str) -> bytes:
    """Return the whole body of an answer; of an error, what a caller may see.

    Raises `ApiError` 502 if it is interrupted, `CallCancelled` if the client disconnected.
    """
    body = answer.body if answer.body is not None else await _read(answer, deadlines)
    return body if answer.response.status < 400 else sanitized(answer, body, request_id)


async def _read(answer: Answer, deadlines: Deadlines) -> bytes:
    try:
        return await read_whole(answer.response, deadlines.idle, limit=_ANSWER_LIMIT)
    except CallCancelled:
        raise
    except TransportError:
        answer.response.abort()  # a provider that merely went silent would continue an answer for nobody
        raise ApiError(502, errors.API, "Claude's answer broke off.", reason="upstream_broke_off") from None


async def deliver_whole(
    exchange: Exchange,
    answer: Answer,
    deadlines: Deadlines,
    answer_filter: AnswerFilter | None,
    rate_headers: list[errors.Header],
    finish: Finish,
    hold: Hold,
) -> None:
    """Read the answer to its end, filter, finish, send. An error answer is relayed byte for byte.

    Raises `ApiError` 502 if the answer is interrupted; nothing has then been sent to the client.
    """
    del hold  # its worst case is reserved
    response = answer.response
    body = await read_answer(answer, deadlines, exchange.request_id)
    outcome = Outcome(
        result="completed" if response.status < 300 else "upstream_error",
        status=response.status,
        billable=response.status < 300,
        upstream_request_id=_upstream_id(answer),
        response=body,
    )
    unreadable: ApiError | None = None
    if outcome.billable:
        message = _message(body)
        outcome.usage, outcome.stop_reason = usage_and_stop_reason(message)
        outcome.model = model if isinstance(model := message.get("model"), str) else None
        outcome.called = called_in(body)
        outcome.made = made_in(body)
        if not isinstance(message.get("content"), list):
            unreadable = _unreadable()
            outcome.result, outcome.reason = "interrupted", unreadable.reason
        else:
            outcome.said_usage = outcome.usage is not None
            if answer_filter is not None:
                body = outcome.response = await _filtered(body, answer_filter)
                outcome.decisions = answer_filter.decisions()
    if exchange.client_gone:
        outcome.result, outcome.status, outcome.reason = "client_gone", 499, "client_gone"
    await finish(outcome)
    if unreadable is not None:
        raise unreadable
    await exchange.answer(response.status, [*response_headers(response.headers), *rate_headers], body)


def _message(body: bytes) -> dict[str, Any]:
    """Return the JSON object in an answer; empty for any other: if it is compressed or cut, its content is
    unknown.
    """
    try:
        message = json.loads(body.decode())
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _unreadable() -> ApiError:
    return ApiError(
        502, errors.API, "Claude's answer cannot be read, so it is not given out.", reason="unreadable_answer"
    )


async def _filtered(body: bytes, answer_filter: AnswerFilter) -> bytes:
    """Filter in a thread if it may take long: a long answer takes milliseconds, a second stage asks over
    the network.
    """
    if len(body) <= _SHORT_ANSWER_BYTES and not isinstance(answer_filter, SecondStageFilter):
        return answer_filter.whole(body)
    return await asyncio.to_thread(answer_filter.whole, body)


async def _passed(event: bytes, answer_filter: AnswerFilter) -> list[bytes]:
    """Return the events that can be released; a second stage asks over the network, in a thread."""
    if isinstance(answer_filter, SecondStageFilter):
        return await asyncio.to_thread(answer_filter.event, event)
    return answer_filter.event(event)


async def deliver_stream(
    exchange: Exchange,
    answer: Answer,
    deadlines: Deadlines,
    answer_filter: AnswerFilter | None,
    rate_headers: list[errors.Header],
    finish: Finish,
    hold: Hold,
    longest_event: int = LONGEST_EVENT,
) -> None:
    """Relay the events.

    A stream that is interrupted ends with an `error` event, settled and recorded for what arrived.
    """
    relay = _Relay(exchange, answer, deadlines, answer_filter, hold, longest_event)
    await exchange.start(answer.response.status, [*response_headers(answer.response.headers), *rate_headers])
    failure: ApiError | None = None
    outcome = Outcome(
        "completed", answer.response.status, billable=True, upstream_request_id=_upstream_id(answer)
    )
    outcome.content_type = "text/event-stream"
    try:
        async with asyncio.timeout(deadlines.total):
            await relay.run()
    except CallCancelled:
        outcome.result, outcome.reason = "client_gone", "client_gone"
    except TimeoutError:
        outcome.result, outcome.reason = "interrupted", "total_deadline"
        failure = ApiError(
            504, errors.TIMEOUT, "The answer took longer than the gateway waits.", reason="total_deadline"
        )
    except StepRefused as stopped:
        failure = out_of_budget(stopped)
        outcome.result, outcome.reason = "interrupted", failure.reason
    except TransportError as error:
        outcome.result, outcome.reason = "interrupted", type(error).__name__
        failure = ApiError(502, errors.API, "Claude's answer broke off.", reason="upstream_broke_off")
    finally:
        relay.describe(outcome)
    if outcome.result != "completed":
        answer.response.abort()
    if exchange.client_gone:  # it was read on to learn its cost
        outcome.result, outcome.reason = "client_gone", "client_gone"
    await hold.settled()
    await finish(outcome)
    if exchange.client_gone:
        return
    async with asyncio.timeout(_LAST_WORD_SECONDS):
        if failure is not None:
            await exchange.answer_error(failure)
        else:
            await exchange.end(relay.held_back())


def out_of_budget(stopped: StepRefused) -> ApiError:
    """Return the error event that ends a stream for which no more can be reserved."""
    if stopped.refused is None:
        return ApiError(
            503, errors.OVERLOADED, "The gateway's ledger is busy; try again.", reason="ledger_busy"
        )
    return ApiError(
        402,
        errors.BILLING,
        f"spend limit reached ({stopped.refused.scope}): the answer ends here, unfinished.",
        reason="budget",
        retry=False,
    )


_KNOWN_EVENTS = frozenset(
    (
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
        "message_stop", "ping", "error",
    )
)  # fmt: skip


def _is_unknown(event: bytes) -> bool:
    """Return whether the filter does not know this type of event, according to its data."""
    if event.startswith((b"event: content_block_delta\n", b"event: ping\n")):
        return False
    kind = event_data(event).get("type")
    return kind is not None and kind not in _KNOWN_EVENTS


def _is_clean(event: bytes, answer_filter: AnswerFilter) -> bool:
    """Return whether nothing in an event of an unknown type must be removed, reading its data as text."""
    text = json.dumps(event_data(event), ensure_ascii=False)
    message = json_bytes({"content": [{"type": "text", "text": text}]})
    return answer_filter.whole(message) == message


class _Relay:
    """Relays events from the provider to the client and tracks what the client got."""

    def __init__(
        self,
        exchange: Exchange,
        answer: Answer,
        deadlines: Deadlines,
        answer_filter: AnswerFilter | None,
        hold: Hold,
        longest_event: int,
    ) -> None:
        self._hold = hold
        self._exchange = exchange
        self._response = answer.response
        self._deadlines = deadlines
        self._filter = answer_filter
        self._buffer = EventBuffer(longest_event)
        self._message = MessageStream()
        self._sent: list[bytes] = []
        self._held: list[bytes] = []
        self._began = False
        self._said_at = 0.0

    async def run(self) -> None:
        """Relay until the provider's stream ends. Raises `TransportError` if it ended without
        `message_stop`.
        """
        deadlines = self._deadlines
        silent_since = self._said_at = monotonic()
        while True:
            ping_due = max(0.0, self._said_at + deadlines.ping - monotonic())
            data = None
            try:
                data = await self._response.read(min(ping_due, self._hold.attention_seconds or ping_due))
            except DeadlineExceeded:
                if monotonic() - silent_since >= deadlines.idle:
                    raise
            if data == b"":
                break
            if data is None:
                await self._hold.follow([])
            else:
                silent_since = monotonic()
                await self._take(data)
            if monotonic() - self._said_at >= deadlines.ping:  # everything so far may have been withheld
                await self._write(PING)
        if self._buffer.rest.strip():
            raise TransportError("the stream ended inside an event", response_started=True)
        if not self._message.completed and self._message.error is None:
            raise TransportError("the stream ended before the message did", response_started=True)

    async def _take(self, data: bytes) -> None:
        """Relay the events that are complete with `data`."""
        try:
            events = self._buffer.feed(data)
        except EventTooLong:
            raise TransportError("an event has no end", response_started=True) from None
        await self._hold.follow(events)
        if not self._sent and len(events) > 1:  # the first is sent before the others are examined
            await self._relay(events[:1])
            await asyncio.sleep(0)
            del events[0]
        await self._relay(events)

    async def _write(self, data: bytes) -> None:
        self._said_at = monotonic()
        await self._exchange.write(data)

    async def _relay(self, events: list[bytes]) -> None:
        leaving: list[bytes] = []
        for event in events:
            if self._message.completed:  # nothing belongs to a message that has ended
                continue
            if not is_readable(event):
                raise TransportError("an event cannot be read", response_started=True)
            if self._filter is not None and _is_unknown(event) and not _is_clean(event, self._filter):
                continue
            self._message.follow(event)
            if not self._began and self._message.usage:
                self._began = True
                self._hold.began(self._message.usage)
            passed = [event] if self._filter is None else await _passed(event, self._filter)
            (self._held if self._message.completed else leaving).extend(passed)
        if leaving:
            data = leaving[0] if len(leaving) == 1 else b"".join(leaving)
            self._sent.append(data)
            await self._write(data)

    def held_back(self) -> bytes:
        """Return the end of the stream, from `message_stop` on."""
        return b"".join(self._held)

    def describe(self, outcome: Outcome) -> None:
        """Fill in what is now known of the message."""
        message = self._message
        outcome.usage = dict(message.usage) or None
        outcome.stop_reason = message.stop_reason
        outcome.model = message.model
        outcome.called = message.called
        outcome.made = message.made
        outcome.said_usage = message.said_usage
        outcome.response = b"".join([*self._sent, *self._held])
        if message.error is not None:
            outcome.result, outcome.reason = "interrupted", "upstream_error_event"
        if not message.said_usage:
            events = EventBuffer(len(outcome.response)).feed(outcome.response)
            outcome.delivered_tokens = -(-delivered_characters(events) // _CHARACTERS_PER_TOKEN)
        if self._filter is not None:
            outcome.decisions = self._filter.decisions()


def _upstream_id(answer: Answer) -> str | None:
    value = answer.response.header(b"request-id") or answer.response.header(b"x-amzn-requestid")
    return value.decode("latin-1") if value else None
