"""`kit drift`: what in AWS differs from what was deployed (G.3)."""

from typing import Annotated

import typer

from kit.commands.options import Client, Json
from kit.commands.output import print_json
from kit.errors import ExitCode


def drift(
    client: Client = None,
    stage: Annotated[str | None, typer.Option(help="One stage; all if left out.")] = None,
    backend: Annotated[
        str, typer.Option(help="Where the state lies, where that is not what pulumi is logged in to.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Compare what was deployed with what exists, and sort the differences by severity.

    `evidence`: keys, trail, buckets, secrets; `access`: who may do or reach what; `other`: the rest.
    Nothing is changed. `pulumi up` reverts a difference; an intended one belongs in the configuration.

    Exit codes: 0 no drift; 4 there is no pulumi; 5 something differs.
    """
    from contract.kinds import STAGES
    from kit.deploy.drift import drifted
    from kit.deploy.engine import Engine
    from kit.evaluation.stages import check_choice

    if stage is not None:
        check_choice("stage", stage, STAGES)
    engine = Engine(client, backend=backend)
    found = {each: drifted(engine.refresh_preview(each)) for each in ([stage] if stage else STAGES)}
    if as_json:
        document = {each: [one.to_dict() for one in differences] for each, differences in found.items()}
        print_json(document)
    else:
        for each, differences in found.items():
            typer.echo(f"{each}: {len(differences) or 'no'} difference{'' if len(differences) == 1 else 's'}")
            for one in differences:
                what = "is gone" if one.gone else f"differs in {', '.join(one.changed) or 'its state'}"
                typer.echo(f"  {one.weight:<9} {one.name} ({one.type}) {what}")
    if any(found.values()):
        raise typer.Exit(ExitCode.VERIFICATION_FAILED)
