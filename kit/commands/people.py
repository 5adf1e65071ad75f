"""`kit people`: people without provisioning, and the binding of accounts to people (G.4, L1.3)."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json

if TYPE_CHECKING:
    from kit.identity.imports import Failure, Plan

app = typer.Typer(help="People, and their accounts at the identity provider.", no_args_is_help=True)

Person = Annotated[str, typer.Argument(help="Id, user name, address or externalId of the person.")]


@app.command()
def bind(
    person: Person,
    subject: Annotated[str, typer.Option(help="The account's `sub`, or its NameID where that is SAML.")],
    issuer: Annotated[
        str, typer.Option(help="identity.issuer of the configuration; for SAML leave it out.")
    ] = "saml:organization",
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Bind an account to a person if neither externalId nor a verified address does. Recorded.

    Exit codes: 0 done; 2 no such person, or already bound; 4 the deployment cannot be reached.
    """
    from kit.identity.people import bind as bind_account
    from kit.target import find_target

    with deployment_errors():
        bound = bind_account(find_target(client), person, subject, issuer.rstrip("/"))
    if as_json:
        typer.echo(json.dumps({"person": bound.person, "account": bound.account}, sort_keys=True))
    else:
        typer.echo(f"{bound.person} signs in with this account")


@app.command()
def unbind(person: Person, client: Client = None, as_json: Json = False) -> None:
    """Release a person's account, for example after a change of identity provider. The next sign-in binds
    its own account. Recorded.

    Exit codes: 0 done; 2 no such person, or no account; 4 the deployment cannot be reached.
    """
    from kit.identity.people import unbind as release
    from kit.target import find_target

    with deployment_errors():
        released = release(find_target(client), person)
    if as_json:
        typer.echo(json.dumps({"person": released.person, "account": None}, sort_keys=True))
    else:
        typer.echo(f"{released.person} has no account; the next sign-in binds one")


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with a header: user_name, email, name, department, external_id, groups (a;b), active."
        ),
    ],
    complete: Annotated[
        bool, typer.Option("--complete", help="The list is everybody: who is not on it is put out.")
    ] = False,
    leavers: Annotated[
        int, typer.Option(help="With --complete: refuse a plan that puts out more than so many.")
    ] = 50,
    apply: Annotated[
        str, typer.Option(help="Carry out the plan with this hash, as the command printed it.")
    ] = "",
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Show what a list of people would change; with --apply HASH, do exactly that. The hash changes with
    the list and with the directory, so only a plan that somebody reviewed is applied; another operator
    may apply it. Changes go through the SCIM service: the same rules, records and consequences.

    Exit codes: 0 shown or done; 2 invalid list, or an outdated hash; 4 the deployment cannot be reached; 5
    some steps were refused.
    """
    from kit.errors import ExitCode, KitError
    from kit.identity import imports
    from kit.identity.operator import usage
    from kit.identity.scim_client import provisioning
    from kit.target import find_target

    try:
        listed = imports.read_list(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise usage(
            f"{file} cannot be read as UTF-8: {type(error).__name__}", "save it as CSV UTF-8"
        ) from None
    with deployment_errors(), provisioning(find_target(client), "import") as scim:
        with _progress("reading people") as advance:
            planned = imports.plan(scim, listed, complete=complete, advance=advance)
        if apply and (len(apply) < 8 or not planned.sha256.startswith(apply)):
            raise usage(f"the plan of now has the hash {planned.sha256[:12]}", "look at it again")
        if planned.count("put out") > leavers:
            gone = planned.count("put out")
            raise usage(f"{gone} people would be put out", f"is the list whole? then --leavers {gone}")
        failures: list[Failure] = []
        if apply:
            with _progress("changing people") as advance:
                failures = imports.apply(scim, planned, advance)
    _show(planned, failures, applied=bool(apply), as_json=as_json)
    if failures:
        raise KitError(
            f"{len(failures)} steps were refused",
            hint="fix the list and import again: what is done stays done",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )


@app.command("list")
def list_(
    department: Annotated[str, typer.Option(help="Only people of this department.")] = "",
    everybody: Annotated[bool, typer.Option("--all", help="Also who is out.")] = False,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """List people: id, name, department, roles, state, and the group or rule behind them. `kit access
    review` has more.

    Exit codes: 0 listed; 2 no such department; 4 the deployment cannot be reached.
    """
    from dataclasses import asdict

    from kit.identity.access_review import access_review
    from kit.target import find_target

    with deployment_errors():
        review = access_review(find_target(client), department=department, everybody=everybody)
    people = [one for one in review.entries if one.kind == "person"]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in people], indent=1))
        return
    for one in people:
        roles = f", {', '.join(one.roles)}" if one.roles else ""
        typer.echo(f"{one.id}  {one.name or '-'}  {one.department or 'no department'}{roles}  {one.state}")
    typer.echo(f"{len(people):,} people", err=True)


@app.command()
def invite(
    address: Annotated[str, typer.Argument(help="The person's address, which is also the user name.")],
    department: Annotated[str, typer.Option(help="Id or name of the department.")],
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="A group to join; repeatable.")] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Admit one person and print what to send to them. Recorded.

    Exit codes: 0 invited; 2 already known, or refused; 4 the deployment cannot be reached.
    """
    from kit.identity import imports
    from kit.identity.operator import policy, usage
    from kit.identity.scim_client import provisioning
    from kit.target import find_target

    if address.count("@") != 1 or address.strip() != address or " " in address:
        raise usage(f"{address} is not an address", "as in ada@example.com")
    person = imports.Listed(address, address, name, department, groups=tuple(group or ()))
    with deployment_errors():
        target = find_target(client)
        departments = policy(target).departments
        if department not in departments:
            raise usage(f"there is no department {department}", f"one of: {', '.join(departments)}")
        with provisioning(target, "invite") as scim:
            planned = imports.plan(scim, [person], complete=False)
            if not planned.count("create"):
                raise usage(
                    f"{address} is known already", "kit people list; kit people import changes people"
                )
            failures = imports.apply(scim, planned)
        portal = target.outputs.get("portal_url", "")
    if failures:
        raise usage(f"{address}: {failures[0].reason}", "correct it and invite again")
    if as_json:
        typer.echo(json.dumps({"invited": address, "department": department, "portal_url": portal or None}))
        return
    typer.echo(f"{address} is let in. Send them:")
    typer.echo(f"  Sign in with your organisation's account{f' at {portal}' if portal else ''}.")
    typer.echo("  On your machine: claude-kit-token login")


