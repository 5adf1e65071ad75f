"""POST /v1/inspection-mistakes: inspection stopped something harmless, or missed something (L2.3, G.1).

Body: {"request_id": "req_…", "what": "stopped"} or "missed". There is no free text and no value: those
who tune the detectors read with `kit inspection mistakes` what the record of that request says was found.
A report is accepted once per request, from the caller who made it, for requests that inspection refused and
for answers; both leave a marker (`own_records`).
"""

import json
from dataclasses import dataclass
from datetime import timedelta

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger.items import TTL, Cancelled, Create, Key, Remove, Store
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.answered import Answered
from lambdas.gateway.errors import ApiError, invalid_request
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.json_body import JsonBody
from lambdas.gateway.own_records import refusal_key
from lambdas.gateway.record import Recorder

WHAT = ("stopped", "missed")
_KNOWN = ("request_id", "what")
_KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class InspectionMistakes:
    """Serves reports. `store` tracks which requests have one."""

    recorder: Recorder
    answered: Answered
    store: Store
    clock: Clock

    async def take(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, body: JsonBody
    ) -> None:
        """Accept one report. Raises `ApiError` 400, 404 for other people's requests, 409 for a second one,
        503.
        """
        request_id, what = _read(body)
        if not await self._was_refused(request_id, principal):
            await self.answered.of(request_id, principal)
        await self._once(request_id)
        try:
            await self.recorder.inspection_mistake(exchange.request_id, principal, request_id, what)
        except ApiError:
            await self._again(request_id)
            raise
        entry.recorded = True
        answer = {"type": "inspection_mistake", "id": exchange.request_id, "request_id": request_id}
        await exchange.answer(201, [(b"content-type", b"application/json")], json.dumps(answer).encode())

    async def _was_refused(self, request_id: str, principal: Principal) -> bool:
        try:
            (item,) = await self.store.get([refusal_key(request_id)])
        except Exception:  # whatever the store raises: without it no request can be found
            raise errors.control_unavailable("ledger") from None
        return item is not None and (item["principal"], item["department"]) == (
            principal.id,
            principal.department,
        )

    async def _once(self, request_id: str) -> None:
        try:
            await self.store.apply(Create(_key(request_id), {TTL: int((self.clock() + _KEPT).timestamp())}))
        except Cancelled:
            raise ApiError(
                409,
                errors.INVALID_REQUEST,
                "This request was reported already.",
                reason="reported_twice",
                retry=False,
            ) from None
        except Exception:  # whatever the store raises: nothing is reported as accepted that may not be
            raise errors.control_unavailable("ledger") from None

    async def _again(self, request_id: str) -> None:
        try:
            await self.store.apply(Remove(_key(request_id), {}))
        except Exception:
            return  # the caller learns that it failed; at worst this one request stays without a report


def _key(request_id: str) -> Key:
    return Key("ledger", f"INSPECTION-MISTAKE#{request_id}", "REPORT")


def _read(body: JsonBody) -> tuple[str, str]:
    for name in body.fields:
        if name not in _KNOWN:
            raise invalid_request(f"{name[:100]}: unknown; known are {', '.join(_KNOWN)}")
    request_id, what = body.fields.get("request_id"), body.fields.get("what")
    if not isinstance(request_id, str) or len(request_id) > 64:
        raise invalid_request("request_id: the `request-id` header of the answer is required")
    if what not in WHAT:
        raise invalid_request(f"what: must be one of {', '.join(WHAT)}")
    return request_id, what
