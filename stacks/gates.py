"""Gates between stages: exit criteria, their evidence, and enforcement (S.1-S.3, G.5).

A stage can be evaluated only while all criteria of the stages before it are met. Human criteria are met by
an attestation: who, when, and the SHA-256 of the approved document; if the document changes, the criterion
is open again. Measured criteria are met by a value that `kit gate measure` computed from the deployment and
that reaches its threshold; in production, values entered by hand do not count. Evidence is kept under
version control (`stacks/config/evidence/<client>.yaml`), so auditors see it in a diff.

Evaluation is pure: no clock and no cloud. Evidence expires relative to the latest date in the evidence
itself.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from contract.problems import nearest
from contract.writing import published
from stacks.evidence import Attestation, Evidence, EvidenceError, Measurement, read_evidence
from stacks.settings import STAGES, Settings, Stage

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = "documents"
_APPROVAL_DAYS = 400  # approved yearly, with five weeks of grace to renew
_MEASUREMENT_DAYS = 35  # measured within the last month
State = Literal["met", "missing", "changed", "stale", "below", "typed", "waived"]


class GateClosed(Exception):
    """Criteria of earlier stages are not met. The message lists each one and how to record it."""

    def __init__(self, stage: Stage, findings: "Sequence[Finding]", problems: Sequence[str] = ()) -> None:
        self.stage = stage
        self.findings = tuple(findings)
        self.problems = tuple(problems)
        lines = [
            f"  {each.criterion.name} ({each.criterion.stage}): {each.detail}\n    {each.hint}"
            for each in findings
        ]
        lines += [f"  {problem}" for problem in problems]
        super().__init__(
            f"the gate to stage {stage} is closed:\n" + "\n".join(lines) + "\nall criteria: kit gate status"
        )


@dataclass(frozen=True, slots=True)
class Criterion:
    """One exit criterion of a stage.

    Human: `document` is the approved file in `documents/`, or None if the approver names one. Measured:
    `threshold` is the minimum, taken from the size and the client's configuration.
    """

    name: str
    stage: Stage
    title: str
    kind: Literal["human", "measured"]
    requirement: str
    document: str | None = None
    threshold: int = 0
    unit: str = ""
    source: str = ""
    waivable: bool = True
    owner: str = ""  # office that is accountable for the criterion
    people: int = 1  # number of signed-in people who must attest it in production

    @property
    def valid_days(self) -> int:
        """Return for how many days the evidence is valid, relative to the latest date in the evidence."""
        return _APPROVAL_DAYS if self.kind == "human" else _MEASUREMENT_DAYS


@dataclass(frozen=True, slots=True)
class Finding:
    """Status of one criterion, with its latest evidence."""

    criterion: Criterion
    state: State
    detail: str
    hint: str = ""
    evidence: Attestation | Measurement | None = None

    @property
    def holds(self) -> bool:
        """Return whether the criterion is met or waived."""
        return self.state in ("met", "waived")


def criteria(settings: Settings) -> tuple[Criterion, ...]:
    """Return the exit criteria of all stages, in order."""
    return (*_foundation(), *_integration(settings), *_rollout(settings))


def _foundation() -> tuple[Criterion, ...]:
    def approved(
        name: str,
        title: str,
        requirement: str,
        document: str,
        owner: str,
        *,
        waivable: bool = True,
        people: int = 1,
    ) -> Criterion:
        return Criterion(
            name, "foundation", title, "human", requirement, f"{DOCUMENTS}/{document}.md", waivable=waivable,
            owner=owner, people=people,
        )  # fmt: skip

    return (
        approved(
            "data-classification-approved",
            "Data classification approved by the board",
            "G.1",
            "data-classification",
            "board",
        ),
        approved(
            "acceptable-use-approved", "Acceptable-use policy approved by the board", "G.2", "acceptable-use",
            "board",
        ),
        approved(
            "audit-policy-approved", "Audit policy approved by the board", "G.3", "audit-policy", "board"
        ),
        approved(
            "zero-training-attested",
            "Contract excludes training on our data",
            "G.5",
            "zero-training",
            "legal and compliance",
            waivable=False,
            people=2,
        ),
        approved("coe-staffed", "Center of Excellence staffed", "C.1", "coe-charter", "director"),
        approved("budget-secured", "Budget secured", "S.1", "budget-approval", "chief financial officer"),
    )  # fmt: skip


def _integration(settings: Settings) -> tuple[Criterion, ...]:
    def measured(
        name: str, title: str, requirement: str, threshold: int, unit: str, source: str
    ) -> Criterion:
        return Criterion(
            name, "integration", title, "measured", requirement, threshold=threshold, unit=unit,
            source=source,
            owner="AI engineers" if source in ("ledger", "kit audit verify") else "enablement lead",
        )  # fmt: skip

    pilots = max(1, min(2, len(settings.pilots)))
    trained = settings.sizing.adoption.trained_percent
    return (
        measured(
            "applications-integrated",
            "API integrated with production systems",
            "S.2",
            1,
            "applications",
            "ledger",
        ),
        measured("pilots-live", "Pilot departments live", "S.2", pilots, "departments", "ledger"),
        measured(
            "pilot-outputs", "Pilots generate outputs", "S.2", 100, "answers in a week", "audit records"
        ),
        measured(
            "records-complete",
            "Every answer served has its record",
            "L2.5",
            100,
            "percent",
            "kit audit verify",
        ),
        measured("pilot-teams-trained", "Pilot teams trained", "S.2", trained, "percent", "training records"),
    )


def _rollout(settings: Settings) -> tuple[Criterion, ...]:
    def measured(
        name: str, title: str, requirement: str, threshold: int, unit: str, source: str
    ) -> Criterion:
        return Criterion(
            name, "rollout", title, "measured", requirement, threshold=threshold, unit=unit, source=source,
            owner="data science lead" if source == "feedback and baselines" else "enablement lead",
        )  # fmt: skip

    adoption = settings.sizing.adoption
    return (
        measured(
            "people-live", "People use Claude", "S.3", adoption.live_people, "people in a month", "ledger"
        ),
        measured(
            "champions-active", "Champions launched", "L4.6", adoption.champions, "people", "champions group"
        ),
        measured(
            "roi-measured",
            "Value measured against a baseline",
            "L5.2",
            max(1, min(2, len(settings.pilots))),
            "departments",
            "feedback and baselines",
        ),
        Criterion("roi-published", "rollout", "Measured ROI published", "human", "L5.5", owner="director"),
        Criterion(
            "roadmap-approved",
            "rollout",
            "Roadmap of the next quarter approved",
            "human",
            "S.3",
            owner="board",
        ),
        Criterion(
            "governance-reviewed",
            "rollout",
            "Quarterly governance review held",
            "human",
            "L5.5",
            owner="governance lead",
        ),
    )


def criterion_named(name: str, settings: Settings) -> Criterion:
    """Return the criterion with this name. Raises `KeyError` with the closest name as its argument."""
    known = {each.name: each for each in criteria(settings)}
    if name not in known:
        raise KeyError(f'"{name}" is not a criterion; {nearest(name, known)}')
    return known[name]


def assess(settings: Settings, *, root: Path = ROOT, today: date | None = None) -> tuple[Finding, ...]:
    """Return the status of every criterion of all stages.

    With `today`, age is measured against that date instead of the latest date in the evidence.

    Raises:
        EvidenceError: an evidence file is unreadable, or contains a demonstration where none is allowed.
    """
    evidence = _evidence(settings)
    typed_counts = settings.emulated or not settings.production
    newest = max((one for one in (evidence.newest, today) if one), default=None)
    places = roots(settings, root)
    return tuple(_judge(each, evidence, newest, places, typed_counts) for each in criteria(settings))


def require_open(stage: Stage, settings: Settings, *, root: Path = ROOT) -> dict[str, Any]:
    """Enforce the gate to `stage`. Return the record of why it is open, as plain data for the governance
    bucket.

    Foundation has no preconditions; its record lists no criteria.

    Raises:
        GateClosed: criteria of an earlier stage are neither met nor waived, or the override is invalid.
    """
    try:
        findings = assess(settings, root=root)
    except EvidenceError as error:
        raise GateClosed(stage, (), [str(error)]) from error
    earlier = [each for each in findings if STAGES.index(each.criterion.stage) < STAGES.index(stage)]
    override = (
        settings.gate_override if settings.gate_override and settings.gate_override.stage == stage else None
    )
    waived, problems = _waived(earlier, override.criteria if override else (), settings)
    judged = [
        _waive(each, override) if override and each.criterion.name in waived else each for each in earlier
    ]
    still_open = [each for each in judged if not each.holds]
    if still_open or problems:
        raise GateClosed(stage, still_open, problems)
    return {
        "client": settings.client,
        "criteria": [_as_record(each) for each in judged],
        "emulated": settings.emulated,
        "environment": settings.environment,
        "override": published(override) if override else None,
        "stage": stage,
        "version": 1,
    }


def demonstration(settings: Settings, on: date, by: str, *, root: Path = ROOT) -> Evidence:
    """Return evidence that meets every criterion and declares itself a demonstration.

    For the emulated AWS: `kit up` writes it to a separate file, which evaluation accepts only if the
    configuration says `emulated`.
    """
    attestations: list[Attestation] = []
    measurements: list[Measurement] = []
    for each in criteria(settings):
        if each.kind == "human":
            document = each.document or f"{DOCUMENTS}/audit-policy.md"
            digest = approved_hash(document, roots(settings, root)) or "0" * 64
            attestations.append(Attestation(each.name, by, on, document, digest, demonstration=True))
        else:
            measurements.append(
                Measurement(each.name, on, each.threshold, each.threshold, by, demonstration=True)
            )
    return Evidence(tuple(attestations), tuple(measurements))


def roots(settings: Settings, root: Path = ROOT) -> tuple[Path, ...]:
    """Return the folders searched for documents: the client's, then the kit's."""
    return (Path(settings.client_folder), root) if settings.client_folder else (root,)


def approved_hash(document: str, roots: Sequence[Path]) -> str | None:
    """Return the SHA-256 of the document in the first folder that has it, or None if none does."""
    return next((digest for root in roots if (digest := document_hash(root / document))), None)


def document_hash(path: Path) -> str | None:
    """Return the hex SHA-256 of the document, which is what people approve, or None if there is no such
    file.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def _evidence(settings: Settings) -> Evidence:
    recorded = read_evidence(Path(settings.evidence_file), demonstration=False)
    if settings.emulated and settings.demonstration_evidence:
        return recorded + read_evidence(Path(settings.demonstration_evidence), demonstration=True)
    return recorded


