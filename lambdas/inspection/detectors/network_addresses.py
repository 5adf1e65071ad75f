"""Network addresses: IPv4, IPv6, MAC."""

import socket
from collections.abc import Iterator

from lambdas.inspection.detectors.reading import Context
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span


def ip4(context: Context, start: int, end: int, raw: str, groups: list[str]) -> Span | None:
    """Return the IPv4 address of a host if this run of digits is one."""
    text = context.text
    if len(groups) == 5 and raw.count("/") == 1 and "/" in raw[-3:]:
        # a network: the address without the length of its prefix
        groups, raw = groups[:4], raw.rpartition("/")[0]
        end = start + len(raw)
    if len(groups) != 4 or raw.count(".") != 3 or len(raw) != sum(map(len, groups)) + 3:
        return None
    if any(len(group) > 3 or int(group) > 255 or (len(group) > 1 and group[0] == "0") for group in groups):
        return None
    before = text[start - 1] if start else " "
    after = text[end : end + 2]
    if before.isalnum() or before in "._^~-+" or (before in "<>=" and text[start - 2 : start - 1] in "=<>!~"):
        return None
    if after[:1].isalnum() or (after[:1] in "._-" and after[1:2].isalnum()):
        return None
    numbers = [int(group) for group in groups]
    if numbers[0] in (0, 127, 255) or numbers[0] >= 224 or numbers == [1, 2, 3, 4]:
        return None
    if (numbers[0], numbers[1], numbers[2]) in ((192, 0, 2), (198, 51, 100), (203, 0, 113)):
        return None
    version = context.distance("version", start, 14)
    if version is not None and (context.distance("ip", start, 14) or 99) > version:
        return None
    if max(numbers) < 32 and not context.before("ip", start, 40):
        return None
    return Span("IP_ADDRESS", start, end, 1.0, "ip-v4")


_COLONS = Expression(r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_MAC = Expression(r"[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])")


def colon_addresses(context: Context) -> Iterator[Span]:
    """Yield IPv6 and MAC addresses."""
    text = context.text
    done = 0
    if "colons" in context.hints:
        for inner in _INNER_GROUP.finditer(text):
            start = inner.start()
            if start < done:
                continue
            while (
                start
                and start > inner.start() - 5
                and (text[start - 1] in _HEX_DIGITS or text[start - 1] == ":")
            ):
                start -= 1
            match = _COLONS.match(text, start)
            if not match:
                continue
            done = match.end()
            raw = match.group().rstrip(".")
            raw = raw[:-1] if raw.endswith(":") and not raw.endswith("::") else raw
            if len(raw) < 7 or (start and (text[start - 1].isalnum() or text[start - 1] in ":._")):
                continue
            if text[start + len(raw) : start + len(raw) + 1].isalnum() or len(raw.replace(":", "")) < 4:
                continue
            if raw.count(":") == 5 and _MAC.fullmatch(raw):
                continue
            groups = [group for group in raw.split(":") if group]
            if "::" not in raw and len(groups) != 8:
                continue
            if "::" in raw and (len(groups) < 3 or not any(c.isdigit() for c in raw)):
                continue
            if raw.lower().startswith("2001:db8") or not _valid_ip6(raw):
                continue
            yield Span("IP_ADDRESS", start, start + len(raw), 1.0, "ip-v6")
    for pairs in _INNER_PAIRS if "pairs" in context.hints else ():
        for inner in pairs.finditer(text):
            start = inner.start() - 2
            match = _MAC.match(text, start) if start >= 0 else None
            if match and not (start and (text[start - 1].isalnum() or text[start - 1] in ":-")):
                yield Span("MAC_ADDRESS", start, match.end(), 1.0, "mac")


_INNER_GROUP = Expression(r":[0-9A-Fa-f]{0,4}:")
_INNER_PAIRS = tuple(Expression(rf"{sign}[0-9A-Fa-f]{{2}}{sign}[0-9A-Fa-f]{{2}}{sign}") for sign in ":-")
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


def _valid_ip6(raw: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, raw)
    except OSError:
        return False
    return True
