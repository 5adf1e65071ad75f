"""`kit schema`: the JSON Schemas of a client's files (Z.1, L1.7, L3.1)."""

import json
from pathlib import Path
from typing import Annotated

import typer

from kit.errors import ExitCode, KitError


def schema(
    output: Annotated[
        Path | None, typer.Option(help="Write it to this file instead of standard output.")
    ] = None,
    workflow: Annotated[bool, typer.Option("--workflow", help="That of a workflow's file instead.")] = False,
) -> None:
    """Print the JSON Schema of a client's file, with which editors complete and check it.

    The schemas of this version are in the project as stacks/config/client.schema.json and
    workflows/workflow.schema.json; the first line of a file names its own. Exit codes: 0 done; 4 the file
    cannot be written.
    """
    from contract.schema import client_schema, workflow_schema

    text = json.dumps(workflow_schema() if workflow else client_schema(), indent=1, ensure_ascii=False) + "\n"
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
