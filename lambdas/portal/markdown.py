"""Rendering of Markdown with a short list of HTML tags: courses, guidelines, and Claude's answers.

Raw HTML remains text, images become links, and links are active only to allowed hosts.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LINE_BREAKS = re.compile(r"\n{3,}")


@cache
def parser() -> "MarkdownIt":
    """Return the Markdown parser: no raw HTML, no images. Imported on first use, because it takes 30 ms."""
    from markdown_it import MarkdownIt

    return (
        MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": False})
        .enable("table")
        .disable("image")
    )


def render(text: str, allowed_hosts: Sequence[str] = (), *, lowest_heading: int = 2) -> Markup:
    """Return HTML of a text. Its highest heading becomes `lowest_heading`, so no level is skipped."""
    reader = parser()
    tokens = reader.parse(_LINE_BREAKS.sub("\n\n", text))
    highest = min((int(token.tag[1]) for token in tokens if token.type == "heading_open"), default=1)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) - highest + lowest_heading)}"
        if token.type == "table_open":
            token.attrSet("class", "text-table")
        if token.children:
            token.children = _with_safe_links(token.children, allowed_hosts)
    tokens = [each for token in tokens for each in _scrolling(token)]
    # safe: the parser escapes raw HTML and makes permitted tags only
    return Markup(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704


def _scrolling(token: "Token") -> "list[Token]":
    """Wrap a table in a box that scrolls, also by keyboard, so that a wide one never widens the page."""
    from markdown_it.token import Token

    if token.type == "table_open":
        box = Token("box_open", "div", 1, attrs={"class": "scroll", "tabindex": "0", "role": "group"})
        return [box, token]
    return [token, Token("box_close", "div", -1)] if token.type == "table_close" else [token]


def _with_safe_links(children: "Sequence[Token]", allowed_hosts: Sequence[str]) -> "list[Token]":
    """Replace links to hosts that are not allowed by their text and address."""
    from markdown_it.token import Token

    kept: list[Token] = []
    dropped: list[str] = []
    for token in children:
        if token.type == "link_open":
            address = str(token.attrGet("href") or "")
            if is_allowed(address, allowed_hosts):
                token.attrSet("rel", "noopener noreferrer")
                dropped.append("")
            else:
                dropped.append(address)
                continue
        elif token.type == "link_close" and dropped and (address := dropped.pop()):
            kept.append(Token("text", "", 0, content=f" ({address})"))
            continue
        kept.append(token)
    return kept


def is_allowed(address: str, allowed_hosts: Sequence[str]) -> bool:
    """Return whether a link may be active: within the portal, or to an allowed host over TLS."""
    parts = urlsplit(address)
    if not parts.scheme and not parts.netloc:
        return address.startswith(("/", "#")) and not address.startswith("//")
    host = parts.hostname or ""
    return parts.scheme == "https" and any(host == one or host.endswith(f".{one}") for one in allowed_hosts)
