"""The review page over a real workflow: what it shows, what it lets be decided, and whom it lets in (L3.4,
G.2, G.6).
"""

import http.client
import re
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from kit.errors import KitError
from kit.reviews.deciding import decide
from kit.reviews.identity import UNVERIFIED, acting_person
from kit.reviews.page import ReviewServer, review_server
from kit.reviews.places import place
from kit.target import Target
from lambdas.workflow.area import draft_key, encoded
from lambdas.workflow.proof import session_of
from tests.support.standing import Standing

from .conftest import Run, StandInGateway, provision, seat
from .test_runs import content

pytestmark = pytest.mark.emulator

HOSTILE = "Version 1 <script>alert(1)</script>\n\nClaims to check: none."


@dataclass
class Answer:
    status: int
    text: str
    headers: dict[str, str]


@dataclass
class Browser:
    """What a browser does: cookies, forms, its own origin."""

    server: ReviewServer
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def open(self) -> "Browser":
        answer = self.ask("GET", self.server.address.partition(self.server.host)[2])
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        assert "HttpOnly" in answer.headers["set-cookie"]
        return self

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.server.host)
        sent = {"cookie": self.cookie} if self.cookie else {}
        if form is not None:
            sent |= {
                "content-type": "application/x-www-form-urlencoded",
                "origin": f"http://{self.server.host}",
            }
        body = urllib.parse.urlencode(form) if form is not None else None
        connection.request(method, path, body, {**sent, **headers})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return Answer(response.status, text, {name.lower(): value for name, value in response.getheaders()})

    def form(self, path: str) -> dict[str, str]:
        """The hidden fields of a review's form."""
        text = self.ask("GET", path).text
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', text))


@pytest.fixture
def server(stage: Standing, target: Target) -> Iterator[ReviewServer]:
    seat(stage, "marketing", "Grace")
    made = review_server(target, "Grace", ["marketing"], 0)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def waiting(stage: Standing, gateway: StandInGateway) -> Iterator[Run]:
    run = content(stage, gateway, "harbour-page", HOSTILE)
    run.until_waiting()
    yield run
    if run.status() == "RUNNING":
        stage.root("stepfunctions").stop_execution(executionArn=run.arn)


def path_of(run: Run) -> str:
    return f"/reviews/{run.department}/{run.request}"


def test_a_reviewer_reads_and_approves_on_the_page_and_the_draft_is_released(server, waiting) -> None:
    browser = Browser(server).open()
    assert waiting.request in browser.ask("GET", "/").text
    page = browser.ask("GET", path_of(waiting))
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script" not in page.text
    assert "brief.txt" in page.text
    assert "ada@example.com" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]

    form = browser.form(path_of(waiting))
    said = browser.ask("POST", path_of(waiting), {**form, "decision": "approve", "reason": "good"})
    assert (said.status, "approved" in said.text) == (200, True)
    assert waiting.until_ended() == "SUCCEEDED", waiting.history()
    assert waiting.review().decided_by == "Grace"


def test_an_edit_and_a_rejection_need_a_reason_and_release_what_was_written(server, waiting) -> None:
    browser = Browser(server).open()
    form = browser.form(path_of(waiting))
    for bad in ({"decision": "edit", "reason": "", "text": "x"}, {"decision": "edit", "reason": "r"},
                {"decision": "publish", "reason": "r"}):  # fmt: skip
        assert browser.ask("POST", path_of(waiting), form | bad).status in (400, 409)
    assert waiting.review().waiting
    written = {"decision": "edit", "reason": "shorter", "text": "Covered.\r\nTomorrow."}
    assert browser.ask("POST", path_of(waiting), form | written).status == 200
    assert waiting.until_ended() == "SUCCEEDED", waiting.history()
    released = waiting.released()
    assert released is not None
    assert released["text"] == "Covered.\nTomorrow."


