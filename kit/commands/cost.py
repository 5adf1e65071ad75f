"""`kit cost`: what the programme costs before anything is deployed, with its arithmetic (Z.2, L5.4)."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contract.kinds import SIZES
from kit.commands.choices import one_of
from kit.commands.options import Client, Json
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.cost.model import CostModel, Group, Rhythm
    from kit.cost.price_file import PriceFile

_SUMS: "tuple[tuple[Group, Rhythm, str], ...]" = (
    ("api", "monthly", "Claude API, a month"),
    ("infrastructure", "monthly", "Infrastructure, a month"),
    ("infrastructure", "once", "Infrastructure, once"),
    ("organisation", "once", "Organisation, once"),
    ("organisation", "yearly", "Organisation, a year"),
)


def cost(
    size: Annotated[str | None, typer.Option(help=f"{one_of(SIZES)} instead of the client's.")] = None,
    every_size: Annotated[
        bool, typer.Option("--every-size", help="The sums of all sizes, side by side.")
    ] = False,
    client: Client = None,
    agents: Annotated[
        int | None, typer.Option(min=0, help="People who also work with a coding agent.")
    ] = None,
    application_calls: Annotated[
        int | None, typer.Option(min=0, help="Calls a month of all applications together.")
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(help="Another value for an assumption, such as tokens_per_call=4000; repeat for more."),
    ] = None,
    price_list: Annotated[
        list[Path] | None,
        typer.Option(help="Service file of AWS's price list in JSON, or a folder of them; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the cost of API, infrastructure and organisation, and where it differs from the planning values.

    Fixed costs are counted from the evaluated plan of all three stages, usage-based costs from the size.
    Prices come from the dated files in kit/cost and lambdas/common/prices; no account is accessed. With
    --price-list, those of AWS come from its own price list as far as the given files have them for the
    deployment's region; the others are named on stderr.

    Exit codes: 0 done; 1 the program failed; 2 invalid option or configuration.
    """
    from kit.chosen import choose, settings_of
    from kit.cost.model import build_model
    from kit.evaluation.stages import check_choice, evaluate_sizes, evaluate_stages

    if size is not None:
        check_choice("size", size, SIZES)
        if every_size:
            raise KitError("--size and --every-size exclude each other", exit_code=ExitCode.USAGE)
    chosen = choose(client)
    counts = {"agent_people": agents, "application_calls": application_calls}
    given = {name: str(count) for name, count in counts.items() if count is not None}
    given |= _assumptions(assume or [])
    if every_size:
        plans = evaluate_sizes(client=chosen.client, config=chosen.config, assume_gates=True)
    else:
        stages = evaluate_stages(client=chosen.client, config=chosen.config, size=size, assume_gates=True)
        plans = {size: stages}
    settings = {one: settings_of(client, config={"size": one} if one else None) for one in plans}
    prices = _listed(price_list, next(iter(settings.values())).region) if price_list else None
    models = [
        build_model(settings[one], list(graphs.values()), given, prices) for one, graphs in plans.items()
    ]
    if as_json:
        documents = [model.as_document() for model in models]
        sys.stdout.write(json.dumps({"sizes": documents} if every_size else documents[0], indent=1) + "\n")
    elif every_size:
        _compare(models)
    else:
        _show(models[0])


def _listed(files: list[Path], region: str) -> "PriceFile":
    """Return the prices with those of the files; say on stderr which are of the dated file still."""
    from rich.console import Console

    from kit.cost.price_file import read_prices
    from kit.cost.price_list import with_price_list

    found = with_price_list(read_prices(), files, region)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(
        f"{len(found.taken)} of {len(found.prices.prices)} prices are from AWS's price list for {region}; "
        f"of {found.prices.as_of} still:"
    )
    for name, why in found.kept.items():
        console.print(f"  {name}: {why}", markup=False)
    return found.prices


def _assumptions(given: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    for name, equals, _ in pairs:
        if not equals:
            raise KitError(
                f"--assume {name}: write it as NAME=VALUE",
                hint="for example --assume tokens_per_call=4000",
                exit_code=ExitCode.USAGE,
            )
    return {name: value for name, _, value in pairs}


def _compare(models: Sequence["CostModel"]) -> None:
    from rich.console import Console
    from rich.table import Table

    from contract.money import usd

    table = Table("USD", *(f"{model.size}, {model.people:,} people" for model in models), box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for group, rhythm, title in _SUMS:
        table.add_row(title, *(usd(model.total(group, rhythm)) for model in models))
    table.add_row(
        "[bold]Programme, first year[/]", *(f"[bold]{usd(model.first_year())}[/]" for model in models)
    )
    Console(highlight=False).print(table)


def _show(model: "CostModel") -> None:
    from rich.console import Console
    from rich.table import Table

    from contract.money import usd

    console = Console(highlight=False)
    claude, aws = model.prices_as_of
    console.print(
        f"[bold]{model.size}[/]: {model.people:,} people, {model.usage['tokens']:,.0f} tokens and "
        f"{model.usage['calls']:,.0f} calls a month. Prices of Claude {claude}, of AWS {aws}."
    )
    table = Table("what", "quantity", "x price (USD)", "USD", "how", box=None, pad_edge=False)
    for column in (1, 2, 3):
        table.columns[column].justify = "right"
    for group, rhythm, title in _SUMS:
        for line in model.lines:
            if (line.group, line.rhythm) == (group, rhythm):
                table.add_row(
                    line.item,
                    f"{line.quantity:,.{0 if line.quantity >= 10 else 2}f} {line.unit}",
                    f"{line.unit_usd:f}",
                    usd(line.microusd),
                    f"{line.why} ({line.source})",
                )
        total = model.total(group, rhythm)
        table.add_row(f"[bold]{title}[/]", "", "", f"[bold]{usd(total)}[/]", "")
        table.add_section()
    table.add_row("[bold]Programme, first year[/]", "", "", f"[bold]{usd(model.first_year())}[/]", "")
    console.print(table)
    profiles = Table(
        "a million calls of", "USD in AWS", "a person uses (USD)", "budget", box=None, pad_edge=False
    )
    budgets = {each.profile: each for each in model.budgets}
    for name, microusd in model.per_million_calls.items():
        budget = budgets.get(name)
        fits = (
            f"{budget.configured_usd:,} {'fits' if budget.fits else '[red]is too little[/]'}"
            if budget
            else ""
        )
        used = f"{budget.needed_usd:,.2f}" if budget else ""
        profiles.add_row(name, f"{usd(microusd)}", used, fits)
    console.print(profiles)
    compared = Table("planning value", "planned (USD)", "model (USD)", "", "why", box=None, pad_edge=False)
    for each in model.comparisons:
        small = each.high_usd < 1
        shape = "{:,.4f}" if small else "{:,.0f}"
        compared.add_row(
            each.item,
            f"{each.low_usd:,} - {each.high_usd:,}",
            shape.format(each.model_usd),
            each.verdict,
            each.why,
        )
    console.print(compared)
    if model.unpriced:
        console.print(f"[yellow]not priced:[/] {', '.join(model.unpriced)}")
