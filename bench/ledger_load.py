"""The kit's own ledger over a DynamoDB with transaction conflicts, in virtual time: calls per second that
it sustains, time that a call waits for it, and write units. The model's assumptions are in
tests/support/conflicting_dynamodb.py.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from lambdas.common.identities import Principal
from lambdas.common.ledger import Ask, Ledger, LedgerUnavailable, Refused, Switch, Switches
from lambdas.common.ledger.counters import COMMITTED
from lambdas.common.ledger.dynamo_store import DynamoStore
from lambdas.common.policy import Department, Organization
from tests.support.conflicting_dynamodb import Hazards
from tests.support.virtual_dynamodb import VirtualDynamo, run_virtually

START = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
MONTH = "2026-11"
AMPLE = 10**15
RESERVED, TRUE_COST, STEP = 30_000, 9_000, 8_000


@dataclass(frozen=True)
class Load:
    """Calls per second over departments and callers, and faults to inject. `budget` is the organisation's."""

    name: str
    rate: float
    departments: int = 1
    callers: int = 5_000
    shards: int = 16
    seconds: float = 10.0
    call_seconds: tuple[float, float] = (2.0, 10.0)
    steps: bool = True  # streams: the true input is known after a second, and some need one more step
    crashes: float = 0.0
    failed: float = 0.0
    lost: float = 0.0
    budget: int = AMPLE
    hold_seconds: tuple[float, float] = (0.010, 0.025)


@dataclass
class Seen:
    """The results of a load."""

    ended: Counter[str] = field(default_factory=Counter)
    reserve: list[float] = field(default_factory=list)
    refuse: list[float] = field(default_factory=list)
    settle: list[float] = field(default_factory=list)
    spent: int = 0
    held: int = 0
    most: int = 0  # the maximum spent and held together, as the callers know it
    committed_most: int = 0
    committed: int = 0
    write_units: int = 0
    read_units: int = 0
    hottest: int = 0
    hazards: Counter[str] = field(default_factory=Counter)

    @property
    def calls(self) -> int:
        return sum(self.ended.values())

    def ms(self, values: list[float], share: float) -> float:
        ordered = sorted(values)
        return round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) if ordered else 0.0


def department(number: int) -> Department:
    """Return a department without effective limits."""
    return Department(
        id=f"d{number}", cost_center="CC", data_classes=("public",), models=("fast",),
        monthly_budget_microusd=AMPLE, user_monthly_budget_microusd=AMPLE,
        requests_per_minute=AMPLE, tokens_per_minute=AMPLE,
        user_requests_per_minute=AMPLE, user_tokens_per_minute=AMPLE,
        findings={}, redact_output=True, registered_prompts_only=False, human_review=(),
    )  # fmt: skip


def measure(load: Load, seed: int = 7) -> Seen:
    """Run a load."""
    return run_virtually(lambda: Run(load, seed).run())


