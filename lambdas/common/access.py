"""Who may call now: one live record per person, application key and group (G.4, L1.3).

`AccessRecord` is what the gateway trusts after a credential was verified, and what the ledger
checks again: a call is reserved only while the record's `active` is true and its `department` is the
caller's. So whatever is cached elsewhere, a deactivation bites at the next call.

The table `access`:

    pk                              sk          what
    USER#<id>                       ACCESS      a person; `id` is opaque, given by the SCIM service
    KEY#<keyed hash>                ACCESS      a virtual key of an application
    GROUP#<id>                      ACCESS      a group of the identity provider
    NAME#<kind>#<hash of the name>  NAME        the `id` of the person whom the identity provider calls so
    USER#<id>, SUBJECT#<hash>       BINDING     a person's account at the identity provider: see `bindings`
    KEYS                            <owner>#<pk of the key>    every key, found by its owner

A person is found by what a token says (`user-name`, `external-id`): names are folded and hashed, so that no
key of the table is personal. Written by the SCIM service and the operator; the gateway only reads.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from botocore.exceptions import ClientError

from lambdas.common.dynamodb import reasons, transact, write
from lambdas.common.identities import KeyLimits

SK = "ACCESS"
SIGNED_OUT = "signed_out_at"
NAME_SK = "NAME"
KEYS_PK = "KEYS"
Kind = Literal["person", "application", "group"]
NameKind = Literal["user-name", "external-id"]
Onboarding = Literal["not-required", "pending", "done"]
_PREFIXES: dict[Kind, str] = {"person": "USER#", "application": "KEY#", "group": "GROUP#"}
_KINDS: dict[str, Kind] = {prefix: kind for kind, prefix in _PREFIXES.items()}


class AccessConflict(Exception):
    """The record already exists, or has changed since it was read. Nothing was written."""


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One live record. `key` is its `pk`; `subject` is the principal's id in ledger and audit.

    The gateway and the ledger decide by `active`. For a person it is true only while the identity provider
    says so (`provisioned`), a department is known and onboarding is not `pending`; see `person_record`.
    `models` and `data_classes` restrict what the department may use; None: no restriction. `expires_at`,
    `networks` (CIDR blocks), `owner` (a person's id, or `department:<id>`), `limits` and `use_case` apply
    to keys. `signed_out_at` revokes all of a person's sign-ins up to that time. `since` is when a person's
    current rights took effect. `shut_out` remembers that an operator made a person inactive, through changes
    by the directory; see `is_shut_out`. `version` increases by one with each change.
    """

    key: str
    subject: str
    active: bool
    department: str
    roles: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    data_classes: tuple[str, ...] | None = None
    version: int = 1
    provisioned: bool = True
    onboarding: Onboarding = "not-required"
    expires_at: datetime | None = None
    networks: tuple[str, ...] = ()
    owner: str = ""
    label: str = ""
    created_at: datetime | None = None
    signed_out_at: datetime | None = None
    limits: KeyLimits | None = None
    use_case: str = ""
    since: datetime | None = None
    shut_out: bool = False

    @property
    def kind(self) -> Kind:
        """Return `person`, `application` or `group`, derived from the key."""
        return _KINDS[self.key.split("#", 1)[0] + "#"]

    @property
    def awaits_onboarding(self) -> bool:
        """Return whether unfinished onboarding is the only reason for the person to have no access."""
        return (
            self.kind == "person"
            and self.provisioned
            and bool(self.department)
            and (self.onboarding == "pending")
        )

    @property
    def is_shut_out(self) -> bool:
        """Return whether an operator has made a person inactive, now or before a change by the directory.

        It ends only when an operator makes the record active again.
        """
        entitled = self.provisioned and bool(self.department) and self.onboarding != "pending"
        return self.kind == "person" and not self.active and (self.shut_out or entitled)

    def active_at(self, now: datetime) -> bool:
        """Return whether the record grants access at `now`: active and not expired."""
        return self.active and (self.expires_at is None or now < self.expires_at)


