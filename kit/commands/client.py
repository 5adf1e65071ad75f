"""`kit client`: create, check and migrate a client's folder (Z.1, L3.1)."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from contract.kinds import SIZES
from kit.commands.choices import one_of
from kit.commands.options import Json
from kit.errors import ExitCode, KitError

app = typer.Typer(help="Make a client's folder, and check it for what was left open.", no_args_is_help=True)

_ROOT = Path(__file__).resolve().parent.parent.parent


@app.command()
def new(
    client: Annotated[str, typer.Argument(help="The client's name in every physical name, such as acme.")],
    organization: Annotated[str | None, typer.Option(help="The organisation's name.")] = None,
    account: Annotated[str | None, typer.Option(help="The AWS account, twelve digits.")] = None,
    region: Annotated[str | None, typer.Option(help="The AWS region, such as eu-central-1.")] = None,
    owner: Annotated[str | None, typer.Option(help="E-mail address of who answers for it.")] = None,
    issuer: Annotated[str | None, typer.Option(help="URL of the identity provider (OpenID Connect).")] = None,
    department: Annotated[
        list[str] | None,
        typer.Option(
            help="A department: its id, or id=like with a department of the kit's library; repeatable."
        ),
    ] = None,
    size: Annotated[str, typer.Option(help=f"{one_of(SIZES)}.")] = "small",
    environment: Annotated[str, typer.Option(help="production, or another name.")] = "production",
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; every fact is given.")] = False,
    plan: Annotated[bool, typer.Option(help="End with a plan of all stages.")] = True,
    as_json: Json = False,
) -> None:
    """Create a client's folder and its three stack files, and plan it.

    Prompts for whatever is not given. Nothing is overwritten, and nothing is written if a value is invalid.

    Exit codes: 0 created; 2 the client already exists, or a value is invalid or missing.
    """
    from kit.clients.folder import Facts, client_text, residency_of, stack_files

    def fact(given: str | None, flag: str, question: str) -> str:
        if given:
            return given
        if yes:
            raise _usage(f"--{flag} is missing", "give it, or leave --yes out and be asked")
        return str(typer.prompt(question))

    target, stacks = _ROOT / "clients" / client, _ROOT / "stacks" / "config"
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", client) or len(client) > 20:
        raise _usage(f'"{client[:40]}" is not a client\'s name', "lower-case letters, digits, single hyphens")
    if size not in SIZES:
        raise _usage(f'"{size[:40]}" is not a size', f"allowed: {', '.join(SIZES)}")
    if client in _known():
        raise _usage(f"there is a client {client} already", "choose another name, or edit its file")
    facts = Facts(
        client=client,
        organization=fact(organization, "organization", "Name of the organisation"),
        account=fact(account, "account", "AWS account (twelve digits)"),
        region=fact(region, "region", "AWS region"),
        size=size,
        owner=fact(owner, "owner", "E-mail address of who answers for it"),
        issuer=fact(issuer, "issuer", "URL of the identity provider"),
        departments=department or fact(None, "department", "Departments, separated by spaces").split(),
        environment=environment,
    )
    if residency_of(facts.region) is None:
        raise _usage(
            f"the kit does not know where region {facts.region[:40]} keeps data", "see docs/configuration.md"
        )
    text = client_text(facts)
    _check_facts(text)
    for folder in ("documents", "prompts", "workflows", "courses"):
        (target / folder).mkdir(parents=True)
        (target / folder / ".gitkeep").touch()
    (target / "client.yaml").write_text(text, "utf-8")
    files = stack_files(client)
    for name, content in files.items():
        (stacks / name).write_text(content, "utf-8")
    written = [f"clients/{client}/client.yaml", *(f"stacks/config/{name}" for name in files)]
    counts = _plan(client) if plan else {}
    if as_json:
        typer.echo(json.dumps({"client": client, "written": written, "resources": counts}, sort_keys=True))
        return
    for each in written:
        typer.echo(f"written  {each}")
    for stage, count in counts.items():
        typer.echo(f"{stage:<12} {count} resources")
    typer.echo(f"next: kit client check {client}, kit preview --client {client}, kit up --client {client}")


@app.command()
def check(
    client: Annotated[str, typer.Argument(help="The client.")],
    as_json: Json = False,
) -> None:
    """Check a client's file, workflows and documents, and list every placeholder that is not filled in.

    Exit codes: 0 nothing is open; 2 no such client, or its configuration is invalid; 5 placeholders are
    left.
    """
    from kit.clients.folder import placeholders
    from kit.evaluation.stages import stack_configuration
    from kit.local.deployment import read_settings_of
    from stacks.library import documents_of

    files = _known()
    _require_known(client, files)
    settings = read_settings_of(stack_configuration("integration", client=client))
    found = placeholders(files[client], _shown(files[client]))
    for path in documents_of(settings).values():
        found += placeholders(path, _shown(path))
    if as_json:
        document: dict[str, Any] = {
            "client": client,
            "open": [{"file": one.file, "line": one.line, "text": one.text} for one in found],
        }
        typer.echo(json.dumps(document, indent=1, sort_keys=True))
    else:
        for one in found:
            typer.echo(f"{one.file}:{one.line}: {one.text} is not filled in")
        typer.echo(f"{len(found)} placeholders are left" if found else "nothing is open")
    if found:
        raise typer.Exit(int(ExitCode.VERIFICATION_FAILED))


@app.command()
def migrate(
    client: Annotated[str, typer.Argument(help="The client.")],
    only_check: Annotated[
        bool, typer.Option("--check", help="Show what would change, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Migrate a client of an earlier version: its file, documents and prompts.

    Comments are preserved, nothing is overwritten, and a second run changes nothing. Stack files and
    evidence stay where they are.

    Exit codes: 0 migrated, or nothing to do; 2 no such client, or its file cannot be read; 5 with --check:
    there is something to do, or a key that a person must decide.
    """
    from kit.clients import migration

    files = _known()
    _require_known(client, files)
    planned = migration.plan(client, _ROOT, files)
    left = migration.problems_left(planned, _ROOT)
    if planned.needed and not only_check:
        migration.carry_out(planned)
    document: dict[str, Any] = {
        "client": client,
        "needed": planned.needed,
        "migrated": planned.needed and not only_check,
        "changes": list(planned.done),
        "file": _shown(planned.target),
        "copied": sorted(map(_shown, planned.copies)),
        "moved": sorted(map(_shown, planned.moves)),
        "to_decide": list(left),
    }
    if as_json:
        typer.echo(json.dumps(document, indent=1, sort_keys=True))
    else:
        _print_migration(document, planned.difference(_ROOT), only_check=only_check)
    if only_check and (planned.needed or left):
        raise typer.Exit(int(ExitCode.VERIFICATION_FAILED))


