"""`kit review-queue`: drafts waiting for a person, and that person's decisions (L3.4, G.2, G.6)."""

from pathlib import Path
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError

app = typer.Typer(
    help="Show drafts that wait for a review; approve, edit or reject them.", no_args_is_help=True
)

Request = Annotated[str, typer.Argument(help="Id of the request: wf_…, from kit review-queue list.")]
Department = Annotated[str, typer.Option("--department", "-d", help="The department that asked.")]
By = Annotated[
    str | None,
    typer.Option("--by", help="Who decides, where nobody is signed in (embedded deployment only)."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; becomes part of the audit record.")]


@app.command("list")
def list_(
    department: Annotated[
        list[str] | None, typer.Option("--department", "-d", help="Only this department; repeatable.")
    ] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """List what waits for a review, oldest first; without --department, wherever you have access.

    Exit codes: 0 done; 2 no access; 4 the deployment cannot be reached.
    """
    from kit.reviews.deciding import queue
    from kit.reviews.identity import looking_person
    from kit.target import find_target

    with deployment_errors():
        target = find_target(client)
        found = queue(target, department, looking_person(target))
    if as_json:
        print_json([review.as_document() for review in found])
        return
    if not found:
        typer.echo("nothing waits for a review")
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("request", "department", "workflow", "since", "because", "asked by"):
        table.add_column(column, overflow="fold")
    for review in found:
        late = " (escalated)" if review.escalated_at else ""
        table.add_row(
            review.request,
            review.department,
            review.workflow,
            review.opened_at + late,
            ", ".join(review.because),
            escape(review.requested_by),
        )
    Console(highlight=False).print(table)


@app.command()
def show(request: Request, department: Department, client: Client = None, as_json: Json = False) -> None:
    """Show a review: the draft, its sources, and the findings of the checks.

    Exit codes: 0 done; 2 no such review, or no access; 4 the deployment cannot be reached.
    """
    from kit.reviews.deciding import approvals_of, draft_of, review_of
    from kit.reviews.identity import looking_person
    from kit.reviews.places import place
    from kit.target import find_target

    with deployment_errors():
        target = find_target(client)
        where = place(target, department, "reviewer", looking_person(target))
        review, draft = review_of(where, request), draft_of(where, request)
    if as_json:
        print_json({**review.as_document(), "draft": {key: draft[key] for key in ("text", "sources")}})
        return
    typer.echo(f"{review.request}: {review.workflow}, {review.state}; asked by {review.requested_by}")
    typer.echo(f"because: {', '.join(review.because) or 'nothing demands a review'}")
    if review.roles:
        typer.echo(f"counts from people with a role of: {', '.join(review.roles)}")
    for name, value in approvals_of(review).items():
        typer.echo(f"{name.lower()}: {value}")
    for finding in review.findings:
        typer.echo(f"finding ({finding['check']}): {finding['finding']}")
    for source in draft["sources"]:
        typer.echo(f"source: {source['key']} sha256 {source['sha256'][:12]}")
    if "edited_by" in draft:
        typer.echo(f"edit of {draft['edited_by']}, which others must approve:")
    typer.echo(f"\n{draft['text']}")


@app.command()
def approve(
    request: Request,
    department: Department,
    reason: Reason,
    by: By = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Approve the draft for release as it is. The signed-in person decides, and never the requester.

    Exit codes: 0 done, or already approved; 2 no such review, decided otherwise, requested by the same
    person, or refused because of the access record; 4 the deployment cannot be reached.
    """
    _decide(request, department, "approve", by, reason, client, as_json)


@app.command()
def edit(
    request: Request,
    department: Department,
    file: Annotated[Path, typer.Option("--file", help="Your text; it is released in the draft's place.")],
    reason: Reason,
    by: By = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Release your own text instead of the draft. Exit codes as for approve."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise KitError(f"{file} cannot be read as text", exit_code=ExitCode.USAGE) from None
    _decide(request, department, "edit", by, reason, client, as_json, text=text)


@app.command()
def reject(
    request: Request,
    department: Department,
    reason: Reason,
    by: By = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Reject the draft. Exit codes as for approve."""
    _decide(request, department, "reject", by, reason, client, as_json)


@app.command()
def serve(
    by: By = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    department: Annotated[
        list[str] | None, typer.Option("--department", "-d", help="Only this department; repeatable.")
    ] = None,
    client: Client = None,
) -> None:
    """Serve the review page on this machine, for the signed-in person, until it is stopped.

    The address contains a secret of this run, without which nobody gets in. Exit codes: 0 stopped; 2 nobody
    is signed in, or the port is in use; 4 the deployment cannot be reached.
    """
    from kit.reviews.identity import acting_person
    from kit.reviews.page import review_server
    from kit.target import find_target

    with deployment_errors():
        target = find_target(client)
        person = acting_person(target, by)
    try:
        server = review_server(target, person, department, port)
    except OSError as error:
        raise KitError(f"port {port}: {error.strerror}", exit_code=ExitCode.USAGE) from None
    typer.echo(f"reviewing as {person}; open {server.address}")
    try:
        server.serve_forever()
    finally:
        server.server_close()


def _decide(
    request: str,
    department: str,
    decision: str,
    by: str | None,
    reason: str,
    client: str | None,
    as_json: bool,
    *,
    text: str | None = None,
) -> None:
    from kit.reviews.deciding import decide
    from kit.reviews.identity import acting_person
    from kit.reviews.places import place
    from kit.target import find_target

    with deployment_errors():
        target = find_target(client)
        where = place(target, department, "reviewer", acting_person(target, by))
        done = decide(where, request, decision, reason, text=text)
    if as_json:
        print_json({**done.review.as_document(), "state": done.state, "delivered": done.delivered})
        return
    later = ""
    if done.review.waiting:
        counted = any(one["key"] == done.key for one in done.review.approvals)
        later = "; others must approve the same text" if counted else (
            "; your decision is written and the workflow takes it by itself"
        )  # fmt: skip
    typer.echo(f"{request} is {done.state}{later}")
