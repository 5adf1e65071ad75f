"""What every page shares: templates, sessions, form tokens, errors."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from lambdas.portal.gateway import GatewayError
from lambdas.portal.language import Language, chosen, read_languages
from lambdas.portal.markdown import render as render_markdown
from lambdas.portal.pool import SignInFailed, SignInRefused
from lambdas.portal.portal import Portal, Visitor
from lambdas.portal.sessions import Session
from lambdas.portal.structured import readable

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGE_COOKIE, THEME_COOKIE = "portal-language", "portal-theme"
_REFRESH_BEFORE_SECONDS = 120
_FORM_FIELDS, _FORM_FILES = 200, 5
_FORM_PART_BYTES = 4 * 1024 * 1024
THEMES = ("light", "dark")

Handler = Callable[[Request, Visitor], Awaitable[Response]]
FormHandler = Callable[[Request, Visitor, FormData], Awaitable[Response]]


class Views:
    """Templates in the languages of the interface."""

    def __init__(self, base_path: str, static: Mapping[str, str]) -> None:
        self._languages = read_languages()
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {"base": base_path, "static": static}
        self._environment.filters |= {"markdown": render_markdown, "readable": readable}

    def language(self, request: Request) -> Language:
        """Return the language of a request."""
        cookie = request.cookies.get(LANGUAGE_COOKIE, "")
        return self._languages[chosen(cookie, request.headers.get("accept-language", ""))]

    def page(
        self,
        request: Request,
        template: str,
        visitor: Visitor | None = None,
        status: int = 200,
        **context: Any,
    ) -> HTMLResponse:
        """Return a page. Raises Jinja's errors for anything a template needs and does not get."""
        return HTMLResponse(self.text(request, template, visitor, **context), status)

    def text(self, request: Request, template: str, visitor: Visitor | None = None, **context: Any) -> str:
        """Return the text of a page, or of a part of one."""
        language = visitor.language if visitor is not None else self.language(request)
        theme = request.cookies.get(THEME_COOKIE, "")
        return self._environment.get_template(template).render(
            _=language,
            language=language,
            theme=theme if theme in THEMES else "",
            visitor=visitor,
            path=request.url.path,
            organization=portal_of(request).settings.organization,
            history_days=portal_of(request).history_days,
            **context,
        )


def portal_of(request: Request) -> Portal:
    """Return the portal that serves this request."""
    return request.app.state.portal


def views_of(request: Request) -> Views:
    """Return the templates."""
    return request.app.state.views


def url(request: Request, path: str) -> str:
    """Return a path of the portal, with its base."""
    return portal_of(request).settings.base_path + path


def whole_number(given: object) -> int | None:
    """Return the value of a form field if it is a whole number of at most nine digits."""
    return int(given) if isinstance(given, str) and given.isdecimal() and len(given) <= 9 else None


def redirect(request: Request, path: str) -> RedirectResponse:
    """Redirect to a page after a form, so that the browser requests it with GET."""
    return RedirectResponse(url(request, path), 303)


def local_path(text: str, base: str) -> str:
    """Return a path within the portal; its home for anything that would lead elsewhere."""
    parts = urlsplit(text)
    inside = text == base or text.startswith(f"{base}/")
    if parts.scheme or parts.netloc or not inside or "\\" in text or not text.isprintable():
        return f"{base}/"
    return text


