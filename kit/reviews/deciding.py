"""What a reviewer sees and decides, the same for the command and for the page (L3.4, G.2, G.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kit.errors import ExitCode, KitError
from kit.identity.operator import plain
from kit.reviews.places import Place, departments_with_workflows, place
from kit.target import Target
from lambdas.workflow.area import REQUEST_ID, draft_key, edit_key, encoded
from lambdas.workflow.reviews import Review, ReviewConflict, UnknownReview, deliver

_LONGEST_REASON = 1000
_LONGEST_TEXT = 200_000


@dataclass(frozen=True)
class Decided:
    """A review after its decision; `told` is whether the waiting execution took it at once."""

    review: Review
    told: bool


def queue(target: Target, departments: Sequence[str] | None, person: str) -> list[Review]:
    """What waits for a person, oldest first by department; without departments wherever one is let in."""
    found: list[Review] = []
    for each in departments or departments_with_workflows():
        try:
            found += place(target, each, "reviewer", person).reviews.queued([each])
        except KitError:
            if departments:
                raise
    return found


def review_of(where: Place, request: str) -> Review:
    """One review. Raises KitError (2) where there is none."""
    try:
        if not REQUEST_ID.match(request):
            raise UnknownReview(request)
        return where.reviews.get(where.department, request)
    except UnknownReview:
        raise KitError(
            f"{where.department} has no review {request[:40]}",
            way_out="kit review-queue list shows what waits",
            exit_code=ExitCode.USAGE,
        ) from None


def draft_of(where: Place, request: str) -> dict[str, Any]:
    """The draft that is reviewed: `text`, `sources` and the rest. Its hash is checked against the review's.

    Raises KitError (2) where the draft is not the one that was sent to review.
    """
    stored = where.area.read(draft_key(request))
    if stored.sha256 != review_of(where, request).draft_sha256:
        raise KitError(
            f"{request}: the draft has changed since it was sent to review",
            way_out="reject it, and have the workflow started again",
            exit_code=ExitCode.USAGE,
        )
    return stored.document()


def decide(
    where: Place, request: str, decision: str, reason: str, *, text: str | None = None, draft_sha256: str = ""
) -> Decided:
    """Write the decision of `where.person`, and tell the execution. `text` is the reviewer's own, for `edit`;
    `draft_sha256` says what was read, where that can differ from what is there now.

    Raises KitError (2): decided otherwise, of another draft, by the person who asked, or without a reason.
    """
    review = review_of(where, request)
    if draft_sha256 and draft_sha256 != review.draft_sha256:
        raise KitError(
            f"{request}: this is not the draft that you have read",
            way_out="read it again",
            exit_code=ExitCode.USAGE,
        )
    said = plain(reason, "the reason", most=_LONGEST_REASON)
    release = {"approve": lambda: (draft_key(request), ""), "edit": lambda: _edited(where, review, text)}
    key, sha256 = release.get(decision, lambda: ("", ""))()
    try:
        decided = where.reviews.decide(
            where.department,
            request,
            decision,
            by=where.person,
            reason=said,
            release_key=key,
            release_sha256=sha256,
        )
    except ReviewConflict as conflict:
        raise KitError(f"{request}: {conflict}", exit_code=ExitCode.USAGE) from None
    return Decided(decided, deliver(where.client("stepfunctions"), decided))


def _edited(where: Place, review: Review, text: str | None) -> tuple[str, str]:
    """Keep the reviewer's version; its key, and its hash where it may be released."""
    key = edit_key(review.request)
    if text is None or not text.strip() or len(text) > _LONGEST_TEXT:
        raise KitError(f"an edit takes a text of 1 to {_LONGEST_TEXT:,} characters", exit_code=ExitCode.USAGE)
    if review.waiting:
        where.area.put(key, encoded({"by": where.person, "request": review.request, "text": text}))
    return key, where.area.read(key).sha256 if review.state in ("waiting", "edited") else ""
