"""What the pages work with, and who visits them."""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from lambdas.common.access import AccessRecord, AccessRecords, user_key
from lambdas.common.clock import Clock
from lambdas.common.learning import Content, Standing, standing
from lambdas.portal.catalogue import Library
from lambdas.portal.content import ContentSource
from lambdas.portal.evidence import read_evidence
from lambdas.portal.figures import FiguresSource
from lambdas.portal.gateway import Gateway
from lambdas.portal.history import History
from lambdas.portal.language import Language
from lambdas.portal.notices import Notices
from lambdas.portal.pool import UserPool
from lambdas.portal.sessions import Session, Sessions
from lambdas.portal.settings import PortalSettings
from lambdas.portal.table import PortalTable, Row

CENTER_ROLES = frozenset({"director", "enablement-lead", "training-lead", "governance-lead"})
REVIEWER = "reviewer"


class DelegateRefused(Exception):
    """The function refused a request in the person's name. `reason` is a fixed word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Delegate:
    """A function that acts for people whose token it is given: the registrar, the deputy. `client` is
    Lambda's; it blocks.
    """

    client: Any
    function: str

    def look(self, action: str, token: str, **facts: Any) -> dict[str, Any]:
        """Make a request that changes nothing, retrying once if the function or the pool did not answer.

        Raises `DelegateRefused`.
        """
        try:
            return self.ask(action, token, **facts)
        except DelegateRefused as error:
            if error.reason not in {"failed", "pool_unavailable"}:
                raise
        return self.ask(action, token, **facts)

    def ask(self, action: str, token: str, **facts: Any) -> dict[str, Any]:
        """Make a request in the person's name. Raises `DelegateRefused`."""
        payload = json.dumps({"action": action, "token": token, **facts}).encode()
        answer = self.client.invoke(FunctionName=self.function, Payload=payload)
        result = json.loads(answer["Payload"].read() or b"{}")
        if answer.get("FunctionError") or "refused" in result:
            raise DelegateRefused(str(result.get("refused", "failed")))
        return result


@dataclass(frozen=True, slots=True)
class Portal:
    """Everything that pages need, created once at server start."""

    settings: PortalSettings
    table: PortalTable
    sessions: Sessions
    records: AccessRecords
    pool: UserPool
    gateway: Gateway
    registrar: Delegate
    deputy: Delegate
    content: ContentSource
    library: Library
    figures: FiguresSource
    clock: Clock
    warm: Callable[[], None] = lambda: None  # makes what the first page needs; blocks
    history: History | None = None  # None: conversations end with the session
    notices: Notices | None = None  # None: no channel is notified of questions

    @property
    def history_days(self) -> int:
        """Return for how many days conversations are kept after the last answer; 0: for the session only."""
        return self.history.days if self.history is not None else 0

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self.clock().astimezone(UTC)

    def today(self) -> date:
        """Return the date in UTC."""
        return self.now().date()

    def note_standing(self, visitor: "Visitor") -> None:
        """Store the person's open tasks for the training lead. Blocks."""
        tasks = visitor.standing.tasks
        facts = {
            "name": visitor.name,
            "department": visitor.record.department,
            "state": visitor.standing.state,
            "left": [task.id for task in tasks],
            "due": min((task.due.isoformat() for task in tasks), default=""),
            "at": int(self.now().timestamp()),
        }
        self.table.write(Row("PEOPLE", visitor.person, facts))

    def visitor(self, session: Session, language: Language, theme: str) -> "Visitor | None":
        """Return the visitor from the live access record; None for somebody who has left. Blocks."""
        record = self.records.get(user_key(session.person))
        if record is None or not record.provisioned:
            return None
        if record.signed_out_at is not None and session.signed_in_at <= record.signed_out_at.timestamp():
            return None
        content = self.content.current()
        rows = self.table.rows(f"PERSON#{session.person}")
        evidence = read_evidence(rows, record, self.today())
        return Visitor(
            session=session,
            record=record,
            language=replace(language, zone=ZoneInfo(content.time_zone)),
            theme=theme,
            rows=tuple(rows),
            content=content,
            standing=standing(content, record.department, record.roles, evidence, self.today()),
        )


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person on a page. `rows` are all rows of the person."""

    session: Session
    record: AccessRecord
    language: Language
    theme: str
    rows: tuple[Row, ...]
    content: Content
    standing: Standing

    @property
    def person(self) -> str:
        """Return the id of provisioning."""
        return self.record.subject

    @property
    def name(self) -> str:
        """Return the person's display name."""
        return self.session.name

    @property
    def token(self) -> str:
        """Return the access token for the gateway."""
        return self.session.tokens.access

    @property
    def pending(self) -> bool:
        """Return whether onboarding still keeps the person from calling Claude."""
        return not self.record.active

    @property
    def in_center(self) -> bool:
        """Return whether the person has a role in the Center of Excellence."""
        return any(role in CENTER_ROLES for role in self.record.roles)

    @property
    def form_token(self) -> str:
        """Return the CSRF token of every form in this session."""
        return hmac.new(self.session.form_key, b"form", sha256).hexdigest()

    def has_role(self, *roles: str) -> bool:
        """Return whether the person has one of these roles."""
        return any(role in self.record.roles for role in roles)

    def rows_of(self, prefix: str) -> list[Row]:
        """Return the person's rows whose `sk` begins with `prefix`."""
        return [row for row in self.rows if row.sk.startswith(prefix)]

    def row(self, sk: str) -> Row | None:
        """Return one row of the person, or None."""
        return next((row for row in self.rows if row.sk == sk), None)
