"""The desk's steps of a workflow: open a review, wait for a person, escalate, give up (L3.4).

Event: {"step": "open" | "wait" | "escalate" | "expire", "department", "request", …}. `department` and
`demanded_by` come from the workflow's definition, so anyone who starts an execution cannot talk a review
away. Messages of an escalation carry ids only.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from lambdas.common.clock import Clock, utc_now
from lambdas.workflow.area import draft_key
from lambdas.workflow.aws import client
from lambdas.workflow.reviews import DECIDED, Review, Reviews, deliver


@dataclass(frozen=True, slots=True)
class Desk:
    """The four steps. `states` and `topics` are clients of Step Functions and SNS."""

    reviews: Reviews
    states: Any
    topics: Any
    topic_arn: str
    clock: Clock = utc_now

    def open(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Open the review: a person is asked if the policy requires it or a check found something.

        Return {"state": "waiting" | "not-demanded" | …}; an opened review keeps its state.
        """
        findings = tuple({"check": one["check"], "finding": one["finding"]} for one in event["findings"])
        demanded = str(event.get("demanded_by") or "")
        because = ((f"policy: {demanded}",) if demanded else ()) + (
            (f"{len(findings)} findings",) if findings else ()
        )
        review = self.reviews.open(
            Review(
                department=event["department"],
                request=event["request"],
                state="waiting" if because else "not-demanded",
                workflow=event["workflow"],
                call=event["call"],
                draft_sha256=event["draft_sha256"],
                requested_by=event["requested_by"],
                opened_at=self.clock().isoformat(timespec="seconds"),
                because=because,
                findings=findings,
                roles=tuple(event.get("roles") or ()),
                people=int(event.get("people") or 1),
                release_key="" if because else draft_key(event["request"]),
                release_sha256="" if because else event["draft_sha256"],
            )
        )
        return {"state": review.state}

    def wait(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Store the execution's token; an existing decision is delivered at once."""
        review = self.reviews.wait(event["department"], event["request"], event["token"])
        if review.state in DECIDED:
            deliver(self.states, review)
        return {"state": review.state}

    def escalate(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Notify the recipients of alarms that a review is waiting too long, then keep waiting."""
        if self.reviews.escalate(event["department"], event["request"]):
            said = {key: event[key] for key in ("department", "request", "workflow")}
            self.topics.publish(
                TopicArn=self.topic_arn,
                Subject="A review waits too long",
                Message=json.dumps({**said, "show": f"kit review-queue show {event['request']}"}),
            )
        return self.wait(event)

    def expire(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Close a review that nobody decided; a decision made meanwhile counts."""
        return {"state": self.reviews.expire(event["department"], event["request"]).state}


@cache
def _desk() -> Desk:
    reviews = Reviews(client("dynamodb"), os.environ["REVIEWS_TABLE"])
    return Desk(reviews, client("stepfunctions"), client("sns"), os.environ["ALARM_TOPIC_ARN"])


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Serve Lambda."""
    del context
    desk = _desk()
    steps = {"open": desk.open, "wait": desk.wait, "escalate": desk.escalate, "expire": desk.expire}
    return steps[event["step"]](event)
