"""`kit budget`: people request a higher monthly budget and a lead grants it (L1.11)."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json
from kit.commands.output import print_json

app = typer.Typer(
    help="Ask for a higher budget; list, grant and refuse what was asked.", no_args_is_help=True
)

RequestId = Annotated[str, typer.Argument(help="Id of the request: brq_…, from kit budget list.")]


@app.command()
def request(
    usd: Annotated[str, typer.Option(help="The monthly budget that you need, in US dollars.")],
    reason: Annotated[str, typer.Option(help="What for; your lead reads it.")],
    as_json: Json = False,
) -> None:
    """Request a higher monthly budget for your identity at the gateway (`kit whoami`).

    Exit codes: 0 requested; 2 nobody is signed in, or an invalid amount; 4 the gateway cannot be reached.
    """
    from kit.identity.amounts import microusd
    from kit.identity.caller import ask_for_budget, credential

    made = ask_for_budget(credential(), microusd(usd, "--usd"), reason)
    typer.echo(
        json.dumps(made) if as_json else f"{made['id']}: asked; your lead answers with kit budget grant"
    )


@app.command("list")
def list_(client: Client = None, as_json: Json = False) -> None:
    """List the open requests.

    Exit codes: 0 done; 4 the deployment cannot be reached.
    """
    from kit.identity.budgets import open_requests
    from kit.target import find_target

    with deployment_errors():
        requests = open_requests(find_target(client))
    if as_json:
        print_json([asdict(one) for one in requests])
        return
    for one in requests:
        typer.echo(
            f"{one.id}  {one.asked_at[:10]}  {one.department}  {one.principal}  "
            f"{one.monthly_microusd / 1_000_000:.2f} USD a month: {' '.join(one.reason.split())}"
        )
    if not requests:
        typer.echo("no request is open")


@app.command()
def grant(
    request_id: RequestId,
    usd: Annotated[str | None, typer.Option(help="US dollars a month; default: what was asked for.")] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Grant the budget of a request; it applies from the next call.

    Exit codes: 0 done; 2 no such request, or an invalid amount; 4 the deployment cannot be reached.
    """
    from kit.identity.amounts import microusd
    from kit.identity.budgets import grant as grant_request
    from kit.target import find_target

    amount = microusd(usd, "--usd") if usd is not None else None
    with deployment_errors():
        request, given = grant_request(find_target(client), request_id, amount)
    if as_json:
        typer.echo(json.dumps({**asdict(request), "granted_microusd": given}, sort_keys=True))
    else:
        typer.echo(f"{request.principal} may spend {given / 1_000_000:.2f} USD a month")


@app.command()
def refuse(request_id: RequestId, client: Client = None, as_json: Json = False) -> None:
    """Close a request without raising the budget.

    Exit codes: 0 done; 2 no such request; 4 the deployment cannot be reached.
    """
    from kit.identity.budgets import refuse as refuse_request
    from kit.target import find_target

    with deployment_errors():
        request = refuse_request(find_target(client), request_id)
    typer.echo(json.dumps(asdict(request), sort_keys=True) if as_json else f"{request_id} is closed")
