"""Inspect a request before anything leaves, and say no in a way that a person understands (G.1, G.2, L2.3,
L2.4).

What is found and what follows from it is decided by `lambdas/inspection`; this step runs it for a caller and
turns its decision into a verdict on the call. A request that cannot be inspected is not sent: fail closed.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lambdas.common.identities import Principal
from lambdas.common.policy import DATA_CLASSES, Department, InspectionRules
from lambdas.gateway import errors
from lambdas.gateway.answer_filter import AnswerFilter
from lambdas.gateway.dictionary import DictionaryWatch
from lambdas.gateway.errors import ApiError, Header
from lambdas.gateway.json_body import JsonBody, parse_object
from lambdas.gateway.refusal_text import explained
from lambdas.inspection import (
    Action,
    AnswerPolicy,
    DataClass,
    Decision,
    Inspection,
    Inspector,
    decide,
    redact_request,
)
from lambdas.inspection import AnswerFilter as DepartmentFilter
from lambdas.inspection.json_text import json_bytes
from lambdas.inspection.redaction import RedactionError
from lambdas.inspection.second_stage import SecondStage, SecondStageFilter
from lambdas.inspection.withholding import WithholdingError, withhold_blocks

_IN_LOOP_BYTES = (
    16 * 1024
)  # above, inspection runs in a thread: it would keep other calls waiting for milliseconds


@dataclass(frozen=True, slots=True)
class Verdict:
    """What inspection decided. `record` goes into the audit record: types, places and keyed hashes, never a
    value.

    `body` is what may be sent: the caller's own, or the redacted one where the department opted in to that.
    """

    allowed: bool
    body: JsonBody
    data_class: str
    reason: str = ""
    message: str = ""
    requires_review: bool = False
    withhold: tuple[str, ...] = ()  # JSON pointers of the content blocks that must not leave
    restricted: frozenset[str] = frozenset()  # hashes of the restricted values that the request holds
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the caller says of its own request: `x-data-class`, and `x-human-review` when a person reviews the
    answer.
    """

    data_class: str | None = None
    human_review: bool = False


def read_declaration(headers: Mapping[bytes, bytes]) -> Declaration:
    """The declaration in the request's headers. Raises `ApiError` 400 for a class that does not exist."""
    declared = headers.get(b"x-data-class")
    data_class = declared.decode("latin-1").strip().lower() if declared else None
    if data_class is not None and data_class not in DATA_CLASSES:
        raise errors.invalid_request(f"x-data-class: must be one of {', '.join(DATA_CLASSES)}")
    return Declaration(data_class, headers.get(b"x-human-review", b"").strip().lower() == b"true")


