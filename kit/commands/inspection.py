"""`kit inspection`: exceptions from inspection, and reports of its mistakes (L2.3, G.1)."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json

app = typer.Typer(help="Except single findings; read what people reported as wrong.", no_args_is_help=True)

Type = Annotated[str, typer.Argument(help="Type of the finding, as the record says it: SECRET, US_SSN, …")]
Hash = Annotated[str, typer.Argument(help="Its keyed hash, as the record says it: 16 hex digits.")]
Department = Annotated[str, typer.Option(help="Only for this department; without it for all.")]
Owner = Annotated[str, typer.Option(help="The person who answers for it.")]
Reason = Annotated[str, typer.Option(help="Why the finding is nobody's.")]


@app.command("except")
def except_(
    type_: Type,
    hash_: Hash,
    owner: Owner,
    reason: Reason,
    department: Department = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="It ends after so many days.")] = 90,
    client: Client = None,
) -> None:
    """Exempt a finding wherever the same value occurs. In force within 15 seconds.

    `kit inspection mistakes` and `kit audit find --request-id …` show type and hash of a finding; the value
    itself is not stored anywhere.

    Exit codes: 0 done; 2 invalid arguments; 4 the deployment cannot be reached.
    """
    from kit.governance.inspection_exceptions import add, exception
    from kit.target import find_target

    _check(type_, hash_, owner, reason)
    excepted = exception(type_, hash_, department.strip(), owner.strip(), reason.strip(), days)
    with deployment_errors():
        target = find_target(client)
        _check_department(target, excepted.department)
        add(target, excepted)
    typer.echo(f"{type_} {hash_}: excepted until {excepted.expires}; in force within 15 seconds")


@app.command()
def withdraw(
    type_: Type, hash_: Hash, owner: Owner, reason: Reason, department: Department = "", client: Client = None
) -> None:
    """End an exception early. In force within 15 seconds.

    Exit codes: 0 done, or there was none; 2 invalid arguments; 4 the deployment cannot be reached.
    """
    from kit.governance.inspection_exceptions import withdraw
    from kit.target import find_target

    _check(type_, hash_, owner, reason)
    with deployment_errors():
        ended = withdraw(find_target(client), type_, hash_, department.strip(), owner.strip(), reason.strip())
    typer.echo(f"{type_} {hash_}: {'ended' if ended else 'there is no such exception'}")


@app.command()
def exceptions(client: Client = None, as_json: Json = False) -> None:
    """List the exceptions: what, for whom, who owns it, until when.

    Exit codes: 0 done; 4 the deployment cannot be reached; 5 the document cannot be read.
    """
    from kit.governance.inspection_exceptions import exceptions
    from kit.target import find_target
    from lambdas.common.clock import utc_now

    with deployment_errors():
        listed = exceptions(find_target(client))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in listed], indent=2))
        return
    for one in listed:
        state = "in force" if one.is_in_force(one.department, utc_now()) else "ended"
        where = one.department or "all departments"
        typer.echo(
            f"{one.type} {one.hash}  {where}  until {one.expires} ({state})  {one.owner}: {one.reason}"
        )
    if not listed:
        typer.echo("there are no exceptions")


@app.command()
def mistakes(
    days: Annotated[int, typer.Option(min=1, max=366, help="Of the last so many days.")] = 7,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Show what people reported as wrongly blocked or missed, with the findings and never a value.

    Exit codes: 0 done; 4 the deployment cannot be reached.
    """
    from kit.audit.sources import BucketSource
    from kit.governance.inspection_exceptions import mistakes
    from kit.target import find_target
    from lambdas.common.clock import utc_now

    now = utc_now()
    with deployment_errors():
        target = find_target(client)
        source = BucketSource(target.client("s3"), target.require("audit_bucket_name"))
        reported = list(mistakes(source, now - timedelta(days=days), now))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in reported], indent=2))
        return
    for one in reported:
        typer.echo(f"{one.at}  {one.request_id}  {one.department}  {one.what}: {one.action} {one.reason}")
        for finding in one.findings:
            typer.echo(f"  {finding['type']} {finding['hash']}  {finding['rule']}  {finding['field']}")
    if not reported:
        typer.echo(f"nobody reported anything in {days} days")


def _check(type_: str, hash_: str, owner: str, reason: str) -> None:
    from kit.identity.operator import usage
    from lambdas.common.inspection_exceptions import HASH, TYPE

    if not TYPE.fullmatch(type_):
        raise usage(f"{type_[:60]}: no type of a finding", "copy it from the record, such as SECRET")
    if not HASH.fullmatch(hash_):
        raise usage(
            f"{hash_[:60]}: no hash of a finding",
            "copy the 16 hex digits from the record; a finding without one cannot be excepted",
        )
    if not owner.strip() or not reason.strip():
        raise usage("--owner or --reason is empty", "name the person who answers for it, and why")


def _check_department(target: object, department: str) -> None:
    from kit.identity.operator import policy, usage

    known = policy(target).departments  # pyright: ignore[reportArgumentType]
    if department and department not in known:
        raise usage(f"--department {department}: there is none", f"use one of {', '.join(sorted(known))}")
