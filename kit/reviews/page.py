"""The review page: drafts, sources, findings and the decision, served on this machine only (L3.4, G.2).

Anyone who opens the page acts as the person who started it. The address carries a secret that becomes a
cookie; every decision also carries its own token and names the hash of the draft that was read. Requests
for a host name other than 127.0.0.1 are refused, which prevents DNS rebinding.
"""

import hashlib
import hmac
import http.server
import re
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jinja2
from botocore.exceptions import BotoCoreError, ClientError

from kit.errors import KitError
from kit.reviews.deciding import approvals_of, decide, draft_of, queue, review_of
from kit.reviews.places import Place, place
from kit.target import Target
from lambdas.workflow.area import NotThere
from lambdas.workflow.reviews import Review

_MOST_BYTES = 1_000_000
_COOKIE = "kit-review"
_REVIEW = re.compile(r"^/reviews/([a-z0-9-]{1,64})/(wf_[0-9A-Z]{26})$")
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class ReviewServer(http.server.ThreadingHTTPServer):
    """A server on 127.0.0.1. `address` is what the person opens."""

    daemon_threads = True

    def __init__(self, target: Target, person: str, departments: Sequence[str] | None, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.target, self.person, self.departments = target, person, departments
        self.secret = secrets.token_urlsafe(32)

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def address(self) -> str:
        """The address with the secret that admits the person."""
        return f"http://{self.host}/?key={self.secret}"

    def token(self, request: str) -> str:
        """Return the token that a form about a request must carry."""
        return hmac.new(self.secret.encode(), request.encode(), hashlib.sha256).hexdigest()

    def place(self, department: str) -> Place:
        """Return the department as the person may access it."""
        return place(self.target, department, "reviewer", self.person)


def review_server(target: Target, person: str, departments: Sequence[str] | None, port: int) -> ReviewServer:
    """Return a server that is ready to serve. Raises OSError if the port is in use."""
    return ReviewServer(target, person, departments, port)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: ReviewServer  # pyright: ignore[reportIncompatibleVariableOverride] - the one that made it
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        key = parse_qs(parts.query).get("key", [""])[0]
        if self._host_is_ours() and parts.path == "/" and hmac.compare_digest(key, self.server.secret):
            cookie = f"{_COOKIE}={key}; HttpOnly; SameSite=Strict; Path=/"
            self._answer(HTTPStatus.SEE_OTHER, "", {"Location": "/", "Set-Cookie": cookie})
        elif self._refused():
            return
        elif parts.path == "/":
            self._guarded(self._queue)
        elif found := _REVIEW.match(parts.path):
            self._guarded(lambda: self._review(found.group(1), found.group(2)))
        else:
            self._problem(HTTPStatus.NOT_FOUND, "There is no such page.")

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if length > _MOST_BYTES:
            self.close_connection = True
            self._problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The text is too long.")
            return
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        found = _REVIEW.match(self.path)
        if self._refused():
            return
        if not found:
            self._problem(HTTPStatus.NOT_FOUND, "There is no such page.")
            return
        if not hmac.compare_digest(form.get("token", ""), self.server.token(found.group(2))):
            self._problem(HTTPStatus.FORBIDDEN, "This form is not one of this page. Open the review again.")
            return
        self._guarded(lambda: self._decide(found.group(1), found.group(2), form))

    def _queue(self) -> str:
        waiting = queue(self.server.target, self.server.departments, self.server.person)
        return _page("queue.html", "Reviews", self.server.person, waiting=waiting)

    def _review(self, department: str, request: str) -> str:
        where = self.server.place(department)
        review = review_of(where, request)
        return _page(
            "review.html",
            f"Review {request}",
            self.server.person,
            review=review,
            facts=_facts(review),
            draft=draft_of(where, request),
            token=self.server.token(request),
        )

    def _decide(self, department: str, request: str, form: Mapping[str, str]) -> str:
        done = decide(
            self.server.place(department),
            request,
            form.get("decision", ""),
            form.get("reason", ""),
            text=form.get("text", "").replace("\r\n", "\n"),
            read_sha256=form.get("read_sha256", "-"),
        )
        return _page("decided.html", "Decided", self.server.person, request=request, state=done.state)

    def _guarded(self, make: Any) -> None:
        """Respond with a page; an error becomes one sentence with a hint."""
        try:
            page = make()
        except KitError as error:
            self._problem(HTTPStatus.CONFLICT, f"{error.message}. {error.hint or ''}")
        except ValueError:
            self._problem(HTTPStatus.BAD_REQUEST, "The form is not complete.")
        except (BotoCoreError, ClientError, NotThere) as error:
            self._problem(HTTPStatus.BAD_GATEWAY, f"The deployment says: {type(error).__name__}.")
        else:
            self._answer(HTTPStatus.OK, page)

    def _host_is_ours(self) -> bool:
        return self.headers.get("host") == self.server.host

    def _refused(self) -> bool:
        cookie = SimpleCookie(self.headers.get("cookie", "")).get(_COOKIE)
        origin = self.headers.get("origin")
        if not self._host_is_ours() or origin not in (None, f"http://{self.server.host}"):
            self._problem(HTTPStatus.FORBIDDEN, "This page answers at its own address only.")
            return True
        if cookie is None or not hmac.compare_digest(cookie.value, self.server.secret):
            self._problem(HTTPStatus.FORBIDDEN, "Open the address that kit review-queue serve has printed.")
            return True
        return False

    def _problem(self, status: HTTPStatus, text: str) -> None:
        self._answer(status, _page("problem.html", "That did not work", "", text=text))

    def _answer(self, status: HTTPStatus, page: str, headers: Mapping[str, str] | None = None) -> None:
        data = page.encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(data)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": _POLICY,
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: an address may contain the secret."""


def _facts(review: Review) -> dict[str, str]:
    return {
        "Department": review.department,
        "Workflow": review.workflow,
        "Asked by": review.requested_by,
        "Since": review.opened_at,
        "Because": ", ".join(review.because) or "nothing demands a review",
        "State": review.state,
        **approvals_of(review),
    }


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
)


def _page(template: str, title: str, person: str, **values: Any) -> str:
    return _TEMPLATES.get_template(template).render(title=title, person=person, **values)
