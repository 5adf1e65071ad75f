"""What is held for a call, what it is charged, and what stays uncertain: never guessed down, never above a
ceiling (L1.5, L1.6).
"""

import asyncio
import http.client
import json
import random
import socket
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.common.clock import utc_now
from lambdas.common.ledger import Ledger
from lambdas.common.ledger.counters import BEYOND, COMMITTED, UNCERTAIN
from lambdas.common.ledger.items import Key
from lambdas.common.ledger.memory_store import MemoryStore
from lambdas.common.prices import load_prices
from lambdas.gateway.call import Deadlines
from lambdas.gateway.hold import HIDDEN_TOKENS_A_SECOND, Generated
from lambdas.gateway.settings import read_settings
from lambdas.sweeper.handler import sweep

from .harness import (
    FINANCE_KEY,
    KEY,
    OTHER_KEY,
    Harness,
    MemoryDocument,
    chat,
    department,
    make,
    policy_document,
)
from .stores import MemoryAudit, MortalAudit, MortalStore, RefusingLedger
from .upstream import BREAK, FakeUpstream, Received, Reply, event, json_reply, message, stream_reply

MODEL = "claude-sonnet-5-5"
PRICES = load_prices()
CEILING = 1_000_000
DEADLINES = Deadlines(
    ping=0.5, connect=1.0, first_byte_whole=1.0, first_byte_stream=1.0, idle=6.0, read_on=3.0
)


def gateway_of(providers: int) -> Iterator[Harness]:
    upstreams = [FakeUpstream().start() for _ in range(providers)]
    harness = make(
        upstreams, DEADLINES,
        departments=[department("marketing", monthly_budget_microusd=CEILING), department("finance")],
    )  # fmt: skip
    harness.reset()
    yield harness
    harness.stop()
    for upstream in upstreams:
        upstream.stop()


@pytest.fixture(scope="module")
def money() -> Iterator[Harness]:
    yield from gateway_of(1)


@pytest.fixture
def gateway(money: Harness) -> Harness:
    money.reset()
    return money


@pytest.fixture
def two() -> Iterator[Harness]:
    """With two providers, whose circuits are closed."""
    yield from gateway_of(2)


def start(**usage: int) -> bytes:
    given = {"input_tokens": 10, "output_tokens": 1, **usage}
    begun = {**message(), "content": [], "usage": given}
    return event("message_start", {"type": "message_start", "message": begun})


def delta(text: str) -> bytes:
    return event(
        "content_block_delta",
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
    )


OPEN = event(
    "content_block_start",
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
)
CLOSE = event("content_block_stop", {"type": "content_block_stop", "index": 0})
STOP = event("message_stop", {"type": "message_stop"})


def end(output_tokens: int) -> bytes:
    return event(
        "message_delta",
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": output_tokens},
        },
    )


def ask(**fields: Any) -> bytes:
    return chat(**{"model": MODEL, "max_tokens": 30_000, "stream": True, **fields})


def cost(**usage: int) -> int:
    return PRICES.charge(MODEL, usage).microusd


def leave(
    gateway: Harness, body: bytes, *, after: bytes = b"", seconds: float = 0.2, key: str = KEY
) -> bytes:
    """Send a request and close the connection when `after` was seen, or after some seconds."""
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    got = b""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        if not after:
            time.sleep(seconds)
        while after and after not in got:
            piece = connection.recv(65536)
            if not piece:
                break
            got += piece
    return got


def outcome_of(gateway: Harness, number: int = 0, seconds: float = 8.0) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        outcomes = [one for one in gateway.audit.records if one["kind"] == "outcome"]
        if len(outcomes) > number:
            gateway.lines()
            return outcomes[number]
        time.sleep(0.01)
    raise AssertionError("no outcome")


def department_item(gateway: Harness) -> dict[str, int]:
    items = gateway.ledger.store.items.items()
    return next((item for key, item in items if key.pk == "DEPT#marketing"), {})


