"""Prices from the files of AWS's price list, in the format that AWS Billing documents (Z.2)."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kit.cli import app
from kit.cost.price_file import read_prices
from kit.cost.price_list import services_of, with_price_list
from kit.errors import KitError

FRANKFURT = "eu-central-1"


def service(code: str, *products: tuple[str, str, list[str]], currency: str = "USD") -> dict[str, Any]:
    """A service file: products by usage type, region and the prices of their bands, cheapest use first."""
    document: dict[str, Any] = {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "offerCode": code,
        "version": "20261120190000",
        "publicationDate": "2026-11-20T19:00:00Z",
        "products": {},
        "terms": {"OnDemand": {}, "Reserved": {"SKU0": {"x": {"priceDimensions": {}}}}},
        "attributesList": {},
    }
    for number, (usage, region, bands) in enumerate(products):
        sku = f"SKU{number}"
        where = "fromRegionCode" if code == "AWSDataTransfer" else "regionCode"
        document["products"][sku] = {
            "sku": sku,
            "productFamily": usage if usage.startswith("Management") else "Serverless",
            "attributes": {"servicecode": code, where: region, "usagetype": usage, "operation": ""},
        }
        document["terms"]["OnDemand"][sku] = {
            f"{sku}.JRTCKXETXF": {
                "offerTermCode": "JRTCKXETXF",
                "sku": sku,
                "effectiveDate": "2026-11-01T00:00:00Z",
                "priceDimensions": {
                    f"{sku}.JRTCKXETXF.{at}": {
                        "rateCode": f"{sku}.JRTCKXETXF.{at}",
                        "beginRange": str(at),
                        "endRange": "Inf",
                        "unit": "Quantity",
                        "pricePerUnit": {currency: usd},
                        "appliesTo": [],
                    }
                    for at, usd in enumerate(bands)
                },
                "termAttributes": {},
            }
        }
    return document


DYNAMODB = service(
    "AmazonDynamoDB",
    ("EUC1-WriteRequestUnits", FRANKFURT, ["0.0000007625"]),
    ("WriteRequestUnits", "us-east-1", ["0.0000006250"]),
    ("EUC1-ReplWriteRequestUnits", FRANKFURT, ["0.0000009000"]),
    ("EUC1-ReadRequestUnits", FRANKFURT, ["0.0000001525"]),
    ("EUC1-TimedStorage-ByteHrs", FRANKFURT, ["0.0000000000", "0.3060000000"]),  # 25 GB are free
    ("EUC1-TimedPITRStorage-ByteHrs", FRANKFURT, ["0.2448000000"]),
)
NETWORK = service(
    "AWSDataTransfer", ("EUC1-DataTransfer-Out-Bytes", FRANKFURT, ["0", "0.09", "0.085", "0.07"])
)
TRAIL = service(
    "AWSCloudTrail",
    ("Management Tools - AWS CloudTrail Data Events Recorded", FRANKFURT, ["0.0000011"]),
    ("EUC1-FreeEventsRecorded", FRANKFURT, ["0"]),
)


def kept_in(folder: Path, *documents: Any) -> list[Path]:
    files = [folder / f"{number}.json" for number in range(len(documents))]
    for file, document in zip(files, documents, strict=True):
        file.write_text(document if isinstance(document, str) else json.dumps(document))
    return files


def test_prices_of_the_list_replace_those_of_the_dated_file_with_source_and_date(tmp_path: Path) -> None:
    dated = read_prices()
    ireland = service("AmazonDynamoDB", ("EU-WriteRequestUnits", "eu-west-1", ["0.0000007"]))
    kept_in(tmp_path, DYNAMODB, ireland)  # the folder's, of which one is of another region
    (tmp_path / "more").mkdir()
    files = [tmp_path, *kept_in(tmp_path / "more", NETWORK, TRAIL)]
    found = with_price_list(dated, files, FRANKFURT)
    listed = {name: found.prices.prices[name] for name in found.taken}
    assert {name: price.usd for name, price in listed.items()} == {
        "dynamodb.write": Decimal("0.0000007625"),
        "dynamodb.read": Decimal("0.0000001525"),
        "dynamodb.gb_month": Decimal("0.5508"),  # the first that is not free, and point-in-time recovery
        "cloudtrail.data_event": Decimal("0.0000011"),
        "transfer.gb": Decimal("0.09"),
    }
    assert listed["dynamodb.gb_month"].page == "AmazonDynamoDB eu-central-1, 2026-11-20"
    assert {price.source for price in listed.values()} == {"price list"}
    assert listed.keys() | found.kept.keys() == dated.prices.keys()
    assert all(found.prices.prices[name] == dated.prices[name] for name in found.kept)
    assert found.kept["kms.request"] == "no file of awskms"
    assert found.kept["ec2.vcpu_hour"] == "not one product of the list"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (service("awskms", ("EUC1-KMS-Requests", FRANKFURT, ["0.03"])), "no price per request"),  # per 10,000
        (service("awskms", ("EUC1-KMS-Requests", FRANKFURT, ["0"])), "no price of it for eu-central-1"),
        (service("awskms", ("KMS-Requests", "us-east-1", ["0.000003"])), "no price of it for eu-central-1"),
        (service("awskms", ("CNN1-KMS-Requests", FRANKFURT, ["0.00002"]), currency="CNY"), "in US dollars"),
        (
            service("awskms", ("EUC1-KMS-Requests", FRANKFURT, ["NaN", "n/a"])),
            "no price of it for eu-central-1",
        ),
    ],
)
def test_a_price_that_cannot_be_the_one_meant_is_not_taken(
    tmp_path: Path, document: dict[str, Any], why: str
) -> None:
    found = with_price_list(read_prices(), kept_in(tmp_path, DYNAMODB, document), FRANKFURT)
    assert why in found.kept["kms.request"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not a service price list"),
        ("OfferTermCode,SKU\n", "not a service price list"),
        ('{"offerCode": "AmazonS3"}', "not a service price list"),
        (service("AmazonS3"), "none of the prices"),
        (service("AmazonS3", ("TimedStorage-ByteHrs", "us-east-1", ["0.023"])), "none of the prices"),
    ],
)
def test_a_file_of_no_use_is_refused_with_where_one_is(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(KitError, match=says) as refused:
        with_price_list(read_prices(), kept_in(tmp_path, content), FRANKFURT)
    assert refused.value.exit_code == 2
    assert "offers/v1.0/aws/SERVICE/current/REGION/index.json" in refused.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"none\.json cannot be read"):
        with_price_list(read_prices(), [tmp_path / "none.json"], FRANKFURT)


def test_most_prices_are_a_product_of_the_list() -> None:
    prices = read_prices()
    assert sum(bool(price.offers) for price in prices.prices.values()) >= 30
    assert {"AmazonEC2", "AmazonS3", "awskms", "AWSLambda"} <= set(services_of(prices))


def test_the_command_counts_with_the_list_and_says_what_it_lacks(tmp_path: Path) -> None:
    (file,) = kept_in(tmp_path, DYNAMODB)
    done = CliRunner().invoke(app, ["cost", "--size", "small", "--json", "--price-list", str(file)])
    assert done.exit_code == 0, done.output
    lines = json.loads(done.stdout)["lines"]
    listed = [one for one in lines if "price list: AmazonDynamoDB eu-central-1, 2026-11-20" in one["source"]]
    assert {one["unit_usd"] for one in listed} >= {"0.0000007625"}
    assert "kms.request: no file of awskms" in done.stderr
