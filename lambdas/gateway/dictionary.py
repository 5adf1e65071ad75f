"""The client's dictionary of protected terms, followed while the gateway runs (L2.3, G.1).

Looked at again when it was last confirmed more than 15 seconds ago, by the call that notices; compiled once a
version in a thread. A version that cannot be read or is wrong leaves the last good one in force for five
minutes; then nothing passes: without its dictionary the inspection would let through what the client
protects.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from lambdas.common.documents import DocumentSource
from lambdas.inspection import Dictionary, DictionaryError, parse_dictionary

POLL_SECONDS = 15.0
LAST_GOOD_SECONDS = 300.0


class DictionaryUnavailable(Exception):
    """There is no dictionary that may be used: none was read, or the last good one is too old."""


class DictionaryWatch:
    """The current dictionary. What it reports names entries by place and id, never a term."""

    def __init__(
        self,
        source: DocumentSource,
        *,
        poll_seconds: float = POLL_SECONDS,
        last_good_seconds: float = LAST_GOOD_SECONDS,
        clock: Callable[[], float] = monotonic,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._source = source
        self._poll_seconds = poll_seconds
        self._last_good_seconds = last_good_seconds
        self._clock = clock
        self._report = report
        self._lock = asyncio.Lock()
        self._dictionary: Dictionary | None = None
        self._etag: str | None = None
        self._looked_at: float | None = None
        self._confirmed_at = 0.0

    async def current(self) -> Dictionary:
        """The dictionary in force. Raises `DictionaryUnavailable`."""
        if self._is_due():
            async with self._lock:
                # of the calls that noticed together, one looks
                if self._is_due():
                    await self._look()
        if self._dictionary is None:
            raise DictionaryUnavailable("no dictionary has been read yet")
        if self._clock() - self._confirmed_at > self._last_good_seconds:
            raise DictionaryUnavailable("the dictionary could not be confirmed for too long")
        return self._dictionary

    def _is_due(self) -> bool:
        return self._looked_at is None or self._clock() - self._looked_at >= self._poll_seconds

    async def _look(self) -> None:
        try:
            document = await self._source.fetch(self._etag)
            if document is not None:
                self._dictionary = await asyncio.to_thread(parse_dictionary, document.body)
                self._etag = document.etag
            self._confirmed_at = self._clock()
        except DictionaryError as error:
            self._report(f"dictionary refused: {error}")
        except Exception as error:  # whatever the store raises: the last good one stands, and time runs
            self._report(f"dictionary not read: {type(error).__name__}")
        self._looked_at = self._clock()