def test_a_stream_left_just_before_its_end_costs_what_the_provider_says(gateway: Harness) -> None:
    gateway.upstream.script = lambda _: stream_reply(
        [start(), OPEN, delta("The full answer: 42."), CLOSE, 1.0, end(30_000), STOP]
    )
    leave(gateway, ask(), after=b"content_block_stop")
    outcome = outcome_of(gateway)
    assert outcome["result"] == "client_gone"
    assert outcome["cost_microusd"] == cost(input_tokens=10, output_tokens=30_000) == gateway.spent()
    assert outcome["uncertain_microusd"] == 0


def test_a_whole_answer_that_its_client_leaves_costs_what_the_provider_says(gateway: Harness) -> None:
    gateway.upstream.script = lambda _: Reply(
        200,
        [("content-type", "application/json")],
        [0.7, json.dumps(message(input_tokens=10, output_tokens=20_000)).encode()],
    )
    leave(gateway, ask(stream=False))
    outcome = outcome_of(gateway)
    assert outcome["result"] == "client_gone"
    assert outcome["cost_microusd"] == cost(input_tokens=10, output_tokens=20_000) == gateway.spent()


def test_what_nobody_says_stays_uncertain_and_no_less_than_was_delivered(gateway: Harness) -> None:
    text = "漢字龍龜鬱" * 400  # 2,000 characters, about as many tokens
    gateway.upstream.script = lambda _: stream_reply([start(), OPEN, delta(text), 10.0, CLOSE, end(9), STOP])
    leave(gateway, ask(), after=b"content_block_delta")
    outcome = outcome_of(gateway)
    assert outcome["result"] == "client_gone"
    assert outcome["cost_microusd"] >= cost(input_tokens=10, output_tokens=2_000)
    assert 0 < outcome["uncertain_microusd"] < outcome["cost_microusd"]
    item = department_item(gateway)
    assert (item[COMMITTED], item[UNCERTAIN]) == (outcome["cost_microusd"], outcome["uncertain_microusd"])
    (uncertain,) = [key for key in gateway.ledger.store.items if key.pk.startswith("UNCERTAIN#")]
    assert uncertain.pk.removeprefix("UNCERTAIN#") == outcome["request_id"]


def test_a_whole_answer_that_breaks_off_may_have_cost_all_that_was_held(gateway: Harness) -> None:
    body = json.dumps(message()).encode()
    gateway.upstream.script = lambda _: Reply(
        200, [("content-type", "application/json")], [body[:60], 0.2, BREAK, body[60:]]
    )
    assert gateway.post("/v1/messages", ask(stream=False)).status == 502
    intent, outcome = gateway.audit.records
    assert outcome["cost_microusd"] == intent["reserved_microusd"] == gateway.spent()
    assert outcome["uncertain_microusd"] > 0.9 * outcome["cost_microusd"]


def test_a_request_that_was_sent_twice_is_held_twice(two: Harness) -> None:
    two.upstream.script = lambda _: Reply(200, [], [3.0, b"late"])
    two.second_upstream.script = lambda _: json_reply(message(input_tokens=10, output_tokens=100))
    assert two.post("/v1/messages", ask(stream=False, max_tokens=1_000)).status == 200
    intent, outcome = two.audit.records
    assert outcome["uncertain_microusd"] == intent["reserved_microusd"]
    answered = cost(input_tokens=10, output_tokens=100)
    assert outcome["cost_microusd"] == outcome["uncertain_microusd"] + answered
    assert two.spent() == outcome["cost_microusd"]


def test_no_other_provider_is_asked_where_there_is_no_room_to_pay_both(two: Harness) -> None:
    tokens = int(0.7 * CEILING / cost(output_tokens=1_000, input_tokens=0) * 1_000)
    two.upstream.script = lambda _: Reply(200, [], [3.0, b"late"])
    assert two.post("/v1/messages", ask(stream=False, max_tokens=tokens)).status == 529
    assert not two.second_upstream.received
    assert two.spent() <= CEILING


