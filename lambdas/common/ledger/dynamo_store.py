"""The ledger's items in DynamoDB.

botocore blocks, so each call of its clients runs in a thread of a bounded pool; the event loop never waits.
A transaction that met another one is tried again with jitter until the deadline.
"""

import asyncio
import functools
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.ledger.items import (
    AFTER_ALL,
    TTL,
    Add,
    Cancelled,
    Change,
    Create,
    Key,
    Operation,
    Remove,
    Require,
    RequireUnswitched,
)
from lambdas.common.ledger.reservation import LedgerUnavailable

DEADLINE_SECONDS = 5.0
_FIRST_WAIT_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 0.2
_CONDITION_FAILED = "ConditionalCheckFailed"
_PASSED = "None"
# What DynamoDB says when the same transaction may well take effect a moment later.
_AGAIN = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_AGAIN_ERRORS = frozenset(
    {"TransactionInProgressException", "ThrottlingException", "ProvisionedThroughputExceededException"}
)


class DynamoStore:
    """Items in the tables `ledger` and `access`. `client` is a botocore DynamoDB client, made once, whose
    calls run in `pool`; or, without `pool`, one with the same methods that answers on the event loop.
    """

    def __init__(
        self,
        client: Any,
        *,
        ledger_table: str,
        access_table: str,
        pool: ThreadPoolExecutor | None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._client = client
        self._tables = {"ledger": ledger_table, "access": access_table}
        self._pool = pool
        self._deadline_seconds = deadline_seconds

    async def transact(self, operations: Sequence[Operation]) -> None:
        """Apply all operations or none. Raises `Cancelled`, or `LedgerUnavailable` after the deadline."""
        items = [self._transact_item(operation) for operation in operations]
        deadline = monotonic() + self._deadline_seconds
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                await self._call(self._client.transact_write_items, TransactItems=items)
                return
            except ClientError as error:
                failed = _failed_conditions(error)
                if failed:
                    raise Cancelled(failed) from None
                if not _may_be_tried_again(error) or monotonic() + wait > deadline:
                    raise LedgerUnavailable(error.response["Error"]["Code"]) from error
            except BotoCoreError as error:
                raise LedgerUnavailable(type(error).__name__) from error
            await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311 - jitter, not a secret
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    async def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[dict[str, Any] | None]:
        """The items, in the order of the keys. Raises `LedgerUnavailable`."""
        return list(await asyncio.gather(*(self._get(key, consistent) for key in keys)))

    async def _get(self, key: Key, consistent: bool) -> dict[str, Any] | None:
        answer = await self._reading(
            self._client.get_item,
            TableName=self._tables[key.table],
            Key=_wire_key(key),
            ConsistentRead=consistent,
        )
        item = answer.get("Item")
        return _plain(item) if item is not None else None

    async def under(
        self, table: str, pk: str, *, before: str = AFTER_ALL
    ) -> list[tuple[str, dict[str, Any]]]:
        """Every item under `pk` whose sk is less than `before`, page by page. Raises `LedgerUnavailable`."""
        found: list[tuple[str, dict[str, Any]]] = []
        query: dict[str, Any] = {
            "TableName": self._tables[table],
            "KeyConditionExpression": "pk = :pk AND sk < :before",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":before": {"S": before}},
            "ConsistentRead": True,
        }
        while True:
            page = await self._reading(self._client.query, **query)
            found += [(item["sk"]["S"], _plain(item)) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    async def _reading(self, call: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return await self._call(call, **arguments)
        except ClientError as error:
            raise LedgerUnavailable(error.response["Error"]["Code"]) from error
        except BotoCoreError as error:
            raise LedgerUnavailable(type(error).__name__) from error

    async def _call(self, call: Callable[..., Any], **arguments: Any) -> Any:
        if self._pool is None:
            return await call(**arguments)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, functools.partial(call, **arguments))

    def _transact_item(self, operation: Operation) -> dict[str, Any]:
        statement = _Statement(self._tables[operation.key.table], operation.key)
        match operation:
            case Add(amounts=amounts, at_most=at_most, ttl=ttl):
                added = ", ".join(
                    f"{statement.name(name)} {statement.value(amounts[name])}" for name in amounts
                )
                kept = f" SET {statement.name(TTL)} = {statement.value(ttl)}" if ttl is not None else ""
                conditions = [
                    _at_most(statement, name, most - amounts[name]) for name, most in at_most.items()
                ]
                return statement.update(f"ADD {added}{kept}", conditions)
            case Require(equals=equals, absent=absent):
                return statement.check([*_equal(statement, equals), *_absent(statement, absent)])
            case RequireUnswitched(absent=absent, without=without):
                conditions = _absent(statement, absent)
                conditions += [
                    f"NOT contains({statement.name(name)}, {statement.value(member)})"
                    for name, member in without.items()
                ]
                return statement.check(conditions)
            case Create(item=item):
                return statement.put(item, ["attribute_not_exists(pk)"])
            case Change(values=values, equals=equals):
                changed = ", ".join(
                    f"{statement.name(name)} = {statement.value(value)}" for name, value in values.items()
                )
                return statement.update(f"SET {changed}", _equal(statement, equals))
            case Remove(equals=equals):
                return statement.delete(_equal(statement, equals))


class _Statement:
    """One entry of TransactItems, with names and values behind placeholders."""

    def __init__(self, table: str, key: Key) -> None:
        self._table = table
        self._key = key
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        placeholder = f"#{attribute}"
        self._names[placeholder] = attribute
        return placeholder

    def value(self, value: Any) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = _wire(value)
        return placeholder

    def update(self, expression: str, conditions: Sequence[str]) -> dict[str, Any]:
        entry = self._entry(conditions)
        entry["UpdateExpression"] = expression
        return {"Update": {**entry, "Key": _wire_key(self._key)}}

    def check(self, conditions: Sequence[str]) -> dict[str, Any]:
        return {"ConditionCheck": {**self._entry(conditions), "Key": _wire_key(self._key)}}

    def delete(self, conditions: Sequence[str]) -> dict[str, Any]:
        return {"Delete": {**self._entry(conditions), "Key": _wire_key(self._key)}}

    def put(self, item: Mapping[str, Any], conditions: Sequence[str]) -> dict[str, Any]:
        wire = {name: _wire(value) for name, value in item.items()}
        return {"Put": {**self._entry(conditions), "Item": {**wire, **_wire_key(self._key)}}}

    def _entry(self, conditions: Sequence[str]) -> dict[str, Any]:
        entry: dict[str, Any] = {"TableName": self._table}
        if conditions:
            entry["ConditionExpression"] = " AND ".join(conditions)
        if self._names:
            entry["ExpressionAttributeNames"] = self._names
        if self._values:
            entry["ExpressionAttributeValues"] = self._values
        return entry


def _at_most(statement: _Statement, name: str, before: int) -> str:
    """The condition that a number is no more than `before`; one that is not there yet is zero."""
    compared = f"{statement.name(name)} <= {statement.value(before)}"
    return compared if before < 0 else f"(attribute_not_exists({statement.name(name)}) OR {compared})"


def _equal(statement: _Statement, equals: Mapping[str, Any]) -> list[str]:
    return [f"{statement.name(name)} = {statement.value(value)}" for name, value in equals.items()]


def _absent(statement: _Statement, names: Sequence[str]) -> list[str]:
    return [f"attribute_not_exists({statement.name(name)})" for name in names]


def _wire_key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _wire(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case _:
            raise TypeError(f"the ledger stores no {type(value).__name__}")


def _plain(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in item.items() if name not in ("pk", "sk")}


def _plain_value(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return int(content) if kind == "N" else content


def _failed_conditions(error: ClientError) -> list[int]:
    """Positions whose condition did not hold; none when some other reason leaves that unsure."""
    reasons = [reason.get("Code", _PASSED) for reason in error.response.get("CancellationReasons", ())]
    if any(reason not in (_PASSED, _CONDITION_FAILED) for reason in reasons):
        return []
    return [position for position, reason in enumerate(reasons) if reason == _CONDITION_FAILED]


def _may_be_tried_again(error: ClientError) -> bool:
    if error.response["Error"]["Code"] in _AGAIN_ERRORS:
        return True
    reasons = {reason.get("Code", _PASSED) for reason in error.response.get("CancellationReasons", ())}
    return bool(reasons & _AGAIN)
