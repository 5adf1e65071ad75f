"""Approve, publish and roll back: the steps that change what callers receive (L2.2)."""

from datetime import datetime
from pathlib import Path
from typing import Any

from components.governance.published_prompts import DRAFT, LOCK_FILE, STABLE, read_lock
from kit.errors import ExitCode, KitError
from kit.prompts.cases import CaseResult, recorded_models
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
    as_draft: bool = False,
) -> dict[str, Any]:
    """Record that `by` approves the current text, as stable or as a draft that people may try.

    Raises `KitError` if lint or a case fails, or, for `stable`, if a case has no answer recorded from a
    model for this exact text.
    """
    errors = [f"{finding.rule}: {finding.message}" for finding in findings if finding.severity == "error"]
    errors += [
        f"case {result.case!r}, {result.expectation}: {result.reason}"
        for result in results
        if result.outcome == "failed"
    ]
    if errors:
        raise KitError(
            f"{entry.file.name} cannot be approved:\n  " + "\n  ".join(errors),
            hint=f"fix {entry.folder}/prompt.yaml, then `kit prompt lint` and `kit prompt test`",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )
    unproven = sorted({result.case for result in results if result.outcome == "not-run"})
    if unproven and not as_draft:
        raise KitError(
            f"{entry.file.name} cannot be approved as stable: nothing is recorded from a model for this text "
            f"of it: {', '.join(unproven)}",
            hint=f"kit prompt test {entry.file.name} --record, or approve it as a draft with --draft",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )
    approval = {
        "sha256": entry.draft_hash,
        "by": by,
        "at": at.isoformat(timespec="seconds"),
        "as": DRAFT if as_draft else STABLE,
        "tests": {
            "models": recorded_models(entry),
            "passed": sum(result.outcome == "passed" for result in results),
            "not_run": sum(result.outcome == "not-run" for result in results),
        },
    }
    write_yaml(entry.folder / "approvals.yaml", [*entry.approvals, approval])
    return approval


def publish(root: Path, entry: Entry, *, at: datetime) -> int:
    """Publish the approved text as the next version, point the approved alias at it and return its number.

    A text that is already published gets no further version; if it has since been approved as stable, it
    becomes stable. Raises `KitError` without an approval.
    """
    approval = entry.approval_of_draft()
    if entry.draft_is_published:
        if approval is not None and approval.get("as") == STABLE:
            _point(entry, STABLE, entry.latest)
        return entry.latest
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
    _point(entry, approval.get("as", DRAFT), number)
    return number


def roll_back(entry: Entry, *, to: int) -> tuple[str, int]:
    """Point the alias that the approval of version `to` allows back at that version; return the alias and
    the number it pointed at before. Raises `KitError` if there is no such version.
    """
    if to not in entry.versions:
        there = ", ".join(str(number) for number in sorted(entry.versions)) or "none"
        raise KitError(
            f"{entry.file.name} has no version {to}",
            hint=f"published versions: {there}",
            exit_code=ExitCode.USAGE,
        )
    proven = any(one["sha256"] == entry.versions[to]["sha256"] and one.get("as") == STABLE
                 for one in entry.approvals)  # fmt: skip
    alias = STABLE if proven else DRAFT
    before = entry.aliases.get(alias, 0)
    _point(entry, alias, to)
    return alias, before


def _point(entry: Entry, alias: str, number: int) -> None:
    """Point an alias; a stable version ends the draft that led to it."""
    kept = {name: at for name, at in entry.aliases.items() if not (alias == STABLE and name == DRAFT)}
    write_yaml(entry.folder / "aliases.yaml", {**kept, alias: number})
