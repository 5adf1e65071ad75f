"""POST /v1/inspections: what inspection would do with a text, which is neither sent nor stored (L4.4, G.2).

Body: {"text": "…"}. The answer contains the class, the findings, and what would happen in the caller's
department. No record, no count of findings and no copy of the text is made; the call counts towards the
rate.
"""

from dataclasses import dataclass
from typing import Any

from lambdas.common.identities import Principal
from lambdas.common.json_text import json_bytes
from lambdas.common.policy import PolicyWatch
from lambdas.gateway.authorise import department_of
from lambdas.gateway.errors import Header, invalid_request
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.gate import Gate
from lambdas.gateway.inspection import Declaration, InspectionStep, Verdict
from lambdas.gateway.json_body import JsonBody, parse_object
from lambdas.gateway.refusal_text import explained

_JSON: list[Header] = [(b"content-type", b"application/json")]
LONGEST = 20_000  # characters


@dataclass(frozen=True, slots=True)
class DryRun:
    """Serves dry runs. Created once; holds no state of a call."""

    policy: PolicyWatch
    gate: Gate
    inspection: InspectionStep

    async def answer(self, exchange: Exchange, principal: Principal, body: JsonBody) -> None:
        """Serve one request. Raises `ApiError` 400, 429, 451, 503."""
        text = body.fields.get("text")
        if set(body.fields) != {"text"} or not isinstance(text, str) or not 0 < len(text) <= LONGEST:
            raise invalid_request(f"text: must be the only field, with 1 to {LONGEST} characters")
        await self.gate.admit(principal, exchange.headers)
        policy = self.policy.current()
        message = {"messages": [{"role": "user", "content": text}]}
        verdict = await self.inspection.verdict(
            parse_object(json_bytes(message)),
            department_of(policy, principal),
            principal,
            Declaration(),
            counted=False,
        )
        shown = explained(verdict.message, message, exchange.headers, None) if verdict.message else ""
        await exchange.answer(200, _JSON, json_bytes(_document(verdict, shown)))


def _document(verdict: Verdict, message: str) -> dict[str, Any]:
    found = {(one["type"], one["level"]) for one in verdict.record.get("findings", ())}
    return {
        "type": "inspection",
        "allowed": verdict.allowed,
        "action": verdict.record.get("action", ""),
        "data_class": verdict.data_class,
        "requires_review": verdict.requires_review,
        "message": message,
        "findings": [{"type": kind, "level": level} for kind, level in sorted(found)],
        "rules": sorted({one["rule"] for one in verdict.record.get("violations", ())}),
    }
