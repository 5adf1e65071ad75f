"""The review desk's parts, and what the deputy refuses (L3.4, G.2)."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from kit.local.portal_demonstration import figures
from lambdas.common.access import NAME_SK, AccessRecord, AccessRecords, name_key, person_record
from lambdas.common.pool_tokens import Refused
from lambdas.deputy import handler as deputy
from lambdas.portal.figures import FIGURES_KEY, FiguresSource
from lambdas.portal.pages.reviews import differences, marked
from lambdas.portal.portal import Delegate
from lambdas.portal.table import CASE, Row
from lambdas.workflow.area import Stored, encoded
from lambdas.workflow.release import Release
from lambdas.workflow.reviews import Review, ReviewConflict, Reviews
from lambdas.workflow.validation import Draft, findings, place_of

from .in_process import Clock, make_place, post

REQUEST = "wf_" + "0" * 26
NOW = "2026-12-01T08:00:00+00:00"


@dataclass
class Desk:
    """The deputy's function, as Lambda calls it, with one draft on the desk."""

    review: Review

    def invoke(self, **_: Any) -> dict[str, Any]:
        """See botocore."""
        found = {"review": self.review.as_document(), "text": "A draft.", "marks": [], "sources": [],
                 "asked_by": "", "mine": False, "approved": False,
                 "proposed": {"sha256": self.review.draft_sha256, "text": "A draft.", "by": ""}}  # fmt: skip
        return {"Payload": io.BytesIO(json.dumps(found).encode())}


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_difference_holds_both_texts_whole(before: str, after: str) -> None:
    found = differences(before, after)
    assert "".join(one["text"] for one in found if one["kind"] != "new") == before
    assert "".join(one["text"] for one in found if one["kind"] != "gone") == after


def test_the_place_of_a_finding_is_marked_and_the_draft_never_becomes_markup() -> None:
    text = "At <b>09:40</b> it was found, at 09:04 restored [made up]."
    draft = Draft(text, {"notes": "09:40 found"})
    found = findings(["times", "citations"], draft)
    marks = [[*place, n] for n, one in enumerate(found, 1) for place in place_of(one["finding"], text)]
    shown = str(marked(text, marks))
    assert "<mark>09:04<sup>1</sup></mark>" in shown
    assert "<mark>[made up]<sup>2</sup></mark>" in shown
    assert "&lt;b&gt;" in shown


