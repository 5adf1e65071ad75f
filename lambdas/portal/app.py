"""The portal's application: routes, headers, startup (L4.1-L4.6)."""

import gzip
import hashlib
import threading
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lambdas.common.access import AccessRecords
from lambdas.common.clock import utc_now
from lambdas.common.ids import new_id
from lambdas.common.log import Level, log
from lambdas.common.policy import Issuer
from lambdas.common.subject_keys import SubjectKeys
from lambdas.common.tokens import KeySets, TokenVerifier, emulated_key_set_url
from lambdas.gateway.providers.transport import HttpTransport
from lambdas.portal.catalogue import Library
from lambdas.portal.content import ContentSource, ContentUnavailable
from lambdas.portal.figures import FiguresSource
from lambdas.portal.gateway import Gateway
from lambdas.portal.history import History
from lambdas.portal.notices import Notices
from lambdas.portal.pages import (
    ask,
    cases,
    center,
    champions,
    device,
    entry,
    home,
    ideas,
    learn,
    library,
    may_i,
    reviews,
    support,
    work,
)
from lambdas.portal.pool import UserPool
from lambdas.portal.portal import Delegate, DelegateRefused, Portal
from lambdas.portal.sessions import Sessions
from lambdas.portal.settings import AwsClients, PortalSettings, read_settings
from lambdas.portal.table import PortalTable
from lambdas.portal.web import Views, failed

MOUNT = "/portal"  # where the routes lie; links begin with the path of the portal's address
STATIC = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_YEAR = "public, max-age=31536000, immutable"
# Nothing from other hosts, no inline script or style, no sink for HTML in scripts.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
_TRANSPORT_SECURITY = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


def create_app(portal: Portal | None = None) -> ASGIApp:
    """Return the application. Without `portal`, it is composed from the environment at server start."""
    files = static_files()
    routes = [
        route
        for pages in (
            entry,
            device,
            home,
            library,
            ask,
            work,
            reviews,
            learn,
            may_i,
            support,
            champions,
            center,
            cases,
            ideas,
        )
        for route in pages.ROUTES
    ]
    routes.append(Route("/static/{name}", static_file))
    base = portal.settings.base_path if portal is not None else read_settings().base_path

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.portal = portal or compose(read_settings())
        # What the first page needs is made while the first answer, usually the sign-in, is on its way.
        threading.Thread(target=app.state.portal.warm, daemon=True).start()
        yield
        app.state.portal.pool.transport.close()

    app = Starlette(
        routes=[Route("/healthz", health), Mount(MOUNT, routes=routes), Route("/", to_portal)],
        lifespan=lifespan,
        exception_handlers={
            404: not_found,
            405: not_found,
            ContentUnavailable: unavailable,
            DelegateRefused: unavailable,
            Exception: defect,
        },
    )
    app.state.files = files
    app.state.views = Views(base, {name: f"{base}/static/{file.hashed}" for name, file in files.items()})
    return Guard(app)


def compose(settings: PortalSettings) -> Portal:
    """Return the portal on the stores of AWS."""
    clients = AwsClients(settings)
    dynamodb, s3, functions = (clients.named(one) for one in ("dynamodb", "s3", "lambda"))
    table = PortalTable(dynamodb, settings.table)
    transport = HttpTransport()
    issuer = Issuer(
        issuer=settings.issuer,
        audience=settings.client_id,
        algorithms=("RS256",),
        jwks_uri=emulated_key_set_url(f"{settings.issuer}/.well-known/jwks.json", settings.endpoint_url),
        principal="person",
        claims={},
        required_claims={"token_use": "id"},
    )
    pool = UserPool(
        transport=transport,
        verifier=TokenVerifier(KeySets()),
        sign_in_url=settings.sign_in_url,
        client_id=settings.client_id,
        provider=settings.provider,
        issuer=issuer,
        redirect_uri=f"{settings.portal_url}/callback",
    )
    gateway = Gateway(transport, settings.gateway_url)
    return Portal(
        settings=settings,
        table=table,
        sessions=Sessions(table),
        records=AccessRecords(dynamodb, settings.access_table),
        pool=pool,
        gateway=gateway,
        registrar=Delegate(functions, settings.registrar_function),
        deputy=Delegate(functions, settings.deputy_function),
        content=ContentSource(s3, settings.governance_bucket, settings.content_key),
        figures=FiguresSource(s3, settings.governance_bucket),
        library=Library(gateway),
        clock=utc_now,
        warm=partial(clients.warm, "dynamodb", "s3", "lambda"),
        history=_history(clients, settings, table, dynamodb) if settings.history_days else None,
        notices=Notices(clients.named("sns"), settings.questions_topic) if settings.questions_topic else None,
    )


