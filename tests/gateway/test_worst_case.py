"""What a call costs is never more than what was reserved, and no usage an answer reports is taken in the
caller's favour (L1.6).
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.common.prices import Asked, load_prices
from lambdas.gateway.survey import survey
from lambdas.gateway.worst_case import WorstCase, worst_case

from .harness import Harness, chat, department, make
from .upstream import FakeUpstream, event, json_reply, message, stream_events, stream_reply

PRICES = load_prices()
HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
FABLE = "claude-fable-5-1"
WINDOW = 1_000_000
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
URL_IMAGE = {"type": "image", "source": {"type": "url", "url": "https://x"}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
FETCH = {"type": "web_fetch_20250910", "name": "web_fetch"}
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": SONNET}


def priced(model: str = HAIKU, max_tokens: int = 1_000, size: int = 500, **fields: Any) -> WorstCase:
    return worst_case(PRICES, model, fields, survey(fields), size, max_tokens, stream=True)


def asking(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(blocks)}]


def wrapped(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Every way that a block comes into a conversation."""
    document = {"type": "document", "source": {"type": "content", "content": [block]}}
    return [
        block,
        {"type": "tool_result", "tool_use_id": "t", "content": [block]},
        document,
        {"type": "tool_result", "tool_use_id": "t", "content": [document]},
        {"type": "search_result", "content": [block]},
    ]


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize(
    ("block", "tokens"),
    [
        (IMAGE, 5_500),
        (URL_IMAGE, 5_500),
        (PDF, WINDOW),
        ({"type": "document", "source": {"type": "url", "url": "https://x"}}, WINDOW),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, WINDOW),
        ({"type": "container_upload", "file_id": "f"}, WINDOW),
        ({"type": "document", "source": {"type": "text", "data": "plain"}}, 500),
    ],
)
def test_what_can_be_larger_than_its_bytes_is_bounded_otherwise(
    block: dict[str, Any], tokens: int, place: int
) -> None:
    assert priced(messages=asking(wrapped(block)[place])).input_tokens == tokens


def test_many_images_count_each() -> None:
    source = {"type": "content", "content": [URL_IMAGE] * 100}
    assert priced(messages=asking({"type": "document", "source": source})).input_tokens == 500_500


def test_what_the_provider_runs_reads_the_prompt_again_in_each_round() -> None:
    plain = priced()
    assert priced(tools=[{**SEARCH, "max_uses": 2}]).input_tokens > 3 * plain.input_tokens + 90_000
    assert priced(tools=[FETCH]).input_tokens > 10 * WINDOW
    bounded = {**FETCH, "max_uses": 2, "max_content_tokens": 1_000}
    assert priced(tools=[bounded]).input_tokens == 3 * 1_500 + 1_000 + 2_000
    each: list[dict[str, Any]] = [
        {"mcp_servers": [{"url": "https://x"}]},
        {"container": "c"},
        {"tools": [{"type": "code_execution_20260521"}]},
        {"tools": [{"type": "brand_new_20270101"}]},
        {"tools": [{"type": "brand_new"}]},
        {"messages": [{"role": "system", "content": [{"type": "tool_addition", "tool": FETCH}]}]},
    ]
    for fields in each:
        assert priced(**fields).input_tokens > 10 * WINDOW
        assert not priced(**fields).stepwise


def test_what_the_caller_runs_itself_is_one_round() -> None:
    for kind in ("bash_20250124", "text_editor_20250728", "memory_20250818", "computer_20251124", "custom"):
        assert priced(tools=[{"type": kind, "name": "x"}]).input_tokens == 1_500
    assert priced(tools=[{"name": "x", "input_schema": {}}]).stepwise


@pytest.mark.parametrize("uses", [500.0, "5", True, -1, 0, None, float("inf")])
def test_a_number_of_uses_that_is_none_is_not_believed(uses: Any) -> None:
    least = 500 if uses == 500.0 else 100
    assert priced(tools=[{**SEARCH, "max_uses": uses}]).microusd >= least * PRICES.web_search_microusd


