"""The client of a DynamoDB in memory that conflicts, on virtual time: an hour of load in seconds, each run
the same.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.support.conflicting_dynamodb import Hazards, Where
from tests.support.dynamo_expressions import Item, holds, updated

Result = TypeVar("Result")
_NETWORK_SECONDS = (0.001, 0.002)  # each way
_LOST_AFTER_SECONDS = 1.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to whatever is due next."""

    def __init__(self) -> None:
        self._virtual = 0.0
        selector = selectors.DefaultSelector()
        really = selector.select

        def select(timeout: float | None = None) -> Any:
            if timeout and timeout > 0:
                self._virtual += timeout
            return really(0)

        selector.select = select  # type: ignore[method-assign]
        super().__init__(selector)

    def time(self) -> float:
        return self._virtual


def run_virtually(scenario: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a scenario on virtual time; what it left under way is cancelled at its end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario())


class VirtualDynamo:
    """What the ledger's store asks of a DynamoDB client, over items in wire format."""

    def __init__(self, hazards: Hazards) -> None:
        self.hazards = hazards
        self.items: dict[Where, Item] = {}

    async def update_item(self, **request: Any) -> dict[str, Any]:
        return await self._single({"Update": request}, "UpdateItem")

    async def put_item(self, **request: Any) -> dict[str, Any]:
        return await self._single({"Put": request}, "PutItem")

    async def delete_item(self, **request: Any) -> dict[str, Any]:
        return await self._single({"Delete": request}, "DeleteItem")

    async def transact_write_items(self, **request: Any) -> dict[str, Any]:
        entries = request["TransactItems"]
        places = [_where(entry) for entry in entries]
        verdict = await self._arrives(places, transaction=True)
        if verdict in ("conflict", "throttled"):
            code = "TransactionConflict" if verdict == "conflict" else "ThrottlingError"
            raise _cancelled([code] * len(entries))
        failed = [not self._holds(entry) for entry in entries]
        if any(failed):
            raise _cancelled(["ConditionalCheckFailed" if one else "None" for one in failed])
        if verdict != "failed before":
            for entry in entries:
                self.apply(entry)
        await self._answers(verdict, "TransactWriteItems")
        return {}

    async def get_item(self, **request: Any) -> dict[str, Any]:
        place = (request["TableName"], *_key(request["Key"]))
        found = await self._read([place])
        return {"Item": found[place]} if found else {}

    async def batch_get_item(self, **request: Any) -> dict[str, Any]:
        wanted = request["RequestItems"]
        places = [(table, *_key(key)) for table, of in wanted.items() for key in of["Keys"]]
        assert len(places) <= 100
        found = await self._read(places)
        responses: dict[str, list[Item]] = {table: [] for table in wanted}
        for place, item in found.items():
            responses[place[0]].append(item)
        return {"Responses": responses, "UnprocessedKeys": {}}

    async def query(self, **request: Any) -> dict[str, Any]:
        values = request["ExpressionAttributeValues"]
        pk, before = values[":pk"]["S"], values[":before"]["S"]
        await asyncio.sleep(0.005)
        found = [
            (place[2], item)
            for place, item in self.items.items()
            if place[:2] == (request["TableName"], pk) and place[2] < before
        ]
        return {"Items": [item for _, item in sorted(found, key=lambda one: one[0])]}

    # -- how requests fare ----------------------------------------------------------------------------------

    async def _single(self, entry: dict[str, Any], operation: str) -> dict[str, Any]:
        place = _where(entry)
        verdict = await self._arrives([place], transaction=False)
        if verdict == "conflict":
            raise _error("TransactionConflictException", operation)
        if verdict == "throttled":
            raise _error("ThrottlingException", operation)
        if verdict != "failed before":
            if not self._holds(entry):
                await self._travels()
                error = _error("ConditionalCheckFailedException", operation)
                if place in self.items:
                    response: Any = error.response
                    response["Item"] = dict(self.items[place])
                raise error
            self.apply(entry)
        await self._answers(verdict, operation)
        return {}

    async def _arrives(self, places: list[Where], *, transaction: bool) -> str:
        await self._travels()
        now = asyncio.get_running_loop().time()
        verdict, seconds = self.hazards.write(now, places, transaction=transaction)
        await asyncio.sleep(seconds)
        return verdict

    async def _answers(self, verdict: str, operation: str) -> None:
        if verdict.startswith("failed"):
            raise _error("InternalServerError", operation, status=500)
        if verdict == "lost":
            await asyncio.sleep(_LOST_AFTER_SECONDS)
            raise ReadTimeoutError(endpoint_url="dynamodb")
        await self._travels()

    async def _read(self, places: list[Where]) -> dict[Where, Item]:
        await self._travels()
        verdict, seconds = self.hazards.read(asyncio.get_running_loop().time(), places)
        await asyncio.sleep(seconds)
        if verdict:
            raise _error("ThrottlingException", "BatchGetItem")
        found = {place: dict(self.items[place]) for place in places if place in self.items}
        await self._travels()
        return found

    async def _travels(self) -> None:
        await asyncio.sleep(self.hazards.chance.uniform(*_NETWORK_SECONDS))

    def _holds(self, entry: dict[str, Any]) -> bool:
        ((_, request),) = entry.items()
        condition = request.get("ConditionExpression")
        return condition is None or holds(condition, self.items.get(_where(entry)), *_context(request))

    def apply(self, entry: dict[str, Any]) -> None:
        """Let a write take effect now."""
        ((kind, request),) = entry.items()
        place = _where(entry)
        match kind:
            case "Put":
                self.items[place] = dict(request["Item"])
            case "Delete":
                self.items.pop(place, None)
            case "Update":
                after = updated(request["UpdateExpression"], self.items.get(place), *_context(request))
                self.items[place] = {**after, **request["Key"]}


def _context(request: dict[str, Any]) -> tuple[dict[str, str], Item]:
    return request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})


def _key(key: dict[str, Any]) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def _where(entry: dict[str, Any]) -> Where:
    ((_, request),) = entry.items()
    return (request["TableName"], *_key(request.get("Key") or request["Item"]))


def _error(code: str, operation: str, *, status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)


def _cancelled(codes: list[str]) -> ClientError:
    error = _error("TransactionCanceledException", "TransactWriteItems")
    response: Any = error.response
    response["CancellationReasons"] = [{"Code": code} for code in codes]
    return error
