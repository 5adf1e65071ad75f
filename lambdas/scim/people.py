"""People: each change of a person and of the resulting access is one transaction (G.4, L1.3).

The person, the unique names, the live access record, a leaver's virtual keys and the event are written
together or not at all. A deactivation is therefore in the access record before the identity provider has
its answer, and the gateway's next call is refused.
"""

import json
import random
import time
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from scim2_models import (
    InvalidValueException,
    Meta,
    NotFoundException,
    PayloadTooLargeException,
    PreconditionFailedException,
    UniquenessException,
)

from lambdas.common.access import (
    AccessRecord,
    AccessRecords,
    NameKind,
    folded_name,
    person_record,
    user_key,
)
from lambdas.common.bindings import Binding, Bindings
from lambdas.common.clock import Clock
from lambdas.common.identity_events import identity_event
from lambdas.common.ids import new_id
from lambdas.scim.acting import actor
from lambdas.scim.events import move_between, person_event, put_event
from lambdas.scim.listing import Listing
from lambdas.scim.placement import Placement, Rules
from lambdas.scim.resources import EnterpriseUser, UserResource
from lambdas.scim.store import (
    MOST_WRITES,
    RESOURCE,
    DirectoryStore,
    DirectoryUnavailable,
    Item,
    Stale,
    Write,
    hashed,
    is_id,
)

Versions = frozenset[int] | None  # the versions that a caller accepts; None: any
_ATTEMPTS = 12
_MOST_EMAILS = 20
_MOST_GROUPS = 1_000
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})  # control and format characters
_LARGEST_BODY = 300_000  # characters, all of them ASCII: an item holds 400 KB
_KEYS_AT_ONCE = 40  # virtual keys that are revoked in the very transaction; the worker revokes all there are


@dataclass(frozen=True, slots=True)
class Person:
    """One stored person. `resource` has neither groups nor meta, which are added for answers."""

    id: str
    resource: Any  # a User
    groups: tuple[str, ...]
    version: int
    created: str
    modified: str