class Run:
    """One run of a load, with its ledger and DynamoDB."""

    def __init__(self, load: Load, seed: int) -> None:
        self.load = load
        self.chance = random.Random(seed)
        random.seed(seed)  # the ledger's own choice of shards
        hazards = Hazards(random.Random(seed + 1), load.hold_seconds, load.failed, load.lost)
        self.dynamo = VirtualDynamo(hazards)
        store = DynamoStore(self.dynamo, ledger_table="ledger", access_table="access", pool=None)
        self.ledger = Ledger(store, clock=self.now)
        self.organization = Organization(
            monthly_budget_microusd=load.budget, budget_model="per-call", budget_shards=load.shards
        )
        self.departments = [department(number) for number in range(load.departments)]
        self.seen = Seen()

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    async def run(self) -> Seen:
        loop, calls = asyncio.get_running_loop(), []
        number = 0
        while loop.time() < self.load.seconds:
            await asyncio.sleep(self.chance.expovariate(self.load.rate))
            number += 1
            calls.append(asyncio.ensure_future(self.call(number)))
        await asyncio.gather(*calls)
        await asyncio.sleep(5)
        seen, hazards = self.seen, self.dynamo.hazards
        seen.committed = self.committed()
        seen.write_units, seen.read_units = hazards.write_units, hazards.read_units
        seen.hottest, seen.hazards = hazards.most_units_of_an_item(), hazards.seen
        return seen

    def committed(self) -> int:
        items = (self.dynamo.items.get(("ledger", f"ORG#{n}", MONTH), {}) for n in range(self.load.shards))
        return sum(int(item.get(COMMITTED, {"N": "0"})["N"]) for item in items)

    def ask(self, request_id: str, of: Department, caller: str) -> Ask:
        """Return a call of an authorized caller."""
        access = f"USER#{caller}"
        self.dynamo.items["access", access, "ACCESS"] = {
            "pk": {"S": access}, "sk": {"S": "ACCESS"}, "active": {"BOOL": True}, "department": {"S": of.id}
        }  # fmt: skip
        principal = Principal("person", caller, of.id, access, "https://login.example.com")
        expires_at = self.now() + timedelta(seconds=960)
        return Ask(request_id, principal, of, self.organization, "model", RESERVED, 3_000, expires_at)

    async def call(self, number: int) -> None:
        seen, loop = self.seen, asyncio.get_running_loop()
        of, who = self.chance.choice(self.departments), self.chance.randrange(self.load.callers)
        ask = self.ask(f"req{number}", of, f"{of.id}-p{who}")
        began = loop.time()
        try:
            granted = await self.ledger.reserve(ask)
        except Refused as refused:
            seen.ended[refused.kind] += 1
            seen.refuse.append(loop.time() - began)
            return
        except LedgerUnavailable:
            seen.ended["unavailable"] += 1
            return
        seen.reserve.append(loop.time() - began)
        held = RESERVED
        self._hold(held)
        if self.load.steps:
            await asyncio.sleep(1.0)
            self._hold(STEP - held)
            held = STEP
            with suppress(LedgerUnavailable):  # then it stays reserved, and is settled at the end
                await self.ledger.reduce(granted, STEP)
            if self.chance.random() < 0.4:
                try:
                    await self.ledger.extend(granted, STEP)
                except (Refused, LedgerUnavailable):
                    seen.ended["cut off"] += 1
                    cost = STEP
                    await self._settled(granted, cost, held)
                    return
                self._hold(STEP)
                held += STEP
        await asyncio.sleep(self.chance.uniform(*self.load.call_seconds))
        cost = min(held, TRUE_COST)
        if self.chance.random() < self.load.crashes:
            seen.ended["died"] += 1
            self._hold(cost - held)
            return
        await self._settled(granted, cost, held)
        seen.ended["ok"] += 1

    async def _settled(self, granted: object, cost: int, held: int) -> None:
        loop = asyncio.get_running_loop()
        self._hold(cost - held)
        began = loop.time()
        for wait in (0.5, 2, 10, 60, None):
            try:
                await self.ledger.settle(granted, cost, 1_000)  # pyright: ignore[reportArgumentType]
                break
            except LedgerUnavailable:
                if wait is None:
                    self.seen.ended["never settled"] += 1
                    break
            await asyncio.sleep(wait)
        self.seen.settle.append(loop.time() - began)

    def _hold(self, microusd: int) -> None:
        """Track what calls hold and have cost, as the callers themselves know it."""
        self.seen.held += microusd
        self.seen.most = max(self.seen.most, self.seen.held)
        self.seen.committed_most = max(self.seen.committed_most, self.committed())


# What the previous ledger did under the same model: two transactions per call over the items that calls
# share (commit 47d2c3a; share of final 503s, milliseconds at p99 of reserve and settle, write units per
# call).
BEFORE: dict[tuple[str, float], str] = {
    ("one department", 25): "1.4 %, 4,844 ms, 4,808 ms, 196 WRU",
    ("one department", 60): "51 %, over 5,000 ms, 664 WRU",
    ("one department", 333): "not able to",
    ("one application key", 25): "14 %",
    ("one application key", 100): "not able to",
    ("one organisation shard", 25): "11 %, 910 ms at 16 calls/s",
    ("200 departments", 400): "3.4 %, 2,300 ms at 300 calls/s",
}

LOADS = (
    Load("one department", 25, seconds=6),
    Load("one department", 60, seconds=6),
    Load("one department", 333, seconds=4),
    Load("one department, whole answers", 333, seconds=4, steps=False),
    Load("one organisation shard", 25, departments=10, shards=1, seconds=6),
    Load("one application key", 25, callers=1, seconds=6),
    Load("one application key", 100, callers=1, seconds=6),
    Load("200 departments", 400, departments=200, seconds=3, callers=500),
    Load("200 departments", 2_000, departments=200, seconds=1.5, callers=500),
    Load("1 in 2,000 dies, 1 % of writes fail", 60, seconds=20, crashes=1 / 2_000, failed=0.007, lost=0.003),
)


