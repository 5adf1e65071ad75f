"""`kit incident`, `exception`, `inventory` and `drill`: the registers of governance (G.3, G.5, G.7)."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.registers.store import Registers
    from lambdas.common.registers import Entry, Register

Fields = Annotated[
    list[str] | None, typer.Option("--set", help="name=value, such as class=privacy; repeatable.")
]
Owner = Annotated[str, typer.Option(help="Who answers for it.")]
Aware = Annotated[
    str | None,
    typer.Option(help="When the organisation became aware, ISO 8601; clocks run from then. Default: now."),
]

_HELP = {
    "incidents": "Incidents: opened by alarms or people, with the clocks that the law sets, cause and end.",
    "exceptions": "Exceptions from a control: approved by somebody, for a reason, until a day.",
    "inventory": "The inventory of uses of AI: purpose, role, risk class, who decided it, next review.",
    "drills": "Restores and drills: what was tried or really done, how long it took, when the next is due.",
}


def register_app(register: "Register") -> typer.Typer:
    """Return the commands of one register: `open`, `update`, `decide`, `close`, `list`."""
    from kit.registers.entries import REQUIRED

    app = typer.Typer(help=_HELP[register], no_args_is_help=True)
    asked = ", ".join(REQUIRED[register])

    def open_(
        title: Annotated[str, typer.Argument(help="What it is, in one line.")],
        owner: Owner = "",
        values: Fields = None,
        aware: Aware = None,
        client: Client = None,
        as_json: Json = False,
    ) -> None:
        with deployment_errors():
            entry = _registers(client).open(register, title, owner, _fields(values), aware=_moment(aware))
        _show([entry], as_json)

    def update(
        entry_id: Annotated[str, typer.Argument(help="Its id.")],
        owner: Owner = "",
        values: Fields = None,
        aware: Aware = None,
        client: Client = None,
        as_json: Json = False,
    ) -> None:
        with deployment_errors():
            registers = _registers(client)
            found = registers.entry(register, entry_id)
            entry = registers.update(found, owner, _fields(values), aware=_moment(aware))
        _show([entry], as_json)

    def decide(
        entry_id: Annotated[str, typer.Argument(help="Its id.")],
        clock: Annotated[str, typer.Option(help="The clock, as the list names it.")],
        decision: Annotated[str, typer.Option(help="Notified, or not and why.")],
        client: Client = None,
        as_json: Json = False,
    ) -> None:
        with deployment_errors():
            registers = _registers(client)
            entry = registers.decide(registers.entry(register, entry_id), clock, decision)
        _show([entry], as_json)

    def close(
        entry_id: Annotated[str, typer.Argument(help="Its id.")],
        cause: Annotated[str, typer.Option(help="The cause, and what follows from it.")],
        client: Client = None,
        as_json: Json = False,
    ) -> None:
        with deployment_errors():
            registers = _registers(client)
            entry = registers.close(registers.entry(register, entry_id), cause)
        _show([entry], as_json)

    def list_(
        overdue: Annotated[
            bool, typer.Option("--overdue", help="Only what is overdue; exit code 5.")
        ] = False,
        client: Client = None,
        as_json: Json = False,
    ) -> None:
        with deployment_errors():
            entries = _registers(client).entries(register)
        late = [one for one in entries if one.overdue(datetime.now(UTC))]
        _show(late if overdue else entries, as_json)
        if overdue and late:
            raise typer.Exit(int(ExitCode.VERIFICATION_FAILED))

    def sync_uses(client: Client = None, as_json: Json = False) -> None:
        from kit.registers.uses import ended_uses, open_uses, uses

        with deployment_errors():
            registers = _registers(client)
            found = uses(registers.target)
            made = open_uses(registers, found)
            ended = ended_uses(registers, found)
        _show(made, as_json)
        for one in ended:
            typer.echo(f"not there any more: {one.id}  {one.title}; close it with its cause", err=True)

    def sync(client: Client = None, as_json: Json = False) -> None:
        from kit.registers.alarms import open_incidents, rang

        now = datetime.now(UTC)
        with deployment_errors():
            registers = _registers(client)
            made = open_incidents(registers, rang(registers.target, now - timedelta(days=30), now))
        _show(made, as_json)

    app.command("open", help=f"Open an entry; without {asked} and an owner it is a draft.")(open_)
    app.command("update", help="Add what became known; a draft that says all is open.")(update)
    app.command("close", help="End an entry, with its cause. Nothing is deleted.")(close)
    app.command("list", help="Show the entries, and what is overdue.")(list_)
    if register == "incidents":
        app.command("decide", help="Record what was decided on a clock, also not to notify.")(decide)
        app.command("sync", help="Open a draft for each alarm that rang in the last 30 days.")(sync)
    if register == "inventory":
        app.command("sync", help="Open a draft for each use that the portal, workflows or keys show.")(
            sync_uses
        )
    return app


def _registers(client: str | None) -> "Registers":
    from kit.registers.store import Registers
    from kit.target import find_target

    return Registers(find_target(client))


def _fields(given: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not equals or not name.isidentifier():
            raise KitError(
                f'--set "{one}" is not name=value', hint="for example --set severity=high",
                exit_code=ExitCode.USAGE,
            )  # fmt: skip
        found[name] = value.strip()
    return found


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise KitError(
            f'--aware "{text}" is not a time', hint="write it as 2026-11-30T09:00+01:00",
            exit_code=ExitCode.USAGE,
        ) from None  # fmt: skip
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _show(entries: "list[Entry]", as_json: bool) -> None:
    now = datetime.now(UTC)
    if as_json:
        documents = [one.as_document() | {"overdue": one.overdue(now)} for one in entries]
        typer.echo(json.dumps({"entries": documents}, indent=1, ensure_ascii=False))
        return
    for one in entries:
        typer.echo(f"{one.id}  {one.state:<6}  {one.title}  ({one.owner or 'no owner'})")
        for clock, due in one.due.items():
            typer.echo(f"    {clock}: {one.decided.get(clock, {}).get('decision') or f'due {due}'}")
        for late in one.overdue(now):
            typer.echo(f"    OVERDUE {late}")
    if not entries:
        typer.echo("no entries")


incident = register_app("incidents")
exception = register_app("exceptions")
inventory = register_app("inventory")
drill = register_app("drills")
