"""Rates count what is used, so that a coding agent works all day within the defaults (L1.5, L1.11)."""

from collections.abc import Iterator
from typing import Any

import pytest

from contract.kinds import SIZES
from contract.sizes import sizing
from lambdas.common.ledger import counters
from lambdas.gateway.input_estimate import input_tokens_estimate
from lambdas.gateway.json_body import parse_object
from lambdas.gateway.learned_estimate import CountedShares

from .harness import OTHER_KEY, Harness, chat, department, make
from .upstream import FakeUpstream, Received, Reply, json_reply, message

TOKENS = 20_000
CONTEXT = "The river runs past the mill. " * 1_000  # 30 kB, about 7,500 tokens


@pytest.fixture(scope="module")
def narrow() -> Iterator[Harness]:
    """A gateway that gives each caller 20,000 tokens a minute."""
    upstream = FakeUpstream().start()
    harness = make([upstream], departments=[department("marketing", user_tokens_per_minute=TOKENS)])
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def gateway(narrow: Harness) -> Harness:
    narrow.reset()
    return narrow


def used(gateway: Harness, caller: str = "app-1") -> int:
    """Tokens in the window of a caller."""
    return sum(
        item.get(counters.TOKENS, 0)
        for key, item in gateway.ledger.store.items.items()
        if key.pk == f"USER#{caller}"
    )


def settled(gateway: Harness) -> None:
    """Until every call is settled; an answer's last byte may come before."""
    gateway.lines()
    assert not gateway.ledger.open_reservations()


@pytest.mark.parametrize("stream", [False, True])
def test_max_tokens_takes_nothing_from_a_rate(gateway: Harness, stream: bool) -> None:
    for _ in range(3):
        assert gateway.post("/v1/messages", chat(max_tokens=128_000, stream=stream)).status == 200
    settled(gateway)
    # as the provider reported; a minute may have ended in between
    assert 12 + 5 <= used(gateway) <= 3 * (12 + 5)


def test_cached_reads_take_nothing_from_a_rate(gateway: Harness) -> None:
    usage: dict[str, Any] = {
        "input_tokens": 40,
        "cache_read_input_tokens": 7_000,
        "cache_creation_input_tokens": 300,
    }
    gateway.upstream.script = lambda _: json_reply(message("Yes.", **usage))
    for _ in range(6):  # 45,000 tokens of context in one window of 20,000
        assert gateway.post("/v1/messages", chat(CONTEXT)).status == 200
    settled(gateway)
    assert 40 + 300 + 5 <= used(gateway) <= 6 * (40 + 300 + 5)


def test_output_is_counted_as_it_was_used(gateway: Harness) -> None:
    gateway.upstream.script = lambda _: json_reply(message("Long.", output_tokens=TOKENS))
    assert gateway.post("/v1/messages", chat()).status == 200
    settled(gateway)
    answers = [gateway.post("/v1/messages", chat()) for _ in range(2)]  # a minute may end in between
    refused = [one for one in answers if one.status == 429]
    assert refused
    assert 1 <= int(refused[0].header("retry-after") or 0) <= 60


@pytest.mark.parametrize("which", ["user_tokens_per_minute", "tokens_per_minute"])
def test_what_can_never_pass_is_said_to_be_too_long_and_not_to_come_again(which: str) -> None:
    upstream = FakeUpstream().start()
    harness = make([upstream], departments=[department("marketing", **{which: 5_000})])
    harness.reset()
    try:
        answer = harness.post("/v1/messages", chat(CONTEXT))
    finally:
        harness.stop()
        upstream.stop()
    assert answer.status == 400
    assert answer.header("x-should-retry") == "false"
    # the words by which Claude Code knows that it has to compact
    assert answer.json()["error"]["message"].startswith("prompt is too long: 8")
    assert "tokens > 5000 maximum" in answer.json()["error"]["message"]
    assert not upstream.received


