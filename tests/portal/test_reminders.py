"""Reminders by mail: to whom, how often at most, and what they say (L3.5, L4.1)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from lambdas.portal.erasure import erase
from lambdas.portal.table import CASE, REMINDED, TO_NOTIFY, PortalTable, Row
from lambdas.reminders.handler import Limits, Reminders, address_of, message

MONDAY = date(2026, 12, 7)


@dataclass
class Mail:
    """SES, as far as it is asked: `refuses` is the code that it answers with."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    refuses: str = ""

    def send_email(self, **mail: Any) -> dict[str, str]:
        """See botocore."""
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses, "Message": ""}}, "SendEmail")
        self.sent.append(mail)
        return {"MessageId": "m"}

    @property
    def to(self) -> list[str]:
        """Who was written to, in order."""
        return [one["Destination"]["ToAddresses"][0].partition("@")[0] for one in self.sent]


@dataclass
class Office:
    """The tables, the mail, and who has what left."""

    dynamodb: Any
    mail: Any = field(default_factory=Mail)

    @property
    def table(self) -> PortalTable:
        """The portal's."""
        return PortalTable(self.dynamodb, "portal")

    def person(
        self, name: str, due: date | None, *, left: int = 1, state: str = "started", active: bool = True
    ) -> None:
        """Somebody in the directory and on the training lead's list."""
        facts = {"name": name, "department": "legal", "state": state, "left": ["c"] * left,
                 "due": due.isoformat() if due else ""}  # fmt: skip
        self.table.write(Row("PEOPLE", name, facts))
        body = {"active": active, "userName": name, "emails": [{"value": f"{name}@example.com"}]}
        item = {
            "pk": {"S": f"USER#{name}"}, "sk": {"S": "RESOURCE"}, "body": {"S": json.dumps(body)},
        }  # fmt: skip
        self.dynamodb.put_item(TableName="directory", Item=item)

    def run(self, day: date, *, every: int = 7, most: int = 100) -> dict[str, int]:
        """One day's run."""
        limits = Limits(every, most)
        address = "https://portal.example.com/portal"
        reminders = Reminders(
            self.table, self.dynamodb, "directory", self.mail, "claude@example.com", address, "Acme", limits
        )
        return dict(reminders.run(day))


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Empty tables."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        dynamodb = botocore.session.get_session().create_client("dynamodb", region_name="eu-central-1")
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        for table in ("portal", "directory"):
            dynamodb.create_table(
                TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=keys,
                AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")],
            )  # fmt: skip
        yield Office(dynamodb)


def test_a_newcomer_is_invited_once_and_reminded_before_the_day_and_nobody_else_is(office: Office) -> None:
    due = MONDAY + timedelta(days=30)
    office.person("new", due, state="invited")
    office.person("later", due)
    office.person("done", None, left=0, state="active")
    office.person("gone", MONDAY, active=False)
    assert office.run(MONDAY) == {"sent": 1, "without-address": 1}
    assert office.run(MONDAY + timedelta(days=14)) == {"without-address": 1}
    assert office.mail.to == ["new"]
    office.run(due - timedelta(days=5))  # a Friday
    assert sorted(office.mail.to[1:]) == ["later", "new"]
    erase(office.table, "new")
    assert [row.sk for row in office.table.rows(REMINDED)] == ["later"]


def test_reminders_are_few(office: Office) -> None:
    """No weekend, one a week, five for one day, so many a day, the earliest due first."""
    office.person("late", MONDAY - timedelta(days=9))
    office.person("soon", MONDAY + timedelta(days=1))
    assert office.run(MONDAY - timedelta(days=2)) == {}
    assert office.run(MONDAY, most=1) == {"sent": 1, "postponed": 1}
    assert office.run(MONDAY + timedelta(days=1), most=1) == {"sent": 1}
    assert office.mail.to == ["late", "soon"]
    for day in range(1, 200):
        office.run(MONDAY + timedelta(days=day))
    assert office.mail.to.count("late") == 5
    office.person("late", MONDAY + timedelta(days=201))  # something else, on another day
    office.run(MONDAY + timedelta(days=203))
    assert office.mail.to.count("late") == 6


