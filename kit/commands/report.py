"""`kit report roi`, `kit maturity`: the value of a quarter, and how mature each department is (L5.5, C.3)."""

import json
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.commands.options import Client, Json
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.measurement.quarter import Quarter

app = typer.Typer(help="Reports for the board.", no_args_is_help=True)

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

QuarterName = Annotated[
    str | None, typer.Option("--quarter", help="Such as 2026Q4; default: the running one.")
]
Records = Annotated[
    Path | None, typer.Option(help="Read a folder copy of the analytics bucket instead of a deployment.")
]


@app.command()
def roi(
    quarter: QuarterName = None,
    output: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("build/report"),
    close: Annotated[
        bool, typer.Option("--close", help="Freeze a quarter that is over: figures and baselines, by hash.")
    ] = False,
    records: Records = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Write the quarterly report as HTML, and as PDF if a Chromium is on the PATH.

    Value is a range with its method, cost is marked as recorded or planned, and every figure links to its
    query. The current quarter is reported up to yesterday. A closed quarter uses the baselines of the day
    it was closed; anything computed differently since is listed as a correction.

    Exit codes: 0 done; 2 invalid option or configuration; 4 no deployment; 5 a closed quarter was altered.
    """
    from kit.measurement.closing import close as close_period
    from kit.measurement.closing import closed_file, corrections, read_closed
    from kit.measurement.report import Report, as_document
    from lambdas.common.clock import utc_now
    from stacks.settings import CONFIG_FOLDER

    found = read_quarter(quarter, records, client, progress=not as_json)
    file = closed_file(CONFIG_FOLDER, found.settings.client, found.use.period.name)
    if close:
        if not found.over:
            raise KitError(
                f"{found.use.period.name} cannot be closed: it is not over",
                hint="close it from the first day of the next quarter on",
                exit_code=ExitCode.USAGE,
            )
        close_period(file, found.use.period.name, as_document(found), found.baselines, utc_now())
    closed = read_closed(file)
    corrected = corrections(closed, as_document(found)) if closed else []
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"roi-{found.use.period.name}.html"
    path.write_text(Report(found, closed, corrected).html(), encoding="utf-8")
    pdf = print_pdf(path)
    if as_json:
        document = {
            "html": str(path),
            "pdf": str(pdf) if pdf else None,
            **as_document(found),
            "closed": None if closed is None else {"at": closed.closed_at, "sha256": closed.sha256},
            "corrections": [vars(one) for one in corrected],
        }
        typer.echo(json.dumps(document, indent=1))
        return
    typer.echo(f"written {path}")
    typer.echo(
        f"written {pdf}" if pdf else "no PDF: there is no Chromium on the PATH; print the page instead"
    )


def maturity(
    quarter: QuarterName = None, records: Records = None, client: Client = None, as_json: Json = False
) -> None:
    """Show the maturity of each department, 1 to 4, and what is missing for the next level.

    Levels are computed from use, feedback, reviews, training and baselines, and never entered by hand.

    Exit codes: 0 done; 2 invalid option or configuration; 4 no deployment.
    """
    found = read_quarter(quarter, records, client, progress=not as_json).maturity
    if as_json:
        typer.echo(json.dumps({"departments": [one.as_document() for one in found]}, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    from kit.measurement.maturity import TITLES

    table = Table("department", "level", "", "missing for the next level", box=None)
    for one in found:
        missing = "\n".join(f"{each.says} (found: {each.found})" for each in one.missing)
        table.add_row(one.department, str(one.level), TITLES[one.level], missing or "-")
    Console(highlight=False).print(table)


def read_quarter(name: str | None, records: Path | None, client: str | None, *, progress: bool) -> "Quarter":
    """Read everything about a quarter. Raises KitError on an invalid option, or if nothing can be read."""
    from kit.chosen import choose, settings_of
    from kit.cost.model import build_model
    from kit.evaluation.stages import evaluate_stages
    from kit.measurement import period
    from kit.measurement.baselines import baseline_of_document
    from kit.measurement.closing import closed_file, read_closed
    from kit.measurement.quarter import Quarter
    from kit.measurement.reading import reading
    from kit.terminal import notes
    from stacks.settings import CONFIG_FOLDER

    settings = settings_of(client)
    source = reading(settings, records, client)
    wanted = period.quarter(name) if name else period.quarter_of(source.today)
    if wanted.first > source.today:
        raise KitError(
            f"{wanted.name} has not begun", hint="choose an earlier quarter", exit_code=ExitCode.USAGE
        )
    chosen = choose(client)
    with notes().status("planning the stages for what they cost") if progress else nullcontext():
        graphs = evaluate_stages(client=chosen.client, config=chosen.config, assume_gates=True)
    baselines, cost = source.baselines(), build_model(settings, list(graphs.values()))

    def of(one: period.Period, earlier: "Quarter | None" = None) -> "Quarter":
        closed = read_closed(closed_file(CONFIG_FOLDER, settings.client, one.name))
        counted = baselines if closed is None else [baseline_of_document(entry) for entry in closed.baselines]
        return Quarter(settings, source.whole(one, progress=progress), counted, cost, earlier)

    previous = of(period.before(wanted))
    return of(wanted, previous if previous.use.days else None)


def print_pdf(page: Path) -> Path | None:
    """Print the page to PDF with a headless browser; returns None if there is none or it fails."""
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        return None
    pdf = page.with_suffix(".pdf")
    command = [
        browser, "--headless", "--disable-gpu", "--no-sandbox", "--no-pdf-header-footer",
        f"--print-to-pdf={pdf.resolve()}", page.resolve().as_uri(),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=60)
    except (subprocess.TimeoutExpired, OSError):
        return None
    return pdf if done.returncode == 0 and pdf.exists() else None
