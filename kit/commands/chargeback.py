"""`kit chargeback`: each department's monthly statement, held against the ledger (C.2, L5.4)."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.measurement.charging import Statement


def chargeback(
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
    client: Annotated[str | None, typer.Option(help="The client, for stacks named <stage>.<client>.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show what each department used and pays for a month, under the budget model of the configuration.

    The sum of the records of each department is compared with the ledger, to the micro-dollar. Reservations
    of calls that are still open are not counted. What the provider may or may not have charged (answers that
    broke off, processes that died) is counted, and shown apart as uncertain.

    Exit codes: 0 every department agrees with the ledger (or no ledger was given); 2 wrong option; 4 no
    deployment; 5 a difference.
    """
    from kit.measurement import period
    from kit.measurement.charging import as_csv, statements
    from kit.measurement.deployment import read_client_settings
    from kit.measurement.pages import statements_page
    from kit.measurement.reading import reading
    from lambdas.common.clock import utc_now

    month = month or f"{utc_now():%Y-%m}"
    wanted = period.month(month)
    settings = read_client_settings(client)
    source = reading(settings, records, client)
    use = source.use(wanted, progress=not as_json, evidence=True)
    live = None if records is not None else source.ledger(wanted.name)
    settled = live.settled if live is not None else _ledger(ledger, wanted.name)
    centers = {one.id: one.cost_center for one in settings.departments}
    made = statements(
        use.whole, settings.budget.model, centers, settled, live.uncertain if live is not None else None
    )
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "statements.csv").write_text(as_csv(month, made), encoding="utf-8")
        page = statements_page(
            settings.organization, month, settings.budget.model, made, synthetic=use.synthetic
        )
        (output / "statements.html").write_text(page, encoding="utf-8")
    _print(month, settings.budget.model, made, as_json=as_json, synthetic=use.synthetic)
    wrong = [one.department for one in made if not one.agrees]
    if wrong:
        raise KitError(
            f"records and ledger differ for {', '.join(wrong)}",
            hint="kit audit verify says which calls lack a record; calls under way settle within minutes",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )


def _ledger(file: Path | None, month: str) -> dict[str, int] | None:
    """Settled amounts of a month from a file: by month and department, or by department alone."""
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


def _print(month: str, model: str, made: "list[Statement]", *, as_json: bool, synthetic: bool) -> None:
    from contract.money import usd

    if as_json:
        document: dict[str, Any] = {
            "month": month,
            "budget_model": model,
            "synthetic": synthetic,
            "statements": [one.as_document() for one in made],
            "charged_microusd": sum(one.charged_microusd for one in made),
            "used_microusd": sum(one.used_microusd for one in made),
        }
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    columns = ("department", "cost centre", "calls", "used (USD)", "pays (USD)", "uncertain (USD)", "ledger")
    table = Table(*columns, box=None)
    for one in made:
        agrees = (
            "not asked"
            if one.ledger_microusd is None
            else "agrees"
            if one.agrees
            else f"[red]{one.difference_microusd:+,} micro-dollars[/]"
        )
        table.add_row(
            one.department, one.cost_center, f"{one.calls:,}", usd(one.used_microusd),
            usd(one.charged_microusd), usd(one.uncertain_microusd), agrees,
        )  # fmt: skip
    console = Console(highlight=False)
    if synthetic:
        console.print("[yellow]Holds made-up use of kit demo.[/]")
    console.print(f"{month}, {model}: {usd(sum(one.charged_microusd for one in made))} USD")
    console.print(table)