def row(load: Load) -> str:
    """A line of the table, as Markdown."""
    seen = measure(load)
    busy = seen.ended["unavailable"] / max(1, seen.calls)
    p50, p99, settled = seen.ms(seen.reserve, 0.5), seen.ms(seen.reserve, 0.99), seen.ms(seen.settle, 0.99)
    units = seen.write_units / max(1, seen.calls)
    before = BEFORE.get((load.name, load.rate), "")
    return (
        f"| {load.name} | {load.rate:,.0f} | {before} | {busy:.2%} | {p50:.0f} and {p99:.0f} "
        f"| {settled:.0f} | {units:.1f} | {seen.hottest} |"
    )


def near_the_ceiling() -> str:
    """How a budget is exhausted while processes die and writes fail."""
    passed = refused = calls = 0
    for seed in range(5):
        budget = 200 * RESERVED
        seen = measure(
            Load("ceiling", 100, callers=50, seconds=8, budget=budget, crashes=1 / 2_000, failed=0.007,
                 lost=0.003, call_seconds=(0.2, 2.0)),
            seed,
        )  # fmt: skip
        passed += seen.most > budget or seen.committed_most > budget
        refused += seen.ended["budget"]
        calls += seen.calls
    return f"{calls:,} calls against a ceiling, {refused:,} refused: passed in {passed} of 5 runs"


class Blocking:
    """An operator's client of the same DynamoDB: its calls block, so they take no virtual time."""

    def __init__(self, dynamo: VirtualDynamo) -> None:
        self._dynamo = dynamo

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Raises ClientError where the modelled DynamoDB does."""
        now = asyncio.get_running_loop().time()
        place = (request["TableName"], request["Key"]["pk"]["S"], request["Key"]["sk"]["S"])
        verdict, _ = self._dynamo.hazards.write(now, [place], transaction=False)
        if verdict in ("", "lost", "failed after"):
            self._dynamo.apply({"Update": request})
        if verdict:
            code = {"conflict": "TransactionConflictException", "throttled": "ThrottlingException"}
            response: Any = {"Error": {"Code": code.get(verdict, "InternalServerError"), "Message": ""}}
            raise ClientError(response, "UpdateItem")
        return {}

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Return the item in botocore's format."""
        place = (request["TableName"], request["Key"]["pk"]["S"], request["Key"]["sk"]["S"])
        item = self._dynamo.items.get(place)
        return {"Item": item} if item else {}


def switched(switch: Switch, attempts: int = 60) -> tuple[int, int]:
    """Turn a switch off and on again under 150 calls per second with 3 % of writes failing; return how
    often that succeeded, and how often the next call was refused because of it.
    """

    async def turned() -> tuple[int, int]:
        seconds = attempts / 2 + 1
        run = Run(Load("traffic", 150, departments=20, seconds=seconds, failed=0.02, lost=0.01), 5)
        switches = Switches(Blocking(run.dynamo), ledger_table="ledger", sleep=lambda _: None)
        traffic = asyncio.ensure_future(run.run())
        await asyncio.sleep(0.2)
        off = refused = 0
        for number in range(attempts):
            off += switches.turn(switch, off=True)
            try:
                await run.ledger.reserve(run.ask(f"probe{number}", run.departments[0], "probe"))
            except Refused as why:
                refused += why.kind == "switch"
            off -= switches.turn(switch, off=False)
            await asyncio.sleep(0.2)
        off -= len(switches.list())
        traffic.cancel()
        await asyncio.gather(traffic, return_exceptions=True)
        return off, refused

    return run_virtually(turned)


def main() -> None:
    """Print the table, old beside new."""
    columns = (
        "load",
        "calls/s",
        "before",
        "busy (503)",
        "reserve p50 and p99 ms",
        "settle p99 ms",
        "WRU a call",
    )
    print(f"| {' | '.join(columns)} | hottest item |")
    print("|---" * 8 + "|")
    for one in LOADS:
        print(row(one), flush=True)
    print(near_the_ceiling(), flush=True)
    for switch in (Switch("organization"), Switch("department", "d0"), Switch("model", "model")):
        off, refused = switched(switch)
        print(f"kill switch {switch}: {off} of 60 at 150 calls/s (before: 8), next call refused: {refused}")


if __name__ == "__main__":
    main()
