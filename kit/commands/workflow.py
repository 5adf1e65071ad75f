"""`kit workflow`: ask for a workflow of a department and follow it (L3.1)."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.errors import ExitCode, KitError

app = typer.Typer(help="Start and follow the workflows of departments.", no_args_is_help=True)

Client = Annotated[str | None, typer.Option("--client", help="Client whose deployment is meant.")]
By = Annotated[
    str | None, typer.Option("--by", help="Who asks, where nobody is signed in (embedded deployment only).")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Name = Annotated[str, typer.Argument(help="Name of the workflow; kit workflow list shows all.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the workflows that the kit brings. Exit code: 0."""
    from dataclasses import asdict

    from components.workflow.catalogue import WORKFLOWS

    if as_json:
        typer.echo(json.dumps([asdict(one) for one in WORKFLOWS], indent=2, sort_keys=True))
        return
    for one in WORKFLOWS:
        typer.echo(f"{one.name}  ({one.department}) {one.title}; prompt {one.prompt}")


@app.command()
def start(
    name: Name,
    by: By = None,
    document: Annotated[
        list[Path] | None, typer.Option("--document", help="A text file to work from; repeatable.")
    ] = None,
    variable: Annotated[
        list[str] | None,
        typer.Option("--variable", help="name=value of the prompt; JSON where it is not a text."),
    ] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Bring documents into the department's data area and start the workflow over them.

    Whoever asks is who is signed in, and may not review what comes of it.

    Exit codes: 0 started; 2 no such workflow, bad file or variable, not let in; 4 deployment not reachable.
    """
    from kit.reviews.identity import acting_person
    from kit.reviews.places import place
    from kit.target import find_target
    from lambdas.common.ids import new_id
    from lambdas.workflow.area import encoded, request_key

    spec = _spec(name)
    variables = dict(_variable(one) for one in variable or ())
    texts = {path.name: _bytes(path) for path in document or ()}
    with deployment_errors():
        target = find_target(client)
        where = place(target, spec.department, "member", acting_person(target, by))
        request, area = new_id("wf_"), where.area
        for file, body in texts.items():
            area.put(f"sources/{request}/{file}", body)
        asked = {
            "documents": [f"{request}/{file}" for file in texts],
            "request": request,
            "variables": variables,
            "workflow": spec.name,
        }
        area.put(request_key(request), encoded(where.signed(asked)))
        names = where.names
        where.client("stepfunctions").start_execution(
            stateMachineArn=names.arn("states", f"stateMachine:{names.of(f'{spec.department}-{spec.name}')}"),
            name=request,
            input=json.dumps({"request": request}),
        )
    if as_json:
        typer.echo(json.dumps({"department": spec.department, "request": request, "workflow": spec.name}))
        return
    typer.echo(f"{request} is started; follow it: kit workflow status {spec.name} {request}")


@app.command()
def status(
    name: Name,
    request: Annotated[str, typer.Argument(help="Id of the request, wf_…")],
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Say where a request is, and where its released text lies.

    Exit codes: 0 known; 2 no such request or workflow; 4 the deployment cannot be reached.
    """
    from kit.reviews.identity import looking_person
    from kit.reviews.places import place
    from kit.target import find_target
    from lambdas.workflow.area import released_key

    spec = _spec(name)
    with deployment_errors():
        target = find_target(client)
        where = place(target, spec.department, "member", looking_person(target))
        names, states = where.names, where.client("stepfunctions")
        machine = names.of(f"{spec.department}-{spec.name}")
        try:
            arn = names.arn("states", f"execution:{machine}:{request}")
            found = states.describe_execution(executionArn=arn)
        except (states.exceptions.ExecutionDoesNotExist, states.exceptions.InvalidArn):
            raise KitError(f"{name} has no request {request[:40]}", exit_code=ExitCode.USAGE) from None
        listed = where.area.s3.list_objects_v2(
            Bucket=where.area.bucket, Prefix=released_key(spec.name, request)
        )
    released = [one["Key"] for one in listed.get("Contents", ())]
    said = {
        "request": request,
        "state": found["status"].lower(),
        "released": released[0] if released else None,
    }
    if as_json:
        typer.echo(json.dumps(said, sort_keys=True))
        return
    typer.echo(f"{request}: {said['state']}" + (f", released as {said['released']}" if released else ""))


@app.command()
def credential(
    department: Annotated[str, typer.Option("--department", "-d", help="The department.")],
    client: Client = None,
) -> None:
    """Make the key with which a department's workflows call the gateway, and put it where they read it.

    Again: a fresh key; revoke the old one with kit key revoke. Exit codes: 0 done; 2 no such department; 4
    the deployment cannot be reached.
    """
    from kit.reviews.credentials import give_credential
    from kit.target import find_target

    with deployment_errors():
        made = give_credential(find_target(client), department)
    typer.echo(f"{made.subject} is the key of {department}'s workflows")


def _spec(name: str) -> Any:
    from components.workflow.catalogue import WORKFLOWS

    found = next((one for one in WORKFLOWS if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in WORKFLOWS)
        raise KitError(f'there is no workflow "{name}"', way_out=f"one of: {known}", exit_code=ExitCode.USAGE)
    return found


def _variable(given: str) -> tuple[str, Any]:
    name, separator, value = given.partition("=")
    if not separator or not name:
        raise KitError(f'--variable "{given[:40]}" is not name=value', exit_code=ExitCode.USAGE)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _bytes(path: Path) -> bytes:
    try:
        return path.read_text(encoding="utf-8").encode()
    except (OSError, UnicodeDecodeError):
        raise KitError(f"{path} cannot be read as text", exit_code=ExitCode.USAGE) from None
