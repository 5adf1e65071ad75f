"""Once a working day: reminds people by mail of what they have left to accept or learn (L3.5, L4.1).

Quiet by design: on no weekend; to one person at most every so many days, and five times for what is due on
one day; to everybody together at most so many a day, the earliest due first. A mail names how much is left
and until when, with the link; never a course, an answer or a department. That a person was reminded is
written before the mail leaves, and taken back if SES refuses it: a run that dies reminds nobody twice.
Addresses are read one by one from the directory, and kept nowhere.

It also sends a notice of each new case of repeated refusals to the person and the governance leads, without a
name, a department or a text. Such a mail counts towards no limit of reminders, and one that SES did not take
is sent by the next run.

Environment: `PORTAL_TABLE`, `DIRECTORY_TABLE`, `MAIL_SENDER`, `EVERY_DAYS`, `MOST_A_DAY`, `PORTAL_URL`,
`ORGANIZATION_NAME`.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.clock import utc_now
from lambdas.common.log import Level, log
from lambdas.portal.table import CASE, REMINDED, TO_NOTIFY, PortalTable, Row, RowConflict

_CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 3, "mode": "standard"})
_BEFORE = timedelta(days=7)  # what is due later can wait; a newcomer is invited at once
_MOST_TIMES = 5  # for what is due on one day
_NEVER: Mapping[str, Any] = {"on": date.min.isoformat(), "due": "", "times": 0}
_SATURDAY = 5
# The account's quota is used up, or SES has paused its sending: the rest waits for another day.
_ENOUGH = frozenset({"LimitExceededException", "SendingPausedException", "TooManyRequestsException",
                     "AccountSuspendedException", "MailFromDomainNotVerifiedException"})  # fmt: skip


class _EnoughMail(Exception):
    """SES takes no more mail today."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one person is reminded at most, and how many people per day."""

    every_days: int
    most_a_day: int


