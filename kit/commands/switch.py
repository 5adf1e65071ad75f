"""`kit switch`: turn Claude off and on, for everybody or for some; it bites at the next call (G.4)."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.commands.deployment_errors import deployment_errors

if TYPE_CHECKING:
    from kit.target import Target
    from lambdas.common.ledger.switches import Switch

app = typer.Typer(help="Kill switches: what is off, for whom.", no_args_is_help=True)

Scope = Annotated[str, typer.Argument(help="organization, department, model or principal.")]
Subject = Annotated[
    str, typer.Argument(help="Department id, model alias or Claude model, or id of a person or key (key_…).")
]
Why = Annotated[str, typer.Option("--reason", help="Why; recorded.")]
Client = Annotated[str | None, typer.Option("--client", help="Client whose deployment is meant.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@app.command()
def off(
    scope: Scope, reason: Why, subject: Subject = "", client: Client = None, as_json: Json = False
) -> None:
    """Turn Claude off: kit switch off department marketing --reason "…". Doing it again changes nothing.

    Exit codes: 0 done; 2 no such scope or subject; 4 the deployment cannot be reached.
    """
    _turn("off", scope, subject, reason, client, as_json)


@app.command()
def on(
    scope: Scope, reason: Why, subject: Subject = "", client: Client = None, as_json: Json = False
) -> None:
    """Turn it on again. Doing it again changes nothing.

    Exit codes: 0 done; 2 no such scope or subject; 4 the deployment cannot be reached.
    """
    _turn("on", scope, subject, reason, client, as_json)


@app.command("list")
def list_(client: Client = None, as_json: Json = False) -> None:
    """List what is off now.

    Exit codes: 0 done; 4 the deployment cannot be reached.
    """
    from kit.target import find_target

    with deployment_errors():
        found = _with_switches(find_target(client), "list")
    if as_json:
        documents = [{"scope": one.scope, "subject": one.subject or None} for one in found]
        typer.echo(json.dumps(documents, indent=2))
        return
    for one in found:
        typer.echo(f"{one.scope} {one.subject}".rstrip() + " is off")
    if not found:
        typer.echo("nothing is off")


def _turn(which: str, scope: str, subject: str, reason: str, client: str | None, as_json: bool) -> None:
    from kit.identity.operator import plain, record_event
    from kit.target import find_target

    why = plain(reason, "--reason")
    with deployment_errors():
        target = find_target(client)
        switch = _switch(target, scope, subject)
        event = {"kind": "switch", "event": which, "scope": switch.scope, "switched": switch.subject or None}
        record_event(target, {**event, "reason": why})
        _with_switches(target, "set" if which == "off" else "clear", switch)
    if as_json:
        document = {"scope": switch.scope, "subject": switch.subject or None, "state": which}
        typer.echo(json.dumps(document, sort_keys=True))
    else:
        typer.echo(f"{switch.scope} {switch.subject}".rstrip() + f" is {which}")


def _switch(target: "Target", scope: str, subject: str) -> "Switch":
    from kit.identity.operator import policy, usage
    from lambdas.common.ledger.switches import SCOPES, Switch

    if scope not in SCOPES:
        raise usage(f"{scope} is no scope of a switch", f"one of: {', '.join(SCOPES)}")
    if (scope == "organization") == bool(subject):
        wanted = "no subject" if scope == "organization" else f"which {scope}"
        raise usage(f"scope {scope} needs {wanted}", "kit switch off --help")
    if scope == "department":
        known = policy(target).departments
        if subject not in known:
            raise usage(f"there is no department {subject}", f"one of: {', '.join(known)}")
    if scope == "model":
        model = policy(target).model_named(subject)
        if model is None:
            raise usage(f"there is no model {subject}", f"one of: {', '.join(policy(target).models)}")
        subject = model.model  # what the ledger checks: every alias of it is off
    return Switch(scope, subject)


def _with_switches(target: "Target", do: str, *arguments: Any) -> Any:
    from concurrent.futures import ThreadPoolExecutor

    from lambdas.common.ledger.switches import Switches

    with ThreadPoolExecutor(1) as pool:
        table = target.require("ledger_table_name")
        switches = Switches(target.client("dynamodb"), ledger_table=table, pool=pool)
        return asyncio.run(getattr(switches, do)(*arguments))