def test_every_model_that_may_answer_is_paid_at_its_own_price() -> None:
    fallback = [{"model": OPUS}]
    assert priced(fallbacks=fallback).microusd == priced().microusd + priced(OPUS).microusd
    advised = priced(tools=[{**ADVISOR, "max_uses": 1, "max_tokens": 1_024}])
    advice = {"input_tokens": 500, "output_tokens": 1_024}
    assert advised.microusd > priced().microusd + PRICES.cost(SONNET, advice)


def test_caching_is_reserved_for_where_it_is_asked_for() -> None:
    plain = priced(SONNET, max_tokens=1)
    block: dict[str, Any] = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    minutes = priced(SONNET, max_tokens=1, messages=asking(block))
    block = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    hour = priced(SONNET, max_tokens=1, messages=asking(block))
    automatic = priced(SONNET, max_tokens=1, cache_control={"type": "ephemeral", "ttl": "1h"})
    assert plain.microusd < minutes.microusd < hour.microusd == automatic.microusd


def test_a_step_of_output_costs_what_output_costs() -> None:
    whole = priced(max_tokens=4_000)
    assert whole.stepwise
    steps = whole.input_microusd + whole.output_microusd(4_000)
    assert whole.microusd <= steps <= whole.microusd + 1


@pytest.mark.parametrize(
    ("model", "usage", "microusd"),
    [
        (SONNET, {"iterations": [
            {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500},
            {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000},
        ], "input_tokens": 23_000, "output_tokens": 1_000}, 451_000),
        (HAIKU, {"iterations": [
            {"type": "message", "input_tokens": 412, "output_tokens": 800},
            {"type": "advisor_message", "model": FABLE, "input_tokens": 823, "output_tokens": 1_600},
        ], "input_tokens": 412, "output_tokens": 800}, 88_230 + 442),
        (HAIKU, {"iterations": [
            {"type": "fallback_message", "model": FABLE, "input_tokens": 30, "output_tokens": 1_000},
        ], "input_tokens": 30, "output_tokens": 1_000}, 50_300),
        ("claude-opus-5", {"speed": "fast", "input_tokens": 30, "output_tokens": 1_000}, 50_300),
        (HAIKU, {"input_tokens": 30, "output_tokens": 0, "server_tool_use": {"web_search_requests": 60}},
         600_003),
        (SONNET, {"input_tokens": 0, "output_tokens": 1_000, "inference_geo": "us"}, 11_000),
        (SONNET, {"input_tokens": 0, "output_tokens": 1_000, "inference_geo": "moon"}, 11_000),
    ],
)  # fmt: skip
def test_the_charge_is_what_the_provider_charges(model: str, usage: dict[str, Any], microusd: int) -> None:
    charge = PRICES.charge(model, usage)
    assert charge.certain
    assert charge.microusd == microusd


