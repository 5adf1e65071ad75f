"""The table `portal`: what the portal knows of people that is not content (sessions, progress, tickets).

A row has the string keys `pk` and `sk`, its facts as one JSON text, a `version` that goes up with each
change, and where needed `expires` (seconds since the epoch, the table's TTL), `queue` and `at` (the index
`queue`).

    SESSION#<hash>     SESSION, CONV#<id>               sealed by a key that only the browser holds
    PERSON#<id>        PROFILE, ACCEPT#…, COURSE#…, RUN#…, FAV#…, SEEN#…, BOOK#…
    TICKET#<id>        HEAD, SAID#<id>
    HOURS              <start>#<id>
    STORY, IDEA        <id>
    ANSWER             <id>                             a question of everybody's, answered
    REMINDED           <person>                         when a mail reminded somebody, and how often
    CASE               <month>#<person>                 repeated refusals of a person, for the governance lead
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from lambdas.common.json_text import json_bytes

QUEUE_INDEX = "queue"
CASE = "CASE"
REMINDED = "REMINDED"
TO_NOTIFY = "to_notify"  # of a case: the people who have had no mail about it yet
_MOST_KEY_BYTES = 1_024
_CONFLICT = "ConditionalCheckFailedException"


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `version` is 0 until it has been written; `expires` is 0 if it does not expire."""

    pk: str
    sk: str
    data: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    expires: int = 0
    queue: str = ""
    at: str = ""


class RowConflict(Exception):
    """The row has been changed by somebody else, or already exists. Nothing was written."""


class PortalTable:
    """Rows of a table. `client` is a botocore DynamoDB client; calls block and raise its errors."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, pk: str, sk: str) -> Row | None:
        """Return a row, read consistently, or None, also for a key that the table cannot hold."""
        if not sk or any(len(key.encode("utf-8", "replace")) > _MOST_KEY_BYTES for key in (pk, sk)):
            return None
        answer = self._client.get_item(TableName=self._table, Key=_key(pk, sk), ConsistentRead=True)
        return _row(answer["Item"]) if "Item" in answer else None

    def rows(self, pk: str, prefix: str = "", *, newest_first: bool = False) -> list[Row]:
        """Return the rows of a partition whose `sk` begins with `prefix`, ordered by `sk`."""
        values = {":pk": {"S": pk}}
        condition = "pk = :pk"
        if prefix:
            condition += " AND begins_with(sk, :sk)"
            values[":sk"] = {"S": prefix}
        return list(
            self._query(
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
                ScanIndexForward=not newest_first,
            )
        )

    def queued(self, queue: str) -> list[Row]:
        """Return the rows of a queue, oldest first."""
        return list(
            self._query(
                IndexName=QUEUE_INDEX,
                KeyConditionExpression="#queue = :queue",
                ExpressionAttributeNames={"#queue": "queue"},
                ExpressionAttributeValues={":queue": {"S": queue}},
            )
        )

    def create(self, row: Row) -> Row:
        """Write a row that must not exist yet. Raises `RowConflict`."""
        return self._put(row, "attribute_not_exists(pk)", {})

    def change(self, row: Row, **values: Any) -> Row:
        """Write `row` with new `values`. Raises `RowConflict` if it is no longer the latest."""
        changed = replace(row, **values)
        return self._put(changed, "version = :before", {":before": {"N": str(row.version)}})

    def write(self, row: Row) -> Row:
        """Write a row, replacing any."""
        return self._put(row, "", {})

    def delete(self, pk: str, sk: str) -> None:
        """Delete a row. Idempotent."""
        self._client.delete_item(TableName=self._table, Key=_key(pk, sk))

    def delete_partition(self, pk: str) -> int:
        """Delete every row of a partition. Return their number."""
        found = self.rows(pk)
        for row in found:
            self.delete(row.pk, row.sk)
        return len(found)

    def _put(self, row: Row, condition: str, values: Mapping[str, Any]) -> Row:
        written = replace(row, version=row.version + 1)
        arguments: dict[str, Any] = {"TableName": self._table, "Item": _item(written)}
        if condition:
            arguments["ConditionExpression"] = condition
        if values:
            arguments["ExpressionAttributeValues"] = values
        try:
            self._client.put_item(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] == _CONFLICT:
                raise RowConflict(row.pk.partition("#")[0]) from None
            raise
        return written

    def _query(self, **query: Any) -> Iterator[Row]:
        while True:
            page = self._client.query(TableName=self._table, **query)
            yield from map(_row, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _item(row: Row) -> dict[str, Any]:
    item: dict[str, Any] = {
        **_key(row.pk, row.sk),
        "version": {"N": str(row.version)},
        "data": {"S": json_bytes(dict(row.data), compact=True).decode()},
    }
    if row.expires:
        item["expires"] = {"N": str(row.expires)}
    for name, text in (("queue", row.queue), ("at", row.at)):
        if text:
            item[name] = {"S": text}
    return item


def _row(item: Mapping[str, Any]) -> Row:
    return Row(
        pk=item["pk"]["S"],
        sk=item["sk"]["S"],
        data=json.loads(item["data"]["S"]),
        version=int(item["version"]["N"]),
        expires=int(item["expires"]["N"]) if "expires" in item else 0,
        queue=item.get("queue", {}).get("S", ""),
        at=item.get("at", {}).get("S", ""),
    )
