"""`kit contract`: what requests to Claude may use (L1.10)."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json

if TYPE_CHECKING:
    from lambdas.common.request_contract import Kind

app = typer.Typer(help="Show and extend the contract of requests to Claude.", no_args_is_help=True)

KindOf = Annotated[str, typer.Argument(help="field, tool, block or beta.")]
Name = Annotated[str, typer.Argument(help="Its name, as the refusal or the alarm says it.")]
Approver = Annotated[str, typer.Option("--approved-by", help="The person who answers for it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why it may be used.")]


@app.command()
def show(client: Client = None, as_json: Json = False) -> None:
    """Show the version of the contract and the organisation's additions.

    Exit codes: 0 done; 4 the deployment cannot be reached; 5 the additions cannot be read.
    """
    from kit.governance.request_contract import additions
    from kit.target import find_target
    from lambdas.common.request_contract import shipped

    with deployment_errors():
        listed = additions(find_target(client))
    contract = shipped()
    if as_json:
        document = {"version": contract.version, "additions": [asdict(one) for one in listed]}
        typer.echo(json.dumps(document, indent=2))
        return
    typer.echo(
        f"request contract {contract.version}: {len(contract.fields)} fields, {len(contract.tools)} tools, "
        f"{len(contract.blocks)} blocks, {len(contract.betas)} betas (SDK {contract.sdk}, "
        f"Claude Code {contract.claude_code})"
    )
    for one in listed:
        typer.echo(f"also {one.kind} {one.name}: {one.approved_by}, {one.at}: {one.reason}")


@app.command()
def allow(kind: KindOf, name: Name, approved_by: Approver, reason: Reason, client: Client = None) -> None:
    """Allow a field, tool, block or beta that the contract does not list. In force within 15 seconds.

    Exit codes: 0 done, or already allowed; 2 invalid arguments; 4 the deployment cannot be reached.
    """
    from kit.governance.request_contract import allow
    from kit.target import find_target

    checked = _checked(kind, name, approved_by, reason)
    with deployment_errors():
        changed = allow(find_target(client), checked, name, approved_by.strip(), reason.strip())
    done = "allowed; in force within 15 seconds" if changed else "is allowed already"
    typer.echo(f"{kind} {name}: {done}")


@app.command()
def withdraw(kind: KindOf, name: Name, approved_by: Approver, reason: Reason, client: Client = None) -> None:
    """Withdraw an addition. In force within 15 seconds.

    Exit codes: 0 done, or it was not allowed; 2 invalid arguments; 4 the deployment cannot be reached.
    """
    from kit.governance.request_contract import withdraw
    from kit.target import find_target

    checked = _checked(kind, name, approved_by, reason)
    with deployment_errors():
        changed = withdraw(find_target(client), checked, name, approved_by.strip(), reason.strip())
    typer.echo(f"{kind} {name}: {'withdrawn' if changed else 'was not among the additions'}")


def _checked(kind: str, name: str, approved_by: str, reason: str) -> "Kind":
    import re

    from kit.identity.operator import usage
    from lambdas.common.request_contract import KINDS

    for one in KINDS:
        if kind == one:
            break
    else:
        raise usage(f"{kind}: no such kind", f"use one of {', '.join(KINDS)}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise usage(f"{name[:100]}: no name of a field, tool, block or beta", "copy it from the refusal")
    if not approved_by.strip() or not reason.strip():
        raise usage("--approved-by or --reason is empty", "name the person who answers for it, and why")
    return one
