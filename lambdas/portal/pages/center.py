"""Pages of the Center of Excellence: onboarding, learning, tickets, the twelve weeks (C.1, L4.1, L4.3)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.portal.pages.ideas import IDEA, STATES
from lambdas.portal.popular import ENOUGH_PEOPLE, Worth, worth
from lambdas.portal.portal import Portal, Visitor
from lambdas.portal.table import REMINDED, PortalTable, Row
from lambdas.portal.web import failed, form, portal_of, redirect, signed_in, views_of
from lambdas.portal.xapi import lines, statement

_OWNER_CHARACTERS = 120
TIMELINE = "WEEK"
VERDICTS: Mapping[str, str] = {
    "above": "worth more than its full cost",
    "undecided": "value and full cost overlap",
    "below": "worth less than its full cost",
    "unpriced": "no baseline prices the time",
}
_IN, _LATE = ("active", "renewing"), ("overdue", "lapsed")


async def tickets(request: Request, visitor: Visitor) -> Response:
    """Show open tickets, oldest first."""
    if not visitor.in_center:
        return failed(request, 404, visitor)
    portal = portal_of(request)
    waiting = await run_in_threadpool(portal.table.queued, "open")
    kinds = Counter(row.data["kind"] for row in waiting)
    return views_of(request).page(request, "center_tickets.html", visitor, tickets=waiting, kinds=kinds)


async def learning(request: Request, visitor: Visitor) -> Response:
    """Show how many have passed each course, for groups that are large enough."""
    if not visitor.in_center:
        return failed(request, 404, visitor)
    passed = await run_in_threadpool(completions, portal_of(request))
    rows = [
        (course, passed.get(course.id, 0), passed.get(course.id, 0) >= ENOUGH_PEOPLE)
        for course in visitor.content.courses
    ]
    return views_of(request).page(request, "center_learning.html", visitor, rows=rows, limit=ENOUGH_PEOPLE)


def completions(portal: Portal) -> Counter[str]:
    """Return how many people have passed each course. Blocks."""
    return count(portal.table.rows("PASSED"))


def count(rows: Iterable[Row]) -> Counter[str]:
    """Return passes by course; a person counts once."""
    return Counter(row.sk.partition("#")[0] for row in rows)


async def people(request: Request, visitor: Visitor) -> Response:
    """Show who has which open tasks, overdue ones first: for the leads who help them, not as statistics."""
    if not visitor.has_role("training-lead", "enablement-lead"):
        return failed(request, 404, visitor)
    table = portal_of(request).table
    rows, mails = await run_in_threadpool(lambda: (table.rows("PEOPLE"), table.rows(REMINDED)))
    reminded = {row.sk: row.data for row in mails if row.data["times"]}
    known = sorted(
        ({**row.data, "reminded": reminded.get(row.sk)} for row in rows),
        key=lambda one: (one["due"] or "9999", one["name"]),
    )
    return views_of(request).page(
        request,
        "center_people.html",
        visitor,
        people=known,
        states=Counter(one["state"] for one in known),
        day=date.fromisoformat,
    )


@dataclass(frozen=True, slots=True)
class DepartmentFigures:
    """A department in the portal. `people` have tasks, `active` of them nothing overdue; `ideas` are
    counted by state.
    """

    name: str
    people: int
    active: int
    overdue: int
    used: tuple[Worth, ...]
    ideas: Mapping[str, int]

    @property
    def shown(self) -> bool:
        """Return whether the figures are about enough people."""
        return self.people >= ENOUGH_PEOPLE


def department_figures(table: PortalTable) -> list[DepartmentFigures]:
    """Return every department with a known person, by name. Blocks."""
    people = [row.data for row in table.rows("PEOPLE")]
    ideas = [row.data for row in table.rows(IDEA)]
    return [
        DepartmentFigures(
            name,
            sum(one["department"] == name for one in people),
            sum(one["department"] == name and one["state"] in _IN for one in people),
            sum(one["department"] == name and one["state"] in _LATE for one in people),
            tuple(worth(table.rows(f"USED#{name}"))),
            Counter(STATES[one["state"]] for one in ideas if one["department"] == name),
        )
        for name in sorted({one["department"] for one in people if one["department"]})
    ]


async def departments(request: Request, visitor: Visitor) -> Response:
    """Show adoption, value and ideas by department, for groups that are large enough."""
    if not visitor.in_center:
        return failed(request, 404, visitor)
    portal = portal_of(request)
    known = await run_in_threadpool(department_figures, portal.table)
    published = await run_in_threadpool(portal.figures.current)
    return views_of(request).page(
        request,
        "center_departments.html",
        visitor,
        departments=known,
        published=published,
        limit=ENOUGH_PEOPLE,
        verdicts=VERDICTS,
        day=date.fromisoformat,
    )


async def executive(request: Request, visitor: Visitor) -> Response:
    """Show the quarter on one page: value, risks, who is behind, what to decide."""
    if not visitor.in_center:
        return failed(request, 404, visitor)
    published = await run_in_threadpool(portal_of(request).figures.current)
    return views_of(request).page(
        request, "center_executive.html", visitor, published=published, verdicts=VERDICTS
    )


async def export(request: Request, visitor: Visitor) -> Response:
    """Download every pass as an xAPI statement: evidence of AI literacy measures."""
    if not visitor.has_role("training-lead"):
        return failed(request, 404, visitor)
    portal = portal_of(request)
    titles = {one.id: one.title.by_language for one in visitor.content.courses}

    def written() -> str:
        passed = [tuple(row.sk.split("#", 1)) for row in portal.table.rows("PASSED")]
        found = [(course, person, portal.table.get(f"PERSON#{person}", f"COURSE#{course}"))
                 for course, person in passed]  # fmt: skip
        url = portal.settings.portal_url
        return lines(
            statement(url, person, course, titles.get(course, {"en": course}), row.data)
            for course, person, row in found
            if row is not None
        )

    headers = {"content-disposition": 'attachment; filename="completions.jsonl"'}
    return Response(await run_in_threadpool(written), media_type="application/x-ndjson", headers=headers)


async def timeline(request: Request, visitor: Visitor) -> Response:
    """Show the twelve weeks of the rollout: tasks, proof, owner, date."""
    if not visitor.in_center:
        return failed(request, 404, visitor)
    rows = await run_in_threadpool(portal_of(request).table.rows, TIMELINE)
    kept = {row.sk: row.data for row in rows}
    tasks = visitor.content.timeline
    weeks = [
        (week, [(task, kept.get(task.id, {})) for task in tasks if task.week == week])
        for week in sorted({task.week for task in tasks})
    ]
    done = sum(bool(kept.get(task.id, {}).get("done")) for task in tasks)
    return views_of(request).page(
        request, "center_timeline.html", visitor, weeks=weeks, done=done, all=len(tasks)
    )


async def plan(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Assign an owner and a date to a task, or mark it as done."""
    portal, task = portal_of(request), str(fields.get("task", ""))
    if not visitor.in_center or task not in {one.id for one in visitor.content.timeline}:
        return failed(request, 404, visitor)
    owner, due = str(fields.get("owner", "")).strip()[:_OWNER_CHARACTERS], str(fields.get("due", ""))
    try:
        due = date.fromisoformat(due).isoformat() if due else ""
    except ValueError:
        return failed(request, 400, visitor)
    facts = {"owner": owner, "due": due, "done": fields.get("done") == "yes", "by": visitor.name}
    await run_in_threadpool(portal.table.write, Row(TIMELINE, task, facts))
    return redirect(request, "/center/timeline")


ROUTES = [
    Route("/center/tickets", signed_in(tickets)),
    Route("/center/learning", signed_in(learning)),
    Route("/center/learning.jsonl", signed_in(export)),
    Route("/center/people", signed_in(people)),
    Route("/center/departments", signed_in(departments)),
    Route("/center/executive", signed_in(executive)),
    Route("/center/timeline", signed_in(timeline)),
    Route("/center/timeline", form(plan), methods=["POST"]),
]
