"""A browser without pictures: cookies, redirects, links and forms of real pages over HTTP."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Page:
    """An answer as a person gets it."""

    status: int
    url: str
    text: str
    headers: dict[str, str]

    @property
    def words(self) -> str:
        """The text without markup, white space folded."""
        parser = _Words()
        parser.feed(self.text)
        return " ".join(" ".join(parser.found).split())

    def form_token(self) -> str:
        """What forms of this page carry."""
        found = re.search(r'name="form_token" value="([0-9a-f]+)"', self.text)
        assert found, f"no form on {self.url}"
        return found[1]


@dataclass
class Browser:
    """One person's browser at a portal. `base` ends with a slash."""

    base: str
    cookies: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)
    last: Page | None = None

    def __post_init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str, **headers: str) -> Page:
        """A page of the portal, or of an absolute address; redirects are followed."""
        address = path if path.startswith("http") else self.base + path
        return self._open(urllib.request.Request(address, headers=headers))

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Page:
        """A form, with the token of the last page where the fields hold none."""
        if "form_token" not in fields and self.last is not None and 'name="form_token"' in self.last.text:
            fields = {**fields, "form_token": self.last.form_token()}
        address = path if path.startswith("http") else self.base + path
        body = urllib.parse.urlencode(fields).encode()
        return self._open(urllib.request.Request(address, body, headers))

    def sign_in(self, login: str) -> Page:
        """Sign in at the stand-in of the identity provider, as a person would click."""
        page = self.get("")
        assert "/auth?" in page.url, page.url
        page = self.post(page.url, {"login": login, "form_token": ""})
        found = re.search(r'href="([^"]+)" data-go', page.text)
        assert found, page.words
        return self.get(urllib.parse.urljoin(self.base, found[1]))

    def _open(self, request: urllib.request.Request) -> Page:
        try:
            with self._opener.open(request, timeout=60) as answer:
                page = Page(answer.status, answer.url, answer.read().decode(), _headers(answer.headers))
        except urllib.error.HTTPError as error:
            page = Page(error.code, error.url or "", error.read().decode(), _headers(error.headers))
        self.last = page
        return page


def _headers(headers: object) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}  # type: ignore[attr-defined]


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(data)
