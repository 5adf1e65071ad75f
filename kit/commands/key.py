"""`kit key`: credentials of applications (L1.3)."""

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json
from kit.commands.output import print_json

if TYPE_CHECKING:
    from lambdas.common.access import AccessRecord
    from lambdas.common.identities import KeyLimits

app = typer.Typer(help="Make, limit, renew and revoke the keys of applications.", no_args_is_help=True)

KeyId = Annotated[str, typer.Argument(help="Id of the key: key_…, from kit key list.")]
Budget = Annotated[str | None, typer.Option(help="US dollars a month; default: what its department has.")]
Requests = Annotated[int | None, typer.Option(help="Requests a minute; default: as other applications.")]
Tokens = Annotated[int | None, typer.Option(help="Tokens a minute; default: as other applications.")]
Concurrent = Annotated[int | None, typer.Option(help="Calls at once; default: as other applications.")]
_USE_CASE = re.compile(r"[a-z0-9-]{1,64}")


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for; shown in lists, not secret.")],
    department: Annotated[str, typer.Option(help="The department that pays and whose rights it has.")],
    model: Annotated[list[str] | None, typer.Option(help="Only these models; repeatable.")] = None,
    data_class: Annotated[list[str] | None, typer.Option(help="Only these classes; repeatable.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="Only from these CIDR blocks; repeatable.")
    ] = None,
    days: Annotated[int, typer.Option(help="Expires after so many days; renewable: kit key renew.")] = 90,
    budget: Budget = None,
    requests: Requests = None,
    tokens: Tokens = None,
    concurrent: Concurrent = None,
    use_case: Annotated[str, typer.Option(help="What its calls are counted under: a-z, 0-9 and -.")] = "",
    owner: Annotated[
        str,
        typer.Option(
            help="User name of the person whose key it is: it ends with them. Default: the department."
        ),
    ] = "",
    issuer: Annotated[
        str | None,
        typer.Option(
            help="No key: let in what tokens of a trusted issuer's rule call --subject; or aws:iam."
        ),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="With --issuer: the subject in its tokens, or the ARN of an IAM role.")
    ] = None,
    machine: Annotated[
        str | None,
        typer.Option(help="No key: let in a machine of identity.machine_clients, and show its client."),
    ] = None,
    identity_hop: Annotated[
        bool, typer.Option(help="For a Claude apps gateway in front, which says whom it calls for.")
    ] = False,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Create a virtual key and show it once, or admit a workload or machine that authenticates without one.

    Exit codes: 0 done; 2 invalid scope; 4 the deployment cannot be reached.
    """
    from kit.identity.keys import Scope, create_key, create_workload, expiry
    from kit.identity.machines import machine_client
    from kit.identity.operator import usage
    from kit.target import find_target

    if (issuer is None) != (subject is None):
        raise usage("--issuer and --subject go together", "give both, or neither for a virtual key")
    if machine and issuer:
        raise usage("--machine and --issuer exclude each other", "a machine's issuer is the user pool")
    proof = None
    with deployment_errors():
        target = find_target(client)
        limits = _limits(budget, requests, tokens, concurrent)
        scope = Scope(
            name,
            department,
            model,
            data_class,
            network or (),
            expiry(days),
            identity_hop,
            limits,
            _use_case(use_case),
            owner,
        )
        if machine:
            proof = machine_client(target, machine)
            made = create_workload(target, scope, proof.issuer, proof.client_id)
        elif issuer and subject:
            made = create_workload(target, scope, issuer, subject)
        else:
            made = create_key(target, scope)
    if as_json:
        more = {"key": made.key or None, **({"client": proof.as_document()} if proof else {})}
        print_json({**_document(made.record), **more})
        return
    if made.key:
        typer.echo(made.key)
        typer.echo(f"{made.record.subject}: shown once; put it where secrets are kept", err=True)
    else:
        typer.echo(f"{made.record.subject}: let in")
    if proof:
        for name, value in proof.as_document().items():
            typer.echo(f"{name}: {value}")
        typer.echo("the secret belongs where secrets are kept; tokens come by client credentials", err=True)


@app.command("list")
def list_(client: Client = None, as_json: Json = False) -> None:
    """List keys and workloads; no key can be shown again.

    Exit codes: 0 done; 4 the deployment cannot be reached.
    """
    from kit.identity.keys import list_keys
    from kit.target import find_target

    with deployment_errors():
        records = list_keys(find_target(client))
    if as_json:
        print_json([_document(record) for record in records])
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("id", "for", "department", "state", "expires", "narrowed to"):
        table.add_column(column, overflow="fold")
    for record in records:
        narrowed = [*(record.models or ()), *(record.data_classes or ()), *record.networks]
        table.add_row(
            record.subject,
            escape(record.label),
            record.department,
            _state(record),
            f"{record.expires_at:%Y-%m-%d}" if record.expires_at else "never",
            ", ".join(narrowed) or "-",
        )
    Console(highlight=False).print(table)


@app.command()
def show(key_id: KeyId, client: Client = None, as_json: Json = False) -> None:
    """Show a key's rights, owner and spend this month.

    Exit codes: 0 done; 2 no such key; 4 the deployment cannot be reached.
    """
    from kit.identity.keys import find_key, spent_microusd
    from kit.target import find_target

    with deployment_errors():
        target = find_target(client)
        record = find_key(target, key_id)
        spent = spent_microusd(target, record)
    _print({**_document(record), "spent_microusd": spent}, as_json)


@app.command()
def limit(
    key_id: KeyId,
    budget: Budget = None,
    requests: Requests = None,
    tokens: Tokens = None,
    concurrent: Concurrent = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Change a key's own limits; limits that are not given stay.

    Exit codes: 0 done; 2 no such key or an invalid limit; 4 the deployment cannot be reached.
    """
    from kit.identity.keys import limit_key
    from kit.identity.operator import usage
    from kit.target import find_target

    limits = _limits(budget, requests, tokens, concurrent)
    if limits is None:
        raise usage("no limit was given", "--budget, --requests, --tokens or --concurrent")
    with deployment_errors():
        record = limit_key(find_target(client), key_id, limits)
    _print(_document(record), as_json)


