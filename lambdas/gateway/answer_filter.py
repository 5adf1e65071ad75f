"""The port through which answers are filtered before they reach the caller, whole or by event (L2.4)."""

from typing import Any, Protocol


class AnswerFilter(Protocol):
    """Filters one answer. Thinking and signatures pass untouched, or the conversation would break."""

    def event(self, event: bytes) -> list[bytes]:
        """The events that may leave now that `event` has come; what must wait for more text comes later."""
        ...

    def whole(self, body: bytes) -> bytes:
        """A whole Message, filtered; the very same bytes when there was nothing to remove."""
        ...

    def decisions(self) -> list[dict[str, Any]]:
        """What was removed, by kind and number, never the text; for the record."""
        ...
