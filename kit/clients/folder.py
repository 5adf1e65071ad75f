"""A client's folder: created from the few facts that differ, and searched for open placeholders (Z.1)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.client import SCHEMA
from contract.kinds import REGIONS, STAGES, Residency
from contract.sizes import sizing

_PLACEHOLDER = re.compile(r"(?<![A-Za-z0-9_*])_[a-z]+(?: [a-z]+){0,3}_(?![A-Za-z0-9_])")
_ZEROS = re.compile(r"\b0{8}-0{4}-0{4}-0{4}-0{12}\b|\b0{12}\b|\bwrkspc_example\b|\bfdrl_example\b")


@dataclass(frozen=True)
class Facts:
    """What differs between clients. `departments` are `id`, or `id=library department`."""

    client: str
    organization: str
    account: str
    region: str
    size: str
    owner: str
    issuer: str
    departments: Sequence[str]
    environment: str = "production"


@dataclass(frozen=True)
class Open:
    """An open placeholder: the file, its line, the text."""

    file: str
    line: int
    text: str


def residency_of(region: str) -> Residency | None:
    """Return the jurisdiction of a region, or None if the kit does not know it."""
    return next((name for name, regions in REGIONS.items() if region in regions), None)


def client_text(facts: Facts) -> str:
    """Return the client's file. Its workspace is a placeholder that `kit client check` reports."""
    residency = residency_of(facts.region)
    others = [each for each in REGIONS[residency] if each != facts.region] if residency else []
    replica = sizing(facts.size).redundancy.replica_region  # type: ignore[arg-type]
    lines = [
        "# yaml-language-server: $schema=../../stacks/config/client.schema.json",
        "# Every key: docs/configuration.md. What is left out follows from the size.",
        "",
        f"schema: {SCHEMA}",
        f"client: {facts.client}",
        f"organization: {facts.organization}",
        f'account: "{facts.account}"',
        f"environment: {facts.environment}",
        f"region: {facts.region}",
        *([f"replica_region: {others[0]}"] if replica and others else []),
        f"data_residency: {residency}",
        f"size: {facts.size}",
        "",
        "contacts:",
        f"  owner: {facts.owner}",
        f"  alarms: [{facts.owner}]",
        "",
        "identity:",
        "  kind: oidc # or saml",
        f"  issuer: {facts.issuer}",
        "  client_id: claude-gateway",
        "",
        "claude:",
        "  providers: # tried in this order; all of them inside data_residency",
        "    - { kind: bedrock, region: " + facts.region + " }",
        "  models:",
        "    fast: { display_name: Fast, model: claude-haiku-5-5 }",
        "    balanced: { display_name: Balanced, model: claude-sonnet-5-5 }",
        "    best: { display_name: Best, model: claude-opus-5-5 }",
        "",
        "departments:",
        *(line for place, one in enumerate(facts.departments) for line in _department(one, pilot=place < 2)),
    ]
    return "\n".join(lines) + "\n"


def _department(given: str, *, pilot: bool) -> list[str]:
    name, _, like = given.partition("=")
    return [
        f"  - id: {name}",
        f"    name: {name.replace('-', ' ').title()}",
        f"    cost_center: {name}",
        *(["    pilot: true"] if pilot else []),
        f"    like: {like}"
        if like
        else "    workflows: [] # files in workflows/, or like: a department of the kit",
        "    models: [fast, balanced, best]",
    ]


def stack_files(client: str) -> Mapping[str, str]:
    """Return the stack files that `pulumi up -s <stage>.<client>` needs, by name."""
    return {
        f"Pulumi.{stage}.{client}.yaml": "config:\n"
        f"  claude-enterprise-kit:stage: {stage}\n"
        f"  claude-enterprise-kit:client: {client}\n"
        for stage in STAGES
    }


def placeholders(path: Path, shown: str) -> list[Open]:
    """Return the open placeholders: `_name_` and `_amount_` in documents, ids of zeros in a client's file."""
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        patterns = (_PLACEHOLDER,) if path.suffix == ".md" else (_ZEROS, _PLACEHOLDER)
        found += [Open(shown, number, each.group()) for one in patterns for each in one.finditer(line)]
    return found
