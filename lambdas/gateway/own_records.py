"""GET /v1/records/{request_id}: what is on record about the caller's own call, without its texts (L2.5,
L4.2).

Answered from the markers of answers and refusals, which are kept for 90 days; the records themselves are
for those named in the audit policy. Nobody learns whether somebody else's call exists.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lambdas.common.identities import Principal
from lambdas.common.ledger.items import Key, Store
from lambdas.gateway import errors
from lambdas.gateway.errors import Header, not_found
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.governed_call import GovernedCall

FACTS = "facts"
_JSON: list[Header] = [(b"content-type", b"application/json")]
_LONGEST_ID = 64
_MOST_FINDINGS = 20
_OF_A_FINDING = ("type", "level", "rule", "field")


def facts_of(call: GovernedCall, now: datetime) -> str:
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
            "reason": call.verdict.reason or None,
            "findings": [{name: one[name] for name in _OF_A_FINDING} for one in found[:_MOST_FINDINGS]],
        }
    )


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """Finds the markers in `store`."""

    store: Store

    async def answer(self, exchange: Exchange, principal: Principal, request_id: str) -> None:
        """Serve one request. Raises `ApiError` 404 for what is not the caller's own, 503."""
        keys = [
            Key("ledger", f"{kind}#{request_id[:_LONGEST_ID]}", sk)
            for kind, sk in (("ANSWER", "ANSWER"), ("REFUSED", "REFUSED"))
        ]
        try:
            answered, refused = await self.store.get(keys)
        except Exception:  # whatever the store raises: without it no call can be found
            raise errors.control_unavailable("ledger") from None
        for result, item in (("completed", answered), ("refused", refused)):
            if item is not None and item["principal"] == principal.id and FACTS in item:
                document = _document(request_id, result, item)
                await exchange.answer(200, _JSON, json.dumps(document).encode())
                return
        raise not_found(
            "You have no completed or refused call with this request id.", reason="unknown_record"
        )


def _document(request_id: str, result: str, item: Mapping[str, Any]) -> dict[str, Any]:
    facts = json.loads(str(item[FACTS]))
    counted = {"output_tokens": int(item["output_tokens"])} if "output_tokens" in item else {}
    return {"type": "record", "request_id": request_id, "result": result, **facts, **counted}