def _judge(
    criterion: Criterion, evidence: Evidence, newest: date | None, roots: Sequence[Path], typed_counts: bool
) -> Finding:
    if criterion.kind == "human":
        return _judge_attestation(criterion, evidence, newest, roots, typed_counts)
    return _judge_measurement(criterion, evidence.measurement(criterion.name), newest, typed_counts)


def _judge_attestation(
    criterion: Criterion, evidence: Evidence, newest: date | None, roots: Sequence[Path], typed_counts: bool
) -> Finding:
    latest = evidence.attestation(criterion.name)
    document = criterion.document or (latest.document if latest else "FILE")
    again = f"kit gate attest {criterion.name} --by NAME" + (
        "" if criterion.document else f" --document {document}"
    )
    if latest is None:
        return Finding(criterion, "missing", "not attested", f"record it: {again}")
    if latest.document != document or approved_hash(latest.document, roots) != latest.sha256:
        detail = f"{document} is not what {latest.by} approved on {latest.dated}"
        return Finding(criterion, "changed", detail, f"have it approved again: {again}", latest)
    if _expired(latest.dated, criterion, newest):
        age = f"more than {criterion.valid_days} days before {newest}"
        detail = f"approved by {latest.by} on {latest.dated}, {age}"
        return Finding(criterion, "stale", detail, f"have it approved again: {again}", latest)
    since = (newest or latest.dated) - timedelta(days=criterion.valid_days)
    signed = evidence.attested_by(latest, since)
    if not typed_counts and not latest.demonstration and len(signed) < criterion.people:
        wanted = f"{criterion.people} signed-in people" if criterion.people > 1 else "a signed-in person"
        detail = f"{latest.by} is named; {len(signed)} of {criterion.people} were signed in to AWS"
        hint = f"{wanted} of {criterion.owner or 'the office'} record it, each with their own role: {again}"
        return Finding(criterion, "typed", detail, hint, latest)
    return Finding(
        criterion, "met", f"{latest.by}, {latest.dated}, sha256 {latest.sha256[:12]}", evidence=latest
    )


