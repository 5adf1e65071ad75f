"""Interface of the filter that answers pass before they reach the caller, whole or event by event (L2.4)."""

from typing import Any, Protocol


class AnswerFilter(Protocol):
    """Filters one answer. Thinking and signatures pass unchanged, or the conversation would break."""

    def event(self, event: bytes) -> list[bytes]:
        """Return the events that can be released now that `event` has arrived; the rest follows with later
        text.
        """
        ...

    def whole(self, body: bytes) -> bytes:
        """Return a whole Message, filtered; the identical bytes if there was nothing to remove."""
        ...

    def decisions(self) -> list[dict[str, Any]]:
        """Return what was removed, by kind and number without the text, for the record."""
        ...
