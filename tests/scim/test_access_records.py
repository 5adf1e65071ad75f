"""The live access records, against an emulated AWS (G.4, L1.3, L4.1)."""

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.embedded import Emulator
from lambdas.common.access import (
    AccessConflict,
    AccessRecord,
    AccessRecords,
    name_key,
    person_record,
    user_key,
    virtual_key_key,
)
from lambdas.common.identities import Principal
from lambdas.common.ledger import Refused
from lambdas.common.ledger.dynamo_store import DynamoStore
from tests.records.ledger_fixtures import Bench, department

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def client(emulated_aws: Emulator):
    return boto3.client(
        "dynamodb",
        endpoint_url=emulated_aws.endpoint_url,
        region_name=emulated_aws.region,
        aws_access_key_id=emulated_aws.access_key_id,
        aws_secret_access_key=emulated_aws.secret_access_key,
    )


@pytest.fixture
def table(client) -> str:
    name = f"access-{uuid.uuid4().hex[:12]}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    return name


@pytest.fixture
def records(client, table: str) -> AccessRecords:
    return AccessRecords(client, table)


def key_record(**changes) -> AccessRecord:
    record = AccessRecord(
        key=virtual_key_key("ab" * 32),
        subject="app-1",
        active=True,
        department="marketing",
        models=("fast",),
        data_classes=("public",),
        expires_at=NOW + timedelta(days=30),
        networks=("10.0.0.0/8",),
        owner="person-1",
        label="newsletter",
        created_at=NOW,
    )
    return replace(record, **changes)


def test_a_record_comes_back_as_it_was_written(records):
    key, person = key_record(), person_record("p1", provisioned=True, department="finance", roles=["lead"])
    records.create(key)
    records.create(person)
    assert records.get(key.key) == key
    assert records.get(person.key) == person
    assert records.get("USER#nobody") is None


def test_what_is_created_twice_is_refused_and_left_as_it_was(records):
    records.create(key_record())
    with pytest.raises(AccessConflict):
        records.create(key_record(department="finance"))
    found = records.get(key_record().key)
    assert found is not None
    assert found.department == "marketing"


def test_of_two_changes_of_the_same_version_one_is_refused(records):
    records.create(key_record())
    changed = records.change(key_record(), department="finance")
    assert changed.version == 2
    with pytest.raises(AccessConflict):
        records.change(key_record(), department="legal")
    assert records.get(changed.key) == changed


def test_a_revoked_record_is_refused_by_the_ledger_at_the_next_call(client, table, records):
    """(L1.6, G.4)"""
    person = person_record("p1", provisioned=True, department="finance")
    records.create(person)
    bench = Bench(DynamoStore(client, ledger_table=table, access_table=table, pool=ThreadPoolExecutor(4)))
    caller = Principal("person", "p1", "finance", person.key, "https://login.example.com")

    def call():
        return bench.ledger.reserve(bench.ask(principal=caller, department=department(id="finance")))

    asyncio.run(call())
    assert records.revoke(person.key)
    assert records.revoke(person.key)
    with pytest.raises(Refused) as refused:
        asyncio.run(call())
    assert refused.value.kind == "access"
    assert not records.revoke("USER#nobody")


def test_keys_are_found_by_their_owner(records):
    other = key_record(key=virtual_key_key("cd" * 32), owner="person-10")
    records.create(key_record())
    records.create(other)
    assert [one.key for one in records.virtual_keys("person-1")] == [key_record().key]
    assert {one.key for one in records.virtual_keys()} == {key_record().key, other.key}


def test_a_person_is_found_by_user_name_in_any_case_and_by_external_id(client, records):
    person = person_record("p1", provisioned=True, department="finance")
    naming = [
        records.naming("user-name", "Ada@Example.com", "p1"),
        records.naming("external-id", "00u1", "p1"),
    ]
    client.transact_write_items(TransactItems=[records.creation(person), *naming])
    assert records.find_person("ada@example.COM") == person
    assert records.find_person("00u1", "external-id") == person
    assert records.find_person("00U1", "external-id") is None
    assert records.find_person("grace@example.com") is None


@pytest.mark.parametrize(
    ("values", "active"),
    [
        ({"provisioned": True, "department": "finance"}, True),
        ({"provisioned": False, "department": "finance"}, False),
        ({"provisioned": True, "department": ""}, False),
        ({"provisioned": True, "department": "finance", "onboarding": "pending"}, False),
        ({"provisioned": True, "department": "finance", "onboarding": "done"}, True),
    ],
)
def test_a_person_is_let_in_only_when_provisioned_placed_and_onboarded(values, active):
    assert person_record("p1", **values).active is active


@given(st.text(min_size=1), st.text(min_size=1))
@example("K", "\u212a")  # the Kelvin sign
@example("s", "\u017f")  # the long s
@example("ss", "\xdf")
@example("fi", "\ufb01")
def test_a_name_in_ascii_is_shared_by_nobody_who_writes_it_otherwise(one: str, other: str) -> None:
    same = name_key("user-name", one) == name_key("user-name", other)
    if one.isascii():
        assert same == (other.isascii() and one.lower() == other.lower())


def test_case_of_letters_outside_ascii_is_not_regarded_either() -> None:
    assert name_key("user-name", "\xc9VA@Example.com") == name_key("user-name", "\xe9va@example.com")


def test_onboarding_opens_what_it_kept_closed_and_nothing_else(records):
    records.create(person_record("p1", provisioned=True, department="finance", onboarding="pending"))
    records.create(person_record("p2", provisioned=False, department="finance", onboarding="pending"))
    assert records.complete_onboarding("p1").active
    assert records.complete_onboarding("p1").active
    assert not records.complete_onboarding("p2").active
    assert records.get(user_key("p1")).onboarding == "done"
    assert records.complete_onboarding("nobody") is None


def test_a_key_that_has_expired_lets_nobody_in():
    assert key_record().active_at(NOW)
    assert not key_record().active_at(NOW + timedelta(days=30))
    assert not key_record(active=False).active_at(NOW)
