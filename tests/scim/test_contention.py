"""SCIM, the ledger and the switch over a DynamoDB that conflicts, fails and loses answers (Z.3, G.4)."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import botocore.config
import pytest

from kit.embedded import Emulator
from lambdas.common.ids import new_id
from lambdas.common.ledger import LedgerUnavailable, Refused, Switch, Switches
from lambdas.common.ledger.dynamo_store import DynamoStore
from tests.records.ledger_fixtures import Bench, department, make_tables, organization, principal
from tests.scim.harness import GROUP_SCHEMA, USER_SCHEMA, Scim, Tenant
from tests.support.conflicting_dynamodb import Hazards
from tests.support.conflicting_proxy import conflicting, hazards

pytestmark = pytest.mark.emulator


@pytest.fixture
def trouble(emulated_aws: Emulator) -> Iterator[tuple[Emulator, Hazards]]:
    """The emulator behind the proxy, and what the proxy did."""
    what = hazards()
    with conflicting(emulated_aws.endpoint_url, what) as url:
        yield replace(emulated_aws, endpoint_url=url), what


def until_taken(call: Callable[[], Any]) -> Any:
    """As an identity provider does: whatever is a 5xx or a 429 is sent again."""
    answer = call()
    for _ in range(12):
        if answer.status_code < 500 and answer.status_code != 429:
            return answer
        time.sleep(0.05)
        answer = call()
    raise AssertionError(f"still {answer.status_code} after 12 tries")


def test_what_an_identity_provider_sends_is_so_in_the_end(
    emulated_aws: Emulator, trouble: tuple[Emulator, Hazards]
) -> None:
    behind, what = trouble
    tenant = Tenant.make(emulated_aws)
    tenant.emulator, tenant.settings = behind, replace(tenant.settings, endpoint_url=behind.endpoint_url)
    scim = Scim(tenant)
    try:
        group_body = {"schemas": [GROUP_SCHEMA], "displayName": "Claude Marketing"}
        group = until_taken(lambda: scim.request("POST", "/Groups", group_body)).json()["id"]

        def person(number: int) -> str:
            name = f"p{number}@example.com"
            body = {"schemas": [USER_SCHEMA], "userName": name, "externalId": name, "active": True}
            made = until_taken(lambda: scim.request("POST", "/Users", body))
            if made.status_code == 409:  # an earlier try had taken effect, though its answer was lost
                found = until_taken(
                    lambda: scim.http.get("/Users", params={"filter": f'userName eq "{name}"'})
                )
                made_id = found.json()["Resources"][0]["id"]
            else:
                made_id = made.json()["id"]
            joined = {"op": "add", "path": "members", "value": [{"value": made_id}]}
            assert until_taken(lambda: scim.patch(f"/Groups/{group}", joined)).status_code in (200, 204)
            return made_id

        with ThreadPoolExecutor(6) as pool:  # all of them join one group
            people = list(pool.map(person, range(24)))
        members = until_taken(lambda: scim.request("GET", f"/Groups/{group}")).json()["members"]
        assert {one["value"] for one in members} == set(people)
        for made_id in people:
            record = scim.access(made_id)
            assert record is not None
            assert (record.active, record.department) == (True, "marketing")
        off = {"op": "replace", "path": "active", "value": False}
        assert until_taken(lambda: scim.patch(f"/Users/{people[0]}", off)).status_code in (200, 204)
        assert not scim.access(people[0]).active
    finally:
        scim.stop()
    assert what.seen["conflict"] + what.seen["lost"] + what.seen["failed after"] > 3


def test_the_ledger_and_the_switch_hold_on_the_wire(
    emulated_aws: Emulator, trouble: tuple[Emulator, Hazards]
) -> None:
    behind, what = trouble
    tables = make_tables(emulated_aws, new_id("trouble-"))
    client = boto3.client(
        "dynamodb", endpoint_url=behind.endpoint_url, region_name=behind.region,
        aws_access_key_id=behind.access_key_id, aws_secret_access_key=behind.secret_access_key,
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    store = DynamoStore(client, ledger_table=tables[0], access_table=tables[1], pool=ThreadPoolExecutor(16))
    bench = Bench(store)
    quiet = Bench(
        DynamoStore(
            boto3.client(
                "dynamodb", endpoint_url=emulated_aws.endpoint_url, region_name=behind.region,
                aws_access_key_id=behind.access_key_id, aws_secret_access_key=behind.secret_access_key,
            ),
            ledger_table=tables[0], access_table=tables[1], pool=ThreadPoolExecutor(4),
        )
    )  # fmt: skip
    switches = Switches(client, ledger_table=tables[0], sleep=lambda _: time.sleep(0.01))
    budget = 40_000

    async def calls() -> int:
        for number in range(4):
            await quiet.grant_access(f"user{number}")
        spent = 0

        async def call(number: int) -> None:
            nonlocal spent
            ask = bench.ask(
                2_000,
                principal=principal(f"user{number % 4}"),
                organization=organization(budget=budget),
                department=department(),
            )
            try:
                granted = await bench.ledger.reserve(ask)
            except (Refused, LedgerUnavailable):
                return
            spent += 1_500
            for _ in range(5):
                try:
                    await bench.ledger.settle(granted, 1_500, 10)
                    return
                except LedgerUnavailable:
                    continue

        for start in range(0, 60, 12):
            await asyncio.gather(*(call(number) for number in range(start, start + 12)))
        return spent

    spent = asyncio.run(calls())
    committed = asyncio.run(quiet.committed())
    assert 0 < spent <= committed <= budget
    asyncio.run(quiet.grant_access())
    for number in range(20):
        assert switches.turn(Switch("organization"), off=True) is True
        with pytest.raises(Refused) as refused:
            asyncio.run(quiet.ledger.reserve(quiet.ask(reservation_id=f"probe{number}")))
        assert refused.value.kind == "switch"
        assert switches.turn(Switch("organization"), off=False) is False
    assert what.seen["lost"] + what.seen["failed after"] + what.seen["failed before"] > 3
