"""Operations of the ledger, independent of where the items are stored.

Each is one conditional write of one item (`Store.apply`). `Store.transact` applies several on distinct
items, all or none: only for items that a single caller writes, because concurrent writes of others would
cancel it. `Cancelled` says which conditions failed.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

AFTER_ALL = "\uffff"  # greater than every sort key
TTL = "ttl"  # DynamoDB's time-to-live attribute, in seconds since the epoch

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Key(NamedTuple):
    """Location of an item. `table` is `ledger` or `access`."""

    table: str
    pk: str
    sk: str


class Span(NamedTuple):
    """Condition that the text attribute `name` is between two texts, inclusive, or, with `inside` false, is
    missing or outside.
    """

    name: str
    first: str
    last: str
    inside: bool = True


class Members(NamedTuple):
    """Texts that join the set `name` of an item, or leave it if `most` is None.

    The condition is that the set has fewer than `most` before; those that leave need not be in it.
    """

    name: str
    texts: tuple[str, ...]
    most: int | None = None


class Add(NamedTuple):
    """Add to numbers of an item, created if missing; set `sets`; let `members` join or leave.

    The condition is that each number in `at_most` is at most that *after* the addition, and that `span` and
    `members` hold.
    """

    key: Key
    amounts: Mapping[str, int]
    at_most: Mapping[str, int] = _NOTHING
    sets: Mapping[str, int | str] = _NOTHING
    span: Span | None = None
    members: Members | None = None


class Create(NamedTuple):
    """Write an item. The condition is that there is none."""

    key: Key
    item: Mapping[str, Any]


class Change(NamedTuple):
    """Set attributes. The condition is that the item has the values in `equals`."""

    key: Key
    values: Mapping[str, Any]
    equals: Mapping[str, Any]


class Remove(NamedTuple):
    """Delete an item. The condition is that it has the values in `equals`."""

    key: Key
    equals: Mapping[str, Any]


Operation = Add | Create | Change | Remove


class Cancelled(Exception):
    """Nothing took effect. `failed` holds the positions whose condition failed, and `item` the actual item
    of a single operation (None: there is none).
    """

    def __init__(self, failed: Sequence[int] = (0,), item: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"operations {list(failed)} did not hold")
        self.failed = tuple(failed)
        self.item = item


class Store(Protocol):
    """Where the items are stored. Any exception but `Cancelled` means that it is unavailable."""

    async def apply(self, operation: Operation) -> None:
        """Apply one operation.

        Raises `Cancelled`; `LedgerContended` if it certainly took no effect; `LedgerUnsure` if an `Add` may
        have taken effect. All others are repeated until that is known.
        """
        ...

    async def transact(self, operations: Sequence[Operation]) -> None:
        """Apply all operations or none. Raises `Cancelled`."""
        ...

    async def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[dict[str, Any] | None]:
        """Return the items in the order of the keys, which are distinct; None for a missing one."""
        ...

    async def under(
        self, table: str, pk: str, *, before: str = AFTER_ALL
    ) -> list[tuple[str, dict[str, Any]]]:
        """Yield every item under `pk` with a sort key below `before`, as (sk, attributes), ordered by sort
        key.
        """
        ...
