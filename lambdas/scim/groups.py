"""Groups and their members. A member's access changes in the transaction that writes the membership (G.4).

A group is processed member by member: the request first writes down its intention (`MembershipEvent`),
carries it out for several members concurrently, and removes it. The worker completes what a crash left. A
change for all members (a new name, the group's end) is a single event however many they are; the request
works on it for some seconds, then the worker continues after the last completed one.
"""

import contextlib
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from scim2_models import (
    Group,
    InvalidValueException,
    Meta,
    NotFoundException,
    PreconditionFailedException,
    TooManyException,
    UniquenessException,
)

from lambdas.common.access import folded_name
from lambdas.common.clock import Clock
from lambdas.common.identity_events import OUTBOX
from lambdas.common.ids import new_id
from lambdas.scim.acting import acting, actor, inherited
from lambdas.scim.events import (
    MEMBERS_OF_EVENT,
    MembershipEvent,
    event_of_everyone,
    event_value,
    membership_events,
    put_event,
)
from lambdas.scim.listing import Listing
from lambdas.scim.people import GroupNames, People, Versions, etag, stored_body
from lambdas.scim.placement import Rules
from lambdas.scim.store import (
    RESOURCE,
    DirectoryStore,
    DirectoryUnavailable,
    Item,
    Stale,
    Write,
    hashed,
    is_id,
    key,
)

