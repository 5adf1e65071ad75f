"""Calendar files (RFC 5545): events in UTC with stable ids, lines folded at 75 octets."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

_LINE_OCTETS = 75


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Times are timezone-aware; `uid` stays the same when the file is generated again."""

    uid: str
    starts: datetime
    ends: datetime
    summary: str
    link: str = ""


def calendar(events: Iterable[Event], now: datetime) -> str:
    """Return a calendar of the events as of `now`."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//claude-enterprise-kit//portal//EN",
        "CALSCALE:GREGORIAN",
    ]
    for event in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_text(event.uid)}",
            f"DTSTAMP:{_time(now)}",
            f"DTSTART:{_time(event.starts)}",
            f"DTEND:{_time(event.ends)}",
            f"SUMMARY:{_text(event.summary)}",
            *([f"URL:{event.link}"] if event.link else []),
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return text


def _folded(line: str) -> str:
    """Return the line in pieces of at most 75 octets, never split within a character."""
    pieces, piece, limit = [], "", _LINE_OCTETS
    for character in line:
        if len((piece + character).encode()) > limit:
            pieces.append(piece)
            piece, limit = "", _LINE_OCTETS - 1  # the space at the beginning counts
        piece += character
    return "\r\n ".join([*pieces, piece])