def _judge_measurement(
    criterion: Criterion, latest: Measurement | None, newest: date | None, typed_counts: bool
) -> Finding:
    wanted = f"{criterion.threshold} {criterion.unit}"
    again = f"kit gate measure {criterion.name} ({criterion.source}, at least {wanted})"
    if latest is None:
        return Finding(criterion, "missing", f"not measured; at least {wanted}", f"measure it: {again}")
    if latest.value < criterion.threshold:
        detail = f"{latest.value} measured on {latest.dated}, at least {wanted}"
        return Finding(criterion, "below", detail, f"measure it when it is reached: {again}", latest)
    if not latest.query and not typed_counts:
        detail = f"{latest.value} was typed in on {latest.dated}, not measured; at least {wanted}"
        return Finding(criterion, "typed", detail, f"measure it: {again}", latest)
    if _expired(latest.dated, criterion, newest):
        detail = f"measured on {latest.dated}, more than {criterion.valid_days} days before {newest}"
        return Finding(criterion, "stale", detail, f"measure again: {again}", latest)
    return Finding(
        criterion, "met", f"{latest.value} of {wanted}, {latest.dated}, {latest.source}", evidence=latest
    )


def _expired(on: date, criterion: Criterion, newest: date | None) -> bool:
    return newest is not None and newest - on > timedelta(days=criterion.valid_days)


