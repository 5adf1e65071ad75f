"""`kit access`: who has which rights, reviewed and signed off (G.4, C.1)."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json

if TYPE_CHECKING:
    from kit.identity.access_review import AccessReview

app = typer.Typer(help="Who has what.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Review who has which rights."""


@app.command()
def review(
    department: Annotated[str, typer.Option(help="Only what is of this department.")] = "",
    everybody: Annotated[bool, typer.Option("--all", help="Also what has ended.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write the whole list to this CSV file.")] = None,
    page: Annotated[Path | None, typer.Option(help="Write the whole list to this HTML file.")] = None,
    sign_off: Annotated[
        str, typer.Option(help="Sign for what you looked at: the hash that the review printed.")
    ] = "",
    note: Annotated[str, typer.Option(help="With --sign-off: what was decided; recorded.")] = "",
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Show what people, keys, provisioning tokens and AWS roles may do, since when, by which group or rule,
    and when each was last used.

    A sign-off is recorded with the rights that were reviewed; it is refused if its hash is not the current
    one, because the rights have changed since.

    Exit codes: 0 shown or signed off; 2 bad input, or an outdated hash; 4 the deployment cannot be reached.
    """
    from kit.identity import access_review
    from kit.identity.operator import plain, usage
    from kit.target import find_target

    if note and not sign_off:
        raise usage("--note is for --sign-off", "give --sign-off too")
    note = plain(note, "--note", most=300) if note else ""
    with deployment_errors():
        target = find_target(client)
        with _progress() as advance:
            found = access_review.access_review(
                target, department=department, everybody=everybody, advance=advance
            )
        if sign_off and (len(sign_off) < 8 or not found.sha256.startswith(sign_off)):
            again = "look again: kit access review"
            raise usage(f"what people may do now has the hash {found.sha256[:12]}", again)
        if csv is not None:
            _write(csv, found.as_csv())
        if page is not None:
            from kit.identity.access_review_page import review_page

            _write(page, review_page(found, found.client))
        signed = access_review.sign_off(target, found, note) if sign_off else None
    if as_json:
        document = {**found.as_document(), "signed_off": signed.as_document() if signed else None}
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
        return
    _print(found)
    if signed:
        typer.echo(f"signed off by {signed.by}")
    else:
        scope = f" --department {department}" if department else ""
        every = " --all" if everybody else ""
        typer.echo(f"sign off: kit access review{scope}{every} --sign-off {found.sha256[:12]} --note …")


def _print(found: "AccessReview") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("kind", "who", "department", "may", "by", "since", "last used", "remarks", box=None)
    for one in found.entries:
        may = ", ".join((*one.roles, *(f"only {name}" for name in (*one.data_classes, *one.models))))
        table.add_row(
            one.kind, one.name or one.id, one.department, may, "; ".join(one.granted_by), one.since[:10],
            one.last_used[:16].replace("T", " "),
            "; ".join((*one.remarks, *([one.state] if one.state != "active" else []))),
        )  # fmt: skip
    console = Console(highlight=False)
    console.print(table)
    if found.last is None:
        console.print("never signed off")
        return
    moved = ", ".join(f"{len(ids)} {name}" for name, ids in found.changes().items())
    console.print(f"signed off last on {found.last.at[:10]} by {found.last.by}; since then {moved}")


def _write(file: Path, text: str) -> None:
    from kit.identity.operator import usage

    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise usage(f"{file} cannot be written: {error.strerror}", "name another file") from None


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    from rich.progress import Progress, TextColumn

    from kit.terminal import notes

    console = notes()
    columns = (TextColumn("reading {task.description}"), TextColumn("{task.completed:,}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, object] = {}

        def advance(what: str, count: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.advance(tasks[what], count)  # type: ignore[arg-type]

        yield advance