def test_the_person_and_the_governance_leads_are_notified_of_a_new_case_once_each(office: Office) -> None:
    """Where SES refused, the next run writes; nobody writes to people who left, nor about closed cases."""
    for name in ("ana", "lead", "second", "gone"):
        office.person(name, None, left=0, state="active", active=name != "gone")
    facts = {"person": "ana", "state": "open", TO_NOTIFY: ["ana", "gone", "lead", "second"]}
    office.table.write(Row(CASE, "2026-11#ana", facts))
    office.table.write(Row(CASE, "2026-11#bob", {**facts, "state": "closed"}))
    office.mail.refuses = "MessageRejected"
    assert office.run(MONDAY) == {"failed": 3}
    office.mail.refuses = ""
    erase(office.table, "second")
    assert office.run(MONDAY + timedelta(days=1), most=1) == {"notified": 2}
    assert office.run(MONDAY + timedelta(days=2)) == {}
    assert office.mail.to == ["ana", "lead"]
    texts = [one["Content"]["Simple"]["Body"]["Text"]["Data"] for one in office.mail.sent]
    assert ["/portal/me" in texts[0], "/portal/center/cases" in texts[1]] == [True, True]
    assert "ana" not in texts[1].lower().replace("organ", "").split()
    assert {row.sk: row.data["state"] for row in office.table.rows(CASE)} == {
        "2026-11#ana": "open", "2026-11#bob": "closed",
    }  # fmt: skip


def test_ses_takes_the_mails_from_a_verified_identity_alone(office: Office) -> None:
    """The requests are those of SES's own interface."""
    office.person("ada", MONDAY)
    ses = botocore.session.get_session().create_client("sesv2", region_name="eu-central-1")
    office.mail = ses
    assert office.run(MONDAY) == {"failed": 1}, "the identity is not verified"
    ses.create_email_identity(EmailIdentity="claude@example.com")
    assert office.run(MONDAY + timedelta(days=1)) == {"sent": 1}


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        ("MessageRejected", {"failed": 2}),
        ("TooManyRequestsException", {"failed": 1}),  # the rest waits for another day
        ("LimitExceededException", {"failed": 1}),
    ],
)
def test_a_mail_that_is_refused_ends_nothing_but_a_quota_does(
    office: Office, code: str, counts: dict[str, int]
) -> None:
    office.person("a", MONDAY)
    office.person("b", MONDAY)
    office.mail.refuses = code
    assert office.run(MONDAY) == counts
    office.mail.refuses = ""
    assert office.run(MONDAY + timedelta(days=1)) == {"sent": 2}, "what was refused reminded nobody"
    assert office.run(MONDAY + timedelta(days=2)) == {}


def test_a_mail_says_how_much_and_until_when_in_two_languages_and_no_more() -> None:
    subject, text = message("Acme", "https://portal.example.com/portal", 2, "2026-12-14")
    assert subject == "Claude at Acme: 2 steps left, due 2026-12-14"
    assert text.count("https://portal.example.com/portal/start") == 2
    assert "Es fehlen noch 2 Schritte" in text
    assert "Es fehlt noch ein Schritt" in message("Acme", "x", 1, "2026-12-14")[1]


_PERSON = st.fixed_dictionaries(
    {},
    optional={
        "active": st.booleans(),
        "userName": st.none() | st.text(max_size=20) | st.emails(),
        "emails": st.none()
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "value": st.none() | st.text(max_size=30) | st.emails(),
                    "primary": st.none() | st.booleans(),
                },
            ),
            max_size=3,
        ),
    },
)  # fmt: skip


@given(_PERSON)
def test_an_address_is_one_plain_address_of_an_active_person_or_none(person: dict[str, Any]) -> None:
    address = address_of(person)
    if address:
        assert person.get("active", True)
        given_ones = [one.get("value") for one in person.get("emails") or []]
        assert address in [*given_ones, person.get("userName")]
        assert address.isprintable()
        assert not set(address) & set(" ,;<>")