def test_a_batch_s_discount_is_for_batches_only() -> None:
    usage = {"input_tokens": 0, "output_tokens": 1_000, "service_tier": "batch"}
    assert PRICES.charge(SONNET, usage).microusd == 10_000
    assert PRICES.charge(SONNET, usage, batch=True).microusd == 5_000


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"input_tokens": 5},
        {"input_tokens": -5, "output_tokens": 5},
        {"input_tokens": 5, "output_tokens": 5.5},
        {"input_tokens": "5", "output_tokens": 5},
        {"input_tokens": True, "output_tokens": 5},
        {"input_tokens": 5, "output_tokens": 5, "thinking_tokens": 7},
        {"input_tokens": 5, "output_tokens": 5, "elsewhere": {"of": [{"tokens": 7}]}},
        {"input_tokens": 5, "output_tokens": 5, "iterations": [
            {"type": "message", "input_tokens": 5, "output_tokens": 5, "iterations": [{"input_tokens": 7}]}
        ]},
        {"input_tokens": 5, "output_tokens": 5, "server_tool_use": {"video_requests": 1}},
        {"input_tokens": 5, "output_tokens": 5, "server_tool_use": [1]},
        {"input_tokens": 5, "output_tokens": 5, "service_tier": "express"},
        {"input_tokens": 5, "output_tokens": 5, "speed": "ludicrous"},
        {"input_tokens": 5, "output_tokens": 5, "iterations": {}},
        {"input_tokens": 5, "output_tokens": 5, "iterations": [7]},
        {"input_tokens": 5, "output_tokens": 5, "iterations": [{"type": "message", "input_tokens": 5}]},
        {"input_tokens": 5, "output_tokens": 5, "iterations": [
            {"type": "brand_new", "input_tokens": 5, "output_tokens": 1}]},
        {"input_tokens": 5, "output_tokens": 5, "iterations": [
            {"type": "advisor_message", "model": "claude-nobody", "input_tokens": 5, "output_tokens": 1}]},
        {"input_tokens": 5, "output_tokens": 5, "cache_creation": {"ephemeral_1d_input_tokens": 9}},
        {"input_tokens": 5, "output_tokens": 5, "cache_creation_input_tokens": 9,
         "cache_creation": {"ephemeral_5m_input_tokens": 3}},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_usage_that_cannot_be_believed_costs_what_was_reserved(
    gateway: Harness, usage: dict[str, Any]
) -> None:
    gateway.upstream.script = lambda _: json_reply(message() | {"usage": usage})
    answer = gateway.post("/v1/messages", chat())
    intent = gateway.audit.of(answer.header("request-id"))[0]
    assert gateway.spent() >= intent["reserved_microusd"] > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["claude-opus-5-5", "eu.anthropic.claude-opus-5-5-20260801-v1:0"])
def test_an_answer_by_a_more_expensive_model_than_was_asked_costs_its_price(
    gateway: Harness, name: str, stream: bool
) -> None:
    usage = {"input_tokens": 1_000, "output_tokens": 500}
    answers = {
        False: json_reply(message(model=name) | {"usage": usage}),
        True: stream_reply(
            [one.replace(b"claude-haiku-5-5", name.encode()) for one in stream_events(["Hi."], **usage)]
        ),
    }
    gateway.upstream.script = lambda _: answers[stream]
    assert gateway.post("/v1/messages", chat(stream=stream)).status == 200
    gateway.lines()
    assert gateway.spent() == PRICES.cost("claude-opus-5-5", usage)
    assert PRICES.charge("claude-opus-5-5", usage, answered_by="claude-haiku-5-5-20260801").microusd == (
        PRICES.cost("claude-opus-5-5", usage)
    ), "a name is no discount"
    assert PRICES.charge("claude-fable-5-2", usage, answered_by="claude-fable-5").microusd == max(
        PRICES.cost(one, usage) for one in ("claude-fable-5", "claude-fable-5-2")
    ), "of a model whose name is a part of the other's"


def test_a_stream_takes_back_nothing_of_what_it_used(gateway: Harness) -> None:
    later = [
        {"output_tokens": 500, "server_tool_use": {"web_search_requests": 2}},
        {"output_tokens": 3, "input_tokens": 0, "server_tool_use": {"web_search_requests": 0}},
    ]
    deltas = [
        event("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": one})
        for one in later
    ]
    first, *_, stop = stream_events([], input_tokens=1_000)
    gateway.upstream.script = lambda _: stream_reply([first, *deltas, stop])
    assert gateway.post("/v1/messages", chat(stream=True)).status == 200
    gateway.lines()
    used = {"input_tokens": 1_000, "output_tokens": 500, "server_tool_use": {"web_search_requests": 2}}
    assert gateway.spent() == PRICES.cost("claude-haiku-5-5", used)


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": 12}, {"output_tokens": None}], ids=json.dumps)
def test_a_stream_that_ends_without_saying_what_it_used_costs_what_was_held(
    gateway: Harness, usage: dict[str, Any] | None
) -> None:
    *before, _, stop = stream_events(["Hello. " * 50])
    last = event(
        "message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
    )
    gateway.upstream.script = lambda _: stream_reply([*before, last, stop])
    answer = gateway.post("/v1/messages", chat(stream=True))
    gateway.lines()
    intent, outcome = gateway.audit.of(answer.header("request-id"))
    assert outcome["result"] == "completed"
    assert gateway.spent() == outcome["cost_microusd"] >= intent["reserved_microusd"]
    assert outcome["uncertain_microusd"] > 0


