"""The sweeper: charges reservations of dead processes, and records it (L1.6, L2.5).

A gateway that dies during a call leaves a reservation and an intent without an outcome. Once the
reservation has expired, the sweeper records the outcome `expired`, with the cost that the process had noted
or else the whole reservation as its estimated cost, and then charges that: nothing is charged without a
record, and what the provider may have charged is never spent a second time. A run that dies in between
records the same outcome again.

Environment: `LEDGER_TABLE`, `AUDIT_BUCKET`, `AUDIT_KEY_ARN`; locally `AWS_ENDPOINT_URL`.
"""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Protocol

import botocore.session
from botocore.config import Config

from lambdas.common.audit import AuditWriter, open_writer
from lambdas.common.ledger import Expired, Ledger, ReservationsDamaged
from lambdas.common.ledger.dynamo_store import DynamoStore
from lambdas.common.log import Level, log

_AT_ONCE = 32
_SPARE_SECONDS = 20  # a run stops when it has less time than this; the next goes on


class Records(Protocol):
    """The audit store. A record is durable on return."""

    async def append(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> None: ...


async def sweep(ledger: Ledger, records: Records, has_time: Any = lambda: True) -> dict[str, int]:
    """Record and charge what has expired. Return counts of swept and meanwhile settled reservations.

    Raises what the stores raise: what was not reached is left for the next run. A reservation that fails by
    itself keeps no other waiting: its error is raised after the last one.
    """
    counts = {"swept": 0, "settled_meanwhile": 0, "microusd": 0}
    failures: list[BaseException] = []

    async def one(expired: Expired) -> None:
        await records.append(_outcome(expired), bodies={})
        if await ledger.charge_expired(expired):
            counts["swept"] += 1
            counts["microusd"] += expired.microusd
        else:
            counts["settled_meanwhile"] += 1

    async def all_of(waiting: Sequence[Expired]) -> None:
        results = await asyncio.gather(*map(one, waiting), return_exceptions=True)
        failed = [result for result in results if result is not None]
        if len(failed) == _AT_ONCE:  # a store does not answer
            raise failed[0]
        failures.extend(failed)

    waiting: list[Expired] = []
    try:
        async for expired in ledger.expired():
            waiting.append(expired)
            if len(waiting) == _AT_ONCE:
                if not has_time():
                    break
                await all_of(waiting)
                waiting.clear()
        else:
            await all_of(waiting)
    except ReservationsDamaged as damaged:
        await all_of(waiting)
        failures.append(damaged)
    if failures:
        log("not_swept", level=Level.ERROR, count=len(failures), **counts)
        raise failures[0]
    return counts


def _outcome(expired: Expired) -> dict[str, Any]:
    reservation = expired.reservation
    return {
        "kind": "outcome",
        "request_id": reservation.id,
        "result": "expired",
        "reason": "process_died",
        "principal": reservation.principal,
        "principal_kind": reservation.principal_kind,
        "department": reservation.department,
        "booked_month": reservation.month,
        "model": reservation.model,
        "reserved_microusd": reservation.microusd,
        "cost_microusd": expired.microusd,
        "cost_estimated": not expired.known,
    }


@cache
def _stores() -> tuple[Ledger, AuditWriter]:
    client = botocore.session.get_session().create_client(
        "dynamodb",
        region_name=os.environ.get("AWS_REGION"),
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        config=Config(
            connect_timeout=2,
            read_timeout=5,
            max_pool_connections=_AT_ONCE,
            retries={"total_max_attempts": 4, "mode": "standard"},
        ),
    )
    table = os.environ["LEDGER_TABLE"]
    store = DynamoStore(client, ledger_table=table, access_table=table, pool=ThreadPoolExecutor(_AT_ONCE))
    return Ledger(store), open_writer("sweeper")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sweep once. AWS errors are raised: the run is retried, then an alarm is raised."""
    del event
    ledger, records = _stores()

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > _SPARE_SECONDS * 1000

    counts = asyncio.run(sweep(ledger, records, has_time))
    log("swept", level=Level.INFO, **counts)
    return counts
