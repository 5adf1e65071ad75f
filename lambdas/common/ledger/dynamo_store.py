"""The ledger's items in DynamoDB.

botocore blocks, so each call runs in a thread of a bounded pool and the event loop never waits. What
certainly took no effect (throttling, a conflict) is retried with jitter until the deadline. If the response
to a write is lost, it is unknown whether the write took effect: everything but additions is repeated,
because the item itself then tells; an addition is not, because it would count twice.
"""

import asyncio
import functools
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import count
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from lambdas.common.ledger.items import (
    AFTER_ALL,
    Add,
    Cancelled,
    Change,
    Create,
    Key,
    Operation,
    Remove,
)
from lambdas.common.ledger.reservation import LedgerContended, LedgerUnavailable, LedgerUnsure

DEADLINE_SECONDS = 2.0
_FIRST_WAIT_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 0.2
_CONDITION_FAILED = "ConditionalCheckFailed"
_PASSED = "None"
# Codes after which the same transaction may succeed a moment later.
_AGAIN = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_AGAIN_ERRORS = frozenset(
    {
        "TransactionInProgressException", "TransactionConflictException", "ThrottlingException",
        "ProvisionedThroughputExceededException", "RequestLimitExceeded",
    }
)  # fmt: skip
_CONDITION_ERROR = "ConditionalCheckFailedException"