@pytest.mark.parametrize(
    ("finding", "text", "place"),
    [
        ("quotation 1 is in no source", '{"quotation": "a b"}', '"a b"'),
        ("calculation 1 does not add up", "so 2 x 3 = 7 in all", "2 x 3 = 7"),
        ("source 1 is not a heading of the policy", "Yes.\nSource: Leave", "Source: Leave"),
        ("the draft is empty", "", ""),
        ("time 9 is in no source", "09:00", ""),
    ],
)
def test_each_kind_of_finding_knows_its_place(finding: str, text: str, place: str) -> None:
    assert "".join(text[start:end] for start, end in place_of(finding, text)) == place


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[AccessRecords]:
    """A reviewer, a colleague without that role, and somebody who has left."""
    for name, value in {
        "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing", "ACCESS_TABLE": "access", "SIGN_IN_URL": "https://pool.invalid",
        "PEOPLE_SESSION_ROLE": "arn:aws:iam::111122223333:role/portal-person", "PEOPLE_TAG": "department",
        "DEPARTMENT_ROLE": "arn:aws:iam::111122223333:role/{department}-{part}", "REVIEWS_TABLE": "reviews",
        "DATA_BUCKETS": json.dumps({"legal": "data-legal"}), "DATA_KEY": "alias/{department}",
        "STATE_MACHINE": "arn:aws:states:eu-central-1:111122223333:stateMachine:{department}-{workflow}",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        deputy._own_client.cache_clear()
        dynamodb = botocore.session.get_session().create_client("dynamodb", region_name="eu-central-1")
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        dynamodb.create_table(
            TableName="access", BillingMode="PAY_PER_REQUEST", KeySchema=keys,
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
        )  # fmt: skip
        records = AccessRecords(dynamodb, "access")
        for name, provisioned, roles in (("rev", True, ("reviewer",)), ("bob", True, ()), ("eve", False, ())):
            records.create(person_record(name, provisioned=provisioned, department="legal", roles=roles))
        yield records
    deputy._own_client.cache_clear()


def _ask(person: str, monkeypatch: pytest.MonkeyPatch, **event: Any) -> dict[str, Any]:
    def genuine(token: str, url: str) -> dict[str, Any]:
        if token != "genuine":
            raise Refused("token")
        return {"kit_person": person}

    monkeypatch.setattr(deputy, "genuine_claims", genuine)
    return deputy.handler({"token": "genuine", **event}, None)


@pytest.mark.parametrize(
    ("person", "event", "refused"),
    [
        ("rev", {"action": "promote"}, "action"),
        ("rev", {"action": "queue", "token": "made up"}, "token"),
        ("eve", {"action": "queue"}, "person"),  # has left, with a genuine token
        ("nobody", {"action": "workflows"}, "person"),
        ("bob", {"action": "queue"}, "reviewer"),
        ("bob", {"action": "review", "request": REQUEST}, "reviewer"),
        ("bob", {"action": "decide", "request": REQUEST, "decision": "approve", "reason": "r"}, "reviewer"),
        ("bob", {"action": "status", "request": REQUEST, "workflow": "../x"}, "workflow"),
        ("bob", {"action": "status", "request": "wf_1", "workflow": "content"}, "request"),
    ],
)
def test_the_deputy_acts_for_nobody_beyond_their_live_record(
    world: AccessRecords, monkeypatch: pytest.MonkeyPatch, person: str, event: dict[str, Any], refused: str
) -> None:
    assert _ask(person, monkeypatch, **event) == {"refused": refused}


def test_the_session_bears_the_persons_id_and_the_tags_of_the_record(
    world: AccessRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, Any]] = []

    class Sts:
        meta = None

        def assume_role(self, **given: Any) -> dict[str, Any]:
            opened.append(given)
            made = {"AccessKeyId": "A" * 20, "SecretAccessKey": "s", "SessionToken": "t"}
            return {"Credentials": made}

    made = deputy._made
    monkeypatch.setattr(deputy, "_made", lambda name, given: Sts() if name == "sts" else made(name, given))
    record = world.get("USER#rev")
    assert isinstance(record, AccessRecord)
    deputy.Deputy(dict(deputy.os.environ), world).place(record, "reviewer")
    first, second = opened
    assert {one["Key"]: one["Value"] for one in first["Tags"]} == {
        "department": "legal", "kit-person": "rev", "kit-reviewer": "true",
    }  # fmt: skip
    assert (first["RoleSessionName"], second["RoleSessionName"]) == ("rev", "rev")
    assert second["RoleArn"].endswith("role/legal-reviewer")


def test_nobody_decides_about_a_draft_that_they_asked_for_by_another_way_in(world: AccessRecords) -> None:
    """The command's session bears a user name, the portal's the id of provisioning."""
    name = {"pk": {"S": name_key("user-name", "rev@example.com")}, "sk": {"S": NAME_SK}, "id": {"S": "rev"}}
    world.client.put_item(TableName="access", Item=name)
    nothing: Any = None
    release = Release(nothing, nothing, nothing, nothing, nothing, people=world)
    review = Review("legal", REQUEST, "waiting", "content", "req_1", "0" * 64, "rev@example.com", "")
    given = {"department": "legal", "request": REQUEST, "draft_sha256": "0" * 64, "decision": "approve"}
    with pytest.raises(ReviewConflict, match="may not decide"):
        release._take(review, "k", given, "rev", 1)
    with pytest.raises(ReviewConflict, match="may not decide"):
        release._take(replace(review, requested_by="rev"), "k", given, "REV@example.com", 1)


@dataclass
class Area:
    """A department's data area in memory."""

    held: dict[str, bytes]

    def keys(self, prefix: str) -> list[str]:
        """See `DepartmentArea`."""
        return sorted(key for key in self.held if key.startswith(prefix))

    def document(self, key: str) -> dict[str, Any]:
        """See `DepartmentArea`."""
        return json.loads(self.held[key])

    def read(self, key: str) -> Stored:
        """See `DepartmentArea`."""
        return Stored(key, self.held[key], "")

    def put(self, key: str, body: bytes) -> None:
        """See `DepartmentArea`."""
        self.held[key] = body

    def put_once(self, key: str, body: bytes) -> bool:
        """See `DepartmentArea`."""
        return self.held.setdefault(key, body) is body


class Signed:
    """Stands in for AWS, which says whose session signed."""

    def person(self, document: dict[str, Any]) -> str:
        """Who signed."""
        return document["by"]


