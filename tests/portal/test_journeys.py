"""What people do in the portal, on a whole embedded deployment (L4.1-L4.6, L2.1, G.1)."""

import json
import re

import pytest

from tests.support.local_kit import LocalKit

from .browser import Browser


@pytest.fixture(scope="module")
def portal(local_kit: LocalKit) -> str:
    """The portal's address, as `kit status --json` names it."""
    status = json.loads(local_kit.run("status", "--json").stdout)
    assert status["portal_url"]
    return status["portal_url"]


@pytest.fixture
def ada(portal: str) -> Browser:
    """Somebody of the first department, signed in."""
    browser = Browser(portal)
    assert browser.sign_in("ada").status == 200
    return browser


def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_the_page_asked_for(portal: str) -> None:
    browser = Browser(portal)
    page = browser.get("learn/data-classes")
    assert "Demonstration sign-in" in page.words
    page = browser.post(page.url, {"login": "grace", "form_token": ""})
    assert '/portal/learn/data-classes" data-go' in page.text


def test_a_person_accepts_the_guidelines_and_the_acceptance_is_recorded(
    ada: Browser, local_kit: LocalKit
) -> None:
    page = ada.get("guidelines/data-classification")
    assert "Until" in page.words
    version = re.search(r'name="version" value="(\d+)"', page.text)
    assert version
    page = ada.post("guidelines/data-classification/accept", {"read": "yes", "version": version[1]})
    assert "you accepted version" in page.words
    found = json.loads(local_kit.run("audit", "find", "--kind", "acceptance", "--json").stdout)
    assert found["records"][-1]["document"] == "data-classification"
    assert len(found["records"][-1]["sha256"]) == 64


def test_a_quiz_is_graded_on_the_server_and_only_a_pass_counts(ada: Browser, local_kit: LocalKit) -> None:
    page = ada.get("learn/working-with-drafts")
    assert "right" not in re.findall(r"<input[^>]*>", page.text)[0]
    wrong = ada.post("learn/working-with-drafts/quiz", {f"question-{n}": "0" for n in range(3)})
    assert "80 % are needed" in wrong.words
    assert ada.get("learn/working-with-drafts/certificate").status == 404
    ada.get("learn/working-with-drafts")
    right = {"question-0": "1", "question-1": "0", "question-2": "1"}
    passed = ada.post("learn/working-with-drafts/quiz", right)
    assert "Passed with 100 %" in passed.words
    assert "100 %" in ada.get("learn/working-with-drafts/certificate").words
    found = json.loads(local_kit.run("audit", "find", "--kind", "training", "--json").stdout)
    assert found["records"][-1]["course"] == "working-with-drafts"


def test_a_question_left_out_is_named_and_nothing_typed_is_lost(ada: Browser) -> None:
    ada.get("learn/data-classes")
    page = ada.post("learn/data-classes/quiz", {"question-0": "0"})
    assert page.status == 422
    assert "Answer every question" in page.words
    assert 'name="question-0" value="0" checked' in page.text


def test_a_prompt_is_found_in_spite_of_a_typing_error(ada: Browser) -> None:
    assert "campaign" in ada.get("library?q=campain").words.lower()
    assert "No prompt fits" in ada.get("library?q=xyzzyq").words


def test_a_prompt_is_used_with_one_form_rated_and_found_in_the_audit(
    ada: Browser, local_kit: LocalKit
) -> None:
    ada.get("library/campaign-copy")
    fields = {
        "product": "Winter boots", "audience": "hikers", "channel": "email", "brief": "From 79 USD",
        "variants": "2",
    }  # fmt: skip
    page = ada.post("library/campaign-copy/run", fields)
    assert "local stand-in" in page.words
    address = re.search(r'href="/portal/(conversations/con_\w+)"', page.text)
    assert address
    page = ada.get(address[1])
    request_id = re.search(r"req_[0-9A-Z]{26}", page.text)
    assert request_id
    thanks = ada.post("feedback", {"request": request_id[0], "verdict": "edited", "minutes": "20"})
    assert "Thank you" in thanks.words
    record = local_kit.run("audit", "find", "--request-id", request_id[0], "--json").stdout
    assert "campaign-copy" in record


