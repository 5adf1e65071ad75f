"""Inspection exceptions, and reported mistakes (L2.3, G.1).

    policy/inspection-exceptions.json
    {"exceptions": [{type, hash, department, owner, reason, at, expires}, …]}

The gateway polls it every few seconds. The bucket keeps every version, the audit store who changed it.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from kit.audit.search import Question, find
from kit.audit.sources import Source
from kit.governance.live_document import LiveDocument
from kit.identity.operator import record_event
from kit.target import Target
from lambdas.common.clock import utc_now
from lambdas.common.inspection_exceptions import EXCEPTIONS_KEY, InspectionException, parse_exceptions

_DOCUMENT = LiveDocument(EXCEPTIONS_KEY, "exceptions", parse_exceptions)
_REFUSED_WITHIN = timedelta(days=31)  # before somebody says so


def exceptions(target: Target) -> tuple[InspectionException, ...]:
    """Return all exceptions, oldest first, including expired ones."""
    return _DOCUMENT.read(target)[0]


def add(target: Target, exception: InspectionException) -> None:
    """Replace an earlier exception for the same finding and department. Recorded before it takes effect.
    Raises KitError.
    """
    known, etag = _DOCUMENT.read(target)
    others = tuple(one for one in known if _place(one) != _place(exception))
    record_event(target, {"kind": "inspection-exception", "event": "added", "what": asdict(exception)})
    _DOCUMENT.write(target, (*others, exception), etag)


def withdraw(target: Target, type_: str, hash_: str, department: str, owner: str, reason: str) -> bool:
    """End an exception. Return False if there is none. Raises KitError."""
    known, etag = _DOCUMENT.read(target)
    left = tuple(one for one in known if _place(one) != (type_, hash_, department))
    if left == known:
        return False
    what = {"type": type_, "hash": hash_, "department": department, "owner": owner, "reason": reason}
    record_event(target, {"kind": "inspection-exception", "event": "withdrawn", "what": what})
    _DOCUMENT.write(target, left, etag)
    return True


def _place(one: InspectionException) -> tuple[str, str, str]:
    return one.type, one.hash, one.department


@dataclass(frozen=True, slots=True)
class Mistake:
    """What somebody said was wrong with the inspection of a request: `what` is `stopped` (harmless text was
    stopped) or `missed`. `findings` are those of the request's record: type, rule, field, keyed hash, never a
    value.
    """

    at: str
    request_id: str
    department: str
    what: str
    action: str
    reason: str
    findings: tuple[dict[str, str], ...]


def mistakes(source: Source, first: datetime, last: datetime) -> Iterator[Mistake]:
    """Yield what people reported in a period, each with what inspection had found."""
    reported = list(find(source, Question(first, last, kind="inspection-mistake")))
    wanted = {str(one.get("request_id")) for one in reported}
    about: dict[str, dict[str, Any]] = {}
    if wanted:
        for record in find(source, Question(first - _REFUSED_WITHIN, last)):
            if record.get("request_id") in wanted and record.get("decisions"):
                about.setdefault(str(record["request_id"]), record["decisions"][0])
    for one in sorted(reported, key=lambda record: str(record["at"])):
        decision = about.get(str(one.get("request_id")), {})
        yield Mistake(
            at=str(one["at"]),
            request_id=str(one.get("request_id")),
            department=str(one.get("department")),
            what=str(one.get("what")),
            action=str(decision.get("action", "")),
            reason=str(decision.get("reason", "")),
            findings=tuple(decision.get("findings", ())),
        )


def exception(
    type_: str, hash_: str, department: str, owner: str, reason: str, days: int
) -> InspectionException:
    """Return an exception from now on, for a number of days."""
    now = utc_now().replace(microsecond=0)
    end = (now + timedelta(days=days)).isoformat()
    return InspectionException(type_, hash_, department, owner, reason, now.isoformat(), end)