class People:
    """Creates, changes and deletes people. `rules` returns the current rules.

    Raises SCIM exceptions for the caller's errors, `DirectoryUnavailable` for ours.
    """

    def __init__(
        self, store: DirectoryStore, access: AccessRecords, rules: Callable[[], Rules], clock: Clock
    ) -> None:
        self._store = store
        self._access = access
        self._bindings = Bindings(access.client, access.table)
        self._rules = rules
        self._clock = clock
        self.listing = Listing(store, "User")

    # -- reading -------------------------------------------------------------------------------------------

    def get(self, identifier: str) -> Person:
        """Return one person. Raises NotFoundException."""
        item = self._store.get(user_key(identifier)) if is_id(identifier) else None
        if item is None:
            raise NotFoundException(detail="There is no such user.")
        return _person(item)

    def get_many(self, identifiers: Sequence[str], *, naming: str = "") -> list[Person]:
        """Return the existing ones, in the requested order.

        People in whose stored body `naming` (ASCII, lower case, nothing that JSON escapes) does not occur
        may be omitted.
        """
        found = self._store.get_many([(user_key(one), RESOURCE) for one in identifiers if is_id(one)])
        items = [found[user_key(one)] for one in identifiers if user_key(one) in found]
        return [_person(item) for item in items if not naming or _may_name(item["body"]["S"], naming)]

    def ids_by_name(self, kind: NameKind, name: str) -> list[str]:
        """Return the id of the person with that name, if there is one."""
        found = _reading(self._access.find_person, name, kind)
        return [found.subject] if found is not None else []

    def ids_by_email(self, address: str) -> list[str]:
        """Return who has that address."""
        return self._store.names_under(_email_key(address))

    def know_groups(self, person: Person, cache: "GroupNames") -> None:
        """Read the names of the person's groups into `cache`."""
        self._group_names(person.groups, cache)

    # -- writing -------------------------------------------------------------------------------------------

    def create(self, resource: Any) -> Person:
        """Create a person. Raises UniquenessException."""
        now = self._clock()
        person = Person(new_id(clock=self._clock), resource, (), 1, _text(now), _text(now))
        self._commit(None, person, None, {})
        return person

    def update(self, identifier: str, change: Callable[[Any], Any], *, versions: Versions = None) -> Person:
        """Change a person. `change` gets a copy of the resource and returns the changed one.

        The person must be in one of `versions`. Raises PreconditionFailedException, NotFoundException,
        UniquenessException and what `change` raises. The version increases only if something changed.
        """

        def attempt() -> Person:
            before, access = self.get(identifier), self._record(identifier)
            if versions is not None and before.version not in versions:
                raise PreconditionFailedException
            resource = change(before.resource.model_copy(deep=True))
            if _body(resource) == _body(before.resource):
                if access is not None and access.active and resource.active is not True:
                    self._commit(before, before, access, {})  # let in by other means: out all the same
                return before
            after = replace(
                before, resource=resource, version=before.version + 1, modified=_text(self._clock())
            )
            self._commit(before, after, access, {})
            return after

        return self._until_fresh(attempt)

    def delete(self, identifier: str, *, versions: Versions = None) -> None:
        """Delete a person. The access record remains, inactive and without a name, so that this id is never
        reused.
        """

        def attempt() -> None:
            before, access = self.get(identifier), self._record(identifier)
            if versions is not None and before.version not in versions:
                raise PreconditionFailedException
            self._remove(before, access)

        self._until_fresh(attempt)

    def join(
        self, identifier: str, group: str, member: Item, guard: Write | None, cache: "GroupNames"
    ) -> None:
        """Make a person a member of a group. Idempotent. `guard` is checked in the same transaction."""
        self._membership(identifier, cache, guard, joins=(group, member))

    def leave(self, identifier: str, group: str, guard: Write | None, cache: "GroupNames") -> None:
        """End a membership. Idempotent; for a deleted person only the membership itself is deleted."""
        self._membership(identifier, cache, guard, leaves=group)

    def settle(self, identifier: str, cache: "GroupNames") -> None:
        """Place a person again by the current rules and groups. Idempotent."""
        self._membership(identifier, cache, None)

    def _membership(
        self,
        identifier: str,
        cache: "GroupNames",
        guard: Write | None,
        *,
        joins: tuple[str, Item] | None = None,
        leaves: str | None = None,
    ) -> None:
        def attempt() -> None:
            extra = [guard] if guard else []
            try:
                before, access = self.get(identifier), self._record(identifier)
            except NotFoundException:
                if leaves:
                    gone = Write(self._store.delete(f"GROUP#{leaves}", f"MEMBER#{identifier}"))
                    self._store.transact([gone, *extra])
                return
            groups = before.groups
            if joins:
                groups = groups if joins[0] in groups else (*groups, joins[0])
                extra.append(Write(self._store.put(f"GROUP#{joins[0]}", f"MEMBER#{identifier}", joins[1])))
            if leaves:
                groups = tuple(group for group in groups if group != leaves)
                extra.append(Write(self._store.delete(f"GROUP#{leaves}", f"MEMBER#{identifier}")))
            if len(groups) > _MOST_GROUPS:
                raise InvalidValueException(detail=f"a user is in at most {_MOST_GROUPS} groups")
            after = before
            if groups != before.groups:
                after = replace(before, groups=groups, version=before.version + 1)
            self._commit(before, after, access, cache, extra)

        self._until_fresh(attempt)

    # -- the transaction -----------------------------------------------------------------------------------

    def _commit(
        self,
        before: Person | None,
        after: Person,
        access: AccessRecord | None,
        cache: "GroupNames",
        extra: Sequence[Write] = (),
    ) -> None:
        """Replace `before` by `after`, with the resulting access."""
        if len(_emails(after.resource)) > _MOST_EMAILS:
            raise InvalidValueException(detail=f"a user has at most {_MOST_EMAILS} addresses")
        if before is None or after.resource.user_name != before.resource.user_name:
            _check_name(after.resource.user_name or "")
        record = self._access_of(before, after, access, cache)
        writes = [*extra, *self._named(before, after)]
        if before is None:
            writes += self.listing.addition(after.id)
            writes.append(Write(self._put(after, "attribute_not_exists(pk)")))
        elif after != before:
            writes.append(Write(self._put(after, "#version = :version", version=before.version)))
        if access is None:
            writes.append(Write(self._access.creation(record)))
        elif record != access:
            writes.append(Write(self._access.replacement(record)))
        if after == before and (extra or record != access):
            # The access was decided on this person: who was put out meanwhile must not be let in again.
            writes.append(self._unchanged(after))
        writes += self._consequences(before, after, access, record)
        if writes:
            self._store.transact(writes)

    def _remove(self, person: Person, access: AccessRecord | None) -> None:
        memberships = [
            Write(self._store.delete(f"GROUP#{one}", f"MEMBER#{person.id}")) for one in person.groups
        ]
        gone = self._store.delete(
            user_key(person.id), RESOURCE, "#version = :version", version=person.version
        )
        writes = [Write(gone), *self.listing.removal(person.id), *self._named(person, None)]
        if access is not None:
            record = replace(
                access,
                active=False,
                provisioned=False,
                department="",
                roles=(),
                signed_out_at=self._clock().replace(microsecond=0),
                since=self._clock().replace(microsecond=0),
                version=access.version + 1,
            )
            writes.append(Write(self._access.replacement(record)))
            writes += self._consequences(person, None, access, record)
        room = MOST_WRITES - len(writes)
        self._store.transact([*writes, *memberships[:room]])
        for start in range(room, len(memberships), MOST_WRITES):
            self._store.transact(memberships[start : start + MOST_WRITES])

    def _access_of(
        self, before: Person | None, person: Person, access: AccessRecord | None, cache: "GroupNames"
    ) -> AccessRecord:
        """Return the record that results for the person; the identical one if nothing changes."""
        placement = self.placement(person, cache)
        provisioned = person.resource.active is True  # unassigned is out
        placed = provisioned and bool(placement.department)
        onboarding = access.onboarding if access else None
        if placed:
            was_in = access is not None and access.provisioned and bool(access.department)
            onboarding = self._rules().onboarding(onboarding, was_in=was_in)
        record = person_record(
            person.id,
            provisioned=provisioned,
            department=placement.department,
            roles=placement.roles,
            data_classes=placement.data_classes,
            onboarding=onboarding or "not-required",
            shut_out=access is not None and access.is_shut_out,  # the directory does not undo it
            version=access.version if access else 1,
            created_at=datetime.fromisoformat(person.created).replace(microsecond=0),
        )
        if access is not None:
            # a granted raise belongs to the department that granted it
            limits = access.limits if access.department == record.department else None
            record = replace(record, signed_out_at=access.signed_out_at, limits=limits)
            left = move_between(access, record) == "leaver"
            if left or _renamed(before, person):  # who comes back, or is called otherwise, signs in again
                record = replace(record, signed_out_at=self._clock().replace(microsecond=0))
        same = access is not None and _granted(access) == _granted(record)
        since = access.since if access is not None and same else self._clock().replace(microsecond=0)
        record = replace(record, since=since)
        return record if access is None or record == access else replace(record, version=access.version + 1)

    def record_of(self, person: Person, access: AccessRecord, cache: "GroupNames") -> AccessRecord:
        """Return the record that a person should have, given the existing one."""
        return self._access_of(person, person, access, cache)

    def placement(self, person: Person, cache: "GroupNames") -> Placement:
        """Return the person's placement by the current rules."""
        extension = person.resource[EnterpriseUser]
        attribute = (extension.department if extension else None) or ""
        return self._rules().place(self._group_names(person.groups, cache), attribute)

    def _group_names(self, groups: Iterable[str], cache: "GroupNames") -> list[tuple[str, str]]:
        missing = [group for group in groups if group not in cache]
        found = self._store.get_many([(f"GROUP#{group}", RESOURCE) for group in missing])
        for group in missing:
            item = found.get(f"GROUP#{group}")
            body = json.loads(item["body"]["S"]) if item else {}
            cache[group] = (body.get("displayName", ""), body.get("externalId", ""))
        return [cache[group] for group in groups]

    def _consequences(
        self, before: Person | None, after: Person | None, access: AccessRecord | None, record: AccessRecord
    ) -> list[Write]:
        """Return the events, a leaver's virtual keys, and a deleted person's account."""
        person = after or before
        if person is None:
            return []
        now = self._clock()
        changed = _difference(before, after)
        writes: list[Write] = []
        if changed:
            what = "created" if before is None else "deleted" if after is None else "changed"
            event = identity_event(what, person.id, actor(), now, *changed)
            writes.append(Write(put_event(self._store, event)))
        move = move_between(access, record) or ("renamed" if _renamed(before, after) else None)
        bindings: list[Binding] = []
        if after is None or move in {"leaver", "renamed"}:
            bindings = _reading(self._bindings.every, person.id)
        if move is not None:
            known = [*_sign_in_names(before), *_sign_in_names(after), *(one.username for one in bindings)]
            names = list(dict.fromkeys(name for name in known if name))
            writes.append(Write(put_event(self._store, person_event(move, access, record, names, now))))
        if after is None:
            writes += [Write(entry) for one in bindings for entry in self._bindings.unbinding(one)]
        if move == "leaver":
            keys = _reading(self._access.virtual_key_names, record.subject)[:_KEYS_AT_ONCE]
            writes += [Write(self._access.revocation(one)) for one in keys]
        return writes

    def _named(self, before: Person | None, after: Person | None) -> list[Write]:
        """Return changes of the entries by which a person is found."""
        writes: list[Write] = []
        kinds: tuple[tuple[NameKind, str, str], ...] = (
            ("user-name", "user_name", "userName"),
            ("external-id", "external_id", "externalId"),
        )
        for kind, field, attribute in kinds:
            old = getattr(before.resource, field) if before else None
            new = getattr(after.resource, field) if after else None
            if kind == "user-name" and old and new and folded_name(old) == folded_name(new):
                continue
            if old == new:
                continue
            person = after or before
            if new and person:
                taken = UniquenessException(detail=f"{attribute} is in use", attribute=attribute)
                writes.append(Write(self._access.naming(kind, new, person.id), taken))
            if old:
                writes.append(Write(self._access.unnaming(kind, old)))
        old_emails = {_email_key(one) for one in _emails(before.resource)} if before else set()
        new_emails = {_email_key(one) for one in _emails(after.resource)} if after else set()
        identifier = (after or before).id  # pyright: ignore[reportOptionalMemberAccess]
        writes += [Write(self._store.put(one, identifier, {})) for one in sorted(new_emails - old_emails)]
        writes += [Write(self._store.delete(one, identifier)) for one in sorted(old_emails - new_emails)]
        return writes

    def _put(self, person: Person, condition: str, **expected: Any) -> dict[str, Any]:
        values = {
            "body": {"S": _body(person.resource)},
            "groups": {"L": [{"S": group} for group in person.groups]},
            "version": {"N": str(person.version)},
            "created": {"S": person.created},
            "modified": {"S": person.modified},
        }
        return self._store.put(user_key(person.id), RESOURCE, values, condition, **expected)

    def _unchanged(self, person: Person) -> Write:
        return Write(
            self._store.check(user_key(person.id), RESOURCE, "#version = :version", version=person.version)
        )

    def _record(self, identifier: str) -> AccessRecord | None:
        return _reading(self._access.get, user_key(identifier))

    def _until_fresh(self, attempt: Callable[[], Any]) -> Any:
        for number in range(_ATTEMPTS):
            try:
                return attempt()
            except Stale:
                time.sleep(random.uniform(0, 0.01 * 2 ** min(number, 5)))  # noqa: S311 - jitter, not a secret
        raise DirectoryUnavailable("Contention")


