"""`kit review-queue`: drafts that wait for a person, and what the person decides (L3.4, G.2, G.6)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.reviews.places import Place
    from lambdas.workflow.reviews import Review

app = typer.Typer(
    help="Show drafts that wait for a review; approve, edit or reject them.", no_args_is_help=True
)

Request = Annotated[str, typer.Argument(help="Id of the request: wf_…, from kit review-queue list.")]
Department = Annotated[str, typer.Option("--department", "-d", help="The department that asked.")]
By = Annotated[str, typer.Option("--by", help="Who decides: name or address.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; becomes part of the audit record.")]
Client = Annotated[str | None, typer.Option("--client", help="Client whose deployment is meant.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@app.command("list")
def list_(
    department: Annotated[
        list[str] | None, typer.Option("--department", "-d", help="Only this department; repeatable.")
    ] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """List what waits for a review, oldest first; without --department wherever you are let in.

    Exit codes: 0 done; 2 not let in; 4 the deployment cannot be reached.
    """
    from kit.reviews.places import departments_with_workflows, place
    from kit.target import find_target

    found: list[Review] = []
    with deployment_errors():
        target = find_target(client)
        for each in department or departments_with_workflows():
            try:
                found += place(target, each, "reviewer").reviews.queued([each])
            except KitError:
                if department:
                    raise
    if as_json:
        _print_json([review.as_document() for review in found])
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
    """Show a review: the draft, its sources, what the checks found.

    Exit codes: 0 done; 2 no such review, or not let in; 4 the deployment cannot be reached.
    """
    from lambdas.workflow.area import draft_key

    with deployment_errors():
        where = _place(department, client)
        review = _review(where, request)
        draft = where.area.document(draft_key(request))
    if as_json:
        _print_json({**review.as_document(), "draft": {key: draft[key] for key in ("text", "sources")}})
        return
    typer.echo(f"{review.request}: {review.workflow}, {review.state}; asked by {review.requested_by}")
    typer.echo(f"because: {', '.join(review.because) or 'nothing demands a review'}")
    for finding in review.findings:
        typer.echo(f"finding ({finding['check']}): {finding['finding']}")
    for source in draft["sources"]:
        typer.echo(f"source: {source['key']} sha256 {source['sha256'][:12]}")
    typer.echo(f"\n{draft['text']}")


@app.command()
def approve(
    request: Request,
    department: Department,
    by: By,
    reason: Reason,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Let the draft be released as it is.

    Exit codes: 0 done, also when it was decided so before; 2 no such review, decided otherwise, or asked for
    by the same person; 4 the deployment cannot be reached.
    """
    from lambdas.workflow.area import draft_key

    with deployment_errors():
        where = _place(department, client)
        _review(where, request)
        _decide(where, request, "approve", by, reason, as_json, release_key=draft_key(request))


@app.command()
def edit(
    request: Request,
    department: Department,
    file: Annotated[Path, typer.Option("--file", help="Your text; it is released in the draft's place.")],
    by: By,
    reason: Reason,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Release your own text in the place of the draft. Exit codes as for approve."""
    from lambdas.workflow.area import edit_key, encoded

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise KitError(f"{file} cannot be read as text", exit_code=ExitCode.USAGE) from None
    with deployment_errors():
        where = _place(department, client)
        review = _review(where, request)
        if review.waiting:
            where.area.put(edit_key(request), encoded({"by": by, "request": request, "text": text}))
        sha256 = where.area.read(edit_key(request)).sha256 if review.state in ("waiting", "edited") else ""
        _decide(
            where, request, "edit", by, reason, as_json, release_key=edit_key(request), release_sha256=sha256
        )


@app.command()
def reject(
    request: Request,
    department: Department,
    by: By,
    reason: Reason,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Keep the draft from being released. Exit codes as for approve."""
    with deployment_errors():
        where = _place(department, client)
        _review(where, request)
        _decide(where, request, "reject", by, reason, as_json)


def _place(department: str, client: str | None) -> "Place":
    from kit.reviews.places import place
    from kit.target import find_target

    return place(find_target(client), department, "reviewer")


def _review(where: "Place", request: str) -> "Review":
    from lambdas.workflow.area import REQUEST_ID
    from lambdas.workflow.reviews import UnknownReview

    try:
        if not REQUEST_ID.match(request):
            raise UnknownReview(request)
        return where.reviews.get(where.department, request)
    except UnknownReview:
        raise KitError(
            f"{where.department} has no review {request[:40]}",
            way_out="kit review-queue list shows what waits",
            exit_code=ExitCode.USAGE,
        ) from None


def _decide(
    where: "Place", request: str, decision: str, by: str, reason: str, as_json: bool, **release: str
) -> None:
    from kit.identity.operator import plain
    from lambdas.workflow.reviews import ReviewConflict, deliver

    try:
        review = where.reviews.decide(
            where.department,
            request,
            decision,
            by=plain(by, "--by"),
            reason=plain(reason, "--reason", most=1000),
            release_key=release.get("release_key", ""),
            release_sha256=release.get("release_sha256", ""),
        )
    except ReviewConflict as conflict:
        raise KitError(f"{request}: {conflict}", exit_code=ExitCode.USAGE) from None
    told = deliver(where.client("stepfunctions"), review)
    if as_json:
        _print_json({**review.as_document(), "delivered": told})
        return
    typer.echo(f"{request} is {review.state}" + ("" if told else "; the workflow asks for it by itself"))


def _print_json(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False))