_MEMBER = "MEMBER#"
HasTime = Callable[[], bool]
_ATTEMPTS = 12
_EVENTS_AT_ONCE = 20  # events of one request: 100,000 members, 2.8 of the 4 MB that a transaction may have
_CHANGED_MEMBERS = _EVENTS_AT_ONCE * MEMBERS_OF_EVENT
SHOWN_MEMBERS = 25_000  # in one answer: 5 of the 6 MB that a function may answer
_PART = 500  # of everyone, between two notes of how far it has come
_REQUEST_SECONDS = 20.0  # that a request works on what is everyone's; the rest is the worker's


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a group: a person or, without any effect on access, another group."""

    id: str
    type: Literal["User", "Group"] = "User"
    display: str = ""


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """One stored group, without members and meta."""

    id: str
    resource: Any  # a Group
    version: int
    created: str
    modified: str


@dataclass(frozen=True, slots=True)
class Edit:
    """What a request changes in a group: the resource without members, and which members are added and
    removed.

    `joins` may include current members, `leaves` people who are not members.
    """

    resource: Any
    joins: tuple[Member, ...] = ()
    leaves: tuple[str, ...] = ()


class Groups:
    """Creates, changes and deletes groups. Raises as `People` does."""

    def __init__(
        self, store: DirectoryStore, people: People, rules: Callable[[], Rules], clock: Clock
    ) -> None:
        self._store = store
        self._people = people
        self._rules = rules
        self._clock = clock
        self.listing = Listing(store, "Group")

    # -- reading -------------------------------------------------------------------------------------------

    def get(self, identifier: str) -> StoredGroup:
        """Return one group. Raises NotFoundException."""
        item = self._store.get(_key(identifier)) if is_id(identifier) else None
        if item is None:
            raise NotFoundException(detail="There is no such group.")
        return _group(item)

    def get_many(self, identifiers: Sequence[str]) -> list[StoredGroup]:
        """Return the existing ones, in the requested order."""
        found = self._store.get_many([(_key(one), RESOURCE) for one in identifiers if is_id(one)])
        return [_group(found[_key(one)]) for one in identifiers if _key(one) in found]

    def ids_by_name(self, kind: Literal["display-name", "external-id"], name: str) -> list[str]:
        """Return the id of the group with that name, if there is one."""
        pk = _name_key(kind, name)
        item = self._store.get(pk, "NAME") if pk else None
        return [item["id"]["S"]] if item else []

    def members(self, identifier: str, most: int) -> list[Member] | None:
        """Return every member of a group; None, having read at most `most`, if it has more."""
        found = [_member(item) for item in islice(self._store.pages(_key(identifier), _MEMBER), most + 1)]
        return found if len(found) <= most else None

    def among(self, identifiers: Sequence[str], members: Iterable[str]) -> dict[str, list[Member]]:
        """Return by group which of `members` are in it, however many others there are."""
        wanted = [one for one in dict.fromkeys(members) if is_id(one)]
        groups = {_key(one): one for one in identifiers}
        found: dict[str, list[Member]] = {one: [] for one in identifiers}
        for item in self._store.get_all([(pk, _MEMBER + one) for pk in groups for one in wanted]):
            found[groups[item["pk"]["S"]]].append(_member(item))
        return found

    def shown_members(self, identifier: str, most: int) -> list[Member]:
        """Return every member, for an answer with room for `most`. Raises TooManyException."""
        members = self.members(identifier, most)
        if members is None:
            detail = f"members: more than {SHOWN_MEMBERS:,}; ask with excludedAttributes=members"
            raise TooManyException(detail=detail)
        return members

    def changed_members(self, identifier: str) -> list[Member]:
        """Return every member, for a request that says who stays.

        Raises InvalidValueException if more would be removed than one request may change.
        """
        members = self.members(identifier, 2 * _CHANGED_MEMBERS)  # as many may stay as may go
        if members is None:
            raise _too_many()
        return members

    # -- writing -------------------------------------------------------------------------------------------

    def create(self, resource: Any, members: Iterable[Member]) -> StoredGroup:
        """Create a group with its members. Raises UniquenessException; InvalidValueException for an unknown
        member.
        """
        now = _text(self._clock())
        group = StoredGroup(new_id(clock=self._clock), resource, 1, now, now)
        joins = self._known(members)
        events = _bounded(self._events("join", group, [member.id for member in joins]))
        self._store.transact(
            [
                Write(self._put(group, "attribute_not_exists(pk)")),
                *self.listing.addition(group.id),
                *self._named(None, group),
                *[Write(put_event(self._store, event)) for event in events],
            ]
        )
        self._carry_out(group, events, {member.id: member for member in joins})
        return group

    def update(
        self, identifier: str, edit: Callable[[Any], Edit], *, versions: Versions = None
    ) -> StoredGroup:
        """Change a group. `edit` gets a copy of the resource. The group must be in one of `versions`."""
        for number in range(_ATTEMPTS):
            before = self.get(identifier)
            if versions is not None and before.version not in versions:
                raise PreconditionFailedException
            try:
                return self._replace(before, edit(before.resource.model_copy(deep=True)))
            except Stale:
                time.sleep(random.uniform(0, 0.01 * 2 ** min(number, 5)))  # noqa: S311 - jitter, not a secret
        raise DirectoryUnavailable("Contention")

    def _replace(self, before: StoredGroup, edit: Edit) -> StoredGroup:
        present = self._present(before.id, [*(one.id for one in edit.joins), *edit.leaves])
        joins = self._known(member for member in edit.joins if present.get(member.id) != member)
        leaves = [one for one in edit.leaves if one in present]
        renamed = _body(edit.resource) != _body(before.resource)
        if not (renamed or joins or leaves):
            return before
        group = replace(
            before,
            resource=edit.resource,
            version=before.version + 1,
            modified=_text(self._clock()),
        )
        events = _bounded(
            [
                *self._events("join", group, [member.id for member in joins]),
                *self._events("leave", group, leaves),
            ]
        )
        if renamed and _names(before) != _names(group) and self._matters(before, group):
            events.append(event_of_everyone("settle", group.id, group.version, self._clock()))
        self._store.transact(
            [
                Write(self._put(group, "#version = :version", version=before.version)),
                *self._named(before, group),
                *[Write(put_event(self._store, event)) for event in events],
            ]
        )
        self._carry_out(group, events, {member.id: member for member in joins})
        return group

    def follow(self, person: str, names: Sequence[str]) -> None:
        """Make a person a member of exactly these of the groups that rules mention, by name or external id.

        Missing groups are created. Idempotent. Raises NotFoundException.
        """
        rules, cache = self._rules(), GroupNames()
        before = self._people.get(person)
        self._people.know_groups(before, cache)
        mentioned = [one for one in before.groups if rules.mention(*cache[one])]
        stays = [one for one in mentioned if _is_named(cache[one], names)]
        missing = [
            name
            for name in dict.fromkeys(names)
            if rules.mention(name, name) and not any(_is_named(cache[one], [name]) for one in stays)
        ]
        for name in missing:  # before anything is left: who moves is never out in between
            self._people.join(person, self._group_called(name), _member_item(Member(person)), None, cache)
        for group in mentioned:
            if group not in stays:
                self._people.leave(person, group, None, cache)

    def _group_called(self, name: str) -> str:
        """Return the id of the group with this external id or name, created if missing."""
        for _ in range(2):
            found = self.ids_by_name("external-id", name) or self.ids_by_name("display-name", name)
            if found:
                return found[0]
            with contextlib.suppress(UniquenessException):  # somebody else has made it now
                return self.create(Group(display_name=name), ()).id
        raise DirectoryUnavailable("Contention")

    def delete(self, identifier: str, *, versions: Versions = None) -> None:
        """Delete a group; its members lose what it granted."""
        group = self.get(identifier)
        if versions is not None and group.version not in versions:
            raise PreconditionFailedException
        events = [event_of_everyone("leave", identifier, 0, self._clock())]
        gone = self._store.delete(_key(identifier), RESOURCE, "#version = :version", version=group.version)
        self._store.transact(
            [
                Write(gone, PreconditionFailedException()),
                *self.listing.removal(identifier),
                *self._named(group, None),
                *[Write(put_event(self._store, event)) for event in events],
            ]
        )
        self._carry_out(group, events, {})

    def finish(self, event: MembershipEvent, has_time: HasTime) -> bool:
        """Complete an event. Return False if time ran out.

        What a crash left of a list is skipped if the group has changed since; an event for everyone follows
        the group as it is.
        """
        if event.everyone:
            with acting(event.actor or actor()):
                return self._everyone(event, {}, has_time)
        if event.version:
            condition = self._store.check(
                _key(event.group), RESOURCE, "#version = :version", version=event.version
            )
        else:
            condition = self._store.check(_key(event.group), RESOURCE, "attribute_not_exists(pk)")
        guard = Write(condition, _Superseded())
        cache: GroupNames = {}
        try:
            types = self._types(event.members)
            with acting(event.actor or actor()):
                for member in event.members:
                    self._one(event, Member(member, types.get(member, "User")), guard, cache)
        except _Superseded:
            pass
        return True

    # -- members -------------------------------------------------------------------------------------------

    def _carry_out(
        self, group: StoredGroup, events: Sequence[MembershipEvent], members: dict[str, Member]
    ) -> None:
        """Carry out the events, several members concurrently, and remove each that is complete."""
        cache: GroupNames = {}
        ends = time.monotonic() + _REQUEST_SECONDS
        for event in events:
            if event.everyone:
                if self._everyone(event, cache, lambda: time.monotonic() < ends):
                    self._store.remove(OUTBOX, event.id)
                continue
            run = [members.get(one, Member(one)) for one in event.members]
            self._at_once(lambda member, event=event: self._one(event, member, None, cache), run)
            now = self._store.get(_key(group.id))
            if now is not None and _names(_group(now)) != _names(group):
                # Who joined while somebody renamed the group was placed by its old name.
                fresh: GroupNames = {}
                self._at_once(lambda member, names=fresh: self._people.settle(member.id, names), run)
            self._store.remove(OUTBOX, event.id)

    def _everyone(self, event: MembershipEvent, cache: GroupNames, has_time: HasTime) -> bool:
        """Carry out an event for every member, from where it was left. Return False if time ran out."""
        pk, begin = _key(event.group), {"ExclusiveStartKey": key(_key(event.group), _MEMBER + event.after)}
        members = (_member(one) for one in self._store.pages(pk, _MEMBER, **(begin if event.after else {})))
        while part := list(islice(members, _PART)):
            if not has_time():
                return False
            self._at_once(lambda member: self._one(event, member, None, cache), part)
            noted = replace(event, after=part[-1].id)
            self._store.set(OUTBOX, event.id, "event", event_value(noted))
        return True

    def _at_once(self, call: Callable[[Member], None], members: Sequence[Member]) -> None:
        """Call `call` for each member, several concurrently. Raises what the first failure raised."""
        for _ in self._store.pool.map(inherited(call), members):
            pass

    def _one(self, event: MembershipEvent, member: Member, guard: Write | None, cache: GroupNames) -> None:
        if event.kind == "settle":
            self._people.settle(member.id, cache)
        elif event.kind == "leave":
            self._people.leave(member.id, event.group, guard, cache)
        elif member.type == "Group":
            self._store.write(_key(event.group), _MEMBER + member.id, _member_item(member))
        else:
            self._people.join(member.id, event.group, _member_item(member), guard, cache)

    def _present(self, group: str, members: Sequence[str]) -> dict[str, Member]:
        """Return which of `members` are in the group."""
        return {one.id: one for one in self.among([group], members)[group]}

    def _known(self, members: Iterable[Member]) -> list[Member]:
        """Return the distinct members with their actual type. Raises InvalidValueException."""
        wanted = {member.id: member for member in members}
        types = self._types(wanted)
        unknown = len(wanted) - len(types)
        if unknown:
            raise InvalidValueException(detail=f"members: {unknown} of them are not users or groups here")
        return [replace(one, type=types[one.id]) for one in wanted.values()]

    def _types(self, identifiers: Iterable[str]) -> dict[str, Literal["User", "Group"]]:
        """Return the type of each that exists."""
        asked = [one for one in identifiers if is_id(one)]
        people = self._store.get_many([(f"USER#{one}", RESOURCE) for one in asked])
        rest = [one for one in asked if f"USER#{one}" not in people]
        groups = self._store.get_many([(_key(one), RESOURCE) for one in rest])
        types: dict[str, Literal["User", "Group"]] = {}
        types |= {one: "User" for one in asked if f"USER#{one}" in people}
        types |= {one: "Group" for one in rest if _key(one) in groups}
        return types

    def _events(
        self, kind: Literal["join", "leave"], group: StoredGroup, members: Sequence[str]
    ) -> list[MembershipEvent]:
        return membership_events(kind, group.id, group.version, members, self._clock())

    def _matters(self, before: StoredGroup, after: StoredGroup) -> bool:
        rules = self._rules()
        return rules.mention(*_names(before)) or rules.mention(*_names(after))

    # -- items ---------------------------------------------------------------------------------------------

    def _put(self, group: StoredGroup, condition: str, **expected: Any) -> dict[str, Any]:
        values = {
            "body": {"S": _body(group.resource)},
            "version": {"N": str(group.version)},
            "created": {"S": group.created},
            "modified": {"S": group.modified},
        }
        return self._store.put(_key(group.id), RESOURCE, values, condition, **expected)

    def _named(self, before: StoredGroup | None, after: StoredGroup | None) -> list[Write]:
        writes: list[Write] = []
        for kind, field, attribute in (
            ("display-name", "display_name", "displayName"),
            ("external-id", "external_id", "externalId"),
        ):
            old = _name_key(kind, getattr(before.resource, field)) if before else None
            new = _name_key(kind, getattr(after.resource, field)) if after else None
            if old == new:
                continue
            if new and after:
                taken = UniquenessException(detail=f"{attribute} is in use", attribute=attribute)
                entry = self._store.put(new, "NAME", {"id": {"S": after.id}}, "attribute_not_exists(pk)")
                writes.append(Write(entry, taken))
            if old:
                writes.append(Write(self._store.delete(old, "NAME")))
        return writes


def _bounded(events: list[MembershipEvent]) -> list[MembershipEvent]:
    """Return the events of one request. Raises InvalidValueException for more than fit a transaction."""
    if len(events) > _EVENTS_AT_ONCE:
        raise _too_many()
    return events


def _too_many() -> InvalidValueException:
    detail = f"members: one request changes at most {_CHANGED_MEMBERS:,}; name who comes and goes, in several"
    return InvalidValueException(detail=detail)


def _is_named(group: tuple[str, str], names: Sequence[str]) -> bool:
    """Return whether a group (display name, external id) is among names or external ids."""
    display, external_id = folded_name(group[0]), group[1]
    return any(folded_name(one) == display or (external_id and one == external_id) for one in names)


class _Superseded(Exception):
    """The group was changed after the event, so the rest of the event must not be carried out."""


def shown(group: StoredGroup, base_url: str, members: Sequence[Member] | None = None) -> Any:
    """Return the resource for an answer, without members if they were not requested."""
    resource = group.resource.model_copy()
    resource.id = group.id
    resource.meta = Meta(
        resource_type="Group",
        created=datetime.fromisoformat(group.created),
        last_modified=datetime.fromisoformat(group.modified),
        location=f"{base_url}/Groups/{group.id}",
        version=etag(group.version),
    )
    if members:
        resource.members = [Group.Members.model_validate(_shown_member(one, base_url)) for one in members]
    return resource


def _shown_member(member: Member, base_url: str) -> dict[str, str]:
    values = {
        "value": member.id,
        "$ref": f"{base_url}/{member.type}s/{member.id}",
        "type": member.type,
    }
    return {**values, "display": member.display} if member.display else values


def _member_item(member: Member) -> Item:
    display = {"display": {"S": member.display}} if member.display else {}
    return {"type": {"S": member.type}, **display}


def _member(item: Item) -> Member:
    return Member(
        id=item["sk"]["S"].removeprefix(_MEMBER),
        type=item["type"]["S"],
        display=item.get("display", {}).get("S", ""),
    )


def _group(item: Item) -> StoredGroup:
    return StoredGroup(
        id=item["pk"]["S"].split("#", 1)[1],
        resource=Group.model_validate_json(item["body"]["S"]),
        version=int(item["version"]["N"]),
        created=item["created"]["S"],
        modified=item["modified"]["S"],
    )


def _body(resource: Any) -> str:
    return stored_body(resource, without=("id", "meta", "members"))


def _names(group: StoredGroup) -> tuple[str, str]:
    return group.resource.display_name or "", group.resource.external_id or ""


def _key(group: str) -> str:
    return f"GROUP#{group}"


def _name_key(kind: str, name: str | None) -> str | None:
    if not name:
        return None
    return f"NAME#{kind}#{hashed(folded_name(name) if kind == 'display-name' else name)}"


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