COUNT = st.integers(0, 200_000)
AGES = st.fixed_dictionaries({"ephemeral_5m_input_tokens": COUNT, "ephemeral_1h_input_tokens": COUNT})
TOKENS = {"input_tokens": COUNT, "output_tokens": COUNT, "cache_read_input_tokens": COUNT}
KINDS = ["message", "compaction", "advisor_message", "fallback_message"]
ITERATION = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["message", "compaction", "advisor_message", "fallback_message", "new"]),
        **TOKENS,
    },
    optional={"model": st.sampled_from([HAIKU, OPUS, "claude-nobody"])},
)
NOISE = st.one_of(
    st.none(), st.integers(-9, 9), st.floats(allow_nan=False), st.text(max_size=3), st.booleans()
)

NOISY = st.sampled_from(["input_tokens", "iterations", "speed", "x", "cache_creation"])


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


@settings(max_examples=300, deadline=None)
@given(
    usage=st.fixed_dictionaries(
        TOKENS,
        optional={
            "cache_creation_input_tokens": COUNT,
            "cache_creation": AGES,
            "iterations": st.lists(ITERATION, max_size=3),
            "speed": st.sampled_from(["standard", "fast"]),
            "inference_geo": st.sampled_from(["us", "global"]),
            "server_tool_use": st.fixed_dictionaries({"web_search_requests": COUNT}),
            "service_tier": st.sampled_from(["standard", "priority", "batch"]),
        },
    ),
    asked=st.builds(Asked, fast=st.booleans(), us=st.booleans(), cache=st.sampled_from(["", "5m", "1h"])),
    noise=st.dictionaries(NOISY, NOISE),
)  # fmt: skip
def test_no_shape_of_usage_lowers_the_charge_below_what_was_delivered(
    usage: dict[str, Any], asked: Asked, noise: dict[str, Any]
) -> None:
    """Whatever stands beside it, the plain price of the tokens at the top is charged at least, or the figure
    is not certain.
    """
    least = {name: usage[name] for name in TOKENS}
    # a whole number of tokens is a statement of the provider's, not noise
    odd = {name: value for name, value in noise.items() if name not in TOKENS or not _is_count(value)}
    for given_usage in (usage, {**usage, **odd}):
        charge = PRICES.charge(SONNET, given_usage, asked=asked)
        assert charge.microusd >= PRICES.cost(SONNET, least) or not charge.certain


def test_a_call_with_a_small_image_never_costs_more_than_was_reserved(
    provider_servers: list[FakeUpstream],
) -> None:
    trusting = department("marketing", findings={"uninspectable": "allow"})
    harness = make(provider_servers[:1], departments=[trusting])
    try:
        harness.reset()
        usage = {"input_tokens": 4_800, "output_tokens": 64}
        harness.upstream.script = lambda _: json_reply(message() | {"usage": usage})
        answer = harness.post("/v1/messages", chat([{"type": "text", "text": "What is this?"}, IMAGE]))
        intent = harness.audit.of(answer.header("request-id"))[0]
        assert intent["reserved_microusd"] >= load_prices().cost(HAIKU, usage) == harness.spent()
    finally:
        harness.stop()
