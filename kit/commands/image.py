"""`kit image`: the gateway's container image, for a deployment whose gateway runs on Kubernetes."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError

app = typer.Typer(
    no_args_is_help=True, help="The gateway's container image: what is in it, build, push, sign."
)
_PLACEHOLDER = "<account>.dkr.ecr.<region>.amazonaws.com/<repository>"
_CONTEXT = Path("build/image")


@app.command("show")
def show(
    as_json: Json = False,
) -> None:
    """Print the image's tag and files, and the commands that build it. Nothing is accessed or created.

    Exit codes: 0 done.
    """
    from kit.build.image import BUILDERS, app_files, commands, image_of

    image = image_of(_PLACEHOLDER)
    shown = {name: [shlex.join(each) for each in commands(image, name)] for name in BUILDERS}
    files = app_files()
    if as_json:
        print_json({"tag": image.tag, "files": files, "commands": shown})
        return
    typer.echo(f"tag {image.tag}, {len(files)} sources and the locked packages for amd64 and arm64\n")
    for name, lines in shown.items():
        typer.echo("\n".join([f"with {name}:", *(f"  {line}" for line in lines)]))


@app.command("context")
def context(
    folder: Annotated[Path, typer.Option(help="Where it is laid out.")] = _CONTEXT,
) -> None:
    """Create the build context: sources, packages for both architectures, Containerfile.

    Exit codes: 0 done; 4 uv or the package index is missing.
    """
    import shutil

    from kit.build.image import lay_out

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lay_out(folder)
    typer.echo(str(folder))


@app.command("push")
def push(client: Client = None) -> None:
    """Build the image for both architectures, push it, and have the registry sign it. Idempotent.

    The cluster comes first: kit deploy --stage integration stops and says so. The base image can be pinned
    by digest: docs/deploy.md.

    Exit codes: 0 pushed and signed; 1 the builder failed; 4 no builder, no AWS or no repository yet; 5 not
    signed in time.
    """
    from kit.build.image import (
        build_and_push,
        builder_here,
        image_of,
        login_password,
        missing,
        no_builder,
        sign_on_push,
    )
    from kit.commands.doctor import account_clients, settings_of
    from kit.deploy.engine import Engine
    from kit.deploy.pods import wait_for_signature

    exports = Engine(client).outputs("integration")
    if "image_repository" not in exports:
        raise KitError(
            "there is no repository yet",
            hint="kit deploy --stage integration makes it; pods need api.custom_domain or cluster.certified",
            exit_code=ExitCode.ENVIRONMENT,
        )
    image = image_of(str(exports["image_repository"]))
    with deployment_errors():
        ecr = account_clients(settings_of(client).region)("ecr")
        if sign_on_push(ecr, image.repository, str(exports["image_signing_profile_arn"])):
            typer.echo("the registry signs images of this repository from now on")
        if missing(ecr, image) == "image":
            builder = builder_here()
            if builder is None:
                raise no_builder(image)
            context(_CONTEXT)
            build_and_push(image, builder, _CONTEXT, login_password(ecr), typer.echo)
        if not wait_for_signature(ecr, image):
            raise KitError(
                f"{image.name} is not signed",
                hint="an image that was pushed before signing was on is not signed: push another version",
                exit_code=ExitCode.VERIFICATION_FAILED,
            )
    typer.echo(f"{image.name} is there and signed")
