"""Pages that depend on what the gateway says of a person (L4.2, L4.3)."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.portal.erasure import erase
from lambdas.portal.gateway import GatewayError, read_json
from lambdas.portal.popular import ENOUGH_PEOPLE, note_use, note_verdict
from lambdas.portal.table import Row
from lambdas.portal.web import whole_number

from .in_process import Clock, Place, make_place, post

LIN, KIM = "p_lin", "p_kim"


@pytest.fixture
def place(aws: None) -> Place:
    made = make_place(clock=Clock(datetime(2026, 12, 1, 9, tzinfo=UTC)))
    made.joined(LIN)
    return made


def test_who_may_use_prompts_only_is_led_to_the_library_instead_of_into_a_refusal(place: Place) -> None:
    place.gateway.answers["/v1/me"] = {"models": ["fast"], "registered_prompts_only": True}
    with place.browser(LIN) as client:
        page = client.get("/portal/ask").text
    assert 'name="text"' not in page
    assert "prompts of the library" in page


def test_a_model_is_offered_once_by_the_name_that_the_organisation_gave_it(place: Place) -> None:
    place.gateway.answers["/v1/models"] = {
        "data": [
            {"id": "fast", "display_name": "Fast"},
            {"id": "claude-haiku-5-5", "display_name": "Claude Haiku 5.5"},
        ]
    }
    with place.browser(LIN) as client:
        assert re.findall(r"<option[^>]*>([^<]+)", client.get("/portal/ask").text) == ["Fast"]


@pytest.mark.parametrize(
    ("reason", "advised"), [("restricted", True), ("model_not_granted", False), ("switch", False)]
)
def test_only_a_block_of_the_text_asks_for_another_text(place: Place, reason: str, advised: bool) -> None:
    refusal = GatewayError(451, "permission_error", "Not this.", "req_" + "0" * 26, reason=reason)
    place.gateway.answers["/v1/inspections"] = refusal
    with place.browser(LIN) as client:
        page = post(client, "may-i", {"text": "A text"}).text
    assert ("replace it by a placeholder" in page) == advised
    assert ("I think this block is wrong" in page) == advised
    assert ("Ask for it" in page) != advised


def test_more_minutes_than_an_answer_can_save_are_counted_as_the_most_it_can(place: Place) -> None:
    with place.browser(LIN) as client:
        page = post(client, "ask", {"text": "What is force majeure?", "model": "fast"}).text
        found = re.search(r"conversations/(con_\w{26})", page)
        assert found
        page = client.get(f"/portal/conversations/{found[1]}").text
        run = re.search(r'name="request" value="(req_\w+)"', page)
        most = re.search(r'type="number" min="0" max="(\d+)"', page)
        assert run
        assert most
        post(client, "feedback", {"request": run[1], "verdict": "useful", "minutes": "480"})
    (said,) = [body for path, body in place.gateway.asked if path == "/v1/feedback"]
    assert said["minutes_saved"] == int(most[1]) < 480


def test_every_page_opens_after_a_question_that_was_not_rated(place: Place) -> None:
    place.gateway.answers["/v1/me"]["budget"] = {"committed_microusd": 1, "monthly_microusd": None}
    with place.browser(LIN) as client:
        post(client, "ask", {"text": "What is force majeure?", "model": "fast"})
        home = client.get("/portal/")
        run = re.search(r'href="/portal/(runs/req_\w+)"', home.text)
        assert run, home.text
        for path in (
            "", "me", run[1], "library", "ask", "learn", "learn/data-classes", "guidelines", "news", "start",
            "guidelines/privacy-notice", "support", "champions", "may-i", "ideas",
        ):  # fmt: skip
            answer = client.get(f"/portal/{path}")
            assert answer.status_code == 200, path
            assert "Undefined" not in answer.text


def test_the_center_sees_worth_by_department_from_five_people_on_and_others_see_nothing(place: Place) -> None:
    table, now = place.portal.table, 1_800_000_000
    for number in range(ENOUGH_PEOPLE):
        note_use(table, "legal", "nda-triage", f"p{number}", now)
        note_verdict(table, "legal", "nda-triage", "edited", 30, now)
        table.write(Row("PEOPLE", f"p{number}", _standing("legal", "active" if number else "overdue")))
    note_verdict(table, "legal", "nda-triage", "rejected", 0, now)
    for number in range(ENOUGH_PEOPLE - 1):
        note_use(table, "finance", "scenario-model", f"f{number}", now)
        table.write(Row("PEOPLE", f"f{number}", _standing("finance", "active")))
    place.joined(KIM, "people", roles=["director"])
    with place.browser(KIM) as client:
        page = client.get("/portal/center/departments").text
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "4 of 5 people are in · 1 overdue" in words
    assert "nda-triage 5 6 83 % 2.5" in words
    assert "Fewer than 5 people in the portal: no figure of onboarding." in words
    assert "scenario-model" not in words
    with place.browser(LIN) as client:
        assert client.get("/portal/center/departments").status_code == 404


def _standing(department: str, state: str) -> dict[str, Any]:
    return {"name": "", "department": department, "state": state, "left": [], "due": "", "at": 1}


def test_the_center_makes_answers_of_questions_and_nobody_else_does(aws: None) -> None:
    place = make_place(clock=Clock(datetime(2026, 12, 1, 9, tzinfo=UTC)))
    place.joined("p_kim", roles=["enablement-lead"])
    place.joined("p_ada")
    said = {"question": "May I translate <b>manuals</b>?", "answer": "Yes, with a review."}
    with place.browser("p_ada") as client:
        assert post(client, "support/answers", said).status_code == 404
    with place.browser("p_kim") as client:
        for wrong in ({"question": ""}, {"answer": " "}, {"question": "x" * 301}, {"answer": "x" * 4_001}):
            post(client, "support/answers", {**said, **wrong})
        assert place.portal.table.rows("ANSWER") == []
        post(client, "support/answers", said)
    with place.browser("p_ada") as client:
        shown = client.get("/portal/support?q=TRANSLATE+review").text
        assert "May I translate &lt;b&gt;manuals&lt;/b&gt;?" in shown
        assert "Yes, with a review." in shown
        assert "Take it away" not in shown
        assert "Yes, with a review." not in client.get("/portal/support?q=holidays").text
        (row,) = place.portal.table.rows("ANSWER")
        assert post(client, "support/answers", {"remove": row.sk}).status_code == 404
    erase(place.portal.table, "p_kim")
    (row,) = place.portal.table.rows("ANSWER")
    assert "p_kim" not in str(row.data)
    with place.browser("p_kim") as client:
        post(client, "support/answers", {"remove": row.sk})
    assert place.portal.table.rows("ANSWER") == []


def test_a_number_is_up_to_nine_digits(place: Place) -> None:
    assert whole_number("20") == 20
    with place.browser(LIN) as client:
        for text in ("²", "１²", "9" * 5_000, "-1", "1.5", " 1", ""):
            assert whole_number(text) is None
            assert post(client, "champions/story", {"story": "s", "minutes": text}).status_code < 500
            assert post(client, "learn/data-classes/quiz", {"question-0": text}).status_code == 422


def test_half_a_character_is_never_shown_or_kept(place: Place) -> None:
    assert read_json(b'{"a": ["\\uD83D x", "\\ud83d\\ude00"]}') == {"a": ["? x", "\U0001f600"]}
    with place.browser(LIN) as client:
        token = client.get("/portal/support").text.split('name="form_token" value="', 1)[1].split('"', 1)[0]
        parts = {"kind": "question", "text": "\\ud83d", "form_token": token}
        body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
                       for name, text in parts.items()) + "--x--\r\n"  # fmt: skip
        headers = {"content-type": "multipart/form-data; boundary=x; charset=unicode_escape"}
        answer = client.post("/portal/support/ask", content=body.encode(), headers=headers)
        assert answer.status_code == 400
    assert place.portal.table.get("IDEA", "") is None
    assert place.portal.table.get("IDEA", "ä" * 2_000) is None


def test_a_champion_sees_the_champions_sessions_and_early_models_and_nobody_else_does(place: Place) -> None:
    """(L4.6)"""
    settings = replace(place.portal.settings, early_access=("Opus, early",))
    place.portal = replace(place.portal, settings=settings)
    place.joined("p_champion", roles=["champions"])
    place.joined("p_other")
    seen = {}
    for person in ("p_champion", "p_other"):
        with place.browser(person) as client:
            pages = [
                client.get(f"/portal/{page}").text for page in ("champions", "support", "support/hours.ics")
            ]
            seen[person] = [
                text in page for page in pages for text in ("Champions compare notes", "Opus, early")
            ]
    assert seen == {"p_champion": [True, True, True, False, True, False], "p_other": [False] * 6}
