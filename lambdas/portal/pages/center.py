"""What the Center of Excellence sees: onboarding, learning, tickets (C.1, L4.1, L4.3)."""

from collections import Counter
from collections.abc import Iterable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.portal.portal import Portal, Visitor
from lambdas.portal.table import Row
from lambdas.portal.web import failed, portal_of, signed_in, views_of

PRIVACY_LIMIT = 5  # people below which no figure about a group is shown


async def tickets(request: Request, visitor: Visitor) -> Response:
    """Open tickets, oldest first."""
    if not visitor.in_center:
        return failed(request, 404, visitor)
    portal = portal_of(request)
    waiting = await run_in_threadpool(portal.table.queued, "open")
    kinds = Counter(row.data["kind"] for row in waiting)
    return views_of(request).page(request, "center_tickets.html", visitor, tickets=waiting, kinds=kinds)


async def learning(request: Request, visitor: Visitor) -> Response:
    """How many have passed each course, for groups that are large enough to show."""
    if not visitor.in_center:
        return failed(request, 404, visitor)
    portal = portal_of(request)
    passed = await run_in_threadpool(completions, portal)
    rows = [
        (course, passed.get(course.id, 0), passed.get(course.id, 0) >= PRIVACY_LIMIT)
        for course in visitor.content.courses
    ]
    return views_of(request).page(request, "center_learning.html", visitor, rows=rows, limit=PRIVACY_LIMIT)


def completions(portal: Portal) -> Counter[str]:
    """How many people have passed each course. Blocks."""
    return count(portal.table.rows("PASSED"))


def count(rows: Iterable[Row]) -> Counter[str]:
    """Passes by course; a person counts once."""
    return Counter(row.sk.partition("#")[0] for row in rows)


ROUTES = [
    Route("/center/tickets", signed_in(tickets)),
    Route("/center/learning", signed_in(learning)),
]
