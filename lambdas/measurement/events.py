"""Events: what measurement reads of a metadata copy. No prompts, answers or free text (L5.1-L5.4).

A row is what `lambdas/common/audit/metadata.py` writes: columns, and `details` with the rest as JSON.
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.common.json_text import parse_json

KINDS = frozenset({"outcome", "refusal", "batch_results", "feedback", "review", "training", "use"})
DECISIONS = {
    "approve": "approved", "approved": "approved", "edit": "edited", "edited": "edited",
    "reject": "rejected", "rejected": "rejected",
}  # fmt: skip


ANSWERS = frozenset({"", "messages"})  # records of before `call` was recorded name none
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `at` is ISO 8601 in UTC, amounts are micro-dollars, `minutes` are minutes saved."""

    record_id: str
    kind: str
    at: str
    department: str
    principal: str
    person: bool
    request_id: str = ""
    use_case: str = ""
    model: str = ""
    result: str = ""
    status: int = 0
    reason: str = ""
    review_needed: bool = False
    registered: bool = False
    material: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0
    useful: bool = False
    minutes: int = 0
    edited: bool = False
    rejected: bool = False
    decision: str = ""
    trainer: str = ""
    call: str = ""
    booked_month: str = ""
    after_line: int = -1  # of results of a batch, which come in parts; -1 for what is whole
    synthetic: bool = False

    @property
    def day(self) -> str:
        """Return the UTC day that it is booked on, as YYYY-MM-DD.

        A call that began in one month and ended in the next is booked on the last day of the first, as in
        the ledger.
        """
        if self.booked_month and self.booked_month < self.at[:7]:
            year, month = int(self.booked_month[:4]), int(self.booked_month[5:])
            return f"{self.booked_month}-{monthrange(year, month)[1]:02d}"
        return self.at[:10]

    @property
    def answer(self) -> bool:
        """Return whether a person got a complete answer, on which value is based. Embeddings do not count."""
        return self.kind == "outcome" and self.person and self.result == "completed" and self.call in ANSWERS

    @property
    def provider_failed(self) -> bool:
        """Return whether a provider refused a valid call (overload, rate limit, error) or broke off its
        answer.
        """
        refused = self.result == "upstream_error" and (self.status >= 500 or self.status == 429)
        return self.kind == "outcome" and (refused or self.result == "interrupted")

    @property
    def gateway_failed(self) -> bool:
        """Return whether a call got no answer from any provider, or its process died."""
        return self.kind == "outcome" and self.result in ("failed", "expired")


def read_event(row: Mapping[str, Any]) -> Event | None:
    """Return the event of a row, or None if measurement does not count it (an intent, a manifest, a key)."""
    kind = row.get("kind")
    record_id, at = row.get("record_id"), row.get("at")
    if not (isinstance(kind, str) and isinstance(record_id, str) and isinstance(at, str)):
        return None
    if kind not in KINDS or len(at) < 10:
        return None
    details = _details(row.get("details"))
    get = row.get

    def said(name: str) -> Any:  # rows of before these were columns have them in `details`
        return row[name] if name in row else details.get(name)

    return Event(
        record_id=record_id,
        kind=kind,
        at=at,
        department=str(get("department") or "none"),
        principal=str(get("principal") or ""),
        person=get("principal_kind") == "person",
        request_id=str(get("request_id") or ""),
        use_case=str(get("use_case") or get("prompt") or details.get("use_case") or ""),
        model=str(get("model") or ""),
        result=str(get("result") or ""),
        status=_count(get("status")),
        reason=str(get("reason") or ""),
        review_needed=bool(get("requires_review")),
        registered=bool(get("prompt")),
        material=bool(get("material_decision")),
        input_tokens=_count(get("input_tokens")),
        output_tokens=_count(get("output_tokens")),
        cost_microusd=_count(get("cost_microusd")),
        useful=said("useful") is True,
        minutes=_count(said("minutes_saved")),
        edited=said("edited") is True,
        rejected=said("rejected") is True,
        decision=DECISIONS.get(str(said("decision") or get("result") or ""), ""),
        trainer=str(said("trainer") or ""),
        call=str(get("call") or ""),
        booked_month=_month(said("booked_month")),
        after_line=-1 if said("after_line") is None else _count(said("after_line")),
        synthetic=said("synthetic") is True,
    )


def _details(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, str):
        return {}
    try:
        details = parse_json(given)
    except ValueError:
        return {}
    return details if isinstance(details, dict) else {}


def _month(value: Any) -> str:
    return value if isinstance(value, str) and _MONTH.fullmatch(value) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
