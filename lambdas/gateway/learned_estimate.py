"""What of a caller's input counts towards its rates, learned from what the provider counted (L1.11).

How many bytes a token has depends on language and content, and what is read from the provider's cache counts
nothing: of a coding agent's hundred thousand tokens a turn a few thousand remain. An estimate without that
takes the window away from parallel calls of the same caller until their answers correct it. Each process
learns for itself; for a caller that is unknown, or a small request, the estimate holds.
"""

from collections import OrderedDict

LEAST_TOKENS = 2_000  # below, an estimate is off by what comes with every request
_LEAST, _MOST = 0.2, 2.0  # a cache may be cold at the next turn
_FALLING = 0.25  # of the difference at each call; a rise is taken whole
_MOST_CALLERS = 50_000
Caller = tuple[str, str]  # who, and as which kind of caller


class CountedShares:
    """By caller: tokens that counted, for each token that was estimated."""

    def __init__(self) -> None:
        self._shares: OrderedDict[Caller, float] = OrderedDict()

    def corrected(self, caller: Caller, estimate: int) -> int:
        """The tokens of a request's input that will probably count."""
        if estimate < LEAST_TOKENS:
            return estimate
        return max(LEAST_TOKENS // 2, round(estimate * self._shares.get(caller, 1.0)))

    def learn(self, caller: Caller, estimate: int, counted: int) -> None:
        """Take in that of an estimate so many tokens counted."""
        if estimate < LEAST_TOKENS:
            return
        seen = min(_MOST, max(_LEAST, counted / estimate))
        before = self._shares.get(caller, 1.0)
        self._shares[caller] = seen if seen > before else before + _FALLING * (seen - before)
        self._shares.move_to_end(caller)
        if len(self._shares) > _MOST_CALLERS:
            self._shares.popitem(last=False)
