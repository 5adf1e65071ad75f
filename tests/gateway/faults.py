"""Thousands of calls while everything fails, for a test and a benchmark.

The stores outlive the gateway, which is killed now and then: from that moment nothing that it does reaches a
store or a client. A ledger or an audit store that fails does so before or after having taken effect.
"""

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.common.clock import utc_now
from lambdas.common.ledger import Ledger, LedgerUnsure
from lambdas.common.ledger.counters import COMMITTED, UNCERTAIN
from lambdas.common.ledger.items import Operation
from lambdas.common.ledger.memory_store import MemoryStore
from lambdas.gateway.app import create_app
from lambdas.sweeper.handler import sweep
from tests.records.ledger_fixtures import TurnableClock

from .harness import KEY, Harness, MemoryDocument, chat, policy_document, read_settings
from .stores import MemoryAudit, RefusingLedger
from .upstream import BREAK, FakeUpstream, Received, Reply, json_reply, message, stream_events, stream_reply

AT_ONCE = 24
KILL_EVERY = 500


class StoreFailed(Exception):
    """The store did not answer."""


@dataclass
class Chance:
    """Whether this gateway lives, and what fails next."""

    random: random.Random
    alive: bool = True

    async def before(self, share: float) -> None:
        await asyncio.sleep(0)
        if not self.alive or self.random.random() < share:
            raise StoreFailed

    async def after(self, share: float) -> None:
        await self.before(share)


class FlakyStore:
    """Items that outlive every gateway, behind a door that sometimes fails."""

    def __init__(self, items: MemoryStore, chance: Chance) -> None:
        self._items = items
        self._chance = chance

    async def apply(self, operation: Operation) -> None:
        """One in a hundred fails before it takes effect, one in two hundred after: nobody is told which."""
        try:
            await self._chance.before(0.01)
            await self._items.apply(operation)
            await self._chance.after(0.005)
        except StoreFailed:
            raise LedgerUnsure from None

    async def transact(self, operations: Sequence[Operation]) -> None:
        await self._chance.before(0.02)
        await self._items.transact(operations)
        await self._chance.after(0.01)

    async def get(self, keys: Any, *, consistent: bool = True) -> Any:
        await self._chance.before(0.01)
        return await self._items.get(keys, consistent=consistent)

    async def under(self, table: str, pk: str, **bounds: Any) -> Any:
        return await self._items.under(table, pk, **bounds)


class FlakyAudit(MemoryAudit):
    """Records that outlive every gateway, behind a door that sometimes fails."""

    def __init__(self, kept: MemoryAudit, chance: Chance) -> None:
        super().__init__()
        self._kept = kept
        self._chance = chance
        self.unsure: set[tuple[str, str]] = set()

    async def append(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> None:
        try:
            await self._chance.before(0.02)
            await self._kept.append(record, bodies=bodies)
            await self._chance.after(0.01)
        except StoreFailed:
            if self._chance.alive:
                self.unsure.add((record["kind"], record["request_id"]))
            raise


@dataclass
class Seen:
    """What one client saw."""

    marker: str
    stream: bool
    status: int = 0
    request_id: str = ""
    body: bytes = b""
    ended: bool = False

    @property
    def served(self) -> bool:
        """Whether it has a whole answer in its hands."""
        if self.status != 200:
            return False
        return b"event: message_stop" in self.body if self.stream else self.ended


@dataclass
class World:
    """Everything that outlives a gateway."""

    upstream: FakeUpstream
    chance: random.Random
    clock: TurnableClock = field(default_factory=lambda: TurnableClock(utc_now()))
    items: MemoryStore = field(default_factory=MemoryStore)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    unsure: set[tuple[str, str]] = field(default_factory=set)
    unrecorded_calls: list[str] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def script(self, received: Received) -> Reply:
        """A provider that fails in every way there is. Checks first that it was not called in secret."""
        marker = re.search(rb"call-\d+", received.body)
        assert marker is not None
        intents = (one for one in self.audit.records if one["kind"] == "intent")
        if not any(marker.group() + b"." in one["bodies"]["request"] for one in intents):
            self.unrecorded_calls.append(marker.group().decode())
        stream = received.json().get("stream")
        events = stream_events(["Hel", "lo ", "there"])
        match self.chance.randrange(12):
            case 0:
                return Reply(parts=[BREAK])
            case 1:
                return json_reply({"type": "error", "error": {"type": "api_error", "message": "x"}}, 500)
            case 2:
                return json_reply({"type": "error", "error": {"type": "invalid_request_error"}}, 400)
            case 3 if stream:
                return stream_reply([*events[: self.chance.randrange(1, 8)], BREAK])
            case 4 if stream:
                return stream_reply(events[: self.chance.randrange(1, 8)])
            case 5 if stream:
                return stream_reply([*events[:3], 0.003, *events[3:], BREAK])
            case 3:
                whole = json.dumps(message()).encode()
                return Reply(200, [("content-type", "application/json")], [whole[:40], BREAK], chunked=True)
            case _ if stream:
                return stream_reply([*events[:4], 0.002, *events[4:]])
            case _:
                return json_reply(message())

    def gateway(self, number: int) -> tuple[Any, Chance, FlakyAudit]:
        """A new gateway on the same stores."""
        harness = Harness(
            [self.upstream],
            read_settings({}),
            MemoryDocument(policy_document([self.upstream.url])),
            log=self.lines,
        )
        chance = Chance(random.Random(number))
        audit = FlakyAudit(self.audit, chance)
        store: Any = FlakyStore(self.items, chance)
        ledger = RefusingLedger()
        ledger.__dict__.update(Ledger(store, clock=self.clock).__dict__)
        harness.ledger, harness.audit = ledger, audit
        for principal in harness.keys.principals.values():
            harness.ledger.admit(principal.access_key, principal.department)
            self.items.items.update(harness.ledger.store.items)
        gateway = harness.compose()
        gateway.messages.settler._waits = [0.01] * 50  # pyright: ignore[reportAttributeAccessIssue]
        return gateway, chance, audit


async def _call(app: Any, seen: Seen, chance: Chance, leaves: float | None) -> None:
    """One client over ASGI; one that `leaves` goes away after so many seconds."""
    body = chat(f"{seen.marker}.", stream=seen.stream)
    gone = asyncio.Event()
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        if gone.is_set() or not chance.alive:
            return
        if event["type"] == "http.response.start":
            seen.status = event["status"]
            seen.request_id = dict(event["headers"])[b"request-id"].decode()
        else:
            seen.body += event["body"]
            seen.ended = not event.get("more_body", False)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/messages",
        "query_string": b"",
        "headers": [(b"x-api-key", KEY.encode()), (b"content-type", b"application/json")],
    }
    if leaves is not None:
        asyncio.get_running_loop().call_later(leaves, gone.set)
    await app(scope, receive, send)