def _history(clients: AwsClients, settings: PortalSettings, table: PortalTable, dynamodb: Any) -> History:
    keys = SubjectKeys(
        dynamodb,
        clients.named("kms"),
        table=settings.subject_keys_table,
        key_arn=settings.subject_key_arn,
    )
    return History(table, keys, settings.history_days, utc_now)


class StaticFile:
    """A file of `static/`, with its compressed form and a name that changes with its content."""

    def __init__(self, path: Path) -> None:
        self.body = path.read_bytes()
        self.compressed = gzip.compress(self.body, 9, mtime=0)
        self.media_type = _TYPES[path.suffix]
        digest = hashlib.sha256(self.body).hexdigest()[:12]
        self.hashed = f"{path.stem}-{digest}{path.suffix}"


def static_files() -> Mapping[str, StaticFile]:
    """Return every static file by its plain name."""
    return {path.name: StaticFile(path) for path in sorted(STATIC.iterdir()) if path.suffix in _TYPES}


async def static_file(request: Request) -> Response:
    """Serve a static file under its hashed name."""
    files: Mapping[str, StaticFile] = request.app.state.files
    found = next((one for one in files.values() if one.hashed == request.path_params["name"]), None)
    if found is None:
        return Response(status_code=404)
    headers = {"cache-control": _YEAR, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            found.compressed, media_type=found.media_type, headers={**headers, "content-encoding": "gzip"}
        )
    return Response(found.body, media_type=found.media_type, headers=headers)


async def health(request: Request) -> Response:
    """Serve the health check."""
    del request
    return JSONResponse({"status": "ok"})


async def to_portal(request: Request) -> Response:
    """Redirect from the root of the host to the portal."""
    return RedirectResponse(f"{request.app.state.portal.settings.base_path}/", 303)


async def not_found(request: Request, error: Exception) -> Response:
    """Serve the page for an unknown path."""
    del error
    return failed(request, 404)


async def unavailable(request: Request, error: Exception) -> Response:
    """Serve the page for a store that does not answer."""
    log("error", level=Level.ERROR, path="content", error=type(error).__name__)
    return failed(request, 503)


async def defect(request: Request, error: Exception) -> Response:
    """Serve the page for a defect, which is logged by type and place only."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "unknown"
    log("defect", level=Level.ERROR, error=type(error).__name__, place=place)
    return failed(request, 500)


class Guard:
    """Adds security headers and the access log to every answer."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), 0
        secure = scope.get("scheme") == "https" or any(
            name == b"x-forwarded-proto" and value == b"https" for name, value in scope["headers"]
        )

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], *_HEADERS]
                if secure:
                    headers.append(_TRANSPORT_SECURITY)
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        finally:
            if scope["path"] != "/healthz":
                log(
                    "access",
                    level=Level.ERROR if status >= 500 else Level.INFO,
                    request_id=new_id("web_"),
                    method=scope["method"],
                    page=page_of(scope),
                    status=status,
                    milliseconds=round((perf_counter() - started) * 1000, 1),
                )


def page_of(scope: Scope) -> str:
    """Return the page for the log: the route's own words, nothing chosen by a person."""
    route = scope.get("route")
    return getattr(route, "path", "other")