def test_a_stream_ends_with_an_error_event_when_no_further_step_is_to_be_had(gateway: Harness) -> None:
    words = [delta("word " * 600) for _ in range(200)]
    gateway.upstream.script = lambda _: stream_reply([start(), OPEN, *words, CLOSE, end(130_000), STOP])
    answer = gateway.post("/v1/messages", ask(max_tokens=128_000))
    assert answer.status == 200
    last = answer.body.rstrip().rpartition(b"\n\n")[2]
    assert last.startswith(b"event: error\n")
    assert json.loads(last.partition(b"data: ")[2])["error"]["type"] == "billing_error"
    assert b"message_stop" not in answer.body
    assert b"message_delta" not in answer.body  # which is where a stop reason would be
    assert gateway.spent() <= CEILING
    assert outcome_of(gateway)["reason"] == "budget"


def test_a_plain_stream_holds_a_step_and_all_else_its_worst_case(gateway: Harness) -> None:
    def reserved(**fields: Any) -> int:
        gateway.reset()
        gateway.post("/v1/messages", ask(max_tokens=60_000, **fields), key=FINANCE_KEY)
        return gateway.audit.records[0]["reserved_microusd"]

    worst = cost(input_tokens=0, output_tokens=60_000)
    assert reserved() < worst / 10
    assert reserved(stream=False) > worst
    assert reserved(tools=[{"type": "web_search_20250305", "name": "web_search"}]) > worst


def test_a_scripted_agent_session_holds_no_more_than_three_times_what_it_costs(gateway: Harness) -> None:
    """As the median over its moments. Contexts of 100 kB, cached but for the last turn, answers of some
    hundred tokens at the speed of the real thing.
    """

    def script(_: Received) -> Reply:
        usage = {"input_tokens": 20, "cache_read_input_tokens": 24_000, "cache_creation_input_tokens": 900}
        parts: list[Any] = [start(**usage), OPEN]
        for _each in range(24):
            parts += [0.1, delta("def f(x):\n    return x  " * 2)]
        return stream_reply([*parts, CLOSE, end(500), STOP])

    gateway.upstream.script = script
    true = cost(
        input_tokens=20, cache_read_input_tokens=24_000, cache_creation_input_tokens=900, output_tokens=500
    )
    text = "A line of source code and what it means. " * 2_400
    content = [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
    body = ask(content=content, max_tokens=32_000)
    ratios: list[float] = []
    done = Event()

    def watch() -> None:
        while not done.is_set():
            for key, item in list(gateway.ledger.store.items.items()):
                if key.pk.startswith("RESERVATION#") and item["state"] == "open":
                    ratios.append(item["microusd"] / true)
            time.sleep(0.02)

    watcher = Thread(target=watch)
    watcher.start()
    for _ in range(4):
        assert gateway.post("/v1/messages", body).status == 200
    done.set()
    watcher.join()
    assert len(ratios) > 100
    assert statistics.median(ratios) <= 3
    assert gateway.spent() == 4 * true


HOSTILE: list[Any] = [
    lambda: stream_reply([start(), OPEN, 0.4, delta("x"), CLOSE, 0.6, end(30_000), STOP]),  # hidden thinking
    lambda: stream_reply([start(), OPEN, *[delta("漢字龍龜鬱" * 20)] * 40, CLOSE, 0.3, end(7_000), STOP]),
    lambda: stream_reply([start(), OPEN, *[delta("a")] * 500, CLOSE, end(10_000), STOP]),
    lambda: stream_reply([start(), OPEN, delta("partial"), BREAK]),
    lambda: stream_reply([start(input_tokens=900_000), OPEN, delta("x"), CLOSE, end(2_000_000), STOP]),
    lambda: stream_reply([start(), OPEN, delta("x" * 50_000), 2.0, CLOSE, end(17_000), STOP]),
    lambda: json_reply(message(input_tokens=10, output_tokens=30_000)),
    lambda: json_reply({**message(), "usage": {"input_tokens": -5, "output_tokens": 1.5}}),
    lambda: Reply(200, [("content-type", "application/json")], [b'{"id": "msg', BREAK]),
    lambda: Reply(parts=[BREAK]),
]


def test_settled_and_uncertain_never_pass_the_ceiling_whatever_the_provider_does(two: Harness) -> None:
    """48 clients, half of them leave; the provider lies, stalls, breaks off."""
    chance = random.Random(4)

    def hostile(_: Received) -> Reply:
        return chance.choice(HOSTILE)()

    for upstream in two.upstreams:
        upstream.script = hostile
    most = 0
    done = Event()

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, department_item(two).get(COMMITTED, 0))
            time.sleep(0.002)

    watcher = Thread(target=watch)
    watcher.start()

    def client(number: int) -> None:
        mine = random.Random(number)
        for _ in range(4):
            body = ask(stream=mine.random() < 0.7, max_tokens=mine.choice([500, 8_000, 30_000]))
            if mine.random() < 0.5:
                leave(two, body, seconds=mine.uniform(0.05, 0.5), key=mine.choice([KEY, OTHER_KEY]))
            else:
                two.post("/v1/messages", body)

    with ThreadPoolExecutor(48) as pool:
        list(pool.map(client, range(48)))
    deadline = time.monotonic() + 12
    while two.ledger.open_reservations() and time.monotonic() < deadline:
        time.sleep(0.05)
    done.set()
    watcher.join()
    assert not two.ledger.open_reservations()
    item = department_item(two)
    assert CEILING // 2 < most <= CEILING
    assert item[UNCERTAIN] <= item[COMMITTED] <= CEILING
    recorded = sum(one["cost_microusd"] for one in two.audit.records if one["kind"] == "outcome")
    assert recorded == item[COMMITTED] + item.get(BEYOND, 0)  # what is beyond is shown, not lost


