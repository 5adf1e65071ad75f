"""`kit workflow`: start a department's workflow and follow it (L3.1)."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from contract.problems import nearest
from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError

app = typer.Typer(help="Start and follow the workflows of departments.", no_args_is_help=True)

By = Annotated[
    str | None, typer.Option("--by", help="Who asks, where nobody is signed in (embedded deployment only).")
]
Department = Annotated[
    str | None, typer.Option("--department", "-d", help="Whose workflow, where several departments have it.")
]
Name = Annotated[str, typer.Argument(help="Name of the workflow; kit workflow list shows all.")]


@app.command("list")
def list_(
    client: Annotated[str | None, typer.Option(help="The client whose workflows are listed.")] = None,
    as_json: Json = False,
) -> None:
    """List the workflows of a client's departments: of the named client, or of the one that is up.

    Exit codes: 0 listed; 2 no such client, or its file or one of its workflows is invalid.
    """
    from contract.writing import as_file

    library = _library_of(client)
    if as_json:
        print_json([{"name": one.name, **as_file(one)} for one in library.values()])
        return
    for one in library.values():
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
    department: Department = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Upload documents to the department's data area and start the workflow with them.

    The signed-in person is the requester and may not review the result.

    Exit codes: 0 started; 2 no such workflow, invalid file or variable, or no access; 4 the deployment
    cannot be reached.
    """
    from kit.reviews.identity import acting_person
    from kit.reviews.places import place
    from kit.reviews.starting import start_request
    from kit.target import find_target

    variables = dict(_variable(one) for one in variable or ())
    texts = {path.name: _bytes(path) for path in document or ()}
    with deployment_errors():
        target = find_target(client)
        owner = _department_of(target, name, department)
        where = place(target, owner, "member", acting_person(target, by))
        request = start_request(where, name, variables, texts)
    if as_json:
        typer.echo(json.dumps({"department": owner, "request": request, "workflow": name}))
        return
    typer.echo(f"{request} is started; follow it: kit workflow status {name} {request}")


@app.command()
def status(
    name: Name,
    request: Annotated[str, typer.Argument(help="Id of the request, wf_…")],
    department: Department = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Show the state of a request, and where its released text is stored.

    Exit codes: 0 known; 2 no such request or workflow; 4 the deployment cannot be reached.
    """
    from kit.reviews.identity import looking_person
    from kit.reviews.places import place
    from kit.target import find_target
    from lambdas.workflow.area import released_key

    with deployment_errors():
        target = find_target(client)
        owner = _department_of(target, name, department)
        where = place(target, owner, "member", looking_person(target))
        names, states = where.names, where.client("stepfunctions")
        machine = names.of(f"{owner}-{name}")
        try:
            arn = names.arn("states", f"execution:{machine}:{request}")
            found = states.describe_execution(executionArn=arn)
        except (states.exceptions.ExecutionDoesNotExist, states.exceptions.InvalidArn):
            raise KitError(f"{name} has no request {request[:40]}", exit_code=ExitCode.USAGE) from None
        listed = where.area.s3.list_objects_v2(Bucket=where.area.bucket, Prefix=released_key(name, request))
    released = [one["Key"] for one in listed.get("Contents", ())]
    said = {
        "request": request,
        "state": found["status"].lower(),
        "released": released[0] if released else None,
        "because": found.get("cause") or None,
    }
    if as_json:
        typer.echo(json.dumps(said, sort_keys=True))
        return
    typer.echo(
        f"{request}: {said['state']}"
        + (f", released as {said['released']}" if released else "")
        + (f": {said['because']}" if said["because"] else "")
    )


@app.command()
def credential(
    department: Annotated[str, typer.Option("--department", "-d", help="The department.")],
    client: Client = None,
) -> None:
    """Create the key with which a department's workflows call the gateway, and store it where they read it.

    Run again for a fresh key; revoke the old one with kit key revoke. Exit codes: 0 done; 2 no such
    department; 4 the deployment cannot be reached.
    """
    from kit.reviews.credentials import give_credential
    from kit.target import find_target

    with deployment_errors():
        made = give_credential(find_target(client), department)
    typer.echo(f"{made.subject} is the key of {department}'s workflows")


def _library_of(client: str | None) -> Any:
    from kit.chosen import settings_of
    from stacks.library import library_of, workflows_of_department

    settings = settings_of(client)
    library = library_of(settings)
    return {
        spec.name: spec for one in settings.departments for spec in workflows_of_department(settings, one)
    } or library


def _department_of(target: Any, name: str, department: str | None) -> str:
    """Return the department of a workflow. Raises KitError (2) if the deployment has no such workflow, or
    several.
    """
    from kit.reviews.places import workflows_of

    deployed = workflows_of(target)
    owners = [one for one, names in deployed.items() if name in names and department in (None, one)]
    if len(owners) == 1:
        return owners[0]
    if owners:
        hint = f"say whose with --department: {', '.join(owners)}"
        raise KitError(f"{name} is a workflow of several departments", hint=hint, exit_code=ExitCode.USAGE)
    known = sorted({each for names in deployed.values() for each in names})
    raise KitError(
        f'there is no workflow "{name[:60]}" here', hint=nearest(name, known), exit_code=ExitCode.USAGE
    )


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