DRAFT = encoded({"text": "A draft."})
DRAFT_SHA256 = sha256(DRAFT).hexdigest()
EDIT = {"text": "Better."}
EDIT_SHA256 = sha256(encoded({"by": "eva", "request": REQUEST, "text": "Better."})).hexdigest()


def _said(by: str, decision: str, **more: str) -> dict[str, str]:
    return {"by": by, "decision": decision, "reason": "read", "department": "legal", "request": REQUEST,
            "draft_sha256": DRAFT_SHA256, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("people", "said", "state", "released", "refused"),
    [
        (1, [_said("eva", "approve")], "released", DRAFT, ""),
        (2, [_said("eva", "approve")], "waiting", None, ""),
        (2, [_said("eva", "approve"), _said("tom", "approve")], "released", DRAFT, ""),
        (3, [_said("eva", "approve"), _said("tom", "approve")], "waiting", None, ""),
        (2, [_said("eva", "approve"), _said("eva", "approve")], "waiting", None, "same person"),
        (2, [_said("eva", "approve"), _said("EVA ", "approve")], "waiting", None, "same person"),
        (2, [_said("ada", "approve"), _said("tom", "approve")], "waiting", None, "may not decide"),
        (2, [_said("eva", "approve"), _said("tom", "reject")], "rejected", None, ""),
        (2, [_said("eva", "reject"), _said("tom", "approve")], "rejected", None, ""),
        # an edit begins the count again, for that text
        (2, [_said("tom", "approve"), _said("eva", "edit", **EDIT)], "waiting", None, ""),
        (2, [_said("eva", "edit", **EDIT), _said("tom", "approve")], "waiting", None, "another text"),
        (
            2,
            [_said("eva", "edit", **EDIT), _said("tom", "approve", text_sha256=EDIT_SHA256)],
            "released",
            encoded({"by": "eva", "request": REQUEST, "text": "Better."}),
            "",
        ),
        (
            2,
            [_said("eva", "edit", **EDIT), _said("eva", "approve", text_sha256=EDIT_SHA256)],
            "waiting",
            None,
            "same person",
        ),
        (
            2,
            [_said("eva", "edit", **EDIT), _said("tom", "edit", text="Best."),
             _said("kim", "approve", text_sha256=EDIT_SHA256)],
            "waiting",
            None,
            "another text",
        ),
    ],
)  # fmt: skip
def test_a_text_is_released_once_as_many_people_as_asked_for_have_approved_it(
    world: AccessRecords, people: int, said: list[dict[str, str]], state: str, released: bytes | None,
    refused: str,
) -> None:  # fmt: skip
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    world.client.create_table(
        TableName="reviews", BillingMode="PAY_PER_REQUEST", KeySchema=keys,
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
    )  # fmt: skip
    reviews, recorded = Reviews(world.client, "reviews", lambda: datetime(2026, 12, 1, tzinfo=UTC)), []
    area: Any = Area({f"drafts/{REQUEST}.json": DRAFT})
    prover: Any = Signed()
    gateway: Any = None

    def record(document: Mapping[str, Any]) -> str:
        recorded.append((document["principal"], document["decision"]))
        return "rec_1"

    release = Release(reviews, area, prover, gateway, record)
    reviews.open(
        Review("legal", REQUEST, "waiting", "content", "req_1", DRAFT_SHA256, "ada", NOW, people=people)
    )
    for number, document in enumerate(said):
        area.put(f"decisions/{REQUEST}/{number}.json", encoded(document))
        looks = [
            release.decide("legal", REQUEST, people=people) for _ in range(2)
        ]  # looking again counts nothing
        if looks[-1]["state"] != "waiting":
            break
    review = reviews.get("legal", REQUEST)
    assert refused in review.refused_because
    if state != "released":
        assert review.state == state
        with pytest.raises(ReviewConflict):
            release.release("legal", "content", REQUEST, "letters")
        return
    release.release("legal", "content", REQUEST, "letters")
    assert area.held[f"released/content/{REQUEST}.json"] == released
    assert recorded == [(one["by"], one["decision"]) for one in said], "each person's decision is on record"


