"""The client's dictionary of protected terms, polled while the gateway runs (L2.3, G.1).

The gateway policy contains the hash of the approved dictionary; the document is in the governance bucket
under a key with that hash. Publishing terms therefore changes nothing until somebody approves them, and a
document is used only if it has the approved hash. It is compiled once, in a thread. If it cannot be read or
differs, the last valid one stays in force for five minutes; then nothing passes: without its dictionary the
inspection would let through what the client protects.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from time import monotonic

from lambdas.common.policy import ApprovedDictionary
from lambdas.inspection import EMPTY, Dictionary, DictionaryError, parse_dictionary

RETRY_SECONDS = 15.0
LAST_GOOD_SECONDS = 300.0


class DictionaryUnavailable(Exception):
    """No usable dictionary: none was read, or the last valid one is too old."""


class DictionaryWatch:
    """The dictionary in force. Its reports identify entries by place and id, never by term.

    `approved` returns the current policy's approval; `read` the bytes of an object of the governance
    bucket.
    """

    def __init__(
        self,
        approved: Callable[[], ApprovedDictionary | None],
        read: Callable[[str], Awaitable[bytes]],
        *,
        retry_seconds: float = RETRY_SECONDS,
        last_good_seconds: float = LAST_GOOD_SECONDS,
        clock: Callable[[], float] = monotonic,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._approved = approved
        self._read = read
        self._retry_seconds = retry_seconds
        self._last_good_seconds = last_good_seconds
        self._clock = clock
        self._report = report
        self._lock = asyncio.Lock()
        self._dictionary: Dictionary | None = None
        self._sha256 = ""
        self._refused = ""  # approved hash that could not be read, and since when
        self._refused_since = 0.0
        self._tried_at = 0.0

    async def current(self) -> Dictionary:
        """Return the dictionary in force. Raises `DictionaryUnavailable`, and whatever `approved` raises."""
        approved = self._approved()
        if approved is None:
            return EMPTY
        if self._is_due(approved):
            async with self._lock:
                # of concurrent calls that notice, one reads
                if self._is_due(approved):
                    await self._load(approved)
        if self._dictionary is None:
            raise DictionaryUnavailable("the approved dictionary was not read")
        late = self._clock() - self._refused_since > self._last_good_seconds
        if self._sha256 != approved.sha256 and late:
            raise DictionaryUnavailable("the approved dictionary could not be read for too long")
        return self._dictionary

    def _is_due(self, approved: ApprovedDictionary) -> bool:
        if self._sha256 == approved.sha256:
            return False
        return self._refused != approved.sha256 or self._clock() - self._tried_at >= self._retry_seconds

    async def _load(self, approved: ApprovedDictionary) -> None:
        try:
            document = await self._read(approved.object_key)
            if hashlib.sha256(document).hexdigest() != approved.sha256:
                raise DictionaryError("it is not the one that was approved")
            self._dictionary = await asyncio.to_thread(parse_dictionary, document)
        except DictionaryError as error:
            self._refuse(approved, f"refused: {error}")
        except Exception as error:  # whatever the store raises: the last valid one applies until it expires
            self._refuse(approved, f"not read: {type(error).__name__}")
        else:
            self._sha256, self._refused = approved.sha256, ""

    def _refuse(self, approved: ApprovedDictionary, why: str) -> None:
        now = self._clock()
        if not self._refused:
            self._refused_since = now
        self._refused, self._tried_at = approved.sha256, now
        self._report(f"dictionary version {approved.version} {why}")
