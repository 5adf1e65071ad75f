"""Stores of a gateway under test, in memory, which can be told to refuse."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from lambdas.common.ledger import Ask, Granted, Ledger
from lambdas.common.ledger.counters import COMMITTED
from lambdas.common.ledger.items import Key, Operation
from lambdas.common.ledger.memory_store import MemoryStore

T = TypeVar("T")


class RefusingLedger(Ledger):
    """The real rules over items in memory; `refuse` is raised in place of an answer."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        super().__init__(self.store)
        self.refuse: Exception | None = None

    async def reserve(self, ask: Ask) -> Granted:
        if self.refuse is not None:
            raise self.refuse
        return await super().reserve(ask)

    async def settle(self, granted: Granted, microusd: int, tokens: int, **how: Any) -> None:
        if self.refuse is not None:
            raise self.refuse
        await super().settle(granted, microusd, tokens, **how)

    def admit(self, access_key: str, department: str, *, active: bool = True) -> None:
        self.store.items[Key("access", access_key, "ACCESS")] = {"active": active, "department": department}

    def committed(self, scope: str = "DEPT#marketing") -> int:
        return sum(item.get(COMMITTED, 0) for key, item in self.store.items.items() if key.pk == scope)

    def open_reservations(self) -> list[str]:
        return [key.sk for key in self.store.items if key.pk.startswith("RESERVATION#")]


class MortalStore(MemoryStore):
    """What one of several processes sees of a common store, until it dies at its n-th operation: just before
    or just after that takes effect. From then on it reaches nothing.
    """

    def __init__(self, common: MemoryStore, lock: threading.Lock, dies_at: float, *, heard: bool) -> None:
        super().__init__()
        self.items = common.items
        self._lock = lock
        self._left = dies_at
        self._heard = heard
        self.died = threading.Event()

    def live(self) -> None:
        """Raises `ConnectionError` where the process is dead."""
        if self.died.is_set():
            raise ConnectionError("this process is dead")

    async def apply(self, operation: Operation) -> None:
        await self._common(super().apply, operation)

    async def transact(self, operations: Sequence[Operation]) -> None:
        await self._common(super().transact, operations)

    async def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[dict[str, Any] | None]:
        return await self._common(super().get, keys)

    async def _common(self, work: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        await asyncio.sleep(0.001)
        self.live()
        self._left -= 1
        if self._left <= 0 and not self._heard:
            self.died.set()
            self.live()
        with self._lock:
            result = await work(*arguments)
        if self._left <= 0:
            self.died.set()
        self.live()
        return result


class MemoryAudit:
    """Records in a list; `refuse` is raised in place of keeping one."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.refuse: Exception | None = None
        self.refuse_kind: str | None = None
        self.refuse_bodies_only = False
        self.closed = False

    async def append(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> None:
        refused = bool(bodies) or not self.refuse_bodies_only
        if self.refuse is not None and refused and self.refuse_kind in {None, record["kind"]}:
            raise self.refuse
        self.records.append({**record, "bodies": bodies})

    def close(self) -> None:
        self.closed = True

    def of(self, request_id: str | None) -> list[dict[str, Any]]:
        return [record for record in self.records if record["request_id"] == request_id]


class MortalAudit(MemoryAudit):
    """The records of one of several processes, kept while that lives."""

    def __init__(self, records: list[dict[str, Any]], store: MortalStore) -> None:
        super().__init__()
        self.records = records
        self._store = store

    async def append(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> None:
        self._store.live()
        await super().append(record, bodies=bodies)
