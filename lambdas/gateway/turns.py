"""Turns at CPU-bound work: one caller's heavy requests wait for each other, not the others for them
(L1.11).

Python runs one thread at a time, so concurrent heavy work gains nothing and delays everybody. It is done in
turn instead: among those waiting, the caller who had least so far comes first, and among equals the
smallest request. Nobody waits for more than the one piece of work in progress and for callers who had less.
"""

import asyncio
import heapq
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from lambdas.gateway import errors
from lambdas.gateway.errors import ApiError

# inspecting, or only reading, a body of this size takes about one thread switch interval
LIGHT_BYTES = 16 * 1024
LIGHT_TO_READ_BYTES = 256 * 1024
_MOST_WAITING = 16  # of one caller
_MOST_WAITING_BYTES = 256 << 20  # of all callers, whose bodies are in memory
_MOST_CALLERS = 10_000
_PATIENCE_SECONDS = 60.0

Result = TypeVar("Result")


class Turns:
    """`slots` concurrent turns, at most one per caller. For one event loop."""

    def __init__(self, slots: int = 1) -> None:
        self._free = slots
        self._queue: list[tuple[int, int, int, str, asyncio.Future[None]]] = []
        self._had: OrderedDict[str, int] = OrderedDict()  # by caller: up to where its share is used
        self._now = 0  # share that the last one served had used before
        self._numbers = 0
        self._waiting: Counter[str] = Counter()
        self._waiting_bytes = 0
        self._at_work: set[str] = set()

    @asynccontextmanager
    async def turn(self, caller: str, size: int) -> AsyncIterator[None]:
        """Take a turn for work on `size` bytes.

        Raises `ApiError` 429 if too many of the caller's requests wait, 503 if too much waits or the turn
        does not come in time; both may be retried.
        """
        if self._waiting[caller] >= _MOST_WAITING:
            raise ApiError(
                429,
                errors.RATE_LIMIT,
                f"{_MOST_WAITING} of your large requests wait for their inspection already; "
                "send the next when one of them is answered.",
                reason="caller_concurrency",
                headers=((b"retry-after", b"5"),),
            )
        if self._waiting_bytes + size > _MOST_WAITING_BYTES:
            raise errors.control_busy("inspection")
        await self._wait(caller, size)
        try:
            yield
        finally:
            self._free += 1
            self._at_work.discard(caller)
            self._next()

    async def run(
        self,
        caller: str,
        size: int,
        work: Callable[..., Result],
        *arguments: object,
        light: int = LIGHT_BYTES,
    ) -> Result:
        """Return the result of `work`: done at once for up to `light` bytes, otherwise in a thread when its
        turn comes.

        Raises as `turn` and `work` do.
        """
        if size <= light:
            return work(*arguments)
        async with self.turn(caller, size):
            return await asyncio.to_thread(work, *arguments)

    async def _wait(self, caller: str, size: int) -> None:
        start = max(self._now, self._had.get(caller, 0))
        share = start + size
        self._had[caller] = share
        self._had.move_to_end(caller)
        while len(self._had) > _MOST_CALLERS:
            self._had.popitem(last=False)
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._numbers += 1
        heapq.heappush(self._queue, (share, self._numbers, start, caller, came))
        self._waiting[caller] += 1
        self._waiting_bytes += size
        try:
            self._next()
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.shield(came)
        except BaseException as error:
            if came.done():  # the turn came as its caller gave up
                self._free += 1
                self._at_work.discard(caller)
            came.cancel()
            self._next()
            if isinstance(error, TimeoutError):
                raise errors.control_busy("inspection") from None
            raise
        finally:
            self._waiting -= Counter({caller: 1})
            self._waiting_bytes -= size

    def _next(self) -> None:
        """Start the next ones whose callers have none in progress."""
        passed: list[tuple[int, int, int, str, asyncio.Future[None]]] = []
        while self._free and self._queue:
            entry = heapq.heappop(self._queue)
            _, _, start, caller, came = entry
            if came.done():
                continue
            if caller in self._at_work:
                passed.append(entry)
                continue
            self._now = max(self._now, start)
            self._free -= 1
            self._at_work.add(caller)
            came.set_result(None)
        for entry in passed:
            heapq.heappush(self._queue, entry)
