"""The only function that ends an onboarding (L4.1, L4.4, L3.5).

The portal asks it in a person's name, with that person's access token. It has the token checked by the user
pool itself, grades a quiz itself by the published content, appends the audit record, keeps the evidence, and
lets the person in once nothing is left to do. Record first, access last; every step may be repeated. A
portal that was taken over can let nobody in whose token it does not hold.

Event, one of:
    {"action": "accept", "token": "…", "document": "…", "version": 4, "sha256": "…", "language": "en"}
    {"action": "complete", "token": "…", "course": "…", "version": 1, "answers": [0, 2], "language": "en"}
    {"action": "close_case", "token": "…", "case": "2026-12#…", "outcome": "talked", "note": "…"}
Answer: {"active": true, …}, or {"refused": "<fixed word>"}.

Environment: `SIGN_IN_URL`, `ACCESS_TABLE`, `PORTAL_TABLE`, `GOVERNANCE_BUCKET`, `GOVERNANCE_KEY_ARN`,
`PORTAL_CONTENT_KEY`, `AUDIT_BUCKET`, `AUDIT_KEY_ARN`, `ANALYTICS_STREAM`.
"""

import calendar
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from lambdas.common.access import AccessRecord, AccessRecords, user_key
from lambdas.common.audit import AuditUnavailable, AuditWriter, open_writer
from lambdas.common.clock import Clock, utc_now
from lambdas.common.learning import (
    Content,
    Course,
    Evidence,
    Guideline,
    Standing,
    grade,
    read_content,
    standing,
)
from lambdas.common.pool_tokens import Refused, genuine_claims
from lambdas.common.tokens import emulated_sign_in_url
from lambdas.portal.evidence import read_evidence
from lambdas.portal.table import CASE, PortalTable, Row, RowConflict
from lambdas.workflow.area import DepartmentArea
from lambdas.workflow.courses import keep_completion

GOVERNANCE_LEAD = "governance-lead"
# What a governance lead found: an alarm that was wrong, something that a conversation or a course settles, or
# something for the incident procedure. None of them is a measure against somebody.
OUTCOMES = ("false-alarm", "talked", "course", "incident")
_NOTE_CHARACTERS = 1_000
_CASE_ID = re.compile(r"\d{4}-\d\d#[\w-]{1,128}", re.ASCII)
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


@dataclass(frozen=True, slots=True)
class Registry:
    """What the registrar works with."""

    user_info_url: str
    records: AccessRecords
    table: PortalTable
    content: Content
    writer: AuditWriter
    governance: DepartmentArea
    clock: Clock

    def today(self) -> date:
        """Return the date in UTC."""
        return self.clock().date()

    def person(self, token: str) -> AccessRecord:
        """Return whose token it is. Raises `Refused`."""
        claims = genuine_claims(token, self.user_info_url)
        person = claims.get("kit_person")
        record = self.records.get(user_key(person)) if isinstance(person, str) and person else None
        if record is None or not record.provisioned:
            raise Refused("person")
        return record

    def accept(self, record: AccessRecord, event: Mapping[str, Any]) -> dict[str, Any]:
        """Record that the person accepted a document. Raises `Refused`."""
        found = self.content.guideline(str(event.get("document", "")))
        if found is None:
            raise Refused("document")
        if (event.get("version"), event.get("sha256")) != (found.version, found.sha256):
            raise Refused("version")
        self._record(record, acceptance_of(found, event))
        facts = {"version": found.version, "sha256": found.sha256, "at": int(self.clock().timestamp()),
                 "language": language_of(event)}  # fmt: skip
        self.table.write(Row(f"PERSON#{record.subject}", f"ACCEPT#{found.id}", facts))
        return self._let_in(record)

    def complete(self, record: AccessRecord, event: Mapping[str, Any]) -> dict[str, Any]:
        """Grade a quiz and record a pass. Raises `Refused`."""
        course = self.content.course(str(event.get("course", "")))
        answers = event.get("answers")
        if course is None or event.get("version") != course.version:
            raise Refused("course")
        if not isinstance(answers, list) or not all(one is None or isinstance(one, int) for one in answers):
            raise Refused("answers")
        result = grade(course, answers)
        graded = {"percent": result.percent, "passed": result.passed, "right": list(result.right)}
        if not result.passed:
            return graded
        today = self.today()
        until = months_after(today, course.valid_months)
        self._record(record, completion_of(course, today, result.percent, event))
        facts = {"version": course.version, "percent": result.percent, "passed_on": today.isoformat(),
                 "valid_until": until.isoformat()}  # fmt: skip
        self.table.write(Row(f"PERSON#{record.subject}", f"COURSE#{course.id}", facts))
        self.table.write(Row("PASSED", f"{course.id}#{record.subject}", {"on": today.isoformat()}))
        if course.workflow:
            kept = {"course": course.id, "completed_on": today.isoformat(), "department": record.department}
            keep_completion(self.governance, record.subject, course.workflow, kept)
        return {**graded, **self._let_in(record), "valid_until": until.isoformat()}

    def close_case(self, record: AccessRecord, event: Mapping[str, Any]) -> dict[str, Any]:
        """Close a case of repeated refusals with an outcome, by a governance lead and never by the person
        whom it is about. The record holds the outcome; the note stays with the case. Raises `Refused`.
        """
        if not record.active or GOVERNANCE_LEAD not in record.roles:
            raise Refused("role")
        outcome, note = event.get("outcome"), str(event.get("note", "")).strip()
        if outcome not in OUTCOMES or not 0 < len(note) <= _NOTE_CHARACTERS:
            raise Refused("outcome")
        named = str(event.get("case", ""))
        case = self.table.get(CASE, named) if _CASE_ID.fullmatch(named) else None
        if case is None:
            raise Refused("case")
        if case.data["person"] == record.subject:
            raise Refused("own")
        if case.data["state"] != "open":
            raise Refused("closed")
        about = {"department": case.data["department"], "principal": case.data["person"],
                 "principal_kind": "person"}  # fmt: skip
        self.writer.append_now(
            {
                **about, "kind": "case", "state": "closed", "month": case.data["month"],
                "refusals": case.data["count"], "outcome": outcome, "decided_by": record.subject,
            },
            bodies={},
        )  # fmt: skip
        closed = {"state": "closed", "outcome": outcome, "note": note, "closed_by": record.subject,
                  "closed_at": int(self.clock().timestamp())}  # fmt: skip
        try:
            self.table.change(case, data={**case.data, **closed})
        except RowConflict:
            raise Refused("closed") from None
        return {"state": "closed"}

    def _let_in(self, record: AccessRecord) -> dict[str, Any]:
        """Complete the onboarding once nothing is left to do."""
        rows = self.table.rows(f"PERSON#{record.subject}")
        evidence = read_evidence(rows, record, self.today())
        found = self._standing(record, replace(evidence, signed_in=True))
        began = evidence.began.isoformat()
        completed = evidence.completed or not found.tasks
        asked = {duty: on.isoformat() for duty, on in evidence.asked.items()}
        facts = {"began": began, "completed": completed, "state": found.state, "asked": asked}
        self.table.write(Row(f"PERSON#{record.subject}", "STATE", facts))
        if record.onboarding == "pending" and found.may_call:
            fields = {"kind": "onboarding", "from": "pending", "to": "done"}
            self._record(record, fields)
            self.records.complete_onboarding(record.subject)
        return {"state": found.state, "active": found.may_call, "left": len(found.tasks)}

    def _standing(self, record: AccessRecord, evidence: Evidence) -> Standing:
        return standing(self.content, record.department, record.roles, evidence, self.today())

    def _record(self, record: AccessRecord, fields: Mapping[str, Any]) -> None:
        about = {"department": record.department, "principal": record.subject, "principal_kind": "person"}
        self.writer.append_now({**about, **fields}, bodies={})


