"""Odd forms, queries, paths and headers: no failure, and nothing of them becomes markup (L4.1-L4.6)."""

import itertools
import json

import pytest

from tests.support.local_kit import LocalKit

from .browser import Browser

ODD = (
    "",
    "\x00",
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "%",
    "\ud7ff",
    "9" * 5_000,
    "²",
    "-1",
    "null",
    "ä" * 2_000,
    "{{7*7}}",
    "\r\nset-cookie: a=b",
    "1e309",
    "NaN",
    "２",
)
PAGES = (
    "library",
    "library/{}",
    "conversations/{}",
    "conversations/{}/answer.docx",
    "runs/{}",
    "ask",
    "work",
    "work/{}",
    "reviews",
    "reviews/{}",
    "learn/{}",
    "learn/{}/certificate",
    "guidelines/{}",
    "may-i",
    "support",
    "support/tickets/{}",
    "champions",
    "ideas",
    "center/timeline",
    "center/people",
    "center/departments",
    "center/executive",
    "center/cases",
    "ask/history",
    "me",
    "news",
    "settings",
    "callback",
    "sign-in",
    "static/{}",
)
FORMS = {
    "ask": ("text", "model", "conversation"),
    "library/campaign-copy/run": ("product", "audience", "channel", "brief", "variants"),
    "library/campaign-copy/favourite": ("keep",),
    "library/propose": ("text", "prompt"),
    "feedback": ("request", "verdict", "minutes"),
    "learn/data-classes/quiz": ("question-0", "question-1"),
    "guidelines/acceptable-use/accept": ("read", "version"),
    "may-i": ("text",),
    "support/ask": ("kind", "request", "text"),
    "support/hours": ("hour", "seat"),
    "champions/story": ("story", "minutes"),
    "champions/consent": ("show", "name"),
    "news/read": ("id",),
    "ideas": ("title", "problem"),
    "ideas/decide": ("idea", "state", "value", "feasibility", "owner", "decision"),
    "center/timeline": ("task", "owner", "due"),
    "center/cases": ("case", "outcome", "note"),
    "support/answers": ("question", "answer", "remove"),
}
HEADERS = (
    "accept",
    "accept-language",
    "origin",
    "sec-fetch-site",
    "if-none-match",
    "x-forwarded-proto",
    "range",
    "content-encoding",
    "user-agent",
)


@pytest.fixture(scope="module")
def kim(local_kit: LocalKit) -> Browser:
    """Somebody with every role, signed in."""
    browser = Browser(json.loads(local_kit.run("status", "--json").stdout)["portal_url"])
    browser.sign_in("kim")
    return browser


def check(browser: Browser) -> None:
    """The last page: no failure, nothing of an odd text as markup."""
    page = browser.last
    assert page is not None
    assert page.status < 500 or "not_recorded" in page.text, (page.url, page.status)
    assert "<script>alert" not in page.text
    assert "onerror=alert(1)>" not in page.text.replace("&gt;", "")
    assert "49" not in page.text or "{{7*7}}" not in page.url


def test_odd_paths_queries_and_headers_are_answered(kim: Browser) -> None:
    from urllib.parse import quote

    odd = itertools.cycle(quote(one, safe="") for one in ODD if one.isprintable() or one in {"\x00", ""})
    for page in PAGES:
        for _ in range(2):
            text = next(odd)
            kim.get(
                f"{page.format(text or 'x')}?q={text}&next={text}&request={text}&department={text}&use={text}"
            )
            check(kim)
    plain = itertools.cycle(one for one in ODD if one.isascii() and one.isprintable())
    for header in HEADERS:
        kim.get("library", **{header: next(plain)})
        check(kim)


def test_odd_forms_are_answered(kim: Browser) -> None:
    token = kim.get("me").form_token()
    odd = itertools.cycle(ODD)
    for path, fields in FORMS.items():
        for _ in range(2):
            kim.post(path, {"form_token": token, **{name: next(odd) for name in fields}})
            check(kim)
        kim.post(path, {"form_token": next(odd) or "x"})
        check(kim)
