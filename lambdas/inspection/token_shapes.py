"""Tokens without a telling literal, detected by shape (L2.3).

Of unknown services: a short prefix and a long random rest, as most have. Of some known ones: the part
before a dot is too short, or itself too random, to search for.
"""

import re
from collections.abc import Iterator

from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span
from lambdas.inspection.token_rules import entropy, jumbled, looks_named, varied

# the rest of a token begins here; what stands before is looked at only then. One expression for each sign:
# an expression that begins with a plain character is sought many times faster than one with a choice
_RESTS = tuple(
    Expression(sign + r"(?=[A-Za-z0-9]{20})(?P<rest>[A-Za-z0-9_-]{22,200})(?![\w@/+=-])") for sign in "_-"
)
_PREFIX = Expression(
    r"(?<![A-Za-z0-9_./\\%+=@#-])(?P<prefix>(?:[a-z]{1,10}\d{0,2}|[A-Z]{2,10}\d{0,2})"
    r"(?:[_-](?:[a-z]{1,10}\d{0,2}|[A-Z]{2,10}\d{0,2})){0,3})\Z"
)
_REACH = 40  # characters: the longest prefix
# a bot's token of Discord has no literal: its number in base64, a time, a signature
_DOTTED = Expression(r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}(?![\w.-])")
_NUMBER = Expression(r"(?<![\w.-])[MNO][A-Za-z0-9]{23,27}\Z")
# Vault's old tokens, Pushbullet's, Airtable's
_BEHIND_A_DOT = Expression(r"\.(?=[A-Za-z0-9]{24})(?P<rest>[A-Za-z0-9]{24,64})(?![\w.(])")
_BEFORE_A_DOT = Expression(
    r"(?<![\w.])(?:(?P<vault>[sbr])|(?P<pushbullet>o)|(?P<airtable>pat[A-Za-z0-9]{14}))\Z"
)
_HEX = frozenset("0123456789abcdef")
# prefixes of digests, of public keys, of names and parts of pages
_PUBLIC = Expression(
    r"(?:^|[_-])(?:pk|pub|public|publishable|site|client|anon)(?:[_-]|\Z)"
    r"|(?:^|[_-])(?:sha\d*|md\d|blake\w*|nonce|css|js|sc|chunk|main|app|index|vendor|page|img|image|icon|font|class"
    r"|id|uid|uuid|ref|rev|commit|build|hash|etag|cache|file|test"
    r"|data|video|photo|svg|path|mask|grad|clip|section|h\d?|g)\Z",
    re.IGNORECASE,
)
_OF_KEYS = Expression(
    r"(?:^|[_-])\w{0,4}(?:key|sk|pat|tok|token|secret|live|prod|api|auth|access|svc|sa)\Z", re.IGNORECASE
)


# of each expression that is sought everywhere
HINTS = {
    "random-rest": r"[_-][A-Za-z0-9]{20}",
    "dotted-token": r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}",
    "behind-a-dot": r"\.[A-Za-z0-9]{24}",
}


def detect(text: str, hints: frozenset[str] = frozenset(HINTS)) -> Iterator[Span]:
    """Yield secrets in the text; their rules are named for the provider, or `unknown-token`.

    `hints`: those of `HINTS` that may be present.
    """
    for rests in _RESTS if "random-rest" in hints else ():
        for match in rests.finditer(text):
            start = match.start()
            before = _PREFIX.search(text, max(0, start - _REACH), start)
            if before is None or _PUBLIC.search(before["prefix"]):
                continue
            if _random(match["rest"], of_keys=bool(_OF_KEYS.search(before["prefix"]))):
                yield Span("SECRET", before.start(), match.end(), 0.85, "unknown-token")
    for match in _DOTTED.finditer(text) if "dotted-token" in hints else ():
        before = _NUMBER.search(text, max(0, match.start() - 30), match.start())
        if before and varied(match.group()):
            yield Span("SECRET", before.start(), match.end(), 0.9, "discord")
    for match in _BEHIND_A_DOT.finditer(text) if "behind-a-dot" in hints else ():
        before = _BEFORE_A_DOT.search(text, max(0, match.start() - 19), match.start())
        if before and _fits(before.lastgroup, match["rest"]):
            yield Span("SECRET", before.start(), match.end(), 1.0, before.lastgroup or "")


def _fits(provider: str | None, rest: str) -> bool:
    if provider == "airtable":
        return len(rest) == 64 and _HEX.issuperset(rest)
    if provider == "pushbullet":
        return len(rest) == 32
    random = sum(c.isdigit() for c in rest) >= 2 and entropy(rest) > 3.5
    return len(rest) <= 26 and random and not looks_named(rest)  # b.ContentCRC64, an attribute


def _random(rest: str, *, of_keys: bool) -> bool:
    digits = sum(c.isdigit() for c in rest)
    upper = sum(c.isupper() for c in rest)
    lower = sum(c.islower() for c in rest)
    if upper >= 3 and lower >= 3:
        return digits >= 2 and entropy(rest) >= 3.9 and jumbled(rest, 0.34) and varied(rest)
    return of_keys and upper == 0 and digits >= 5 and lower >= 4 and len(rest) >= 32 and varied(rest)