@app.command()
def remove(
    person: Person,
    delete: Annotated[
        bool, typer.Option("--delete", help="Also forget who it was; the id is never used again.")
    ] = False,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Deactivate a person: the next call is refused; sessions and keys end. Recorded. A provisioning
    provider may reactivate them: deactivate them there as well.

    Exit codes: 0 done; 2 no such person; 4 the deployment cannot be reached.
    """
    from kit.identity import imports
    from kit.identity.operator import usage
    from kit.identity.scim_client import Refusal, provisioning
    from kit.identity.subjects import person as find_person
    from kit.target import find_target

    with deployment_errors():
        target = find_target(client)
        who = find_person(target, person)
        with provisioning(target, "remove") as scim:
            try:
                imports.put_out(scim, who.id)
                if delete:
                    scim.ask("DELETE", f"/Users/{who.id}")
            except Refusal as refusal:
                raise usage(f"{person}: {refusal}", "kit people list --all") from None
    if as_json:
        typer.echo(json.dumps({"person": who.id, "removed": True, "deleted": delete}))
    else:
        typer.echo(f"{who.id} is out{' and forgotten' if delete else ''}")


def _show(planned: "Plan", failures: "list[Failure]", *, applied: bool, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        document = {
            "sha256": planned.sha256,
            "unchanged": planned.unchanged,
            "steps": [asdict(one) for one in planned.steps],
            "applied": applied,
            "failures": [asdict(one) for one in failures],
        }
        typer.echo(json.dumps(document, indent=1))
        return
    for one in planned.steps:
        parts = [
            *one.changes,
            *(f"joins {name}" for name in one.joins),
            *(f"leaves {name}" for name in one.leaves),
        ]
        words = ", ".join(parts)
        typer.echo(f"{one.what}  {one.user_name}{f'  ({words})' if words else ''}")
    for failure in failures:
        typer.echo(f"refused  {failure.user_name}: {failure.reason}")
    counts = ", ".join(f"{planned.count(what):,} to {what}" for what in ("create", "change", "put out"))
    typer.echo(f"{counts}, {planned.unchanged:,} unchanged")
    if planned.steps and not applied:
        typer.echo(f"do exactly this: add --apply {planned.sha256[:12]}")


@contextlib.contextmanager
def _progress(what: str) -> Iterator[Callable[[int], None]]:
    from rich.progress import Progress, TextColumn

    from kit.terminal import notes

    console = notes()
    columns = (TextColumn(what), TextColumn("{task.completed:,}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda count: bar.advance(task, count)