def _granted(record: AccessRecord) -> tuple[Any, ...]:
    """Return what a record grants: a change resets `since`."""
    return record.active, record.department, record.roles, record.data_classes


def _renamed(before: Person | None, after: Person | None) -> bool:
    """Return whether somebody's name, or id in the directory, has changed."""
    if before is None or after is None:
        return False
    old, new = before.resource, after.resource
    return folded_name(old.user_name or "") != folded_name(new.user_name or "") or bool(
        old.external_id and old.external_id != new.external_id
    )


def _sign_in_names(person: Person | None) -> list[str]:
    """Return the names that the user pool may know somebody by."""
    if person is None:
        return []
    return [person.resource.user_name or "", person.resource.external_id or "", *_emails(person.resource)]


def _difference(before: Person | None, after: Person | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return what differs in somebody's identity, before and after, or None. Names are hashes."""
    old, new = _identity(before), _identity(after)
    differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if not differing:
        return None
    return {one: old[one] for one in differing if one in old}, {
        one: new[one] for one in differing if one in new
    }


def _identity(person: Person | None) -> dict[str, Any]:
    if person is None:
        return {}
    resource, extension = person.resource, person.resource[EnterpriseUser]
    values = {
        "userName": hashed(folded_name(resource.user_name or "")),
        "externalId": hashed(resource.external_id) if resource.external_id else None,
        "emails": sorted(hashed(one.casefold()) for one in _emails(resource)) or None,
        "active": resource.active,
        "department": extension.department if extension else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _check_name(name: str) -> None:
    """Refuse a name that could be mistaken for somebody else's on a screen."""
    if not name.strip():
        raise InvalidValueException(detail="userName is empty", attribute="userName")
    if name != name.strip() or any(unicodedata.category(one) in _UNSEEN for one in name):
        detail = "userName begins or ends with space, or has characters that cannot be seen"
        raise InvalidValueException(detail=detail, attribute="userName")


GroupNames = dict[str, tuple[str, str]]  # display name and external id by group id, read once in a request


def shown(person: Person, base_url: str, cache: GroupNames | None = None) -> Any:
    """Return the resource for an answer, with id, meta and, if their names are known, groups."""
    resource = person.resource.model_copy()
    resource.id = person.id
    resource.meta = Meta(
        resource_type="User",
        created=datetime.fromisoformat(person.created),
        last_modified=datetime.fromisoformat(person.modified),
        location=f"{base_url}/Users/{person.id}",
        version=etag(person.version),
    )
    if cache is not None and person.groups:
        resource.groups = [
            UserResource.Groups.model_validate(
                {
                    "value": group,
                    "$ref": f"{base_url}/Groups/{group}",
                    "display": cache.get(group, ("", ""))[0] or None,
                    "type": "direct",
                }
            )
            for group in person.groups
        ]
    return resource


def etag(version: int) -> str:
    """Return the version of a resource as an entity tag."""
    return f'W/"{version}"'


def _person(item: Item) -> Person:
    return Person(
        id=item["pk"]["S"].split("#", 1)[1],
        resource=UserResource.model_validate_json(item["body"]["S"]),
        groups=tuple(one["S"] for one in item["groups"]["L"]),
        version=int(item["version"]["N"]),
        created=item["created"]["S"],
        modified=item["modified"]["S"],
    )


def _may_name(body: str, text: str) -> bool:
    """Return whether a text can be among the values of a stored resource, much faster than parsing it.

    Non-ASCII text is stored escaped, and may be the same text in another case.
    """
    return "\\u" in body or text in body.lower()


def _body(resource: Any) -> str:
    """Return what is stored of a person: everything but generated attributes, and never a password."""
    return stored_body(resource, without=("id", "meta", "groups", "password"))


def stored_body(resource: Any, *, without: Sequence[str]) -> str:
    """Return a resource as stored. Raises PayloadTooLargeException if it does not fit an item."""
    content = {name: value for name, value in resource.model_dump().items() if name not in without}
    body = json.dumps(content, separators=(",", ":"), sort_keys=True)
    if len(body) > _LARGEST_BODY:
        raise PayloadTooLargeException(detail=f"a resource has at most {_LARGEST_BODY} bytes")
    return body


def _emails(resource: Any) -> list[str]:
    return [email.value for email in resource.emails or [] if email.value]


def _email_key(address: str) -> str:
    return f"EMAIL#{hashed(address.casefold())}"


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _reading(call: Callable[..., Any], *arguments: Any) -> Any:
    """Read the access table; a failure counts as one of the directory."""
    try:
        return call(*arguments)
    except ClientError as error:
        raise DirectoryUnavailable(error.response["Error"]["Code"]) from None
    except BotoCoreError as error:
        raise DirectoryUnavailable(type(error).__name__) from None
