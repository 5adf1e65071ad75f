"""`kit scim`: the bearer tokens with which the identity provider calls the SCIM endpoint (G.4)."""

import json
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json
from kit.commands.output import print_json

app = typer.Typer(help="Provisioning: the token of the identity provider.", no_args_is_help=True)

token = typer.Typer(help="Tokens of providers: each with a name, an owner and an end.", no_args_is_help=True)
app.add_typer(token, name="token")


@app.command()
def rotate(
    at_once: Annotated[
        bool, typer.Option("--at-once", help="End the token before now: it was stolen. Provisioning stops.")
    ] = False,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Create a new token and show it once; the previous one stays valid for seven days, so that there is
    time to configure the new one in the identity provider. Recorded. Named tokens (kit scim token)
    expire independently.

    Exit codes: 0 done; 4 the deployment cannot be reached.
    """
    from kit.embedded import remember_scim_token
    from kit.home import find_home
    from kit.identity.operator import record_event
    from kit.target import find_target
    from lambdas.scim.bearer import OVERLAP, new_token

    with deployment_errors():
        target = find_target(client)
        secret, url = target.require("scim_token_secret_arn"), target.require("scim_url")
        record_event(target, {"kind": "scim", "event": "token-rotated", "at_once": at_once})
        token = new_token()
        for _ in range(2 if at_once else 1):  # the service accepts this value and the previous one
            target.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=token)
        if target.local:
            remember_scim_token(find_home(), token)
    valid = 0 if at_once else OVERLAP.days
    if as_json:
        document = {"scim_url": url, "token": token, "previous_valid_days": valid}
        typer.echo(json.dumps(document, sort_keys=True))
        return
    typer.echo(f"SCIM base URL  {url}")
    typer.echo(f"secret token   {token}")
    until = "ends within 15 seconds" if at_once else f"stays valid for {valid} days"
    typer.echo(f"Shown once. The token before {until}.")


@token.command()
def create(
    name: Annotated[str, typer.Option(help="Name: in every record of what comes with the token.")],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="Ends after so many days.")] = 180,
    network: Annotated[
        list[str] | None, typer.Option(help="Only from these CIDR blocks; repeatable.")
    ] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Create a named token and show it once; an existing one of the same name is revoked. Name and token
    are also client id and secret for OAuth client credentials at <SCIM base URL>/oauth/token. Recorded.

    Exit codes: 0 done; 2 bad input; 4 the deployment cannot be reached.
    """
    from kit.identity.provisioning import create_token
    from kit.target import find_target

    with deployment_errors():
        target = find_target(client)
        made, secret = create_token(target, name, owner, days, network or ())
        url = target.require("scim_url")
    ends = made.expires_at.isoformat() if made.expires_at else None
    if as_json:
        document = {"scim_url": url, "name": made.name, "token": secret, "expires_at": ends}
        typer.echo(json.dumps(document, sort_keys=True))
        return
    typer.echo(f"SCIM base URL  {url}")
    typer.echo(f"OAuth          {url}/oauth/token, client id {made.name}")
    typer.echo(f"secret token   {secret}")
    typer.echo(f"Shown once. Ends {ends}.")


@token.command("list")
def list_(client: Client = None, as_json: Json = False) -> None:
    """List named tokens: owner, expiry, last use.

    Exit codes: 0 done; 4 the deployment cannot be reached.
    """
    from kit.identity.provisioning import named_tokens
    from kit.target import find_target

    with deployment_errors():
        found = named_tokens(find_target(client)).every()
    documents = [
        {
            "name": one.name,
            "owner": one.owner or None,
            "expires_at": one.expires_at.isoformat() if one.expires_at else None,
            "last_used_at": one.last_used_at.isoformat() if one.last_used_at else None,
            "networks": list(one.networks),
        }
        for one in found
    ]
    if as_json:
        print_json(documents)
        return
    for one in documents:
        used = one["last_used_at"] or "never"
        typer.echo(
            f"{one['name']}: {one['owner'] or 'nobody'} answers, ends {one['expires_at']}, used {used}"
        )
    if not documents:
        typer.echo("there is no named token: kit scim token create")


@token.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Name of the token.")],
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Revoke a named token, and the access tokens issued for it, within seconds. Recorded.

    Exit codes: 0 done; 2 no such token; 4 the deployment cannot be reached.
    """
    from kit.identity.provisioning import revoke_token
    from kit.target import find_target

    with deployment_errors():
        revoke_token(find_target(client), name)
    typer.echo(json.dumps({"name": name, "revoked": True}) if as_json else f"{name} has ended")
