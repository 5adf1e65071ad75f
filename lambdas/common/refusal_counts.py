"""Counts of refusals by person and month in the ledger (G.2): the gateway writes, the daily run reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

COUNT, REASON = "count", "reason_"
_PREFIX = "REFUSALS#"
ANY_MONTH = f"{_PREFIX}*"  # for the leading keys condition of a policy


@dataclass(frozen=True, slots=True)
class Refusals:
    """Refusals of one person in one month (`2026-12`); `reasons` counts by reason."""

    person: str
    month: str
    department: str
    count: int
    reasons: dict[str, int]


def partition(day: date) -> str:
    """Return the key under which refusals in the month of a day are counted."""
    return f"{_PREFIX}{day:%Y-%m}"


def refusals_in(client: Any, table: str, day: date) -> Iterator[Refusals]:
    """Yield everybody with a refusal in the month of a day. `client` is a botocore DynamoDB client; it
    blocks.
    """
    query = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": partition(day)}},
    }
    for page in client.get_paginator("query").paginate(**query):
        for item in page["Items"]:
            yield Refusals(
                person=item["sk"]["S"],
                month=f"{day:%Y-%m}",
                department=item["department"]["S"],
                count=int(item[COUNT]["N"]),
                reasons={
                    name.removeprefix(REASON): int(value["N"])
                    for name, value in sorted(item.items())
                    if name.startswith(REASON)
                },
            )
