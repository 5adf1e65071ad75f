"""`kit whoami` and `kit claude-code`: who is signed in here, and how Claude Code is told."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from kit.errors import ExitCode, KitError


def whoami(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Say who is signed in on this machine, as the gateway would see it.

    Exit codes: 0 somebody is; 2 nobody is, or the session has ended; 4 the service cannot be reached.
    """
    from kit.identity.session import fresh

    session = fresh()
    claims = session.claims()
    document = {
        "person": claims.get("kit_person"),
        "department": claims.get("kit_department"),
        "roles": claims.get("kit_roles") or [],
        "data_classes": claims.get("kit_data_classes"),
        "gateway_url": session.gateway_url,
        "expires_at": datetime.fromtimestamp(session.expires_at, UTC).isoformat(timespec="seconds"),
    }
    if as_json:
        typer.echo(json.dumps(document, indent=2, sort_keys=True))
        return
    typer.echo(f"{document['person']}, department {document['department']}, at {session.gateway_url}")
    typer.echo(f"roles: {', '.join(document['roles']) or 'none'}; token until {document['expires_at']}")


def claude_code(
    gateway_url: Annotated[str | None, typer.Option(help="Base URL; default: of the session.")] = None,
    helper: Annotated[str, typer.Option(help="The command that prints a token.")] = "kit token",
    renew_minutes: Annotated[int, typer.Option(help="How often Claude Code asks for a token.")] = 5,
) -> None:
    """Print managed settings for Claude Code: the gateway's address, the token helper, nothing else leaves.

    Distribute them as managed-settings.json, which people cannot override.

    Exit codes: 0 printed; 2 nobody is signed in and no address was given.
    """
    from kit.identity.session import load

    if not 1 <= renew_minutes <= 50:
        raise KitError(
            f"--renew-minutes {renew_minutes}: not in 1..50",
            way_out="tokens live for an hour",
            exit_code=ExitCode.USAGE,
        )
    settings = {
        "apiKeyHelper": helper,
        "env": {
            "ANTHROPIC_BASE_URL": gateway_url or load().gateway_url,
            "CLAUDE_CODE_API_KEY_HELPER_TTL_MS": str(renew_minutes * 60_000),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
    }
    typer.echo(json.dumps(settings, indent=2, sort_keys=True))
