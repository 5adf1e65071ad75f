"""The ledger's promises, on both stores: ceilings hold, refusals name what stands in the way, nothing is lost
(L1.5, L1.6).
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from contract.kinds import BudgetModel
from kit.embedded import Emulator
from lambdas.common.ids import new_id
from lambdas.common.ledger import Ask, Granted, Ledger, Refused, Switch, Switches
from lambdas.common.ledger.counters import UNDER_WAY
from lambdas.common.ledger.items import Key
from lambdas.common.ledger.memory_store import MemoryStore
from lambdas.common.ledger.switches import OFF
from tests.records.ledger_fixtures import (
    MONTH,
    Bench,
    TurnableClock,
    department,
    dynamo_store,
    make_tables,
    organization,
    principal,
    root_client,
    set_item,
)


@pytest.fixture(params=["memory", pytest.param("dynamodb", marks=pytest.mark.emulator)])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        return Bench(MemoryStore())
    aws: Emulator = request.getfixturevalue("emulated_aws")
    return Bench(dynamo_store(aws, make_tables(aws, new_id("ledger-"))))


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


async def refusal(bench: Bench, ask: Ask) -> Refused:
    with pytest.raises(Refused) as caught:
        await bench.ledger.reserve(ask)
    return caught.value


def test_a_reservation_commits_and_settling_leaves_the_true_cost(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        granted = await bench.ledger.reserve(bench.ask(5_000))
        for scope in ("ORG", "DEPT#marketing", "USER#ada"):
            assert await bench.committed(scope) == 5_000
        await bench.ledger.settle(granted, 1_200, 40)
        await bench.ledger.settle(granted, 1_200, 40)  # again, as after a lost answer
        for scope in ("ORG", "DEPT#marketing", "USER#ada"):
            assert await bench.committed(scope) == 1_200

    run(scenario())


@pytest.mark.parametrize(
    ("changes", "kind", "scope"),
    [
        ({"organization": organization(budget=1_500)}, "budget", "the organisation"),
        ({"department": department(monthly_budget_microusd=1_500)}, "budget", "department marketing"),
        ({"department": department(user_monthly_budget_microusd=1_500)}, "budget", "you"),
        ({"department": department(requests_per_minute=1)}, "rate", "department marketing"),
        ({"department": department(tokens_per_minute=150)}, "rate", "department marketing"),
        ({"department": department(user_requests_per_minute=1)}, "rate", "you"),
        ({"department": department(user_tokens_per_minute=150)}, "rate", "you"),
    ],
)
def test_the_call_over_a_limit_is_refused_and_the_limit_is_named(
    bench: Bench, changes: dict[str, Any], kind: str, scope: str
) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        await bench.ledger.reserve(bench.ask(**changes))
        refused = await refusal(bench, bench.ask(**changes))
        assert (refused.kind, refused.scope) == (kind, scope)
        assert refused.resets_at is not None
        assert refused.resets_at > bench.clock.now
        assert await bench.committed() == 1_000

    run(scenario())


def test_an_amount_over_a_ceiling_is_refused_though_nothing_was_spent_yet(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        refused = await refusal(bench, bench.ask(1_000, organization=organization(budget=999)))
        assert refused.kind == "budget"
        assert await bench.committed() == 0

    run(scenario())


def test_a_rate_window_opens_again_with_the_next_minute_and_unused_tokens_come_back(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        limited = department(user_tokens_per_minute=150)
        granted = await bench.ledger.reserve(bench.ask(department=limited))
        assert (await refusal(bench, bench.ask(department=limited))).kind == "rate"
        await bench.ledger.settle(granted, 10, 20)  # 100 were reserved, 20 used
        await bench.ledger.reserve(bench.ask(department=limited))
        bench.clock.turn(minutes=1)
        granted = await bench.ledger.reserve(bench.ask(department=limited))
        assert {window.kind: window.limit for window in granted.windows} == {"requests": 10**6, "tokens": 150}

    run(scenario())


@pytest.mark.parametrize("seconds", [-290, -61, 40, 290])
def test_processes_whose_clocks_differ_keep_one_rate_together(seconds: int) -> None:
    async def scenario() -> None:
        one = Bench(MemoryStore())
        other = Bench(one.store, TurnableClock(one.clock.now + timedelta(seconds=seconds)))
        await one.grant_access()
        limited, passed = department(user_requests_per_minute=4), 0
        for _ in range(60):  # five minutes
            for process in (one, other):
                process.clock.turn(seconds=5)
                try:
                    await process.ledger.reserve(process.ask(department=limited))
                    passed += 1
                except Refused:
                    pass
        assert 4 * 5 <= passed <= 4 * 6 + 1

    run(scenario())


def test_what_is_used_beyond_the_window_that_was_charged_counts_in_the_current_one(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        limited = department(user_tokens_per_minute=1_100)
        granted = await bench.ledger.reserve(bench.ask(department=limited))
        bench.clock.turn(minutes=1)
        await bench.ledger.settle(granted, 10, 1_150)  # a long answer: 100 were expected
        assert (await refusal(bench, bench.ask(department=limited))).kind == "rate"
        bench.clock.turn(minutes=1)
        await bench.ledger.reserve(bench.ask(department=limited))

    run(scenario())


@pytest.mark.parametrize(
    ("model", "limit", "refused"),
    [
        ("per-call", {"monthly_budget_microusd": 500}, True),
        ("per-user-month", {"monthly_budget_microusd": 500}, False),
        ("per-user-month", {"user_monthly_budget_microusd": 500}, True),
        ("central", {"monthly_budget_microusd": 500, "user_monthly_budget_microusd": 500}, False),
    ],
)
def test_the_budget_model_decides_which_ceilings_hold(
    bench: Bench, model: BudgetModel, limit: dict[str, int], refused: bool
) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        ask = bench.ask(department=department(**limit), organization=organization(model=model))
        if refused:
            assert (await refusal(bench, ask)).kind == "budget"
        else:
            await bench.ledger.reserve(ask)
            assert await bench.committed("DEPT#marketing") == 1_000  # metered all the same

    run(scenario())


async def under_way(bench: Bench) -> int:
    (item,) = await bench.store.get([Key("ledger", "USER#ada", MONTH)])
    return len((item or {}).get(UNDER_WAY, ()))


def test_a_caller_has_only_so_many_calls_under_way_whichever_process_takes_them(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        other = Ledger(bench.store, clock=bench.clock)  # of another process

        def ask(**changes: Any) -> Ask:
            return bench.ask(concurrent_calls=2, **changes)

        first, second = await bench.ledger.reserve(ask()), await other.reserve(ask())
        for ledger in (bench.ledger, other):
            with pytest.raises(Refused, match="2") as caught:
                await ledger.reserve(ask())
            assert (caught.value.kind, caught.value.scope) == ("concurrency", "you")
        await bench.ledger.settle(first, 1_000, 100)  # as it was reserved: nothing else to correct
        third = await other.reserve(ask())
        for granted in (second, third):
            await other.settle(granted, 70, 10)
        assert await under_way(bench) == 0
        refused = ask(department=department(requests_per_minute=1))
        with pytest.raises(Refused, match="rate"):
            await bench.ledger.reserve(refused)
        assert await under_way(bench) == 0, "what the department refuses is not under way"

    run(scenario())


def test_many_calls_at_once_never_pass_what_may_be_under_way(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        asks = [bench.ask(concurrent_calls=3) for _ in range(12)]
        found = await asyncio.gather(*map(bench.ledger.reserve, asks), return_exceptions=True)
        assert sum(isinstance(one, Granted) for one in found) == 3
        assert await under_way(bench) == 3

    run(scenario())


def test_a_dead_processs_calls_take_no_place_once_they_have_expired(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        for _ in range(2):
            await bench.ledger.reserve(bench.ask(concurrent_calls=2))
        assert (await refusal(bench, bench.ask(concurrent_calls=2))).kind == "concurrency"
        bench.clock.turn(minutes=17)
        await bench.ledger.reserve(bench.ask(concurrent_calls=2))
        assert await under_way(bench) == 1

    run(scenario())


def test_a_leaver_and_a_mover_are_out_at_the_next_call(bench: Bench) -> None:
    async def scenario() -> None:
        assert (await refusal(bench, bench.ask())).kind == "access"  # never provisioned
        await bench.grant_access()
        await bench.ledger.reserve(bench.ask())
        await bench.grant_access(active=False)
        assert (await refusal(bench, bench.ask())).kind == "access"
        await bench.grant_access(of="finance")  # moved, while a token still says marketing
        assert (await refusal(bench, bench.ask())).kind == "access"

    run(scenario())


SWITCHES = [
    Switch("organization"),
    Switch("department", "marketing"),
    Switch("model", "claude-haiku-5-5"),
    Switch("principal", "ada"),
]


@pytest.mark.parametrize("switch", SWITCHES, ids=str)
def test_a_kill_switch_bites_at_the_next_call_and_no_longer_than_it_is_off(
    bench: Bench, switch: Switch
) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        await bench.ledger.reserve(bench.ask())
        await set_item(bench.store, switch.key, {OFF: True})
        refused = await refusal(bench, bench.ask())
        assert (refused.kind, refused.scope) == ("switch", str(switch))
        assert await bench.committed() == 1_000
        await set_item(bench.store, switch.key, {})
        await bench.ledger.reserve(bench.ask())

    run(scenario())


def test_a_switch_of_somebody_else_refuses_nobody(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        for switch in (Switch("department", "legal"), Switch("model", "other"), Switch("principal", "bob")):
            await set_item(bench.store, switch.key, {OFF: True})
        await bench.ledger.reserve(bench.ask())

    run(scenario())


@pytest.mark.emulator
@pytest.mark.parametrize("switch", SWITCHES, ids=str)
def test_operators_turn_switches_off_and_on_again(emulated_aws: Emulator, switch: Switch) -> None:
    tables = make_tables(emulated_aws, new_id("switch-"))
    bench = Bench(dynamo_store(emulated_aws, tables))
    switches = Switches(root_client(emulated_aws, "dynamodb"), ledger_table=tables[0])

    async def refused() -> bool:
        try:
            await bench.ledger.reserve(bench.ask(organization=organization(shards=8)))
        except Refused as refusal:
            return refusal.kind == "switch"
        return False

    asyncio.run(bench.grant_access())
    assert switches.turn(switch, off=True) is True
    assert switches.turn(switch, off=True) is True
    assert switches.list() == [switch]
    assert asyncio.run(refused())
    assert switches.turn(switch, off=False) is False
    assert switches.list() == []
    assert not asyncio.run(refused())


class _Fails:
    """A DynamoDB client whose first calls fail in turn, each after it took effect."""

    def __init__(self, client: Any, errors: list[Exception]) -> None:
        self._client = client
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def failing(**arguments: Any) -> Any:
            answer = call(**arguments)
            if self._errors:
                raise self._errors.pop(0)
            return answer

        return failing


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "UpdateItem")


@pytest.mark.emulator
def test_turning_a_switch_is_tried_again_until_it_holds(emulated_aws: Emulator) -> None:
    tables = make_tables(emulated_aws, new_id("switch-"))
    client, switch = root_client(emulated_aws, "dynamodb"), Switch("department", "marketing")
    errors = [
        aws_error("ThrottlingException"),
        aws_error("TransactionConflictException"),
        aws_error("InternalServerError"),
        ReadTimeoutError(endpoint_url="x"),
    ]
    waits: list[float] = []
    switches = Switches(_Fails(client, list(errors)), ledger_table=tables[0], sleep=waits.append)
    assert switches.turn(switch, off=True) is True
    assert len(waits) == len(errors)
    refused = Switches(
        _Fails(client, [aws_error("AccessDeniedException")]), ledger_table=tables[0], sleep=waits.append
    )
    with pytest.raises(ClientError):
        refused.turn(switch, off=False)
    assert len(waits) == len(errors)


def test_a_dead_processs_reservation_stays_charged_once_and_is_said_to_be_uncertain(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        ask = bench.ask(7_000)
        await bench.ledger.reserve(ask)
        assert await bench.sweep() == []  # not yet expired
        bench.clock.turn(minutes=17)
        assert await bench.sweep() == [ask.reservation_id]
        assert await bench.sweep() == []
        (balance,) = await bench.ledger.balances(["ORG"], MONTH)
        assert (balance.committed_microusd, balance.uncertain_microusd) == (7_000, 7_000)

    run(scenario())


def test_a_settlement_after_the_sweep_is_still_charged_and_only_once(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        granted = await bench.ledger.reserve(bench.ask(7_000))
        bench.clock.turn(minutes=17)
        assert len(await bench.sweep()) == 1
        await bench.ledger.settle(granted, 2_500, 10)
        await bench.ledger.settle(granted, 2_500, 10)
        for scope in ("ORG", "DEPT#marketing", "USER#ada"):
            (balance,) = await bench.ledger.balances([scope], MONTH)
            assert (balance.committed_microusd, balance.uncertain_microusd) == (2_500, 0)

    run(scenario())


def test_what_a_dead_process_may_have_spent_is_never_spent_again(bench: Bench) -> None:
    """(L1.6) Were a sweep to give it back, each death would let a ceiling be passed."""

    async def scenario() -> None:
        await bench.grant_access()
        small = organization(budget=10_000)
        for _ in range(10):
            await bench.ledger.reserve(bench.ask(1_000, organization=small))
        bench.clock.turn(minutes=17)
        assert len(await bench.sweep()) == 10
        assert (await refusal(bench, bench.ask(1, organization=small))).kind == "budget"

    run(scenario())


def test_room_in_another_shard_is_borrowed_before_a_call_is_refused(bench: Bench) -> None:
    async def scenario() -> None:
        await bench.grant_access()
        sharded = organization(budget=4_000, shards=4)
        for _ in range(3):
            await bench.ledger.reserve(bench.ask(600, organization=sharded))
        # 2,200 are free, but no shard of 1,000 has more than 1,000
        await bench.ledger.reserve(bench.ask(2_000, organization=sharded))
        assert await bench.committed(shards=4) == 3_800
        assert (await refusal(bench, bench.ask(201, organization=sharded))).kind == "budget"
        await bench.ledger.reserve(bench.ask(200, organization=sharded))
        assert await bench.committed(shards=4) == 4_000

    run(scenario())


def test_many_calls_at_once_fill_a_ceiling_exactly_and_never_pass_it(bench: Bench) -> None:
    async def scenario() -> None:
        for number in range(4):
            await bench.grant_access(f"user{number}")
        sharded = organization(budget=20_000, shards=4)

        async def call(number: int) -> Granted | None:
            try:
                return await bench.ledger.reserve(
                    bench.ask(1_000, organization=sharded, principal=principal(f"user{number % 4}"))
                )
            except Refused:
                return None

        granted = [grant for grant in await asyncio.gather(*(call(number) for number in range(32))) if grant]
        assert len(granted) <= 20
        assert await bench.committed(shards=4) == 1_000 * len(granted)
        assert (
            len(granted) >= 17
        )  # borrowing meets others borrowing; what is left is at most a few calls' worth

    run(scenario())
