"""The hourly function under its permissions from the plan: each statement is needed (L1.7, L5.1)."""

import contextlib
import gzip
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kit.embedded import Emulator
from kit.evaluation.graph import unwrapped
from kit.evaluation.stages import planned_account, stack_configuration
from kit.home import PROJECT_ROOT
from kit.local.resources import HANDLERS
from kit.local.resources.handler import Clients, Place, policy_for_emulator
from kit.measurement.parquet import ParquetRows
from lambdas.measurement.aggregates import Aggregate
from lambdas.measurement.athena import Athena
from lambdas.measurement.handler import run
from lambdas.measurement.progress import KEY
from lambdas.measurement.queries import aggregate_by_query
from lambdas.measurement.source import BucketSource
from tests.support.stages import plans_of
from tests.support.standing import Standing

from .rows import row

pytestmark = pytest.mark.emulator

_ROLE = "measurement-function-permissions"
_NOW = datetime(2026, 11, 11, 2, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def planned(emulated_aws: Emulator) -> Standing:
    """The analytics bucket of the plan with a day of rows, one of them delivered twice."""
    planned = Standing(emulated_aws, plans_of("small"))
    s3, bucket = planned.root("s3"), planned.exported("analytics_bucket_name")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": emulated_aws.region})
    rows = [row(number, principal=f"p{number}", cost_microusd=1_000) for number in range(8)]
    for day, some in (("2026-11-10", rows[:5]), ("2026-11-11", rows[4:])):
        body = gzip.compress("".join(json.dumps(one) + "\n" for one in some).encode())
        s3.put_object(Bucket=bucket, Key=f"records/dt={day}/part.gz", Body=body)
    return planned


def _run(planned: Standing, statements: list[dict[str, Any]]) -> tuple[dict[str, int], list[str]]:
    lines: list[str] = []
    counted = run(
        planned.acting(statements).client("s3"),
        planned.exported("analytics_bucket_name"),
        "acme-test",
        "test",
        clock=lambda: _NOW,
        write=lines.append,
    )
    return counted, lines


def test_it_aggregates_yesterday_under_its_own_permissions_as_often_as_it_runs(planned: Standing) -> None:
    first, lines = _run(planned, planned.statements(_ROLE))
    source = BucketSource(planned.root("s3"), planned.exported("analytics_bucket_name"))
    before = source.aggregate("2026-11-10")
    assert first == {"2026-11-10": 8, "2026-11-11": 0}
    assert before is not None
    assert Aggregate.from_json(before).total().counts["cost_microusd"] == 8_000
    assert all("principal" not in line for line in lines)
    disclosed = [json.loads(line) for line in lines]
    assert [(one.get("department"), one["Calls"]) for one in disclosed] == [("marketing", 8), (None, 8)]
    noon = datetime(2026, 11, 10, 12, tzinfo=UTC)  # of the day that is over, not of the one that runs
    assert {one["_aws"]["Timestamp"] for one in disclosed} == {int(noon.timestamp() * 1000)}
    _run(planned, planned.statements(_ROLE))
    assert source.aggregate("2026-11-10") == before


@pytest.mark.parametrize("sid", ["ListRows", "ReadRows", "KeepAggregates"])
def test_it_does_nothing_without_any_one_of_its_statements(planned: Standing, sid: str) -> None:
    statements = planned.statements(_ROLE)
    less = [one for one in statements if one["Sid"] != sid]
    assert len(less) == len(statements) - 1
    planned.root("s3").delete_object(Bucket=planned.exported("analytics_bucket_name"), Key=KEY)
    with pytest.raises(ClientError, match=r"AccessDenied|Forbidden|403"):
        _run(planned, less)


def test_it_can_neither_change_rows_nor_read_anything_else(planned: Standing) -> None:
    s3 = planned.acting(planned.statements(_ROLE)).client("s3")
    bucket = planned.exported("analytics_bucket_name")
    with pytest.raises(ClientError):
        s3.put_object(Bucket=bucket, Key="records/dt=2026-11-10/forged.gz", Body=b"")
    with pytest.raises(ClientError):
        s3.delete_object(Bucket=bucket, Key="records/dt=2026-11-10/part.gz")
    with pytest.raises(ClientError):
        s3.get_object(Bucket=planned.exported("audit_bucket_name"), Key="records/any")


@pytest.fixture(scope="module")
def queried(emulated_aws: Emulator) -> Standing:
    """The stream, table and workgroup of size large, with a day of rows that the stream made Parquet of."""
    queried = Standing(emulated_aws, plans_of("large"))
    s3, bucket = queried.root("s3"), queried.exported("analytics_bucket_name")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": emulated_aws.region})
    clients = Clients(emulated_aws.endpoint_url, emulated_aws.access_key_id, emulated_aws.secret_access_key)
    account = planned_account(stack_configuration("integration"))
    stream = ("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", "analytics-records")
    for kind, name in (
        ("aws:glue/catalogDatabase:CatalogDatabase", "analytics-database"),
        ("aws:glue/catalogTable:CatalogTable", "analytics-table"),
        ("aws:athena/workgroup:Workgroup", "analytics-workgroup"),
        stream,
    ):
        one = queried.resource(kind, name)
        place = Place(clients, emulated_aws.region, account, one.urn, PROJECT_ROOT)
        HANDLERS[kind].ensure(place, unwrapped(one.inputs), None)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    rows = [row(number, principal=f"p{number % 3}", at=now, cost_microusd=1_000) for number in range(8)]
    queried.root("firehose").put_record_batch(
        DeliveryStreamName=queried.resource(*stream).inputs["name"],
        Records=[{"Data": json.dumps(one).encode()} for one in [*rows, rows[0]]],
    )
    for _ in range(100):
        if s3.list_objects_v2(Bucket=bucket, Prefix="records-parquet/dt=").get("KeyCount") == 9:
            break
        time.sleep(0.05)
    return queried


def _run_by_query(queried: Standing, statements: list[dict[str, Any]]) -> Aggregate:
    acting, bucket = queried.acting(statements), queried.exported("analytics_bucket_name")
    environment = queried.resource("aws:lambda/function:Function", "measurement-function-function").inputs[
        "environment"
    ]
    variables = environment["variables"]
    ask = Athena(
        acting.client("athena"),
        variables["ATHENA_WORKGROUP"],
        variables["ATHENA_DATABASE"],
        sleep=lambda _: time.sleep(0.05),
    )
    run(acting.client("s3"), bucket, "acme-test", "test", ask=ask.rows, write=lambda _: None)
    found = BucketSource(queried.root("s3"), bucket).aggregate(datetime.now(UTC).date().isoformat())
    assert found is not None
    return Aggregate.from_json(found)


def test_at_large_the_stream_makes_parquet_and_athena_counts_it_under_the_functions_permissions(
    queried: Standing,
) -> None:
    """(L5.1) Each row once although one came twice."""
    planned, here = planned_account(stack_configuration("integration")).id, queried.root("sts")
    account = here.get_caller_identity()["Account"]
    policy = policy_for_emulator({"Statement": queried.statements(_ROLE)})
    statements = json.loads(policy.replace(f":{planned}:", f":{account}:"))["Statement"]
    total = _run_by_query(queried, statements).total()
    assert (total.counts["calls"], total.counts["cost_microusd"], len(total.people)) == (8, 8_000, 3)
    with pytest.raises(ClientError, match=r"AccessDenied|403"):
        _run_by_query(queried, [one for one in statements if one.get("Sid") != "Ask"])


def test_the_kit_reads_the_same_parquet_by_itself(queried: Standing) -> None:
    rows = ParquetRows(None, queried.root("s3"), queried.exported("analytics_bucket_name"))
    (day,) = rows.days()
    assert len(list(rows.lines(day))) == 9
    aggregate, _ = aggregate_by_query(rows.of(day), day, "acme-test")
    assert aggregate.total().counts["calls"] == 8
