"""`kit schema`: the JSON Schema of a client's file (Z.1, L1.7)."""

import json
from pathlib import Path
from typing import Annotated

import typer

from kit.errors import ExitCode, KitError


def schema(
    output: Annotated[
        Path | None, typer.Option(help="Write it to this file instead of standard output.")
    ] = None,
) -> None:
    """Print the JSON Schema of a client's file, by which editors complete and check it.

    The schema of this version lies beside the clients' files as client.schema.json; their first line names
    it. Exit codes: 0 done, 4 the file cannot be written.
    """
    from contract.schema import client_schema

    text = json.dumps(client_schema(), indent=1, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise KitError(
            f"{output} cannot be written: {error.strerror}",
            hint="name another file with --output",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