@dataclass(frozen=True, slots=True)
class Reminders:
    """One day's run. `directory` and `mail` are botocore clients of DynamoDB and SES (version 2)."""

    table: PortalTable
    directory: Any
    directory_table: str
    mail: Any
    sender: str
    portal_url: str
    organization: str
    limits: Limits

    def run(self, today: date) -> Counter[str]:
        """Remind everybody whose turn it is. Return counts by result."""
        counts: Counter[str] = Counter()
        if today.weekday() >= _SATURDAY:
            return counts
        try:
            self._notify_of_cases(counts)
            self._remind(today, counts)
        except _EnoughMail:
            pass
        return counts

    def _notify_of_cases(self, counts: Counter[str]) -> None:
        """Send the mails about open cases that have not been sent yet. Raises `_EnoughMail`."""
        for case in self.table.rows(CASE):
            waiting = case.data.get(TO_NOTIFY, ()) if case.data["state"] == "open" else ()
            for person in waiting:
                address = self._address(person)
                about_them = person == case.data["person"]
                mail = case_message(self.organization, self.portal_url, about_them=about_them)
                if address and not self._send(address, mail, counts, "notified"):
                    continue
                rest = [one for one in case.data[TO_NOTIFY] if one != person]
                try:
                    case = self.table.change(case, data={**case.data, TO_NOTIFY: rest})
                except RowConflict:  # the governance lead has just closed it
                    break

    def _remind(self, today: date, counts: Counter[str]) -> None:
        """Remind whose turn it is. Raises `_EnoughMail`."""
        reminded = {row.sk: row.data for row in self.table.rows(REMINDED) if row.data["times"]}
        tried = 0
        for person in self._whose_turn(self.table.rows("PEOPLE"), reminded, today):
            if tried >= self.limits.most_a_day:
                counts["postponed"] += 1
                continue
            address = self._address(person.sk)
            if not address:
                counts["without-address"] += 1
                continue
            tried += 1
            before = reminded.get(person.sk, _NEVER)
            times = before["times"] if before["due"] == person.data["due"] else 0
            facts = {"on": today.isoformat(), "due": person.data["due"], "times": times + 1}
            self.table.write(Row(REMINDED, person.sk, facts))
            mail = message(self.organization, self.portal_url, len(person.data["left"]), person.data["due"])
            sent = False
            try:
                sent = self._send(address, mail, counts, "sent")
            finally:
                if not sent:
                    self.table.write(Row(REMINDED, person.sk, before))

    def _whose_turn(
        self, people: Iterable[Row], reminded: Mapping[str, Mapping[str, Any]], today: date
    ) -> Iterator[Row]:
        """Those with something left that is due, whom nobody has reminded lately; the earliest due first."""
        asked = [row for row in people if row.data["left"] and row.data["due"]]
        for row in sorted(asked, key=lambda one: (one.data["due"], one.sk)):
            before = reminded.get(row.sk)
            soon = date.fromisoformat(row.data["due"]) <= today + _BEFORE
            if not soon and not (before is None and row.data["state"] == "invited"):
                continue
            if before is not None:
                lately = today - date.fromisoformat(before["on"]) < timedelta(days=self.limits.every_days)
                if lately or (before["due"] == row.data["due"] and before["times"] >= _MOST_TIMES):
                    continue
            yield row

    def _address(self, person: str) -> str:
        """Return the email address of a person in the directory; empty for nobody, or for somebody who has
        left.
        """
        found = self.directory.get_item(
            TableName=self.directory_table,
            Key={"pk": {"S": f"USER#{person}"}, "sk": {"S": "RESOURCE"}},
            ProjectionExpression="body",
        ).get("Item")
        return address_of(json.loads(found["body"]["S"])) if found else ""

    def _send(self, address: str, mail: tuple[str, str], counts: Counter[str], counted_as: str) -> bool:
        """Send subject and text, and return whether SES took them. Raises `_EnoughMail`."""
        subject, text = mail
        try:
            self.mail.send_email(
                FromEmailAddress=self.sender,
                Destination={"ToAddresses": [address]},
                Content={
                    "Simple": {
                        "Subject": {"Data": subject, "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
                        "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
                    }
                },
            )
        except (BotoCoreError, ClientError) as error:
            counts["failed"] += 1
            answered = error.response if isinstance(error, ClientError) else {}
            code = answered.get("Error", {}).get("Code") or type(error).__name__
            log("mail-failed", level=Level.WARNING, error=code)
            if code in _ENOUGH:
                raise _EnoughMail from None
            return False
        counts[counted_as] += 1
        return True


def address_of(person: Mapping[str, Any]) -> str:
    """Return the primary address of an active person in SCIM, or the first, or the user name if it is an
    address.

    Empty for somebody who is not active.
    """
    if not person.get("active", True):
        return ""
    given = [one for one in person.get("emails") or () if one.get("value")]
    primary = [one["value"] for one in given if one.get("primary")]
    for address in (*primary, *(one["value"] for one in given), person.get("userName") or ""):
        if _is_address(address):
            return address
    return ""


def _is_address(text: str) -> bool:
    name, at, domain = text.rpartition("@")
    plain = text.isascii() and text.isprintable() and not set(text) & set(' ,;<>"()[]\\:')
    return bool(name and at and "." in domain and plain and len(text) <= 254)


def message(organization: str, portal_url: str, left: int, due: str) -> tuple[str, str]:
    """Return subject and text, in English and German."""
    steps = "one step" if left == 1 else f"{left} steps"
    schritte = "ein Schritt" if left == 1 else f"{left} Schritte"
    verb = "fehlt" if left == 1 else "fehlen"
    subject = f"Claude at {organization}: {steps} left, due {due}"
    text = (
        f"You have {steps} left before you can use Claude, or go on using it: due {due}.\n"
        f"It is working time. Here is what is left: {portal_url}/start\n\n"
        f"Es {verb} noch {schritte}, damit Sie Claude nutzen oder weiter nutzen können: bis {due}.\n"
        f"Die Zeit ist Arbeitszeit. Was fehlt, steht hier: {portal_url}/start\n\n"
        "This message is sent by a machine; questions are answered in the portal under Support.\n"
    )
    return subject, text


def case_message(organization: str, portal_url: str, *, about_them: bool) -> tuple[str, str]:
    """Return subject and text of a mail about a new case, to the person or to a governance lead, in English
    and German.
    """
    machine = "This message is sent by a machine; questions are answered in the portal under Support.\n"
    if not about_them:
        return (
            f"Claude at {organization}: a new case of repeated refusals",
            "Several requests of one person were refused. Please ask the person before you judge, and close "
            f"the case with what you found: {portal_url}/center/cases\n\n"
            "Mehrere Anfragen einer Person wurden abgelehnt. Bitte sprechen Sie zuerst mit der Person und "
            f"schließen Sie den Fall mit dem Ergebnis: {portal_url}/center/cases\n\n{machine}",
        )
    return (
        f"Claude at {organization}: several of your requests were refused",
        "Several of your requests to Claude were refused, so your governance lead has a case of it and will\n"
        "talk with you before anything else. Most such cases are settled by a conversation; none is a\n"
        f"measure of performance or conduct. What is on record: {portal_url}/me\n\n"
        "Mehrere Ihrer Anfragen an Claude wurden abgelehnt. Ihre Governance-Verantwortlichen haben dazu\n"
        "einen Fall und sprechen zuerst mit Ihnen. Die meisten Fälle klärt ein Gespräch; keiner dient der\n"
        f"Leistungs- oder Verhaltenskontrolle. Was aufgezeichnet ist: {portal_url}/me\n\n{machine}",
    )


def _client(service: str) -> Any:
    return botocore.session.get_session().create_client(
        service,
        region_name=os.environ["AWS_REGION"],
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        config=_CONFIG,
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Serve the schedule. Return how many were reminded, postponed or not reached."""
    del event, context
    environ, dynamodb = os.environ, _client("dynamodb")
    reminders = Reminders(
        table=PortalTable(dynamodb, environ["PORTAL_TABLE"]),
        directory=dynamodb,
        directory_table=environ["DIRECTORY_TABLE"],
        mail=_client("sesv2"),
        sender=environ["MAIL_SENDER"],
        portal_url=environ["PORTAL_URL"],
        organization=environ["ORGANIZATION_NAME"],
        limits=Limits(int(environ["EVERY_DAYS"]), int(environ["MOST_A_DAY"])),
    )
    counts = reminders.run(utc_now().date())
    log("reminders", level=Level.INFO, **counts)
    return dict(counts)
