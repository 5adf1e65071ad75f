"""The directory in DynamoDB: people, groups, memberships and what is still to be done about them.

The table `directory` (keys `pk`, `sk`); it is apart from the table `access` because it holds personal data,
which the gateway has no business to read:

    pk                      sk              what
    USER#<id>               RESOURCE        a person: `body` (JSON), `groups` (ids), `version`
    GROUP#<id>              RESOURCE        a group without its members
    GROUP#<id>              MEMBER#<id>     one member
    LIST#…, COUNT#…                         every id, small, for pages without bodies: see `listing`
    NAME#<kind>#<hash>      NAME            the id of the group of that name or external id
    EMAIL#<hash>            <id>            people with that address
    TOKEN#…, TOKENS, GRANTS                 who may provision: see `credentials`
    OUTBOX                  <event id>      an event whose consequences are not complete
    RULES                   DIGEST          the rules by which everybody was placed last

Nothing here scans: a lookup by name, address or membership reads a few items whatever the size; a page reads
the ids of its type and the bodies of the page.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.dynamodb import MOST_KEYS, Unprocessed, batch_get, reasons, transact

RESOURCE = "RESOURCE"
MOST_WRITES = 100  # in one DynamoDB transaction
_DEADLINE_SECONDS = 10.0
Item = dict[str, Any]
_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


class DirectoryUnavailable(Exception):
    """A table does not answer. The state is unknown; the caller may retry."""


class Stale(Exception):
    """Something was changed by somebody else since it was read. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Write:
    """One entry of TransactItems, and what it means if its condition fails."""

    entry: Mapping[str, Any]
    refusal: Exception | None = None  # None: what was read is stale


