"""The operations of the ledger, independent of where the items are kept.

Each is one conditional write of one item (`Store.apply`). `Store.transact` takes several on distinct items,
of which all take effect or none does: only for items that one caller alone writes, because whatever others
write at the same time would cancel it. `Cancelled` says what did not hold.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

AFTER_ALL = "\uffff"  # greater than every sk
TTL = "ttl"  # DynamoDB's time-to-live attribute, seconds since the epoch

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Key(NamedTuple):
    """Where an item is. `table` is `ledger` or `access`."""

    table: str
    pk: str
    sk: str


class Span(NamedTuple):
    """Whether the text attribute `name` lies between two texts, both included, or, with `inside` false, is
    missing or lies outside.
    """

    name: str
    first: str
    last: str
    inside: bool = True


class Members(NamedTuple):
    """Texts that join the set `name` of an item, or leave it where `most` is None. Holds when the set has
    fewer than `most` before; those that leave need not be there.
    """

    name: str
    texts: tuple[str, ...]
    most: int | None = None


class Add(NamedTuple):
    """Add to numbers of an item, which is made if it is not there, set `sets`, and let `members` join or
    leave.

    Holds when each number named in `at_most` is no more than that *after* the addition, and `span` and
    `members` hold.
    """

    key: Key
    amounts: Mapping[str, int]
    at_most: Mapping[str, int] = _NOTHING
    sets: Mapping[str, int | str] = _NOTHING
    span: Span | None = None
    members: Members | None = None


class Create(NamedTuple):
    """Write an item. Holds when there is none."""

    key: Key
    item: Mapping[str, Any]


class Change(NamedTuple):
    """Set attributes. Holds when the item has the values in `equals`."""

    key: Key
    values: Mapping[str, Any]
    equals: Mapping[str, Any]


class Remove(NamedTuple):
    """Delete an item. Holds when it has the values in `equals`."""

    key: Key
    equals: Mapping[str, Any]


Operation = Add | Create | Change | Remove


class Cancelled(Exception):
    """Nothing took effect: `failed` holds the positions of the operations that did not hold, and `item` what
    the item of a single operation was instead (None: there is none).
    """

    def __init__(self, failed: Sequence[int] = (0,), item: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"operations {list(failed)} did not hold")
        self.failed = tuple(failed)
        self.item = item


class Store(Protocol):
    """Where the items are kept. Anything raised apart from `Cancelled` means: not available."""

    async def apply(self, operation: Operation) -> None:
        """Apply one operation. Raises `Cancelled`; `LedgerContended` where it certainly took no effect;
        `LedgerUnsure` where an `Add` may have taken effect. All others are repeated until that is known.
        """
        ...

    async def transact(self, operations: Sequence[Operation]) -> None:
        """Apply all operations or none. Raises `Cancelled`."""
        ...

    async def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[dict[str, Any] | None]:
        """The items, in the order of the keys, which are distinct; None where there is none."""
        ...

    async def under(
        self, table: str, pk: str, *, before: str = AFTER_ALL
    ) -> list[tuple[str, dict[str, Any]]]:
        """Every item under `pk` whose sk is less than `before`, as (sk, attributes), in the order of sk."""
        ...
