"""`kit people`: whose account at the identity provider is whose (G.4, L1.3)."""

import json
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors

app = typer.Typer(help="People and their accounts at the identity provider.", no_args_is_help=True)

Person = Annotated[str, typer.Argument(help="Id, user name, address or externalId of the person.")]
Client = Annotated[str | None, typer.Option("--client", help="Client whose deployment is meant.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


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
    """Say which account is a person's, where neither externalId nor a verified address does. Recorded.

    Exit codes: 0 done; 2 no such person, or bound already; 4 the deployment cannot be reached.
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
    """Release a person's account, such as after a change of the identity provider. The next sign-in binds
    the account that it comes with. Recorded.

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
