"""The ledger's items in memory, for tests and benchmarks, with the semantics of the DynamoDB store."""

from collections.abc import Sequence
from typing import Any

from lambdas.common.ledger.items import AFTER_ALL, Add, Cancelled, Change, Create, Key, Operation, Remove


class MemoryStore:
    """Items by key. For one event loop only: nothing awaits inside an operation, so operations do not
    interleave.
    """

    def __init__(self) -> None:
        self.items: dict[Key, dict[str, Any]] = {}

    async def apply(self, operation: Operation) -> None:
        """Apply one operation. Raises `Cancelled`."""
        if not self._holds(operation):
            item = self.items.get(operation.key)
            raise Cancelled(item=dict(item) if item is not None else None)
        self._apply(operation)

    async def transact(self, operations: Sequence[Operation]) -> None:
        """Apply all operations or none. Raises `Cancelled`."""
        failed = [position for position, operation in enumerate(operations) if not self._holds(operation)]
        if failed:
            raise Cancelled(failed)
        for operation in operations:
            self._apply(operation)

    async def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[dict[str, Any] | None]:  # noqa: ARG002
        """Return the items in the order of the keys."""
        return [dict(self.items[key]) if key in self.items else None for key in keys]

    async def under(
        self, table: str, pk: str, *, before: str = AFTER_ALL
    ) -> list[tuple[str, dict[str, Any]]]:
        """Yield every item under `pk` with a sort key below `before`."""
        found = [
            (key.sk, dict(item))
            for key, item in self.items.items()
            if key[:2] == (table, pk) and key.sk < before
        ]
        return sorted(found, key=lambda entry: entry[0])

    def _holds(self, operation: Operation) -> bool:
        item = self.items.get(operation.key)
        match operation:
            case Add(amounts=amounts, at_most=at_most, span=span, members=members):
                values = item or {}
                if members and members.most is not None and len(values.get(members.name, ())) >= members.most:
                    return False
                if span is not None:
                    value = values.get(span.name)
                    if (value is not None and span.first <= value <= span.last) is not span.inside:
                        return False
                return all(values.get(name, 0) + amounts[name] <= most for name, most in at_most.items())
            case Create():
                return item is None
            case Change(equals=equals) | Remove(equals=equals):
                return item is not None and all(item.get(name) == value for name, value in equals.items())

    def _apply(self, operation: Operation) -> None:
        match operation:
            case Add(key=key, amounts=amounts, sets=sets, members=members):
                item = self.items.setdefault(key, {})
                if members is not None:
                    before = item.pop(members.name, frozenset())
                    after = before - {*members.texts} if members.most is None else before | {*members.texts}
                    item.update({members.name: after} if after else {})
                for name, amount in amounts.items():
                    item[name] = item.get(name, 0) + amount
                item.update(sets)
            case Create(key=key, item=item):
                self.items[key] = dict(item)
            case Change(key=key, values=values):
                self.items[key].update(values)
            case Remove(key=key):
                del self.items[key]
