"""`kit build`: the dependency layers of the functions, from the lock file."""

from dataclasses import asdict
from typing import Annotated

import typer

from kit.commands.options import Json
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError


def build(
    family: Annotated[
        list[str] | None, typer.Argument(help="Function families to build; all if left out.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Build even if the archive is there.")] = False,
    as_json: Json = False,
) -> None:
    """Build the dependency layers for python3.13 on arm64.

    Only wheels, each checked against the hash in uv.lock; the archive is the same on every machine, and its
    name carries a digest of what the lock file pins. `pulumi preview` and `pulumi up` need the archives;
    `kit preview` and `kit up` do not.

    Exit codes: 0 done; 1 a layer is over Lambda's limits; 2 no such family; 4 uv or the package index is
    missing.
    """
    from kit.build.layers import build as build_layer
    from kit.build.layers import families

    wanted = sorted(set(family or families()))
    unknown = sorted(set(wanted) - set(families()))
    if unknown:
        raise KitError(
            f"there is no function family {', '.join(unknown)}",
            hint=f"use: {', '.join(families())}",
            exit_code=ExitCode.USAGE,
        )
    built = []
    for name in wanted:
        layer = build_layer(name, force=force)
        built.append(layer)
        if not as_json:
            what = "built" if layer.fresh else "is there"
            print(
                f"{name}: {what}, {layer.packages} packages, {layer.unzipped / 1024**2:.1f} MB "
                f"({layer.zipped / 1024**2:.1f} MB packed), {layer.path}",
                flush=True,
            )
    if as_json:
        print_json({"layers": [asdict(layer) for layer in built]})
