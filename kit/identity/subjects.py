"""Resolution of names in commands: a person by id, name, address or externalId, an application by its id
(G.4).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from kit.identity.operator import access_records, usage
from kit.target import Target
from lambdas.common.access import AccessRecord, AccessRecords, user_key


@dataclass(frozen=True)
class Subject:
    """Somebody known to the records. `given` is how the command named them."""

    given: str
    id: str
    record: AccessRecord

    @property
    def stands_for(self) -> str:
        """Return which id a name stands for, in words; empty if the id itself was given."""
        return "" if self.given == self.id else f"{self.given} is {self.id}"


def person(target: Target, given: str) -> Subject:
    """Return the person meant. Raises KitError unless exactly one matches."""
    found = _people(target, access_records(target), given)
    if not found:
        raise usage(
            f"nobody here is called {given}", "give the id, user name, address or externalId; kit people list"
        )
    if len(found) > 1:
        ids = ", ".join(sorted(one.subject for one in found))
        raise usage(f"{given} is the address of several people", f"name one by id: {ids}")
    return Subject(given, found[0].subject, found[0])


def subject(target: Target, given: str) -> Subject:
    """Return the person or application meant. Raises KitError unless exactly one matches."""
    if given.startswith("key_"):
        keys = access_records(target).virtual_keys()
        for record in keys:
            if record.subject == given:
                return Subject(given, given, record)
        raise usage(f"there is no key {given}", "kit key list")
    return person(target, given)


def _people(target: Target, records: AccessRecords, given: str) -> list[AccessRecord]:
    name = given.strip()
    if not name:
        return []
    direct = (
        records.get(user_key(name)),
        records.find_person(name),
        records.find_person(name, "external-id"),
    )
    found = next((record for record in direct if record is not None), None)
    if found is not None:
        return [found]
    return [record for one in _by_address(target, name) if (record := records.get(user_key(one))) is not None]


def _by_address(target: Target, address: str) -> Iterable[str]:
    """Return ids of people with an address; nobody if the caller may not read the directory."""
    key = f"EMAIL#{hashlib.sha256(address.casefold().encode()).hexdigest()}"
    try:
        answer = target.client("dynamodb").query(
            TableName=target.require("directory_table_name"),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": key}},
            ProjectionExpression="sk",
        )
    except ClientError as error:
        if "AccessDenied" in error.response["Error"]["Code"]:
            return []
        raise
    return [item["sk"]["S"] for item in answer["Items"]]
