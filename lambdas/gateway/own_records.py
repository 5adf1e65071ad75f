"""GET /v1/records/{request_id}: what is on record about the caller's own call, without its texts (L2.5,
L4.2).

Every recorded outcome and refusal of a call leaves a marker for 90 days, written beside the record, and the
route answers from it; the records themselves are for those named in the audit policy. Nobody learns whether
somebody else's call exists. The marker of a completed message also accepts feedback (`answered`), that of a
refusal a report that inspection was wrong (`inspection_mistakes`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger.items import TTL, Create, Key, Store
from lambdas.gateway.errors import Header, available, not_found
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.outcome import Outcome

_FACTS = "facts"
_RESULT = "result"
_KEPT = timedelta(days=90)
_JSON: list[Header] = [(b"content-type", b"application/json")]
_LONGEST_ID = 64
_MOST_FINDINGS = 20
_OF_A_FINDING = ("type", "level", "rule", "field")


def answer_key(request_id: str) -> Key:
    """Return the key of the marker of a completed message."""
    return Key("ledger", f"ANSWER#{request_id[:_LONGEST_ID]}", "ANSWER")


def refusal_key(request_id: str) -> Key:
    """Return the key of the marker of a call that inspection refused."""
    return Key("ledger", f"REFUSED#{request_id[:_LONGEST_ID]}", "REFUSED")


def _other_key(request_id: str) -> Key:
    """Return the key of the marker of a call that failed, and of work that nobody can rate."""
    return Key("ledger", f"RECORD#{request_id[:_LONGEST_ID]}", "RECORD")


def _facts(call: GovernedCall, now: datetime, reason: str) -> str:
    """Return what a marker stores about a call for its caller, as JSON without any text or value."""
    found = call.verdict.record.get("findings", ()) if not call.verdict.allowed else ()
    return json.dumps(
        {
            "at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "call": call.kind,
            "model": call.alias,
            "prompt": call.prompt.id if call.prompt else None,
            "prompt_version": call.prompt.version if call.prompt else None,
            "use_case": call.use_case,
            "data_class": call.verdict.data_class,
            "requires_review": call.verdict.requires_review,
            "reason": reason or None,
            "findings": [{name: one[name] for name in _OF_A_FINDING} for one in found[:_MOST_FINDINGS]],
        }
    )


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """Writes the markers to `store` and finds them again."""

    store: Store
    clock: Clock

    async def ended(self, call: GovernedCall, outcome: Outcome, output_tokens: int) -> None:
        """Mark a call as ended with `outcome`. Never raises: without the marker, a call cannot be looked up
        or rated.
        """
        key = answer_key if call.kind == "messages" and outcome.result == "completed" else _other_key
        reason = outcome.reason
        if outcome.result == "upstream_error" and not reason:
            reason = f"upstream_{outcome.status}"
        facts = {_RESULT: outcome.result, "output_tokens": output_tokens}
        await self._mark(key(call.request_id), call, reason, facts)

    async def refused(self, call: GovernedCall) -> None:
        """Mark a call as refused by inspection. Never raises: without the marker it cannot be reported."""
        await self._mark(refusal_key(call.request_id), call, call.verdict.reason, {_RESULT: "refused"})

    async def _mark(self, key: Key, call: GovernedCall, reason: str, facts: dict[str, str | int]) -> None:
        item = {
            "principal": call.principal.id,
            "department": call.principal.department,
            **facts,
            _FACTS: _facts(call, self.clock(), reason),
            TTL: int((self.clock() + _KEPT).timestamp()),
        }
        try:
            await self.store.apply(Create(key, item))
        except Exception:  # whatever the store raises
            return

    async def answer(self, exchange: Exchange, principal: Principal, request_id: str) -> None:
        """Serve one request. Raises `ApiError` 404 for what is not the caller's own, 503."""
        keys = [answer_key(request_id), refusal_key(request_id), _other_key(request_id)]
        for item in await available(self.store.get(keys)):
            if item is not None and item["principal"] == principal.id and _RESULT in item:
                await exchange.answer(200, _JSON, json.dumps(_document(request_id, item)).encode())
                return
        raise not_found("You have no call on record with this request id.", reason="unknown_record")


def _document(request_id: str, item: Mapping[str, Any]) -> dict[str, Any]:
    facts = json.loads(str(item[_FACTS]))
    counted = {"output_tokens": int(item["output_tokens"])} if "output_tokens" in item else {}
    return {"type": "record", "request_id": request_id, "result": item[_RESULT], **facts, **counted}
