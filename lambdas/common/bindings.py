"""Binding of a person to an account of the identity provider, permanent from the first sign-in (G.4, L1.3).

Names are reused: a new hire may get the name of somebody who left. The identity provider's issuer and
subject are not, so they are bound to the person's immutable id, one to one, and alone decide from then on.

In the table `access`:

    pk                                      sk                  what
    SUBJECT#<hash of issuer and subject>    BINDING             `id`, the person whose account it is
    USER#<id>                               BINDING[#<place>]   `subject` (that hash), `username` in the
    pool

A person has one account per sign-in place: the user pool (without a name), and each issuer whose tokens the
gateway accepts from people directly, identified by the hash of its name.

No key contains a subject or a name.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from botocore.exceptions import ClientError

from lambdas.common.dynamodb import reasons, transact

SK = "BINDING"
_RELEASED = "released"
# Attributes of a binding item: none of an access record's rights is among them.
ATTRIBUTES = ("pk", "sk", "id", "subject", "username", "how", "bound_at")
How = Literal["external-id", "address", "operator", "name"]


class AlreadyBound(Exception):
    """The person has another account, or the account belongs to another person. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A person's account. `subject` is its hash; `username` is its name in the user pool.

    `place` is empty for the user pool, and otherwise identifies an issuer.
    """

    person: str
    subject: str
    username: str
    how: How
    bound_at: datetime
    place: str = ""

    @property
    def sk(self) -> str:
        """Return the sort key of the person's side."""
        return f"{SK}#{self.place}" if self.place else SK


def subject_hash(issuer: str, subject: str) -> str:
    """Return the identifier of an account: 64 hexadecimal digits."""
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()


def place_of(issuer: str) -> str:
    """Return the identifier of an issuer as a sign-in place: 16 hexadecimal digits."""
    return hashlib.sha256(issuer.encode()).hexdigest()[:16]


def subject_key(subject: str) -> str:
    """Return the `pk` of an account, by its hash."""
    return f"SUBJECT#{subject}"


class Bindings:
    """Reads and writes bindings. `client` is a botocore DynamoDB client; calls block and its errors
    propagate.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def person_of(self, subject: str) -> str | None:
        """Return the id of the person with this account (by its hash)."""
        item = self._item(subject_key(subject))
        return item["id"]["S"] if item else None

    def of(self, person: str, place: str = "") -> Binding | None:
        """Return a person's account at a sign-in place."""
        item = self._item(f"USER#{person}", f"{SK}#{place}" if place else SK)
        return _binding(person, item) if item is not None else None

    def every(self, person: str) -> list[Binding]:
        """Return all accounts of a person."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": f"USER#{person}"}, ":sk": {"S": SK}},
            ConsistentRead=True,
        )
        found = (_binding(person, item) for item in answer["Items"])
        return [one for one in found if one is not None]

    def people_by_username(self) -> dict[str, str]:
        """Return ids of people by user name in the pool. This scans the table and is for reviews only."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "FilterExpression": "begins_with(sk, :sk) AND attribute_exists(username)",
            "ExpressionAttributeValues": {":sk": {"S": SK}},
            "ConsistentRead": True,
        }
        found: dict[str, str] = {}
        while True:
            page = self._client.scan(**query)
            for item in page["Items"]:
                found[item["username"]["S"]] = item["pk"]["S"].removeprefix("USER#")
            if "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def bind(self, binding: Binding, more: Sequence[Mapping[str, Any]] = ()) -> None:
        """Bind an account, with `more` entries in the same transaction. Raises `AlreadyBound`."""
        at = {"N": str(int(binding.bound_at.timestamp()))}
        common = {"how": {"S": binding.how}, "bound_at": at}
        items: list[dict[str, Any]] = [
            {
                "pk": {"S": subject_key(binding.subject)},
                "sk": {"S": SK},
                "id": {"S": binding.person},
                **common,
            },
            {
                "pk": {"S": f"USER#{binding.person}"},
                "sk": {"S": binding.sk},
                "subject": {"S": binding.subject},
                **({"username": {"S": binding.username}} if binding.username else {}),
                **common,
            },
        ]
        puts = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": item,
                    "ConditionExpression": "attribute_not_exists(pk) OR how = :released",
                    "ExpressionAttributeValues": {":released": {"S": _RELEASED}},
                }
            }
            for item in items
        ]
        try:
            transact(self._client, [*puts, *more])
        except ClientError as error:
            if "ConditionalCheckFailed" in reasons(error):
                raise AlreadyBound from None
            raise

    def unbinding(self, binding: Binding) -> list[dict[str, Any]]:
        """Return transaction entries that remove a binding, after which the account can be bound again."""
        return [
            {"Delete": {"TableName": self._table, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}}
            for pk, sk in ((subject_key(binding.subject), SK), (f"USER#{binding.person}", binding.sk))
        ]

    def releasing(self, binding: Binding, now: datetime) -> list[dict[str, Any]]:
        """Return transaction entries that release an account and its person.

        The person's side remains, marked as released: an operator deletes nothing of a person's.
        """
        account = {"pk": {"S": subject_key(binding.subject)}, "sk": {"S": SK}}
        person = {
            "pk": {"S": f"USER#{binding.person}"},
            "sk": {"S": binding.sk},
            "subject": {"S": ""},
            "how": {"S": _RELEASED},
            "bound_at": {"N": str(int(now.timestamp()))},
        }
        return [
            {"Delete": {"TableName": self._table, "Key": account}},
            {"Put": {"TableName": self._table, "Item": person}},
        ]

    def _item(self, pk: str, sk: str = SK) -> dict[str, Any] | None:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")


def _binding(person: str, item: Mapping[str, Any]) -> Binding | None:
    """Return the binding in an item, or None if it was released."""
    if item["how"]["S"] == _RELEASED:
        return None
    return Binding(
        person,
        item["subject"]["S"],
        item.get("username", {}).get("S", ""),
        item["how"]["S"],
        datetime.fromtimestamp(int(item["bound_at"]["N"]), UTC),
        item["sk"]["S"].partition("#")[2],
    )