def signed_in(handler: Handler, *, pending: bool = False) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a page for signed-in people. `pending`: also for those with unfinished onboarding."""

    @wraps(handler)
    async def page(request: Request) -> Response:
        visitor = await visit(request)
        if visitor is None:
            return sign_in_first(request)
        if visitor.pending and not pending:
            return redirect(request, "/start")
        try:
            return await handler(request, visitor)
        except GatewayError as error:
            return refused(request, visitor, error)

    return page


def form(handler: FormHandler, *, pending: bool = False) -> Callable[[Request], Awaitable[Response]]:
    """Wrap like `signed_in`, for posted forms, which must come from a page of this session."""

    async def checked(request: Request, visitor: Visitor) -> Response:
        async with request.form(
            max_files=_FORM_FILES, max_fields=_FORM_FIELDS, max_part_size=_FORM_PART_BYTES
        ) as fields:
            if not came_from_us(request, visitor, str(fields.get("form_token", ""))):
                return failed(request, 403, visitor)
            if not all(_is_whole(text) for text in fields.values() if isinstance(text, str)):
                return failed(request, 400, visitor)
            return await handler(request, visitor, fields)

    return signed_in(wraps(handler)(checked), pending=pending)


def _is_whole(text: str) -> bool:
    """Return whether a text can be stored and shown: a form may name an encoding that leaves half
    characters.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def came_from_us(request: Request, visitor: Visitor, token: str) -> bool:
    """Return whether a form was sent from the portal's own page in this session (CSRF)."""
    origin = request.headers.get("origin", portal_of(request).settings.origin)
    site = request.headers.get("sec-fetch-site", "same-origin")
    return (
        origin == portal_of(request).settings.origin
        and site in {"same-origin", "none"}
        and hmac.compare_digest(token.encode(), visitor.form_token.encode())
    )


async def visit(request: Request) -> Visitor | None:
    """Return the visitor, or None without a session. Tokens that expire soon are refreshed first."""
    portal = portal_of(request)
    secret = request.cookies.get(cookie_name(portal), "")
    language = views_of(request).language(request)
    theme = request.cookies.get(THEME_COOKIE, "")
    session, visitor = await run_in_threadpool(_arrive, portal, secret, language, theme)
    if session is None or not _ends_soon(portal, session):
        return visitor
    try:
        tokens = await portal.pool.refresh(session.tokens)
    except SignInRefused:
        await run_in_threadpool(portal.sessions.end, session)
        return None
    except SignInFailed:
        tokens = session.tokens
    session = await run_in_threadpool(portal.sessions.refreshed, session, tokens)
    return await run_in_threadpool(_visitor, portal, session, language, theme)


def _arrive(
    portal: Portal, secret: str, language: Language, theme: str
) -> tuple[Session | None, Visitor | None]:
    """Return the session and, unless its tokens must be refreshed first, the visitor.

    All happens in one thread, because each hop costs as much as a read.
    """
    session = portal.sessions.find(secret)
    if session is None or _ends_soon(portal, session):
        return session, None
    session = portal.sessions.touch(session)
    return session, _visitor(portal, session, language, theme)


def _visitor(portal: Portal, session: Session, language: Language, theme: str) -> Visitor | None:
    visitor = portal.visitor(session, language, theme)
    if visitor is None:
        portal.sessions.end(session)
    return visitor


def _ends_soon(portal: Portal, session: Session) -> bool:
    return session.tokens.expires_at - portal.now().timestamp() < _REFRESH_BEFORE_SECONDS


def cookie_name(portal: Portal) -> str:
    """Return the name of the session's cookie, whose prefix makes browsers reject one set by another host
    or path.
    """
    return "__Host-portal" if portal.settings.secure else "portal"


def sign_in_first(request: Request) -> Response:
    """Send somebody without a session to the sign-in, and from there back to the page."""
    if request.method == "GET":
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(url(request, f"/sign-in?next={quote(asked, safe='')}"), 303)
    return views_of(request).page(request, "signed_out.html", status=401, ended=True)


def refused(request: Request, visitor: Visitor, error: GatewayError) -> Response:
    """Return the page for a call that the gateway refused: what happened, where, and what to do."""
    return views_of(request).page(
        request, "refused.html", visitor, status=error.status if error.status >= 400 else 502, error=error
    )


def failed(request: Request, status: int, visitor: Visitor | None = None) -> Response:
    """Return a page for what the portal itself refuses or does not have."""
    return views_of(request).page(request, "failed.html", visitor, status=status, code=status)
