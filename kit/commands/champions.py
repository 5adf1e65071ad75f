"""`kit champions`: who of the champions contributed what (L4.6)."""

import json
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors


def champions(
    quarter: Annotated[
        str | None, typer.Option("--quarter", help="Such as 2026Q4; default: the running one.")
    ] = None,
    client: Annotated[str | None, typer.Option(help="The client, for stacks named <stage>.<client>.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """Show what each champion contributed in a quarter.

    Prompts approved, reviews done, people trained, answers rated: computed from published prompts, reviews
    and records, as the quarterly governance review computes it, in the order of ids: nobody is ranked.

    Exit codes: 0 done; 2 wrong option; 4 no deployment can be reached.
    """
    from kit.adoption.recognition import contributions
    from kit.chosen import settings_of
    from kit.measurement import period
    from kit.measurement.reading import Reading, source_of
    from kit.target import find_target, require_client
    from lambdas.common.clock import utc_now

    today = utc_now().date()
    wanted = period.quarter(quarter) if quarter else period.quarter_of(today)
    with deployment_errors():
        target = find_target(client)
        settings = settings_of(client)
        require_client(target, settings.client)
        reading = Reading(settings, source_of(None, target), target, None, today)
        found = contributions(reading, target, wanted)
    if as_json:
        documents = [one.as_document() | {"known_as": one.known_as} for one in found]
        typer.echo(json.dumps({"quarter": wanted.name, "champions": documents}, indent=2, sort_keys=True))
        return
    if not found:
        typer.echo("nobody has the role champions; the identity provider's group gives it (identity.groups)")
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"Champions, {wanted.name}")
    for column in (
        "champion",
        "department",
        "prompts approved",
        "reviews",
        "people trained",
        "answers rated",
    ):
        table.add_column(column, overflow="fold")
    for one in found:
        figures = (one.prompts_approved, one.reviews, one.people_trained, one.feedback)
        table.add_row(escape(one.known_as or one.person), one.department, *map(str, figures))
    Console(highlight=False).print(table)
