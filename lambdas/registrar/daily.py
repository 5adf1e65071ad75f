"""Once a day: who stands where, and whose right has run out (L3.5, L4.1, L4.4).

A pass, or an acceptance of an earlier version, counts for a time. A duty that comes to somebody whose
onboarding is finished (a new version, another department, a pass that ends) is noted with its day; once its
time and a week of grace are over, the right to call Claude ends until it is done. The record comes first, the
right second; a run that stops in between, or twice, does no harm. Only where onboarding is required does
anybody have a right that can end.

It keeps the list of the training lead as well: everybody who was asked for something, those who never signed
in among them, and nobody who has left. And it opens a case, with a record of it, for everybody of whom
inspection has refused as many requests in this month or the last as the client has set; the governance lead
closes it. A new case names whom the next run of `reminders` writes to: the person and the governance leads.

Environment: as the registrar's, without `SIGN_IN_URL`, `GOVERNANCE_KEY_ARN`; `CASE_AFTER_REFUSALS` and
`LEDGER_TABLE` where cases are opened.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from lambdas.common.access import AccessConflict, AccessRecord, AccessRecords
from lambdas.common.audit import AuditWriter, open_writer
from lambdas.common.clock import Clock, utc_now
from lambdas.common.learning import Content, Evidence, Standing, standing
from lambdas.common.log import Level, log
from lambdas.common.refusal_counts import Refusals, refusals_in
from lambdas.portal.evidence import read_evidence
from lambdas.portal.table import CASE, TO_NOTIFY, PortalTable, Row, RowConflict
from lambdas.registrar.handler import GOVERNANCE_LEAD, clients, published_content

_AT_ONCE = 8  # of ten connections


def case_id(one: Refusals) -> str:
    """Return the id of the case of a person's month."""
    return f"{one.month}#{one.person}"


