"""POST /v1/budget-requests: a caller asks for more than its monthly budget, and a lead grants it (L1.11).

The request is an item of the ledger's table until somebody answers it. By itself it changes nothing: `kit
budget grant` does, with the operator's own rights and a record of who granted what.
"""

from dataclasses import dataclass
from datetime import UTC, timedelta

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ids import new_id
from lambdas.common.ledger.items import TTL, Create, Key, Store
from lambdas.gateway import errors
from lambdas.gateway.errors import Header, invalid_request
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.json_body import JsonBody

BUDGET_REQUESTS = "BUDGET-REQUESTS"
_KEPT = timedelta(days=60)
_MOST_MICROUSD = 10**13
_LONGEST_REASON = 500
_JSON: list[Header] = [(b"content-type", b"application/json")]


@dataclass(frozen=True, slots=True)
class BudgetRequests:
    """Serves budget requests. Created once; holds no state of a call."""

    store: Store
    clock: Clock

    async def take(self, exchange: Exchange, principal: Principal, body: JsonBody) -> None:
        """Store one request. Raises `ApiError` 400, 503."""
        fields = body.fields
        for name in fields:
            if name not in ("monthly_microusd", "reason"):
                raise invalid_request(f"{name[:100]}: unknown; known are monthly_microusd and reason")
        amount, reason = fields.get("monthly_microusd"), fields.get("reason")
        if isinstance(amount, bool) or not isinstance(amount, int) or not 0 < amount <= _MOST_MICROUSD:
            raise invalid_request("monthly_microusd: a positive integer is required")
        if not isinstance(reason, str) or not 0 < len(reason.strip()) <= _LONGEST_REASON:
            raise invalid_request(f"reason: 1 to {_LONGEST_REASON} characters are required")
        now = self.clock().astimezone(UTC)
        request_id = new_id("brq_")
        item = {
            "principal": principal.id,
            "principal_kind": principal.kind,
            "access_key": principal.access_key,
            "department": principal.department,
            "monthly_microusd": amount,
            "reason": reason.strip(),
            "asked_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            TTL: int((now + _KEPT).timestamp()),
        }
        await errors.available(self.store.apply(Create(Key("ledger", BUDGET_REQUESTS, request_id), item)))
        await exchange.answer(201, _JSON, b'{"type": "budget_request", "id": "%b"}' % request_id.encode())
