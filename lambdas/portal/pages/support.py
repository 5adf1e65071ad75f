"""Support: office hours, questions, wrong blocks, service status (L4.3)."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambdas.common.ids import new_id
from lambdas.common.learning import Content, OfficeHour
from lambdas.portal.calendar import Event, calendar
from lambdas.portal.gateway import GatewayError
from lambdas.portal.notices import KINDS
from lambdas.portal.portal import Portal, Visitor
from lambdas.portal.table import Row, RowConflict
from lambdas.portal.tickets import open_ticket
from lambdas.portal.web import failed, form, portal_of, redirect, signed_in, views_of

_REQUEST_ID = re.compile(r"req_[0-9A-Z]{20,40}")
_TICKET_ID = re.compile(r"tic_[0-9A-Z]{26}")
_ANSWER_ID = re.compile(r"ans_[0-9A-Z]{26}")
_CHARACTERS = 4_000
_QUESTION_CHARACTERS = 300
_SHOWN_ANSWERS = 30
ANSWER = "ANSWER"
_WEEKS = 26


@dataclass(frozen=True, slots=True)
class Hour:
    """One occurrence of an office hour."""

    of: OfficeHour
    starts: datetime

    @property
    def key(self) -> str:
        """Return the row's `sk`: the start in UTC."""
        return f"{self.starts.astimezone(UTC):%Y-%m-%dT%H:%M}#{self.of.id}"

    @property
    def ends(self) -> datetime:
        """Return when it ends, in the zone of the start."""
        ends = self.starts.astimezone(UTC) + timedelta(minutes=self.of.minutes)
        return ends.astimezone(self.starts.tzinfo)


def next_hours(visitor: Visitor, now: datetime, weeks: int = 2) -> list[Hour]:
    """Return the office hours of the next weeks that are for this person, soonest first."""
    found = _occurrences(visitor.content, now, weeks)
    own = (hour for hour in found if not hour.of.roles or visitor.has_role(*hour.of.roles))
    return sorted(own, key=lambda hour: (hour.starts, hour.of.id))


def _occurrences(content: Content, now: datetime, weeks: int) -> Iterator[Hour]:
    zone = ZoneInfo(content.time_zone)
    today = now.astimezone(zone).date()
    for one in content.office_hours:
        hour, minute = map(int, one.starts.split(":"))
        first: date = today + timedelta(days=(one.weekday - today.weekday()) % 7)
        for week in range(weeks + 1):
            day = first + timedelta(weeks=week)
            found = Hour(one, datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone))
            if now < found.ends <= now + timedelta(weeks=weeks, days=1):
                yield found


async def support(request: Request, visitor: Visitor) -> Response:
    """Show all ways to get help."""
    portal = portal_of(request)
    hours = next_hours(visitor, portal.now())
    booked = await run_in_threadpool(lambda: {row.sk: row.data for row in portal.table.rows("HOURS")})
    tickets = [row for row in visitor.rows if row.sk.startswith("TICKET#")]
    asked = request.query_params.get("q", "")[:200]
    return views_of(request).page(
        request,
        "support.html",
        visitor,
        hours=[(hour, len(booked.get(hour.key, {}).get("people", []))) for hour in hours],
        mine={sk for sk, data in booked.items() if visitor.person in data.get("people", [])},
        tickets=sorted(tickets, key=lambda row: row.data["at"], reverse=True),
        service=await service_status(request, visitor),
        request_id=request.query_params.get("request", "")[:40],
        answers=await run_in_threadpool(answers_to, portal, asked),
        asked=asked,
    )


def answers_to(portal: Portal, asked: str) -> list[Row]:
    """Return earlier answers that contain every word of `asked`, newest first. Blocks."""
    words = asked.casefold().split()
    found = [
        row
        for row in portal.table.rows(ANSWER, newest_first=True)
        if all(word in f"{row.data['question']} {row.data['answer']}".casefold() for word in words)
    ]
    return found[:_SHOWN_ANSWERS]