class DirectoryStore:
    """Reads and writes items. `client` is a botocore DynamoDB client, created once; calls block.

    `pool` processes the members of a group concurrently. Raises `DirectoryUnavailable`.
    """

    def __init__(self, client: Any, table: str, *, threads: int = 16) -> None:
        self._client = client
        self.table = table
        self.pool = ThreadPoolExecutor(threads, "members")
        # Readers never wait for anything but DynamoDB, so code that runs in `pool` may wait for them.
        self._readers = ThreadPoolExecutor(threads, "readers")

    def get(self, pk: str, sk: str = RESOURCE) -> Item | None:
        """Return the current item."""
        answer = self._call(self._client.get_item, TableName=self.table, Key=key(pk, sk), ConsistentRead=True)
        return answer.get("Item")

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[str, Item]:
        """Return the existing items by pk."""
        return {item["pk"]["S"]: item for item in self.get_all(keys)}

    def get_all(self, keys: Sequence[tuple[str, str]]) -> list[Item]:
        """Return the existing items in no order. Keys must be distinct."""
        chunks = [keys[start : start + MOST_KEYS] for start in range(0, len(keys), MOST_KEYS)]
        return [item for items in self._spread(self._get_chunk, chunks) for item in items]

    def under(self, pk: str, prefix: str = "") -> list[Item]:
        """Return every item under `pk` whose sk begins with `prefix`, ordered by sk."""
        return list(self.pages(pk, prefix))

    def names_under(self, pk: str) -> list[str]:
        """Return the sk of every item under `pk` in order, without the items."""
        return [item["sk"]["S"] for item in self.pages(pk, ProjectionExpression="sk")]

    def names_under_each(self, pks: Sequence[str]) -> list[list[str]]:
        """Return `names_under` of each, concurrently."""
        return self._spread(self.names_under, pks)

    def pages(self, pk: str, prefix: str = "", **options: Any) -> Iterator[Item]:
        """Yield as `under`, page by page."""
        query: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
            "ExpressionAttributeValues": {
                ":pk": {"S": pk},
                **({":prefix": {"S": prefix}} if prefix else {}),
            },
            "ConsistentRead": True,
            **options,
        }
        while True:
            page = self._call(self._client.query, **query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def transact(self, writes: Sequence[Write]) -> None:
        """Write all or nothing. Raises the refusal of the first write whose condition failed, or `Stale`."""
        try:
            transact(self._client, [write.entry for write in writes], within=_DEADLINE_SECONDS)
        except ClientError as error:
            codes = reasons(error)
            if set(codes) <= {"None", "ConditionalCheckFailed"} and "ConditionalCheckFailed" in codes:
                failed = [write for write, code in zip(writes, codes, strict=True) if code != "None"]
                refusals = [write.refusal for write in failed if write.refusal is not None]
                raise (refusals[0] if refusals else Stale()) from None
            raise DirectoryUnavailable(error.response["Error"]["Code"]) from None
        except BotoCoreError as error:
            raise DirectoryUnavailable(type(error).__name__) from None

    # Entries of transactions on this table.

    def put(self, pk: str, sk: str, values: Item, condition: str = "", **expected: Any) -> dict[str, Any]:
        """Return the entry that puts an item; `condition` has values as `:name` and attributes as `#name`."""
        return {"Put": {**self._entry(condition, expected), "Item": {**values, **key(pk, sk)}}}

    def delete(self, pk: str, sk: str, condition: str = "", **expected: Any) -> dict[str, Any]:
        """Return the entry that deletes an item."""
        return {"Delete": {**self._entry(condition, expected), "Key": key(pk, sk)}}

    def add(self, pk: str, sk: str, name: str, number: int) -> dict[str, Any]:
        """Return the entry that adds to a number of an item, created if missing."""
        return {
            "Update": {
                "TableName": self.table,
                "Key": key(pk, sk),
                "UpdateExpression": "ADD #n :v",
                "ExpressionAttributeNames": {"#n": name},
                "ExpressionAttributeValues": {":v": {"N": str(number)}},
            }
        }

    def check(self, pk: str, sk: str, condition: str, **expected: Any) -> dict[str, Any]:
        """Return the entry that only checks an item."""
        return {"ConditionCheck": {**self._entry(condition, expected), "Key": key(pk, sk)}}

    def remove(self, pk: str, sk: str) -> None:
        """Delete an item now. Idempotent."""
        self._call(self._client.delete_item, TableName=self.table, Key=key(pk, sk))

    def write(self, pk: str, sk: str, values: Item) -> None:
        """Put an item now, replacing any."""
        self._call(self._client.put_item, TableName=self.table, Item={**values, **key(pk, sk)})

    def set(self, pk: str, sk: str, name: str, value: Item) -> None:
        """Set one attribute of an item now, created if missing."""
        self._call(
            self._client.update_item,
            TableName=self.table,
            Key=key(pk, sk),
            UpdateExpression="SET #n = :v",
            ExpressionAttributeNames={"#n": name},
            ExpressionAttributeValues={":v": value},
        )

    def _entry(self, condition: str, expected: Mapping[str, Any]) -> dict[str, Any]:
        entry: dict[str, Any] = {"TableName": self.table}
        if condition:
            entry["ConditionExpression"] = condition
        if expected:
            entry["ExpressionAttributeNames"] = {f"#{name}": name for name in expected}
            entry["ExpressionAttributeValues"] = {
                f":{name}": {"N": str(value)} if isinstance(value, int) else {"S": value}
                for name, value in expected.items()
            }
        return entry

    def _get_chunk(self, keys: Sequence[tuple[str, str]]) -> list[Item]:
        call = functools.partial(self._call, self._client.batch_get_item)
        try:
            return batch_get(call, self.table, keys, consistent=True, within=_DEADLINE_SECONDS)
        except Unprocessed:
            raise DirectoryUnavailable("UnprocessedKeys") from None

    def _spread(self, function: Callable[[Any], Any], parts: Sequence[Any]) -> list[Any]:
        """Apply `function` to each part, concurrently if there are several."""
        if len(parts) < 2:
            return [function(part) for part in parts]
        return list(self._readers.map(function, parts))

    def _call(self, call: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return call(**arguments)
        except ClientError as error:
            raise DirectoryUnavailable(error.response["Error"]["Code"]) from None
        except BotoCoreError as error:
            raise DirectoryUnavailable(type(error).__name__) from None


def key(pk: str, sk: str) -> Item:
    """Return the key of an item in DynamoDB's format."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


@functools.lru_cache(maxsize=1024)
def hashed(text: str) -> str:
    """Return a value as part of a key: of fixed length, and unreadable."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_id(text: str) -> bool:
    """Return whether it has the form of our ids; anything else does not exist and need not be looked up."""
    return _ID.fullmatch(text) is not None
