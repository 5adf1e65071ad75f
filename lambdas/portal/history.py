"""Conversations of earlier days, where the organisation keeps them (L4.2, G.2).

Sealed under the data key that the person has in the department, the one that seals the texts in the records:
reading the table reads nothing, and `kit audit erase` destroys the key. Kept for the days of
`history_days` from the last answer on; a person deletes them whenever they like.

    HISTORY#<person>   HEAD#<id>   when, sealed: the title
                       CONV#<id>   sealed: the conversation
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from lambdas.common.clock import Clock
from lambdas.common.subject_keys import NoSubjectKey, SubjectErased, SubjectKeys
from lambdas.portal.sealing import seal, unseal
from lambdas.portal.table import PortalTable, Row


@dataclass(frozen=True, slots=True)
class Kept:
    """A conversation in the list. `at` and `until` are seconds since the epoch."""

    id: str
    title: str
    at: int
    until: int

    @property
    def last_day(self) -> date:
        """The last day on which it is there."""
        return datetime.fromtimestamp(self.until, UTC).date()


@dataclass(frozen=True, slots=True)
class History:
    """The conversations of people, for `days` days. Its calls block and raise botocore's errors."""

    table: PortalTable
    keys: SubjectKeys
    days: int
    clock: Clock

    def keep(
        self, person: str, department: str, identifier: str, title: str, plain: Mapping[str, Any]
    ) -> None:
        """Keep a conversation that was answered; nothing of somebody whose data were erased.
        Raises `TooLarge`.
        """
        try:
            key = self.keys.current(department, person)
        except (NoSubjectKey, SubjectErased):
            return  # the gateway makes the key with the first record of the person
        now = self.clock()
        about = {"key": key.key_id, "department": department, "at": int(now.timestamp())}
        until = int((now + timedelta(days=self.days)).timestamp())
        pk = partition(person)
        for sk, content in ((f"CONV#{identifier}", plain), (f"HEAD#{identifier}", {"title": title})):
            sealed = seal(key.cipher, pk, sk, content)
            self.table.write(Row(pk, sk, {**about, "sealed": sealed}, expires=until))

    def find(self, person: str, identifier: str) -> dict[str, Any] | None:
        """A conversation of the person, or None."""
        row = self.table.get(partition(person), f"CONV#{identifier}")
        return self._open(person, row) if row is not None else None

    def listed(self, person: str) -> list[Kept]:
        """The person's conversations, newest first."""
        found = []
        for row in self.table.rows(partition(person), "HEAD#"):
            if (plain := self._open(person, row)) is not None:
                identifier = row.sk.removeprefix("HEAD#")
                found.append(Kept(identifier, plain["title"], row.data["at"], row.expires))
        return sorted(found, key=lambda one: (one.at, one.id), reverse=True)

    def everything(self, person: str) -> list[tuple[dict[str, Any], int]]:
        """Every conversation of the person with the time of its last answer, oldest first."""
        rows = sorted(self.table.rows(partition(person), "CONV#"), key=lambda row: row.data["at"])
        found = ((row, self._open(person, row)) for row in rows)
        return [(plain, row.data["at"]) for row, plain in found if plain is not None]

    def delete(self, person: str, identifier: str) -> None:
        """Delete one conversation; no error where there is none."""
        for kind in ("HEAD", "CONV"):
            self.table.delete(partition(person), f"{kind}#{identifier}")

    def delete_all(self, person: str) -> int:
        """Delete every conversation of the person; how many rows."""
        return self.table.delete_partition(partition(person))

    def _open(self, person: str, row: Row) -> dict[str, Any] | None:
        if row.expires <= self.clock().timestamp():
            return None  # the table deletes what has expired within two days
        try:
            key = self.keys.find(row.data["department"], person, row.data["key"])
        except (NoSubjectKey, SubjectErased):
            return None
        return unseal(key.cipher, row.pk, row.sk, row.data["sealed"])


def partition(person: str) -> str:
    """The `pk` of a person's conversations."""
    return f"HISTORY#{person}"
