"""What a provider sends that cannot be read, or should not be there, does not reach the caller (L2.4)."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.gateway.sse import EventBuffer, EventTooLong

from .harness import Answer, Harness, chat, department, make
from .upstream import FakeUpstream, event, json_reply, message, stream_events, stream_reply

SSN = "536-22-8714"


@pytest.fixture(scope="module", params=[True, False], ids=["filtered", "unfiltered"])
def both(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """A gateway that filters answers, and one that does not."""
    upstream = FakeUpstream().start()
    harness = make([upstream], departments=[department("marketing", redact_output=request.param)])
    harness.reset()
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture(scope="module")
def filtering() -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    harness = make([upstream], departments=[department("marketing", redact_output=True)])
    harness.reset()
    yield harness
    harness.stop()
    upstream.stop()


def whole(harness: Harness, body: bytes, headers: list[tuple[str, str]] | None = None) -> Answer:
    harness.reset()
    harness.upstream.script = lambda _: json_reply(body, headers=headers)
    return harness.post("/v1/messages", chat())


def streamed(harness: Harness, parts: list[Any]) -> Answer:
    harness.reset()
    harness.upstream.script = lambda _: stream_reply(parts)
    return harness.post("/v1/messages", chat(stream=True))


LEAK = json.dumps(message(f"It is SSN {SSN}.")).encode()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (LEAK[:-3], []),
        (gzip.compress(LEAK), [("content-encoding", "gzip")]),
        (gzip.compress(LEAK), []),
        (LEAK.replace(b'"content"', b'"contents"'), []),
        (b"[" + LEAK + b"]", []),
        (LEAK.decode().encode("utf-16"), []),
        (f"SSN {SSN}".encode(), []),
        (b"", []),
    ],
    ids=["cut", "gzip", "gzip, unsaid", "no content", "a list", "utf-16", "text", "nothing"],
)
def test_a_whole_answer_that_cannot_be_read_is_not_given_out(
    both: Harness, body: bytes, headers: list[tuple[str, str]]
) -> None:
    answer = whole(both, body, headers)
    assert answer.status == 502
    assert SSN.encode() not in answer.body
    (line,) = both.lines()
    assert line["reason"] == "unreadable_answer"
    assert both.spent() > 0  # the provider may have charged for it
    kinds = [one["kind"] for one in both.audit.records]
    assert kinds == ["intent", "outcome"]


@pytest.mark.parametrize(
    "data",
    [b'{"type": "content_block_delta", "index": 0', b"SSN 536-22-8714", b"[1]", gzip.compress(LEAK)[:40]],
    ids=["cut", "text", "a list", "gzip"],  # gzip writes the time: an id made of it differs between workers
)
def test_a_stream_ends_at_an_event_that_cannot_be_read(both: Harness, data: bytes) -> None:
    events = stream_events(["Hel", "lo."])
    unreadable = b"event: content_block_delta\ndata: " + data + b"\n\n"
    answer = streamed(both, [*events[:4], unreadable, *events[4:]])
    assert b"event: error" in answer.body
    assert b"message_stop" not in answer.body
    # The whole event: a readable delta before it may begin with the same bytes.
    assert unreadable not in answer.body
    assert data + b"\n" not in answer.body


def test_a_citation_that_comes_with_the_start_of_its_block_is_filtered(filtering: Harness) -> None:
    cited = {"type": "char_location", "cited_text": f"SSN {SSN}", "document_index": 0}
    for text in ("", "Opening words. "):
        events = stream_events(["Hel", "lo."])
        block = {"type": "text", "text": text, "citations": [cited]}
        start = event("content_block_start", {"index": 0, "content_block": block})
        position = next(at for at, one in enumerate(events) if b"content_block_start" in one)
        answer = streamed(filtering, [*events[:position], start, *events[position + 1 :]])
        assert SSN.encode() not in answer.body
        assert b"char_location" in answer.body
        assert b"message_stop" in answer.body


def test_nothing_follows_the_end_of_a_message(both: Harness) -> None:
    late = event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": f"SSN {SSN}"}})
    answer = streamed(both, [*stream_events(["Hel", "lo."]), late, late])
    assert SSN.encode() not in answer.body
    assert answer.body.rstrip().endswith(b'data: {"type": "message_stop"}')


def test_an_event_of_an_unknown_kind_passes_only_when_nothing_is_in_it(filtering: Harness) -> None:
    events = stream_events(["Hel", "lo."])
    clean = event("brand_new_event", {"x": "all is well"})
    leaking = event("brand_new_event", {"deep": [{"x": f"SSN {SSN} of our customer"}]})
    nameless = b"data: " + json.dumps({"type": "brand_new", "x": f"SSN {SSN}"}).encode() + b"\n\n"
    answer = streamed(filtering, [*events[:3], clean, leaking, nameless, *events[3:]])
    assert clean in answer.body
    assert SSN.encode() not in answer.body
    assert b"message_stop" in answer.body


def test_an_event_without_an_end_is_cut_off(both: Harness) -> None:
    events = stream_events(["Hel", "lo."])
    endless = [b"event: content_block_delta\ndata: ", *[b"y" * (1 << 18)] * 8]
    answer = streamed(both, [*events[:4], *endless, *events[4:]])
    assert b"event: error" in answer.body
    assert len(answer.body) < 10_000


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(st.binary(max_size=30).filter(lambda one: not set(one) & set(b"\r\n")), max_size=8),
    ends=st.lists(st.sampled_from([b"\n\n", b"\r\n\r\n"]), min_size=8, max_size=8),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)  # fmt: skip
def test_events_are_cut_the_same_wherever_the_bytes_are(
    texts: list[bytes], ends: list[bytes], cuts: list[int]
) -> None:
    events = [b"data: " + text + end for text, end in zip(texts, ends, strict=False)]
    stream = b"".join(events)
    places = sorted({min(cut, len(stream)) for cut in cuts})
    buffer = EventBuffer()
    got = [
        one
        for a, b in zip([0, *places], [*places, len(stream)], strict=True)
        for one in buffer.feed(stream[a:b])
    ]
    assert got == events
    assert buffer.rest == b""


def test_an_event_may_have_so_many_bytes_and_no_more() -> None:
    assert EventBuffer(10).feed(b"x" * 8 + b"\n\n")
    with pytest.raises(EventTooLong):
        EventBuffer(10).feed(b"x" * 9 + b"\n\n")
    buffer = EventBuffer(10)
    buffer.feed(b"x" * 6)
    with pytest.raises(EventTooLong):
        buffer.feed(b"x" * 6)


@pytest.mark.parametrize(("policy", "passes"), [({}, True), ({"longest_event_kib": 64}, False)])
def test_the_policy_says_how_long_an_event_may_be(policy: dict[str, int], passes: bool) -> None:
    upstream = FakeUpstream().start()
    harness = make([upstream], inspection=policy)
    harness.reset()
    upstream.script = lambda _: stream_reply(stream_events(["x" * 100_000]))
    answer = harness.post("/v1/messages", chat(stream=True))
    assert (b"event: message_stop" in answer.body) is passes
    assert (b"event: error" in answer.body) is not passes
    harness.stop()
    upstream.stop()


def test_a_client_hears_a_ping_also_while_everything_is_withheld(filtering: Harness) -> None:
    events = stream_events(["one"])
    withheld = event("brand_new", {"note": f"SSN {SSN}"})
    parts = [*events[:2], *[0.08, withheld] * 8, *events[3:]]
    answer = streamed(filtering, parts)
    assert SSN.encode() not in answer.body
    assert answer.body.count(b"event: ping") >= 2