def survive(world: World, calls: int) -> Counter[int]:
    """Make calls while everything fails, look at what is left half an hour later; answers by status."""
    world.upstream.script = world.script
    seen = asyncio.run(_traffic(world, calls))
    results = Counter(one.status for one in seen)
    assert sum(one.served for one in seen) > calls // 3, results
    assert not world.unrecorded_calls  # nothing left the account before its intent was durable
    check(world, seen)
    return results


async def _traffic(world: World, calls: int) -> list[Seen]:
    seen: list[Seen] = []
    for epoch in range(calls // KILL_EVERY):
        gateway, chance, audit = world.gateway(epoch)
        await gateway.start()
        app = create_app(gateway)
        clients = asyncio.Semaphore(AT_ONCE)
        tasks: list[asyncio.Task[None]] = []

        async def one(call: Seen, app: Any = app, chance: Chance = chance, limit: Any = clients) -> None:
            leaves = world.chance.uniform(0, 0.02) if world.chance.random() < 0.06 else None
            try:
                await _call(app, call, chance, leaves)
            finally:
                limit.release()

        for _ in range(KILL_EVERY):
            await clients.acquire()
            seen.append(Seen(f"call-{len(seen)}", world.chance.random() < 0.5))
            tasks.append(asyncio.create_task(one(seen[-1])))
        chance.alive = False  # killed, with calls under way
        await asyncio.gather(*tasks, return_exceptions=True)
        world.unsure |= audit.unsure
        await gateway.stop()
        world.clock.turn(minutes=20)  # the calls of the dead one are no longer under way
    await _sweep(world)
    return seen


async def _sweep(world: World) -> None:
    world.clock.turn(minutes=30)
    ledger = Ledger(world.items, clock=world.clock)
    await sweep(ledger, world.audit)


def check(world: World, seen: list[Seen]) -> None:
    kinds: dict[str, list[str]] = {}
    costs: dict[str, int] = {}
    for record in world.audit.records:
        kinds.setdefault(record["request_id"], []).append(record["kind"])
        if record["kind"] == "outcome" and record["result"] != "expired":
            costs[record["request_id"]] = record["cost_microusd"]
    for one in seen:
        if one.served:
            assert kinds.get(one.request_id, [])[:2] == ["intent", "outcome"], one
    for request_id, of_call in kinds.items():
        assert of_call.count("intent") <= 1
        if "intent" in of_call and "outcome" not in of_call:  # said to nobody: its record was refused
            assert ("outcome", request_id) in world.unsure or ("intent", request_id) in world.unsure
    assert not [key for key in world.items.items if key.pk.startswith("RESERVATION#")]
    items = world.items.items.items()
    swept = {  # charged in full, because nobody knows what came of them
        key.pk.removeprefix("UNCERTAIN#"): item["microusd"]
        for key, item in items
        if key.pk.startswith("UNCERTAIN#") and item["state"] in ("uncertain", "unknown")
    }
    recorded = sum({**costs, **swept}.values())
    unrecorded = {request_id for kind, request_id in world.unsure if kind == "outcome"}
    unrecorded -= costs.keys() | swept.keys()
    most = max(costs.values())
    for scope in ("ORG#", "DEPT#", "USER#"):
        of_scope = [item for key, item in items if key.pk.startswith(scope)]
        committed = sum(item.get(COMMITTED, 0) for item in of_scope)
        uncertain = sum(item.get(UNCERTAIN, 0) for item in of_scope)
        # never too little; what may be too much is said to be uncertain
        assert recorded <= committed, scope
        assert committed - uncertain <= recorded + most * len(unrecorded), scope
