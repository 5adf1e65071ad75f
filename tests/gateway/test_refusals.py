"""A refusal says what, where and what to do, with a status that clients show and do not repeat (L1.11)."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.common.refusal_counts import partition

from .harness import FINANCE_KEY, PERSON_TOKEN, Harness, chat, department, make
from .test_sdk import BatchApi
from .upstream import BREAK, FakeUpstream, Received, Reply, json_reply, ordinary_claude

SSN = "Social security number 536-22-8723 of our customer"
ERROR = {"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}}
CLAUDE_CODE = {"user-agent": "claude-cli/2.1.332 (external, sdk-cli)"}


@pytest.fixture(scope="module")
def strict() -> Iterator[Harness]:
    """A gateway that refuses what stands in results of tools and in earlier messages, where the default
    withholds it.
    """
    upstream = FakeUpstream().start()
    findings = {"restricted-in-tools": "block", "confidential-in-tools": "block"}
    harness = make(
        [upstream],
        departments=[department("marketing", findings=findings), department("finance")],
        inspection={"case_after_refusals": 3},
    )
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def gateway(strict: Harness) -> Harness:
    strict.reset()
    return strict


def refused(gateway: Harness, messages: list[dict[str, Any]], **headers: str) -> str:
    answer = gateway.post("/v1/messages", chat(messages=messages), {**headers})
    assert answer.status == 451
    assert answer.header("x-should-retry") == "false"
    assert answer.json()["error"]["type"] == "permission_error"
    assert not gateway.upstream.received
    return answer.json()["error"]["message"]


def read_file(result: str) -> list[dict[str, Any]]:
    given = {"file_path": "/src/customers.csv"}
    return [
        {"role": "user", "content": "What is in it?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "Read", "input": given}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": result}]},
    ]


def test_the_last_message_is_called_the_callers_own(gateway: Harness) -> None:
    said = refused(gateway, [{"role": "user", "content": SSN}])
    assert said.startswith("Blocked: a US social security number")
    assert "in your last message" in said
    assert "messages[" not in said


def test_an_earlier_message_is_counted_as_a_person_counts(gateway: Harness) -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": SSN},
        {"role": "assistant", "content": "I see."},
        {"role": "user", "content": "Go on."},
    ]
    said = refused(gateway, messages)
    assert "in message 3 of 5" in said
    assert "Take it out of the conversation" in said


def test_a_value_that_lies_across_two_texts_is_said_in_words(gateway: Harness) -> None:
    halves = [{"type": "text", "text": one} for one in ("card 4539 5787", "6362 1486")]
    said = refused(gateway, [{"role": "user", "content": halves}])
    assert "a card number (Restricted) in two parts of your last message." in said
    apart = [
        {"role": "user", "content": "card 4539 5787"},
        {"role": "user", "content": "6362 1486"},
    ]
    assert "[" not in refused(gateway, apart)


def test_a_result_is_named_by_its_tool_and_its_file(gateway: Harness) -> None:
    assert "in the result of Read /src/customers.csv" in refused(gateway, read_file(SSN))


@pytest.mark.parametrize("messages", [[{"role": "user", "content": SSN}], read_file(SSN)])
def test_a_person_in_claude_code_is_told_how_to_go_on(gateway: Harness, messages: Any) -> None:
    assert "/rewind" in refused(gateway, messages, **CLAUDE_CODE)
    assert "/rewind" not in refused(gateway, messages)


def test_the_message_ends_with_the_clients_own_help(gateway: Harness) -> None:
    gateway.policy_source.document["help_url"] = "https://claude.example.com/help"
    try:
        said = ""
        for _ in range(200):
            said = refused(gateway, [{"role": "user", "content": SSN}])
            if said.endswith("Help: https://claude.example.com/help"):
                break
        else:
            raise AssertionError(said)
    finally:
        del gateway.policy_source.document["help_url"]


def test_names_from_the_request_cannot_write_lines_of_their_own(gateway: Harness) -> None:
    messages = read_file(SSN)
    messages[1]["content"][0]["input"]["file_path"] = "a\nb\x1b[2J" + "c" * 500
    said = refused(gateway, messages)
    assert "\n" not in said
    assert "\x1b" not in said
    assert len(said) < 700


@pytest.mark.parametrize("field", ["system", "tools"])
def test_instructions_and_tools_are_named(gateway: Harness, field: str) -> None:
    tool = {"name": "lookup", "description": SSN, "input_schema": {"type": "object"}}
    body = json.loads(chat()) | ({"system": SSN} if field == "system" else {"tools": [tool]})
    said = gateway.post("/v1/messages", body).json()["error"]["message"]
    assert ("the system prompt" if field == "system" else "the definition of the tool lookup") in said


def test_by_default_a_result_is_withheld_and_the_session_goes_on(gateway: Harness) -> None:
    for _ in range(2):
        assert gateway.post("/v1/messages", chat(messages=read_file(SSN)), key=FINANCE_KEY).status == 200
    first, second = (received.json()["messages"] for received in gateway.upstream.received)
    assert first == second, "the placeholder is the same each time, so that the provider's cache holds"
    (result,) = first[2]["content"]
    assert (result["type"], result["tool_use_id"]) == ("tool_result", "t1")
    assert "536-22-8723" not in json.dumps(first)
    assert "Withheld" in result["content"]
    assert first[:2] == read_file(SSN)[:2]
    assert "withheld" in json.dumps(gateway.audit.records[-1]["decisions"])


def test_every_refusal_of_policy_has_the_same_status(gateway: Harness) -> None:
    assert gateway.post("/v1/messages", chat(model="best")).status == 451
    assert gateway.post("/v1/prompts/campaign-copy/messages", {}, key="vk_finance_1_secret").status == 451


def test_a_caller_reads_what_is_on_record_of_calls_of_their_own_and_no_text(gateway: Harness) -> None:
    said = "Tell me about rivers."
    completed = gateway.post("/v1/messages", chat(messages=[{"role": "user", "content": said}]))
    stopped = gateway.post("/v1/messages", chat(messages=[{"role": "user", "content": SSN}]))
    for answer, result in ((completed, "completed"), (stopped, "refused")):
        path = f"/v1/records/{answer.header('request-id')}"
        record = gateway.request("GET", path).json()
        assert (record["type"], record["result"], record["model"]) == ("record", result, "fast")
        assert said not in json.dumps(record)
        assert "536-22-8723" not in json.dumps(record)
        other = gateway.request("GET", path, key=FINANCE_KEY)
        nothing = gateway.request("GET", "/v1/records/req_nothing", key=FINANCE_KEY)
        assert (other.status, nothing.status) == (404, 404)
        assert other.json()["error"] == nothing.json()["error"]
    assert record["reason"]
    assert record["findings"][0]["field"].startswith("messages")


@pytest.mark.parametrize(
    ("route", "text", "script", "expected"),
    [
        (
            "messages",
            "Hi.",
            lambda _: json_reply(ERROR, 400),
            {"result": "upstream_error", "reason": "upstream_400"},
        ),
        ("messages", "Hi.", lambda _: Reply(200, [], [BREAK]), {"result": "failed", "reason": "no_provider"}),
        ("messages/batches", "Hi.", BatchApi(), {"result": "accepted", "call": "batch", "reason": None}),
        ("messages/batches", SSN, BatchApi(), {"result": "refused", "call": "batch"}),
        ("messages/count_tokens", SSN, ordinary_claude, {"result": "refused", "call": "count_tokens"}),
    ],
)
def test_every_call_on_record_is_found_by_its_caller(
    gateway: Harness,
    route: str,
    text: str,
    script: Callable[[Received], Reply],
    expected: dict[str, str | None],
) -> None:
    """Failed calls and batches too; only a refused one can be reported, none of them can be rated."""
    gateway.upstream.script = script
    asked = json.loads(chat(messages=[{"role": "user", "content": text}]))
    body = {"requests": [{"custom_id": "a", "params": asked}]} if "batches" in route else asked
    request_id = gateway.post(f"/v1/{route}", body).header("request-id")
    path = f"/v1/records/{request_id}"
    answer = gateway.request("GET", path)
    assert answer.status == 200
    assert expected.items() <= answer.json().items()
    assert text not in answer.body.decode()
    assert gateway.request("GET", path, key=FINANCE_KEY).status == 404
    rated = {"request_id": request_id, "useful": True}
    assert gateway.post("/v1/feedback", rated).status == 404
    reported = gateway.post("/v1/inspection-mistakes", {"request_id": request_id, "what": "stopped"})
    assert reported.status == (201 if expected["result"] == "refused" else 404)


def test_refusals_of_people_are_counted_by_month_and_reason_and_those_of_applications_are_not(
    gateway: Harness,
) -> None:
    ask = chat(messages=[{"role": "user", "content": SSN}])
    person = {"authorization": f"Bearer {PERSON_TOKEN}", "x-api-key": ""}
    for headers in (person, person, {}):
        assert gateway.post("/v1/messages", ask, headers).status == 451
    assert gateway.post("/v1/messages", chat(), person).status == 200
    items = gateway.ledger.store.items
    counted = {key: item for key, item in items.items() if key.pk == partition(datetime.now(UTC).date())}
    assert [key.sk for key in counted] == ["ana"], "one person, and no application"
    (item,) = counted.values()
    assert (item["count"], item["department"]) == (2, "marketing")
    assert sum(value for name, value in item.items() if name.startswith("reason_")) == 2
    assert not {"text", "body"} & set(item)