def test_only_the_approval_that_completes_the_number_is_shown_as_the_decision() -> None:
    alone = Review("legal", REQUEST, "waiting", "content", "req_1", DRAFT_SHA256, "ada", NOW)
    first = replace(alone, people=2)
    second = replace(first, approvals=({"by": "bo", "release_sha256": DRAFT_SHA256},))
    edited = ({"by": "bo", "release_sha256": DRAFT_SHA256}, {"by": "cy", "release_sha256": "0" * 64})
    after_an_edit = replace(first, people=3, approvals=edited)
    ends = {name: [one.ends_with(name) for one in (alone, first, second, after_an_edit)]
            for name in ("approve", "edit", "reject")}  # fmt: skip
    assert ends == {
        "approve": [True, False, True, False],
        "edit": [True, False, False, False],
        "reject": [True, True, True, True],
    }


def test_the_page_says_whose_decision_counts(aws: None) -> None:
    place = make_place(clock=Clock(datetime(2026, 12, 1, 9, tzinfo=UTC)))
    place.joined("p_ada", roles=("member", "reviewer"))
    waiting = Review(
        "legal",
        REQUEST,
        "waiting",
        "contract-review",
        "req_1",
        "0" * 64,
        "p_bob",
        NOW,
        ("policy: personnel",),
    )
    place.portal = replace(place.portal, deputy=Delegate(desk := Desk(waiting), "deputy"))
    with place.browser("p_ada") as client:
        for roles, shown, decides in (
            ((), "", True),
            (("counsel", "reviewer"), "from people with one of these roles: counsel, reviewer", True),
            (("counsel",), "one of these roles counts: counsel. You have none of them.", False),
        ):
            desk.review = replace(waiting, roles=roles)
            page = client.get(f"/portal/reviews/{REQUEST}").text
            assert shown in page, roles
            assert ("one of these roles" in page) == bool(roles)
            assert ('value="approve"' in page) == decides


def test_cases_are_for_the_governance_lead_and_the_person_sees_their_own(aws: None) -> None:
    place = make_place(clock=Clock(datetime(2026, 12, 1, 9, tzinfo=UTC)))
    place.joined("p_ada", roles=("governance-lead",))
    place.joined("p_bob", roles=("training-lead",))
    facts = {"person": "p_bob", "name": "Bob <b>", "department": "legal", "month": "2026-11", "count": 6,
             "reasons": {"restricted": 6}, "state": "open", "at": 1}  # fmt: skip
    place.portal.table.write(Row(CASE, "2026-11#p_bob", facts))
    with place.browser("p_ada") as client:
        page = client.get("/portal/center/cases").text
        assert "Bob &lt;b&gt;" in page
        assert "6 refusals in 2026-11" in page
        assert "A case about you" not in client.get("/portal/me").text
    with place.browser("p_bob") as client:
        assert client.get("/portal/center/cases").status_code == 404
        assert post(client, "center/cases", {"case": "2026-11#p_bob"}).status_code == 404
        assert "6 of your requests were refused in 2026-11" in client.get("/portal/me").text


def test_value_full_cost_and_maturity_are_shown_from_the_one_published_document(aws: None) -> None:
    now = datetime(2026, 12, 1, 9, tzinfo=UTC)
    place = make_place(clock=Clock(now))
    place.joined("p_ada", roles=("director",))
    place.joined("p_bob")
    people = {"name": "x", "department": "legal", "state": "active", "left": [], "due": "", "at": 1}
    for number in range(5):
        place.portal.table.write(Row("PEOPLE", f"p{number}", people))
    s3 = botocore.session.get_session().create_client("s3", region_name="eu-central-1")
    with place.browser("p_ada") as client:
        assert "Nobody has published the figures yet" in client.get("/portal/center/executive").text
        assert "once somebody has run" in client.get("/portal/center/departments").text
    document = figures(["legal", "sales"], now)
    for body in (b"{}", b"[", b'{"departments": {"legal": 1}}', json.dumps(document).encode()):
        s3.put_object(Bucket="governance", Key=FIGURES_KEY, Body=body)
        place.portal = replace(place.portal, figures=FiguresSource(s3, "governance"))
        with place.browser("p_ada") as client:
            page = client.get("/portal/center/executive")
            assert page.status_code == 200, body
    assert "worth more than its full cost" in page.text
    with place.browser("p_ada") as client:
        shown = client.get("/portal/center/departments").text
        assert "Owner: head of legal, by" in shown
        assert "an outcome on ten uses" in shown
    with place.browser("p_bob") as client:
        assert client.get("/portal/center/executive").status_code == 404
