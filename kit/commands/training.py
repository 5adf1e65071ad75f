"""`kit training`: the courses of the workflows, and records of completed training (L3.5, L4.1, S.2)."""

import json
from pathlib import Path
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Json
from kit.errors import ExitCode, KitError

app = typer.Typer(help="Courses of workflows; record who completed which.", no_args_is_help=True)


Client = Annotated[
    str | None, typer.Option("--client", help="The client that is meant; default: the one that is up.")
]


@app.command("list")
def list_(
    client: Client = None,
    as_json: Json = False,
) -> None:
    """List the courses, one per workflow. A department with `training_required` requires those of its
    workflows.

    Exit code: 0.
    """
    from kit.adoption.training import courses_of_workflows

    courses = courses_of_workflows(client)
    if as_json:
        typer.echo(json.dumps(courses, sort_keys=True))
        return
    for name, title in courses.items():
        typer.echo(f"{name}  {title}")


@app.command()
def show(course: Annotated[str, typer.Argument(help="Name of the course.")], client: Client = None) -> None:
    """Print the text of a course: what the workflow does, what to check, a case to try. Exit codes: 0; 2 no
    such course.
    """
    from kit.adoption.training import guide

    typer.echo(guide(course, client), nl=False)


@app.command()
def record(
    person: Annotated[str | None, typer.Option("--person", help="User name or id of the person.")] = None,
    course: Annotated[str | None, typer.Option("--course", help="Name of the course.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="Day of completion, YYYY-MM-DD.")] = None,
    trainer: Annotated[
        str | None, typer.Option("--trainer", help="Who trained: user name or id; counts for champions.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--from", help="CSV with the columns person, course[, completed_on][, trainer]."),
    ] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Record each completed training; the gate "teams trained" and the maturity levels count these records.

    People are those of the identity provider; an unknown person stops the command before anything is
    written. A person who is recorded again counts once. Exit codes: 0 recorded; 2 invalid option, line or
    person; 4 the deployment cannot be reached.
    """
    from kit.adoption.training import completed, read_csv, record_training
    from kit.target import find_target
    from lambdas.common.clock import utc_now

    today = utc_now().date()
    if file is not None and not (person or course or on or trainer):
        courses = read_csv(file, today)
    elif file is None and person and course:
        courses = [completed(person, course, on, today, trainer)]
    else:
        raise KitError(
            "name one person and course, or a file",
            hint="--person … --course …, or --from people.csv",
            exit_code=ExitCode.USAGE,
        )
    with deployment_errors():
        written = list(record_training(find_target(client), courses, client))
    if as_json:
        typer.echo(json.dumps({"recorded": len(written)}, sort_keys=True))
        return
    departments = sorted({str(one["department"]) for one in written})
    typer.echo(f"{len(written)} records of training, in {', '.join(departments)}")
