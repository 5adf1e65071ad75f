"""The sweeper: what dead processes reserved is charged, with a record, once (L1.6, L2.5)."""

import asyncio
from typing import Any

import pytest

from lambdas.common.ledger import ReservationsDamaged
from lambdas.common.ledger.memory_store import MemoryStore
from lambdas.sweeper.handler import sweep

from .ledger_fixtures import Bench, principal, set_item


class Records:
    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.refuse = False
        self.refused_id = ""

    async def append(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> None:
        if self.refuse or record["request_id"] == self.refused_id:
            raise ConnectionError
        self.kept.append(record)


def test_expired_calls_get_an_outcome_and_are_charged_what_they_had_reserved() -> None:
    async def scenario() -> None:
        bench, records = Bench(MemoryStore()), Records()
        asks = [bench.ask(1_000, principal=principal(f"user{number}")) for number in range(70)]
        for number, ask in enumerate(asks):
            await bench.grant_access(f"user{number}")
            await bench.ledger.reserve(ask)
        bench.clock.turn(minutes=17)
        late = bench.ask(1_000, principal=principal("user0"))
        await bench.ledger.reserve(late)  # of a living process
        counts = await sweep(bench.ledger, records)
        assert counts == {"swept": 70, "settled_meanwhile": 0, "microusd": 70_000}
        assert await bench.committed() == 71_000
        assert {(record["cost_microusd"], record["cost_estimated"]) for record in records.kept} == {
            (1_000, True)
        }
        assert {record["request_id"] for record in records.kept} == {ask.reservation_id for ask in asks}
        assert {(record["kind"], record["result"]) for record in records.kept} == {("outcome", "expired")}
        assert (await sweep(bench.ledger, records))["swept"] == 0

    asyncio.run(scenario())


def test_nothing_is_swept_while_its_record_cannot_be_kept() -> None:
    async def scenario() -> None:
        bench, records = Bench(MemoryStore()), Records()
        await bench.grant_access()
        await bench.ledger.reserve(bench.ask(1_000))
        bench.clock.turn(minutes=17)
        records.refuse = True
        with pytest.raises(ConnectionError):
            await sweep(bench.ledger, records)
        assert [one async for one in bench.ledger.expired()] != []
        records.refuse = False
        assert (await sweep(bench.ledger, records))["swept"] == 1
        assert await bench.committed() == 1_000

    asyncio.run(scenario())


def test_a_reservation_that_fails_by_itself_keeps_no_other_waiting() -> None:
    async def scenario() -> None:
        bench, records = Bench(MemoryStore()), Records()
        await bench.grant_access()
        asks = [bench.ask(1_000) for _ in range(70)]
        for ask in asks:
            await bench.ledger.reserve(ask)
        bench.clock.turn(minutes=17)
        records.refused_id = asks[0].reservation_id
        held = {one.reservation.id: one.reservation async for one in bench.ledger.expired()}
        await set_item(bench.store, held[asks[1].reservation_id].key, {"state": "open", "taken": "{"})
        with pytest.raises(ConnectionError):
            await sweep(bench.ledger, records)
        assert {one["request_id"] for one in records.kept} == {ask.reservation_id for ask in asks[2:]}
        records.refused_id = ""
        with pytest.raises(ReservationsDamaged, match="1 cannot be read"):
            await sweep(bench.ledger, records)
        assert len(records.kept) == 69

    asyncio.run(scenario())


def test_a_run_without_time_leaves_the_rest_for_the_next() -> None:
    async def scenario() -> None:
        bench, records = Bench(MemoryStore()), Records()
        await bench.grant_access()
        for _ in range(100):
            await bench.ledger.reserve(bench.ask(1_000))
        bench.clock.turn(minutes=17)
        assert (await sweep(bench.ledger, records, lambda: False))["swept"] == 0
        assert (await sweep(bench.ledger, records))["swept"] == 100

    asyncio.run(scenario())
