"""Load in the shape of people, in virtual time, on the defaults of size `medium` (L1.5, L1.11).

The real ledger over items in memory and a clock that is turned from event to event: ten minutes of two
hundred coding agents take seconds, and nothing depends on how fast this machine is.
"""

import asyncio
import heapq
import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from contract.sizes import sizing
from lambdas.common.identities import Principal
from lambdas.common.ids import new_id
from lambdas.common.ledger import Ask, Ledger, Refused
from lambdas.common.ledger.items import Key
from lambdas.common.ledger.memory_store import MemoryStore
from tests.records.ledger_fixtures import START, TurnableClock, department, organization

MINUTES, AGENTS = 10, 200
LIMITS, BUDGETS = sizing("medium").limits, sizing("medium").budgets


@dataclass
class Caller:
    """One caller, and what became of its calls. `spent` counts tokens by the minute in which they count."""

    name: str
    context: int
    limits: dict[str, int]
    wait: tuple[float, float]  # seconds between an answer and the next call
    lasts: tuple[float, float]  # seconds that a call takes
    new_tokens: tuple[int, int]  # input that no cache holds
    kind: str = "person"
    refused: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    spent: Counter[int] = field(default_factory=Counter)
    first_refusal: float | None = None


@dataclass
class Office:
    """Everybody, and the ledger that they share."""

    callers: list[Caller]
    clock: TurnableClock = field(default_factory=TurnableClock)
    store: MemoryStore = field(default_factory=MemoryStore)
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    async def work(self) -> None:
        """Until the minutes are over: each caller asks, waits for its answer, thinks, asks again."""
        ledger = Ledger(self.store, clock=self.clock)
        for caller in self.callers:
            key = Key("access", self._principal(caller).access_key, "ACCESS")
            self.store.items[key] = {"active": True, "department": "marketing"}
        order = itertools.count()
        events: list[Any] = [(self.dice.uniform(0, 30), next(order), one, None, 0) for one in self.callers]
        heapq.heapify(events)
        while events:
            at, _, caller, granted, tokens = heapq.heappop(events)
            if at > MINUTES * 60:
                break
            self.clock.now = START + timedelta(seconds=at)
            if granted is not None:
                await ledger.settle(granted, 20_000, tokens)
                caller.spent[self.clock.now.minute] += tokens
                heapq.heappush(events, (at + self.dice.uniform(*caller.wait), next(order), caller, None, 0))
                continue
            try:
                granted = await ledger.reserve(self._ask(caller))
            except Refused as refused:
                caller.refused[refused.kind] += 1
                caller.first_refusal = caller.first_refusal if caller.first_refusal is not None else at
                heapq.heappush(events, (at + self.dice.uniform(*caller.wait), next(order), caller, None, 0))
                continue
            caller.calls += 1
            used = self.dice.randint(*caller.new_tokens) + self.dice.randint(200, 1_500)
            ends = at + self.dice.uniform(*caller.lasts)
            heapq.heappush(events, (ends, next(order), caller, granted, used))

    def _principal(self, caller: Caller) -> Principal:
        kind = "application" if caller.kind == "application" else "person"
        key = f"{'KEY' if kind == 'application' else 'USER'}#{caller.name}"
        return Principal(kind, caller.name, "marketing", key, "https://login.example.com")

    def _ask(self, caller: Caller) -> Ask:
        return Ask(
            reservation_id=new_id("req_"),
            principal=self._principal(caller),
            department=department(
                monthly_budget_microusd=BUDGETS.department_microusd,
                user_monthly_budget_microusd=BUDGETS.user_microusd,
                requests_per_minute=LIMITS.department_requests_per_minute,
                tokens_per_minute=LIMITS.department_tokens_per_minute,
                **caller.limits,
            ),
            organization=organization(budget=BUDGETS.organization_microusd),
            model="claude-sonnet-5-5",
            microusd=60_000,
            tokens=caller.context,
            expires_at=self.clock.now + timedelta(minutes=16),
        )


def _agents() -> Iterator[Caller]:
    """Contexts of 20,000 to 60,000 tokens, most of them cached; a few calls a minute each."""
    limits = {
        "user_requests_per_minute": LIMITS.agent_requests_per_minute,
        "user_tokens_per_minute": LIMITS.agent_tokens_per_minute,
    }
    for number in range(AGENTS):
        context = 20_000 + number * 200
        yield Caller(f"agent{number}", context, limits, (1, 12), (6, 25), (500, 4_000))


def _key_in_a_loop() -> Caller:
    limits = {
        "user_requests_per_minute": LIMITS.application_requests_per_minute,
        "user_tokens_per_minute": LIMITS.application_tokens_per_minute,
    }
    return Caller("loop", 30_000, limits, (0.01, 0.05), (0.02, 0.1), (30_000, 30_000), "application")


@pytest.fixture(scope="module")
def office() -> Office:
    """Ten minutes of everybody at once, one of them over its budget from the beginning."""
    made = Office([*_agents(), _key_in_a_loop()])
    over = Key("ledger", "USER#agent0", f"{START:%Y-%m}")
    made.store.items[over] = {"committed_microusd": BUDGETS.user_microusd - 30_000}
    asyncio.run(made.work())
    return made


def test_no_coding_agent_is_refused_for_its_rate(office: Office) -> None:
    agents = office.callers[:AGENTS]
    assert sum(one.calls for one in agents) > AGENTS * 15
    assert sum(one.refused["rate"] for one in agents) == 0


def test_only_who_is_over_its_budget_is_refused_for_it(office: Office) -> None:
    assert [one.name for one in office.callers[:AGENTS] if one.refused["budget"]] == ["agent0"]


def test_a_key_in_a_loop_is_stopped_within_a_minute_and_takes_a_fifth_at_most(office: Office) -> None:
    loop = office.callers[-1]
    assert loop.first_refusal is not None
    assert loop.first_refusal < 60 + 30
    assert loop.refused["rate"] > 0
    fifth = LIMITS.department_tokens_per_minute // 5
    one_call = 31_500  # under way when the window was full
    assert max(loop.spent.values()) <= fifth + LIMITS.application_concurrent_calls * one_call
