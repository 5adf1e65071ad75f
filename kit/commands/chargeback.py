"""`kit chargeback`: each department's monthly statement, reconciled with the ledger (C.2, L5.4)."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.commands.chargeback_reconcile import reconcile
from kit.commands.options import Client, Json
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.measurement.charging import Statement
    from kit.measurement.use import Use
    from kit.target import Target
    from lambdas.measurement.privacy import Released

app = typer.Typer(invoke_without_command=True)
app.command()(reconcile)


@app.callback()
def chargeback(
    context: typer.Context,
    month: Annotated[str | None, typer.Option(help="The month, as YYYY-MM; this month if left out.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write statements.csv and statements.html to this folder.")
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="Read a folder copy of the analytics bucket instead of a deployment.")
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(help="With --records: JSON file of settled micro-dollars, by (month and) department."),
    ] = None,
    close: Annotated[
        bool, typer.Option("--close", help="Freeze the statements of a month that is over, with their hash.")
    ] = False,
    exact: Annotated[
        str | None,
        typer.Option(
            help="Show every department, small groups too, for booking; give the reason, which is recorded.",
            metavar="REASON",
        ),
    ] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Show what each department used and is charged for a month (UTC), under the configured budget model.

    A call belongs to the month in which the ledger booked it. Departments with fewer than five people share
    one line, and in the current month only completed days are counted. The exact sum of each department is
    compared with the ledger, to the micro-dollar.

    Exit codes: 0 every department agrees with the ledger (or no ledger was given); 2 invalid option; 4 no
    deployment; 5 a difference, or a closed month that is computed differently today.
    """
    if context.invoked_subcommand is not None:
        return
    from kit.chosen import settings_of
    from kit.measurement import period
    from kit.measurement.charging import as_csv, comparisons, statements
    from kit.measurement.closing import close as close_period
    from kit.measurement.closing import closed_file, corrections, read_closed
    from kit.measurement.pages import statements_page
    from kit.measurement.reading import reading
    from lambdas.common.clock import utc_now
    from lambdas.measurement.privacy import Released
    from stacks.settings import CONFIG_FOLDER

    month = month or f"{utc_now():%Y-%m}"
    wanted = period.month(month)
    settings = settings_of(client)
    source = reading(settings, records, client)
    use = source.whole(wanted, progress=not as_json)
    live = None if records is not None else source.ledger(wanted.name)
    settled = live.settled if live is not None else _ledger(ledger, wanted.name)
    disclosed = use.months.get(month, Released({}, None, over=use.last_whole == wanted.last))
    if exact is not None:
        disclosed = _exact(exact, month, use, source.target)
    centers = {one.id: one.cost_center for one in settings.departments}
    made = statements(disclosed, settings.budget.model, centers)
    figures = {"budget_model": settings.budget.model, "statements": [one.as_document() for one in made]}
    path = closed_file(CONFIG_FOLDER, settings.client, month)
    if close:
        if not disclosed.over or exact is not None:
            raise KitError(
                f"{month} cannot be closed"
                + (" with exact figures" if disclosed.over else ": it is not over"),
                hint="close it from the first day of the next month on, without --exact",
                exit_code=ExitCode.USAGE,
            )
        close_period(path, month, figures, (), utc_now())
    closed = None if exact is not None else read_closed(path)
    corrected = corrections(closed, figures) if closed else []
    compared = (
        comparisons(use.whole, settled, live.uncertain if live else None) if settled is not None else []
    )
    wrong = [one for one in compared if not one.agrees]
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "statements.csv").write_text(as_csv(month, made), encoding="utf-8")
        page = statements_page(
            settings.organization, month, settings.budget.model, made, disclosed,
            wrong if settled is not None else None, synthetic=use.synthetic,
        )  # fmt: skip
        (output / "statements.html").write_text(page, encoding="utf-8")
    document: dict[str, Any] = {
        "month": month,
        "time_zone": "UTC",
        "over": disclosed.over,
        "as_of": f"{use.last_whole}",
        "synthetic": use.synthetic,
        **figures,
        "charged_microusd": sum(one.charged_microusd for one in made),
        "used_microusd": sum(one.used_microusd for one in made),
        "rest_shown": disclosed.rest is not None,
        "ledger": "not asked" if settled is None else "differs" if wrong else "agrees",
        "ledger_differences": [
            {"department": one.department, "difference_microusd": one.difference_microusd} for one in wrong
        ],
        "closed": None if closed is None else {"at": closed.closed_at, "sha256": closed.sha256},
        "corrections": [vars(one) for one in corrected],
    }
    _print(document, made, as_json=as_json)
    if wrong:
        raise KitError(
            f"records and ledger differ for {', '.join(one.department for one in wrong)}",
            hint="kit audit verify says which calls lack a record; calls under way settle within minutes",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )
    if corrected:
        raise KitError(
            f"{month} was closed on {closed.closed_at[:10] if closed else ''} and "
            f"{len(corrected)} figures are computed differently today",
            hint="book each as a correction of its own; the closed statements stay as they are",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )


def _exact(reason: str, month: str, use: "Use", target: "Target | None") -> "Released":
    """Return every department on its own, after recording who asked and why."""
    from lambdas.measurement.privacy import Released

    if not reason.strip():
        raise KitError("--exact must say why", hint="for example --exact booking", exit_code=ExitCode.USAGE)
    if target is None:
        raise KitError(
            "--exact is for a deployment, where it is recorded",
            hint="leave --records out",
            exit_code=ExitCode.USAGE,
        )
    from kit.identity.operator import record_event

    record_event(target, {"kind": "disclosure", "what": f"exact statements of {month}", "reason": reason})
    over = use.last_whole == use.period.last
    return Released(use.whole.departments, None, over=over)


def _ledger(file: Path | None, month: str) -> dict[str, int] | None:
    """Read the settled amounts of a month from a file: by month and department, or by department only."""
    if file is None:
        return None
    try:
        document = json.loads(file.read_text("utf-8"))
        if isinstance(document, dict) and isinstance(document.get(month), dict):
            document = document[month]
        if not isinstance(document, dict) or not all(type(amount) is int for amount in document.values()):
            raise KitError(f"{file}: not an object of whole micro-dollars", exit_code=ExitCode.USAGE)
    except (OSError, ValueError) as error:
        raise KitError(f"{file}: cannot be read: {error}", exit_code=ExitCode.USAGE) from None
    return document


def _print(document: dict[str, Any], made: "list[Statement]", *, as_json: bool) -> None:
    from contract.money import usd

    if as_json:
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("department", "cost centre", "calls", "used (USD)", "pays (USD)", box=None)
    for one in made:
        table.add_row(
            one.department, one.cost_center, f"{one.calls:,}", usd(one.used_microusd),
            usd(one.charged_microusd),
        )  # fmt: skip
    console = Console(highlight=False)
    if document["synthetic"]:
        console.print("[yellow]Holds made-up use of kit demo.[/]")
    until = "" if document["over"] else f", until {document['as_of']}"
    console.print(
        f"{document['month']} (UTC{until}), {document['budget_model']}: "
        f"{usd(document['charged_microusd'])} USD; ledger: {document['ledger']}"
    )
    console.print(table)
    for one in document["ledger_differences"]:
        console.print(f"[red]{one['department']}: {one['difference_microusd']:+,} micro-dollars[/]")
    for one in document["corrections"]:
        console.print(f"[yellow]correction {one['place']}: closed {one['closed']}, now {one['now']}[/]")
