"""POST /v1/feedback: how useful an answer was to its caller (L5.2, L5.3, G.6).

Body: {"request_id": "req_…", "useful": true, "minutes_saved": 20, "edited": false, "rejected": false,
"use_case": "campaign-copy"}; the first two are required. `minutes_saved` is 0 to 480. There is no free
text. Feedback on a completed answer is accepted once from its caller and from each member with a role that
the department names for this. Only the caller may state minutes saved, at most as many as an answer of its
length can plausibly have saved. Feedback becomes a record and thereby an event of measurement.
"""

import json
import re
from dataclasses import dataclass
from datetime import timedelta

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger.items import TTL, Cancelled, Create, Key, Remove, Store
from lambdas.common.statements import MOST_MINUTES, most_minutes
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.answered import Answered
from lambdas.gateway.errors import ApiError, invalid_request
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.json_body import JsonBody
from lambdas.gateway.record import Recorder

_KNOWN = ("request_id", "useful", "minutes_saved", "edited", "rejected", "use_case")
_USE_CASE = re.compile(r"[a-z][a-z0-9]*([./-][a-z0-9]+)*")
_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Statement:
    """Feedback on an answer."""

    request_id: str
    useful: bool
    minutes_saved: int
    edited: bool
    rejected: bool
    use_case: str | None


@dataclass(frozen=True, slots=True)
class Feedback:
    """Serves feedback. `store` tracks which answers have some."""

    recorder: Recorder
    answered: Answered
    store: Store
    clock: Clock

    async def take(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, body: JsonBody
    ) -> None:
        """Accept one statement. Raises `ApiError` 400, 404 for other people's answers, 409 for a second
        one, 503.
        """
        said = _read(body)
        answer = await self.answered.of(said.request_id, principal)
        most = most_minutes(answer.output_tokens) if answer.principal == principal.id else 0
        if said.minutes_saved > most:
            raise invalid_request(
                f"minutes_saved: at most {most} for an answer of {answer.output_tokens} tokens"
                + ("" if most else " that somebody else got")
            )
        key = Key("ledger", f"FEEDBACK#{said.request_id}", f"FEEDBACK#{principal.id}")
        mark = {"feedback": exchange.request_id}
        await self._remember(key, mark)
        try:
            await self.recorder.feedback(exchange.request_id, principal, said.request_id, _fields(said))
        except ApiError:
            await self._forget(key, mark)
            raise
        entry.recorded = True
        taken = {"type": "feedback", "id": exchange.request_id, "request_id": said.request_id}
        await exchange.answer(201, [(b"content-type", b"application/json")], json.dumps(taken).encode())

    async def _remember(self, key: Key, mark: dict[str, str]) -> None:
        item = {**mark, TTL: int((self.clock() + _KEPT).timestamp())}
        try:
            await self.store.transact([Create(key, item)])
        except Cancelled:
            raise ApiError(
                409,
                errors.INVALID_REQUEST,
                "There is feedback on this answer already; it is not counted twice.",
                reason="feedback_twice",
                retry=False,
            ) from None
        except Exception:  # whatever the store raises: without it feedback could count twice
            raise errors.control_unavailable("ledger") from None

    async def _forget(self, key: Key, mark: dict[str, str]) -> None:
        try:
            await self.store.transact([Remove(key, mark)])
        except Exception:
            return  # the caller learns that it failed; at worst this one answer stays without feedback


def _fields(said: Statement) -> dict[str, bool | int | str]:
    fields: dict[str, bool | int | str] = {
        "useful": said.useful,
        "minutes_saved": said.minutes_saved,
        "edited": said.edited,
        "rejected": said.rejected,
    }
    return fields | ({"use_case": said.use_case} if said.use_case else {})


def _read(body: JsonBody) -> Statement:
    fields = body.fields
    for name in fields:
        if name not in _KNOWN:
            raise invalid_request(f"{name[:100]}: unknown; known are {', '.join(_KNOWN)}")
    request_id, use_case = fields.get("request_id"), fields.get("use_case")
    if not isinstance(request_id, str) or len(request_id) > 64:
        raise invalid_request("request_id: the `request-id` header of an answer is required")
    if not isinstance(fields.get("useful"), bool):
        raise invalid_request("useful: true or false is required")
    flags = {name: fields.get(name, False) for name in ("edited", "rejected")}
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise invalid_request(f"{name}: must be true or false")
    minutes = fields.get("minutes_saved", 0)
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 0 <= minutes <= MOST_MINUTES:
        raise invalid_request(f"minutes_saved: must be a whole number from 0 to {MOST_MINUTES}")
    if flags["rejected"] and (fields["useful"] or minutes):
        raise invalid_request("rejected: an answer that was not used is not useful and saved no time")
    if minutes and not fields["useful"]:
        raise invalid_request("minutes_saved: an answer that was not useful saved no time")
    if use_case is not None and not (
        isinstance(use_case, str) and len(use_case) <= 64 and _USE_CASE.fullmatch(use_case)
    ):
        raise invalid_request("use_case: must be a name such as campaign-copy")
    return Statement(request_id, fields["useful"], minutes, flags["edited"], flags["rejected"], use_case)
