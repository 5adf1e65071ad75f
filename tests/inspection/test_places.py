"""A value is found wherever the model reads it: under any key, as a key, as a number, cut in two (L2.3)."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.gateway.json_body import parse_object
from lambdas.inspection import DataClass, Finding, Inspection, InspectionConfig, Inspector

from .made_up import ssn

INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32))
SSN = ssn(random.Random(7))
CARD = "4539578763621486"
TOKEN = "ghp_" + "".join(
    random.Random(8).choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=36)
)
VALUES = {"US_SSN": f"SSN {SSN}", "CREDIT_CARD": CARD, "SECRET": TOKEN}
PROTOCOL_NAMES = (
    "type", "role", "model", "media_type", "cache_control", "signature", "tool_use_id", "id", "name", "data",
    "encrypted_content", "text", "source", "content", "thinking", "citations",
)  # fmt: skip


def inspect(body: dict[str, Any]) -> Inspection:
    """As the gateway does it: from the bytes that a caller sends."""
    return INSPECTOR.inspect_request(parse_object(json.dumps(body).encode()).fields)


def inspect_text(body: str) -> Inspection:
    return INSPECTOR.inspect_request(parse_object(body.encode()).fields)


def found(inspection: Inspection) -> set[str]:
    assert not inspection.failure
    return {one.type for one in inspection.findings}


def restricted(inspection: Inspection) -> list[Finding]:
    assert not inspection.failure
    return [one for one in inspection.findings if one.level.rank >= DataClass.RESTRICTED.rank]


def conversation(*blocks: Any, **fields: Any) -> dict[str, Any]:
    messages = [
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "content": list(blocks)},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}]},
    ]
    return {"model": "fast", "max_tokens": 5, "messages": messages, **fields}


def tool_use(input_: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": input_}


def nested(value: Any, path: list[str | int]) -> Any:
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


PLACES: dict[str, Callable[[Any, list[str | int]], dict[str, Any]]] = {
    "tool input": lambda value, path: conversation(tool_use(nested(value, path))),
    "unknown field": lambda value, path: conversation(brand_new=nested(value, path)),
    "unknown field of a block": lambda value, path: conversation(
        {"type": "text", "text": "Yes.", "brand_new": nested(value, path)}
    ),
    "unknown block": lambda value, path: conversation({"type": "brand_new", "payload": nested(value, path)}),
    "unknown source": lambda value, path: conversation(
        {"type": "document", "source": {"type": "text", "data": "x", "more": nested(value, path)}}
    ),
    "image": lambda value, path: conversation(
        {"type": "image", "source": {"type": "base64", "data": "AAAA", "more": nested(value, path)}}
    ),
    "schema": lambda value, path: conversation(tools=[{"name": "f", "input_schema": nested(value, path)}]),
    "message": lambda value, path: {
        "messages": [{"role": "user", "content": "Hello.", "brand_new": nested(value, path)}]
    },
    "citations": lambda value, path: conversation(
        {"type": "text", "text": "Yes.", "citations": [{"type": "page", "note": nested(value, path)}]}
    ),
}  # fmt: skip
STEPS = st.lists(st.sampled_from([*PROTOCOL_NAMES, "note", "account", 0]), max_size=5)


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(sorted(PLACES)), path=STEPS, kind=st.sampled_from(sorted(VALUES)))
def test_under_any_names_at_any_depth(place: str, path: list[str | int], kind: str) -> None:
    assert kind in found(inspect(PLACES[place](VALUES[kind], path)))


@settings(max_examples=80, deadline=None)
@given(place=st.sampled_from(sorted(PLACES)), path=STEPS, kind=st.sampled_from(["SECRET", "US_SSN"]))
def test_as_the_name_of_a_field(place: str, path: list[str | int], kind: str) -> None:
    assert kind in found(inspect(PLACES[place]({VALUES[kind]: 1}, path)))


@pytest.mark.parametrize(
    "body",
    [
        {"role": f"SSN {SSN}"},
        {"type": f"SSN {SSN}"},
        {"cache_control": f"SSN {SSN}"},
        {"signature": f"SSN {SSN}"},
        {"model": "fast", "messages": [{"role": f"SSN {SSN}", "content": "Hi."}]},
        {"messages": [{"content": [{"type": "text", "text": "Hi.", "signature": f"SSN {SSN}"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"SSN {SSN}"}]}]},
        {"messages": [{"role": "user", "content": [{"type": f"SSN {SSN}"}]}]},
        {"requests": [{"custom_id": f"SSN {SSN}", "params": {"messages": []}}]},
    ],
    ids=lambda body: json.dumps(body)[:40],
)  # fmt: skip
def test_in_fields_of_the_protocol(body: dict[str, Any]) -> None:
    assert "US_SSN" in found(inspect(body))


@pytest.mark.parametrize(
    "number",
    [CARD, f"{CARD}.0", f"{CARD}.00", "4.539578763621486e15", "4.539578763621486E+15", f"{CARD}e0",
     f"{CARD}.5", f"{CARD}e-3", "45395787636214.86e2", f"{CARD}e999"],
)  # fmt: skip
@pytest.mark.parametrize("place", sorted(PLACES))
def test_as_a_number_however_it_is_written(place: str, number: str) -> None:
    body = json.dumps(PLACES[place]("@", ["card_number"])).replace('"@"', number)
    assert "CREDIT_CARD" in found(inspect_text(body))


CUTS: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "messages": lambda parts: {"messages": [{"role": "user", "content": part} for part in parts]},
    "messages, another speaks in between": lambda parts: {
        "messages": [
            message
            for part in parts
            for message in ({"role": "user", "content": part}, {"role": "assistant", "content": "Go on."})
        ]
    },
    "blocks": lambda parts: {
        "messages": [{"role": "user", "content": [{"type": "text", "text": part} for part in parts]}]
    },
    "blocks of messages": lambda parts: {
        "messages": [{"role": "user", "content": [{"type": "text", "text": part}]} for part in parts]
    },
    "values of an input": lambda parts: conversation(tool_use({"a": parts[0], "rest": parts[1:]})),
    "inputs": lambda parts: conversation(*(tool_use({"note": part}) for part in parts)),
    "results": lambda parts: {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": f"toolu_{chr(97 + n)}", "content": part}
                    for n, part in enumerate(parts)
                ],
            }
        ]
    },
    "documents": lambda parts: {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "document", "source": {"type": "text", "data": part}} for part in parts],
            }
        ]
    },
    "system blocks": lambda parts: {"system": [{"type": "text", "text": part} for part in parts]},
    "descriptions of tools": lambda parts: {"tools": [{"name": "f", "description": part} for part in parts]},
    "system and message": lambda parts: {
        "system": parts[0],
        "messages": [{"role": "user", "content": part} for part in parts[1:]],
    },
}


@settings(max_examples=150, deadline=None)
@given(
    where=st.sampled_from(sorted(CUTS)),
    kind=st.sampled_from(["US_SSN", "CREDIT_CARD", "SECRET"]),
    cuts=st.lists(st.integers(1, 8), min_size=1, max_size=2),
)
def test_cut_into_neighbours(where: str, kind: str, cuts: list[int]) -> None:
    value = f"The SSN is {SSN}" if kind == "US_SSN" else VALUES[kind]
    start = len(value) - 9 if kind == "US_SSN" else 2
    at = sorted({start + (cut if n == 0 else cut + 2) for n, cut in enumerate(cuts)})
    parts = [value[a:b] for a, b in zip([0, *at], [*at, None], strict=True)]
    if "another" in where and len(parts) > 2:
        return
    if where in {"documents", "results"} and kind == "CREDIT_CARD":
        return  # bare digits where files end and begin: numbers of all kinds meet there
    assert kind in found(inspect(CUTS[where](parts)))


@pytest.mark.parametrize(
    "parts",
    [
        ["It is done.", "Now the next one, please."],
        ["The build took 42 s.", "17 tests failed, 1200 passed."],
        ["{\"a\": 1}", "src/app.py:12: error"],
        ["Version 4.5", "39 files changed, 5787 insertions"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", sorted(CUTS))
def test_neighbours_that_have_nothing_to_do_with_each_other_are_not_taken_for_a_value(
    where: str, parts: list[str]
) -> None:
    assert not [one for one in restricted(inspect(CUTS[where](parts))) if "+[" in one.field]


def test_names_and_values_that_agents_use_are_no_findings() -> None:
    names = dict.fromkeys((*PROTOCOL_NAMES, "file_path", "old_string", "sha256", "utf8", "col_2"), "string")
    assert not restricted(
        inspect(conversation(tool_use(names), tools=[{"name": "Read", "input_schema": names}]))
    )