async def publish(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Publish the answer to a question, in words that name nobody; or remove one."""
    if not visitor.in_center:
        return failed(request, 404, visitor)
    portal, gone = portal_of(request), str(fields.get("remove", ""))
    if gone:
        if _ANSWER_ID.fullmatch(gone):
            await run_in_threadpool(portal.table.delete, ANSWER, gone)
        return redirect(request, "/support#answers")
    question, answer = (str(fields.get(name, "")).strip() for name in ("question", "answer"))
    if not 0 < len(question) <= _QUESTION_CHARACTERS or not 0 < len(answer) <= _CHARACTERS:
        return redirect(request, "/support?problem=1#answers")
    facts = {
        "question": question,
        "answer": answer,
        "person": visitor.person,
        "name": visitor.name,
        "at": int(portal.now().timestamp()),
    }
    await run_in_threadpool(portal.table.create, Row(ANSWER, new_id("ans_"), facts))
    return redirect(request, "/support#answers")


async def service_status(request: Request, visitor: Visitor) -> str:
    """Return whether the gateway answers: `normal` or `unavailable`."""
    try:
        await portal_of(request).gateway.get(visitor.token, "/v1/models")
    except GatewayError as error:
        return "normal" if error.status in {401, 403} else "unavailable"
    return "normal"


async def ask(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Open a ticket: a question, or a wrong block."""
    portal = portal_of(request)
    kind, text = str(fields.get("kind", "")), str(fields.get("text", "")).strip()
    request_id = str(fields.get("request", "")).strip()
    fits = 0 < len(text) <= _CHARACTERS and kind in KINDS
    if not fits or (kind == "blocked" and not _REQUEST_ID.fullmatch(request_id)):
        return redirect(request, "/support?problem=1#ask")
    facts = {"about": request_id, "text": text}
    identifier = await run_in_threadpool(open_ticket, portal, visitor, kind, facts)
    if kind == "blocked":  # counted as a statement on the detector; the ticket stands whatever it says
        with contextlib.suppress(GatewayError):
            said = {"request_id": request_id, "what": "stopped"}
            await portal.gateway.post(visitor.token, "/v1/inspection-mistakes", said)
    return redirect(request, f"/support/tickets/{identifier}")


async def ticket(request: Request, visitor: Visitor) -> Response:
    """Show a ticket and its messages, to its author and the Center of Excellence."""
    found = await read_ticket(request, visitor)
    if found is None:
        return failed(request, 404, visitor)
    head, said = found
    return views_of(request).page(
        request, "ticket.html", visitor, head=head, said=said, id=head.pk.removeprefix("TICKET#")
    )


async def proposal(request: Request, visitor: Visitor) -> Response:
    """Download a proposal as the file that `kit prompt adopt` accepts: for the Center, without its author."""
    found = await read_ticket(request, visitor) if visitor.in_center else None
    if found is None or found[0].data["kind"] != "proposal":
        return failed(request, 404, visitor)
    head = found[0].data
    content = {
        "kind": "kit-prompt-proposal/1",
        "id": found[0].pk.removeprefix("TICKET#"),
        "on": datetime.fromtimestamp(head["at"], UTC).date().isoformat(),
        **{name: head.get(name, "") for name in ("department", "about", "text", "example", "result")},
    }
    headers = {"content-disposition": 'attachment; filename="proposal.json"'}
    return JSONResponse(content, headers=headers)


async def reply(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Reply to a ticket; the Center may close it."""
    portal = portal_of(request)
    found = await read_ticket(request, visitor)
    text = str(fields.get("text", "")).strip()
    if found is None:
        return failed(request, 404, visitor)
    head, _ = found
    now = int(portal.now().timestamp())
    if 0 < len(text) <= _CHARACTERS:
        by = "center" if visitor.in_center and visitor.person != head.data["person"] else "author"
        said = Row(
            head.pk, f"SAID#{new_id('say_')}", {"by": by, "name": visitor.name, "text": text, "at": now}
        )
        await run_in_threadpool(portal.table.create, said)
    state = {"close": "closed", "open": "open"}.get(str(fields.get("state", "")), head.data["state"])
    if state != head.data["state"]:
        moved = {**head.data, "state": state}
        queue = "open" if state == "open" else ""
        with contextlib.suppress(RowConflict):  # somebody else has just moved it: the page shows the newest
            await run_in_threadpool(lambda: portal.table.change(head, data=moved, queue=queue))
    return redirect(request, f"/support/tickets/{head.pk.removeprefix('TICKET#')}")


async def read_ticket(request: Request, visitor: Visitor) -> tuple[Row, list[Row]] | None:
    """Return the ticket in the path, if the person may see it."""
    identifier = request.path_params["ticket"]
    if not _TICKET_ID.fullmatch(identifier):
        return None
    rows = await run_in_threadpool(portal_of(request).table.rows, f"TICKET#{identifier}")
    head = next((row for row in rows if row.sk == "HEAD"), None)
    if head is None or not (visitor.in_center or head.data["person"] == visitor.person):
        return None
    return head, [row for row in rows if row.sk.startswith("SAID#")]


async def book(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Take a seat in an office hour, or return it."""
    portal = portal_of(request)
    key = str(fields.get("hour", ""))
    hour = next((one for one in next_hours(visitor, portal.now()) if one.key == key), None)
    if hour is None:
        return failed(request, 404, visitor)
    wanted = fields.get("seat") == "take"
    seated = await run_in_threadpool(take_seat, portal, hour, visitor.person, wanted)
    return redirect(request, "/support#hours" if seated else "/support?full=1#hours")


def take_seat(portal: Portal, hour: Hour, person: str, wanted: bool) -> bool:
    """Take a seat, or return it; False if none is left. Retries on concurrent changes. Blocks."""
    expires = int((hour.ends + timedelta(days=90)).timestamp())
    while True:
        row = portal.table.get("HOURS", hour.key)
        people = [one for one in (row.data["people"] if row is not None else []) if one != person]
        if wanted and len(people) >= hour.of.seats:
            return False
        taken = {"people": [*people, person] if wanted else people}
        try:
            if row is None:
                portal.table.create(Row("HOURS", hour.key, taken, expires=expires))
            else:
                portal.table.change(row, data=taken)
        except RowConflict:
            continue
        return True


async def hours_calendar(request: Request, visitor: Visitor) -> Response:
    """Download the office hours of the next half year as a calendar file."""
    portal = portal_of(request)
    events = [
        Event(
            f"{hour.key}@claude-portal",
            hour.starts,
            hour.ends,
            hour.of.topic[visitor.language.code],
            hour.of.link,
        )
        for hour in next_hours(visitor, portal.now(), _WEEKS)
    ]
    headers = {"content-disposition": 'attachment; filename="office-hours.ics"'}
    return Response(
        calendar(events, portal.now()), media_type="text/calendar; charset=utf-8", headers=headers
    )


ROUTES = [
    Route("/support", signed_in(support, pending=True)),
    Route("/support/ask", form(ask, pending=True), methods=["POST"]),
    Route("/support/answers", form(publish), methods=["POST"]),
    Route("/support/hours", form(book, pending=True), methods=["POST"]),
    Route("/support/hours.ics", signed_in(hours_calendar, pending=True)),
    Route("/support/tickets/{ticket}", signed_in(ticket, pending=True)),
    Route("/support/tickets/{ticket}/proposal.json", signed_in(proposal)),
    Route("/support/tickets/{ticket}/reply", form(reply, pending=True), methods=["POST"]),
]
