"""Events of people, kept in the outbox until all their consequences are complete (G.4).

An event is written in the transaction of the change itself, so none is ever lost; `worker` processes it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from lambdas.common.access import AccessRecord
from lambdas.common.identity_events import OUTBOX, IdentityEvent
from lambdas.common.ids import new_id
from lambdas.scim.acting import actor
from lambdas.scim.store import DirectoryStore, Item

Move = Literal["joiner", "mover", "leaver", "renamed"]
MEMBERS_OF_EVENT = 5_000  # members in one item: well under DynamoDB's 400 KB


@dataclass(frozen=True, slots=True)
class PersonEvent:
    """A joiner, mover, leaver, or a renamed person who must sign in again.

    `sign_in_names` are needed to revoke sessions, and are removed with the event. `actor` made the change.
    """

    id: str
    kind: Move
    at: str
    person: str
    department_before: str
    department_after: str
    roles_before: tuple[str, ...]
    roles_after: tuple[str, ...]
    sign_in_names: tuple[str, ...]
    onboarding: str
    actor: str = ""


@dataclass(frozen=True, slots=True)
class MembershipEvent:
    """Members that a group gains or loses, or (`settle`) whose placement is to be updated.

    `everyone`: all its members instead of a list; `after` is the last completed one. The request that
    creates it also carries it out; the worker completes what a crash left, while the group is still at
    `version` (0: deleted), so that nothing newer is undone.
    """

    id: str
    kind: Literal["join", "leave", "settle"]
    at: str
    group: str
    version: int
    members: tuple[str, ...]
    actor: str = ""
    everyone: bool = False
    after: str = ""


Event = PersonEvent | MembershipEvent | IdentityEvent


def move_between(before: AccessRecord | None, after: AccessRecord) -> Move | None:
    """Return what a change of the access record means for the person, or None if nobody must be notified."""
    was, is_in = before is not None and _placed(before), _placed(after)
    if is_in and not was:
        return "joiner"
    if was and not is_in:
        return "leaver"
    if is_in and before is not None and _rights(before) != _rights(after):
        return "mover"
    return None


def person_event(
    kind: Move, before: AccessRecord | None, after: AccessRecord, sign_in_names: Sequence[str], now: datetime
) -> PersonEvent:
    """Return the event of one change."""
    return PersonEvent(
        id=new_id(clock=lambda: now),
        kind=kind,
        at=now.isoformat(timespec="milliseconds"),
        person=after.subject,
        department_before=before.department if before else "",
        department_after=after.department,
        roles_before=before.roles if before else (),
        roles_after=after.roles,
        sign_in_names=tuple(sign_in_names),
        onboarding=after.onboarding,
        actor=actor(),
    )


def membership_events(
    kind: Literal["join", "leave", "settle"],
    group: str,
    version: int,
    members: Sequence[str],
    now: datetime,
) -> list[MembershipEvent]:
    """The events of one change of a group, each of a size that fits into an item."""
    return [
        MembershipEvent(
            id=new_id(clock=lambda: now),
            kind=kind,
            at=now.isoformat(timespec="milliseconds"),
            group=group,
            version=version,
            members=tuple(members[start : start + MEMBERS_OF_EVENT]),
            actor=actor(),
        )
        for start in range(0, len(members), MEMBERS_OF_EVENT)
    ]


def event_of_everyone(
    kind: Literal["leave", "settle"], group: str, version: int, now: datetime
) -> MembershipEvent:
    """The event of a change that all members of a group are to hear of, of one size whatever the group's."""
    at = now.isoformat(timespec="milliseconds")
    return MembershipEvent(
        id=new_id(clock=lambda: now), kind=kind, at=at, group=group, version=version, members=(),
        actor=actor(), everyone=True,
    )  # fmt: skip


def put_event(store: DirectoryStore, event: Event) -> dict[str, Any]:
    """The entry of a transaction that puts an event into the outbox."""
    return store.put(OUTBOX, event.id, {"event": event_value(event)})


def event_value(event: Event) -> Item:
    """Return an event as stored."""
    return {"S": json.dumps(asdict(event))}


def read_event(item: Item) -> Event:
    """Parse an event of the outbox."""
    values: dict[str, Any] = json.loads(item["event"]["S"])
    if "identity" in values:
        return IdentityEvent(**values)
    values = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
    return MembershipEvent(**values) if "group" in values else PersonEvent(**values)


def _placed(record: AccessRecord) -> bool:
    return record.provisioned and bool(record.department)


def _rights(record: AccessRecord) -> tuple[Any, ...]:
    return (record.department, record.roles, record.data_classes)
