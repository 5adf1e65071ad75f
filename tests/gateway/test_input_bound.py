"""What a call can cost at most is never less than what it costs, also when its bytes say little (L1.6)."""

from typing import Any

import pytest

from lambdas.common.prices import load_prices
from lambdas.gateway.input_bound import CONTEXT_TOKENS, input_tokens_bound, web_searches_bound

from .harness import chat, department, make
from .upstream import FakeUpstream, json_reply, message


def _with(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}], **fields}


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}


@pytest.mark.parametrize(
    ("fields", "beyond"),
    [
        (_with({"type": "text", "text": "Hi"}), 0),
        (_with({"type": "text", "text": "Hi"}, tools=[{"name": "x", "input_schema": {}}]), 1_000),
        (_with(IMAGE, IMAGE), 10_000),
        (_with({"type": "document", "source": {"type": "text", "data": "plain"}}), 0),
        (_with(PDF), CONTEXT_TOKENS),
        (_with({"type": "image", "source": {"type": "url", "url": "https://x"}}), CONTEXT_TOKENS),
        (_with({"type": "document", "source": {"type": "file", "file_id": "f"}}), CONTEXT_TOKENS),
        (_with({"type": "tool_result", "content": [PDF]}), CONTEXT_TOKENS),
        (_with(tools=[{"type": "web_search_20250305", "name": "web_search"}]), CONTEXT_TOKENS),
        (_with(tools=[{"type": "bash_20250124", "name": "bash"}]), 1_000),
        (_with(mcp_servers=[{"url": "https://x"}]), CONTEXT_TOKENS),
    ],
)
def test_what_can_be_larger_than_its_bytes_is_bounded_otherwise(fields: dict[str, Any], beyond: int) -> None:
    assert input_tokens_bound(500, fields) == 500 + beyond


def test_the_long_context_counts_where_it_is_asked_for() -> None:
    assert input_tokens_bound(0, _with(PDF), b"x,context-1m-2025-08-07") == 1_000_000


def test_searches_are_counted_as_far_as_the_request_allows_them() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert web_searches_bound({"tools": [{**search, "max_uses": 3}]}) == 3
    assert web_searches_bound({"tools": [search]}) == 20
    assert web_searches_bound({"tools": None}) == 0


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
        assert intent["reserved_microusd"] >= load_prices().cost("claude-haiku-5-5", usage) == harness.spent()
    finally:
        harness.stop()
