"""Nightly reconciliation of access with the directory; differences raise an alarm (G.4, C.1).

Access follows from the directory, the rules and recorded actions of operators alone. Each live record is
therefore derived again from what the identity provider sent, and compared; anything else is a difference:
somebody has written to the tables without the functions that may. Each key that did not exist the night
before is reported too, so that nobody creates one alone and unseen; a key that no operator recorded is a
difference of its own. So are user pool accounts and AWS role sessions of deactivated or unknown people.
Nothing is corrected here: a person decides (docs/rights.md).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.common.access import AccessRecord
from lambdas.common.bindings import Bindings
from lambdas.scim.outside import Outside
from lambdas.scim.people import GroupNames, Person
from lambdas.scim.settings import Directory
from lambdas.scim.store import hashed

_RIGHTS = ("provisioned", "department", "roles", "data_classes", "active")
_KNOWN = ("RECONCILED", "KEYS")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `subject` is the id of a person or key, `what` a fixed word; the other fields are
    details.
    """

    subject: str
    what: str
    wanted: str = ""
    found: str = ""

    def as_document(self) -> dict[str, str]:
        """Return it for records and logs: ids and rights, nothing personal."""
        values = {"subject": self.subject, "what": self.what, "wanted": self.wanted, "found": self.found}
        return {name: value for name, value in values.items() if value}


def differences(directory: Directory, now: datetime, outside: Outside) -> Iterator[Difference]:
    """Yield every difference, and finally remember the existing keys."""
    names: GroupNames = {}
    people = directory.people
    known: set[str] = set()
    for identifier in people.listing.ids():
        person = people.get(identifier)
        known.add(identifier)
        yield from _of_person(directory, person, names)
    keys: dict[str, AccessRecord] = {}
    for record in directory.access.every():
        if record.kind == "person" and record.subject not in known and (record.active or record.provisioned):
            yield Difference(record.subject, "access without a person", found=_said(record))
        if record.kind == "application":
            keys[record.subject] = record
    yield from _of_accounts(directory, outside)
    yield from _of_sessions(directory, outside, now)
    yield from _of_keys(directory, keys, now, outside)


def _of_accounts(directory: Directory, outside: Outside) -> Iterator[Difference]:
    """Check user pool accounts, identified by the people they are bound to."""
    people = Bindings(directory.access.client, directory.access.table).people_by_username()
    for account in outside.accounts():
        person = people.get(account.username, "")
        if not account.federated:
            # such a name may be an address: what is said is its hash
            yield Difference(person or hashed(account.username), "account without an identity provider")
        if not account.enabled or not person:
            continue
        record = directory.access.get(f"USER#{person}")
        if record is None or not record.provisioned:
            yield Difference(person, "account of somebody who is out", "disabled", "enabled")


def _of_sessions(directory: Directory, outside: Outside, now: datetime) -> Iterator[Difference]:
    """Check AWS role sessions, identified by the person's name."""
    for session in outside.sessions(now):
        record = directory.access.find_person(session.name)
        if record is None:
            yield Difference(hashed(session.name), "role session of nobody known", found=session.role)
        elif not record.provisioned:
            yield Difference(record.subject, "role session of somebody who is out", found=session.role)


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
        if here != there:
            yield Difference(person.id, name, _plain(there), _plain(here))
    user_name = person.resource.user_name or ""
    named = directory.access.find_person(user_name)
    if named is None or named.subject != person.id:
        yield Difference(person.id, "name of somebody else", found=named.subject if named else "nobody")


def _of_keys(
    directory: Directory, keys: Mapping[str, AccessRecord], now: datetime, outside: Outside
) -> Iterator[Difference]:
    before = directory.store.get(*_KNOWN)
    if before is not None:
        new = sorted(keys.keys() - {one["S"] for one in before["ids"]["L"]})
        recorded = outside.recorded_keys(now) if new else set[str]()
        for key in new:
            what = "new key" if key in recorded else "new key that nobody recorded"
            yield Difference(key, what, found=_said(keys[key]))
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
