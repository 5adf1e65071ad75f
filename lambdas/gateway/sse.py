"""Server-sent events as bytes: boundaries, types, and usage.

The gateway relays events unchanged. It reads only the few that contain usage, end the message or report an
error.
"""

import json
import re
from typing import Any

from lambdas.gateway.called_tools import CalledTool, called_tool
from lambdas.gateway.made import Made

_BOUNDARY = re.compile(rb"\r?\n\r?\n")
_LONGEST_BOUNDARY = 4
LONGEST_EVENT = 1 << 20  # bytes, unless the policy sets it; a provider's events have a few hundred
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


class EventTooLong(ValueError):
    """An event exceeds the maximum size."""


class EventBuffer:
    """Splits a byte stream into whole events, examining each byte once."""

    __slots__ = ("_longest", "_rest")

    def __init__(self, longest: int = LONGEST_EVENT) -> None:
        self._longest = longest
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the events that are now complete, each with its final blank line. Raises `EventTooLong`."""
        looked = max(len(self._rest) - _LONGEST_BOUNDARY, 0)
        self._rest += data
        events: list[bytes] = []
        start = 0
        for match in _BOUNDARY.finditer(self._rest, looked):
            if match.end() - start > self._longest:
                raise EventTooLong
            events.append(bytes(self._rest[start : match.end()]))
            start = match.end()
        del self._rest[:start]
        if len(self._rest) > self._longest:
            raise EventTooLong
        return events

    @property
    def rest(self) -> bytes:
        """Return the beginning of an incomplete event."""
        return bytes(self._rest)


def event_name(event: bytes) -> bytes:
    """Return the value of the `event:` field, `b""` for a comment or an event without one."""
    if event.startswith(b"event:"):
        return event[6 : event.find(b"\n")].strip()
    for line in event.splitlines():
        if line.startswith(b"event:"):
            return line[6:].strip()
    return b""


def is_readable(event: bytes) -> bool:
    """Return whether the event's data are a JSON object; comments have none."""
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    try:
        return not lines or isinstance(json.loads(b"\n".join(lines)), dict)
    except (ValueError, RecursionError):
        return False


def event_data(event: bytes) -> dict[str, Any]:
    """Return the JSON object in the event's data, or an empty one."""
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    try:
        data = json.loads(b"\n".join(lines))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


class MessageStream:
    """State of one streamed message: its usage so far, its stop reason, whether it was completed."""

    __slots__ = (
        "called",
        "completed",
        "error",
        "made",
        "message_id",
        "model",
        "said_usage",
        "stop_reason",
        "usage",
    )

    def __init__(self) -> None:
        self.called: list[CalledTool] = []
        self.made = Made()
        self.usage: dict[str, Any] = {}
        self.message_id: str | None = None
        self.model: str | None = None
        self.stop_reason: str | None = None
        self.said_usage = False  # final usage, and not only the initial one
        self.completed = False
        self.error: dict[str, Any] | None = None

    def follow(self, event: bytes) -> None:
        """Process an event."""
        name = event_name(event)
        if name == b"content_block_delta" or name == b"ping":
            return
        if name == b"message_start":
            message = event_data(event).get("message")
            if isinstance(message, dict):
                self.message_id = _text(message.get("id"))
                self.model = _text(message.get("model"))
                self._add_usage(message.get("usage"))
                self.made.take_container(message.get("container"))
        elif name == b"content_block_start":
            called = called_tool(event_data(event).get("content_block")) if b"tool_use" in event else None
            if called is not None:
                self.called.append(called)
            if b"file_id" in event:
                self.made.take_block(event_data(event).get("content_block"))
        elif name == b"message_delta":
            data = event_data(event)
            usage = data.get("usage")
            self._add_usage(usage)
            if isinstance(usage, dict) and usage.get("output_tokens") is not None:
                self.said_usage = True
            delta = data.get("delta")
            if isinstance(delta, dict):
                self.stop_reason = _text(delta.get("stop_reason"))
                self.made.take_container(delta.get("container"))
        elif name == b"message_stop":
            self.completed = True
        elif name == b"error":
            error = event_data(event).get("error")
            self.error = error if isinstance(error, dict) else {"type": "api_error"}

    def _add_usage(self, usage: Any) -> None:
        """Merge usage, which is cumulative in a stream: a later figure replaces an earlier one, unless it
        is lower.
        """
        if isinstance(usage, dict):
            self.usage = _grown(self.usage, usage)


def _grown(before: Any, after: Any) -> Any:
    """Return a part of the usage after a later event; figures never decrease."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {**before, **{key: _grown(before.get(key), value) for key, value in after.items()}}
    if after is None or (isinstance(before, list) and isinstance(after, list) and len(after) < len(before)):
        return before
    if isinstance(before, int) and isinstance(after, int) and not isinstance(after, bool) and after >= 0:
        return max(before, after)
    return after


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def delivered_characters(events: list[bytes]) -> int:
    """Return the characters of text, thinking and tool input in the deltas of these events."""
    count = 0
    for event in events:
        if event_name(event) != b"content_block_delta":
            continue
        delta = event_data(event).get("delta")
        if isinstance(delta, dict):
            count += sum(
                len(delta[key])
                for key in ("text", "thinking", "partial_json")
                if isinstance(delta.get(key), str)
            )
    return count
