"""The two dated files that the cost model reads: AWS prices, and assumptions about usage and people."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from kit.errors import ExitCode, KitError

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Offer:
    """A product of AWS's price list: of a service, by usage type without its region, or by product family."""

    service: str
    usage: str = ""
    family: str = ""


@dataclass(frozen=True)
class Price:
    """US dollars per unit. `source` is the kind of source, explained in the file; `page` is where the price
    was read, empty if that was not kept. `offers` are the products whose prices make it up together.
    """

    usd: Decimal
    unit: str
    source: str
    page: str = ""
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True)
class PriceFile:
    """Prices of one date."""

    as_of: str
    region: str
    hours_per_month: int
    sources: Mapping[str, str]
    prices: Mapping[str, Price]


@dataclass(frozen=True)
class Assumption:
    """A planning value and its reason."""

    value: Decimal
    why: str
    given: bool = False  # set by the caller instead of the file


def read_prices(path: Path = _FOLDER / "prices.json") -> PriceFile:
    """Return the AWS prices that the model uses."""
    document = json.loads(path.read_text("utf-8"))
    prices = {
        name: Price(
            Decimal(entry["usd"]),
            entry["unit"],
            entry["source"],
            entry.get("page", ""),
            tuple(Offer(**one) for one in entry.get("offers", ())),
        )
        for name, entry in document["prices"].items()
    }
    return PriceFile(
        document["as_of"], document["region"], document["hours_per_month"], document["sources"], prices
    )


def read_assumptions(
    given: Mapping[str, str], path: Path = _FOLDER / "assumptions.json"
) -> dict[str, Assumption]:
    """Return the assumptions of the file, overridden by the caller's. Raises KitError on an invalid one."""
    entries = json.loads(path.read_text("utf-8"))["assumptions"]
    found = {name: Assumption(Decimal(entry["value"]), entry["why"]) for name, entry in entries.items()}
    for name, text in given.items():
        if name not in found:
            raise KitError(
                f"--assume {name}: there is no such assumption",
                hint=f"one of: {', '.join(found)}",
                exit_code=ExitCode.USAGE,
            )
        found[name] = Assumption(_amount(name, text), "given on the command line", given=True)
    return found


def _amount(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    most = 100 if name.endswith("_percent") and name != "growth_percent" else 1_000_000_000
    if not value.is_finite() or not 0 <= value <= most or (name == "tokens_per_call" and value < 1):
        raise KitError(f"--assume {name}={text}: not a number from 0 to {most:,}", exit_code=ExitCode.USAGE)
    return value
