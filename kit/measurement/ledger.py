"""Reads a month of the ledger with the operator's rights: settled amounts by department."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kit.target import Target


@dataclass(frozen=True)
class LedgerMonth:
    """Micro-dollars by department. `settled` is what calls cost; `open` is reserved and not yet settled.

    `uncertain` is the part of `settled` for which it is not yet known whether the provider charged it;
    `beyond` is the part that exceeded the reservations when there was no room under the ceiling.
    """

    settled: dict[str, int]
    open: dict[str, int]
    uncertain: dict[str, int]
    beyond: dict[str, int]


def read_ledger(target: "Target", month: str) -> LedgerMonth:
    """Read the month of every department in one pass over the table."""
    pages = (
        target.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=target.require("ledger_table_name"),
            FilterExpression=(
                "(begins_with(pk, :department) AND sk = :month) OR "
                "(begins_with(pk, :reservation) AND #month = :month AND #state = :open)"
            ),
            ExpressionAttributeNames={"#month": "month", "#state": "state"},
            ExpressionAttributeValues={
                ":department": {"S": "DEPT#"},
                ":reservation": {"S": "RESERVATION#"},
                ":month": {"S": month},
                ":open": {"S": "open"},
            },
            ConsistentRead=True,
        )
    )
    committed: Counter[str] = Counter()
    uncertain: Counter[str] = Counter()
    beyond: Counter[str] = Counter()
    reserved: Counter[str] = Counter()
    for page in pages:
        for item in page["Items"]:
            if item["pk"]["S"].startswith("DEPT#"):
                name = item["pk"]["S"].removeprefix("DEPT#").partition("#")[0]  # across all shards
                for total, attribute in (
                    (committed, "committed_microusd"),
                    (uncertain, "uncertain_microusd"),
                    (beyond, "beyond_microusd"),
                ):
                    total[name] += int(item.get(attribute, {"N": "0"})["N"])
            else:
                reserved[item["department"]["S"]] += int(item["microusd"]["N"])
    names = sorted({*committed, *reserved})
    settled = {name: committed[name] - reserved[name] + beyond[name] for name in names}
    return LedgerMonth(settled, dict(reserved), dict(uncertain), dict(beyond))
