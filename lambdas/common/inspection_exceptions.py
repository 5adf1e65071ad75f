"""Inspection exceptions: values that are found repeatedly and belong to nobody (L2.3, G.1).

An exception identifies a finding by its type and the keyed hash in its record, so the document contains no
value. It has a scope, an owner, a reason and an expiry. The document is `policy/inspection-exceptions.json`
in the governance bucket; changes and expiries take effect within 15 seconds (`kit inspection except`).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

EXCEPTIONS_KEY = "policy/inspection-exceptions.json"
HASH = re.compile(r"[0-9a-f]{16}")
TYPE = re.compile(r"[A-Z][A-Z0-9_]{1,39}")


@dataclass(frozen=True, slots=True)
class InspectionException:
    """One finding that is excepted. `department` limits it to one; empty: all. `owner` is accountable; `at`
    and `expires` are UTC in ISO 8601.
    """

    type: str
    hash: str
    department: str
    owner: str
    reason: str
    at: str
    expires: str

    def is_in_force(self, department: str, now: datetime) -> bool:
        """Return whether it applies to a call of the department at this time."""
        return self.department in ("", department) and now < datetime.fromisoformat(self.expires)


def parse_exceptions(document: bytes) -> tuple[InspectionException, ...]:
    """Parse the exceptions in a document. Raises `ValueError` for anything else, so that nothing is
    excepted by mistake.
    """
    try:
        listed = tuple(InspectionException(**one) for one in json.loads(document)["exceptions"])
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no exceptions from inspection: {error}") from None
    for one in listed:
        _check(one)
    return listed


def _check(one: InspectionException) -> None:
    texts: tuple[Any, ...] = (one.type, one.hash, one.department, one.owner, one.reason, one.at, one.expires)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("no exception from inspection: a field is no text")
    if not (HASH.fullmatch(one.hash) and TYPE.fullmatch(one.type) and one.owner and one.reason):
        raise ValueError(f"no exception from inspection: {one.type} {one.hash}")
    if datetime.fromisoformat(one.expires).tzinfo is None:
        raise ValueError(f"the end of the exception {one.hash} has no time zone")


def in_force(
    listed: Iterable[InspectionException], department: str, now: datetime
) -> frozenset[tuple[str, str]]:
    """Return (type, hash) of the exceptions for a call of the department at this time."""
    return frozenset((one.type, one.hash) for one in listed if one.is_in_force(department, now))
