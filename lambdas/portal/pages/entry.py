"""Signing in and out (G.4, L1.3)."""

import hmac

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from lambdas.portal.gateway import GatewayError
from lambdas.portal.language import LANGUAGES
from lambdas.portal.pool import Attempt, SignInFailed, SignInRefused
from lambdas.portal.portal import Portal, Visitor
from lambdas.portal.sessions import ABSOLUTE
from lambdas.portal.web import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    cookie_name,
    form,
    local_path,
    portal_of,
    views_of,
)

_ATTEMPT_SECONDS = 600
_YEAR_SECONDS = 365 * 24 * 3600


async def sign_in(request: Request) -> Response:
    """Begin a sign-in at the identity provider."""
    portal = portal_of(request)
    attempt = Attempt.begin(local_path(request.query_params.get("next", ""), portal.settings.base_path))
    response = RedirectResponse(portal.pool.authorize_url(attempt), 303)
    set_cookie(response, portal, attempt_cookie(portal), attempt.to_cookie(), _ATTEMPT_SECONDS)
    return response


async def callback(request: Request) -> Response:
    """Serve the browser's return from the provider: open a session, or explain why there is none."""
    portal = portal_of(request)
    attempt = Attempt.from_cookie(request.cookies.get(attempt_cookie(portal), ""))
    state = request.query_params.get("state", "")
    if attempt is None or not hmac.compare_digest(state.encode(), attempt.state.encode()):
        return views_of(request).page(request, "signed_out.html", status=400, ended=True)
    if "code" not in request.query_params:
        return no_access(request, request.query_params.get("error_description", ""))
    try:
        who = await portal.pool.complete(attempt, request.query_params["code"])
    except SignInRefused as error:
        return no_access(request, error.message)
    except SignInFailed:
        return views_of(request).page(request, "failed.html", status=502, code=502)
    session = await run_in_threadpool(portal.sessions.open, who.person, who.name, who.tokens)
    # a page, and no redirect: the browser then asks for the next page from here, with the new cookie
    response = views_of(request).page(
        request, "signed_in.html", next=local_path(attempt.next, portal.settings.base_path)
    )
    set_cookie(response, portal, cookie_name(portal), session.secret, int(ABSOLUTE.total_seconds()))
    return response


def no_access(request: Request, message: str) -> Response:
    """Explain to somebody without access why, and whom to ask."""
    return views_of(request).page(request, "no_access.html", status=403, message=message[:300])


async def sign_out(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """End this sign-in here, at the gateway and at the pool; what cannot be reached expires by itself."""
    del fields
    portal = portal_of(request)
    await run_in_threadpool(portal.sessions.end, visitor.session)
    for ending in (
        portal.gateway.post(visitor.token, "/v1/sign-out", {}),
        portal.pool.revoke(visitor.session.tokens),
    ):
        try:
            await ending
        except (GatewayError, SignInFailed):
            continue
    response = views_of(request).page(request, "signed_out.html", ended=False)
    response.delete_cookie(cookie_name(portal), path="/", secure=portal.settings.secure, httponly=True)
    return response


async def settings(request: Request) -> Response:
    """Choose language or theme, which are stored only in the browser."""
    portal = portal_of(request)
    query = request.query_params
    back = local_path(query.get("next", ""), portal.settings.base_path)
    response = RedirectResponse(back, 303)
    if query.get("language") in LANGUAGES:
        set_cookie(response, portal, LANGUAGE_COOKIE, query["language"], _YEAR_SECONDS)
    elif query.get("theme") in (*THEMES, "auto"):
        set_cookie(response, portal, THEME_COOKIE, query["theme"], _YEAR_SECONDS)
    return response


def attempt_cookie(portal: Portal) -> str:
    """Return the name of the cookie of a sign-in in progress."""
    return "__Host-portal-sign-in" if portal.settings.secure else "portal-sign-in"


def set_cookie(response: Response, portal: Portal, name: str, value: str, seconds: int) -> None:
    """Set a cookie for this host only. Lax, because a link in an email must find the session."""
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=portal.settings.secure, httponly=True, samesite="lax"
    )


ROUTES = [
    Route("/sign-in", sign_in),
    Route("/callback", callback),
    Route("/sign-out", form(sign_out, pending=True), methods=["POST"]),
    Route("/settings", settings),
]
