"""`kit doctor`: checks whether an account is ready for a deployment, before anything is created (S.1)."""

import shutil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Json
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.deploy.checks import Check
    from stacks.settings import Settings

_MARK = {"ok": "ok      ", "warning": "warning ", "failed": "FAILED  ", "unknown": "unknown "}


def doctor(
    client: Annotated[str | None, typer.Option("--client", help="Client whose account is checked.")] = None,
    activate_tags: Annotated[
        bool,
        typer.Option(
            "--activate-tags", help="Activate the kit's tags for costs first; only the account that pays may."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check credentials, region, quotas, account-wide singletons, tags, certificate and models.

    Nothing is changed, except with --activate-tags. Each check that is not ok says how to fix it.

    Exit codes: 0 ready, possibly with warnings; 2 invalid configuration; 4 AWS cannot be reached; 5
    something would stop the deployment.
    """
    found = checks(client, activate=activate_tags)
    if as_json:
        print_json([one.to_dict() for one in found])
    else:
        show(found)
    if any(one.state == "failed" for one in found):
        raise typer.Exit(ExitCode.VERIFICATION_FAILED)


def checks(client: str | None, *, activate: bool = False) -> "list[Check]":
    """Run all checks of a client's account with the default AWS credentials."""
    from kit.deploy.checks import account_checks, activate_tags

    settings = settings_of(client)
    clients = account_clients(settings.region)
    with deployment_errors():
        if activate:
            activate_tags(clients)
        return [*_tools(), *account_checks(settings, clients)]


def show(found: "list[Check]") -> None:
    """Print one line per check, with the fix below those that are not ok."""
    for one in found:
        typer.echo(f"{_MARK[one.state]} {one.name}: {one.detail}")
        if one.state != "ok" and one.fix:
            typer.echo(f"         -> {one.fix}")


def settings_of(client: str | None) -> "Settings":
    """Return the configuration of a client. Raises KitError (exit code 2)."""
    from kit.evaluation.stages import stack_configuration
    from stacks.settings.loading import RawConfig, SettingsError, read_settings

    values = stack_configuration("foundation", client=client)
    try:
        return read_settings(RawConfig({key.partition(":")[2]: value for key, value in values.items()}))
    except SettingsError as error:
        raise KitError(str(error), exit_code=ExitCode.USAGE) from None


def account_clients(region: str) -> Any:
    """Return clients with the default credentials; global services are in us-east-1."""
    import boto3

    from kit.aws_clients import Clients

    clients = Clients(boto3.Session(region_name=region))
    return lambda service: clients.of(service, "us-east-1" if service == "ce" else region)


def _tools() -> "list[Check]":
    from kit.deploy.checks import Check

    if shutil.which("pulumi"):
        return [Check("pulumi", "ok", "is on the PATH")]
    return [Check("pulumi", "failed", "is not on the PATH", "https://www.pulumi.com/docs/install/")]