def acceptance_of(found: Guideline, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the audit record of an acceptance."""
    return {
        "kind": "acceptance",
        "document": found.id,
        "version": found.version,
        "sha256": found.sha256,
        "language": language_of(event),
    }


def completion_of(course: Course, on: date, percent: int, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the audit record of a pass."""
    return {
        "kind": "training",
        "course": course.id,
        "course_version": course.version,
        "completed_on": on.isoformat(),
        "percent": percent,
        "language": language_of(event),
        "channel": "portal",
    }


def language_of(event: Mapping[str, Any]) -> str:
    """Return the language that was shown."""
    language = event.get("language")
    return language if isinstance(language, str) and len(language) == 2 and language.isalpha() else "en"


def months_after(on: date, months: int) -> date:
    """Return the same day some months later, or the last day of that month."""
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return date(year, month + 1, min(on.day, calendar.monthrange(year, month + 1)[1]))


def _client(service: str) -> Any:
    return botocore.session.get_session().create_client(
        service,
        region_name=os.environ["AWS_REGION"],
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        config=_CONFIG,
    )


@cache
def clients() -> dict[str, Any]:
    return {name: _client(name) for name in ("dynamodb", "s3")}


def _registry() -> Registry:
    environ, made = os.environ, clients()
    sign_in_url = emulated_sign_in_url(environ["SIGN_IN_URL"], environ.get("AWS_ENDPOINT_URL"))
    return Registry(
        user_info_url=f"{sign_in_url}/oauth2/userInfo",
        records=AccessRecords(made["dynamodb"], environ["ACCESS_TABLE"]),
        table=PortalTable(made["dynamodb"], environ["PORTAL_TABLE"]),
        content=published_content(made["s3"]),
        writer=open_writer("registrar"),
        governance=DepartmentArea(made["s3"], environ["GOVERNANCE_BUCKET"], environ["GOVERNANCE_KEY_ARN"]),
        clock=utc_now,
    )


def published_content(s3: Any) -> Content:
    """Return the currently published content."""
    found = s3.get_object(Bucket=os.environ["GOVERNANCE_BUCKET"], Key=os.environ["PORTAL_CONTENT_KEY"])
    return read_content(found["Body"].read())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve Lambda. See the module for event and answer."""
    del context
    registry = _registry()
    try:
        record = registry.person(str(event.get("token", "")))
        match event.get("action"):
            case "accept":
                return registry.accept(record, event)
            case "complete":
                return registry.complete(record, event)
            case "close_case":
                return registry.close_case(record, event)
            case _:
                raise Refused("action")
    except Refused as error:
        return {"refused": str(error)}
    except AuditUnavailable:
        return {"refused": "audit_unavailable"}
    finally:
        registry.writer.close()