class InspectionStep:
    """Runs one inspector for all calls of a process. `rules` gives what the current policy says of labels,
    canaries and hosts; `count` is told of each kind of finding in a request: department, kind, what followed.
    """

    def __init__(
        self,
        inspector: Inspector,
        dictionary: DictionaryWatch | None = None,
        second_stage: SecondStage | None = None,
        count: Callable[[str, str, str], None] = lambda *_: None,
        rules: Callable[[], InspectionRules] = InspectionRules,
    ) -> None:
        self._inspector = inspector
        self._dictionary = dictionary
        self._second_stage = second_stage
        self._count = count
        self._rules = rules

    async def verdict(
        self, body: JsonBody, department: Department, principal: Principal, declaration: Declaration
    ) -> Verdict:
        """The verdict on a request. Raises `ApiError` 503 when inspection itself fails."""
        if principal.data_classes is not None:
            narrowed = tuple(one for one in department.data_classes if one in principal.data_classes)
            department = replace(department, data_classes=narrowed)
        try:
            await self._follow_policy()
            if len(body.raw) <= _IN_LOOP_BYTES and self._second_stage is None:
                return self._verdict(body, department, declaration)
            return await asyncio.to_thread(self._verdict, body, department, declaration)
        except ApiError:
            raise
        except Exception:  # a defect in inspection must not let a request through
            raise errors.control_unavailable("inspection") from None

    async def _follow_policy(self) -> None:
        """An inspector of the dictionary and the labels that are in force now."""
        config = self._inspector.config
        dictionary = await self._dictionary.current() if self._dictionary else config.dictionary
        labels = self._rules().labels
        if dictionary is not config.dictionary or labels != config.labels:
            classes = {one: DataClass(level) for one, level in labels.items()}
            self._inspector = Inspector(replace(config, dictionary=dictionary, labels=classes))

    def _verdict(self, body: JsonBody, department: Department, declaration: Declaration) -> Verdict:
        inspection = self._inspector.inspect_request(body.fields, declaration.data_class)
        decision = decide(inspection, department, human_review=declaration.human_review)
        if self._second_stage is not None and decision.action is not Action.BLOCK:
            inspection = self._second_stage.inspect(body.fields, inspection)
            decision = decide(inspection, department, human_review=declaration.human_review)
        if decision.action is Action.REDACT or (decision.redact and decision.action is Action.WITHHOLD):
            try:
                chosen = inspection if decision.action is Action.REDACT else decision.redact
                redacted = redact_request(body.fields, chosen)
            except RedactionError:
                # a value in a file, a key or across two blocks: it cannot be cut out, so the request stays
                decision = decide(
                    inspection, _without_redaction(department), human_review=declaration.human_review
                )
            else:
                body = parse_object(json_bytes(redacted))
        if decision.withhold and decision.action is not Action.BLOCK:
            try:
                body = parse_object(json_bytes(withhold_blocks(body.fields, decision.withhold)))
            except WithholdingError:
                decision = decide(
                    inspection, _without_withholding(department), human_review=declaration.human_review
                )
        for kind in _kinds(inspection, decision):
            self._count(department.id, kind, decision.action.value)
        return Verdict(
            allowed=decision.action is not Action.BLOCK,
            body=body,
            data_class=inspection.level.value,
            reason=decision.reason,
            message=decision.message,
            requires_review=decision.requires_review,
            withhold=decision.withhold,
            restricted=frozenset(
                one.value_hash
                for one in inspection.findings
                if one.level.rank >= DataClass.RESTRICTED.rank and one.value_hash
            ),
            record=_record(inspection, decision),
        )

    def answer_filter(
        self, department: Department, restricted: frozenset[str] = frozenset()
    ) -> AnswerFilter | None:
        """A filter for one answer; None when the department's answers pass unfiltered. `restricted`: hashes
        of the restricted values that the request held.
        """
        if not department.redact_output:
            return None
        rules = self._rules()
        policy = AnswerPolicy(canaries=rules.canaries, allowed_hosts=rules.allowed_hosts, known=restricted)
        own = DepartmentFilter(self._inspector, policy)
        if self._second_stage is None:
            return own
        return SecondStageFilter(own, self._second_stage, policy)


def _kinds(inspection: Inspection, decision: Decision) -> list[str]:
    """What a request is counted under: why it was stopped, changed or flagged, each rule that it broke."""
    kinds = {one.rule for one in inspection.violations}
    if decision.action is not Action.ALLOW:
        kinds.add(decision.reason.removeprefix("use-"))
    return sorted(kinds)


def _without_withholding(department: Department) -> Department:
    inside = {f"{level}-in-tools": "block" for level in ("restricted", "confidential")}
    return replace(department, findings={**department.findings, **inside})


def _without_redaction(department: Department) -> Department:
    findings = {
        kind: "block" if action == "redact" else action for kind, action in department.findings.items()
    }
    return replace(department, findings=findings)


def _record(inspection: Inspection, decision: Decision) -> dict[str, Any]:
    action, reason = decision.action, decision.reason
    withheld = {"withheld": list(decision.withhold)} if decision.withhold else {}
    return {
        **withheld,
        "step": "inspect",
        "action": action.value,
        "reason": reason,
        "version": inspection.version,
        "dictionary": inspection.dictionary_version,
        "level": inspection.level.value,
        "injection_score": round(inspection.injection_score, 3),
        "findings": [
            {
                "type": one.type,
                "level": one.level.value,
                "rule": one.rule,
                "field": one.field,
                "hash": one.value_hash,
            }
            for one in inspection.findings
            if one.level is not DataClass.PUBLIC or action is not Action.ALLOW
        ],
        "uninspectable": [{"kind": one.kind, "field": one.field} for one in inspection.uninspectable],
        "violations": [{"rule": one.rule, "field": one.field} for one in inspection.violations],
    }


def refusal(verdict: Verdict, headers: Mapping[bytes, bytes], help_url: str | None) -> ApiError:
    """The answer to a request that inspection blocked: what, where in the caller's own words, what to do."""
    told = explained(verdict.message, verdict.body.fields, headers, help_url)
    return errors.policy_refusal(told, verdict.reason)


def review_headers(verdict: Verdict) -> list[Header]:
    """Tells the caller that a person must review the answer before it is used (L3.4, G.2)."""
    return [(b"x-human-review", b"required")] if verdict.requires_review else []
