"""AWS over the gateway's own connections says, gets and raises what botocore's clients do (L1.6, L2.5)."""

import asyncio
import hashlib
import json
import string
from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from hypothesis import given
from hypothesis import strategies as st

from kit.embedded import Emulator
from lambdas.common.audit import AuditBucketOnLoop, NotWritten, Occupied, Unsure
from lambdas.common.ledger.dynamo_store import DynamoStore
from lambdas.common.ledger.items import Add, Cancelled, Change, Create, Key, Span
from lambdas.common.ledger.reservation import LedgerUnavailable
from lambdas.gateway.aws_requests import Credentials, DynamoRequests, FirehoseRequests, S3Puts, Signer
from lambdas.gateway.providers.transport import HttpTransport
from tests.records.ledger_fixtures import make_tables
from tests.support.ports import free_port

KEYS = BotocoreCredentials("AKID", "secret", "token")
_VALUE = st.text(string.ascii_letters + string.digits + " /+=:;,.-_*", max_size=40).map(str.strip)
_NAME = st.text(string.ascii_lowercase + "-", min_size=1, max_size=12).map(lambda name: "x-amz-meta-" + name)


# -- signatures ----------------------------------------------------------------------------------------------


@given(
    service=st.sampled_from(["dynamodb", "s3"]),
    region=st.sampled_from(["eu-central-1", "us-east-1", "ap-south-1"]),
    secret=st.text(string.printable.strip(), min_size=1, max_size=40),
    token=st.none() | st.text(string.ascii_letters, min_size=1, max_size=60),
    headers=st.dictionaries(_NAME, _VALUE, max_size=5),
    segments=st.lists(st.text("abc=/-_.0189", min_size=1, max_size=10), max_size=4),
    body=st.binary(max_size=200),
    days=st.lists(st.integers(0, 2), min_size=1, max_size=3),
)
def test_a_signature_is_the_one_that_botocore_makes(
    service: str, region: str, secret: str, token: str | None, headers: dict[str, str], segments: list[str],
    body: bytes, days: list[int],
) -> None:  # fmt: skip
    """Also with a signer that has signed on other days before."""
    path = "/" + "/".join(segments).replace("=", "%3D").lstrip("/") if service == "s3" else "/"
    keys, signer = ReadOnlyCredentials("AKID", secret, token), Signer(service, region)
    digest = hashlib.sha256(body).hexdigest()
    own = [("host", "bucket.example.com"), *headers.items()]
    for day in days:
        now = datetime(2026, 11, 24, 23, 59, 58, tzinfo=UTC) + timedelta(days=day)
        request = AWSRequest("PUT", f"https://bucket.example.com{path}", headers=dict(headers), data=body)
        request.headers["X-Amz-Content-SHA256"] = digest
        signing = S3SigV4Auth if service == "s3" else SigV4Auth
        with patch("botocore.auth.get_current_datetime", lambda now=now: now.replace(tzinfo=None)):
            signing(keys, service, region).add_auth(request)
        given_by_us = dict(signer.headers(keys, now, "PUT", path, digest, own))
        assert given_by_us["authorization"] == request.headers["Authorization"]
        assert given_by_us["x-amz-date"] == request.headers["X-Amz-Date"]
        assert given_by_us.get("x-amz-security-token") == request.headers.get("X-Amz-Security-Token")


# -- an AWS that a test scripts ------------------------------------------------------------------------------


class Scripted:
    """Answers each request with the next of `answers`: status and body, None for a closed connection, or a
    number of seconds of silence.
    """

    def __init__(self, *answers: tuple[int, bytes] | float | None) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = dict(line.split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((head[0], headers, body))
                answer = self.answers.pop(0)
                if answer is None:
                    break
                if not isinstance(answer, tuple):
                    await asyncio.sleep(answer)
                    break
                status, content = answer
                writer.write(
                    b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(content), content)
                )
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def against(scripted: Scripted, work: Callable[[str, HttpTransport], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = HttpTransport(connect_seconds=1)
        try:
            return await work(f"http://127.0.0.1:{port}", transport)
        finally:
            transport.close()
            server.close()

    return asyncio.run(run())


async def at_once(_seconds: float) -> None:
    pass


def dynamo(url: str, transport: HttpTransport) -> DynamoRequests:
    return DynamoRequests(
        transport, Credentials(KEYS), endpoint_url=url, region="eu-central-1", sleep=at_once
    )


def bucket(url: str, transport: HttpTransport) -> AuditBucketOnLoop:
    puts = S3Puts(transport, Credentials(KEYS), endpoint_url=url, region="eu-central-1", path_style=True)
    return AuditBucketOnLoop(puts.put_object, bucket="audit", key_arn="arn:key")


def said(code: str, **more: Any) -> bytes:
    return json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "m", **more}).encode()


