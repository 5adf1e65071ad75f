"""A circuit breaker per provider: a provider that keeps failing is left alone for a while (L1.8)."""

from collections.abc import Callable
from time import monotonic

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 10.0


class CircuitBreaker:
    """Closed, until `failures_to_open` calls in a row failed; then open for `open_seconds`; then one call
    tries.

    Only what speaks of the provider's health counts: a connection that fails, a missed deadline, a 5xx.
    """

    __slots__ = ("_clock", "_failures", "_failures_to_open", "_open_seconds", "_opened_at", "_trying")

    def __init__(
        self,
        *,
        failures_to_open: int = FAILURES_TO_OPEN,
        open_seconds: float = OPEN_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._failures_to_open = failures_to_open
        self._open_seconds = open_seconds
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._trying = False

    def allows(self) -> bool:
        """Whether a call may be sent now. When this lets the one trial call pass, its result must be
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
        """Whether calls are being kept from the provider."""
        return self._opened_at is not None

    def succeeded(self) -> None:
        """The provider answered."""
        self._failures = 0
        self._opened_at = None
        self._trying = False

    def failed(self) -> None:
        """The provider did not answer, or answered that it cannot."""
        self._failures += 1
        self._trying = False
        if self._failures >= self._failures_to_open:
            self._opened_at = self._clock()

    def undecided(self) -> None:
        """The call ended before it could show anything (the client left)."""
        self._trying = False
