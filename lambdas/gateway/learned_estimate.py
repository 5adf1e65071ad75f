"""Learned share of a caller's input that counts towards its rates, from the provider's own counts (L1.11).

Bytes per token depend on language and content, and reads from the provider's cache do not count: of a
coding agent's hundred thousand tokens per turn a few thousand remain. An estimate that ignores this takes
the window away from parallel calls of the same caller until their answers correct it. Each process learns
for itself; for an unknown caller, or a small request, the estimate applies.
"""

from collections import OrderedDict

LEAST_TOKENS = 2_000  # below this, the error is what every request adds
_LEAST, _MOST = 0.2, 2.0  # a cache may be cold at the next turn
_FALLING = 0.25  # of the difference per call; a rise is adopted at once
_MOST_CALLERS = 50_000
Caller = tuple[str, str]  # who, and as which kind of caller


class CountedShares:
    """Counted tokens per estimated token, by caller."""

    def __init__(self) -> None:
        self._shares: OrderedDict[Caller, float] = OrderedDict()

    def corrected(self, caller: Caller, estimate: int) -> int:
        """Return the input tokens of a request that will probably count."""
        if estimate < LEAST_TOKENS:
            return estimate
        return max(LEAST_TOKENS // 2, round(estimate * self._shares.get(caller, 1.0)))

    def learn(self, caller: Caller, estimate: int, counted: int) -> None:
        """Note how many tokens counted of an estimate."""
        if estimate < LEAST_TOKENS:
            return
        seen = min(_MOST, max(_LEAST, counted / estimate))
        before = self._shares.get(caller, 1.0)
        self._shares[caller] = seen if seen > before else before + _FALLING * (seen - before)
        self._shares.move_to_end(caller)
        if len(self._shares) > _MOST_CALLERS:
            self._shares.popitem(last=False)
