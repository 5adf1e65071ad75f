"""`kit dictionary`: the client's own protected terms (L2.3, G.1)."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json
from kit.commands.output import print_json

if TYPE_CHECKING:
    from kit.governance.dictionaries import Published

app = typer.Typer(help="Publish and show the client's dictionary of protected terms.", no_args_is_help=True)


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="JSON: terms, each with id, term and level.")],
    approved_by: Annotated[str, typer.Option(help="The person who answers for the terms.")],
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Store the terms of a file as an encrypted version, and print what puts it in force.

    The terms are stored in the governance bucket only. The gateway uses them once the client's
    configuration names the version and integration is deployed, so that a diff shows the approval.
    Identical terms are the same version.

    Exit codes: 0 done; 2 the file is not a dictionary; 4 the deployment cannot be reached.
    """
    from kit.governance.dictionaries import publish
    from kit.identity.operator import usage
    from kit.target import find_target

    if not approved_by.strip():
        raise usage("--approved-by is empty", "name the person who answers for the terms")
    with deployment_errors():
        published = publish(find_target(client), file, approved_by.strip())
    if as_json:
        print_json(_document(published))
        return
    typer.echo(
        f"version {published.version}: {published.terms} terms. In force with this in the client's file:"
    )
    typer.echo("")
    typer.echo("dictionary:")
    typer.echo(f"  version: {published.version}")
    typer.echo(f'  sha256: "{published.sha256}"')
    typer.echo(f"  approved_by: {json.dumps(published.approved_by, ensure_ascii=False)}")


@app.command()
def show(client: Client = None, as_json: Json = False) -> None:
    """List the published versions and which one is in force; never a term.

    Exit codes: 0 done; 4 the deployment cannot be reached; 5 the configured version was never published, so
    the gateway refuses every call.
    """
    from kit.errors import ExitCode, KitError
    from kit.governance.dictionaries import versions
    from kit.identity.operator import policy
    from kit.target import find_target

    with deployment_errors():
        target = find_target(client)
        published, approved = versions(target), policy(target).dictionary
    in_force = approved.sha256 if approved else ""
    if as_json:
        rows = [{**_document(one), "in_force": one.sha256 == in_force} for one in published]
        print_json(rows)
    else:
        _print(published, in_force)
    if in_force and in_force not in {one.sha256 for one in published}:
        raise KitError(
            f"the configuration names a dictionary that was never published: {in_force[:12]}…",
            hint="publish it with `kit dictionary publish`, or name a published one in the client's file",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )


def _print(published: "list[Published]", in_force: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("version", "terms", "levels", "approved by", "published", "SHA-256", "in force"):
        table.add_column(column, overflow="fold")
    for one in published:
        table.add_row(
            str(one.version),
            str(one.terms),
            ", ".join(f"{level} {count}" for level, count in one.levels.items()),
            escape(one.approved_by),
            one.published_at,
            f"{one.sha256[:12]}…",
            "yes" if one.sha256 == in_force else "",
        )
    Console(highlight=False).print(table)


def _document(published: "Published") -> dict[str, Any]:
    return {**asdict(published), "terms": published.terms}
