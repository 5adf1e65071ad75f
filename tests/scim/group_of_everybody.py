"""A directory in memory with a group of any size, for tests and benchmarks of what a change of it takes."""

import json
from datetime import UTC, datetime
from typing import Any

from lambdas.common.ids import new_id
from lambdas.scim.events import MembershipEvent, read_event

from .harness import GROUP_SCHEMA


class Everybody:
    """A directory in memory with one group of so many members, made as they are read."""

    def __init__(self, members: int) -> None:
        self.id, self.largest = new_id(), 0
        self._ids = [f"{number:026d}" for number in range(members)]
        self.events: dict[str, MembershipEvent] = {}
        self.pool = self

    def map(self, call: Any, values: Any) -> Any:
        return map(call, values)

    def mention(self, *_names: str) -> bool:
        return True

    def get(self, pk: str, sk: str = "RESOURCE") -> dict[str, Any] | None:
        body = {"schemas": [GROUP_SCHEMA], "displayName": "Claude Marketing"}
        at = {"S": datetime.now(UTC).isoformat()}
        return {"pk": {"S": f"GROUP#{self.id}"}, "body": {"S": json.dumps(body)}, "version": {"N": "1"},
                "created": at, "modified": at}  # fmt: skip

    def get_all(self, keys: Any) -> list[Any]:
        return []

    def get_many(self, keys: Any) -> dict[str, Any]:
        return {}

    def pages(self, pk: str, prefix: str = "", **options: Any) -> Any:
        after = options.get("ExclusiveStartKey", {}).get("sk", {}).get("S", "").removeprefix("MEMBER#")
        for one in self._ids[int(after) + 1 if after else 0 :]:
            yield {"sk": {"S": f"MEMBER#{one}"}, "type": {"S": "User"}}

    def put(self, pk: str, sk: str, values: Any, *_condition: str, **_expected: Any) -> dict[str, Any]:
        return {"Put": {"Item": {**values, "pk": {"S": pk}, "sk": {"S": sk}}}}

    def delete(self, *_given: Any, **_expected: Any) -> dict[str, Any]:
        return {"Delete": {}}

    def add(self, *_given: Any) -> dict[str, Any]:
        return {"Update": {}}

    def transact(self, writes: Any) -> None:
        self.largest = max(self.largest, len(json.dumps([one.entry for one in writes])))
        for one in writes:
            item = one.entry.get("Put", {}).get("Item", {})
            if "event" in item:
                self.set("OUTBOX", item["sk"]["S"], "event", item["event"])

    def set(self, pk: str, sk: str, name: str, value: Any) -> None:
        self.events[sk] = read_event({name: value})  # type: ignore[assignment]

    def remove(self, pk: str, sk: str) -> None:
        self.events.pop(sk, None)


class Placed:
    """People, of whom only is counted how many were looked at, by request."""

    def __init__(self) -> None:
        self.done: list[int] = []

    def settle(self, *_given: Any) -> None:
        self.done.append(0)

    def leave(self, *_given: Any) -> None:
        self.done.append(1)
