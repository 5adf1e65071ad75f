"""Conversations of earlier days, if the organisation keeps them (L4.2, G.2).

They are encrypted under the person's data key in the department, the one that encrypts the texts in the
records: the table alone reveals nothing, and `kit audit erase` destroys the key. They are kept for
`history_days` after the last answer; a person can delete them at any time.

    HISTORY#<person>   HEAD#<id>   when, encrypted: the title
                       CONV#<id>   encrypted: the conversation
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
        """Return the last day on which it is available."""
        return datetime.fromtimestamp(self.until, UTC).date()


@dataclass(frozen=True, slots=True)
class History:
    """The conversations of people, kept for `days` days. Its calls block and raise botocore's errors."""

    table: PortalTable
    keys: SubjectKeys
    days: int
    clock: Clock

    def keep(
        self, person: str, department: str, identifier: str, title: str, plain: Mapping[str, Any]
    ) -> None:
        """Store an answered conversation, unless the person's data were erased. Raises `TooLarge`."""
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
        """Return a conversation of the person, or None."""
        row = self.table.get(partition(person), f"CONV#{identifier}")
        return self._open(person, row) if row is not None else None

    def listed(self, person: str) -> list[Kept]:
        """Return the person's conversations, newest first."""
        found = []
        for row in self.table.rows(partition(person), "HEAD#"):
            if (plain := self._open(person, row)) is not None:
                identifier = row.sk.removeprefix("HEAD#")
                found.append(Kept(identifier, plain["title"], row.data["at"], row.expires))
        return sorted(found, key=lambda one: (one.at, one.id), reverse=True)

    def everything(self, person: str) -> list[tuple[dict[str, Any], int]]:
        """Return every conversation of the person with the time of its last answer, oldest first."""
        rows = sorted(self.table.rows(partition(person), "CONV#"), key=lambda row: row.data["at"])
        found = ((row, self._open(person, row)) for row in rows)
        return [(plain, row.data["at"]) for row, plain in found if plain is not None]

    def delete(self, person: str, identifier: str) -> None:
        """Delete one conversation. Idempotent."""
        for kind in ("HEAD", "CONV"):
            self.table.delete(partition(person), f"{kind}#{identifier}")

    def delete_all(self, person: str) -> int:
        """Delete every conversation of the person. Return the number of rows."""
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
    """Return the `pk` of a person's conversations."""
    return f"HISTORY#{person}"
