"""`kit connect-provider`: sets the identity provider's client secret, which never passes through Pulumi
(G.4).
"""

import sys

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client


def connect_provider(
    client: Client = None,
) -> None:
    """Read the OpenID Connect client secret from standard input and configure the user pool with it.

    Run it once after deploying the integration stage, and whenever the secret changes.

    Exit codes: 0 done; 2 no secret; 4 the deployment cannot be reached.
    """
    from kit.identity.federation import connect_provider
    from kit.target import find_target

    given = (
        typer.prompt("client secret", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()
    )
    with deployment_errors():
        connect_provider(find_target(client), given.strip())
    typer.echo("the user pool knows the identity provider's secret now")
