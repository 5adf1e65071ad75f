"""`kit whoami` and `kit claude-code`: who is signed in here, and how to configure Claude Code."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Json
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError


def whoami(as_json: Json = False) -> None:
    """Show who is calling from this machine, as the gateway sees it: rights, limits, and this month's
    spend.

    The credential is ANTHROPIC_AUTH_TOKEN or ANTHROPIC_API_KEY at ANTHROPIC_BASE_URL if set (an
    application's key, `kit env`), otherwise the session of `kit login`.

    Exit codes: 0 known; 2 nobody is signed in, or the session has ended; 4 the gateway cannot be reached.
    """
    from kit.identity.caller import ask_who, credential

    caller = credential()
    document = {**ask_who(caller), "gateway_url": caller.gateway_url}
    if caller.expires_at is not None:
        document["expires_at"] = datetime.fromtimestamp(caller.expires_at, UTC).isoformat(timespec="seconds")
    if as_json:
        print_json(document)
        return
    limits, budget = document["limits"], document["budget"]
    typer.echo(
        f"{document['kind']} {document['id']}, department {document['department']}, at {caller.gateway_url}"
    )
    typer.echo(f"roles: {', '.join(document['roles']) or 'none'}")
    typer.echo(f"models: {', '.join(document['models']) or 'none'}")
    typer.echo(f"data classes: {', '.join(document['data_classes']) or 'none'}")
    typer.echo(
        f"a minute, as {limits['of']}: {limits['requests_per_minute']:,} requests, "
        f"{limits['tokens_per_minute']:,} tokens; {limits['concurrent_calls']} calls at once"
    )
    spent = f"{budget['committed_microusd'] / 1_000_000:.2f} USD"
    ceiling = budget["monthly_microusd"]
    of = f" of {ceiling / 1_000_000:.2f} USD" if ceiling is not None else ""
    typer.echo(f"this month: {spent}{of}; resets {budget['resets_at'][:10]}")
    if "expires_at" in document:
        typer.echo(f"token until {document['expires_at']}")


def claude_code(
    gateway_url: Annotated[str | None, typer.Option(help="Base URL; default: of the session.")] = None,
    helper: Annotated[str, typer.Option(help="The command that prints a token.")] = "claude-kit-token",
    renew_minutes: Annotated[int, typer.Option(help="How often Claude Code asks for a token.")] = 5,
    department: Annotated[
        str | None,
        typer.Option(help="For the people of this department; default: for the signed-in person."),
    ] = None,
    client: Annotated[
        str | None, typer.Option("--client", help="With --department: client whose deployment is meant.")
    ] = None,
    machine_config: Annotated[
        bool,
        typer.Option(
            "--machine-config", help="Print instead where people sign in: config.json of claude-kit-token."
        ),
    ] = False,
) -> None:
    """Print managed settings for Claude Code: the gateway, the token helper, the granted models. The helper
    is the small package claude_kit_token/ (pipx or uv tool), whose README says where its config.json is
    stored.

    Every model role of Claude Code gets a granted model, people cannot pick any other, and no other traffic
    leaves. At 75 and 90 percent of a budget Claude Code shows a message, for which the helper also serves
    as a hook.

    With --department they also contain what the department may use of web search, web fetch and MCP
    servers, if its tool_governance is enforce; single tools of a server are checked by the helper before
    each call. Distribute them as managed-settings.json, which people
    cannot override.

    Exit codes: 0 printed; 2 nobody is signed in and no department was given; 4 the gateway or the
    deployment cannot be reached.
    """
    from kit.identity.claude_code import model_environment, warning_hooks

    if not 1 <= renew_minutes <= 50:
        raise KitError(
            f"--renew-minutes {renew_minutes}: not in 1..50",
            hint="tokens live for an hour",
            exit_code=ExitCode.USAGE,
        )
    if machine_config:
        print_json(_machine_config(client, gateway_url))
        return
    if department:
        address, models, governed = _of_department(client, department, helper)
    else:
        address, models = _of_session(gateway_url)
        governed = {}
    roles = model_environment(models)
    if not roles:
        raise KitError(
            "no Claude model is granted",
            hint="grant the department one in its `models`",
            exit_code=ExitCode.USAGE,
        )
    hooks = {**governed.get("hooks", {}), **warning_hooks(helper)}
    settings = {
        **governed,
        **({"hooks": hooks} if hooks else {}),
        "apiKeyHelper": helper,
        "availableModels": sorted(set(roles.values())),
        "model": roles.pop("ANTHROPIC_MODEL"),
        "env": {
            "ANTHROPIC_BASE_URL": gateway_url or address,
            "CLAUDE_CODE_API_KEY_HELPER_TTL_MS": str(renew_minutes * 60_000),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            **roles,
        },
    }
    print_json(settings)


def _machine_config(client: str | None, gateway_url: str | None) -> dict[str, str]:
    from kit.commands.login import addresses_of_deployment
    from kit.target import find_target

    with deployment_errors():
        target = find_target(client)
        gateway, sign_in, app = addresses_of_deployment(target)
    found = {"gateway_url": gateway_url or gateway, "sign_in_url": sign_in, "client_id": app}
    portal = target.outputs.get("portal_url", "")
    return {**found, **({"portal_url": portal} if portal else {})}


def _of_department(client: str | None, department: str, helper: str) -> tuple[str, list[str], dict[str, Any]]:
    from kit.embedded import read_access
    from kit.home import find_home
    from kit.identity.claude_code import models_of_department, tool_settings
    from kit.identity.operator import policy
    from kit.target import find_target

    with deployment_errors():
        target = find_target(client)
        rights = policy(target)
        models = models_of_department(rights, department)
        access = read_access(find_home()) if target.local else None
        address = access.gateway_url if access else target.require("gateway_url")
        return address, models, tool_settings(rights, department, helper)


def _of_session(gateway_url: str | None) -> tuple[str, list[str]]:
    from kit.identity.claude_code import models_of_caller
    from kit.identity.session import fresh

    try:
        session = fresh()
    except KitError as error:
        if error.exit_code is not ExitCode.USAGE:
            raise
        raise KitError(
            str(error), hint="kit login, or name a department: --department NAME", exit_code=ExitCode.USAGE
        ) from None
    address = gateway_url or session.gateway_url
    return address, models_of_caller(session.gateway_url, session.access_token)
