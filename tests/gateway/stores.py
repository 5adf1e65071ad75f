"""Stores of a gateway under test, in memory, which can be told to refuse."""

from datetime import timedelta
from typing import Any

from lambdas.common.clock import utc_now
from lambdas.gateway.reserve import Ask, Granted, RateWindow, Refused


class MemoryLedger:
    def __init__(self) -> None:
        self.committed: dict[str, int] = {}
        self.requests: dict[str, int] = {}
        self.open: dict[str, Ask] = {}
        self.refuse: Exception | None = None

    async def reserve(self, ask: Ask) -> Granted:
        if self.refuse is not None:
            raise self.refuse
        now = utc_now()
        spent = self.committed.get(ask.department.id, 0)
        if spent + ask.microusd > ask.department.monthly_budget_microusd:
            raise Refused("budget", f"department {ask.department.id}", resets_at=now + timedelta(days=1))
        self.committed[ask.department.id] = spent + ask.microusd
        used = self.requests[ask.principal.id] = self.requests.get(ask.principal.id, 0) + 1
        limit = ask.department.user_requests_per_minute
        self.open[ask.reservation_id] = ask
        return Granted([RateWindow("requests", limit, limit - used, now + timedelta(minutes=1))], ask)

    async def settle(self, granted: Granted, microusd: int, tokens: int) -> None:
        ask = granted.handle
        del self.open[ask.reservation_id]
        self.committed[ask.department.id] += microusd - ask.microusd


class MemoryAudit:
    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.refuse: Exception | None = None

    async def append(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.records.append({**record, "bodies": bodies})


class FlatPrices:
    def dearest(self, model: str, input_tokens: int, max_tokens: int, *, batch: bool = False) -> int:
        return input_tokens + 5 * max_tokens

    def cost(self, model: str, usage: dict[str, Any], *, batch: bool = False) -> int:
        return usage.get("input_tokens", 0) + 5 * usage.get("output_tokens", 0)
