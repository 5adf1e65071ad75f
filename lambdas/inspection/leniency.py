"""What makes findings count for less: exceptions, and public content (L2.3, G.1).

Nothing is removed from the result: such a finding becomes Public, and its rule says why, so that records
show it. A value that identifies somebody or grants access is never public by declaration, nor is anything
protected by a label or the client's own dictionary.
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
    """Return the inspection with findings of these types and hashes made Public."""
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
    """Return the inspection of a text that a person declares to be published."""
    kept = tuple(one for one in inspection.violations if one.rule != _ABOUT_PERSONS)
    return _lowered(inspection, of_public_origin(inspection.findings, DECLARED_PUBLIC), kept)


def of_public_origin(findings: Iterable[Finding], why: str = PUBLIC_ORIGIN) -> list[Finding]:
    """Return the findings in a text from a public source."""
    return [_public(one, why) if one.type in _PRINTED else one for one in findings]


def is_lenient(finding: Finding) -> bool:
    """Return whether a finding counts for less than its type says."""
    return finding.rule.endswith(LENIENCIES)


def _public(finding: Finding, why: str) -> Finding:
    return replace(finding, level=DataClass.PUBLIC, rule=finding.rule + why)


def _lowered(
    inspection: Inspection, findings: Iterable[Finding], violations: tuple[Violation, ...]
) -> Inspection:
    kept = tuple(findings)
    return replace(inspection, findings=kept, violations=violations, level=level_of(kept, None))
