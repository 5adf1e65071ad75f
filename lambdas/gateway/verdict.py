"""From a body to a verdict: what inspection found, what follows, and what of the body may leave (G.1, G.2,
L2.3).

Pure, so that any process can judge: `inspection` runs it in the gateway, `inspection_worker` in a separate
process.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from lambdas.common.json_text import json_bytes
from lambdas.common.policy import Department
from lambdas.gateway.json_body import JsonBody, parse_object
from lambdas.inspection import Action, DataClass, Decision, Inspection, KnownFile, decide, redact_request
from lambdas.inspection.known_files import with_known_files
from lambdas.inspection.leniency import as_public, is_lenient, without_exceptions
from lambdas.inspection.redaction import RedactionError
from lambdas.inspection.withholding import WithholdingError, withhold_blocks

_LEVELS = ("restricted", "confidential")
_MOST_RECORDED = 200  # findings in a record, which is kept for years; beyond that only their number


@dataclass(frozen=True, slots=True)
class Verdict:
    """Decision of the inspection. `record` goes into the audit record: types, places and keyed hashes,
    never a value.

    `body` is what may be sent: the caller's own, or the redacted one if the department opted in to that.
    """

    allowed: bool
    body: JsonBody
    data_class: str
    reason: str = ""
    message: str = ""
    requires_review: bool = False
    withhold: tuple[str, ...] = ()  # JSON pointers of the content blocks that must not leave
    restricted: frozenset[str] = frozenset()  # hashes of the restricted values in the request
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the caller declares about its own request: `x-data-class`, `x-human-review` if a person reviews
    the answer, and with the class public where it was published (`x-published-at`).
    """

    data_class: str | None = None
    human_review: bool = False
    published_at: str = ""


@dataclass(frozen=True, slots=True)
class Leniency:
    """What makes findings count for less in one call: exceptions in force, as (type, hash), whether its
    text is accepted as published, and files whose content is known.
    """

    exceptions: frozenset[tuple[str, str]] = frozenset()
    published_at: str = ""
    files: tuple[KnownFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, the `kinds` of finding to count, and the `action` taken."""

    verdict: Verdict
    kinds: tuple[str, ...]
    action: str


def judge(
    inspection: Inspection,
    body: JsonBody,
    department: Department,
    declaration: Declaration,
    leniency: Leniency = Leniency(),
) -> Judged:
    """Return what follows from an inspection of `body` for a call of `department`."""
    if not inspection.failure:
        inspection = with_known_files(inspection, leniency.files)
        inspection = without_exceptions(inspection, leniency.exceptions)
        inspection = as_public(inspection) if leniency.published_at else inspection
    decision = decide(inspection, department, human_review=declaration.human_review)
    if decision.action is Action.REDACT or (decision.redact and decision.action is Action.WITHHOLD):
        try:
            chosen = inspection if decision.action is Action.REDACT else decision.redact
            redacted = redact_request(body.fields, chosen)
        except RedactionError:
            # a value in a file, a key or across two blocks cannot be cut out, so the request is blocked
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
    allowed = decision.action is not Action.BLOCK
    verdict = Verdict(
        allowed=allowed,
        body=body,
        data_class=inspection.level.value,
        reason=decision.reason,
        message=decision.message,
        requires_review=decision.requires_review,
        withhold=decision.withhold,
        restricted=_restricted(inspection) if allowed else frozenset(),
        record={
            **_record(inspection, decision),
            **({"published_at": leniency.published_at} if leniency.published_at else {}),
        },
    )
    return Judged(verdict, tuple(_kinds(inspection, decision)), decision.action.value)


def _restricted(inspection: Inspection) -> frozenset[str]:
    return frozenset(
        one.value_hash
        for one in inspection.findings
        if one.level.rank >= DataClass.RESTRICTED.rank and one.value_hash
    )


def _kinds(inspection: Inspection, decision: Decision) -> list[str]:
    """Return what to count a request under: why it was stopped, changed or flagged, and each rule that it
    broke.
    """
    kinds = {one.rule for one in inspection.violations}
    if decision.action is not Action.ALLOW:
        kinds.add(decision.reason.removeprefix("use-"))
    return sorted(kinds)


def _without_withholding(department: Department) -> Department:
    inside = {f"{level}-in-tools": "block" for level in _LEVELS}
    return replace(department, findings={**department.findings, **inside})


def _without_redaction(department: Department) -> Department:
    findings = {
        kind: "block" if action == "redact" else action for kind, action in department.findings.items()
    }
    return replace(department, findings=findings)


def taken_whole(department: Department) -> Department:
    """Return the department's rules for content that nothing can be cut out of: what would be redacted or
    withheld is refused.
    """
    findings = dict(department.findings)
    for level in _LEVELS:
        own = findings.get(level, "block")
        for kind in (level, f"{level}-in-tools"):
            given = findings.get(kind, own)
            findings[kind] = given if given in {"allow", "flag"} else "block"
    return replace(department, findings=findings)


def _record(inspection: Inspection, decision: Decision) -> dict[str, Any]:
    action, reason = decision.action, decision.reason
    withheld = {"withheld": list(decision.withhold)} if decision.withhold else {}
    recorded = [
        one
        for one in inspection.findings
        if one.level is not DataClass.PUBLIC or action is not Action.ALLOW or is_lenient(one)
    ]
    beyond = Counter(one.type for one in recorded[_MOST_RECORDED:]) if recorded else {}
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
            for one in recorded[:_MOST_RECORDED]
        ],
        **({"more_findings": dict(sorted(beyond.items()))} if beyond else {}),
        "uninspectable": [
            {"kind": one.kind, "field": one.field} for one in inspection.uninspectable[:_MOST_RECORDED]
        ],
        "violations": [
            {"rule": one.rule, "field": one.field} for one in inspection.violations[:_MOST_RECORDED]
        ],
    }
