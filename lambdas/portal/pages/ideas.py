"""Use cases: an idea with its value and risks, its score, the decision, its owner (C.3, G.6).

The rows `IDEA` are the inventory of AI uses that the assurance registers read:
title, problem, department, person, at, value and feasibility (1 to 5), risks (names of RISKS that apply),
state (one of STATES), decision, owner, decided_by, decided_at.
"""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.common.ids import new_id
from lambdas.portal.portal import Visitor
from lambdas.portal.table import Row, RowConflict
from lambdas.portal.web import failed, form, portal_of, redirect, signed_in, views_of

IDEA = "IDEA"
STATES = {
    "new": "new",
    "assessed": "assessed",
    "pilot": "in pilot",
    "live": "in use",
    "ended": "ended",
    "declined": "declined",
}
_ORDER = list(STATES)
RISKS = {
    "people": "It concerns decisions on people: jobs, pay, access to services",
    "personal-data": "It uses personal data",
    "customers": "Its result reaches customers or the public",
    "automation": "It acts without a person looking at each result",
    "safety": "A mistake could hurt somebody or break the law",
}
_TITLE, _TEXT = 120, 2_000


async def ideas(request: Request, visitor: Visitor) -> Response:
    """Show proposed ideas: all for the Center, one's own department's for others."""
    return await page(request, visitor)


async def page(request: Request, visitor: Visitor, *, problem: str = "", status: int = 200) -> Response:
    """Return the page of ideas by state, the most valuable first."""
    rows = await run_in_threadpool(portal_of(request).table.rows, IDEA)
    seen = [row for row in rows if visitor.in_center or row.data["department"] == visitor.record.department]
    ordered = sorted(seen, key=lambda row: (_ORDER.index(row.data["state"]), -score(row.data), row.sk))
    return views_of(request).page(
        request,
        "ideas.html",
        visitor,
        status=status,
        ideas=[(row.sk, row.data, score(row.data)) for row in ordered],
        risks=RISKS,
        states=STATES,
        problem=problem,
    )


def score(idea: Any) -> int:
    """Return value times feasibility, 1 to 25, minus a fifth for each risk; 0 before assessment."""
    worth = int(idea.get("value") or 0) * int(idea.get("feasibility") or 0)
    return max(0, worth - worth * len(idea.get("risks") or ()) // 5)


async def propose(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Store a new idea, with the risks its author sees."""
    portal = portal_of(request)
    title, problem = (str(fields.get(name, "")).strip() for name in ("title", "problem"))
    if not 0 < len(title) <= _TITLE or not 0 < len(problem) <= _TEXT:
        return await page(
            request, visitor, problem=visitor.language("Give it a title, and say what is to get better."),
            status=422,
        )  # fmt: skip
    facts = {
        "title": title, "problem": problem, "department": visitor.record.department,
        "person": visitor.person, "name": visitor.name, "at": int(portal.now().timestamp()),
        "risks": [name for name in RISKS if fields.get(f"risk-{name}") == "yes"], "state": "new",
    }  # fmt: skip
    await run_in_threadpool(portal.table.create, Row(IDEA, new_id("ide_"), facts))
    return redirect(request, "/ideas")


async def decide(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Assess an idea and decide on it, with an owner and a reason."""
    portal = portal_of(request)
    if not visitor.in_center:
        return failed(request, 404, visitor)
    row = await run_in_threadpool(portal.table.get, IDEA, str(fields.get("idea", ""))[:60])
    if row is None:
        return failed(request, 404, visitor)
    state, owner, decision = (str(fields.get(name, "")).strip() for name in ("state", "owner", "decision"))
    marks = {name: str(fields.get(name, "")) for name in ("value", "feasibility")}
    fits = state in STATES and all(one in {"1", "2", "3", "4", "5"} for one in marks.values())
    decided = state not in {"new", "assessed"}
    if not fits or len(owner) > _TITLE or len(decision) > _TEXT or (decided and not (owner and decision)):
        problem = visitor.language("A decision needs value, feasibility, an owner and a reason.")
        return await page(request, visitor, problem=problem, status=422)
    facts = {
        **row.data, **{name: int(one) for name, one in marks.items()}, "state": state, "owner": owner,
        "decision": decision, "decided_by": visitor.name, "decided_at": int(portal.now().timestamp()),
    }  # fmt: skip
    try:
        await run_in_threadpool(lambda: portal.table.change(row, data=facts))
    except RowConflict:
        problem = visitor.language("Somebody else has just changed it. Read it again.")
        return await page(request, visitor, problem=problem, status=409)
    return redirect(request, "/ideas")


ROUTES = [
    Route("/ideas", signed_in(ideas)),
    Route("/ideas", form(propose), methods=["POST"]),
    Route("/ideas/decide", form(decide), methods=["POST"]),
]
