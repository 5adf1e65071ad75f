"""`kit executive`, `kit report board-paper`: a page for the CIO and the board, and the paper for approval."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.commands.report import Client, Json, QuarterName, Records, print_pdf, read_quarter

if TYPE_CHECKING:
    from kit.measurement.executive import Standing


def executive(
    quarter: QuarterName = None,
    output: Annotated[Path, typer.Option(help="Folder for the page.")] = Path("build/report"),
    publish: Annotated[
        bool, typer.Option("--publish", help="Show the figures in the portal too, for the Center.")
    ] = False,
    records: Records = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Write one page: what the money bought, what is at risk, who is behind, what has to be decided.

    HTML, and PDF if a Chromium is on the PATH. `--publish` lets the portal show the same figures: it reads
    only that document, and no record.

    Exit codes: 0 done; 2 invalid option or configuration; 4 no deployment.
    """
    from kit.measurement.executive import behind, decisions, executive_page, risks
    from kit.measurement.report import headline

    standing = _standing(quarter, records, client, progress=not as_json)
    if publish:
        _publish(standing, client)
    path, pdf = _write(output, f"executive-{standing.quarter.use.period.name}.html", executive_page(standing))
    if as_json:
        document = {
            "html": str(path),
            "pdf": str(pdf) if pdf else None,
            "headline": headline(standing.quarter),
            "risks": [{"risk": name, "state": state} for name, state in risks(standing)],
            "behind": [
                dict(zip(("what", "state", "owner", "date"), one, strict=True)) for one in behind(standing)
            ],
            "decisions": [
                dict(zip(("decision", "by", "until"), one, strict=True)) for one in decisions(standing)
            ],
        }
        typer.echo(json.dumps(document, indent=1))
        return
    typer.echo(f"written {pdf or path}")


def board_paper(
    quarter: QuarterName = None,
    output: Annotated[Path, typer.Option(help="Folder for the paper.")] = Path("build/report"),
    records: Records = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Write the paper that asks for approval: range, risks, timeline, staffing by stage, the next quarter.

    Exit codes: 0 done; 2 wrong option or configuration; 4 no deployment.
    """
    from kit.measurement.executive import board_paper as paper

    standing = _standing(quarter, records, client, progress=not as_json)
    path, pdf = _write(output, "board-paper.html", paper(standing))
    typer.echo(
        json.dumps({"html": str(path), "pdf": str(pdf) if pdf else None})
        if as_json
        else f"written {pdf or path}"
    )


def _standing(quarter: str | None, records: Path | None, client: str | None, *, progress: bool) -> "Standing":
    from kit.commands.deployment_errors import deployment_errors
    from kit.commands.gate import settings_of_stage
    from kit.measurement.executive import Standing
    from lambdas.common.clock import utc_now
    from stacks import gates

    found = read_quarter(quarter, records, client, progress=progress)
    today = utc_now().date()
    assessed = gates.assess(settings_of_stage(client, None, "rollout"), today=today)
    if records is not None:
        return Standing(found, assessed, None, None, today)
    from kit.adoption.records import verified_week
    from kit.registers.store import Registers
    from kit.target import find_target

    target = find_target(client)
    with deployment_errors():
        return Standing(found, assessed, Registers(target).everything(), verified_week(target), today)


def _publish(standing: "Standing", client: str | None) -> None:
    from kit.commands.deployment_errors import deployment_errors
    from kit.measurement.published_figures import figures_document, publish
    from kit.target import find_target, require_client
    from lambdas.common.clock import utc_now

    target = find_target(client)
    require_client(target, standing.quarter.settings.client)
    with deployment_errors():
        publish(target, figures_document(standing, utc_now()))


def _write(output: Path, name: str, html: str) -> tuple[Path, Path | None]:
    output.mkdir(parents=True, exist_ok=True)
    path = output / name
    path.write_text(html, encoding="utf-8")
    return path, print_pdf(path)
