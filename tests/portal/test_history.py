"""Conversations of earlier days: for their person alone, for so long, gone with the key (L4.2, G.2)."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.portal.erasure import erase

from .in_process import Clock, Place, make_place, post

ADA, BOB = "p_ada", "p_bob"
DAYS = 30
QUESTION = "Which notice period does the lease of Hamburg have?"


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 12, 1, 9, tzinfo=UTC))


@pytest.fixture
def place(clock: Clock, aws: None) -> Place:
    made = make_place(history_days=DAYS, clock=clock)
    made.joined(ADA)
    made.joined(BOB)
    return made


def _ask(place: Place, person: str, text: str) -> str:
    """Ask in a browser of its own, then sign out; the conversation's id."""
    with place.browser(person) as client:
        page = post(client, "ask", {"text": text, "model": "fast"}).text
        client.cookies.clear()
    found = re.search(r"conversations/(con_\w{26})", page)
    assert found, page
    return found[1]


def test_a_conversation_is_there_on_another_day_goes_on_and_is_exported(place: Place, clock: Clock) -> None:
    place.gateway.said = "Six months, clause 14."
    conversation = _ask(place, ADA, QUESTION)
    clock.at += timedelta(days=DAYS - 1)
    with place.browser(ADA) as client:
        listed = client.get("/portal/ask/history").text
        assert QUESTION in listed
        assert conversation in client.get("/portal/ask").text
        assert "Six months" in client.get(f"/portal/conversations/{conversation}").text
        post(client, "ask", {"text": "And who signs?", "model": "fast", "conversation": conversation})
        sent = next(body for path, body in place.gateway.asked[::-1] if path == "/v1/messages")
        assert [one["role"] for one in sent["messages"]] == ["user", "assistant", "user"]
        exported = client.get("/portal/ask/history.md")
        assert all(part in exported.text for part in (QUESTION, "Six months", "And who signs?"))
    clock.at += timedelta(days=DAYS - 1)  # counted from the last answer
    with place.browser(ADA) as client:
        assert client.get(f"/portal/conversations/{conversation}").status_code == 200
    clock.at += timedelta(days=2)  # the table itself deletes up to two days late
    with place.browser(ADA) as client:
        assert client.get(f"/portal/conversations/{conversation}").status_code == 404
        assert QUESTION not in client.get("/portal/ask/history").text


def test_nobody_else_reads_or_deletes_it_and_the_table_holds_no_word(place: Place) -> None:
    conversation = _ask(place, ADA, QUESTION)
    with place.browser(BOB) as client:
        assert client.get(f"/portal/conversations/{conversation}").status_code == 404
        assert post(client, "ask", {"text": "x", "conversation": conversation}).status_code == 404
        post(client, "ask/history/delete", {"conversation": conversation})
        post(client, "ask/history/delete", {"all": "yes"})
    with place.browser(ADA) as client:
        assert client.get(f"/portal/conversations/{conversation}").status_code == 200
    stored = str(place.dynamodb.scan(TableName="portal")["Items"])
    assert "Hamburg" not in stored
    assert "An answer" not in stored


def test_a_person_deletes_one_or_all(place: Place) -> None:
    first, second, third = (_ask(place, ADA, f"Question number {one}") for one in range(3))
    with place.browser(ADA) as client:
        assert first not in post(client, "ask/history/delete", {"conversation": first}).text
        left = client.get("/portal/ask/history").text
        assert second in left
        assert third in left
        assert "Nothing is kept" in post(client, "ask/history/delete", {"all": "yes"}).text
    assert "HISTORY#" not in str(place.dynamodb.scan(TableName="portal")["Items"])


def test_it_is_unreadable_once_the_key_is_destroyed_even_from_a_copy_of_the_table(place: Place) -> None:
    conversation = _ask(place, ADA, QUESTION)
    place.keys.erase(ADA)
    with place.browser(ADA) as client:
        assert client.get(f"/portal/conversations/{conversation}").status_code == 404
        assert client.get("/portal/ask/history").status_code == 200
    assert erase(place.portal.table, ADA) > 0
    assert "HISTORY#" not in str(place.dynamodb.scan(TableName="portal")["Items"])


@pytest.mark.parametrize(
    "answer", ["word " * 200_000, "".join(chr(0x4E00 + n * 7 % 20_000) for n in range(70_000))]
)
def test_an_answer_of_any_size_is_kept_though_it_may_go_no_further(place: Place, answer: str) -> None:
    place.gateway.said = answer
    conversation = _ask(place, ADA, QUESTION)
    with place.browser(ADA) as client:
        page = client.get(f"/portal/conversations/{conversation}")
        assert page.status_code == 200
        assert answer[:40] in page.text
        assert 'id="text"' not in page.text  # no further turn is offered