DEATHS = 6


def test_no_death_of_a_process_frees_money_or_passes_the_ceiling() -> None:
    """48 clients, half of them leave; the provider lies, stalls, breaks off; of two gateways over one ledger
    six die, each in the middle of its calls, and are replaced.
    """
    chance, lock, common = random.Random(5), threading.Lock(), MemoryStore()
    records: list[dict[str, Any]] = []
    upstream = FakeUpstream().start()
    upstream.script = lambda _: chance.choice(HOSTILE)()
    policy = policy_document(
        [upstream.url], departments=[department("marketing", monthly_budget_microusd=CEILING)]
    )
    settings = replace(read_settings({}), deadlines=replace(DEADLINES, read_on=0.3))

    def born(lives: float) -> tuple[Harness, MortalStore]:
        store = MortalStore(common, lock, lives, heard=chance.random() < 0.5)
        harness = Harness(
            [upstream], settings, MemoryDocument(policy), RefusingLedger(store), MortalAudit(records, store)
        )
        for principal in harness.keys.principals.values():
            harness.ledger.admit(principal.access_key, principal.department)
        harness.start()
        return harness, store

    standing = [born(60), born(90)]
    most, deaths, done, deadline = 0, 0, threading.Event(), time.monotonic() + 60

    def supervise() -> None:
        nonlocal most, deaths
        while not done.wait(0.002):
            item = common.items.get(Key("ledger", "DEPT#marketing", f"{utc_now():%Y-%m}"), {})
            most = max(most, item.get(COMMITTED, 0))
            for place, (harness, store) in enumerate(standing):
                if store.died.is_set():
                    deaths += 1
                    harness.kill()
                    standing[place] = born(75 if deaths < DEATHS - 1 else float("inf"))

    def client(number: int) -> None:
        mine = random.Random(number)
        calls = 0
        while calls < 3 or (deaths < DEATHS and time.monotonic() < deadline):
            calls += 1
            body = ask(stream=mine.random() < 0.7, max_tokens=mine.choice([500, 8_000, 30_000]))
            gateway, _ = mine.choice(standing)
            try:
                if mine.random() < 0.5:
                    leave(gateway, body, seconds=mine.uniform(0.05, 0.3), key=mine.choice([KEY, OTHER_KEY]))
                else:
                    gateway.post("/v1/messages", body)
            except (OSError, http.client.HTTPException):
                continue  # what a client sees of a death

    supervisor = Thread(target=supervise, daemon=True)
    supervisor.start()
    try:
        with ThreadPoolExecutor(48) as pool:
            list(pool.map(client, range(48)))
    finally:
        done.set()
        supervisor.join()
        for harness, _ in standing:
            harness.stop()
        upstream.stop()
    assert deaths >= DEATHS
    left = [key.sk for key in common.items if key.pk.startswith("RESERVATION#")]
    assert left, "nobody died in the middle of a call"
    later = Ledger(common, clock=lambda: utc_now() + timedelta(minutes=17))
    swept = MemoryAudit()
    asyncio.run(sweep(later, swept))
    assert not [key for key in common.items if key.pk.startswith("RESERVATION#")]
    item = common.items[Key("ledger", "DEPT#marketing", f"{utc_now():%Y-%m}")]
    assert CEILING // 2 < max(most, item[COMMITTED]) <= CEILING
    (shown,) = asyncio.run(later.balances(["DEPT#marketing"], f"{utc_now():%Y-%m}"))
    assert 0 < shown.uncertain_microusd <= shown.committed_microusd == item[COMMITTED]
    of_call: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in [*records, *swept.records]:
        of_call[one["request_id"]].append(one)
    costs = 0
    for request_id, all_of_it in of_call.items():
        outcomes = [one for one in all_of_it if one["kind"] == "outcome"]
        assert outcomes or all_of_it[0]["kind"] != "intent", request_id
        said = [one for one in outcomes if one["result"] != "expired"] or outcomes
        known = [one["cost_microusd"] for one in said[:1]]
        # Of a call whose process died after its record and before its note, the ledger holds what was
        # reserved; what a lying provider says beyond that is in the record, and `kit chargeback` names it.
        blind = [one["cost_microusd"] for one in outcomes if one not in said and one["cost_estimated"]]
        costs += min([*known, *blind], default=0)
    booked = item[COMMITTED] + item.get(BEYOND, 0)
    # never too little; what may be too much on either side is said to be uncertain
    assert booked - item[UNCERTAIN] <= costs <= booked + item[UNCERTAIN]