def _waived(
    earlier: Sequence[Finding], names: Sequence[str], settings: Settings
) -> tuple[set[str], list[str]]:
    """Return the criteria that the override waives, and what is wrong with the override."""
    known = {each.criterion.name: each.criterion for each in earlier}
    problems = [
        f'gate_override.criteria: "{name}" is not a criterion before this stage; {nearest(name, known)}'
        for name in names
        if name not in known
    ]
    problems += [
        f"gate_override.criteria: {name} cannot be waived in production"
        for name in names
        if name in known and settings.production and not settings.emulated and not known[name].waivable
    ]
    return {name for name in names if name in known}, problems


def _waive(finding: Finding, override: Any) -> Finding:
    if finding.holds:
        return finding
    detail = f"{finding.state}: {finding.detail}; waived by {override.approver}: {override.reason}"
    return Finding(finding.criterion, "waived", detail, evidence=finding.evidence)


def _as_record(finding: Finding) -> dict[str, Any]:
    criterion = finding.criterion
    return {
        "criterion": criterion.name,
        "evidence": finding.evidence.as_document() if finding.evidence else None,
        "kind": criterion.kind,
        "requirement": criterion.requirement,
        "stage": criterion.stage,
        "state": finding.state,
        "threshold": criterion.threshold if criterion.kind == "measured" else None,
        "title": criterion.title,
    }


def summary(findings: Sequence[Finding]) -> Mapping[Stage, tuple[int, int]]:
    """Return for each stage the number of criteria that are met, and their total."""
    return {
        stage: (
            sum(each.holds for each in findings if each.criterion.stage == stage),
            sum(each.criterion.stage == stage for each in findings),
        )
        for stage in STAGES
    }
