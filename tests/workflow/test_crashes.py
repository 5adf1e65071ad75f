"""A workflow whose functions die after any one call to the outside: nothing is lost, nothing is released
twice, Claude is asked once more at most (L3.4, G.3).

Every step runs again after a crash, as Step Functions has it. Table and bucket are those of the emulated AWS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.common.ids import new_id
from lambdas.workflow.area import DepartmentArea, decisions_of, encoded, request_key
from lambdas.workflow.desk import Desk
from lambdas.workflow.drafting import Drafting, Workflow
from lambdas.workflow.gateway_client import Answer
from lambdas.workflow.release import Release
from lambdas.workflow.reviews import Reviews
from tests.support.standing import Standing

from .conftest import area_of

pytestmark = pytest.mark.emulator

FLOW = Workflow("content", "campaign-copy", "stable", "brief", ("claims",))
TEXT = "Covered the same day.\n\nClaims to check: none."
_MOST_CALLS = 80


class Died(Exception):
    """The function ended here, after its call had been made."""


@dataclass
class Fate:
    """Lets the process die once, after its call number `dies_after`."""

    dies_after: int
    calls: list[str] = field(default_factory=list)
    died_after: str = ""

    def called(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.dies_after:
            self.died_after = name
            raise Died(name)


@dataclass
class Mortal:
    """A client, or anything with methods, whose caller may die after each call."""

    inner: Any
    fate: Fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not callable(found) or name == "get_paginator":
            return found

        def call(*given: Any, **named: Any) -> Any:
            answer = found(*given, **named)
            self.fate.called(name)
            return answer

        return call


@dataclass
class Outside:
    """The gateway, the waiting execution and the audit store: what they were told."""

    asked: int = 0
    outcomes: list[Mapping[str, Any]] = field(default_factory=list)
    told: int = 0
    decisions: list[Mapping[str, Any]] = field(default_factory=list)

    def message(self, *_: Any, **__: Any) -> Answer:
        self.asked += 1
        return Answer(TEXT, "req_1", "end_turn")

    def record_outcome(self, _: str, outcome: Mapping[str, Any]) -> None:
        self.outcomes.append(outcome)

    def send_task_success(self, **_: Any) -> None:
        self.told += 1

    def publish(self, **_: Any) -> None:
        """Messages of escalations go nowhere here."""

    def append(self, record: Mapping[str, Any]) -> str:
        self.decisions.append(record)
        return new_id("rec_")


class SaysBy:
    """Takes the word of the document: whose proof holds is tested where it is real."""

    def person(self, document: Mapping[str, Any]) -> str:
        return str(document["by"])


@dataclass
class Course:
    """One request on its way through all steps."""

    areas: Mapping[str, DepartmentArea]
    reviews: Reviews
    fate: Fate
    decision: str
    outside: Outside = field(default_factory=Outside)
    request: str = field(default_factory=lambda: new_id("wf_"))

    def __post_init__(self) -> None:
        asked = {"by": "ada", "documents": [], "request": self.request, "workflow": "content"}
        self.areas["member"].put(request_key(self.request), encoded(asked))
        reviews = Reviews(Mortal(self.reviews.dynamodb, self.fate), self.reviews.table)
        outside: Any = Mortal(self.outside, self.fate)
        prover: Any = SaysBy()
        self.drafting = Drafting(self._area("drafter"), prover, outside)
        self.desk = Desk(reviews, outside, outside, "topic")
        self.releasing = Release(reviews, self._area("releaser"), prover, outside, outside.append)

    def _area(self, part: str) -> DepartmentArea:
        mine = self.areas[part]
        return DepartmentArea(Mortal(mine.s3, self.fate), mine.bucket, mine.key_arn)

    def step(self, run: Callable[[], Any]) -> Any:
        """A step, run again after a crash, as its definition says."""
        try:
            return run()
        except Died:
            return run()

    def run(self) -> None:
        about = {"department": "marketing", "request": self.request, "workflow": "content"}
        drafted = self.step(lambda: self.drafting.draft(FLOW, self.request))
        found = self.step(lambda: self.drafting.validate(FLOW, self.request))
        opening = {**about, **drafted, "demanded_by": "customer-facing", "findings": found["findings"]}
        assert self.step(lambda: self.desk.open(opening))["state"] == "waiting"
        self.step(lambda: self.desk.wait({**about, "token": "token"}))
        given = {
            "by": "grace",
            "decision": self.decision,
            "department": "marketing",
            "draft_sha256": drafted["draft_sha256"],
            "reason": "read",
            "request": self.request,
            "text": "mine",
        }
        self.areas["reviewer"].put_once(f"{decisions_of(self.request)}{new_id('dec_')}.json", encoded(given))
        state = self.step(lambda: self.releasing.decide("marketing", self.request))["state"]
        assert state == {"approve": "approved", "edit": "edited", "reject": "rejected"}[self.decision]
        if self.decision != "reject":
            self.step(lambda: self.releasing.release("marketing", "content", self.request, "content"))
        self.step(
            lambda: self.releasing.record("marketing", self.request, "content", material_decision=False)
        )

    def released(self, s3: Any) -> list[str]:
        """Every version of a released text of this request."""
        bucket = self.areas["member"].bucket
        listed = s3.list_object_versions(Bucket=bucket, Prefix=f"released/content/{self.request}")
        return [one["VersionId"] for one in listed.get("Versions", ())]


@pytest.mark.parametrize(
    "decision", ["edit", *(pytest.param(one, marks=pytest.mark.nightly) for one in ("approve", "reject"))]
)
def test_whatever_call_a_function_dies_after_the_text_is_released_once_and_everything_is_on_record(
    stage: Standing, decision: str
) -> None:
    areas = {
        part: area_of(stage, "marketing", part) for part in ("member", "drafter", "reviewer", "releaser")
    }
    reviews = Reviews(stage.root("dynamodb"), stage.exported("reviews_table_name"))
    s3 = stage.root("s3")
    places = []
    for number in range(1, _MOST_CALLS):
        course = Course(areas, reviews, Fate(number), decision)
        course.run()
        if not course.fate.died_after:
            break
        places.append(course.fate.died_after)
        where = f"died after call {number}, {course.fate.died_after}"
        outside, review = course.outside, reviews.get("marketing", course.request)
        assert len(course.released(s3)) == (0 if decision == "reject" else 1), where
        assert review.state == ("rejected" if decision == "reject" else "released"), where
        assert (review.decided_by, review.requested_by, review.recorded) == ("grace", "ada", True), where
        # what is told to somebody else can only be told again where the crash came before it was noted
        again = {"message": 1, "append": 1, "record_outcome": 1}.get(course.fate.died_after, 0)
        assert 1 <= outside.asked <= 1 + (course.fate.died_after == "message"), where
        assert 1 <= len(outside.decisions) <= 1 + again, where
        assert 1 <= len(outside.outcomes) <= 1 + again, where
        if decision != "reject":
            key = f"released/content/{course.request}.json"
            assert areas["member"].document(key)["text"] == ("mine" if decision == "edit" else TEXT), where
    else:
        pytest.fail("more calls than expected")
    wanted = {"message", "put_item", "update_item", "append", "put_object", "record_outcome"}
    assert wanted <= set(places), "a crash after each kind of call was tried"
    assert len(places) >= 20
