"""A ledger on either store, a clock that can be turned, and calls to reserve for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from contract.kinds import BudgetModel
from kit.embedded import Emulator
from lambdas.common.identities import Principal
from lambdas.common.ids import new_id
from lambdas.common.ledger import Ask, Ledger
from lambdas.common.ledger.dynamo_store import DynamoStore
from lambdas.common.ledger.items import Key, Store
from lambdas.common.ledger.memory_store import MemoryStore
from lambdas.common.policy import Department, Organization

START = datetime(2026, 11, 24, 9, 30, 15, tzinfo=UTC)
MONTH = "2026-11"


@dataclass
class TurnableClock:
    """Shows `now` until it is turned."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: int) -> None:
        self.now += timedelta(**by)


def department(**changes: Any) -> Department:
    """Marketing, with room for everything that a test does not limit."""
    values: dict[str, Any] = {
        "id": "marketing",
        "cost_center": "CC-100",
        "data_classes": ("public", "internal"),
        "models": ("fast",),
        "monthly_budget_microusd": 10**12,
        "user_monthly_budget_microusd": 10**12,
        "requests_per_minute": 10**6,
        "tokens_per_minute": 10**9,
        "user_requests_per_minute": 10**6,
        "user_tokens_per_minute": 10**9,
        "findings": {},
        "redact_output": True,
        "registered_prompts_only": False,
        "human_review": (),
    }
    return Department(**{**values, **changes})


def organization(*, budget: int = 10**12, model: BudgetModel = "per-call", shards: int = 1) -> Organization:
    """An organisation with a monthly budget in micro-dollars."""
    return Organization(monthly_budget_microusd=budget, budget_model=model, budget_shards=shards)


def principal(name: str = "ada", *, of: str = "marketing") -> Principal:
    """A person with an access record under `USER#<name>`."""
    return Principal("person", name, of, f"USER#{name}", "https://login.example.com")


@dataclass
class Bench:
    """A ledger under test, with its store and clock."""

    store: Store
    clock: TurnableClock = field(default_factory=TurnableClock)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store, clock=self.clock)

    def ask(self, microusd: int = 1_000, tokens: int = 100, **changes: Any) -> Ask:
        """A call by ada of marketing that expires in 16 minutes."""
        values: dict[str, Any] = {
            "reservation_id": new_id("req_"),
            "principal": principal(),
            "department": department(),
            "organization": organization(),
            "model": "claude-haiku-5-5",
            "microusd": microusd,
            "tokens": tokens,
            "expires_at": self.clock.now + timedelta(minutes=16),
        }
        return Ask(**{**values, **changes})

    async def grant_access(self, name: str = "ada", *, active: bool = True, of: str = "marketing") -> None:
        """Write the live access record of a person."""
        await set_item(
            self.store, Key("access", f"USER#{name}", "ACCESS"), {"active": active, "department": of}
        )

    async def sweep(self) -> list[str]:
        """Charge all that expired; the ids."""
        swept = [one async for one in self.ledger.expired()]
        return [one.reservation.id for one in swept if await self.ledger.charge_expired(one)]

    async def committed(self, scope: str = "ORG", *, shards: int = 1) -> int:
        (balance,) = await self.ledger.balances([scope], MONTH, shards=shards)
        return balance.committed_microusd


async def set_item(store: Store, key: Key, values: dict[str, Any]) -> None:
    """Write an item as its owner would, past the ledger."""
    if isinstance(store, MemoryStore):
        store.items[key] = values
        return
    assert isinstance(store, DynamoStore)
    store._client.put_item(
        TableName=store._tables[key.table],
        Item={
            "pk": {"S": key.pk},
            "sk": {"S": key.sk},
            **{
                name: {"BOOL": value} if isinstance(value, bool) else {"S": value}
                for name, value in values.items()
            },
        },
    )


def root_client(aws: Emulator, service: str) -> Any:
    """A client with the emulator's root credentials."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=aws.endpoint_url,
        region_name=aws.region,
        aws_access_key_id=aws.access_key_id,
        aws_secret_access_key=aws.secret_access_key,
    )


def make_tables(aws: Emulator, prefix: str) -> tuple[str, str]:
    """A fresh ledger table and access table."""
    client = root_client(aws, "dynamodb")
    names = (f"{prefix}-ledger", f"{prefix}-access")
    for name in names:
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
    return names


def dynamo_store(aws: Emulator, tables: tuple[str, str]) -> DynamoStore:
    """A store on tables of the emulated AWS."""
    return DynamoStore(
        root_client(aws, "dynamodb"),
        ledger_table=tables[0],
        access_table=tables[1],
        pool=ThreadPoolExecutor(8),
    )
