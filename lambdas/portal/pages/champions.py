"""Champions: who they are, their stories, and how to become one (L4.6)."""

import re

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.common.ids import new_id
from lambdas.portal.pages.support import next_hours
from lambdas.portal.portal import Portal, Visitor
from lambdas.portal.table import Row
from lambdas.portal.web import form, portal_of, redirect, signed_in, views_of, whole_number

ROLE = "champions"
_NAME = re.compile(r"[^\x00-\x1f<>]{1,80}")
_STORY_CHARACTERS = 2_000


def champions_of(portal: Portal, department: str = "") -> list[Row]:
    """Return the champions who agreed to be shown, of one department or of all. Blocks."""
    shown = portal.table.rows("CHAMPION")
    return [row for row in shown if not department or row.data["department"] == department]


async def champions(request: Request, visitor: Visitor) -> Response:
    """Show the champions and reported stories."""
    portal = portal_of(request)
    everyone = await run_in_threadpool(champions_of, portal)
    stories = await run_in_threadpool(lambda: portal.table.rows("STORY", newest_first=True))
    return views_of(request).page(
        request,
        "champions.html",
        visitor,
        champions=everyone,
        stories=stories[:20],
        is_champion=visitor.has_role(ROLE),
        sessions=[hour for hour in next_hours(visitor, portal.now()) if ROLE in hour.of.roles],
        early_access=portal.settings.early_access,
        shown=any(row.sk == visitor.person for row in everyone),
    )


async def consent(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Let a champion agree to be shown by name, or withdraw that."""
    portal = portal_of(request)
    if not visitor.has_role(ROLE):
        return views_of(request).page(request, "failed.html", visitor, status=403, code=403)
    name = str(fields.get("name", "")).strip()
    if fields.get("show") == "yes" and _NAME.fullmatch(name):
        facts = {"name": name, "department": visitor.record.department, "at": int(portal.now().timestamp())}
        await run_in_threadpool(portal.table.write, Row("CHAMPION", visitor.person, facts))
    else:
        await run_in_threadpool(portal.table.delete, "CHAMPION", visitor.person)
    return redirect(request, "/champions")


async def tell(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Store a success story: what was done, what it saved."""
    portal = portal_of(request)
    text = str(fields.get("story", "")).strip()
    minutes = whole_number(fields.get("minutes") or "0")
    if not text or len(text) > _STORY_CHARACTERS or minutes is None or minutes > 10_000:
        return redirect(request, "/champions#tell")
    facts = {
        "text": text,
        "person": visitor.person,
        "minutes": minutes,
        "department": visitor.record.department,
        "author": visitor.name if fields.get("name") == "yes" else "",
        "at": int(portal.now().timestamp()),
    }
    await run_in_threadpool(portal.table.create, Row("STORY", new_id("sto_"), facts))
    return redirect(request, "/champions")


ROUTES = [
    Route("/champions", signed_in(champions)),
    Route("/champions/consent", form(consent), methods=["POST"]),
    Route("/champions/story", form(tell), methods=["POST"]),
]
