"""`kit chargeback reconcile`: compares the ledger with what the provider reports as charged (C.2, L1.6)."""

import asyncio
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.commands.options import Client, Json
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.measurement.reconcile import Bucket, Line, PaidCall, Resolution
    from kit.target import Target

_MICROUSD = 1_000_000


def reconcile(
    month: Annotated[str | None, typer.Option(help="The month, as YYYY-MM; this month if left out.")] = None,
    report: Annotated[
        list[Path] | None,
        typer.Option(help="A Usage or Cost report of the Admin API as a JSON file; may be given again."),
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="Read a folder copy of the analytics bucket instead of a deployment.")
    ] = None,
    workspace: Annotated[
        list[str] | None,
        typer.Option(help="PROVIDER=WORKSPACE_ID, for a provider whose key belongs to a workspace."),
    ] = None,
    resolve: Annotated[
        bool, typer.Option("--resolve", help="Put the true cost of explained calls into the ledger.")
    ] = False,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Compare the recorded costs with the provider's reports, per day (UTC), workspace and model.

    Without --report the reports are fetched with ANTHROPIC_ADMIN_KEY. A report of costs is compared as it is;
    a report of tokens is priced by the kit's price list. A difference is what no reading of the records
    explains: calls whose cost is uncertain may have cost nothing or all that was held. --resolve settles
    those that a bucket of the token report explains in one way only; the others stay uncertain.

    Exit codes: 0 everything agrees; 2 wrong option or report; 4 no deployment or no report; 5 a difference.
    """
    from kit.chosen import settings_of
    from kit.measurement import period
    from kit.measurement.reading import reading
    from kit.measurement.reconcile import calls_of, compare, resolutions
    from lambdas.common.clock import utc_now

    wanted = period.month(month or f"{utc_now():%Y-%m}")
    settings = settings_of(client)
    providers = [one.route for one in settings.claude.providers]
    named = _workspaces(workspace or [], {one.name for one in providers})
    workspaces = {
        one.name: named.get(one.name) or one.auth.get("workspace_id") or "default"
        for one in providers
        if one.kind != "bedrock"
    }
    source = reading(settings, records, client)
    if resolve and source.target is None:
        raise KitError("--resolve needs a deployment", exit_code=ExitCode.USAGE)
    usage, costs = _reports(report or [], wanted.first, min(wanted.last, utc_now().date()))
    evidence = source.evidence()
    days = [day for day in evidence.days() if f"{wanted.first}" <= day <= f"{wanted.last}"]
    rows = (json.loads(line) for day in days for line in evidence.lines(day))
    calls = list(calls_of(rows, workspaces))
    lines = [("cost", one) for one in compare(costs, calls)] + [
        ("usage", one) for one in compare(usage, calls)
    ]
    found = resolutions(usage, calls)
    resolved = _resolve(source.target, found) if resolve and source.target is not None else []
    _print(lines, calls, found, resolved, as_json=as_json)
    wrong = [one for _, one in lines if one.difference]
    if wrong:
        raise KitError(
            f"the provider and the records differ on {len(wrong)} lines",
            hint="calls past the gateway with the same key, a price that changed, or missing records "
            "(kit audit verify)",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )


def _workspaces(given: Sequence[str], known: set[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for one in given:
        name, _, id_ = one.partition("=")
        if name not in known or not id_:
            raise KitError(
                f"--workspace {one}: must be PROVIDER=WORKSPACE_ID",
                hint=f"providers: {', '.join(sorted(known))}",
                exit_code=ExitCode.USAGE,
            )
        named[name] = id_
    return named


def _reports(files: Sequence[Path], first: Any, last: Any) -> "tuple[list[Bucket], list[Bucket]]":
    """Return the buckets of the token reports and those of the cost reports."""
    from kit.measurement.admin_reports import BASE_URL, fetch
    from kit.measurement.reconcile import ReportError, read_report
    from lambdas.common.prices import load_prices

    texts: list[tuple[str, str]] = []
    for file in files:
        try:
            texts.append((str(file), file.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError):
            raise KitError(f"{file} cannot be read as text", exit_code=ExitCode.USAGE) from None
    if not files:
        key = os.environ.get("ANTHROPIC_ADMIN_KEY", "")
        if not key:
            raise KitError(
                "no report",
                hint="give --report FILE, or set ANTHROPIC_ADMIN_KEY to fetch the reports",
                exit_code=ExitCode.ENVIRONMENT,
            )
        base = os.environ.get("ANTHROPIC_ADMIN_URL", BASE_URL)
        texts = [(kind, json.dumps(fetch(kind, first, last, key, base))) for kind in ("usage", "cost")]
    usage: list[Bucket] = []
    costs: list[Bucket] = []
    prices = load_prices()
    for name, text in texts:
        try:
            buckets = read_report(text, prices)
        except ReportError as error:
            raise KitError(f"{name}: {error}", exit_code=ExitCode.USAGE) from None
        (costs if '"amount"' in text else usage).extend(buckets)
    return usage, costs


def _resolve(target: "Target", found: "Sequence[Resolution]") -> "list[Resolution]":
    """Settle the resolutions and return those that the ledger accepted."""
    from lambdas.common.ledger import Ledger
    from lambdas.common.ledger.dynamo_store import DynamoStore

    table = target.require("ledger_table_name")
    store = DynamoStore(
        target.client("dynamodb"), ledger_table=table, access_table=table, pool=ThreadPoolExecutor(4)
    )

    async def run() -> "list[Resolution]":
        ledger = Ledger(store)
        return [one for one in found if await ledger.resolve(one.request_id, one.microusd)]

    return asyncio.run(run())


def _print(
    lines: "Sequence[tuple[str, Line]]",
    calls: "Sequence[PaidCall]",
    found: "Sequence[Resolution]",
    resolved: "Sequence[Resolution]",
    *,
    as_json: bool,
) -> None:
    uncertain = sum(one.uncertain_microusd for one in calls)
    if as_json:
        document = {
            "lines": [
                {
                    "report": kind, "day": one.day, "workspace": one.workspace, "model": one.model,
                    "calls": one.calls, "recorded_microusd": one.ours, "uncertain_microusd": one.uncertain,
                    "provider_microusd": [one.least, one.most], "difference_microusd": one.difference,
                }
                for kind, one in lines
            ],
            "uncertain_microusd": uncertain,
            "explained": [_as_json(one) for one in found],
            "resolved": [one.request_id for one in resolved],
        }  # fmt: skip
        print_json(document)
        return
    for kind, one in lines:
        if one.difference:
            said = f"provider {_usd(one.least)}" + (f" to {_usd(one.most)}" if one.most > one.least else "")
            sign = "+" if one.difference > 0 else ""
            typer.echo(
                f"{one.day}  {one.workspace}  {one.model or '(no model)'}  ({kind}): recorded "
                f"{_usd(one.ours)} in {one.calls} calls, {said}: {sign}{_usd(one.difference)}"
            )
    agreed = sum(not one.difference for _, one in lines)
    typer.echo(f"{agreed} of {len(lines)} lines agree; {_usd(uncertain)} USD are uncertain.")
    if found:
        took = f"{len(resolved)} resolved" if resolved else "resolve them with --resolve"
        typer.echo(f"{len(found)} uncertain calls are explained by the report: {took}.")


def _as_json(one: "Resolution") -> dict[str, Any]:
    return {"request_id": one.request_id, "microusd": one.microusd}


def _usd(microusd: int) -> str:
    return f"{microusd / _MICROUSD:.6f}"