class DynamoStore:
    """Items in the tables `ledger` and `access`.

    `client` is a botocore DynamoDB client, created once, whose calls run in `pool`; or, without `pool`, one
    with the same methods that answers on the event loop.
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

    async def apply(self, operation: Operation) -> None:
        """Apply one operation. Raises `Cancelled`, `LedgerContended`, `LedgerUnsure`, `LedgerUnavailable`."""
        method, arguments = self._single(operation)
        deadline = _now() + self._deadline_seconds
        wait, unsure = _FIRST_WAIT_SECONDS, False
        while True:
            try:
                await self._call(method, **arguments)
                return
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == _CONDITION_ERROR:
                    found = error.response.get("Item")  # pyright: ignore[reportUnknownMemberType]
                    item = _plain(found) if found else None
                    if unsure and _is_done(operation, item):
                        return
                    raise Cancelled(item=item) from None
                if code not in _AGAIN_ERRORS:
                    if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                        raise LedgerUnavailable(code) from error
                    if isinstance(operation, Add):
                        raise LedgerUnsure(code) from error
                    unsure = True
                if _now() + wait > deadline:
                    raise (LedgerUnsure if unsure else LedgerContended)(code) from error
            except EndpointConnectionError as error:  # nothing was sent
                raise LedgerUnavailable(type(error).__name__) from error
            except BotoCoreError as error:
                if isinstance(operation, Add):
                    raise LedgerUnsure(type(error).__name__) from error
                unsure = True
                if _now() + wait > deadline:
                    raise LedgerUnsure(type(error).__name__) from error
            await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311 - jitter, not a secret
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    async def transact(self, operations: Sequence[Operation]) -> None:
        """Apply all operations or none. Raises `Cancelled`, or `LedgerUnavailable` after the deadline."""
        items = [self._transact_item(operation) for operation in operations]
        deadline = _now() + self._deadline_seconds
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                await self._call(self._client.transact_write_items, TransactItems=items)
                return
            except ClientError as error:
                failed = _failed_conditions(error)
                if failed:
                    raise Cancelled(failed) from None
                if not _may_be_tried_again(error):
                    raise LedgerUnavailable(error.response["Error"]["Code"]) from error
                if _now() + wait > deadline:
                    raise LedgerContended(error.response["Error"]["Code"]) from error
            except BotoCoreError as error:
                raise LedgerUnavailable(type(error).__name__) from error
            await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311 - jitter, not a secret
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    async def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[dict[str, Any] | None]:
        """Return the items in the order of the keys, which are distinct. Raises `LedgerUnavailable`."""
        if len(keys) == 1:
            return [await self._get(keys[0], consistent)]
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        wanted: dict[str, Any] = {}
        for key in keys:
            table = wanted.setdefault(self._tables[key.table], {"Keys": [], "ConsistentRead": consistent})
            table["Keys"].append(_wire_key(key))
        deadline, wait = _now() + self._deadline_seconds, _FIRST_WAIT_SECONDS
        while wanted:
            answer = await self._reading(self._client.batch_get_item, RequestItems=wanted)
            for table, items in answer["Responses"].items():
                for item in items:
                    found[table, item["pk"]["S"], item["sk"]["S"]] = _plain(item)
            wanted = answer.get("UnprocessedKeys")
            if wanted:
                if _now() + wait > deadline:
                    raise LedgerUnavailable("UnprocessedKeys")
                await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311 - jitter, not a secret
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
        return [found.get((self._tables[key.table], key.pk, key.sk)) for key in keys]

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
        """Yield every item under `pk` with a sort key below `before`, page by page. Raises
        `LedgerUnavailable`.
        """
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

    def _single(self, operation: Operation) -> tuple[Callable[..., Any], dict[str, Any]]:
        ((kind, entry),) = self._transact_item(operation).items()
        entry["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if kind == "Update":
            return self._client.update_item, entry
        return (self._client.put_item if kind == "Put" else self._client.delete_item), entry

    def _addition(self, add: Add) -> dict[str, Any]:
        """Return the request of an addition. Every call makes several, of few shapes, whose texts are
        cached.
        """
        befores = [most - add.amounts[name] for name, most in add.at_most.items()]
        span, members = add.span, add.members
        update, condition, names = _addition_texts(
            tuple(add.amounts),
            tuple(add.sets),
            tuple((name, before < 0) for name, before in zip(add.at_most, befores, strict=True)),
            (span.name, span.inside) if span is not None else None,
            (members.name, members.most is not None) if members is not None else None,
        )
        bounds = (span.first, span.last) if span is not None else ()
        values = (*add.amounts.values(), *add.sets.values(), *befores, *bounds)
        wire = {f":v{at}": _wire(value) for at, value in enumerate(values)}
        if members is not None:
            wire[":members"] = {"SS": list(members.texts)}
            if members.most is not None:
                wire[":most"] = _wire(members.most)
        entry: dict[str, Any] = {
            "TableName": self._tables[add.key.table],
            "Key": _wire_key(add.key),
            "UpdateExpression": update,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": wire,
        }
        if condition:
            entry["ConditionExpression"] = condition
        return entry

    def _transact_item(self, operation: Operation) -> dict[str, Any]:
        statement = _Statement(self._tables[operation.key.table], operation.key)
        match operation:
            case Add():
                return {"Update": self._addition(operation)}
            case Create(item=item):
                return statement.put(item, ["attribute_not_exists(pk)"])
            case Change(values=values, equals=equals):
                return statement.update(f"SET {_assigned(statement, values)}", _equal(statement, equals))
            case Remove(equals=equals):
                return statement.delete(_equal(statement, equals))


class _Statement:
    """One entry of TransactItems, with placeholders for names and values."""

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


def _now() -> float:
    return asyncio.get_running_loop().time()


@lru_cache(256)
def _addition_texts(
    amounts: tuple[str, ...],
    sets: tuple[str, ...],
    at_most: tuple[tuple[str, bool], ...],
    span: tuple[str, bool] | None,
    members: tuple[str, bool] | None,
) -> tuple[str, str, dict[str, str]]:
    """Return update, condition and names of an addition.

    Values are numbered in this order: amounts, sets, for each of `at_most` the maximum before the addition
    (with whether it is negative), the ends of the span. `members` says whether they join.
    """
    number = count()
    added = [f"#{name} :v{next(number)}" for name in amounts]
    conditions: list[str] = []
    if members is not None and members[1]:
        added.append(f"#{members[0]} :members")
        conditions.append(f"(attribute_not_exists(#{members[0]}) OR size(#{members[0]}) < :most)")
    clauses = ["ADD " + ", ".join(added)] if added else []
    if sets:
        clauses.append("SET " + ", ".join(f"#{name} = :v{next(number)}" for name in sets))
    if members is not None and not members[1]:
        clauses.append(f"DELETE #{members[0]} :members")
    update = " ".join(clauses)
    for name, negative in at_most:
        compared = f"#{name} <= :v{next(number)}"  # a missing value counts as zero
        conditions.append(compared if negative else f"(attribute_not_exists(#{name}) OR {compared})")
    if span is not None:
        name, inside = span
        between = f"#{name} BETWEEN :v{next(number)} AND :v{next(number)}"
        conditions.append(between if inside else f"(attribute_not_exists(#{name}) OR NOT {between})")
    every = {*amounts, *sets, *(name for name, _ in at_most)}
    every |= {one[0] for one in (span, members) if one is not None}
    return update, " AND ".join(conditions), {f"#{name}": name for name in sorted(every)}


def _equal(statement: _Statement, equals: Mapping[str, Any]) -> list[str]:
    return [f"{statement.name(name)} = {statement.value(value)}" for name, value in equals.items()]


def _assigned(statement: _Statement, values: Mapping[str, Any]) -> str:
    return ", ".join(f"{statement.name(name)} = {statement.value(value)}" for name, value in values.items())


def _is_done(operation: Operation, item: Mapping[str, Any] | None) -> bool:
    """Return whether an item is as the operation leaves it, so that an attempt with a lost response took
    effect.
    """
    match operation:
        case Create(item=wanted) | Change(values=wanted):
            return item is not None and all(item.get(name) == value for name, value in wanted.items())
        case Remove():
            return item is None
        case Add():
            return False


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
    if kind == "SS":
        return frozenset(content)
    return int(content) if kind == "N" else content


def _failed_conditions(error: ClientError) -> list[int]:
    """Return the positions whose condition failed; none if another reason leaves that unknown."""
    reasons = [reason.get("Code", _PASSED) for reason in error.response.get("CancellationReasons", ())]
    if any(reason not in (_PASSED, _CONDITION_FAILED) for reason in reasons):
        return []
    return [position for position, reason in enumerate(reasons) if reason == _CONDITION_FAILED]


def _may_be_tried_again(error: ClientError) -> bool:
    if error.response["Error"]["Code"] in _AGAIN_ERRORS:
        return True
    reasons = {reason.get("Code", _PASSED) for reason in error.response.get("CancellationReasons", ())}
    return bool(reasons & _AGAIN)
