"""Options that many commands have, with the same name and the same words in each."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Client = Annotated[
    str | None,
    typer.Option("--client", help="Client whose deployment is meant, for stacks named <stage>.<client>."),
]
