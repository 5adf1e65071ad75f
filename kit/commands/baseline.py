"""`kit baseline`: how work was done before Claude, recorded before the rollout (L5.2)."""

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from kit.commands.options import Client, Json
from kit.errors import ExitCode, KitError

app = typer.Typer(help="Record and show how work was done before Claude.", no_args_is_help=True)

Folder = Annotated[
    Path | None, typer.Option("--config-folder", help="Folder that holds the stack files and baselines/.")
]


@app.command()
def record(
    department: Annotated[str, typer.Option(help="Id of a configured department.")],
    minutes_per_task: Annotated[int, typer.Option(help="What one task took a person, in minutes.")],
    tasks_per_month: Annotated[int, typer.Option(help="How many such tasks the department has a month.")],
    hourly_cost_usd: Annotated[str, typer.Option(help="Loaded cost of an hour of those people, in USD.")],
    by: Annotated[str, typer.Option(help="Who measured it: name and office.")],
    use_case: Annotated[str, typer.Option(help="Name of the use case; * for all without their own.")] = "*",
    rework_percent: Annotated[int, typer.Option(help="Share of tasks that had to be redone.")] = 0,
    on: Annotated[
        str | None, typer.Option(help="Day of the measurement, YYYY-MM-DD; default: today.")
    ] = None,
    client: Client = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Record one baseline. Nothing is ever overwritten; the latest entry of a use case applies.

    A baseline dated after the department's first use of Claude is kept, and every report says so.

    Exit codes: 0 recorded, or already recorded; 2 invalid option or file.
    """
    from datetime import date

    from kit.chosen import settings_of
    from kit.measurement.baselines import Baseline, append_baseline, baselines_file
    from lambdas.common.clock import utc_now
    from stacks.settings import CONFIG_FOLDER

    settings = settings_of(client, config={"config_folder": str(folder)} if folder else None)
    known = [one.id for one in settings.departments]
    if department not in known:
        raise _usage(f'--department "{department}" is not configured', f"one of: {', '.join(known)}")
    try:
        day = date.fromisoformat(on) if on else utc_now().date()
    except ValueError:
        raise _usage(f'--on "{on}" is not a date', "write it as YYYY-MM-DD") from None
    if day > utc_now().date():
        raise _usage(f"--on {day} lies in the future", "record it when it was measured")
    try:
        hourly = Decimal(hourly_cost_usd)
    except InvalidOperation:
        raise _usage(f'--hourly-cost-usd "{hourly_cost_usd}" is not an amount', "for example 65.50") from None
    _note_unknown(use_case)
    entry = Baseline(
        department, use_case, minutes_per_task, tasks_per_month, rework_percent, hourly, day, by.strip()
    )
    path = baselines_file(folder or CONFIG_FOLDER, settings.client)
    new = append_baseline(path, entry)
    if as_json:
        typer.echo(json.dumps({"recorded": new, "file": str(path), "entry": entry.as_document()}, indent=1))
    else:
        typer.echo(
            f"{department}/{use_case}: {'recorded in' if new else 'is in'} {path}{'' if new else ' already'}"
        )


@app.command()
def show(client: Client = None, folder: Folder = None, as_json: Json = False) -> None:
    """Show all baselines, and which departments have none."""
    from rich.console import Console
    from rich.table import Table

    from kit.chosen import settings_of
    from kit.measurement.baselines import baselines_file, read_baselines
    from stacks.settings import CONFIG_FOLDER

    settings = settings_of(client, config={"config_folder": str(folder)} if folder else None)
    entries = read_baselines(baselines_file(folder or CONFIG_FOLDER, settings.client))
    missing = [
        one.id for one in settings.departments if one.id not in {entry.department for entry in entries}
    ]
    if as_json:
        document = {"baselines": [entry.as_document() for entry in entries], "without": missing}
        typer.echo(json.dumps(document, indent=1))
        return
    table = Table("department", "use case", "minutes", "a month", "redone", "USD/h", "dated", "by", box=None)
    for one in entries:
        table.add_row(
            one.department, one.use_case, str(one.minutes_per_task), str(one.tasks_per_month),
            f"{one.rework_percent} %", str(one.hourly_cost_usd), one.dated.isoformat(), one.by,
        )  # fmt: skip
    console = Console(highlight=False)
    if entries:
        console.print(table)
    if missing:
        console.print(f"without a baseline, so without a value in money: {', '.join(missing)}")


def _note_unknown(use_case: str) -> None:
    """Note that no approved prompt has the use case: a misspelt one prices nothing. Callers may define
    their own, so it is not an error.
    """
    from contract.problems import nearest
    from kit.home import PROJECT_ROOT
    from kit.prompts.library import read_library
    from kit.terminal import notes

    entries = read_library(PROJECT_ROOT / "prompts")
    known = {*entries, *(one.file.use_case for one in entries.values())}
    if use_case != "*" and use_case not in known:
        notes().print(
            f"note: no approved prompt has the use case {use_case}; {nearest(use_case, known)}. It prices "
            "only calls that name it themselves.",
            highlight=False,
            soft_wrap=True,
        )


def _usage(message: str, hint: str) -> KitError:
    return KitError(message, hint=hint, exit_code=ExitCode.USAGE)