@dataclass(frozen=True, slots=True)
class Day:
    """What the daily run works with."""

    records: AccessRecords
    table: PortalTable
    content: Content
    writer: AuditWriter
    clock: Clock

    def run(self, pool: ThreadPoolExecutor) -> Counter[str]:
        """Process everybody. Return how many people have which status, and how many lapsed today."""
        listed = {row.sk: row for row in self.table.rows("PEOPLE")}
        counts: Counter[str] = Counter()
        for states in pool.map(lambda record: self._person(record, listed), self._people(listed)):
            counts.update(states)
        return counts

    def cases(self, counted: Iterable[Refusals], least: int) -> int:
        """Open or update the case of everybody with at least `least` refusals. Return how many are open."""
        opened = 0
        leads: Sequence[str] | None = None
        for one in counted:
            if one.count < least:
                continue
            case = self.table.get(CASE, case_id(one))
            if case is None:
                leads = self._leads() if leads is None else leads
                self._open(one, leads)
            elif case.data["state"] == "open" and case.data["count"] != one.count:
                facts = {**case.data, "count": one.count, "reasons": one.reasons}
                with contextlib.suppress(RowConflict):  # somebody has just closed it
                    self.table.change(case, data=facts)
            opened += case is None or case.data["state"] == "open"
        return opened

    def _leads(self) -> list[str]:
        """Return the governance leads who may close a case."""
        return [
            record.subject
            for record in self.records.every()
            if record.kind == "person" and record.active and GOVERNANCE_LEAD in record.roles
        ]

    def _open(self, one: Refusals, leads: Sequence[str]) -> None:
        about = {"department": one.department, "principal": one.person, "principal_kind": "person"}
        found = {"month": one.month, "refusals": one.count, "reasons": one.reasons}
        self.writer.append_now({**about, "kind": "case", "state": "opened", **found}, bodies={})
        listed = self.table.get("PEOPLE", one.person)
        facts = {
            "person": one.person,
            "name": listed.data["name"] if listed is not None else "",
            "department": one.department,
            "month": one.month,
            "count": one.count,
            "reasons": one.reasons,
            "state": "open",
            "at": int(self.clock().timestamp()),
            TO_NOTIFY: sorted({one.person, *leads}),
        }
        with contextlib.suppress(RowConflict):  # another run was faster
            self.table.create(Row(CASE, case_id(one), facts))

    def _people(self, listed: dict[str, Row]) -> Iterator[AccessRecord]:
        for record in self.records.every():
            if record.kind != "person":
                continue
            if record.subject in listed or (record.provisioned and record.onboarding != "not-required"):
                yield record

    def _person(self, record: AccessRecord, listed: dict[str, Row]) -> list[str]:
        if not record.provisioned:
            self.table.delete("PEOPLE", record.subject)
            return ["left"]
        rows = self.table.rows(f"PERSON#{record.subject}")
        today = self.clock().date()
        evidence = read_evidence(rows, record, today)
        found = standing(self.content, record.department, record.roles, evidence, today)
        if evidence.completed:
            state = next((row for row in rows if row.sk == "STATE"), None)
            self._note_asked(record, evidence, found, state)
        self._list(record, found, listed.get(record.subject))
        if record.onboarding == "done" and found.state == "lapsed" and self._end(record, found):
            return [found.state, "ended"]
        return [found.state]

    def _note_asked(
        self, record: AccessRecord, evidence: Evidence, found: Standing, state: Row | None
    ) -> None:
        """From which day each open duty counts; what is done is forgotten."""
        today = self.clock().date()
        asked = {task.key: evidence.asked.get(task.key, today) for task in found.tasks}
        if asked == evidence.asked:
            return
        texts = {duty: on.isoformat() for duty, on in asked.items()}
        facts = {"began": evidence.began.isoformat(), "completed": True, "state": found.state, "asked": texts}
        with contextlib.suppress(RowConflict):  # the registrar has just written it; tomorrow is another day
            if state is None:
                self.table.create(Row(f"PERSON#{record.subject}", "STATE", facts))
            else:
                self.table.change(state, data=facts)

    def _list(self, record: AccessRecord, found: Standing, row: Row | None) -> None:
        facts = {
            "department": record.department,
            "state": found.state,
            "left": [task.id for task in found.tasks],
            "due": min((task.due.isoformat() for task in found.tasks), default=""),
        }
        known = row or Row("PEOPLE", record.subject, {"name": "", "at": 0})
        if not facts.items() <= known.data.items():
            self.table.write(replace(known, data={**known.data, **facts}))

    def _end(self, record: AccessRecord, found: Standing) -> bool:
        overdue = [task.id for task in found.tasks]
        fields = {"kind": "onboarding", "from": "done", "to": "lapsed", "because": overdue}
        about = {"department": record.department, "principal": record.subject, "principal_kind": "person"}
        self.writer.append_now({**about, **fields}, bodies={})
        try:
            self.records.change(record, onboarding="pending", active=False)
        except AccessConflict:
            return False  # the directory has just changed it; tomorrow is another day
        return True


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Serve the schedule. Return how many people have which status."""
    del event, context
    made, writer = clients(), open_writer("onboarding")
    day = Day(
        records=AccessRecords(made["dynamodb"], os.environ["ACCESS_TABLE"]),
        table=PortalTable(made["dynamodb"], os.environ["PORTAL_TABLE"]),
        content=published_content(made["s3"]),
        writer=writer,
        clock=utc_now,
    )
    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            counts = day.run(pool)
        if least := int(os.environ.get("CASE_AFTER_REFUSALS", "0")):
            today = utc_now().date()
            months = (today, today.replace(day=1) - timedelta(days=1))
            ledger = os.environ["LEDGER_TABLE"]
            counts["cases"] = sum(
                day.cases(refusals_in(made["dynamodb"], ledger, month), least) for month in months
            )
    finally:
        writer.close()
    log("onboarding", level=Level.INFO, **counts)
    return dict(counts)