@app.command()
def renew(
    key_id: KeyId,
    days: Annotated[int, typer.Option(help="From now on.")] = 90,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Extend a key; one that has expired works again.

    Exit codes: 0 done; 2 no such key, or it was revoked; 4 the deployment cannot be reached.
    """
    from kit.identity.keys import renew_key
    from kit.target import find_target

    with deployment_errors():
        record = renew_key(find_target(client), key_id, days)
    _print(_document(record), as_json)


@app.command()
def github(
    repository: Annotated[str, typer.Argument(help="OWNER/REPOSITORY on GitHub.")],
    ref: Annotated[str, typer.Option(help="Branch or tag whose runs are let in.")] = "refs/heads/main",
    environment: Annotated[str | None, typer.Option(help="Only runs of this environment.")] = None,
    audience: Annotated[str, typer.Option(help="What the runs ask their tokens for.")] = "claude-gateway",
    api: Annotated[str, typer.Option(help="Address of GitHub's API.")] = "https://api.github.com",
) -> None:
    """Print the rule (trusted_issuers) that admits one repository by its immutable ids.

    A repository that is deleted and recreated under the same name has different ids and is not admitted.
    For a private repository set GITHUB_TOKEN.

    Exit codes: 0 printed; 2 no such repository; 4 GitHub cannot be reached.
    """
    from kit.identity.github import repository_ids, rule

    typer.echo(rule(repository, repository_ids(repository, api), ref, environment, audience), nl=False)


@app.command()
def revoke(
    key_id: KeyId,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Revoke a key: it is refused from the next call. Idempotent.

    Exit codes: 0 done; 2 no such key; 4 the deployment cannot be reached.
    """
    from kit.identity.keys import revoke_key
    from kit.target import find_target

    with deployment_errors():
        changed = revoke_key(find_target(client), key_id)
    if as_json:
        typer.echo(json.dumps({"id": key_id, "revoked": True, "changed": changed}, sort_keys=True))
    else:
        typer.echo(f"{key_id} {'is revoked' if changed else 'was revoked already'}")


def _limits(
    budget: str | None, requests: int | None, tokens: int | None, concurrent: int | None
) -> "KeyLimits | None":
    from kit.identity.amounts import microusd
    from lambdas.common.identities import KeyLimits

    amount = microusd(budget, "--budget") if budget is not None else None
    limits = KeyLimits(amount, requests, tokens, concurrent)
    return limits if limits != KeyLimits() else None


def _use_case(text: str) -> str:
    from kit.identity.operator import usage

    if text and not _USE_CASE.fullmatch(text):
        raise usage(
            f"--use-case {text[:70]}: 1 to 64 of a-z, 0-9 and - are allowed", "for example claims-letters"
        )
    return text


def _print(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    limits = document.pop("limits") or {}
    for name in ("monthly_budget_microusd", "spent_microusd"):
        value = limits.pop(name, None) if name in limits else document.pop(name, None)
        if value is not None:
            document[name.replace("microusd", "usd")] = f"{value / 1_000_000:.2f}"
    for name, value in {**document, **limits}.items():
        if value not in (None, [], ""):
            typer.echo(f"{name:<20} {', '.join(value) if isinstance(value, list) else value}")


def _state(record: "AccessRecord") -> str:
    if not record.active:
        return "revoked"
    return "active" if record.active_at(datetime.now(UTC)) else "expired"


def _document(record: "AccessRecord") -> dict[str, Any]:
    return {
        "id": record.subject,
        "name": record.label,
        "department": record.department,
        "state": _state(record),
        "models": list(record.models) if record.models else None,
        "data_classes": list(record.data_classes) if record.data_classes else None,
        "networks": list(record.networks),
        "roles": list(record.roles),
        "expires_at": record.expires_at.isoformat() if record.expires_at else None,
        "created_at": record.created_at.isoformat() if record.created_at else None,
        "owner": record.owner,
        "use_case": record.use_case,
        "limits": asdict(record.limits) if record.limits else None,
    }
