"""Whatever happens in whatever order, no ceiling is passed and every micro-dollar is accounted for (L1.5,
L1.6).
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from lambdas.common.ledger import Granted, Refused
from lambdas.common.ledger.counters import REQUESTS as REQUESTS_IN_WINDOW
from lambdas.common.ledger.memory_store import MemoryStore
from lambdas.common.ledger.switches import OFF, Switch
from tests.records.ledger_fixtures import Bench, department, organization, principal

SHARDS = 3
CEILINGS = {"organisation": 10_000, "department": 6_000, "person": 3_000}
REQUESTS, TOKENS = 8, 900  # of a department, a minute
PEOPLE = {"ada": "marketing", "bob": "marketing", "eve": "finance"}


@dataclass
class Call:
    """A call that holds a reservation."""

    granted: Granted
    person: str
    microusd: int
    expires: Any
    swept: bool = False


class LedgerMachine(RuleBasedStateMachine):
    """Calls come, end, die; clocks turn; sweepers run; operators switch."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.bench = Bench(self.store)
        self.open: list[Call] = []
        self.owed = dict.fromkeys(PEOPLE, 0)
        self.off = False
        for name, of in PEOPLE.items():
            asyncio.run(self.bench.grant_access(name, of=of))

    @rule(
        target=calls,
        person=st.sampled_from(sorted(PEOPLE)),
        microusd=st.integers(0, 4_000),
        tokens=st.integers(0, 400),
    )
    def reserve(self, person: str, microusd: int, tokens: int) -> Call | None:
        ask = self.bench.ask(
            microusd,
            tokens,
            principal=principal(person, of=PEOPLE[person]),
            department=department(
                id=PEOPLE[person],
                monthly_budget_microusd=CEILINGS["department"],
                user_monthly_budget_microusd=CEILINGS["person"],
                requests_per_minute=REQUESTS,
                tokens_per_minute=TOKENS,
            ),
            organization=organization(budget=CEILINGS["organisation"], shards=SHARDS),
        )
        before = self._committed("ORG")
        try:
            granted = asyncio.run(self.bench.ledger.reserve(ask))
        except Refused:
            assert self._committed("ORG") == before  # borrowing moves money and makes none
            return None
        assert not self.off
        call = Call(granted, person, microusd, ask.expires_at)
        self.open.append(call)
        self.owed[person] += microusd
        return call

    @rule(call=calls, part=st.integers(0, 100), tokens=st.integers(0, 400))
    def settle(self, call: Call | None, part: int, tokens: int) -> None:
        """Also again, and after the sweep."""
        if call is None:
            return
        cost = call.microusd * part // 100
        asyncio.run(self.bench.ledger.settle(call.granted, cost, tokens))
        if call in self.open:
            self.open.remove(call)
            self.owed[call.person] += cost - call.microusd

    @rule(call=consumes(calls))
    def die(self, call: Call | None) -> None:
        """Nobody settles it any more."""

    @rule(minutes=st.integers(0, 20))
    def turn_the_clock(self, minutes: int) -> None:
        if self.bench.clock.now.day < 28:
            self.bench.clock.turn(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        expired = [
            call for call in self.open if not call.swept and call.expires.timestamp() < self._whole_second()
        ]
        assert sorted(asyncio.run(self.bench.sweep())) == sorted(
            call.granted.handle.reservation.id for call in expired
        )
        for call in expired:
            call.swept = True  # and stays charged

    @rule(off=st.booleans())
    def switch(self, off: bool) -> None:
        self.off = off
        self.store.items[Switch("organization").key] = {OFF: True} if off else {}

    @invariant()
    def every_scope_has_committed_what_its_calls_owe(self) -> None:
        for person in PEOPLE:
            assert self._committed(f"USER#{person}") == self.owed[person]
        for of in set(PEOPLE.values()):
            owed = sum(self.owed[person] for person in PEOPLE if PEOPLE[person] == of)
            assert self._committed(f"DEPT#{of}") == owed
        assert self._committed("ORG") == sum(self.owed.values())

    @invariant()
    def rate_windows_hold(self) -> None:
        for key, item in self.store.items.items():
            if key.pk.startswith("DEPT#"):
                assert item.get(REQUESTS_IN_WINDOW, 0) <= REQUESTS

    @invariant()
    def no_ceiling_is_ever_passed(self) -> None:
        """Not by calls whose processes died, nor by settlements after their sweep."""
        assert self._committed("ORG") <= CEILINGS["organisation"]
        for person in PEOPLE:
            assert self._committed(f"USER#{person}") <= CEILINGS["person"]
        for of in set(PEOPLE.values()):
            assert self._committed(f"DEPT#{of}") <= CEILINGS["department"]

    def _committed(self, scope: str) -> int:
        return asyncio.run(self.bench.committed(scope, shards=SHARDS))

    def _whole_second(self) -> float:
        return float(int(self.bench.clock.now.timestamp()))


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
