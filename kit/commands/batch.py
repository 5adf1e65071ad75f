"""`kit batch`: a department's overnight work as one message batch, within its own budget (L1.1, L1.6)."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kit.commands.options import Client, Json
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError
from kit.terminal import notes

app = typer.Typer(help="Queue overnight work through message batches.", no_args_is_help=True)

BatchId = Annotated[str, typer.Argument(help="Id of the batch, from kit batch submit.")]
_MOST = 100_000


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(help="JSON lines: {custom_id, params} as the API has them.")],
    as_json: Json = False,
) -> None:
    """Queue the requests in a file. Your key or token determines the department, which is charged.

    Needs ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN (kit env, kit token). The gateway inspects the batch,
    reserves its cost and refuses whatever exceeds the budget. Exit codes: 0 queued; 1 refused; 2 a line is
    invalid; 4 the gateway cannot be reached.
    """
    requests = list(_requests(file))
    with _gateway() as gateway:
        batch = gateway.messages.batches.create(requests=requests)
    _tell(batch, as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the department's batches, newest first. Exit codes as for submit."""
    with _gateway() as gateway:
        batches = list(gateway.messages.batches.list(limit=100).data)
    if as_json:
        print_json([_document(one) for one in batches])
        return
    for one in batches:
        _tell(one, False)


@app.command()
def status(batch_id: BatchId, as_json: Json = False) -> None:
    """Show the progress of a batch. Exit codes as for submit."""
    with _gateway() as gateway:
        batch = gateway.messages.batches.retrieve(batch_id)
    _tell(batch, as_json)


@app.command()
def results(
    batch_id: BatchId,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the answers to this file, as JSON lines.")
    ] = None,
    department: Annotated[
        str | None,
        typer.Option("--department", "-d", help="Put the answers into this department's data area."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="Who does it, where nobody is signed in (embedded deployment only)."),
    ] = None,
    client: Client = None,
) -> None:
    """Fetch the answers of a batch that has ended: into the department's data area, a file, or both.

    The gateway settles their cost, filters and records them before it returns them. In the data area they
    are stored once, as batches/<id>.jsonl. An interrupted download is kept next to the file, and the same
    command resumes it. Exit codes as for submit; 2 also while the batch is in progress, and if you are not
    a member of the department.
    """
    if out is None and department is None:
        raise KitError("say where to", hint="--department, --out or both", exit_code=ExitCode.USAGE)
    with _gateway() as gateway:
        if gateway.messages.batches.retrieve(batch_id).processing_status != "ended":
            raise KitError(f"{batch_id} is still at work", hint="try again later", exit_code=ExitCode.USAGE)
        wanted = out or Path(tempfile.gettempdir()) / f"{batch_id}.jsonl"
        unfinished = wanted.with_name(f".{wanted.name}.unfinished")
        try:
            number = _download(gateway, batch_id, unfinished)
            if department is not None:
                key = _keep(department, batch_id, unfinished.read_bytes(), by, client)
                typer.echo(f"{number} answers in the data area of {department}: {key}")
            if out is not None:
                unfinished.replace(out)
                typer.echo(f"{number} answers in {out}")
            else:
                unfinished.unlink()
        except OSError as error:
            raise KitError(f"{wanted}: {error.strerror}", exit_code=ExitCode.ENVIRONMENT) from None


def _download(gateway: Any, batch_id: str, unfinished: Path) -> int:
    """Append the answers to a file that may hold some already; return how many it then holds."""
    unfinished.touch(mode=0o600)
    with unfinished.open("r+b") as file:
        have = 0
        complete = 0
        for line in file:
            if line.endswith(b"\n"):
                have, complete = have + 1, complete + len(line)
        file.truncate(complete)
        file.seek(complete)
        if have:
            notes().print(f"{have} answers are here already; going on after them")
        for one in gateway.messages.batches.results(batch_id, extra_query={"after_line": have}):
            file.write(one.to_json(indent=None).encode() + b"\n")
            have += 1
    return have


def _keep(department: str, batch_id: str, body: bytes, by: str | None, client: str | None) -> str:
    """Store the answers in the department's data area as one of its members. Returns their key."""
    from kit.commands.deployment_errors import deployment_errors
    from kit.reviews.identity import acting_person
    from kit.reviews.places import place
    from kit.target import find_target
    from lambdas.workflow.area import batch_key

    with deployment_errors():
        target = find_target(client)
        key = batch_key(batch_id)
        place(target, department, "member", acting_person(target, by)).area.put_once(key, body)
    return key


def _requests(file: Path) -> Iterator[Any]:
    """Yield the requests in a file. Raises KitError naming the first invalid line."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise KitError(f"{file} cannot be read as text", exit_code=ExitCode.USAGE) from None
    seen: set[str] = set()
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not filled or len(filled) > _MOST:
        raise KitError(f"{file} holds {len(filled)} requests, not 1 to {_MOST}", exit_code=ExitCode.USAGE)
    for number, line in filled:
        try:
            request = json.loads(line)
            id_, params = request["custom_id"], request["params"]
            wrong = "" if isinstance(id_, str) and isinstance(params, dict) else "custom_id or params"
        except (ValueError, KeyError, TypeError):
            id_, params, wrong = "", {}, "not {custom_id, params} in JSON"
        if wrong or id_ in seen:
            raise KitError(
                f"{file}:{number}: {wrong or f'custom_id {id_[:40]} is there twice'}",
                hint="one JSON object a line, each with a custom_id of its own",
                exit_code=ExitCode.USAGE,
            )
        seen.add(id_)
        yield {"custom_id": id_, "params": params}


@contextmanager
def _gateway() -> Iterator[Any]:
    """Yield the official client for the gateway and turn its errors into the command's."""
    import anthropic

    if not os.environ.get("ANTHROPIC_BASE_URL") or not os.environ.get("ANTHROPIC_AUTH_TOKEN"):
        raise KitError(
            "ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN are not set",
            hint='eval "$(kit env)" for the embedded default, or use kit token',
            exit_code=ExitCode.USAGE,
        )
    try:
        with anthropic.Anthropic(auth_token=os.environ["ANTHROPIC_AUTH_TOKEN"]) as client:
            yield client
    except anthropic.APIStatusError as error:
        raise KitError(f"the gateway refuses: {error.status_code} {error.message}") from None
    except anthropic.APIConnectionError:
        raise KitError(
            f"no answer from {os.environ['ANTHROPIC_BASE_URL']}",
            hint="kit status shows whether the deployment is up",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None


def _document(batch: Any) -> dict[str, Any]:
    counts = batch.request_counts
    return {
        "id": batch.id,
        "requests": counts.to_dict() if counts else {},
        "state": batch.processing_status,
    }


def _tell(batch: Any, as_json: bool) -> None:
    document = _document(batch)
    if as_json:
        typer.echo(json.dumps(document, sort_keys=True))
        return
    counts = ", ".join(f"{name} {number}" for name, number in document["requests"].items() if number)
    typer.echo(f"{document['id']}: {document['state']}" + (f" ({counts})" if counts else ""))
