"""AWS's own price list: prices from the service files of its Bulk API, which the operator downloads (Z.2).

A file has products by SKU, each with its attributes, and under `terms.OnDemand` the prices of each SKU by
band of usage (AWS Billing: "Reading the service price list file for an AWS service"). `prices.json` names the
products of each price as its `offers`. Of several bands or products the highest price is taken: large use is
cheaper and the first units are often free, and the model counts on neither.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec

from kit.cost.price_file import Offer, PriceFile
from kit.errors import ExitCode, KitError

_BETWEEN = Decimal(4)  # regions differ by a third of this; more is another unit
_PREFIX = re.compile(r"^(?:EU|[A-Z]{3,4}[0-9])-")  # of a usage type: the region, often absent in us-east-1
URL = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/SERVICE/current/REGION/index.json"


class _Attributes(msgspec.Struct, rename="camel"):
    usagetype: str = ""
    region_code: str = ""
    from_region_code: str = ""


class _Product(msgspec.Struct, rename="camel"):
    attributes: _Attributes
    product_family: str = ""


class _Band(msgspec.Struct, rename="camel"):
    price_per_unit: dict[str, str]


class _Term(msgspec.Struct, rename="camel"):
    price_dimensions: dict[str, _Band]


class _Terms(msgspec.Struct):
    on_demand: dict[str, dict[str, _Term]] = msgspec.field(name="OnDemand", default_factory=dict)


class _File(msgspec.Struct, rename="camel"):
    offer_code: str
    publication_date: str
    products: dict[str, _Product]
    terms: _Terms


@dataclass(frozen=True)
class Listed:
    """Prices with what was taken from the list, and why others were not, by name."""

    prices: PriceFile
    taken: Sequence[str]
    kept: Mapping[str, str]


def with_price_list(prices: PriceFile, files: Sequence[Path], region: str) -> Listed:
    """Replace the prices that the files, or those in folders, have for the region.

    Raises KitError for a file that is not one, and if none of the prices is in any.
    """
    services: dict[str, list[_File]] = {}
    for document in map(_read, _files_in(files)):
        services.setdefault(document.offer_code, []).append(document)
    found, taken, kept = dict(prices.prices), [], {}
    for name, price in prices.prices.items():
        missing = sorted({one.service for one in price.offers} - services.keys())
        if not price.offers:
            kept[name] = "not one product of the list"
        elif missing:
            kept[name] = f"no file of {', '.join(missing)}"
        else:
            usd = [_usd(services[one.service], one, region) for one in price.offers]
            listed = _sum(usd)
            if listed is None:
                kept[name] = f"no price of it for {region} in US dollars"
            elif not price.usd / _BETWEEN < listed < price.usd * _BETWEEN:
                kept[name] = f"the list has {listed:f}, which is no price per {price.unit}"
            else:
                taken.append(name)
                documents = [one for offer in price.offers for one in services[offer.service]]
                pages = {f"{one.offer_code} {region}, {one.publication_date[:10]}": None for one in documents}
                found[name] = replace(price, usd=listed, source="price list", page="; ".join(pages))
    if not taken:
        raise KitError(
            f"--price-list: none of the prices is in {', '.join(map(str, files))} for {region}",
            hint=f"services that the model asks for: {', '.join(services_of(prices))}; files: {URL}",
            exit_code=ExitCode.USAGE,
        )
    return Listed(replace(prices, prices=found), taken, kept)


def services_of(prices: PriceFile) -> list[str]:
    """Return the codes of the services whose files have prices of the model."""
    return sorted({one.service for price in prices.prices.values() for one in price.offers})


def _files_in(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.glob("*.json")) if path.is_dir() else [path]


def _read(path: Path) -> _File:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = f"is not a service price list in JSON: {error}"
    raise KitError(
        f"--price-list: {path} {reason}", hint=f"download one from {URL}", exit_code=ExitCode.USAGE
    )


def _usd(documents: Sequence[_File], offer: Offer, region: str) -> Decimal | None:
    """Return the greatest price of what the offer names, None if there is none."""
    return max(
        (
            usd
            for document in documents
            for sku, product in document.products.items()
            if _matches(product, offer, region)
            for term in document.terms.on_demand.get(sku, {}).values()
            for band in term.price_dimensions.values()
            for usd in _amount(band)
        ),
        default=None,
    )


def _matches(product: _Product, offer: Offer, region: str) -> bool:
    said = product.attributes
    if (said.region_code or said.from_region_code or region) != region:
        return False
    if offer.family and product.product_family != offer.family:
        return False
    return not offer.usage or _PREFIX.sub("", said.usagetype) == offer.usage or said.usagetype == offer.usage


def _amount(band: _Band) -> Iterator[Decimal]:
    try:
        usd = Decimal(band.price_per_unit.get("USD", ""))
    except InvalidOperation:
        return
    if usd.is_finite() and usd > 0:
        yield usd


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [one for one in amounts if one is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None
