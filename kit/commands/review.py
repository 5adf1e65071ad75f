"""`kit review`: an auditor's reading of a change before it is made (G.3, L1.5, Z.1)."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.plan.difference import Difference
    from kit.plan_review.finding import Finding
    from kit.plan_review.overrides import Override

SCHEMA = "kit-review/1"
_COLOURS = {"critical": "bold red", "warning": "yellow", "info": "default"}


def review(
    file: Annotated[
        Path, typer.Argument(help="Output of `pulumi preview --json`, or a plan of `kit preview --save`.")
    ],
    against: Annotated[
        Path | None, typer.Option(help="The plan before the change; needed if FILE is a plan of this kit.")
    ] = None,
    overrides: Annotated[
        Path | None, typer.Option(help="YAML list of accepted findings: rule, resource, approver, reason.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Literal["text", "json", "markdown", "sarif"],
        typer.Option("--format", help="text, json, markdown for a pull request, sarif for a code scanner."),
    ] = "text",
    approve: Annotated[
        bool,
        typer.Option(
            "--approve", help="Record your approval of this plan in the audit store; kit deploy asks for it."
        ),
    ] = False,
    client: Annotated[
        str | None, typer.Option(help="With --approve: the client, for stacks named <stage>.<client>.")
    ] = None,
) -> None:
    """Review a change as an auditor does: what it weakens, deletes, newly grants, or hides.

    Create FILE with: pulumi preview --json --show-sames --show-replacement-steps --non-interactive. A
    document with an operation or a key that this kit does not know is refused, not skipped.

    Critical findings (a control is weakened, data or evidence can be lost, access is widened, a credential
    is in plain text) need an override that names its approver and reason.

    With --approve the verdict becomes an audit record under the identity that AWS reports, bound to the
    digest of the plan; with critical findings that are not overridden there is none.

    Exit codes: 0 nothing critical, or all of it overridden; 2 the file cannot be read; 4 --approve without
    a deployment; 5 critical findings.
    """
    from importlib.metadata import version

    from kit.plan_review.overrides import read_overrides, unused
    from kit.plan_review.review import review as findings_of
    from kit.plan_review.review_output import as_markdown, as_sarif

    accepted = read_overrides(overrides) if overrides else ()
    found, notes = _change(file, against)
    findings = _with_commits([*notes, *findings_of(found.changes)], file, against)
    open_ = [f for f in findings if f.severity == "critical" and not any(o.accepts(f) for o in accepted)]
    stale = unused(accepted, findings)
    match "json" if as_json else output:
        case "json":
            json.dump(_document(found, findings, accepted, stale), sys.stdout, indent=1, ensure_ascii=False)
            print()
        case "markdown":
            overridden = [one for one in findings if any(o.accepts(one) for o in accepted)]
            print(as_markdown(found.counts, findings, overridden), end="")
        case "sarif":
            json.dump(as_sarif(findings, version("claude-enterprise-kit")), sys.stdout, indent=1)
            print()
        case _:
            _show(found, findings, accepted, stale)
    if open_:
        raise typer.Exit(int(ExitCode.VERIFICATION_FAILED))
    if approve:
        _approve(
            file,
            [f"{one.rule} {one.urn}" for one in findings if any(o.accepts(one) for o in accepted)],
            client,
        )


def _approve(file: Path, overridden: list[str], client: str | None) -> None:
    """Record the verdict for every stack of the plan."""
    from kit.deploy.verdicts import approve, plan_digests
    from kit.plan.digest import is_digest
    from kit.target import find_target

    plan = _json(file, "kit preview --save FILE")
    if is_digest(plan):
        raise KitError(
            f"{file}: a preview of Pulumi has no digest that kit deploy could compare",
            hint="approve a plan: kit preview --save NEW, then kit review NEW --against OLD --approve",
            exit_code=ExitCode.USAGE,
        )
    for one in approve(find_target(client), plan_digests(plan), overridden, str(plan.get("commit", ""))):
        typer.echo(f"approved {one.stack} {one.digest[:12]} by {one.approver}", err=True)


def _with_commits(findings: "list[Finding]", file: Path, against: Path | None) -> "list[Finding]":
    """Add to findings about code the commits that changed it, if both plans name theirs."""
    from dataclasses import replace

    from kit.deploy.verdicts import commits_between
    from kit.evaluation.engine import PROJECT_ROOT

    if against is None or not any(one.rule == "code-changed" for one in findings):
        return findings
    before, after = (_json(each, "").get("commit", "") for each in (against, file))
    commits = commits_between(
        PROJECT_ROOT, before, after, ("lambdas", "contract", "pyproject.toml", "uv.lock")
    )
    if not commits:
        return findings
    shown = "; ".join(commits[:5]) + (f" and {len(commits) - 5} more" if len(commits) > 5 else "")
    return [
        replace(one, message=f"{one.message}; commits: {shown}") if one.rule == "code-changed" else one
        for one in findings
    ]


def _change(file: Path, against: Path | None) -> "tuple[Difference, list[Finding]]":
    """Return the change, and the reasons why its description may be incomplete."""
    from kit.plan.difference import difference
    from kit.plan.digest import RECOMMENDED, is_digest, read_digest
    from kit.plan.document import checked_document, read_document
    from kit.plan_review.finding import Finding

    content = _json(file, RECOMMENDED)
    if not is_digest(content):
        plan = checked_document(content, str(file))
        if against is None:
            raise KitError(
                f"{file}: a plan alone is not a change",
                hint=f"name the plan before it: kit review {file} --against OLD",
                exit_code=ExitCode.USAGE,
            )
        return difference(read_document(against), plan), []
    if against is not None:
        raise KitError(
            f"{file}: a preview of Pulumi already says what changes",
            hint="leave out --against",
            exit_code=ExitCode.USAGE,
        )
    digest = read_digest(content, str(file))
    notes = [
        Finding("preview-failed", "critical", "", f"the preview failed: {text}") for text in digest.errors
    ]
    if digest.maybe_corrupt:
        notes.append(Finding("state-corrupt", "critical", "", "Pulumi says that the state may be corrupt"))
    if digest.hidden_sames:
        text = (
            f"{digest.hidden_sames} unchanged resources are left out, and changes of retainOnDelete with them"
        )
        notes.append(Finding("incomplete", "warning", "", f"{text}; make it with: {RECOMMENDED}"))
    return digest.difference, notes


def _json(file: Path, recommended: str) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KitError(f"{file}: no such file", hint="check the path", exit_code=ExitCode.USAGE) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{file}: cannot be read: {error}", exit_code=ExitCode.USAGE) from None
    try:
        return json.loads(text)
    except ValueError as error:
        hint = "it looks like an event stream" if text.lstrip()[:1] == "{" and "\n{" in text else str(error)
        raise KitError(
            f"{file}: not one JSON document: {hint}",
            hint=f"make it with: {recommended}",
            exit_code=ExitCode.USAGE,
        ) from None


def _document(
    found: "Difference", findings: "list[Finding]", accepted: "tuple[Override, ...]", stale: "list[Override]"
) -> dict[str, Any]:
    entries = []
    for finding in findings:
        override = next((o for o in accepted if o.accepts(finding)), None)
        approval = {"approver": override.approver, "reason": override.reason} if override else None
        entries.append({**finding.as_document(), "override": approval})
    return {
        "schema": SCHEMA,
        "counts": found.counts,
        "findings": entries,
        "unusedOverrides": [{"rule": o.rule, "resource": o.resource} for o in stale],
        "passed": not any(e["severity"] == "critical" and e["override"] is None for e in entries),
    }


def _show(
    found: "Difference", findings: "list[Finding]", accepted: "tuple[Override, ...]", stale: "list[Override]"
) -> None:
    from kit.plan_review.review_output import grouped

    console = Console(highlight=False)

    def line(text: str, style: str = "default") -> None:
        console.print(Text(text, style=style), soft_wrap=True)

    counts = ", ".join(f"{number} {name}" for name, number in found.counts.items()) or "no resources"
    line(f"Reviewed: {counts}.")
    accepting = {one: o for one in findings for o in accepted if o.accepts(one)}
    for group in grouped(one for one in findings if one not in accepting):
        said = f"{group.severity:<9} {group.rule:<24} {group.resources}: {group.message}"
        line(said, _COLOURS[group.severity])
        if group.severity == "critical":
            line(f"{'':<9} {group.requirements}; to be agreed by: {group.approver}", "dim")
    for finding, override in accepting.items():
        where = finding.urn.rsplit("::", 1)[-1] or "the preview"
        line(f"{finding.severity:<9} {finding.rule:<24} {where}: {finding.message}", "dim")
        line(f"{'':<9} accepted by {override.approver}: {override.reason}", "dim")
    for override in stale:
        line(
            f"{'note':<9} an override speaks of nothing here: {override.rule} on {override.resource}",
            "yellow",
        )
    critical = [f for f in findings if f.severity == "critical"]
    waiting = [f for f in critical if not any(o.accepts(f) for o in accepted)]
    if waiting:
        line(f"{len(waiting)} critical findings need an override or another change.", "bold red")
    elif critical:
        line(f"All {len(critical)} critical findings are accepted by an override.")
    else:
        line("Nothing critical.")