def test_a_form_with_something_missing_keeps_what_was_typed(ada: Browser) -> None:
    ada.get("library/campaign-copy")
    page = ada.post("library/campaign-copy/run", {"audience": "hikers <b>", "channel": "email"})
    assert page.status == 422
    assert "This is needed." in page.words
    assert 'value="hikers &lt;b&gt;"' in page.text


def test_a_blocked_text_is_explained_and_can_be_disputed_without_repeating_it(ada: Browser) -> None:
    ada.get("ask")
    page = ada.post("ask", {"text": "The SSN of the customer is 536-22-8714", "model": "fast"})
    assert "This was not sent to Claude" in page.words
    assert "536-22-8714" not in page.text
    request_id = re.search(r"req_[0-9A-Z]{26}", page.text)
    assert request_id
    assert request_id[0] in ada.get(f"support?request={request_id[0]}").text
    page = ada.post("support/ask", {"kind": "blocked", "request": request_id[0], "text": "A test number"})
    assert "Nobody has answered yet" in page.words


def test_the_center_answers_and_closes_a_ticket_and_others_cannot_see_it(portal: str, ada: Browser) -> None:
    ada.get("support")
    ticket = ada.post("support/ask", {"kind": "question", "text": "May I translate contracts?"}).url
    other = Browser(portal)
    other.sign_in("grace")
    assert other.get(ticket).status == 404
    center = Browser(portal)
    center.sign_in("kim")
    assert "May I translate contracts?" in center.get("center/tickets").words
    center.get(ticket)
    page = center.post(ticket + "/reply", {"text": "Only your own drafts.", "state": "close"})
    assert "closed" in page.words
    assert "Only your own drafts." in ada.get(ticket).words


def test_a_seat_in_an_office_hour_is_taken_and_given_back(ada: Browser) -> None:
    page = ada.get("support")
    hour = re.search(r'name="hour" value="([^"]+)"', page.text)
    assert hour
    assert "Give my seat back" in ada.post("support/hours", {"hour": hour[1], "seat": "take"}).words
    assert "Give my seat back" not in ada.post("support/hours", {"hour": hour[1], "seat": "give"}).words
    calendar = ada.get("support/hours.ics")
    assert calendar.text.startswith("BEGIN:VCALENDAR\r\n")
    assert calendar.text.count("SUMMARY:Questions of every kind") == 26


def test_a_form_from_another_place_changes_nothing(ada: Browser) -> None:
    token = ada.get("champions").form_token()
    story = {"story": "From elsewhere", "minutes": "1"}
    assert ada.post("champions/story", {**story, "form_token": ""}).status == 403
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert ada.post("champions/story", {**story, "form_token": token}, **foreign).status == 403
    assert "From elsewhere" not in ada.get("champions").words


def test_sign_out_ends_the_session_and_the_token_at_once(ada: Browser) -> None:
    ada.get("me")
    kept = [(cookie.name, cookie.value) for cookie in ada.cookies]
    page = ada.post("sign-out", {})
    assert "You are signed out" in page.words
    for cookie in ada.cookies:
        cookie.value = dict(kept).get(cookie.name, cookie.value)
    assert "Demonstration sign-in" in ada.get("me").words


def test_every_page_forbids_what_comes_from_elsewhere(ada: Browser) -> None:
    for path in (
        "",
        "library",
        "ask",
        "learn",
        "guidelines",
        "support",
        "champions",
        "me",
        "news",
        "nowhere",
    ):
        headers = ada.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "require-trusted-types-for 'script'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["center/tickets", "center/learning"])
def test_pages_of_the_center_do_not_exist_for_others(ada: Browser, portal: str, path: str) -> None:
    other = Browser(portal)
    other.sign_in("grace")
    assert other.get(path).status == 404


def test_the_page_is_german_for_whoever_reads_german(portal: str) -> None:
    browser = Browser(portal)
    browser.sign_in("lin")
    page = browser.get("learn/data-classes", **{"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert '<html lang="de"' in page.text
    assert "Was darf ich Claude geben?" in page.words


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example/portal/", "/elsewhere", "/portal/\\evil", "/portalevil"],
)
def test_a_sign_in_never_leads_out_of_the_portal(portal: str, target: str) -> None:
    from lambdas.portal.web import local_path

    assert local_path(target, "/portal") == "/portal/"