@given(looks=st.lists(st.floats(0, 60), max_size=40), silence=st.floats(0, 60))
def test_a_silence_counts_the_same_however_often_it_is_looked_at(looks: list[float], silence: float) -> None:
    seconds = [0.0]
    often, once = Generated(lambda: seconds[0]), Generated(lambda: seconds[0])
    often.heard([])
    once.heard([])
    for seconds[0] in sorted(look for look in looks if look < silence):
        often.waited()
    seconds[0] = silence
    often.waited()
    once.waited()
    assert abs(often.tokens - once.tokens) <= 1  # of rounding
    assert often.tokens >= round((silence - 0.5) * HIDDEN_TOKENS_A_SECOND) - 1


def _hears(events: list[bytes], every: float, seconds: float) -> int:
    """How many tokens may have been generated in a stream that sends these events again and again."""
    now = [0.0]
    generated = Generated(lambda: now[0])
    for step in range(round(seconds / every)):
        now[0] = step * every
        generated.heard(events)
    return generated.tokens


def test_only_what_is_shown_explains_the_time_that_passes() -> None:
    delta = event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "word " * 10}})
    tiny = event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "w"}})
    thinking = 8 * HIDDEN_TOKENS_A_SECOND  # of ten seconds, rather too little than too much
    assert _hears([event("ping", {})], 0.4, 10) > thinking
    assert _hears([event("brand_new", {})], 0.1, 10) > thinking
    assert _hears([tiny], 0.4, 10) > 0.6 * thinking
    assert _hears([delta], 0.2, 10) < 2_500, "an ordinary stream is not taken for a hidden one"
