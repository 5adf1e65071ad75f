"""What people may do, held against the directory every night: whose differences alarm (G.4, C.1).

Access follows from the directory, the rules and recorded acts of operators alone. So each live record is made
again from what the identity provider sent, and compared; what is left over is a difference: somebody has
written to the tables past the functions that may. Each key that was not there the night before is reported
too, so that nobody makes one alone and unseen. Nothing is put right here: a person looks (docs/rights.md).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.common.access import AccessRecord
from lambdas.scim.people import GroupNames, Person
from lambdas.scim.settings import Directory

_RIGHTS = ("provisioned", "department", "roles", "data_classes", "active")
_KNOWN = ("RECONCILED", "KEYS")


@dataclass(frozen=True, slots=True)
class Difference:
    """One finding. `subject` is the id of a person or key, `what` a fixed word; the rest says more."""

    subject: str
    what: str
    wanted: str = ""
    found: str = ""

    def as_document(self) -> dict[str, str]:
        """For records and lines: ids and rights, nothing personal."""
        values = {"subject": self.subject, "what": self.what, "wanted": self.wanted, "found": self.found}
        return {name: value for name, value in values.items() if value}


def differences(directory: Directory, now: datetime) -> Iterator[Difference]:
    """Every difference. Ends by remembering which keys there are."""
    names: GroupNames = {}
    people = directory.people
    known: set[str] = set()
    for identifier in people.ids():
        person = people.get(identifier)
        known.add(identifier)
        yield from _of_person(directory, person, names)
    keys: dict[str, AccessRecord] = {}
    for record in directory.access.every():
        if record.kind == "person" and record.subject not in known and (record.active or record.provisioned):
            yield Difference(record.subject, "access without a person", found=_said(record))
        if record.kind == "application":
            keys[record.subject] = record
    yield from _of_keys(directory, keys, now)


def _of_person(directory: Directory, person: Person, names: GroupNames) -> Iterator[Difference]:
    found = directory.access.get(f"USER#{person.id}")
    if found is None:
        yield Difference(person.id, "no access record")
        return
    if found.subject != person.id:
        yield Difference(person.id, "record of somebody else", found=found.subject)
    wanted = directory.people.record_of(person, found, names)
    for name in _RIGHTS:
        here, there = getattr(found, name), getattr(wanted, name)
        if name == "active" and wanted.active and not found.active:
            continue  # revoked by an operator: less than the directory gives, and recorded
        if here != there:
            yield Difference(person.id, name, _plain(there), _plain(here))
    user_name = person.resource.user_name or ""
    named = directory.access.find_person(user_name)
    if named is None or named.subject != person.id:
        yield Difference(person.id, "name of somebody else", found=named.subject if named else "nobody")


def _of_keys(directory: Directory, keys: Mapping[str, AccessRecord], now: datetime) -> Iterator[Difference]:
    before = directory.store.get(*_KNOWN)
    if before is not None:
        for key in sorted(keys.keys() - {one["S"] for one in before["ids"]["L"]}):
            yield Difference(key, "new key", found=_said(keys[key]))
    for key, record in sorted(keys.items()):
        owner = record.owner
        if not record.active_at(now) or not owner or owner.startswith("department:"):
            continue
        person = directory.access.get(f"USER#{owner}")
        if person is None or not person.active:
            yield Difference(key, "key of somebody who is out", found=owner)
    directory.store.write(*_KNOWN, {"ids": {"L": [{"S": one} for one in sorted(keys)]}})


def _said(record: AccessRecord) -> str:
    return f"{record.department or 'no department'}, {'active' if record.active else 'inactive'}"


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value)