def user_key(person: str) -> str:
    """Return the `pk` of a person's record."""
    return f"USER#{person}"


def group_key(group: str) -> str:
    """Return the `pk` of a group's record."""
    return f"GROUP#{group}"


def virtual_key_key(keyed_hash: str) -> str:
    """Return the `pk` of a virtual key's record. `keyed_hash` is hexadecimal, computed with the pepper."""
    return f"KEY#{keyed_hash}"


def folded_name(name: str) -> str:
    """Return a name in the form used for comparison, case-insensitive for ASCII letters only.

    No other character folds to an ASCII letter, as the Kelvin sign would to k, so that look-alike names
    stay distinct.
    """
    return "".join(one.lower() if one.isascii() or not one.lower().isascii() else one for one in name)


def name_key(kind: NameKind, name: str) -> str:
    """Return the `pk` under which a person is found by name."""
    folded = folded_name(name) if kind == "user-name" else name
    return f"NAME#{kind}#{hashlib.sha256(folded.encode()).hexdigest()}"


def person_record(
    person: str,
    *,
    provisioned: bool,
    department: str,
    roles: Sequence[str] = (),
    data_classes: Sequence[str] | None = None,
    onboarding: Onboarding = "not-required",
    shut_out: bool = False,
    version: int = 1,
    created_at: datetime | None = None,
) -> AccessRecord:
    """Return the record of a person, with `active` derived from the other values (G.4, L4.1)."""
    return AccessRecord(
        key=user_key(person),
        subject=person,
        active=provisioned and bool(department) and onboarding != "pending" and not shut_out,
        department=department,
        roles=tuple(roles),
        data_classes=None if data_classes is None else tuple(data_classes),
        version=version,
        provisioned=provisioned,
        onboarding=onboarding,
        shut_out=shut_out,
        created_at=created_at,
    )