def _print_migration(document: dict[str, Any], difference: str, *, only_check: bool) -> None:
    if not document["needed"]:
        typer.echo(f"{document['client']} is of this version: nothing to do")
    else:
        typer.echo(difference, nl=False)
        will = "would be " if only_check else ""
        for each in document["moved"]:
            typer.echo(f"{will}moved   {each}")
        for each in document["copied"]:
            typer.echo(f"{will}copied  {each}")
        if document["copied"] and not only_check:
            typer.echo(
                "what was copied is at the top of the fork still: restore the kit's text there when every"
                " client is migrated"
            )
    for each in document["to_decide"]:
        typer.echo(f"to decide: {each}")
    if document["migrated"]:
        typer.echo(f"next: kit client check {document['client']}, kit preview --client {document['client']}")


def _require_known(client: str, files: dict[str, Path]) -> None:
    if client not in files:
        from contract.problems import nearest

        raise _usage(
            f"there is no client {client[:40]}", nearest(client, files) if files else "kit client new"
        )


def _known() -> dict[str, Path]:
    from stacks.settings.loading import client_files

    return client_files()


def _check_facts(text: str) -> None:
    """Refuse values that the configuration would refuse, before anything is written."""
    import yaml

    from stacks.settings import SettingsError, parse_settings

    try:
        parse_settings({**yaml.safe_load(text), "stage": "foundation"})
    except (SettingsError, yaml.YAMLError) as error:
        raise _usage(str(error), "nothing was written: give the right facts") from None


def _plan(client: str) -> dict[str, int]:
    from kit.evaluation.stages import evaluate_stages

    return {
        stage: len(graph.resources)
        for stage, graph in evaluate_stages(client=client, assume_gates=True).items()
    }


def _shown(path: Path) -> str:
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else str(path)


def _usage(message: str, hint: str) -> KitError:
    return KitError(message, hint=hint, exit_code=ExitCode.USAGE)
