"""Sign-in of a device without a browser, with the consent of a person signed in here (RFC 8628)."""

import json
import secrets
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambdas.portal.devices import INTERVAL_SECONDS, LIFETIME_SECONDS, Devices, Refused, TooMany, person_of
from lambdas.portal.pool import Attempt, SignInFailed, UserPool
from lambdas.portal.portal import Portal, Visitor
from lambdas.portal.table import RowConflict
from lambdas.portal.web import failed, form, portal_of, signed_in, views_of

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_CONTEXT = "x-amzn-request-context"
_NOT_KEPT = {"cache-control": "no-store"}
_FIELDS = 10


async def authorization(request: Request) -> Response:
    """Serve a device that begins."""
    portal = portal_of(request)
    fields = await _fields(request)
    if not _known(portal, fields):
        return _error("invalid_client", 401)
    try:
        begun = await run_in_threadpool(_devices(portal).begin, _source(request))
    except TooMany:
        return _error("slow_down", 429)
    answer = {
        "device_code": begun.device_code,
        "user_code": f"{begun.user_code[:4]}-{begun.user_code[4:]}",
        "verification_uri": f"{portal.settings.portal_url}/device",
        "expires_in": LIFETIME_SECONDS,
        "interval": INTERVAL_SECONDS,
    }
    return JSONResponse(answer, headers=_NOT_KEPT)


async def token(request: Request) -> Response:
    """Serve a device that asks for its tokens."""
    portal = portal_of(request)
    fields = await _fields(request)
    if not _known(portal, fields):
        return _error("invalid_client", 401)
    if fields.get("grant_type") != _GRANT:
        return _error("unsupported_grant_type")
    try:
        found = await run_in_threadpool(_devices(portal).collect, fields.get("device_code", ""))
        tokens = await _pool(portal).exchange(found.code, found.verifier)
    except Refused as refused:
        return _error(refused.error)
    except SignInFailed:
        return _error("access_denied")
    if person_of(tokens) != found.person:  # somebody else signed in at the identity provider
        return _error("access_denied")
    return JSONResponse({**tokens, "token_type": "Bearer"}, headers=_NOT_KEPT)


async def enter(request: Request, visitor: Visitor) -> Response:
    """Show the page for the code. It is never prefilled: a link must not bring a code along."""
    if not portal_of(request).settings.device_client_id:
        return failed(request, 404, visitor)
    return views_of(request).page(request, "device.html", visitor, step="enter", wrong=False)


async def entered(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Ask the person before anything happens, or store their decision."""
    portal, views = portal_of(request), views_of(request)
    devices, code = _devices(portal), str(fields.get("code", ""))
    person = visitor.session.person
    try:
        waiting = await run_in_threadpool(devices.entered, person, code)
    except TooMany:
        return views.page(request, "device.html", visitor, 429, step="wait", wrong=False)
    if waiting is None:
        return views.page(request, "device.html", visitor, 422, step="enter", wrong=True)
    decision = fields.get("decision")
    if decision not in {"allow", "refuse"}:
        return views.page(request, "device.html", visitor, step="ask", source=waiting.source, code=code)
    try:
        state = await run_in_threadpool(lambda: devices.decide(waiting, person, consents=decision == "allow"))
    except RowConflict:
        return views.page(request, "device.html", visitor, 422, step="enter", wrong=True)
    if decision == "refuse":
        return views.page(request, "device.html", visitor, step="refused")
    go = _pool(portal).authorize_url(Attempt(state, waiting.verifier, secrets.token_urlsafe(24), ""))
    # a page, and no redirect: a form of ours leads to pages of ours only
    return views.page(request, "device.html", visitor, step="go", next=go)


async def callback(request: Request, visitor: Visitor) -> Response:
    """Serve the person's return from the user pool with the code for the device."""
    portal, views = portal_of(request), views_of(request)
    devices, query = _devices(portal), request.query_params
    waiting = await run_in_threadpool(devices.consented, query.get("state", ""), visitor.session.person)
    if waiting is None or not query.get("code"):
        return views.page(request, "device.html", visitor, 400, step="enter", wrong=True)
    await run_in_threadpool(devices.approve, waiting, query["code"])
    return views.page(request, "device.html", visitor, step="done")


def _devices(portal: Portal) -> Devices:
    return Devices(portal.table, portal.clock)


def _pool(portal: Portal) -> UserPool:
    """Return the user pool with the command's app client."""
    settings = portal.settings
    return replace(
        portal.pool,
        client_id=settings.device_client_id,
        redirect_uri=f"{settings.portal_url}/device/callback",
    )


def _known(portal: Portal, fields: dict[str, str]) -> bool:
    client = portal.settings.device_client_id
    return bool(client) and fields.get("client_id") == client


async def _fields(request: Request) -> dict[str, str]:
    async with request.form(max_files=0, max_fields=_FIELDS) as fields:
        return {name: value for name, value in fields.items() if isinstance(value, str)}


def _source(request: Request) -> str:
    """Return the source address reported by API Gateway, or else the peer's."""
    try:
        context = json.loads(request.headers.get(_CONTEXT, "{}"))
        address = str(context["identity"]["sourceIp"])
    except (ValueError, KeyError, TypeError):
        address = request.client.host if request.client else ""
    return address[:45]


def _error(error: str, status: int = 400) -> Response:
    return JSONResponse({"error": error}, status, headers=_NOT_KEPT)


ROUTES = [
    Route("/device", signed_in(enter, pending=True)),
    Route("/device", form(entered, pending=True), methods=["POST"]),
    Route("/device/callback", signed_in(callback, pending=True)),
    Route("/device/authorization", authorization, methods=["POST"]),
    Route("/device/token", token, methods=["POST"]),
]
