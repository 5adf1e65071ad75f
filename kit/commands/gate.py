"""`kit gate`: the exit criteria of the three stages, their evidence, and what is missing (S.1-S.3)."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contract.kinds import STAGES
from kit.commands.choices import one_of
from kit.commands.options import Json
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.adoption.measured import Facts, Measured
    from kit.target import Target
    from stacks.evidence import Evidence, Measurement
    from stacks.gates import Criterion, Finding
    from stacks.settings import Settings

app = typer.Typer(help="Show, record and check the exit criteria of the stages.", no_args_is_help=True)

# Which weeks of the rollout belong to which stage (S.1-S.3).
WEEKS: dict[str, tuple[int, int]] = {"foundation": (1, 4), "integration": (5, 8), "rollout": (9, 12)}

Client = Annotated[
    str | None,
    typer.Option(
        "--client", help="Client whose gates are meant; default: the one that is up, or of the plain stacks."
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option("--config-folder", help="Folder that holds the stack files, clients/ and evidence/."),
]


@dataclass(frozen=True)
class Timeline:
    """Where a client is in the twelve weeks. `week` is 0 before the start and may exceed 12."""

    started: date
    today: date
    week: int
    planned_stage: str
    reached_stage: str
    late: bool

    def as_document(self) -> dict[str, Any]:
        """Return the timeline as plain data, with dates in ISO format."""
        return {
            "started": self.started.isoformat(),
            "today": self.today.isoformat(),
            "week": self.week,
            "planned_stage": self.planned_stage,
            "reached_stage": self.reached_stage,
            "late": self.late,
        }


@app.command()
def status(
    client: Client = None,
    today: Annotated[
        str | None, typer.Option(help="The day to look from, as YYYY-MM-DD; default: today.")
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Show every criterion with its evidence, and where the client is in the twelve weeks.

    If an embedded deployment is up, its demonstration evidence is shown next to the client's: it opens that
    deployment's gates and no other. With --config-folder only the folder's evidence is shown.
    """
    from stacks import gates

    with _errors():
        day = _day(today, "--today")
        settings = settings_of_stage(client, folder, "rollout")
        findings = gates.assess(settings, today=day)
        demonstrated = _demonstrated(client) if folder is None else {}
        reports = [_stage_report(stage, findings, client, folder) for stage in WEEKS]
        timeline = _timeline(settings.rollout_started, day, reports)
    if as_json:
        print_json(
            {
                "client": settings.client,
                "environment": settings.environment,
                "size": settings.size,
                "timeline": timeline.as_document() if timeline else None,
                "stages": reports,
                "criteria": [
                    _finding_document(each)
                    | {"demonstration": _finding_document(demonstrated[each.criterion.name])["evidence"]
                       if each.criterion.name in demonstrated else None}
                    for each in findings
                ],
            }
        )  # fmt: skip
        return
    _print_status(settings, findings, reports, timeline, demonstrated)