class AccessRecords:
    """Reads and writes records. `client` is a botocore DynamoDB client, created once; its calls block.

    Raises botocore's errors if the table does not answer; access must then be denied.
    """

    def __init__(self, client: Any, table: str) -> None:
        self.client = client
        self.table = table

    # -- reading -------------------------------------------------------------------------------------------

    def get(self, key: str, *, consistent: bool = True) -> AccessRecord | None:
        """Return the record with this `pk`, or None."""
        item = self._item(key, SK, consistent=consistent)
        return _record(item) if item is not None else None

    def find_person(self, name: str, kind: NameKind = "user-name") -> AccessRecord | None:
        """Return the record of the person with this name at the identity provider, active or not, or None."""
        found = self._item(name_key(kind, name), NAME_SK)
        return self.get(user_key(found["id"]["S"])) if found is not None else None

    def every(self) -> Iterator[AccessRecord]:
        """Yield every record. This scans the table and is for reviews only."""
        query: dict[str, Any] = {
            "TableName": self.table,
            "FilterExpression": "sk = :sk",
            "ExpressionAttributeValues": {":sk": {"S": SK}},
            "ConsistentRead": True,
        }
        while True:
            page = self.client.scan(**query)
            yield from (_record(item) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def virtual_keys(self, owner: str | None = None) -> list[AccessRecord]:
        """Return every virtual key, or those of one owner, ordered by owner and including revoked ones."""
        found = [self.get(key) for key in self.virtual_key_names(owner)]
        return [record for record in found if record is not None]

    def virtual_key_names(self, owner: str | None = None) -> list[str]:
        """Return the `pk` of every virtual key, or of those of one owner."""
        query: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": KEYS_PK}},
            "ConsistentRead": True,
        }
        if owner is not None:
            query["KeyConditionExpression"] += " AND begins_with(sk, :owner)"
            query["ExpressionAttributeValues"][":owner"] = {"S": f"{owner}#"}
        names: list[str] = []
        while True:
            page = self.client.query(**query)
            names += ["KEY#" + item["sk"]["S"].rsplit("#", 1)[1] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return names
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _item(self, pk: str, sk: str, *, consistent: bool = True) -> dict[str, Any] | None:
        answer = self.client.get_item(
            TableName=self.table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=consistent
        )
        return answer.get("Item")

    # -- writing -------------------------------------------------------------------------------------------

    def create(self, record: AccessRecord) -> None:
        """Write a new record, and for a key also the entry under its owner. Raises `AccessConflict`."""
        operations = [self.creation(record)]
        if record.kind == "application":
            entry = {"pk": {"S": KEYS_PK}, "sk": {"S": f"{record.owner}#{record.key}"}}
            operations.append({"Put": {"TableName": self.table, "Item": entry}})
        self._transact(operations)

    def replace_key(self, before: AccessRecord, record: AccessRecord) -> None:
        """Replace a record by another one with the same key. Raises `AccessConflict` if it has changed."""
        entries = [f"{one.owner}#{one.key}" for one in (before, record)]
        operations = [self.replacement(replace(record, version=before.version + 1))]
        if entries[0] != entries[1]:
            old, new = ({"pk": {"S": KEYS_PK}, "sk": {"S": entry}} for entry in entries)
            operations += [
                {"Delete": {"TableName": self.table, "Key": old}},
                {"Put": {"TableName": self.table, "Item": new}},
            ]
        self._transact(operations)

    def change(self, record: AccessRecord, **values: Any) -> AccessRecord:
        """Write the changed record with the next version. Raises `AccessConflict` if there is a newer one."""
        changed = replace(record, **values, version=record.version + 1)
        self._transact([self.replacement(changed)])
        return changed

    def revoke(self, key: str) -> bool:
        """Deactivate a record, whatever its version. Idempotent. Return False if there is no such record."""
        try:
            write(self.client.update_item, **self.revocation(key)["Update"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def sign_out(self, person: str, at: datetime) -> bool:
        """Revoke every sign-in of a person up to `at`, whatever the record's version.

        Idempotent. Return False if there is no such person.
        """
        try:
            write(
                self.client.update_item,
                TableName=self.table,
                Key={"pk": {"S": user_key(person)}, "sk": {"S": SK}},
                UpdateExpression="SET #s = :at ADD #v :one",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeNames={"#s": SIGNED_OUT, "#v": "version"},
                ExpressionAttributeValues={":at": {"N": str(int(at.timestamp()))}, ":one": {"N": "1"}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def complete_onboarding(self, person: str) -> AccessRecord | None:
        """Grant access to a person who was only waiting for onboarding (L4.1).

        Idempotent. Return None if there is no such person.
        """
        record = self.get(user_key(person))
        if record is None or record.onboarding != "pending":
            return record
        active = record.provisioned and bool(record.department) and not record.shut_out
        return self.change(record, onboarding="done", active=active)

    # Entries of TransactItems, for callers that write records together with items of their own.

    def creation(self, record: AccessRecord) -> dict[str, Any]:
        """Return the transaction entry that creates a record."""
        return {
            "Put": {
                "TableName": self.table,
                "Item": _item_of(record),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def replacement(self, record: AccessRecord) -> dict[str, Any]:
        """Return the transaction entry that replaces the previous version of a record."""
        return {
            "Put": {
                "TableName": self.table,
                "Item": _item_of(record),
                "ConditionExpression": "#v = :before",
                "ExpressionAttributeNames": {"#v": "version"},
                "ExpressionAttributeValues": {":before": {"N": str(record.version - 1)}},
            }
        }

    def revocation(self, key: str) -> dict[str, Any]:
        """Return the transaction entry that deactivates an existing record."""
        return {
            "Update": {
                "TableName": self.table,
                "Key": {"pk": {"S": key}, "sk": {"S": SK}},
                "UpdateExpression": "SET #a = :no ADD #v :one",
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeNames": {"#a": "active", "#v": "version"},
                "ExpressionAttributeValues": {":no": {"BOOL": False}, ":one": {"N": "1"}},
            }
        }

    def naming(self, kind: NameKind, name: str, person: str) -> dict[str, Any]:
        """Return the transaction entry that gives a person a name nobody else has."""
        return {
            "Put": {
                "TableName": self.table,
                "Item": {
                    "pk": {"S": name_key(kind, name)},
                    "sk": {"S": NAME_SK},
                    "id": {"S": person},
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def unnaming(self, kind: NameKind, name: str) -> dict[str, Any]:
        """Return the transaction entry that removes a name."""
        key = {"pk": {"S": name_key(kind, name)}, "sk": {"S": NAME_SK}}
        return {"Delete": {"TableName": self.table, "Key": key}}

    def _transact(self, operations: Sequence[Mapping[str, Any]]) -> None:
        try:
            transact(self.client, operations)
        except ClientError as error:
            if "ConditionalCheckFailed" in reasons(error):
                raise AccessConflict from None
            raise


def _item_of(record: AccessRecord) -> dict[str, Any]:
    item: dict[str, Any] = {
        "pk": {"S": record.key},
        "sk": {"S": SK},
        "subject": {"S": record.subject},
        "active": {"BOOL": record.active},
        "department": {"S": record.department},
        "roles": _texts(record.roles),
        "version": {"N": str(record.version)},
        "provisioned": {"BOOL": record.provisioned},
        "onboarding": {"S": record.onboarding},
    }
    for name, values in (("models", record.models), ("data_classes", record.data_classes)):
        if values is not None:
            item[name] = _texts(values)
    if record.shut_out:
        item["shut_out"] = {"BOOL": True}
    if record.networks:
        item["networks"] = _texts(record.networks)
    for name, text in (("owner", record.owner), ("label", record.label), ("use_case", record.use_case)):
        if text:
            item[name] = {"S": text}
    times = (
        ("expires_at", record.expires_at),
        ("created_at", record.created_at),
        (SIGNED_OUT, record.signed_out_at),
        ("since", record.since),
    )
    for name, at in times:
        if at is not None:
            item[name] = {"N": str(int(at.timestamp()))}
    for limit in fields(KeyLimits):
        value = getattr(record.limits, limit.name) if record.limits else None
        if value is not None:
            item[limit.name] = {"N": str(value)}
    return item


def _texts(values: Sequence[str]) -> dict[str, Any]:
    return {"L": [{"S": value} for value in values]}


def _record(item: Mapping[str, Any]) -> AccessRecord:
    def texts(name: str) -> tuple[str, ...] | None:
        return tuple(entry["S"] for entry in item[name]["L"]) if name in item else None

    def time(name: str) -> datetime | None:
        return datetime.fromtimestamp(int(item[name]["N"]), UTC) if name in item else None

    def text(name: str) -> str:
        return item.get(name, {}).get("S", "")

    key = text("pk")
    return AccessRecord(
        key=key,
        subject=text("subject") or key.split("#", 1)[1],
        active=item.get("active", {"BOOL": False})["BOOL"],  # a damaged record grants no access
        department=text("department"),
        roles=texts("roles") or (),
        models=texts("models"),
        data_classes=texts("data_classes"),
        version=int(item["version"]["N"]) if "version" in item else 1,
        provisioned=item.get("provisioned", {"BOOL": True})["BOOL"],
        onboarding=text("onboarding") or "not-required",  # pyright: ignore[reportArgumentType]
        expires_at=time("expires_at"),
        networks=texts("networks") or (),
        owner=text("owner"),
        label=text("label"),
        created_at=time("created_at"),
        signed_out_at=time(SIGNED_OUT),
        limits=_limits(item),
        use_case=text("use_case"),
        since=time("since"),
        shut_out=item.get("shut_out", {"BOOL": False})["BOOL"],
    )


def _limits(item: Mapping[str, Any]) -> KeyLimits | None:
    names = [limit.name for limit in fields(KeyLimits) if limit.name in item]
    return KeyLimits(**{name: int(item[name]["N"]) for name in names}) if names else None
