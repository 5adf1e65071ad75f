"""What counts for less than its kind says: an exception, and what is public already (L2.3, G.1).

Nothing is taken out of the result: a finding that counts for less is Public, and its rule says why, so that
records show it. A value that identifies somebody or opens something is never public because somebody says so,
nor is what a label or the client's own dictionary protects.
"""

from collections.abc import Iterable
from dataclasses import replace

from lambdas.inspection import meaning
from lambdas.inspection.findings import DataClass, Finding, Inspection, Violation
from lambdas.inspection.policy import level_of

EXCEPTED = ":excepted"
DECLARED_PUBLIC = ":declared-public"
PUBLIC_ORIGIN = ":public-origin"
LENIENCIES = (EXCEPTED, DECLARED_PUBLIC, PUBLIC_ORIGIN)
# what a newspaper prints every day: matters, public persons, how to reach them
_PRINTED = frozenset((*meaning.LEVELS, "PERSON", "ADDRESS", "EMAIL", "PHONE", "CUSTOMER_LIST"))
_ABOUT_PERSONS = "health-information"


def without_exceptions(inspection: Inspection, excepted: frozenset[tuple[str, str]]) -> Inspection:
    """The inspection with the findings of these types and hashes made Public."""
    if not excepted:
        return inspection
    return _lowered(
        inspection,
        [
            _public(one, EXCEPTED) if (one.type, one.value_hash) in excepted else one
            for one in inspection.findings
        ],
        inspection.violations,
    )


def as_public(inspection: Inspection) -> Inspection:
    """The inspection of a text that a person answers for as published."""
    kept = tuple(one for one in inspection.violations if one.rule != _ABOUT_PERSONS)
    return _lowered(inspection, of_public_origin(inspection.findings, DECLARED_PUBLIC), kept)


def of_public_origin(findings: Iterable[Finding], why: str = PUBLIC_ORIGIN) -> list[Finding]:
    """The findings in a text that anybody can read where it comes from."""
    return [_public(one, why) if one.type in _PRINTED else one for one in findings]


def is_lenient(finding: Finding) -> bool:
    """Whether a finding counts for less than its kind says."""
    return finding.rule.endswith(LENIENCIES)


def _public(finding: Finding, why: str) -> Finding:
    return replace(finding, level=DataClass.PUBLIC, rule=finding.rule + why)


def _lowered(
    inspection: Inspection, findings: Iterable[Finding], violations: tuple[Violation, ...]
) -> Inspection:
    kept = tuple(findings)
    return replace(inspection, findings=kept, violations=violations, level=level_of(kept, None))
