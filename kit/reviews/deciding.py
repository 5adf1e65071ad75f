"""What a reviewer sees and decides, shared by the command and the page (L3.4, G.2, G.6)."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kit.errors import ExitCode, KitError
from kit.identity.operator import plain
from kit.reviews.places import Place, departments_with_workflows, place
from kit.target import Target
from lambdas.common.ids import new_id
from lambdas.workflow.area import REQUEST_ID, decisions_of, draft_key, edit_key, encoded
from lambdas.workflow.reviews import DECISIONS, Review, UnknownReview, deliver, same_person

_LONGEST_REASON = 1000
_LONGEST_TEXT = 200_000
_LONGEST_WAIT, _LOOK_EVERY = 30.0, 0.2  # seconds


@dataclass(frozen=True)
class Decided:
    """A review after its decision. `delivered` says whether an execution was waiting for it. The review
    keeps waiting if others must approve too, or if the execution has not taken the decision yet.
    """

    review: Review
    delivered: bool
    key: str = ""  # key of the decision's document

    @property
    def state(self) -> str:
        """The decision (approved, edited or rejected), or `waiting` until the workflow has taken it."""
        return DECISIONS[self.review.decision] if self.review.decision else self.review.state


def queue(target: Target, departments: Sequence[str] | None, person: str) -> list[Review]:
    """Return what waits for a person, oldest first by department; without `departments`, wherever that
    person has access.
    """
    found: list[Review] = []
    for each in departments or departments_with_workflows(target):
        try:
            found += place(target, each, "reviewer", person).reviews.queued([each])
        except KitError:
            if departments:
                raise
    return found


def review_of(where: Place, request: str) -> Review:
    """Return one review. Raises KitError (2) if it does not exist."""
    try:
        if not REQUEST_ID.match(request):
            raise UnknownReview(request)
        return where.reviews.get(where.department, request)
    except UnknownReview:
        raise KitError(
            f"{where.department} has no review {request[:40]}",
            hint="kit review-queue list shows what waits",
            exit_code=ExitCode.USAGE,
        ) from None


def draft_of(where: Place, request: str) -> dict[str, Any]:
    """Return what is under review: `text`, `sources` and the rest, with its hash checked against the
    review's. If a reviewer's edit waits for further approvals, `text` is that edit and `edited_by` names
    its author.

    Raises KitError (2) if the draft is not the one that was sent to review.
    """
    review, stored = review_of(where, request), where.area.read(draft_key(request))
    edit = where.area.read(edit_key(request)) if review.edited else None
    if stored.sha256 != review.draft_sha256 or (edit and edit.sha256 != review.proposed_sha256):
        raise KitError(
            f"{request}: the draft has changed since it was sent to review",
            hint="reject it, and have the workflow started again",
            exit_code=ExitCode.USAGE,
        )
    if edit is None:
        return stored.document()
    proposed = edit.document()
    return {**stored.document(), "text": proposed["text"], "edited_by": proposed["by"]}


def approvals_of(review: Review) -> dict[str, str]:
    """Return the progress of approvals if more than one person must approve; otherwise an empty mapping."""
    if review.people < 2:
        return {}
    so_far = ", ".join(review.approvers(review.proposed_sha256))
    return {"Approvals": f"{review.people} people must approve it; so far {so_far or 'nobody'}"}


def decide(
    where: Place, request: str, decision: str, reason: str, *, text: str | None = None, read_sha256: str = ""
) -> Decided:
    """Write the decision of `where.person`, signed by the role session, send it to the execution and wait
    until the execution has taken it. `text` is the reviewer's own, for `edit`; `read_sha256` is the hash
    of the draft or edit that was read, if it may differ from the current one.

    Raises KitError (2) if the review was decided otherwise, the draft has changed, the requester decides on
    their own request, a reason is missing, or the workflow refuses the decision, for example because the
    person has left the department.
    """
    review = review_of(where, request)
    if read_sha256 and read_sha256 != review.proposed_sha256:
        raise KitError(
            f"{request}: this is not the draft that you have read",
            hint="read it again",
            exit_code=ExitCode.USAGE,
        )
    said = plain(reason, "the reason", most=_LONGEST_REASON)
    if decision not in DECISIONS:
        raise KitError(f"there is no decision {decision[:20]!r}", exit_code=ExitCode.USAGE)
    if decision == "edit" and (text is None or not text.strip() or len(text) > _LONGEST_TEXT):
        raise KitError(f"an edit takes a text of 1 to {_LONGEST_TEXT:,} characters", exit_code=ExitCode.USAGE)
    if same_person(where.person, review.requested_by):
        raise KitError(
            f"{request}: the person who asked for it may not decide on it", exit_code=ExitCode.USAGE
        )
    if not review.waiting:
        return Decided(_as_decided(review, decision, where.person), False)
    document = {
        "decision": decision,
        "department": where.department,
        "draft_sha256": review.draft_sha256,
        "reason": said,
        "request": request,
        **({"text": text} if decision == "edit" else {}),
        **({"text_sha256": review.proposed_sha256} if review.edited else {}),
    }
    key = f"{decisions_of(request)}{new_id('dec_')}.json"
    where.area.put_once(key, encoded(where.signed(document)))
    delivered = deliver(where.client("stepfunctions"), review)
    return Decided(_taken(where, review, decision, key) if delivered else review, delivered, key)


def _taken(where: Place, review: Review, decision: str, key: str) -> Review:
    """Return the review once the workflow has taken the decision `key`, or its state after `_LONGEST_WAIT`.

    Raises KitError (2) if the workflow refused it.
    """
    end = time.monotonic() + _LONGEST_WAIT
    while review.waiting and time.monotonic() < end and not _counted(review, key):
        if review.refused_key == key:
            raise KitError(
                f"{review.request}: your decision does not count: {review.refused_because}",
                hint="it still waits: another reviewer of the department may decide",
                exit_code=ExitCode.USAGE,
            )
        time.sleep(_LOOK_EVERY)
        review = where.reviews.get(where.department, review.request)
    return review if review.waiting else _as_decided(review, decision, where.person)


def _counted(review: Review, key: str) -> bool:
    """Whether the decision is counted and waits for further approvals."""
    return any(one["key"] == key for one in review.approvals)


def _as_decided(review: Review, decision: str, person: str) -> Review:
    """Return the review. Raises KitError (2) if it was decided otherwise or by somebody else."""
    if (review.decision, review.decided_by) != (decision, person):
        raise KitError(f"{review.request}: it is {review.state} already", exit_code=ExitCode.USAGE)
    return review
