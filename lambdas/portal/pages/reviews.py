"""The review desk: pending drafts, sources beside the draft, and a decision with its reason (L3.4, G.2)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.portal.portal import REVIEWER, DelegateRefused, Visitor
from lambdas.portal.web import failed, form, portal_of, redirect, signed_in, views_of

_ID = re.compile(r"wf_[0-9A-HJKMNP-TV-Z]{26}")
_PIECE = re.compile(r"\w+|\s+|[^\w\s]")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REASON_CHARACTERS = 1_000
_MOST_PIECES = 40_000  # a difference of longer texts is shown by line
REASONS = {
    "reason": "Give a reason of 1 to 1,000 characters.",
    "text": "An edit needs a text.",
    "changed": "The draft is not the one that you have read. Read it again.",
    "own": "You asked for this draft, so somebody else decides about it.",
    "decided": "Somebody has decided already.",
    "approved": "You have approved it; somebody else must as well.",
}


async def queue(request: Request, visitor: Visitor) -> Response:
    """Show what is pending in the person's department, oldest first."""
    if not visitor.has_role(REVIEWER):
        return failed(request, 404, visitor)
    portal = portal_of(request)
    try:
        found = await run_in_threadpool(portal.deputy.look, "queue", visitor.token)
    except DelegateRefused as error:
        return views_of(request).page(request, "not_recorded.html", visitor, status=503, reason=error.reason)
    return views_of(request).page(
        request, "reviews.html", visitor, reviews=found["reviews"], done=request.query_params.get("done", "")
    )


async def review(request: Request, visitor: Visitor) -> Response:
    """Show one draft with its sources and findings."""
    return await review_page(request, visitor)


async def review_page(
    request: Request,
    visitor: Visitor,
    *,
    typed: dict[str, str] | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    """Return the desk with one draft; an entered edit stays, with its difference to the draft."""
    portal, identifier = portal_of(request), request.path_params["request"]
    if not visitor.has_role(REVIEWER) or not _ID.fullmatch(identifier):
        return failed(request, 404, visitor)
    try:
        found = await run_in_threadpool(
            lambda: portal.deputy.look("review", visitor.token, request=identifier)
        )
    except DelegateRefused as error:
        if error.reason in {"request", "department", "reviewer"}:
            return failed(request, 404, visitor)
        problem, found = REASONS.get(error.reason, "Something went wrong. Try again in a minute."), None
        return views_of(request).page(
            request, "not_recorded.html", visitor, status=503, reason=visitor.language(problem)
        )
    given, roles = typed or {}, found["review"].get("roles", ())
    draft, proposed = found["text"], found["proposed"]["text"]
    edited = given.get("text", "") or proposed
    return views_of(request).page(
        request,
        "review.html",
        visitor,
        status=status,
        id=identifier,
        found=found,
        counts=not roles or visitor.has_role(*roles),
        draft=marked(draft, found["marks"]),
        edited=edited,
        reason=given.get("reason", ""),
        changes=differences(draft, edited) if edited != draft else (),
        approvals=_approvals(found["review"]),
        problem=problem,
    )


def _approvals(review: Mapping[str, Any]) -> int:
    """Return how many have approved the pending text."""
    texts = [one["release_sha256"] for one in review.get("approvals", ())]
    return texts.count(texts[-1]) if texts else 0


async def decide(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Approve, release an edit, reject, or only show the difference of an edit."""
    portal, identifier = portal_of(request), request.path_params["request"]
    if not visitor.has_role(REVIEWER) or not _ID.fullmatch(identifier):
        return failed(request, 404, visitor)
    decision = str(fields.get("decision", ""))
    typed = {name: str(fields.get(name, "")).replace("\r\n", "\n") for name in ("text", "reason")}
    read_sha256 = str(fields.get("read_sha256", ""))
    if decision not in {"approve", "edit", "reject"} or not _SHA256.fullmatch(read_sha256):
        return await review_page(request, visitor, typed=typed)
    wrong = "reason" if not typed["reason"].strip() or len(typed["reason"]) > _REASON_CHARACTERS else ""
    wrong = wrong or ("text" if decision == "edit" and not typed["text"].strip() else "")
    if wrong:  # said at once; the deputy would refuse it too
        return await review_page(
            request, visitor, typed=typed, problem=visitor.language(REASONS[wrong]), status=422
        )
    edit = {"text": typed["text"]} if decision == "edit" else {}
    try:
        decided = await run_in_threadpool(
            lambda: portal.deputy.ask(
                "decide", visitor.token, request=identifier, decision=decision, reason=typed["reason"],
                read_sha256=read_sha256, **edit,
            )
        )  # fmt: skip
    except DelegateRefused as error:
        problem = visitor.language(REASONS.get(error.reason, "Something went wrong. Try again in a minute."))
        return await review_page(request, visitor, typed=typed, problem=problem, status=422)
    return redirect(request, f"/reviews?done={decided['state']}")


def marked(text: str, marks: Iterable[Sequence[int]]) -> Markup:
    """Return the draft with the places of findings marked, each with the finding's number."""
    parts: list[Markup] = []
    at = 0
    for start, end, number in sorted(tuple(one) for one in marks):
        if start < at:
            continue  # two findings at one place: the first shows
        parts += [
            escape(text[at:start]),
            Markup("<mark>{}<sup>{}</sup></mark>").format(text[start:end], number),
        ]
        at = end
    return Markup("").join([*parts, escape(text[at:])])


def differences(before: str, after: str) -> list[dict[str, Any]]:
    """Return what changed, in order: {"kind": same, gone or new, "text"}."""
    one, other = _PIECE.findall(before), _PIECE.findall(after)
    if len(one) + len(other) > _MOST_PIECES:
        one, other = before.splitlines(keepends=True), after.splitlines(keepends=True)
    found: list[dict[str, Any]] = []
    for kind, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append({"kind": "same", "text": "".join(one[a:b])})
            continue
        found += [{"kind": "gone", "text": "".join(one[a:b])}] if b > a else []
        found += [{"kind": "new", "text": "".join(other[c:d])}] if d > c else []
    return found


ROUTES = [
    Route("/reviews", signed_in(queue)),
    Route("/reviews/{request}", signed_in(review)),
    Route("/reviews/{request}", form(decide), methods=["POST"]),
]
