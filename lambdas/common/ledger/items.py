"""The operations of a ledger transaction, independent of where the items are kept.

A transaction is a list of operations on distinct items: all take effect, or none does and `Cancelled` says
which did not hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

AFTER_ALL = "\uffff"  # greater than every sk
TTL = "ttl"  # DynamoDB's time-to-live attribute, seconds since the epoch


class Key(NamedTuple):
    """Where an item is. `table` is `ledger` or `access`."""

    table: str
    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Add:
    """Add to numbers of an item, which is made if it is not there.

    Holds when each number named in `at_most` is no more than that *after* the addition.
    """

    key: Key
    amounts: Mapping[str, int]
    at_most: Mapping[str, int] = field(default_factory=dict)
    ttl: int | None = None


@dataclass(frozen=True, slots=True)
class Require:
    """Holds when the item has exactly these values and none of `absent`; changes nothing."""

    key: Key
    equals: Mapping[str, Any]
    absent: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RequireUnswitched:
    """Holds when the item has none of `absent` and its sets do not contain the given members; changes
    nothing.
    """

    key: Key
    absent: Sequence[str]
    without: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Create:
    """Write an item. Holds when there is none."""

    key: Key
    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """Set attributes. Holds when the item has the values in `equals`."""

    key: Key
    values: Mapping[str, Any]
    equals: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete an item. Holds when it has the values in `equals`."""

    key: Key
    equals: Mapping[str, Any]


Operation = Add | Require | RequireUnswitched | Create | Change | Remove


class Cancelled(Exception):
    """A transaction did not take effect: `failed` holds the positions of the operations that did not hold."""

    def __init__(self, failed: Sequence[int]) -> None:
        super().__init__(f"operations {list(failed)} did not hold")
        self.failed = tuple(failed)


class Store(Protocol):
    """Where the items are kept. Anything raised apart from `Cancelled` means: not available."""

    async def transact(self, operations: Sequence[Operation]) -> None:
        """Apply all operations or none. Raises `Cancelled`."""
        ...

    async def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[dict[str, Any] | None]:
        """The items, in the order of the keys; None where there is none."""
        ...

    async def under(
        self, table: str, pk: str, *, before: str = AFTER_ALL
    ) -> list[tuple[str, dict[str, Any]]]:
        """Every item under `pk` whose sk is less than `before`, as (sk, attributes), in the order of sk."""
        ...
