"""The ledger over a DynamoDB that conflicts, throttles, fails and loses answers (Z.3, L1.5, L1.6, G.4).

The targets are those of the requirement; the load is virtual, so a loaded machine changes nothing.
"""

import asyncio
import random
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from bench.ledger_load import RESERVED, Load, Run, Seen, measure, switched
from lambdas.common.ledger import Switch
from tests.support.conflicting_dynamodb import Hazards
from tests.support.virtual_dynamodb import VirtualDynamo, run_virtually


@pytest.mark.parametrize(
    ("load", "reserve_ms"),
    [
        (Load("one department", 333, seconds=2), 50),
        (Load("one department on one item", 150, shards=1, seconds=3), 50),
        (Load("one application key", 100, callers=1, seconds=3), 50),
        (Load("an organisation", 2_000, departments=200, callers=500, seconds=0.4), 60),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_no_call_is_refused_or_kept_waiting_because_others_call(load: Load, reserve_ms: int) -> None:
    seen = measure(load)
    assert set(seen.ended) == {"ok"}
    assert seen.ms(seen.reserve, 0.99) <= reserve_ms
    assert seen.ms(seen.settle, 0.99) <= 50
    assert seen.write_units / seen.calls <= 20
    assert seen.hottest <= 1_000


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shards", [1, 16])
def test_no_ceiling_is_passed_whatever_fails_and_whoever_dies(seed: int, shards: int) -> None:
    budget = 40 * RESERVED
    load = Load(
        "hostile", 60, callers=20, shards=shards, seconds=8, budget=budget,
        crashes=0.02, failed=0.02, lost=0.01, call_seconds=(0.1, 1.0),
    )  # fmt: skip
    seen = measure(load, seed)
    assert seen.ended["budget"] > 50
    assert seen.hazards["failed after"] > 10
    assert seen.hazards["lost"] > 5
    assert seen.most <= budget  # what was spent and held, as the callers themselves know it
    assert seen.committed_most <= budget
    assert seen.committed >= seen.held  # what is left may be too much, never too little


def test_a_budget_is_used_to_its_end_where_nothing_fails() -> None:
    load = Load("spent", 60, callers=20, shards=16, seconds=10, budget=40 * RESERVED, steps=False)
    seen = measure(load)
    assert seen.committed == seen.held
    assert load.budget - RESERVED < seen.most <= load.budget


@pytest.mark.parametrize("shards", [1, 16])
def test_a_refusal_whose_cause_can_be_read_writes_nothing(shards: int) -> None:
    async def refused() -> tuple[int, int]:
        run = Run(Load("spent", 50, shards=shards, seconds=2, budget=RESERVED - 1, steps=False), 3)
        seen = await run.run()
        assert set(seen.ended) == {"budget"}
        return seen.write_units, seen.calls

    units, calls = run_virtually(refused)
    assert calls > 50
    assert units <= 2 * calls
    assert units == 0


@pytest.mark.parametrize(
    "switch", [Switch("organization"), Switch("department", "d0"), Switch("model", "model")], ids=str
)
def test_a_switch_is_turned_each_time_at_150_calls_a_second(switch: Switch) -> None:
    assert switched(switch, 20) == (20, 20)


def test_without_retries_a_switch_would_fail_now_and_then() -> None:
    """The test above is only worth something where writes of a switch do fail."""
    hazards = Hazards(random.Random(5), failed=0.02, lost=0.01)
    verdicts = {
        hazards.write(float(number), [("ledger", "SWITCH", "SWITCH")], transaction=False)[0]
        for number in range(500)
    }
    assert verdicts == {"", "lost", "failed before", "failed after"}


def test_transactions_over_what_calls_share_would_collapse() -> None:
    """What the ledger was before: the model refuses it, as DynamoDB does."""

    async def share_of_conflicts() -> float:
        dynamo = VirtualDynamo(Hazards(random.Random(2)))
        chance = random.Random(3)

        async def call(number: int) -> None:
            keys = ["ORG#0", "DEPT#a", f"USER#{number}"]
            updates = [
                {
                    "Update": {
                        "TableName": "ledger",
                        "Key": {"pk": {"S": pk}, "sk": {"S": "2026-11"}},
                        "UpdateExpression": "ADD n :v",
                        "ExpressionAttributeValues": {":v": {"N": "1"}},
                    }
                }
                for pk in keys
            ]
            try:
                await dynamo.transact_write_items(TransactItems=updates)
            except ClientError:
                return

        calls = []
        for number in range(300):
            await asyncio.sleep(chance.expovariate(60))
            calls.append(asyncio.ensure_future(call(number)))
        await asyncio.gather(*calls)
        return dynamo.hazards.seen["conflict"] / 300

    assert run_virtually(share_of_conflicts) > 0.3


def test_a_run_is_repeated_exactly() -> None:
    load = Load("again", 50, seconds=2, failed=0.05, lost=0.02)
    first, second = measure(load), measure(replace(load))
    assert isinstance(first, Seen)
    assert (first.ended, first.write_units, first.reserve) == (
        second.ended,
        second.write_units,
        second.reserve,
    )