def test_a_batch_waits_in_no_window(gateway: Harness) -> None:
    gateway.upstream.script = lambda _: json_reply({"id": "msgbatch_1", "processing_status": "in_progress"})
    params = {"model": "fast", "max_tokens": 9_000, "messages": [{"role": "user", "content": CONTEXT}]}
    requests = [{"custom_id": f"r{number}", "params": params} for number in range(4)]
    assert gateway.post("/v1/messages/batches", {"requests": requests}).status == 200
    assert used(gateway) == 0


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        # what the API itself counts is within a third of these
        ("The river runs past the mill. " * 1_000, 8_000),
        ("for line in lines:\n    total += int(line)\n" * 500, 6_500),
        ("河水流过磨坊。" * 1_000, 9_500),
        ([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 90_000}}], 1_650),  # noqa: E501
        (
            [{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "A" * 90_000}}],  # noqa: E501
            4_050,
        ),
    ],
)  # fmt: skip
def test_the_estimate_is_of_the_size_of_the_truth(content: Any, tokens: int) -> None:
    body = parse_object(chat(content))
    assert tokens * 2 / 3 < input_tokens_estimate(body.raw, body.fields) < tokens * 3 / 2


@pytest.mark.parametrize("size", SIZES)
def test_every_size_gives_a_coding_agent_room_for_a_day_of_work(size: Any) -> None:
    """Five agents of one person at once, each with 150 kB of context that no cache holds yet."""
    limits = sizing(size).limits
    body = parse_object(chat("x = call(y)\n" * 12_500, max_tokens=128_000))
    estimate = input_tokens_estimate(body.raw, body.fields)
    assert 5 * 6 * estimate < limits.agent_tokens_per_minute
    assert limits.agent_requests_per_minute >= 5 * 12
    assert limits.agent_concurrent_calls >= 20


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["user", "agent", "application"])
def test_no_caller_takes_more_than_a_fifth_of_its_departments_window(size: Any, kind: str) -> None:
    limits = sizing(size).limits
    for what in ("requests_per_minute", "tokens_per_minute"):
        own, department_has = getattr(limits, f"{kind}_{what}"), getattr(limits, f"department_{what}")
        assert own * 5 <= department_has


ME, OTHER = ("ana", "agent"), ("ben", "agent")


def test_what_counted_of_a_callers_input_corrects_its_next_estimates() -> None:
    shares = CountedShares()
    assert shares.corrected(ME, 40_000) == 40_000, "nothing is known"
    for _ in range(30):
        shares.learn(ME, 40_000, 1_500)  # the rest was read from the cache
    assert 8_000 <= shares.corrected(ME, 40_000) < 8_100, "a cache may be cold: no less than a fifth"
    assert shares.corrected(OTHER, 40_000) == 40_000
    shares.learn(ME, 40_000, 52_000)
    assert shares.corrected(ME, 40_000) == 52_000, "a rise counts at once"
    shares.learn(ME, 40_000, 10**9)
    assert shares.corrected(ME, 40_000) == 80_000, "no single count locks a caller out"
    shares.learn(ME, 100, 0)
    assert shares.corrected(ME, 100) == 100, "small requests teach nothing"


def test_a_call_whose_caller_has_a_warm_cache_takes_less_of_the_window_while_it_runs(
    gateway: Harness,
) -> None:
    usage: dict[str, Any] = {"input_tokens": 40, "cache_read_input_tokens": 8_500}
    held: list[int] = []

    def script(_: Received) -> Reply:
        held.append(used(gateway, "app-2"))
        return json_reply(message("Yes.", **usage))

    gateway.upstream.script = script
    for _ in range(10):
        assert gateway.post("/v1/messages", chat(CONTEXT), key=OTHER_KEY).status == 200
        settled(gateway)
    assert held[0] > 8_000
    assert held[-1] < 2_500 + 9 * (40 + 5)
    assert used(gateway, "app-2") <= 10 * (40 + 5), "what is used is counted as before"
