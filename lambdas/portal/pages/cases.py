"""Cases: repeated refusals of one person, for the governance lead, who closes each with an outcome (G.2)."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.portal.portal import DelegateRefused, Visitor
from lambdas.portal.table import CASE
from lambdas.portal.web import failed, form, portal_of, redirect, signed_in, views_of

GOVERNANCE_LEAD = "governance-lead"
OUTCOMES: Mapping[str, str] = {
    "false-alarm": "The alarms were wrong",
    "talked": "Settled in a conversation",
    "course": "A course was agreed",
    "incident": "Goes on as an incident",
}
_PROBLEMS = {
    "own": "The case is about you, so somebody else closes it.",
    "closed": "Somebody has closed it already.",
    "outcome": "Choose an outcome and say in a sentence what was found.",
}


async def cases(request: Request, visitor: Visitor) -> Response:
    """Show open cases, oldest first, then closed ones."""
    return await _page(request, visitor)


async def _page(request: Request, visitor: Visitor, problem: str = "", status: int = 200) -> Response:
    if not visitor.has_role(GOVERNANCE_LEAD):
        return failed(request, 404, visitor)
    rows = await run_in_threadpool(portal_of(request).table.rows, CASE)
    return views_of(request).page(
        request,
        "center_cases.html",
        visitor,
        status=status,
        open=[row for row in rows if row.data["state"] == "open"],
        closed=[row for row in reversed(rows) if row.data["state"] != "open"],
        outcomes=OUTCOMES,
        problem=problem,
    )


async def close(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Close a case: the registrar verifies who says so, and records it."""
    if not visitor.has_role(GOVERNANCE_LEAD):
        return failed(request, 404, visitor)
    said = {name: str(fields.get(name, ""))[:1_000] for name in ("case", "outcome", "note")}
    registrar = portal_of(request).registrar
    try:
        await run_in_threadpool(lambda: registrar.ask("close_case", visitor.token, **said))
    except DelegateRefused as error:
        problem = _PROBLEMS.get(error.reason, "Something went wrong. Try again in a minute.")
        return await _page(request, visitor, visitor.language(problem), 422)
    return redirect(request, "/center/cases")


ROUTES = [
    Route("/center/cases", signed_in(cases)),
    Route("/center/cases", form(close), methods=["POST"]),
]
