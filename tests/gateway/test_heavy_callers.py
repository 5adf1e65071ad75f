"""One caller's long requests wait for each other, not their colleagues for them (L1.11)."""

import asyncio
import json
import threading
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from lambdas.gateway.errors import ApiError
from lambdas.gateway.inspection_process import InspectionProcess
from lambdas.gateway.request_rules import RequestRules
from lambdas.gateway.turns import Turns

from .harness import OTHER_KEY, Harness, chat, department, make
from .upstream import FakeUpstream

CARD = "card 4539 5787 6362 1486, "


def long_text(number: int, size: int = 40_000) -> str:
    return "".join(
        f"Paragraph {number}.{one} says that the river is calm today. " for one in range(size // 52)
    )


async def _served(arrivals: list[tuple[str, int]], slots: int = 1) -> list[str]:
    """In which order callers get their turns who arrive while another has it."""
    turns, order, ends = Turns(slots), [], asyncio.Event()

    async def one(caller: str, size: int) -> None:
        async with turns.turn(caller, size):
            order.append(caller)
            await ends.wait()
            await asyncio.sleep(0)

    tasks = []
    for caller, size in arrivals:
        tasks.append(asyncio.create_task(one(caller, size)))
        await asyncio.sleep(0)
    ends.set()
    await asyncio.gather(*tasks)
    return order


@pytest.mark.parametrize(
    ("arrivals", "order"),
    [
        ([("heavy", 9)] * 5 + [("light", 1)], ["heavy", "light", *["heavy"] * 4]),
        ([("a", 4), ("b", 9), ("c", 2), ("d", 1)], ["a", "d", "c", "b"]),
        ([("a", 5), ("a", 5), ("b", 5), ("b", 5)], ["a", "b", "a", "b"]),
    ],
    ids=("who had less comes first", "of equals the smallest", "in turn"),
)
def test_turns_go_to_the_caller_who_had_least(arrivals: list[tuple[str, int]], order: list[str]) -> None:
    assert asyncio.run(_served(arrivals)) == order


def test_a_caller_has_one_turn_at_a_time_also_where_two_are_free() -> None:
    assert asyncio.run(_served([("heavy", 1), ("heavy", 1), ("other", 1)], slots=2))[:2] == ["heavy", "other"]


def test_a_turn_that_is_given_up_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.gateway.turns._PATIENCE_SECONDS", 0.01)

    async def run() -> None:
        turns = Turns()
        async with turns.turn("a", 1):
            with pytest.raises(ApiError) as busy:
                async with turns.turn("b", 1):
                    raise AssertionError
            assert (busy.value.status, busy.value.retry) == (503, True)
            waiting = asyncio.create_task(turns.run("c", 10**6, lambda: 1))
            await asyncio.sleep(0)
            waiting.cancel()
        async with asyncio.timeout(1), turns.turn("d", 1):
            pass

    asyncio.run(run())


def test_too_many_of_one_caller_are_told_to_wait_and_nobody_else() -> None:
    async def run() -> None:
        turns = Turns()
        async with turns.turn("other", 1):
            waiting = [asyncio.create_task(turns.run("heavy", 10**6, lambda: 1)) for _ in range(16)]
            await asyncio.sleep(0)
            with pytest.raises(ApiError) as refused:
                await turns.run("heavy", 10**6, lambda: 1)
            assert refused.value.status == 429
            light = asyncio.create_task(turns.run("light", 10**5, lambda: 1))
        assert await light == 1
        await asyncio.gather(*waiting)

    asyncio.run(run())


@pytest.fixture(scope="module")
def with_process(provider_servers: list[FakeUpstream]) -> Iterator[Harness]:
    rules = department("marketing", findings={"restricted": "redact"})
    harness = make(provider_servers[:1], process=InspectionProcess(), departments=[rules])
    harness.reset()
    yield harness
    harness.stop()


def test_a_process_of_its_own_decides_as_the_gateway_does(with_process: Harness) -> None:
    clean = with_process.post("/v1/messages", chat(long_text(1)))
    assert clean.status == 200
    redacted = with_process.post("/v1/messages", chat(long_text(2) + CARD))
    assert redacted.status == 200
    sent = with_process.upstream.received[-1].body
    assert b"4539" not in sent
    assert b"Paragraph 2.7 " in sent
    blocked = with_process.post("/v1/messages", chat(long_text(3)), {"x-data-class": "confidential"})
    assert blocked.status == 451


def test_a_process_that_dies_lets_nothing_pass_and_is_started_again(
    with_process: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = with_process.process
    assert process is not None
    before = len(with_process.upstream.received)
    monkeypatch.setattr("lambdas.gateway.inspection_process._GRACE_SECONDS", -19.99)
    refused = with_process.post("/v1/messages", chat(long_text(4, 400_000)[:190_000]))
    assert refused.status == 503
    assert len(with_process.upstream.received) == before
    monkeypatch.undo()
    assert with_process.post("/v1/messages", chat(long_text(5))).status == 200


def test_while_long_requests_are_inspected_a_colleague_is_answered(with_process: Harness) -> None:
    ends: list[float] = []

    def heavy(number: int) -> None:
        with_process.post("/v1/messages", chat(long_text(number, 190_000)[:180_000]))
        ends.append(monotonic())

    threads = [threading.Thread(target=heavy, args=(number,)) for number in range(10, 12)]
    for thread in threads:
        thread.start()
    colleague = [with_process.post("/v1/messages", chat(f"River {one}?"), key=OTHER_KEY) for one in range(5)]
    answered = monotonic()
    for thread in threads:
        thread.join()
    assert [one.status for one in colleague] == [200] * 5
    assert answered < max(ends)


@pytest.mark.parametrize("path", ["messages", "messages/count_tokens", "messages/batches"])
def test_a_long_body_is_held_against_the_contract_beside_the_event_loop(
    with_process: Harness, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Some ten thousand tools or requests take longer than a colleague may wait."""
    module = {"messages": "messages", "messages/count_tokens": "count_tokens"}.get(path, "batches")
    monkeypatch.setattr(f"lambdas.gateway.{module}.LIGHT_TO_READ_BYTES", 20_000)
    at_work: list[threading.Thread] = []
    hold = RequestRules.hold

    def noted(*arguments: Any) -> Any:
        at_work.append(threading.current_thread())
        return hold(*arguments)

    monkeypatch.setattr(RequestRules, "hold", noted)
    for tools in (1, 900):
        given = [{"name": f"tool{one}", "input_schema": {}} for one in range(tools)]
        body = json.loads(chat("River?", tools=given))
        if module == "batches":
            body = {"requests": [{"custom_id": "a", "params": body}]}
        with_process.post(f"/v1/{path}", body)
    small, large = at_work
    assert large is not small, "a small body needs no thread of its own, a large one does"


def test_a_record_of_very_many_findings_stays_small(with_process: Harness) -> None:
    many = " ".join(f"user{one}@mail{one % 7}.net" for one in range(600))
    with_process.audit.records.clear()
    answer = with_process.post("/v1/messages", chat(many), {"x-data-class": "confidential"})
    (record,) = with_process.audit.of(answer.header("request-id"))
    decision = record["decisions"][0]
    assert len(decision["findings"]) == 200
    assert sum(decision["more_findings"].values()) >= 400
