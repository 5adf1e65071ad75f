"""Records of a call: the intent before it is sent, the outcome before its answer is complete, a refusal as
a violation (L2.5, G.2, G.3).

Bodies are passed separately from the record: the audit store encrypts them with the key of the department
and the subject, and keeps the record itself readable for auditors without them.
"""

import asyncio
import hashlib
import re
from collections import Counter
from typing import Any, Protocol

from lambdas.common.clock import Clock, utc_now
from lambdas.common.identities import Principal
from lambdas.common.subject_keys import SubjectErased
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessLog
from lambdas.gateway.called_tools import as_recorded
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.outcome import Outcome
from lambdas.gateway.own_records import OwnRecords
from lambdas.gateway.refusal_counts import RefusalCounts
from lambdas.gateway.reserve import Reserved
from lambdas.gateway.settle import Cost

_CLAUDE_CODE = (
    ("client_session", b"x-claude-code-session-id"),
    ("client_agent", b"x-claude-code-agent-id"),
    ("client_parent_agent", b"x-claude-code-parent-agent-id"),
)
_REFUSED_BYTES = 16 * 1024
_REFUSALS_PER_HOUR = 100
_OPAQUE = re.compile(r"[0-9A-Za-z_-]{1,64}")


class Audit(Protocol):
    """The part of the audit store that the gateway needs. A record is durable on return, and not if it
    raises.
    """

    async def append(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> None: ...
    def close(self) -> None: ...


class _Refusals:
    """Number of recorded refusals per caller in the current hour, in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hour = 0
        self._recorded: dict[str, int] = {}
        self._left_out: dict[str, int] = {}

    def before(self, caller: str) -> int | None:
        """Return how many were omitted since the last recorded one, or None if this one is omitted too."""
        hour = int(self._clock().timestamp() // 3600)
        if hour != self._hour:
            self._hour = hour
            self._recorded.clear()
        if self._recorded.get(caller, 0) >= _REFUSALS_PER_HOUR:
            self._left_out[caller] = self._left_out.get(caller, 0) + 1
            return None
        self._recorded[caller] = self._recorded.get(caller, 0) + 1
        return self._left_out.pop(caller, 0)


class Recorder:
    """Writes the records of calls, with the markers by which their callers find them, and logs each record
    that is lost.
    """

    def __init__(
        self, audit: Audit, log: AccessLog, counts: RefusalCounts, own: OwnRecords, clock: Clock = utc_now
    ) -> None:
        self._audit = audit
        self._counts = counts
        self._own = own
        self._refusals = _Refusals(clock)
        self._log = log

    async def intent(self, call: GovernedCall, reserved: Reserved) -> None:
        """Record the intent before the call is sent.

        Raises `ApiError` 503 if the record is not durable, 403 if the caller's data were erased, so that
        nothing may be stored.
        """
        record = {**_about(call, "intent"), "reserved_microusd": reserved.microusd}
        await self._append(record, {"request": call.body})

    async def outcome(self, call: GovernedCall, outcome: Outcome, cost: Cost, booked_month: str) -> None:
        """Record the outcome before the answer is complete. `booked_month` is where the ledger counts the
        cost.

        Raises `ApiError` 503 if the record is not durable.
        """
        record = {
            **_about(call, "outcome"),
            "result": outcome.result,
            "status": outcome.status,
            "reason": outcome.reason,
            "provider": call.provider,
            "attempts": [{"provider": one.provider, "result": one.result} for one in call.attempts],
            "upstream_request_id": outcome.upstream_request_id,
            "stop_reason": outcome.stop_reason,
            "usage": outcome.usage,
            "input_tokens": cost.input_tokens,
            "output_tokens": cost.output_tokens,
            "cost_microusd": cost.microusd,
            "cost_estimated": cost.estimated,
            "uncertain_microusd": cost.uncertain_microusd,
            "booked_month": booked_month,
            "answer_filter": outcome.decisions,
            **({"called": as_recorded(outcome.called, call.rules)} if outcome.called else {}),
        }
        if outcome.called:
            for kind, number in Counter(one.kind for one in outcome.called).items():
                self._log.tools_called(kind, number)
        marking = asyncio.ensure_future(self._own.ended(call, outcome, cost.output_tokens))
        try:
            await self._audit.append(record, bodies={"response": outcome.response})
        except SubjectErased:  # during the call: what happened stays on record, without the texts
            await self._append({**record, "erased": True}, {})
        except Exception:
            raise errors.control_unavailable("audit store") from None
        finally:
            await marking

    async def refusal(self, call: GovernedCall) -> None:
        """Record a request that inspection blocked and that is never sent.

        As records are kept for years, the attempt is kept in small form: findings and their places, size
        and hash of the body, the body itself if it is short. Above a limit per caller and hour only the
        number is kept. Raises `ApiError` 503.
        """
        await asyncio.gather(self._counts.count(call), self._own.refused(call))
        before = self._refusals.before(call.principal.id)
        if before is None:
            return
        record = {
            **_about(call, "refusal"),
            "reason": call.verdict.reason,
            "request_bytes": len(call.body),
            "request_sha256": hashlib.sha256(call.body).hexdigest(),
            "not_recorded_before": before,
        }
        small = len(call.body) <= _REFUSED_BYTES
        await self._append(record, {"request": call.body} if small else {})

    async def counted(self, call: GovernedCall) -> None:
        """Record that a provider counts the tokens of a text, without the text. Raises `ApiError` 503."""
        await self._append({**_about(call, "count_tokens"), "request_bytes": len(call.body)}, {})

    async def batch_access(
        self, exchange_id: str, principal: Principal, request_id: str, batch_id: str, what: str
    ) -> None:
        """Record that somebody viewed a batch, retrieved its results or cancelled it. Raises `ApiError`
        503.

        `exchange_id` is the id of this request in the access log; `request_id` the one that created the
        batch.
        """
        record = {
            "kind": "batch_access",
            "request_id": request_id,
            "exchange_id": exchange_id,
            "batch_id": batch_id,
            "what": what,
            "principal": principal.id,
            "principal_kind": principal.kind,
            "department": principal.department,
        }
        await self._append(record, {})

    async def batch_results(
        self,
        exchange_id: str,
        principal: Principal,
        request_id: str,
        batch_id: str,
        cost: Cost,
        results: bytes,
        *,
        after_line: int,
        model: str,
        provider: str,
        booked_month: str,
    ) -> None:
        """Record a chunk of a batch, the lines after `after_line`, when it is first seen. Raises `ApiError`
        503.

        `exchange_id` is the id of this request in the access log; `request_id` the one that created the
        batch. `booked_month` is that of the reservation, in which the ledger counts the cost.
        """
        record = {
            "kind": "batch_results",
            "request_id": request_id,
            "exchange_id": exchange_id,
            "batch_id": batch_id,
            "after_line": after_line,
            "provider": provider,
            "principal": principal.id,
            "principal_kind": principal.kind,
            "department": principal.department,
            "input_tokens": cost.input_tokens,
            "output_tokens": cost.output_tokens,
            "cost_microusd": cost.microusd,
            "model": model,
            "booked_month": booked_month,
        }
        await self._append(record, {"response": results})

    async def file_access(
        self,
        exchange_id: str,
        principal: Principal,
        request_id: str,
        file_id: str,
        what: str,
        about: dict[str, Any],
        content: bytes = b"",
    ) -> None:
        """Record that somebody uploaded, listed, viewed, downloaded or deleted a file.

        The name of a file may be personal and is not recorded. `exchange_id` is the id of this request in
        the access log; `request_id` the one that the file comes from. `about` has further fields; `content`
        is the file itself. Raises `ApiError` 503, 403 if the caller's data were erased.
        """
        record = {
            "kind": "file_access",
            "request_id": request_id,
            "exchange_id": exchange_id,
            "file_id": file_id,
            "what": what,
            "principal": principal.id,
            "principal_kind": principal.kind,
            "department": principal.department,
            **about,
        }
        if content:
            record["request_bytes"] = len(content)
            record["request_sha256"] = hashlib.sha256(content).hexdigest()
        await self._append(record, {"request": content} if content else {})

    async def use(
        self,
        statement_id: str,
        principal: Principal,
        request_id: str,
        *,
        material_decision: bool,
        text: bytes,
    ) -> None:
        """Record how an earlier answer was used (G.3). Raises `ApiError` 503 if the record is not durable."""
        record = {
            "kind": "use",
            "request_id": request_id,
            "statement_id": statement_id,
            "principal": principal.id,
            "principal_kind": principal.kind,
            "department": principal.department,
            "material_decision": material_decision,
        }
        await self._append(record, {"statement": text})

    async def feedback(
        self,
        statement_id: str,
        principal: Principal,
        request_id: str,
        fields: dict[str, bool | int | str],
    ) -> None:
        """Record how useful an earlier answer was (L5.2). Raises `ApiError` 503 if the record is not
        durable.
        """
        record = {
            "kind": "feedback",
            "request_id": request_id,
            "statement_id": statement_id,
            "principal": principal.id,
            "principal_kind": principal.kind,
            "department": principal.department,
            **fields,
        }
        await self._append(record, {})

    async def inspection_mistake(
        self, statement_id: str, principal: Principal, request_id: str, what: str
    ) -> None:
        """Record that inspection was wrong about a request (L2.3). Raises `ApiError` 503 if the record is
        not durable.
        """
        record = {
            "kind": "inspection-mistake",
            "request_id": request_id,
            "statement_id": statement_id,
            "principal": principal.id,
            "principal_kind": principal.kind,
            "department": principal.department,
            "what": what,
        }
        await self._append(record, {})

    async def _append(self, record: dict[str, Any], bodies: dict[str, bytes]) -> None:
        try:
            await self._audit.append(record, bodies=bodies)
        except SubjectErased:
            raise errors.erased() from None
        except Exception:  # whatever the store raises: no answer without a record
            self._log.audit_failure()
            raise errors.control_unavailable("audit store") from None


def _about(call: GovernedCall, kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "request_id": call.request_id,
        **({"edge_id": call.entry.edge_id} if call.entry.edge_id else {}),
        **_of_claude_code(call),
        "call": call.kind,
        "principal": call.principal.id,
        "principal_kind": call.principal.kind,
        "department": call.principal.department,
        "use_case": call.use_case,
        "prompt": call.prompt.id if call.prompt else None,
        "prompt_version": call.prompt.version if call.prompt else None,
        "data_class": call.verdict.data_class,
        "requires_review": call.verdict.requires_review,
        "alias": call.alias,
        "model": call.model,
        "stream": call.stream,
        "decisions": [call.verdict.record, *([dict(call.rules)] if call.rules else [])],
    }


def _of_claude_code(call: GovernedCall) -> dict[str, str]:
    """Return the session and agent that Claude Code reports: opaque ids, or nothing."""
    headers = call.exchange.headers
    given = {name: headers[header].decode("latin-1") for name, header in _CLAUDE_CODE if header in headers}
    return {name: value for name, value in given.items() if _OPAQUE.fullmatch(value)}
