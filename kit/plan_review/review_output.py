"""A review for its readers: grouped by cause, as Markdown for a pull request, as SARIF for a code scanner."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.plan_review.finding import SEVERITIES, Finding, Severity

_SHOWN = 5  # resources that a group names
_LEVELS: Mapping[Severity, str] = {"critical": "error", "warning": "warning", "info": "note"}
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# What rules are about, and who has to agree: the first prefix that fits decides.
_ABOUT: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        (
            "issuer", "claim", "required-", "single-use", "role-granted", "group", "onboarding",
            "data-classes", "authorization", "client-certificate",
        ),
        "G.4, L1.3",
        "governance lead",
    ),
    (("provider", "inference", "egress", "model"), "L1.2, L1.7", "governance lead and security"),
    (
        (
            "redact", "restricted", "confidential", "injection", "uninspectable", "label", "dictionary",
            "registered", "personnel", "health", "customer", "unreviewed", "image", "canaries",
            "allowed-hosts",
        ),
        "G.1, L2.3, L2.4",
        "governance lead",
    ),
    (("human-review", "review-removed", "workflow"), "L3.4, G.2", "governance lead"),
    (("guarded-right", "access-widened", "sweeping", "public-grant", "denial"), "C.1, L1.7", "security"),
    (
        (
            "retention", "lock", "trail", "audit", "data-", "protect", "retain", "versioning",
            "bucket-emptied",
        ),
        "L2.5, G.3",
        "governance lead",
    ),
    (("budget", "monthly", "user-monthly", "batch", "session"), "L1.6, C.2", "director"),
    (("code-changed",), "O.3", "the reviewers of the commits"),
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Findings with one cause. `urns` are sorted and each named once."""

    rule: str
    severity: Severity
    message: str
    urns: tuple[str, ...]
    requirements: str
    approver: str

    @property
    def resources(self) -> str:
        """The resources by name, the first few of many."""
        names = [urn.rsplit("::", 1)[-1] or "the preview" for urn in self.urns]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return ", ".join(names[:_SHOWN]) + more


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Findings by cause: same rule, severity and words, but for what differs from resource to resource (in
    parentheses or after a colon). The gravest first, then by rule.
    """
    found: dict[tuple[str, Severity, str], list[Finding]] = {}
    for one in findings:
        found.setdefault((one.rule, one.severity, _stem(one)), []).append(one)
    groups = [_group(rule, severity, members) for (rule, severity, _), members in found.items()]
    order = {severity: place for place, severity in enumerate(SEVERITIES)}
    return sorted(groups, key=lambda one: (order[one.severity], one.rule, one.message))


def _stem(one: Finding) -> str:
    """What findings of one cause share. A change of a policy object is a cause of its own."""
    if one.path == "content":
        return one.message
    return one.message.partition(" (")[0].partition(": ")[0]


def _group(rule: str, severity: Severity, members: Sequence[Finding]) -> Group:
    messages = sorted({one.message for one in members})
    message = messages[0] if len(messages) == 1 else f"{_stem(members[0])} ({len(messages)} times)"
    requirements, approver = about(rule)
    return Group(rule, severity, message, tuple(sorted({one.urn for one in members})), requirements, approver)


def about(rule: str) -> tuple[str, str]:
    """The requirements that a rule is about, and who has to agree."""
    for prefixes, requirements, approver in _ABOUT:
        if rule.startswith(prefixes):
            return requirements, approver
    return "O.3", "platform engineers"


def as_markdown(counts: Mapping[str, int], findings: Sequence[Finding], accepted: Iterable[Finding]) -> str:
    """A comment for a pull request."""
    known = set(accepted)
    waiting = grouped(one for one in findings if one.severity == "critical" and one not in known)
    said = ", ".join(f"{number} {name}" for name, number in counts.items()) or "no resources"
    verdict = (
        f"**{len(waiting)} critical causes** need an override or another change."
        if waiting
        else "Nothing critical is open."
    )
    lines = [f"## Review of the change: {said}", "", verdict, ""]
    groups = grouped(findings)
    if groups:
        lines += ["| severity | what it means | where | requirements | who agrees |", "|---|---|---|---|---|"]
    for one in groups:
        meaning = f"{_cell(one.message)} `{one.rule}`"
        cells = [one.severity, meaning, _cell(one.resources), one.requirements, one.approver]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def as_sarif(findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """SARIF 2.1.0: one result for each finding, located by the resource's URN."""
    rules = [
        {"id": rule, "shortDescription": {"text": f"{rule} ({about(rule)[0]})"}}
        for rule in sorted({one.rule for one in findings})
    ]
    results = [
        {
            "ruleId": one.rule,
            "level": _LEVELS[one.severity],
            "message": {"text": one.message},
            "locations": [
                {"logicalLocations": [{"fullyQualifiedName": one.urn or "preview", "kind": "resource"}]}
            ],
        }
        for one in findings
    ]
    driver = {"name": "kit review", "version": version, "rules": rules}
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