def xml(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>".encode()


THROTTLED = (400, said("ThrottlingException"))


@pytest.mark.parametrize("first", [(500, b"oops"), (503, said("X")), THROTTLED, None], ids=str)
def test_a_transaction_is_tried_again_under_the_same_token(first: tuple[int, bytes] | None) -> None:
    """Else one whose answer was lost would take effect twice."""
    # a connection that closes is replaced by the transport itself, at the cost of one more answer
    scripted = Scripted(first, (200, b"{}"))
    against(scripted, lambda url, transport: dynamo(url, transport).transact_write_items(TransactItems=[]))
    tokens = {json.loads(body)["ClientRequestToken"] for _, _, body in scripted.requests}
    assert (len(scripted.requests), len(tokens)) == (2, 1)


def test_two_transactions_have_two_tokens() -> None:
    scripted = Scripted((200, b"{}"), (200, b"{}"))

    async def work(url: str, transport: HttpTransport) -> None:
        requests = dynamo(url, transport)
        await requests.transact_write_items(TransactItems=[])
        await requests.transact_write_items(TransactItems=[])

    against(scripted, work)
    assert len({json.loads(body)["ClientRequestToken"] for _, _, body in scripted.requests}) == 2


def test_after_three_attempts_the_error_of_the_last_is_raised() -> None:
    scripted = Scripted((500, b""), (500, b""), THROTTLED, (200, b"{}"))
    with pytest.raises(ClientError) as raised:
        against(scripted, lambda url, transport: dynamo(url, transport).get_item(TableName="t", Key={}))
    assert raised.value.response["Error"]["Code"] == "ThrottlingException"
    assert len(scripted.requests) == 3


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_a_refusal_is_not_asked_again(code: str) -> None:
    scripted = Scripted((400, said(code)), (200, b"{}"))
    with pytest.raises(ClientError) as raised:
        against(scripted, lambda url, transport: dynamo(url, transport).get_item(TableName="t", Key={}))
    response = raised.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, 400)
    assert len(scripted.requests) == 1


def test_a_cancelled_transaction_says_which_condition_did_not_hold() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]
    scripted = Scripted((400, said("TransactionCanceledException", CancellationReasons=reasons)))

    async def work(url: str, transport: HttpTransport) -> None:
        store = DynamoStore(dynamo(url, transport), ledger_table="l", access_table="a", pool=None)
        await store.transact([Create(Key("ledger", "a", "b"), {}), Create(Key("ledger", "c", "d"), {})])

    with pytest.raises(Cancelled) as raised:
        against(scripted, work)
    assert raised.value.failed == (1,)


