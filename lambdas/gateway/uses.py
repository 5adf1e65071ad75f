"""POST /v1/records/{request_id}/outcome: how an answer was used and what resulted (G.3).

Body: {"use": "…", "result": "…", "material_decision": true, "reviewed_by": "…"}; `use` is required, each
text has at most 4,000 characters. Statements are appended to the call's records any number of times, and
never edited. Texts may be personal, so they are encrypted like the bodies of the call. Only the caller who
got the answer may make one, and members with a role that the department names for this.
"""

import json
from dataclasses import dataclass

from lambdas.common.identities import Principal
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.answered import Answered
from lambdas.gateway.errors import invalid_request
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.json_body import JsonBody
from lambdas.gateway.record import Recorder

_TEXT_LIMIT = 4_000
_TEXTS = ("use", "result", "reviewed_by")


@dataclass(frozen=True, slots=True)
class Uses:
    """Appends outcomes of answers."""

    recorder: Recorder
    answered: Answered

    async def append(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, request_id: str, body: JsonBody
    ) -> None:
        """Append one statement. Raises `ApiError` 400, 404 for other people's answers, 503."""
        fields = body.fields
        for name in fields:
            if name not in {*_TEXTS, "material_decision"}:
                raise invalid_request(f"{name}: unknown; known are {', '.join(_TEXTS)}, material_decision")
        for name in _TEXTS:
            value = fields.get(name, None if name == "use" else "")
            if not isinstance(value, str) or len(value) > _TEXT_LIMIT or (name == "use" and not value):
                raise invalid_request(f"{name}: a text of at most {_TEXT_LIMIT} characters is required")
        material = fields.get("material_decision", False)
        if not isinstance(material, bool):
            raise invalid_request("material_decision: must be true or false")
        await self.answered.of(request_id, principal)
        await self.recorder.use(
            exchange.request_id, principal, request_id, material_decision=material, text=body.raw
        )
        entry.recorded = True
        answer = {"type": "record", "id": exchange.request_id, "request_id": request_id}
        await exchange.answer(201, [(b"content-type", b"application/json")], json.dumps(answer).encode())