def test_only_whoever_has_the_address_gets_in_and_only_its_own_forms_count(server, waiting) -> None:
    path, stranger = path_of(waiting), Browser(server)
    assert stranger.ask("GET", path).status == 403
    assert stranger.ask("GET", "/?key=guess").status == 403

    browser = Browser(server).open()
    form = {**browser.form(path), "decision": "approve", "reason": "good"}
    assert browser.ask("POST", path, {**form, "token": "0" * 64}).status == 403
    assert browser.ask("POST", path, {**form, "token": server.token("wf_other")}).status == 403
    assert browser.ask("POST", path, form, origin="http://evil.example").status == 403
    assert browser.ask("POST", path, form, host="evil.example").status == 403
    assert browser.ask("POST", path, {**form, "read_sha256": "0" * 64}).status == 409
    assert waiting.review().waiting, "nothing of this has decided anything"


def test_a_draft_that_changed_after_it_was_sent_to_review_is_not_shown(stage, server, waiting) -> None:
    area = waiting.area("drafter")
    area.put(draft_key(waiting.request), encoded({"text": "another", "sources": []}))
    browser = Browser(server).open()
    page = browser.ask("GET", path_of(waiting))
    assert (page.status, "has changed" in page.text) == (409, True)


def test_nobody_decides_on_the_page_about_what_they_asked_for(target, waiting) -> None:
    made = review_server(target, "ADA@example.com", ["marketing"], 0)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    browser = Browser(made).open()
    form = {**browser.form(path_of(waiting)), "decision": "approve", "reason": "mine"}
    said = browser.ask("POST", path_of(waiting), form)
    made.shutdown()
    made.server_close()
    assert (said.status, "may not decide" in said.text) == (409, True)
    assert waiting.review().waiting


def test_a_reviewer_whose_session_is_of_another_department_than_the_record_is_refused_and_told_why(
    stage, target, waiting
) -> None:
    """(L3.4, G.4) The session's tag let Mia in as marketing's reviewer; she has moved to finance since."""
    provision(stage, "finance", "mia@example.com", "01J9MIA")
    where = place(target, "marketing", "reviewer", "mia@example.com")
    with pytest.raises(KitError, match="session is of marketing, but the access record says finance") as told:
        decide(where, waiting.request, "approve", "read")
    assert told.value.exit_code == 2
    assert (waiting.review().waiting, waiting.released()) == (True, None)


# -- identities ---------------------------------------------------------------------------------------------


class SignedIn(boto3.Session):
    """A session whose STS says who is signed in."""

    def __init__(self, arn: str) -> None:
        super().__init__(region_name="eu-central-1")
        self._arn = arn

    def client(self, *_: Any, **__: Any) -> Any:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": self._arn}


def on_aws(arn: str) -> Target:
    return Target({}, "eu-central-1", False, SignedIn(arn))


def test_on_aws_the_person_is_the_session_and_nobody_speaks_for_another() -> None:
    target = on_aws("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Reviewer/grace@example.com")
    assert acting_person(target, None) == acting_person(target, "Grace@Example.com") == "grace@example.com"
    with pytest.raises(KitError, match=r"you are grace@example\.com"):
        acting_person(target, "ada@example.com")
    with pytest.raises(KitError, match="not those of a person"):
        acting_person(on_aws("arn:aws:iam::111122223333:user/shared"), "grace")


def test_in_the_embedded_deployment_a_typed_name_is_marked_as_not_verified(
    target, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("KIT_SESSION_FILE", str(tmp_path / "none.json"))
    assert acting_person(target, "Grace") == f"Grace{UNVERIFIED}"
    with pytest.raises(KitError, match="nobody is signed in"):
        acting_person(target, None)
    assert session_of(f"Ada Lovelace{UNVERIFIED}") == "Ada-Lovelace,not-verified"


def test_a_role_of_a_department_takes_a_session_under_the_persons_own_name_only(stage) -> None:
    for part in ("member", "reviewer"):
        role = stage.resource("aws:iam/role:Role", f"department-marketing-{part}")
        assert '"sts:RoleSessionName":"${aws:PrincipalTag/kit-person}"' in role.inputs["assumeRolePolicy"]
