"""`kit scim`: the bearer token that the identity provider presents to the SCIM endpoint (G.4)."""

import json
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors

app = typer.Typer(help="Provisioning: the token of the identity provider.", no_args_is_help=True)

Client = Annotated[str | None, typer.Option("--client", help="Client whose deployment is meant.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@app.command()
def rotate(client: Client = None, as_json: Json = False) -> None:
    """Make a new token and show it once; the one before stays valid for seven days, so that there is time to
    put the new one into the identity provider. Recorded.

    Exit codes: 0 done; 4 the deployment cannot be reached.
    """
    from kit.identity.operator import record_event
    from kit.local.home import find_home
    from kit.local.running import remember_scim_token
    from kit.target import find_target
    from lambdas.scim.bearer import OVERLAP, new_token

    with deployment_errors():
        target = find_target(client)
        secret, url = target.require("scim_token_secret_arn"), target.require("scim_url")
        record_event(target, {"kind": "scim", "event": "token-rotated"})
        token = new_token()
        target.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=token)
        if target.local:
            remember_scim_token(find_home(), token)
    if as_json:
        document = {"scim_url": url, "token": token, "previous_valid_days": OVERLAP.days}
        typer.echo(json.dumps(document, sort_keys=True))
        return
    typer.echo(f"SCIM base URL  {url}")
    typer.echo(f"secret token   {token}")
    typer.echo(f"Shown once. The token before stays valid for {OVERLAP.days} days.")
