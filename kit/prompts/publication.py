"""Approve, publish, roll back: the steps that change what callers get (L2.2)."""

from datetime import datetime
from pathlib import Path
from typing import Any

from components.governance.published_prompts import LOCK_FILE, STABLE, read_lock
from kit.errors import ExitCode, KitError
from kit.prompts.cases import Against, CaseResult
from kit.prompts.library import Entry, write_json, write_yaml
from kit.prompts.lint import LintFinding
from lambdas.common.prompts import content_hash


def approve(
    entry: Entry,
    *,
    by: str,
    at: datetime,
    findings: list[LintFinding],
    results: list[CaseResult],
    against: Against,
) -> dict[str, Any]:
    """Record that `by` approves the draft as it is. Raises `KitError` if lint or tests speak against it."""
    errors = [f"{finding.rule}: {finding.message}" for finding in findings if finding.severity == "error"]
    errors += [
        f"case {result.case!r}, {result.expectation}: {result.reason}"
        for result in results
        if result.outcome == "failed"
    ]
    if errors:
        raise KitError(
            f"{entry.file.name} cannot be approved:\n  " + "\n  ".join(errors),
            hint=f"mend {entry.folder}/prompt.yaml, then `kit prompt lint` and `kit prompt test`",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )
    approval = {
        "sha256": entry.draft_hash,
        "by": by,
        "at": at.isoformat(timespec="seconds"),
        "tests": {
            "against": against,
            "passed": sum(result.outcome == "passed" for result in results),
            "not_run": sum(result.outcome == "not-run" for result in results),
        },
    }
    write_yaml(entry.folder / "approvals.yaml", [*entry.approvals, approval])
    return approval


def publish(root: Path, entry: Entry, *, at: datetime) -> int:
    """Make the approved draft the next version, point `stable` at it and return its number.

    A draft that says what the latest version says is left as it is. Raises `KitError` without an approval.
    """
    if entry.draft_is_published:
        return entry.latest
    approval = entry.approval_of_draft()
    if approval is None:
        changed = "it changed after its last approval" if entry.approvals else "nobody has approved it"
        raise KitError(
            f"{entry.file.name} cannot be published: {changed}",
            hint=f"kit prompt approve {entry.file.name} --by NAME",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )
    number = entry.latest + 1
    document = {
        "prompt": {**entry.file.document(), "version": number},
        "sha256": entry.draft_hash,
        "approval": approval,
        "published_at": at.isoformat(timespec="seconds"),
    }
    lock = {**read_lock(root).get(entry.file.name, {}), str(number): content_hash(document)}
    # version before lock: a crash in between leaves an unlocked file, and the next reading says what to do
    write_json(entry.folder / "versions" / f"{number}.json", document)
    write_json(entry.folder / LOCK_FILE, lock)
    write_yaml(entry.folder / "aliases.yaml", {**entry.aliases, STABLE: number})
    return number


def roll_back(entry: Entry, *, to: int, alias: str = STABLE) -> int:
    """Point `alias` at version `to`; returns the number before. Raises `KitError` for a missing version."""
    if to not in entry.versions:
        there = ", ".join(str(number) for number in sorted(entry.versions)) or "none"
        raise KitError(
            f"{entry.file.name} has no version {to}",
            hint=f"published versions: {there}",
            exit_code=ExitCode.USAGE,
        )
    before = entry.aliases.get(alias, 0)
    write_yaml(entry.folder / "aliases.yaml", {**entry.aliases, alias: to})
    return before
