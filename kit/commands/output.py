"""How commands print a result for programs: one form of JSON."""

import json
from typing import Any

import typer


def print_json(document: Any) -> None:
    """Print a document as `--json` promises: indented, keys in order, ASCII that any terminal can encode."""
    typer.echo(json.dumps(document, indent=2, sort_keys=True))
