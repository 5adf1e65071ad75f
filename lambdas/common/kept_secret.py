"""A cached secret: read on first use and refreshed periodically, so that a rotation reaches long-lived
processes.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

LIFETIME_SECONDS = 300.0

Secret = TypeVar("Secret")


class KeptSecret(Generic[Secret]):
    """`read` fetches and parses the value, and may block.

    Only the first call waits for it. Later calls return the cached value, which is refreshed in the `pool`.
    If a refresh fails, the old value stays and every call after its lifetime retries.
    """

    def __init__(
        self,
        read: Callable[[], Secret],
        pool: Executor,
        *,
        lifetime_seconds: float = LIFETIME_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._read = read
        self._pool = pool
        self._lifetime = lifetime_seconds
        self._clock = clock
        self._kept: tuple[Secret, float] | None = None
        self._reading = Lock()

    def __call__(self) -> Secret:
        """Return the value. The first call raises what `read` raises."""
        if self._kept is None:
            self._kept = (self._read(), self._clock())
        value, read_at = self._kept
        if self._clock() - read_at > self._lifetime and self._reading.acquire(blocking=False):
            self._pool.submit(self._refresh)
        return value

    def _refresh(self) -> None:
        try:
            self._kept = (self._read(), self._clock())
        finally:
            self._reading.release()
