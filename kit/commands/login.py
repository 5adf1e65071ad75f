"""`kit login`, `kit logout`: a person signs in on this machine (G.4, L1.3)."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client

if TYPE_CHECKING:
    from kit.target import Target


def login(
    gateway_url: Annotated[str | None, typer.Option(help="Base URL of the gateway.")] = None,
    sign_in_url: Annotated[str | None, typer.Option(help="Sign-in address: export sign_in_url.")] = None,
    client_id: Annotated[str | None, typer.Option(help="App client: export user_pool_client_id.")] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Without: open the address on any other device.")
    ] = True,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the browser.")] = 300,
    client: Client = None,
) -> None:
    """Sign in with your organisation's account. The addresses are asked for once and kept with the session;
    if a deployment is available, its own are used.

    Exit codes: 0 signed in; 2 refused; 4 the sign-in service cannot be reached.
    """
    from kit.identity.session import PORTS, Session, attempt, by_browser, complete, save

    given = gateway_url, sign_in_url, client_id
    if not all(given):
        with deployment_errors():
            from kit.target import find_target

            found = addresses_of_deployment(find_target(client))
        given = tuple(one or other for one, other in zip(given, found, strict=True))
    gateway, sign_in, app = (str(one).rstrip("/") for one in given)
    session = Session(gateway, sign_in, app, "", "", 0)
    if browser:
        session = by_browser(
            session, seconds=wait, show=lambda url: typer.echo(f"sign in at: {url}", err=True)
        )
    else:
        under_way = attempt(PORTS[0])
        typer.echo(f"open on any device: {under_way.url(session)}", err=True)
        typer.echo("the browser ends at an address that it cannot open: paste that address here", err=True)
        session = complete(session, under_way, typer.prompt("address", err=True, hide_input=True))
    typer.echo(f"signed in; the session is in {save(session)}", err=True)


def logout() -> None:
    """Sign out: the tokens are revoked and deleted. Idempotent.

    Exit codes: 0 done; 4 this machine's key store cannot be opened.
    """
    from kit.errors import ExitCode, KitError
    from kit.identity.session import forget, load, revoke

    try:
        session = load()
    except KitError as error:
        if error.exit_code != ExitCode.USAGE:
            raise
        typer.echo("nobody was signed in", err=True)
        return
    untold = revoke(session)
    forget()
    typer.echo("signed out", err=True)
    if untold:
        until = datetime.fromtimestamp(session.expires_at, UTC).isoformat(timespec="minutes")
        typer.echo(
            f"{' and '.join(untold)} could not be notified: a copy of a token works until it expires",
            err=True,
        )
        typer.echo(f"(an access token until {until}); tell your operator if one was stolen", err=True)


def addresses_of_deployment(target: "Target") -> tuple[str, str, str]:
    """Return the addresses of a deployment's gateway and sign-in, and its people's app client. Raises
    KitError.
    """
    gateway, sign_in = target.require("gateway_url"), target.require("sign_in_url")
    if target.local and target.endpoint_url:
        from kit.embedded import read_access
        from kit.home import find_home

        access = read_access(find_home())
        gateway, sign_in = access.gateway_url if access else gateway, target.endpoint_url
    return gateway, sign_in, target.require("user_pool_client_id")
