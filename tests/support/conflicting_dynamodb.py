"""A DynamoDB that conflicts, throttles, fails and loses answers, as the real one does under load.

What is modelled, and from where:
* a transaction holds its items while it runs; another transaction on one of them is cancelled with
  TransactionConflict, a single write of one is refused with TransactionConflictException (AWS:
  "TransactWriteItems" and "Read isolation"); how long it holds is an assumption, 10 to 25 ms unless told
  otherwise;
* a transaction costs two write units for each item, a single write one, a failed condition too;
* an item takes 1,000 write units and 3,000 read units a second; writes queue, and are throttled when the
queue is
  longer than a tenth of a second;
* now and then a request fails with a 500, before or after it took effect, or its answer is lost.

`Hazards` decides, whatever the clock; `VirtualDynamo` is a client on the event loop's own (virtual) time,
over items in memory; `ConflictingProxy` stands before an emulated AWS, in real time.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Where = tuple[str, str, str]  # table, pk, sk
Verdict = Literal["", "conflict", "throttled", "failed before", "failed after", "lost"]
_LONGEST_QUEUE_SECONDS = 0.1
_WRITE_SECONDS = 1 / 1_000
_READ_SECONDS = 1 / 3_000


@dataclass
class Hazards:
    """What may happen to a request at a time, decided by `chance` alone: the same seed, the same run."""

    chance: random.Random
    hold_seconds: tuple[float, float] = (0.010, 0.025)
    failed: float = 0.0  # share of writes that end with a 500, half of them after they took effect
    lost: float = 0.0  # share of writes whose answer never comes
    write_units: int = 0
    read_units: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    hottest: Counter[tuple[Where, int]] = field(default_factory=Counter)
    _held_until: dict[Where, float] = field(default_factory=dict)
    _busy_until: dict[Where, float] = field(default_factory=dict)
    _read_until: dict[Where, float] = field(default_factory=dict)

    def write(self, now: float, items: Sequence[Where], *, transaction: bool) -> tuple[Verdict, float]:
        """What becomes of a write that arrives now, and after how many seconds."""
        units = 2 * len(items) if transaction else 1
        self.write_units += units
        for item in items:
            self.hottest[item, int(now)] += 2 if transaction else 1
        verdict, seconds = self._write(now, items, transaction)
        self.seen[verdict] += 1
        return verdict, seconds

    def _write(self, now: float, items: Sequence[Where], transaction: bool) -> tuple[Verdict, float]:
        hold = self.chance.uniform(*self.hold_seconds) if transaction else 0.0
        if any(self._held_until.get(item, 0.0) > now for item in items):
            if transaction:  # what it had prepared already is held for a while, too
                for item in items:
                    if self._held_until.get(item, 0.0) <= now:
                        self._held_until[item] = now + hold / 2
            return "conflict", hold / 2
        ready = max([now, *(self._busy_until.get(item, 0.0) for item in items)])
        if ready - now > _LONGEST_QUEUE_SECONDS:
            return "throttled", 0.001
        for item in items:
            self._busy_until[item] = ready + _WRITE_SECONDS * (2 if transaction else 1)
            if transaction:
                self._held_until[item] = ready + hold
        seconds = ready - now + _WRITE_SECONDS + hold
        dice = self.chance.random()
        if dice < self.failed:
            return ("failed before" if dice < self.failed / 2 else "failed after"), seconds
        return ("lost" if dice < self.failed + self.lost else ""), seconds

    def read(self, now: float, items: Iterable[Where]) -> tuple[Verdict, float]:
        """What becomes of a strongly consistent read."""
        longest = 0.0
        for item in items:
            self.read_units += 1
            ready = max(now, self._read_until.get(item, 0.0))
            if ready - now > _LONGEST_QUEUE_SECONDS:
                self.seen["read throttled"] += 1
                return "throttled", 0.001
            self._read_until[item] = ready + _READ_SECONDS
            longest = max(longest, ready - now + _READ_SECONDS)
        return "", longest

    def most_units_of_an_item(self) -> int:
        """The most write units that one item saw in a second."""
        return max(self.hottest.values(), default=0)
