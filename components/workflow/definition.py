"""The definition of a workflow in Amazon States Language (L3.1, L3.4, G.3).

    Draft ─> WasDrafted ─> Validate ─> OpenReview ─> IsReviewDemanded ─> AwaitReview ─> TakeDecision ─> …
                 │                                          │               │ time-out
              Refused                                       │            Escalate ─> TakeDecision ─> …
                                                            │               │ time-out
                                                            │            LastLook ─> Expire ─> …
                                                            │
                                        … ─> WhatWasDecided ├─> Release ─> RecordRelease ─> Released
                                                            └─> RecordRejection ─> Rejected

A workflow without the step `review` waits for nobody: what a person would have had to read expires. One
without `release` goes from the decision to its record, one without `outcome` from the release to the end.

The reviewer's call only says that there is a decision; which one counts is found by the releaser, and where
none does, the review waits on.
What travels from state to state are ids, hashes and findings; every text stays in the department's data area.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contract.workflows import OutcomeStep, ReleaseStep, ReviewStep, Workflow

_TRY_AGAIN = [
    {"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 5, "MaxAttempts": 1, "BackoffRate": 2.0},
    {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 6, "BackoffRate": 2.0,
     "MaxDelaySeconds": 60, "JitterStrategy": "FULL"},
]  # fmt: skip
_LAMBDA = "arn:aws:states:::lambda:invoke"


@dataclass(frozen=True)
class Steps:
    """Targets of a definition's tasks: ARNs of live aliases."""

    draft: str
    desk: str
    release: str
    partition: str = "aws"


@dataclass(frozen=True)
class Waiting:
    """How long a review waits, and how long after its escalation, in seconds."""

    review: int
    escalation: int


@dataclass(frozen=True)
class Planned:
    """One workflow of a department. `step` is the input of its drafting step; `demanded_by` names what
    requires a review regardless of the checks (empty: nothing).
    """

    workflow: Workflow
    step: Mapping[str, Any]
    demanded_by: str
    waiting: Waiting

    @property
    def name(self) -> str:
        """Return the workflow's name."""
        return self.workflow.name


def definition(planned: Planned, department: str, steps: Steps) -> dict[str, Any]:
    """Return the definition as plain data."""
    workflow, made = planned.step, planned.workflow
    review = made.step(ReviewStep)
    outcome = made.step(OutcomeStep)
    about = {"department": department, "request.$": "$.request", "workflow": workflow["name"]}
    draft = {"workflow": dict(workflow), "request.$": "$.request"}
    who: dict[str, Any] = {"roles": list(review.roles)} if review and review.roles else {}
    if review and review.people > 1:
        who["people"] = review.people
    opening = {
        **about,
        **who,
        "call.$": "$.draft.call",
        "demanded_by": planned.demanded_by,
        "draft_sha256.$": "$.draft.draft_sha256",
        "findings.$": "$.validation.findings",
        "requested_by.$": "$.draft.requested_by",
    }
    record = {
        **about,
        "material_decision": outcome.material_decision if outcome else False,
        "use_case": workflow["use_case"],
    }
    decision = {**record, **who}
    released, waiting = made.step(ReleaseStep) is not None, planned.waiting
    accepted = "Release" if released else "RecordAcceptance"
    decided = dict.fromkeys(_ACCEPTED, accepted) | {"rejected": "RecordRejection" if outcome else "Rejected"}
    states: dict[str, Any] = {
        "Draft": _task(steps, steps.draft, "draft", draft, "$.draft", "WasDrafted", seconds=900),
        "WasDrafted": _choice("$.draft.status", {"drafted": "Validate"}, "Refused"),
        "Validate": _task(steps, steps.draft, "validate", draft, "$.validation", "OpenReview"),
        "OpenReview": _task(steps, steps.desk, "open", opening, "$.review", "IsReviewDemanded"),
        "IsReviewDemanded": _choice(
            "$.review.state", {"waiting": "AwaitReview" if review else "Expire", **decided}, "Undecided"
        ),
        "Expire": _task(steps, steps.desk, "expire", about, "$.review", "WhatWasDecided"),
        "WhatWasDecided": _choice("$.review.state", decided, "Undecided"),
        "Rejected": {"Type": "Succeed"},
        "Refused": {"Type": "Fail", "Error": "Refused", "CausePath": "$.draft.reason"},
        "Undecided": {"Type": "Fail", "Error": "ReviewExpired", "Cause": "Nobody has reviewed the draft."},
    }
    if review:
        states |= {
            "AwaitReview": _waiting(steps, "wait", about, waiting.review, "Escalate"),
            "Escalate": _waiting(steps, "escalate", about, waiting.escalation, "LastLook"),
            "TakeDecision": _task(steps, steps.release, "decide", decision, "$.review", "WasDecided"),
            "WasDecided": _choice("$.review.state", {"waiting": "AwaitReview"}, "WhatWasDecided"),
            "LastLook": _task(steps, steps.release, "decide", decision, "$.review", "WasDecidedInTime"),
            "WasDecidedInTime": _choice("$.review.state", {"waiting": "Expire"}, "WhatWasDecided"),
        }
    if released:
        after = "RecordRelease" if outcome else "Released"
        states["Release"] = _task(steps, steps.release, "release", record, "$.release", after)
    states["Released" if released else "Accepted"] = {"Type": "Succeed"}
    if outcome:
        ends = ("RecordRelease", "WasRecorded", "Released") if released else (
            "RecordAcceptance", "WasRecorded", "Accepted"
        )  # fmt: skip
        for task, choice, end in (ends, ("RecordRejection", "WasRejectionRecorded", "Rejected")):
            states[task] = _task(steps, steps.release, "record", record, "$.record", choice)
            states[choice] = _recorded(end)
        states["NotRecorded"] = {
            "Type": "Fail", "Error": "NotRecorded", "Cause": "What came of it is not on record.",
        }  # fmt: skip
    return {
        "Comment": f"{department}: {workflow['name']}",
        "QueryLanguage": "JSONPath",
        "StartAt": "Draft",
        "States": states,
    }


