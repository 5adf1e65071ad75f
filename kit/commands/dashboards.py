"""`kit dashboards`: draws the CloudWatch dashboards from the deployment's own data (L5.6)."""

import json
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from kit.commands.options import Client, Json


def dashboards(
    output: Annotated[Path, typer.Option(help="Folder for the pages.")] = Path("build/dashboards"),
    open_browser: Annotated[bool, typer.Option("--open", help="Open the first page in a browser.")] = False,
    records: Annotated[
        Path | None, typer.Option(help="Read a folder copy of the analytics bucket instead of a deployment.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Last day, YYYY-MM-DD; default, and latest: yesterday.")
    ] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Draw the last twelve weeks up to yesterday, one page per audience.

    The pages use the definitions that `components/measurement/dashboards.py` deploys. Metrics that only AWS
    measures are marked.

    Exit codes: 0 done; 2 invalid option; 4 no deployment.
    """
    from datetime import date, timedelta

    from components.measurement.dashboards import DashboardsArgs, dashboard_body
    from kit.chosen import settings_of
    from kit.errors import ExitCode, KitError
    from kit.measurement.drawing import dashboard_page
    from kit.measurement.period import Period
    from kit.measurement.reading import reading
    from lambdas.measurement.privacy import month_start
    from stacks.placement import names_of

    settings = settings_of(client)
    source = reading(settings, records, client)
    try:
        yesterday = source.today - timedelta(days=1)  # a day is shown once it is over
        last = min(date.fromisoformat(until), yesterday) if until else yesterday
    except ValueError:
        raise KitError(f'--until "{until}" is not a date', exit_code=ExitCode.USAGE) from None
    drawn = Period("twelve weeks", last - timedelta(days=83), last)
    # small days are combined from the start of a month, wherever the drawing starts
    use = source.daily(Period("months", month_start(drawn.first), last), progress=not as_json)
    audiences = settings.sizing.adoption.dashboards
    args = DashboardsArgs(names_of(settings), [one.id for one in settings.departments], audiences)
    output.mkdir(parents=True, exist_ok=True)
    paths = []
    for audience in audiences:
        path = output / f"{audience}.html"
        body = dashboard_body(audience, args)
        page = dashboard_page(settings.organization, audience, body, use, audiences, drawn)
        path.write_text(page, encoding="utf-8")
        paths.append(path)
    if as_json:
        typer.echo(json.dumps({"pages": [str(path) for path in paths], "synthetic": use.synthetic}))
    else:
        for path in paths:
            typer.echo(f"written {path}")
    if open_browser:
        webbrowser.open(paths[0].resolve().as_uri())
