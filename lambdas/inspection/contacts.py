"""Contact lists: many addresses or telephone numbers together are customer data, each alone is harmless
(G.1).

Authors, owners and committers are not customers: their addresses are in every package. What a person types
counts as one, however it is split; what a tool or a document contributes is judged separately, or a session
would accumulate a list from the files that it reads.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from lambdas.inspection.context import PROGRAMS, Kind
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import DataClass, Finding, Span

CONTACTS = ("EMAIL", "PHONE")
IN_PASSING_LIMIT = 25  # fixtures of programs and headers of mail hold a few, an export of customers many
_AUTHOR = "-of-author"
_IN_PASSING = "-in-passing"
_CREDIT = Expression(
    r"(?i)copyright|\(c\)|©|\bauthors?\b|maintain|contribut|committe[rd]|-by:|packager|written by"
    r"|\bcredits?\b|reported by"
    r"|suggested by|patch(?:es)? (?:from|by)|thanks|who helped"
    r"|^\s*(?:19|20)\d\d(?:[-–, ]+(?:19|20)\d\d)*[, ]+[^\W\d][^\n<]{2,60}<\S+@\S+>$"
)
_BLAME = Expression(
    r"\^?[0-9a-f]{7,40} (?:\S+ +)?\(|[ \t]*\d+\t[^\t\n]+<| -- |[*/.\w][\w*/.\[\]-]*[ \t]+(?:@|[\w.+-]+@)"
)
# still inside the list of a package's people
_OPEN_LIST = Expression(r"[\"'](?:contributors|authors|maintainers)[\"']?\s*[:=]\s*\[[^\]]*\Z")
_LIST = 2_000  # characters
# of a message: who takes part in it; and what names the message itself
_HEADER = Expression(
    r"(?i)[>\s]*(?:from|to|cc|bcc|reply-to|sender|return-path|delivered-to|von|an|de|à|para|da|a):\s"
)
_OF_A_MESSAGE = Expression(
    r"(?i)[>\s]*(?:message-id|in-reply-to|references|content-id):|\s*\(envelope-from|\s+for \S+@"
)
# addresses of a role, not of a person
_ROLE = Expression(
    r"(?i)(?:[\w.+-]*no-?reply[\w.+-]*|info|support|security|admin|root|postmaster|webmaster|hello|contact"
    r"|team|sales|help|abuse|dev"
    r"|legal|privacy|press|office|bugs?|git|feedback|service|opensource|oss|packages?|maintainers?"
    r"|[\w.+-]*users?|list|announce"
    r"|conduct)@|[\w.+-]+@(?:lists?|groups|googlegroups|mail-archive)\."
)


def marked(spans: Iterable[Span], text: str, kind: Kind) -> Iterator[Span]:
    """Yield the spans, with contacts named by context: an author's, or one in passing."""
    credited = lru_cache(maxsize=64)(lambda line: _CREDIT.search(line) is not None)  # many stand in one line
    for span in spans:
        if span.type not in CONTACTS:
            yield span
        elif _is_author(span, text, kind, credited):
            yield replace(span, rule=span.rule + _AUTHOR)
        elif kind in PROGRAMS or _HEADER.match(text, text.rfind("\n", 0, span.start) + 1):
            yield replace(span, rule=span.rule + _IN_PASSING)
        else:
            yield span


def _is_author(span: Span, text: str, kind: Kind, credited: Callable[[str], bool]) -> bool:
    begin = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    line = text[begin : end if end >= 0 else len(text)][:400]
    if kind is Kind.VERSIONS and (span.type == "EMAIL" or _BLAME.match(line)):
        return True
    before = text[max(0, begin - _LIST) : span.start]
    if span.type == "EMAIL" and _OF_A_MESSAGE.match(line):
        return True
    if span.type == "EMAIL" and _NAMED.match(line) and _CREDIT.search(_introduction(text, begin)):
        return True
    return bool(credited(line) or _OPEN_LIST.search(before)) or (
        span.type == "EMAIL" and _ROLE.match(text, span.start) is not None
    )


def _introduction(text: str, begin: int) -> str:
    """Return the line above a list of names with addresses; `begin` is the start of one of its lines."""
    for _ in range(_LONGEST_LIST):
        end = max(0, begin - 1)
        begin = text.rfind("\n", 0, end) + 1
        line = text[begin:end]
        if begin == 0 or not (_NAMED.match(line) or not line.strip(" \t-=~*")):
            return line
    return ""


_LONGEST_LIST = 40  # lines
_NAMED = Expression(
    r"[ \t*-]*[^\W\d][^\n<>,;|\d]{1,60}[ \t]*<[^<>\s]+@[^<>\s]+>(?:[ \t]+\([^()\n]{1,30}\))?[ \t]*$"
)


def lists(findings: Sequence[Finding], contact_limit: int, name_limit: int) -> Iterator[Finding]:
    """Yield a finding for each contact list among these findings, which belong together."""
    present = {one.type for one in findings}
    if present.isdisjoint(CONTACTS):
        return  # names alone are not a list: public persons fill the news
    for kind, limit in (*((kind, contact_limit) for kind in CONTACTS), ("PERSON", name_limit)):
        if kind not in present:
            continue
        counted = [
            one
            for one in findings
            if one.type == kind and one.level is not DataClass.PUBLIC and not one.rule.endswith(_AUTHOR)
        ]
        ours = {one.value_hash for one in counted if not one.rule.endswith(_IN_PASSING)}
        if len(ours) > limit or len({one.value_hash for one in counted}) > IN_PASSING_LIMIT + limit:
            first: dict[str, Finding] = {}
            for one in counted:
                first.setdefault(one.field, one)
            for one in first.values():
                yield replace(
                    one,
                    type="CUSTOMER_LIST",
                    level=DataClass.RESTRICTED,
                    score=0.9,
                    rule=f"many-{kind.lower()}",
                    value_hash="",
                )
