"""Home, first steps, news, and what a person may use (L4.1, L4.5)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.common.learning import Announcement
from lambdas.portal.gateway import GatewayError
from lambdas.portal.pages.ask import named_models
from lambdas.portal.pages.champions import champions_of
from lambdas.portal.pages.support import next_hours
from lambdas.portal.portal import Visitor
from lambdas.portal.table import CASE, Row
from lambdas.portal.web import failed, form, portal_of, redirect, signed_in, views_of

_SHOWN = 6
_RECENT = 4


@dataclass(frozen=True, slots=True)
class Budget:
    """A person's month at the gateway, in micro-dollars."""

    spent: int
    limit: int

    @property
    def percent(self) -> int:
        """Return how much of it is spent, 0 to 100."""
        return min(100, 100 * self.spent // self.limit) if self.limit else 0


async def home(request: Request, visitor: Visitor) -> Response:
    """Show what to do next, recent work, and news."""
    portal = portal_of(request)
    try:
        shelf = await portal.library.shelf(visitor.token, visitor.record, visitor.language.code)
        prompts, limited = shelf.prompts, ""
    except GatewayError as error:
        prompts, limited = (), error.message or "unavailable"
    favourites = {row.sk.removeprefix("FAV#") for row in visitor.rows_of("FAV#")}
    ranked = sorted(prompts, key=lambda one: (one.name not in favourites, one.department == "*", one.title))
    runs = sorted(visitor.rows_of("RUN#"), key=lambda row: row.data["at"], reverse=True)[:_RECENT]
    champions = await run_in_threadpool(champions_of, portal, visitor.record.department)
    await run_in_threadpool(portal.note_standing, visitor)
    return views_of(request).page(
        request,
        "home.html",
        visitor,
        prompts=ranked[:_SHOWN],
        limited=limited,
        runs=runs,
        news=news_for(visitor)[:_RECENT],
        seen={row.sk.removeprefix("SEEN#") for row in visitor.rows_of("SEEN#")},
        champions=champions,
        hours=next_hours(visitor, portal.now())[:1],
        budget=await budget_of(request, visitor),
    )


async def start(request: Request, visitor: Visitor) -> Response:
    """Show the steps of the onboarding."""
    await run_in_threadpool(portal_of(request).note_standing, visitor)
    return views_of(request).page(request, "start.html", visitor)


def news_for(visitor: Visitor) -> list[Announcement]:
    """Return the announcements for a person, newest first."""
    department = visitor.record.department
    mine = [one for one in visitor.content.announcements if {"*", department} & set(one.departments)]
    return sorted(mine, key=lambda one: one.day, reverse=True)


async def news(request: Request, visitor: Visitor) -> Response:
    """Show announcements for the person."""
    seen = {row.sk.removeprefix("SEEN#") for row in visitor.rows_of("SEEN#")}
    return views_of(request).page(request, "news.html", visitor, news=news_for(visitor), seen=seen)


async def mark_read(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Mark an announcement as read."""
    portal = portal_of(request)
    identifier = str(fields.get("id", ""))
    if identifier not in {one.id for one in visitor.content.announcements}:
        return failed(request, 404, visitor)
    row = Row(f"PERSON#{visitor.person}", f"SEEN#{identifier}", {"at": int(portal.now().timestamp())})
    await run_in_threadpool(portal.table.write, row)
    return redirect(request, "/news")


async def me(request: Request, visitor: Visitor) -> Response:
    """Show what the person may use, and how to connect tools."""
    portal = portal_of(request)
    runs = sorted(visitor.rows_of("RUN#"), key=lambda row: row.data["at"], reverse=True)[:50]
    models: list[Any] = []
    limited = ""
    try:
        rights = (await portal.gateway.get(visitor.token, "/v1/me")).content
        models = named_models((await portal.gateway.get(visitor.token, "/v1/models")).content["data"], rights)
    except GatewayError as error:
        limited = error.message or "unavailable"
    today = portal.today()
    months = (today, today.replace(day=1) - timedelta(days=1))
    found = await run_in_threadpool(
        lambda: [portal.table.get(CASE, f"{month:%Y-%m}#{visitor.person}") for month in months]
    )
    return views_of(request).page(
        request,
        "me.html",
        visitor,
        models=models,
        limited=limited,
        cases=[row.data for row in found if row is not None],
        runs=runs,
        budget=await budget_of(request, visitor),
        gateway_url=portal.settings.gateway_url,
        sign_in_url=portal.settings.sign_in_url,
    )


async def budget_of(request: Request, visitor: Visitor) -> Budget | None:
    """Return the person's month, or None if the gateway does not say."""
    try:
        answer = await portal_of(request).gateway.get(visitor.token, "/v1/me")
        budget = answer.content["budget"]
        return Budget(budget["committed_microusd"], budget["monthly_microusd"] or 0)
    except (GatewayError, KeyError, TypeError):
        return None


ROUTES = [
    Route("/", signed_in(home)),
    Route("/start", signed_in(start, pending=True)),
    Route("/news", signed_in(news, pending=True)),
    Route("/news/read", form(mark_read, pending=True), methods=["POST"]),
    Route("/me", signed_in(me, pending=True)),
]
