"""`kit break-glass`: emergency access, approved by two other people, time-limited and recorded (G.4)."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json
from kit.commands.output import print_json

if TYPE_CHECKING:
    from kit.identity.break_glass import Opened

app = typer.Typer(help="Emergency access that two others must approve.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="Id of the request: bg_…")]
By = Annotated[str | None, typer.Option(help="Who you are; on an emulated deployment only.")]


@app.command()
def request(
    department: Annotated[str, typer.Option(help="Whose rights and budget the access has.")],
    reason: Annotated[str, typer.Option(help="What has happened; recorded and sent to everybody.")],
    minutes: Annotated[int, typer.Option(help="How long, 5 to 240.")] = 60,
    by: By = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Request emergency access. This opens nothing yet.

    Exit codes: 0 requested; 2 bad input; 4 the deployment cannot be reached.
    """
    from kit.identity import break_glass
    from kit.target import find_target

    with deployment_errors():
        made = break_glass.request(find_target(client), department, minutes, reason, by)
    name = made.document["id"]
    _show(made, as_json, f"{name}: two others now run: kit break-glass approve {name}")


@app.command()
def approve(request_id: Id, by: By = None, client: Client = None, as_json: Json = False) -> None:
    """Approve somebody else's request, within an hour.

    Exit codes: 0 approved; 2 not yours to approve, or too late; 4 the deployment cannot be reached.
    """
    from kit.identity import break_glass
    from kit.target import find_target

    with deployment_errors():
        found = break_glass.approve(find_target(client), request_id, by)
    given = len(found.document["approvers"])
    _show(found, as_json, f"{request_id}: {given} of {break_glass.APPROVERS} approvals")


@app.command("open")
def open_(request_id: Id, by: By = None, client: Client = None, as_json: Json = False) -> None:
    """Open your approved request and print its key, once.

    Exit codes: 0 open; 2 not yours, or too late; 3 approvals are missing; 4 the deployment cannot be
    reached.
    """
    from kit.identity import break_glass
    from kit.target import find_target

    with deployment_errors():
        found = break_glass.open_(find_target(client), request_id, by)
    if as_json:
        print_json({**found.document, "key": found.key})
        return
    typer.echo(found.key)
    minutes = found.document["minutes"]
    typer.echo(f"open for {minutes} minutes; close it with: kit break-glass end {request_id}", err=True)


@app.command()
def end(request_id: Id, by: By = None, client: Client = None, as_json: Json = False) -> None:
    """End emergency access: its key is refused from the next call. Idempotent.

    Exit codes: 0 ended; 2 no such request; 4 the deployment cannot be reached.
    """
    from kit.identity import break_glass
    from kit.target import find_target

    with deployment_errors():
        found = break_glass.end(find_target(client), request_id, by)
    _show(found, as_json, f"{request_id} has ended")


@app.command()
def show(request_id: Id, client: Client = None, as_json: Json = False) -> None:
    """Show a request.

    Exit codes: 0 done; 2 no such request; 4 the deployment cannot be reached.
    """
    from kit.identity import break_glass
    from kit.target import find_target

    with deployment_errors():
        found = break_glass.read(find_target(client), request_id)
    given = len(found.document["approvers"])
    said = f"{request_id} is {found.document['state']}, {given} approvals: {found.document['reason']}"
    _show(found, as_json, said)


def _show(found: "Opened", as_json: bool, text: str) -> None:
    typer.echo(json.dumps(found.document, indent=2, sort_keys=True) if as_json else text)
