"""Alarms that fired, and the incidents that they open."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from kit.registers.store import Registers
from kit.target import Target
from lambdas.common.registers import Entry


@dataclass(frozen=True)
class Rang:
    """One transition of an alarm to ALARM."""

    alarm: str
    at: str
    why: str

    @property
    def entry_id(self) -> str:
        """The id of the incident that it opens; stable across runs."""
        digits = "".join(one for one in self.at[:19] if one.isdigit())
        return f"alarm-{self.alarm}-{digits}"


def rang(target: Target, first: datetime, last: datetime) -> list[Rang]:
    """Return the deployment's alarms that fired in a span; CloudWatch keeps history for 30 days. Empty if
    the deployment has no CloudWatch (the embedded default).
    """
    prefix = f"{target.require('client')}-{target.require('environment')}-"
    found: list[Rang] = []
    try:
        pages = (
            target.client("cloudwatch")
            .get_paginator("describe_alarm_history")
            .paginate(HistoryItemType="StateUpdate", StartDate=first, EndDate=last)
        )
        for page in pages:
            found += list(_into_alarm(page.get("AlarmHistoryItems", ()), prefix))
    except ClientError:
        if target.local:
            return []
        raise
    return sorted(found, key=lambda one: (one.at, one.alarm))


def open_incidents(registers: Registers, alarms: Iterable[Rang]) -> list[Entry]:
    """Open a draft for each alarm without one; a person classifies it."""
    known = {one.id for one in registers.entries("incidents")}
    return [
        registers.open(
            "incidents",
            f"alarm {one.alarm}",
            "",
            {"report": one.why, "detected": one.at},
            source=one.entry_id,
        )
        for one in alarms
        if one.entry_id not in known
    ]


def _into_alarm(items: Iterable[dict[str, Any]], prefix: str) -> Iterable[Rang]:
    for item in items:
        summary = str(item.get("HistorySummary", ""))
        if item["AlarmName"].startswith(prefix) and summary.endswith("to ALARM"):
            yield Rang(item["AlarmName"].removeprefix(prefix), item["Timestamp"].isoformat(), summary)