_ACCEPTED = ("approved", "edited", "not-demanded", "released", "releasing")


def _task(
    steps: Steps, function: str, step: str, payload: Mapping[str, Any], result: str, then: str,
    *, seconds: int = 120,
) -> dict[str, Any]:  # fmt: skip
    return {
        "Type": "Task",
        "Resource": _LAMBDA.replace("aws", steps.partition, 1),
        "Parameters": {"FunctionName": function, "Payload": {"step": step, **payload}},
        "ResultPath": result,
        "ResultSelector": _SELECTORS[step],
        "TimeoutSeconds": seconds,
        "Retry": _TRY_AGAIN,
        "Next": then,
    }


# Fields kept of each step's result, so that nothing else can enter the execution's history.
_SELECTORS: Mapping[str, Mapping[str, str]] = {
    "draft": {"status.$": "$.Payload.status", "call.$": "$.Payload.call",
              "draft_sha256.$": "$.Payload.draft_sha256", "requested_by.$": "$.Payload.requested_by",
              "reason.$": "$.Payload.reason"},
    "validate": {"findings.$": "$.Payload.findings"},
    "open": {"state.$": "$.Payload.state"},
    "expire": {"state.$": "$.Payload.state"},
    "decide": {"state.$": "$.Payload.state"},
    "release": {"released_key.$": "$.Payload.released_key"},
    "record": {"recorded.$": "$.Payload.recorded"},
}  # fmt: skip


def _waiting(
    steps: Steps, step: str, about: Mapping[str, Any], seconds: int, on_timeout: str
) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"{_LAMBDA.replace('aws', steps.partition, 1)}.waitForTaskToken",
        "Parameters": {
            "FunctionName": steps.desk,
            "Payload": {"step": step, "token.$": "$$.Task.Token", **about},
        },
        "ResultSelector": {"state.$": "$.state"},
        "ResultPath": "$.review",
        "TimeoutSeconds": seconds,
        # Whatever goes wrong while waiting for a person, the desk is asked again and nothing is lost.
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.waited", "Next": on_timeout}],
        "Next": "TakeDecision",
    }


def _choice(variable: str, ways: Mapping[str, str], otherwise: str) -> dict[str, Any]:
    choices = [
        {"Variable": variable, "StringEquals": value, "Next": then} for value, then in sorted(ways.items())
    ]
    return {"Type": "Choice", "Choices": choices, "Default": otherwise}


def _recorded(then: str) -> dict[str, Any]:
    choice = {"Variable": "$.record.recorded", "BooleanEquals": True, "Next": then}
    return {"Type": "Choice", "Choices": [choice], "Default": "NotRecorded"}
