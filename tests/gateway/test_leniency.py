"""Findings that count for less: excepted ones, published texts, public pages; and reports of mistakes (L2.3,
G.1).
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.common import documents
from lambdas.common.inspection_exceptions import parse_exceptions

from .harness import FINANCE_KEY, KEY, PERSON_TOKEN, Answer, Harness, chat, department, make
from .upstream import FakeUpstream

SSN = "536-22-8723"
STORY = (
    "We will announce the merger with Northwind on Monday; it is not yet public. Our counsel advised us to "
    "keep the offer of 41 dollars a share secret until the board has approved it."
)
PUBLISHED = {"x-data-class": "public", "x-published-at": "https://news.example.com/2026/11/merger"}


@pytest.fixture(scope="module")
def running() -> Iterator[Harness]:
    """A gateway whose marketing may declare two texts a day, and finance none."""
    upstream = FakeUpstream().start()
    harness = make(
        [upstream],
        departments=[
            department("marketing", public_declarations_per_day=2),
            department("finance", public_declarations_per_day=0),
        ],
    )
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def gateway(running: Harness, monkeypatch: pytest.MonkeyPatch) -> Harness:
    running.reset()
    running.exceptions.document = {"exceptions": []}
    monkeypatch.setattr(documents, "POLL_SECONDS", 0.0)
    return running


def sent(gateway: Harness, text: Any, headers: dict[str, str] | None = None, key: str = KEY) -> Answer:
    return gateway.post("/v1/messages", chat(text), headers=headers or {}, key=key)


def recorded(gateway: Harness) -> dict[str, Any]:
    """The inspection in the last record that has one."""
    return next(one["decisions"][0] for one in reversed(gateway.audit.records) if one.get("decisions"))


def exception_for(finding: dict[str, str], days: float = 1, department: str = "") -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "type": finding["type"],
        "hash": finding["hash"],
        "department": department,
        "owner": "Ada Byron",
        "reason": "the number of our test customer",
        "at": now.isoformat(),
        "expires": (now + timedelta(days=days)).isoformat(),
    }


def test_an_excepted_value_passes_for_its_department_until_it_ends(gateway: Harness) -> None:
    text = f"The SSN of our test customer is {SSN}."
    assert sent(gateway, text).status == 451
    finding = recorded(gateway)["findings"][0]
    gateway.exceptions.document = {"exceptions": [exception_for(finding, department="marketing")]}
    assert sent(gateway, text).status == 200
    record = recorded(gateway)
    assert [one["rule"].endswith(":excepted") for one in record["findings"]] == [True]
    assert record["level"] == "public"
    assert sent(gateway, text.replace("8723", "8724")).status == 451
    assert sent(gateway, text, key=FINANCE_KEY).status == 451
    gateway.exceptions.document = {"exceptions": [exception_for(finding, days=-1)]}
    assert sent(gateway, text).status == 451


def test_a_matter_is_excepted_by_the_hash_of_its_passage(gateway: Harness) -> None:
    assert sent(gateway, STORY).status == 451
    found = recorded(gateway)["findings"]
    assert all(one["hash"] for one in found)
    gateway.exceptions.document = {"exceptions": [exception_for(one) for one in found]}
    assert sent(gateway, STORY).status == 200
    assert sent(gateway, STORY.replace("Northwind", "Contoso")).status == 451


def test_a_broken_document_excepts_nothing_new(gateway: Harness) -> None:
    text = f"The SSN of our test customer is {SSN}."
    assert sent(gateway, text).status == 451
    good = exception_for(recorded(gateway)["findings"][0])
    for changes in ({"hash": "all"}, {"owner": ""}, {"expires": "2030-01-01"}, {"expires": 5}):
        gateway.exceptions.document = {"exceptions": [{**good, **changes}]}
        assert sent(gateway, text).status == 451, changes
        with pytest.raises(ValueError, match=r"exception|isoformat"):
            parse_exceptions(json.dumps({"exceptions": [{**good, **changes}]}).encode())


def test_a_person_declares_a_published_text_public_on_record_so_often_a_day(gateway: Harness) -> None:
    assert sent(gateway, STORY, key=PERSON_TOKEN).status == 451
    assert sent(gateway, STORY, {"x-data-class": "public"}, PERSON_TOKEN).status == 451
    assert sent(gateway, STORY, PUBLISHED, PERSON_TOKEN).status == 200
    record = recorded(gateway)
    assert record["published_at"] == PUBLISHED["x-published-at"]
    assert all(one["rule"].endswith(":declared-public") for one in record["findings"])
    assert sent(gateway, "What is a merger?", PUBLISHED, PERSON_TOKEN).status == 200  # needs no declaration
    assert sent(gateway, STORY, PUBLISHED, PERSON_TOKEN).status == 200
    refused = sent(gateway, STORY, PUBLISHED, PERSON_TOKEN)
    assert (refused.status, refused.json()["error"]["type"]) == (451, "permission_error")


def test_nothing_but_a_persons_statement_makes_a_text_public(gateway: Harness) -> None:
    assert sent(gateway, STORY, PUBLISHED, KEY).status == 400
    assert sent(gateway, STORY, {**PUBLISHED, "x-data-class": "internal"}, PERSON_TOKEN).status == 400
    assert sent(gateway, STORY, {**PUBLISHED, "x-published-at": "x" * 201}, PERSON_TOKEN).status == 400
    # a value or a label is never public because somebody says so
    for text in (f"{STORY} His SSN is {SSN}.", f"STRICTLY CONFIDENTIAL\n\n{STORY}"):
        assert sent(gateway, text, PUBLISHED, PERSON_TOKEN).status == 451


def fetched(url: str, text: str, name: str = "WebFetch") -> list[dict[str, Any]]:
    call = {"type": "tool_use", "id": "t1", "name": name, "input": {"url": url, "prompt": "sum it up"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": text}
    return [
        {"role": "user", "content": "What do they say?"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]


@pytest.mark.parametrize(
    ("url", "passes"),
    [
        ("https://www.reuters.com/markets/merger", True),
        ("https://wiki.acme.internal/merger", False),
        ("https://10.0.0.7/merger", False),
        ("https://intranet/merger", False),
        ("https://docs.acme.com/merger?token=4711", False),
        ("https://ana:secret@docs.acme.com/merger", False),
        ("file:///home/ana/merger.md", False),
    ],
)
def test_what_a_public_page_says_is_not_withheld(gateway: Harness, url: str, passes: bool) -> None:
    body = chat(messages=fetched(url, STORY))
    assert gateway.post("/v1/messages", body).status == 200
    received = str(gateway.upstream.received[-1].json()["messages"])
    assert ("Northwind" in received) is passes
    page = fetched("https://www.reuters.com/markets/merger", f"His SSN is {SSN}.")
    gateway.post("/v1/messages", chat(messages=page))
    assert SSN not in str(gateway.upstream.received[-1].json()["messages"])


def test_a_report_of_a_mistake_is_recorded_once_and_holds_no_value(gateway: Harness) -> None:
    stopped = sent(gateway, f"The SSN of our customer is {SSN}.")
    report = {"request_id": stopped.header("request-id"), "what": "stopped"}

    def reported(fields: dict[str, Any], key: str = KEY) -> int:
        return gateway.post("/v1/inspection-mistakes", json.dumps(fields).encode(), key=key).status

    assert reported({**report, "comment": "wrong"}) == 400
    assert reported({**report, "what": "wrong"}) == 400
    assert reported(report, FINANCE_KEY) == 404
    gateway.audit.refuse, gateway.audit.refuse_kind = OSError("gone"), "inspection-mistake"
    assert reported(report) == 503
    gateway.audit.refuse = gateway.audit.refuse_kind = None
    assert reported(report) == 201
    assert reported(report) == 409
    records = [one for one in gateway.audit.records if one["kind"] == "inspection-mistake"]
    assert [(one["request_id"], one["what"]) for one in records] == [(report["request_id"], "stopped")]
    assert SSN not in str(records)