@app.command()
def attest(
    criterion: Annotated[str, typer.Argument(help="Name of a human criterion; kit gate status lists them.")],
    by: Annotated[str, typer.Option(help="Who answers for it: name and office.")],
    on: Annotated[
        str | None, typer.Option(help="The day of the approval, as YYYY-MM-DD; default: today.")
    ] = None,
    document: Annotated[
        Path | None, typer.Option(help="What was approved, where the criterion does not fix the document.")
    ] = None,
    client: Client = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Record who approved a document, when, and the document's current hash.

    In production it counts only with the identity that AWS reports as signed in, so each person records it
    with their own role; if the policy requires two (zero training: legal and compliance), both do. A
    document with placeholders is refused.
    """
    from stacks.evidence import Attestation
    from stacks.gates import ROOT, approved_hash, roots

    with _errors():
        settings = settings_of_stage(client, folder, "rollout")
        chosen = _criterion(criterion, "human", settings)
        name = _document_name(chosen, document, ROOT)
        digest = approved_hash(name, roots(settings))
        _refuse_placeholders(name, settings)
        if chosen.name == "zero-training-attested":
            _refuse_missing_providers(name, settings)
        if digest is None:
            raise _usage(f"there is no document {name}", "write it, then attest it")
        day = _not_later(_day(on, "--on"), "--on")
        identity = _signed_in() if settings.production and not settings.emulated else ""
        entry = Attestation(chosen.name, _person(by), day, name, digest, identity=identity)
        evidence = _read(settings)
        latest = next(
            (
                each
                for each in reversed(evidence.attestations)
                if each.criterion == chosen.name and each.identity == identity
            ),
            None,
        )
        known = latest is not None and (
            latest == entry if on else replace(latest, dated=entry.dated) == entry
        )
        people = [each for each in evidence.attestations if each.criterion == chosen.name and each.identity]
        alone = chosen.people > 1 and len({each.identity for each in people}) < chosen.people
        if known and latest is not None and not on and not alone and _is_open(chosen.name, settings):
            known = False  # the same words again, after the old ones expired
        if not known:
            _write(settings, replace(evidence, attestations=(*evidence.attestations, entry)))
    _tell(
        entry.as_document() if not known or latest is None else latest.as_document(),
        settings,
        as_json,
        new=not known,
    )


@app.command()
def measure(
    criterion: Annotated[
        list[str] | None, typer.Argument(help="Names of measured criteria; default: all of them.")
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="Read a folder copy of the analytics bucket instead of a deployment.")
    ] = None,
    client: Client = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Compute the measured criteria from the deployment and record each with its query and figures.

    The record is stored in the evidence file, with a copy in the governance bucket. Results from the
    emulated AWS or from synthetic events are shown and never become evidence of the client. Overdue
    register entries are shown as well.

    Exit codes: 0 measured; 2 invalid option or configuration; 4 the deployment cannot be reached.
    """
    from kit.adoption.measured import MEASURES, read_facts
    from kit.commands.deployment_errors import deployment_errors
    from kit.measurement.reading import reading

    with _errors():
        settings = settings_of_stage(client, folder, "rollout")
        names = [_criterion(name, "measured", settings).name for name in criterion or MEASURES]
        with deployment_errors():
            facts = read_facts(reading(settings, records, client), progress=not as_json)
            found = [MEASURES[name](facts) for name in names]
        entries = [_measurement(one, facts.today, settings) for one in found]
        why_not = _not_evidence(facts)
        new = [] if why_not else _append(settings, entries)
        if new and facts.reading.target is not None:
            with deployment_errors():
                _publish(facts.reading.target, new)
        late = _overdue(facts.reading.target) if facts.reading.target is not None else []
    if as_json:
        print_json(
            {
                "recorded": [each.criterion for each in new],
                "why_not": why_not,
                "measured": [each.as_document() for each in entries],
                "overdue": late,
            }
        )
        return
    _print_measured(entries, why_not)
    for each in late:
        typer.echo(f"overdue: {each}", err=True)


@app.command()
def record(
    criterion: Annotated[
        str, typer.Argument(help="Name of a measured criterion; kit gate status lists them.")
    ],
    value: Annotated[int, typer.Option(min=0, help="What was measured, in the unit of the criterion.")],
    source: Annotated[str, typer.Option(help="Where the value comes from: query, report, command.")],
    on: Annotated[
        str | None, typer.Option(help="The day of the measurement, as YYYY-MM-DD; default: today.")
    ] = None,
    client: Client = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Record a value that was measured by hand. A value below the threshold keeps its criterion open.

    In production such a value is shown and opens nothing: there, kit gate measure has to compute it.
    """
    from stacks.evidence import Measurement

    with _errors():
        settings = settings_of_stage(client, folder, "rollout")
        chosen = _criterion(criterion, "measured", settings)
        if chosen.unit == "percent" and value > 100:
            raise _usage(f"--value {value}: {chosen.name} is in percent", "give a value from 0 to 100")
        day = _not_later(_day(on, "--on"), "--on")
        entry = Measurement(chosen.name, day, value, chosen.threshold, _plain_text(source, "--source"))
        evidence = _read(settings)
        known = entry in evidence.measurements
        if not known:
            _write(settings, replace(evidence, measurements=(*evidence.measurements, entry)))
    _tell(entry.as_document(), settings, as_json, new=not known)


@app.command()
def check(
    stage: Annotated[str, typer.Option(help=f"The stage to open: {one_of(STAGES)}.")],
    client: Client = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Check whether a stage may be evaluated; exit code 3 if its gate is closed."""
    from stacks import gates

    if stage not in WEEKS:
        raise _usage(f'--stage "{stage}" is not a stage', f"one of: {', '.join(WEEKS)}")
    with _errors():
        settings = settings_of_stage(client, folder, stage)
        try:
            opened = gates.require_open(settings.stage, settings)
        except gates.GateClosed as closed:
            if as_json:
                documents = [_finding_document(each) for each in closed.findings]
                print_json(
                    {"stage": stage, "open": False, "missing": documents, "problems": list(closed.problems)}
                )
                raise typer.Exit(int(ExitCode.GATE_CLOSED)) from None
            raise KitError(str(closed), exit_code=ExitCode.GATE_CLOSED) from None
    if as_json:
        print_json({"stage": stage, "open": True, "record": opened})
        return
    waived = [each["criterion"] for each in opened["criteria"] if each["state"] == "waived"]
    typer.echo(f"the gate to stage {stage} is open" + (f"; waived: {', '.join(waived)}" if waived else ""))


@contextmanager
def _errors() -> Iterator[None]:
    """Turn refusals of the configuration and of the evidence into errors of the command."""
    from stacks.evidence import EvidenceError
    from stacks.settings import SettingsError

    try:
        yield
    except SettingsError as error:
        raise KitError(str(error), hint="fix the keys named above", exit_code=ExitCode.USAGE) from None
    except EvidenceError as error:
        raise KitError(
            str(error), hint="fix the entry, or restore the file from git", exit_code=ExitCode.USAGE
        ) from None
    except OSError as error:
        raise KitError(f"{error.filename}: {error.strerror}", exit_code=ExitCode.ENVIRONMENT) from None


def _measurement(found: "Measured", day: date, settings: "Settings") -> "Measurement":
    from stacks.evidence import Measurement
    from stacks.gates import criterion_named

    threshold = criterion_named(found.criterion, settings).threshold
    return Measurement(
        found.criterion,
        day,
        found.value,
        threshold,
        "kit gate measure",
        query=found.query,
        figures=found.figures,
    )


def _not_evidence(facts: "Facts") -> str | None:
    """Return why the measurement is not evidence of the client, or None if it is."""
    if facts.use.synthetic:
        return "made-up events of kit demo are among the records"
    if facts.reading.target is not None and facts.reading.target.local:
        return "this is the emulated AWS"
    return None


def _append(settings: "Settings", entries: "Sequence[Measurement]") -> "list[Measurement]":
    """Add what the evidence file does not contain yet and return it."""
    evidence = _read(settings)
    new = [each for each in entries if each not in evidence.measurements]
    if new:
        _write(settings, replace(evidence, measurements=(*evidence.measurements, *new)))
    return new


def _publish(target: "Target", entries: "Sequence[Measurement]") -> None:
    """Store a dated copy in the governance bucket, whose versions cannot be removed unnoticed."""
    from kit.governance.objects import put_object

    document = {"measurements": [each.as_document() for each in entries], "version": 1}
    put_object(target, f"gates/measured/{entries[0].dated}.json", document)


def _print_measured(entries: "Sequence[Measurement]", why_not: str | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("criterion", "measured", "at least", "query", box=None)
    for each in entries:
        colour = "green" if each.value >= each.threshold else "red"
        table.add_row(each.criterion, f"[{colour}]{each.value}[/]", str(each.threshold), each.query)
    Console(highlight=False).print(table)
    typer.echo(f"not recorded: {why_not}" if why_not else "recorded in the evidence file; commit it")


def _overdue(target: "Target") -> list[str]:
    """Return overdue register entries, if this role may read them."""
    from botocore.exceptions import ClientError

    from kit.registers.store import Registers
    from lambdas.common.clock import utc_now

    try:
        return Registers(target).overdue(utc_now())
    except ClientError as error:
        return [f"unknown: the registers cannot be read ({error.response['Error']['Code']})"]


def _usage(message: str, hint: str) -> KitError:
    return KitError(message, hint=hint, exit_code=ExitCode.USAGE)


def _demonstrated(client: str | None) -> "dict[str, Finding]":
    """Return criteria met by a demonstration in the embedded deployment here, which is not evidence."""
    from kit.home import find_home
    from stacks import gates

    file = find_home().demonstration_file
    if not file.exists():
        return {}
    settings = settings_of_stage(
        client, None, "rollout", {"emulated": True, "demonstration_evidence": str(file)}
    )
    found = gates.assess(settings)
    return {each.criterion.name: each for each in found if each.evidence and each.evidence.demonstration}


def settings_of_stage(
    client: str | None, folder: Path | None, stage: str, overrides: Mapping[str, Any] | None = None
) -> "Settings":
    """Return the settings of a stage's stack, read from the files that `pulumi up` reads."""
    from kit.chosen import Chosen, choose
    from kit.evaluation.stages import stack_configuration, stack_name
    from stacks.settings import CONFIG_FOLDER, RawConfig, read_settings

    chosen = choose(client) if folder is None else Chosen(client)
    folder = folder or CONFIG_FOLDER
    file = folder / f"Pulumi.{stack_name(stage, chosen.client)}.yaml"
    full = stack_configuration(
        stage,
        client=chosen.client,
        config={**chosen.config, "config_folder": str(folder), **(overrides or {})},
        config_file=file if file.exists() else None,
    )
    return read_settings(RawConfig({key.partition(":")[2]: value for key, value in full.items()}))


def _criterion(name: str, kind: str, settings: "Settings") -> "Criterion":
    from stacks.gates import criterion_named

    try:
        found = criterion_named(name, settings)
    except KeyError as error:
        raise _usage(str(error.args[0]), "kit gate status lists all criteria") from None
    if found.kind != kind:
        other = "kit gate measure …" if found.kind == "measured" else "kit gate attest … --by NAME"
        raise _usage(f"{name} is a {found.kind} criterion", f"use {other.replace('…', name)}")
    return found


def _signed_in() -> str:
    """Return the identity that AWS reports as signed in, or an empty string."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(boto3.client("sts", region_name="us-east-1").get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return ""


def _document_path(name: str, settings: "Settings") -> Path | None:
    from stacks.gates import roots

    return next((root / name for root in roots(settings) if (root / name).is_file()), None)


def _refuse_missing_providers(name: str, settings: "Settings") -> None:
    """Zero training is attested per provider: each needs a row with contract, clause and date."""
    path = _document_path(name, settings)
    if path is None or not (settings.production and not settings.emulated):
        return
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in path.read_text("utf-8").splitlines()
        if line.strip().startswith("|")
    ]
    for provider in settings.claude.providers:
        row = next((one for one in rows if provider.name in one[0].lower().replace(" ", "-")), None)
        if row is None or not all(row) or not re.search(r"20\d\d-\d\d-\d\d", " ".join(row)):
            raise _usage(
                f"{name} has no filled row for the provider {provider.name}, with its contract and date",
                "add one to its table: provider, contract and date, clause, retention, region",
            )


def _refuse_placeholders(name: str, settings: "Settings") -> None:
    """Refuse a document with placeholders, which contains nothing to approve, and, in production, the kit's
    own template as shipped.
    """
    from kit.clients.folder import placeholders

    path = _document_path(name, settings)
    own = Path(settings.client_folder) / name if settings.client_folder else None
    if path is None or (path != own and (settings.emulated or not settings.production)):
        return
    left = placeholders(path, name)
    if left:
        shown = ", ".join(f"line {one.line}: {one.text}" for one in left[:3])
        raise _usage(
            f"{name} is not filled in ({shown})", f"kit client check {settings.client} names all of it"
        )


def _document_name(criterion: "Criterion", given: Path | None, root: Path) -> str:
    """Return the document's path relative to the project, with forward slashes."""
    if given is None and criterion.document is None:
        raise _usage(f"{criterion.name} does not fix its document", "name the file with --document")
    resolved = (root / criterion.document if criterion.document else Path.cwd() / (given or "")).resolve()
    if given is not None and Path.cwd().joinpath(given).resolve() != resolved:
        raise _usage(f"{criterion.name} is about {criterion.document}", "leave --document out")
    if not resolved.is_relative_to(root):
        raise _usage(f"{given} lies outside the project", "put it under version control with the project")
    return resolved.relative_to(root).as_posix()


def _person(by: str) -> str:
    text = _plain_text(by, "--by")
    if len(text) < 3:
        raise _usage(
            f'--by "{text}" does not name a person', "for example --by 'Ada Lovelace, chair of the board'"
        )
    return text


def _plain_text(given: str, option: str) -> str:
    from stacks.settings.credentials import looks_secret

    text = " ".join(given.split())
    if looks_secret(text):
        raise _usage(f"{option} looks like a credential and is not recorded", "leave it out")
    if not text or len(text) > 300 or not text.isprintable():
        raise _usage(f"{option} is not a text of 1 to 300 characters", "say it in one line")
    return text


def _day(given: str | None, option: str) -> date:
    from lambdas.common.clock import utc_now

    if given is None:
        return utc_now().date()
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise _usage(f'{option} "{given}" is not a date', "write it as YYYY-MM-DD") from None


def _not_later(day: date, option: str) -> date:
    from lambdas.common.clock import utc_now

    if day > utc_now().date():
        raise _usage(f"{option} {day} lies in the future", "record it when it has happened")
    return day


def _read(settings: "Settings") -> "Evidence":
    from stacks.evidence import read_evidence

    return read_evidence(Path(settings.evidence_file), demonstration=False)


def _write(settings: "Settings", evidence: "Evidence") -> None:
    from stacks.evidence import write_evidence

    write_evidence(Path(settings.evidence_file), evidence)


def _is_open(name: str, settings: "Settings") -> bool:
    from stacks.gates import assess

    return any(each.criterion.name == name and not each.holds for each in assess(settings))


def _tell(entry: Mapping[str, Any], settings: "Settings", as_json: bool, *, new: bool) -> None:
    file = os.path.relpath(settings.evidence_file)
    if as_json:
        print_json({"recorded": new, "file": file, "entry": dict(entry)})
        return
    said = "recorded" if new else "is recorded already"
    typer.echo(f"{entry['criterion']} {said} in {file}" + ("; commit the file" if new else ""))


def _stage_report(
    stage: str, findings: "Sequence[Finding]", client: str | None, folder: Path | None
) -> dict[str, Any]:
    """Return whether a stage may be evaluated, and how many of its exit criteria are met."""
    from stacks import gates

    own = [each for each in findings if each.criterion.stage == stage]
    settings = settings_of_stage(client, folder, stage)
    try:
        opened = gates.require_open(settings.stage, settings)
        override = opened["override"]
        gate = "open"
    except gates.GateClosed:
        override, gate = None, "closed"
    return {
        "stage": stage,
        "weeks": list(WEEKS[stage]),
        "gate": gate,
        "override": override,
        "met": sum(each.holds for each in own),
        "criteria": len(own),
    }


def _timeline(started: date | None, today: date, reports: Sequence[Mapping[str, Any]]) -> Timeline | None:
    """Return where the client is, or None if the client's file has no start date."""
    if started is None:
        return None
    week = max(0, (today - started).days // 7 + 1)
    planned = next((stage for stage, (_, last) in WEEKS.items() if week <= last), "done")
    reached = next((str(each["stage"]) for each in reports if each["met"] < each["criteria"]), "done")
    order = [*WEEKS, "done"]
    return Timeline(started, today, week, planned, reached, order.index(reached) < order.index(planned))


def _finding_document(finding: "Finding") -> dict[str, Any]:
    criterion = finding.criterion
    return {
        "criterion": criterion.name,
        "stage": criterion.stage,
        "title": criterion.title,
        "kind": criterion.kind,
        "requirement": criterion.requirement,
        "state": finding.state,
        "detail": finding.detail,
        "hint": finding.hint,
        "threshold": criterion.threshold if criterion.kind == "measured" else None,
        "unit": criterion.unit or None,
        "document": criterion.document,
        "owner": criterion.owner,
        "people": criterion.people,
        "evidence": finding.evidence.as_document() if finding.evidence else None,
    }


def _print_status(
    settings: "Settings",
    findings: "Sequence[Finding]",
    reports: Sequence[Mapping[str, Any]],
    timeline: Timeline | None,
    demonstrated: "Mapping[str, Finding]",
) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    where = f"{settings.client}, {settings.environment}, {settings.size}"
    console.print(f"[bold]{escape(settings.organization)}[/] ({where})")
    for line in _timeline_lines(timeline):
        console.print(escape(line))
    for report in reports:
        first, last = report["weeks"]
        console.print(
            f"\n[bold]{report['stage']}[/], weeks {first}-{last}: gate {report['gate']}, "
            f"{report['met']} of {report['criteria']} exit criteria met"
        )
        if report["override"]:
            override = report["override"]
            console.print(escape(f"  override by {override['approver']}: {override['reason']}"))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column in (
            "criterion",
            "owner",
            "state",
            "evidence",
            *(["embedded deployment"] if demonstrated else []),
        ):
            table.add_column(column, overflow="fold")
        for each in findings:
            if each.criterion.stage == report["stage"]:
                here = demonstrated.get(each.criterion.name)
                table.add_row(
                    each.criterion.name,
                    each.criterion.owner,
                    f"[{_COLOURS[each.state]}]{each.state}[/]",
                    escape(each.detail),
                    *([f"demonstration: {here.state}" if here else "-"] if demonstrated else []),
                )
        console.print(table)
    if demonstrated:
        console.print("demonstration: made up by kit up for the embedded deployment; it opens no other gate")
    open_now = next((each for each in findings if not each.holds), None)
    if open_now:
        console.print(escape(f"next: {open_now.criterion.title}. {open_now.hint}"), soft_wrap=True)


_COLOURS = {"met": "green", "waived": "yellow"} | dict.fromkeys(
    ("missing", "changed", "stale", "below", "typed"), "red"
)


def _timeline_lines(timeline: Timeline | None) -> list[str]:
    """Return the twelve weeks as two lines of text: the plan, and where the client is."""
    if timeline is None:
        return ["no timeline: rollout_started is not set in the client's file"]
    cells = "".join("#" if week <= timeline.week else "." for week in range(1, 13))
    bar = " ".join(f"{stage} [{cells[first - 1 : last]}]" for stage, (first, last) in WEEKS.items())
    if timeline.week == 0:
        where = f"starts on {timeline.started}"
    elif timeline.planned_stage == "done":
        where = f"the twelve weeks ended on {timeline.started + timedelta(weeks=12, days=-1)}"
    else:
        where = f"week {timeline.week} of 12, planned: {timeline.planned_stage}"
    reached = (
        "all criteria are met"
        if timeline.reached_stage == "done"
        else f"working on: {timeline.reached_stage}"
    )
    return [bar, f"{where}; {reached}" + ("; late" if timeline.late else "")]
