"""`kit token`: the credential of Claude Code and scripts (L1.1, L1.3)."""

import typer


def token() -> None:
    """Print a fresh access token and nothing else, for Claude Code's apiKeyHelper.

    Exit codes: 0 printed; 2 nobody is signed in, or the session has ended; 4 the service cannot be reached.
    """
    from kit.identity.session import fresh

    typer.echo(fresh().access_token)
