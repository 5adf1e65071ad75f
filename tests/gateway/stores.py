"""Stores of a gateway under test, in memory, which can be told to refuse."""

from typing import Any

from lambdas.common.ledger import Ask, Granted, Ledger
from lambdas.common.ledger.counters import COMMITTED
from lambdas.common.ledger.items import Key
from lambdas.common.ledger.memory_store import MemoryStore


class RefusingLedger(Ledger):
    """The real rules over items in memory; `refuse` is raised in place of an answer."""

    def __init__(self) -> None:
        self.store = MemoryStore()
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
