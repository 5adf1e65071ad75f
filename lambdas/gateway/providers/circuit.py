"""Circuit breaker for one model of one provider: whatever keeps failing is avoided for a while (L1.8)."""

from collections.abc import Callable, Hashable
from time import monotonic

FAILURES_TO_OPEN = 5
CALLERS_TO_OPEN = 2
OPEN_SECONDS = 10.0


class CircuitBreaker:
    """Closed until `failures_to_open` consecutive calls of `callers_to_open` callers failed; then open for
    `open_seconds`; then one call tries.

    Only the provider's health counts: a failed connection, a missed deadline, a 5xx. One caller's requests
    can make a healthy provider answer with a 5xx, so they never open a circuit for everybody else; a
    connection that could not be established says nothing about a request, and opens it for any caller.
    """

    __slots__ = (
        "_callers",
        "_callers_to_open",
        "_clock",
        "_failures",
        "_failures_to_open",
        "_open_seconds",
        "_opened_at",
        "_trying",
        "_unreachable",
    )

    def __init__(
        self,
        *,
        failures_to_open: int = FAILURES_TO_OPEN,
        callers_to_open: int = CALLERS_TO_OPEN,
        open_seconds: float = OPEN_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._failures_to_open = failures_to_open
        self._callers_to_open = callers_to_open
        self._open_seconds = open_seconds
        self._clock = clock
        self._failures = 0
        self._unreachable = 0
        self._callers: set[Hashable] = set()
        self._opened_at: float | None = None
        self._trying = False

    def allows(self) -> bool:
        """Return whether a call may be sent now. If this permits the one trial call, its result must be
        reported.
        """
        if self._opened_at is None:
            return True
        if self._trying or self._clock() - self._opened_at < self._open_seconds:
            return False
        self._trying = True
        return True

    @property
    def is_open(self) -> bool:
        """Return whether calls are being kept from the provider."""
        return self._opened_at is not None

    def succeeded(self) -> None:
        """Report that the provider answered."""
        self._failures = self._unreachable = 0
        self._callers.clear()
        self._opened_at = None
        self._trying = False

    def failed(self, caller: Hashable, *, unreachable: bool = False) -> None:
        """Report that the provider did not answer `caller`, or answered that it cannot.

        `unreachable`: not even a connection could be established.
        """
        self._failures += 1
        self._unreachable += unreachable
        if len(self._callers) < self._callers_to_open:
            self._callers.add(caller)
        several = len(self._callers) >= self._callers_to_open
        was_open, self._trying = self._opened_at is not None, False
        if was_open or (self._failures if several else self._unreachable) >= self._failures_to_open:
            self._opened_at = self._clock()

    def undecided(self) -> None:
        """Report that the call ended without a result, because the client disconnected."""
        self._trying = False