@pytest.mark.parametrize(
    ("answers", "raised"),
    [((None,) * 6, ConnectionClosedError), ((2.0,) * 3, ReadTimeoutError)],
    ids=["closed", "silent"],
)
def test_a_lost_connection_is_an_error_of_botocores(
    answers: tuple[float | None, ...], raised: type[BotoCoreError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.gateway.aws_requests._ANSWER_SECONDS", 0.05)
    with pytest.raises(raised):
        against(
            Scripted(*answers),
            lambda url, transport: dynamo(url, transport).get_item(TableName="t", Key={}),
        )


def test_nobody_there_makes_the_ledger_unavailable() -> None:
    async def work(_url: str, transport: HttpTransport) -> None:
        requests = dynamo(f"http://127.0.0.1:{free_port()}", transport)
        with pytest.raises(EndpointConnectionError):
            await requests.get_item(TableName="t", Key={})
        with pytest.raises(LedgerUnavailable):
            await DynamoStore(requests, ledger_table="l", access_table="a", pool=None).get(
                [Key("ledger", "a", "b")]
            )

    against(Scripted(), work)


# -- puts ----------------------------------------------------------------------------------------------------


def put(scripted: Scripted) -> None:
    against(
        scripted,
        lambda url, transport: bucket(url, transport).put(
            "records/dt=2026-11-24/x.jsonl", b"line\n", {"First": "0"}, "application/x-ndjson"
        ),
    )


def test_a_put_says_all_that_the_bucket_asks_for() -> None:
    scripted = Scripted((200, b""))
    put(scripted)
    ((line, headers, body),) = scripted.requests
    assert line == "PUT /audit/records/dt%3D2026-11-24/x.jsonl HTTP/1.1"
    assert body == b"line\n"
    digest = hashlib.sha256(body).digest()
    assert {
        "if-none-match": "*",
        "content-type": "application/x-ndjson",
        "x-amz-checksum-sha256": b64encode(digest).decode(),
        "x-amz-content-sha256": digest.hex(),
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "arn:key",
        "x-amz-meta-first": "0",
        "x-amz-security-token": "token",
    }.items() <= headers.items()


@pytest.mark.parametrize(
    ("answers", "raised"),
    [
        (((412, xml("PreconditionFailed")),), Occupied),
        (((403, xml("AccessDenied")),), NotWritten),
        (((400, b"no xml"),), NotWritten),
        (((500, xml("InternalError")),) * 3, Unsure),
        ((None,) * 3, Unsure),
    ],
    ids=["taken", "forbidden", "unreadable", "failing", "closed"],
)
def test_what_came_of_a_put_is_told_exactly(answers: Any, raised: type[NotWritten]) -> None:
    scripted = Scripted(*answers)
    with pytest.raises(NotWritten) as told:
        put(scripted)
    assert type(told.value) is raised
    assert len(scripted.requests) == len(answers)


def test_a_put_whose_connection_broke_is_sent_again_by_the_bucket_alone() -> None:
    """A second that nobody knows of would find the place taken by the first, and leave its chain."""
    scripted = Scripted((200, b""), None, (412, xml("PreconditionFailed")))

    async def work(url: str, transport: HttpTransport) -> None:
        store = bucket(url, transport)
        await store.put("first", b"x", {}, "text/plain")
        await store.put("second", b"x", {}, "text/plain")  # on the kept connection, which breaks

    against(scripted, work)
    assert [line.split()[1] for line, _, _ in scripted.requests] == [
        "/audit/first", "/audit/second", "/audit/second",
    ]  # fmt: skip


def test_on_aws_a_bucket_has_a_host_of_its_own() -> None:
    puts = S3Puts(
        HttpTransport(), Credentials(KEYS), endpoint_url="https://s3.eu-central-1.amazonaws.com",
        region="eu-central-1", path_style=False,
    )  # fmt: skip
    assert puts._object_url("acme", "a=b/c") == "https://acme.s3.eu-central-1.amazonaws.com/a%3Db/c"
    assert puts._object_url("a.b", "c") == "https://s3.eu-central-1.amazonaws.com/a.b/c"


# -- copies --------------------------------------------------------------------------------------------------


def test_copies_are_sent_by_the_loop_for_a_thread_that_waits() -> None:
    scripted = Scripted((200, b"{}"), (200, b'{"FailedPutCount": 1}'))

    async def work(url: str, transport: HttpTransport) -> dict[str, Any]:
        await dynamo(url, transport).get_item(TableName="t", Key={})  # now the transport has its loop
        firehose = FirehoseRequests(transport, Credentials(KEYS), endpoint_url=url, region="eu-central-1")
        records = [{"Data": b"one\n"}, {"Data": b"two\n"}]
        return await asyncio.to_thread(
            lambda: firehose.put_record_batch(DeliveryStreamName="s", Records=records)
        )

    assert against(scripted, work) == {"FailedPutCount": 1}
    _, headers, body = scripted.requests[1]
    assert headers["x-amz-target"] == "Firehose_20150804.PutRecordBatch"
    assert json.loads(body) == {
        "DeliveryStreamName": "s",
        "Records": [{"Data": b64encode(line).decode()} for line in (b"one\n", b"two\n")],
    }


def test_copies_for_which_no_loop_runs_are_lost_as_botocore_says_it() -> None:
    transport = HttpTransport()
    firehose = FirehoseRequests(transport, Credentials(KEYS), endpoint_url="http://x", region="x")
    with pytest.raises(ConnectionClosedError):
        firehose.put_record_batch(DeliveryStreamName="s", Records=[])

    async def begin(url: str, own: HttpTransport) -> HttpTransport:
        await dynamo(url, own).get_item(TableName="t", Key={})
        return own

    transport.loop = against(Scripted((200, b"{}")), begin).loop  # closed by now
    with pytest.raises(ConnectionClosedError):
        firehose.put_record_batch(DeliveryStreamName="s", Records=[])


# -- credentials ---------------------------------------------------------------------------------------------


def test_credentials_are_renewed_when_botocore_says_so() -> None:
    fresh = {
        "access_key": "NEW", "secret_key": "s", "token": "t",
        "expiry_time": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    source = RefreshableCredentials(
        "OLD", "s", "t", datetime.now(UTC) + timedelta(seconds=30), lambda: fresh, "test"
    )
    assert asyncio.run(Credentials(source).current()).access_key == "NEW"


def test_without_credentials_nothing_is_sent() -> None:
    async def work(url: str, transport: HttpTransport) -> None:
        requests = DynamoRequests(transport, Credentials(None), endpoint_url=url, region="x", sleep=at_once)
        await requests.get_item(TableName="t", Key={})

    scripted = Scripted((200, b"{}"))
    with pytest.raises(NoCredentialsError):
        against(scripted, work)
    assert scripted.requests == []


# -- the emulated AWS ----------------------------------------------------------------------------------------


@pytest.mark.emulator
def test_the_ledgers_store_works_the_same_on_the_loop(emulated_aws: Emulator) -> None:
    tables = make_tables(emulated_aws, "on-loop")
    keys = BotocoreCredentials(emulated_aws.access_key_id, emulated_aws.secret_access_key)

    async def work() -> None:
        transport = HttpTransport()
        requests = DynamoRequests(
            transport, Credentials(keys), endpoint_url=emulated_aws.endpoint_url, region=emulated_aws.region
        )
        store = DynamoStore(requests, ledger_table=tables[0], access_table=tables[1], pool=None)
        a, b = Key("ledger", "A", "1"), Key("ledger", "A", "2")
        await store.transact([Add(a, {"n": 3}, {"n": 5}), Create(b, {"text": "ä", "flag": True})])
        with pytest.raises(Cancelled) as raised:
            await store.transact([Change(b, {"x": 1}, {"flag": True}), Add(a, {"n": 3}, {"n": 5})])
        assert raised.value.failed == (1,)
        with pytest.raises(Cancelled) as raised:
            await store.apply(Add(a, {"n": 3}, {"n": 5}))
        assert raised.value.item == {"n": 3}
        await store.apply(Add(a, {"n": 0}, {}, {"w": "5"}, Span("w", "3", "4", inside=False)))
        with pytest.raises(Cancelled):
            await store.apply(Add(a, {"n": 0}, {}, {"w": "6"}, Span("w", "3", "4")))
        await store.apply(Add(a, {"n": -1}, {}, {}, Span("w", "5", "6")))
        await store.apply(Add(a, {"n": 1}, {"n": 3}))
        with pytest.raises(Cancelled):
            await store.apply(Create(b, {}))
        assert await store.get([a, b, Key("ledger", "A", "3")]) == [
            {"n": 3, "w": "5"}, {"text": "ä", "flag": True}, None,
        ]  # fmt: skip
        assert [sk for sk, _ in await store.under("ledger", "A")] == ["1", "2"]
        transport.close()

    asyncio.run(work())


@pytest.mark.emulator
def test_a_put_arrives_once(emulated_aws: Emulator) -> None:
    aws = {
        "endpoint_url": emulated_aws.endpoint_url,
        "region_name": emulated_aws.region,
        "aws_access_key_id": emulated_aws.access_key_id,
        "aws_secret_access_key": emulated_aws.secret_access_key,
    }
    s3: Any = boto3.client("s3", **aws)  # type: ignore[call-overload]
    name = "puts-on-the-loop"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": emulated_aws.region})
    arn = boto3.client("kms", **aws).create_key()["KeyMetadata"]["Arn"]  # type: ignore[call-overload]
    keys = BotocoreCredentials(emulated_aws.access_key_id, emulated_aws.secret_access_key)

    async def work() -> None:
        transport = HttpTransport()
        puts = S3Puts(
            transport, Credentials(keys), endpoint_url=emulated_aws.endpoint_url,
            region=emulated_aws.region, path_style=True,
        )  # fmt: skip
        store = AuditBucketOnLoop(puts.put_object, bucket=name, key_arn=arn)
        await store.put("a=b/1", b"x" * 300_000, {"first": "0"}, "text/plain")
        with pytest.raises(Occupied):
            await store.put("a=b/1", b"y", {}, "text/plain")
        transport.close()

    asyncio.run(work())
    kept = s3.get_object(Bucket=name, Key="a=b/1")
    assert kept["Body"].read() == b"x" * 300_000
    assert (kept["Metadata"], kept["ServerSideEncryption"]) == ({"first": "0"}, "aws:kms")
    assert kept["SSEKMSKeyId"].endswith(arn.rpartition("/")[2])
