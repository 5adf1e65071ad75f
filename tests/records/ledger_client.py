"""A client of the ledger in a process of its own: reserves, calls, settles, and sometimes dies in between."""

import asyncio
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import boto3

from lambdas.common.ledger import Ledger, Refused
from lambdas.common.ledger.dynamo_store import DynamoStore

from .ledger_fixtures import START, Bench, TurnableClock, organization, principal


@dataclass(frozen=True)
class Client:
    """What a process needs: where the ledger is, what it may spend, and where to say what it spent."""

    number: int
    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str
    tables: tuple[str, str]
    budget: int
    shards: int
    calls: int
    spent: Path

    def run(self) -> None:
        """Make the calls. Exits with 9 where it dies in the middle of one."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        dynamodb = boto3.client(
            "dynamodb",
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )
        store = DynamoStore(
            dynamodb,
            ledger_table=self.tables[0],
            access_table=self.tables[1],
            pool=ThreadPoolExecutor(4),
            deadline_seconds=60,
        )
        clock, chance = TurnableClock(START), random.Random(self.number)
        ledger, bench = Ledger(store, clock=clock), Bench(store, clock)
        sharded = organization(budget=self.budget, shards=self.shards)
        for _ in range(self.calls):
            reserved = chance.randrange(1_000, 5_000)
            ask = bench.ask(reserved, organization=sharded, principal=principal(f"user{self.number % 8}"))
            if (
                chance.random() < 0.04
            ):  # dies while the transaction is under way: nobody knows whether it holds
                threading.Timer(chance.uniform(0.0, 0.02), os._exit, [9]).start()
            try:
                granted = await ledger.reserve(ask)
            except Refused as refused:
                if refused.kind != "budget":
                    raise
                continue
            cost = chance.randrange(0, reserved + 1)
            self._pay("called", cost)  # Claude has answered; from here on the money is spent
            if chance.random() < 0.08:
                os._exit(9)
            await ledger.settle(granted, cost, 10)
            self._pay("settled", cost)

    def _pay(self, what: str, cost: int) -> None:
        with self.spent.open("a") as file:  # one short write in append mode: whole, whatever else writes
            file.write(f"{what} {cost}\n")
