"""AWS requests without botocore's clients, for what every call needs: ledger items, audit records and their
copies (L1.6, L2.5).

They use the gateway's own connections on the event loop, so no thread is needed, and cost a tenth of a
botocore call. Parameters, results and exceptions are those of botocore's clients, and its standard mode
defines what is retried. Everything else still uses botocore.
"""

import asyncio
import hashlib
import hmac
import json
import random
import re
import uuid
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from lambdas.common.clock import Clock, utc_now
from lambdas.gateway.errors import Header
from lambdas.gateway.providers.credentials import read_whole
from lambdas.gateway.providers.transport import (
    ConnectFailed,
    DeadlineExceeded,
    HttpTransport,
    TransportError,
    endpoint_of,
    host_header,
)

_ANSWER_LIMIT = 16 << 20
_AT_ONCE = 64  # concurrent requests to one service; sockets of a function are limited
_ATTEMPTS = 3
_ANSWER_SECONDS = 5.0
_PUT_SECONDS = 4.0
_COPIES_SECONDS = 30.0
_LONGEST_WAIT_SECONDS = 20.0
_TRANSIENT = frozenset({500, 502, 503, 504})
_AGAIN = frozenset(
    {
        "BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled",
        "RequestThrottledException", "RequestTimeout", "RequestTimeoutException", "SlowDown",
        "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
        "TransactionInProgressException",
    }
)  # fmt: skip
_encode = json.JSONEncoder(separators=(",", ":")).encode
_XML = {part: re.compile(rb"<%b>([^<]*)</%b>" % (part, part)) for part in (b"Code", b"Message")}


class Credentials:
    """Current credentials from botocore's own, which refreshes them; that blocks, so it runs in a thread."""

    def __init__(self, source: Any) -> None:
        self._source = source

    async def current(self) -> ReadOnlyCredentials:
        """Return current credentials. Raises `NoCredentialsError`, and whatever a refresh raises."""
        if self._source is None:
            raise NoCredentialsError
        if isinstance(self._source, RefreshableCredentials) and self._source.refresh_needed():
            return await asyncio.to_thread(self._source.get_frozen_credentials)
        return self._source.get_frozen_credentials()


class Signer:
    """Signature Version 4 for one service in one region. The key of a day is derived once."""

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region
        self._derived: tuple[str, str, bytes] = ("", "", b"")
        self._at: tuple[int, str] = (0, "")

    def headers(
        self,
        keys: ReadOnlyCredentials,
        now: datetime,
        method: str,
        path: str,
        payload_sha256: str,
        headers: Sequence[tuple[str, str]],
    ) -> list[tuple[str, str]]:
        """Return the headers of a signed request in addition to `headers`, whose names are lower-case and
        include `host`.

        `path` is percent-encoded as sent, and has no query.
        """
        at = self._time(now)
        more = [("x-amz-content-sha256", payload_sha256), ("x-amz-date", at)]
        if keys.token:
            more.append(("x-amz-security-token", keys.token))
        signed = sorted([*headers, *more])
        names = ";".join([name for name, _ in signed])
        lines = "".join([f"{name}:{_trimmed(value)}\n" for name, value in signed])
        canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{payload_sha256}"
        scope = f"{at[:8]}/{self._region}/{self._service}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}"
        signature = hmac.digest(self._key(keys.secret_key, at[:8]), to_sign.encode(), "sha256").hex()
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, SignedHeaders={names}, "
            f"Signature={signature}"
        )
        return [*more, ("authorization", authorization)]

    def _time(self, now: datetime) -> str:
        second = int(now.timestamp())
        if self._at[0] != second:
            self._at = (second, now.strftime("%Y%m%dT%H%M%SZ"))
        return self._at[1]

    def _key(self, secret: str, day: str) -> bytes:
        if self._derived[:2] != (secret, day):
            key = ("AWS4" + secret).encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._derived = (secret, day, key)
        return self._derived[2]


def _trimmed(value: str) -> str:
    return " ".join(value.split()) if " " in value or "\t" in value else value


@dataclass(slots=True)
class _Answer:
    status: int
    body: bytes


class _Service:
    """Signed requests to one service."""

    def __init__(
        self, transport: HttpTransport, credentials: Credentials, signer: Signer, clock: Clock
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._signer = signer
        self._clock = clock
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def ask(
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        body: bytes,
        payload_sha256: str,
        *,
        seconds: float,
        resend: bool,
    ) -> _Answer:
        """Return the response, whatever its status. Raises botocore's connection errors. `url` has no
        query.
        """
        endpoint, target = endpoint_of(url)
        given = [("host", host_header(endpoint).decode()), *headers]
        async with self._places:
            keys = await self._credentials.current()
            signed = self._signer.headers(keys, self._clock(), method, target.decode(), payload_sha256, given)
            sent = [(name.encode(), value.encode()) for name, value in (*headers, *signed)]
            return await self._exchange(method, url, sent, body, seconds, resend)

    async def _exchange(
        self, method: str, url: str, headers: list[Header], body: bytes, seconds: float, resend: bool
    ) -> _Answer:
        try:
            response = await self._transport.send(
                method, url, headers, body, first_byte_seconds=seconds, resend=resend
            )
            try:
                return _Answer(response.status, await read_whole(response, seconds, limit=_ANSWER_LIMIT))
            except BaseException:
                response.abort()  # otherwise the connection would stay open for a response nobody reads
                raise
        except ConnectFailed:
            raise EndpointConnectionError(endpoint_url=url) from None
        except DeadlineExceeded:
            raise ReadTimeoutError(endpoint_url=url) from None
        except TransportError:
            raise ConnectionClosedError(endpoint_url=url) from None


class _JsonService:
    """Operations of a service with a JSON protocol, retried by the rules of botocore's standard mode."""

    def __init__(
        self,
        service: _Service,
        *,
        endpoint_url: str,
        target: str,
        json_version: str,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._service = service
        self._url = endpoint_url.rstrip("/") + "/"
        self._target = target
        self._content_type = f"application/x-amz-json-{json_version}"
        self._sleep = sleep

    async def call(self, operation: str, request: dict[str, Any], *, once: bool = False) -> dict[str, Any]:
        """Return the result. Raises `ClientError`, `BotoCoreError`.

        `once`: never retried, because a second attempt would have a second effect.
        """
        body = _encode(request).encode()
        digest = hashlib.sha256(body).hexdigest()
        headers = [("content-type", self._content_type), ("x-amz-target", f"{self._target}.{operation}")]
        attempt = 1
        while True:
            try:
                answer = await self._service.ask(
                    "POST", self._url, headers, body, digest, seconds=_ANSWER_SECONDS, resend=not once
                )
                if answer.status == 200:
                    return json.loads(answer.body)
                error: ClientError | BotoCoreError = _json_error(answer, operation)
            except (EndpointConnectionError, ReadTimeoutError, ConnectionClosedError) as lost:
                error = lost
            if once or attempt >= _ATTEMPTS or not _may_pass(error):
                raise error
            # jitter, not a secret
            await self._sleep(random.random() * min(2 ** (attempt - 1), _LONGEST_WAIT_SECONDS))  # noqa: S311
            attempt += 1


class DynamoRequests:
    """The part of botocore's DynamoDB client that the ledger's store uses, on the event loop."""

    def __init__(
        self,
        transport: HttpTransport,
        credentials: Credentials,
        *,
        endpoint_url: str,
        region: str,
        clock: Clock = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._json = _JsonService(
            _Service(transport, credentials, Signer("dynamodb", region), clock),
            endpoint_url=endpoint_url,
            target="DynamoDB_20120810",
            json_version="1.0",
            sleep=sleep,
        )

    async def transact_write_items(self, **request: Any) -> dict[str, Any]:
        # one token for all attempts: a transaction whose response was lost takes effect once
        token = {"ClientRequestToken": str(uuid.uuid4())}
        return await self._json.call("TransactWriteItems", {**token, **request})

    async def update_item(self, **request: Any) -> dict[str, Any]:
        return await self._json.call("UpdateItem", request, once=True)

    async def put_item(self, **request: Any) -> dict[str, Any]:
        return await self._json.call("PutItem", request, once=True)

    async def delete_item(self, **request: Any) -> dict[str, Any]:
        return await self._json.call("DeleteItem", request, once=True)

    async def get_item(self, **request: Any) -> dict[str, Any]:
        return await self._json.call("GetItem", request)

    async def batch_get_item(self, **request: Any) -> dict[str, Any]:
        return await self._json.call("BatchGetItem", request)

    async def query(self, **request: Any) -> dict[str, Any]:
        return await self._json.call("Query", request)


class FirehoseRequests:
    """The part of botocore's Firehose client that copies of records use.

    For a thread beside the event loop of `transport`, which does the work. Blocks.
    """

    def __init__(
        self,
        transport: HttpTransport,
        credentials: Credentials,
        *,
        endpoint_url: str,
        region: str,
        clock: Clock = utc_now,
    ) -> None:
        self._json = _JsonService(
            _Service(transport, credentials, Signer("firehose", region), clock),
            endpoint_url=endpoint_url,
            target="Firehose_20150804",
            json_version="1.1",
            sleep=asyncio.sleep,
        )
        self._url = endpoint_url
        self._transport = transport

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803
        """Send records. Raises `ClientError`, `BotoCoreError`, also before the loop of `transport` runs and
        after.
        """
        loop = self._transport.loop
        if loop is None or loop.is_closed():
            raise ConnectionClosedError(endpoint_url=self._url)
        records = [{"Data": b64encode(one["Data"]).decode()} for one in Records]
        asked = self._json.call(
            "PutRecordBatch", {"DeliveryStreamName": DeliveryStreamName, "Records": records}
        )
        try:
            return asyncio.run_coroutine_threadsafe(asked, loop).result(_COPIES_SECONDS)
        except TimeoutError:
            raise ReadTimeoutError(endpoint_url=self._url) from None


class S3Puts:
    """The part of botocore's S3 client that the audit bucket uses, on the event loop. Never retries."""

    def __init__(
        self,
        transport: HttpTransport,
        credentials: Credentials,
        *,
        endpoint_url: str,
        region: str,
        path_style: bool,
        clock: Clock = utc_now,
    ) -> None:
        self._service = _Service(transport, credentials, Signer("s3", region), clock)
        self._endpoint_url = endpoint_url.rstrip("/")
        self._path_style = path_style

    async def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803 - the names are botocore's
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        IfNoneMatch: str,  # noqa: N803
        ChecksumSHA256: str,  # noqa: N803
        ServerSideEncryption: str,  # noqa: N803
        SSEKMSKeyId: str,  # noqa: N803
        Metadata: dict[str, str],  # noqa: N803
        ContentType: str,  # noqa: N803
    ) -> None:
        """Put an object. Raises `ClientError`, `BotoCoreError`. The checksum that S3 verifies also signs
        the bytes.
        """
        headers = [
            ("content-type", ContentType),
            ("if-none-match", IfNoneMatch),
            ("x-amz-checksum-sha256", ChecksumSHA256),
            ("x-amz-server-side-encryption", ServerSideEncryption),
            ("x-amz-server-side-encryption-aws-kms-key-id", SSEKMSKeyId),
            *((f"x-amz-meta-{name.lower()}", value) for name, value in Metadata.items()),
        ]
        # not retried by the transport: the second attempt would find the first, without knowing whose it is
        answer = await self._service.ask(
            "PUT",
            self._object_url(Bucket, Key),
            headers,
            Body,
            b64decode(ChecksumSHA256).hex(),
            seconds=_PUT_SECONDS,
            resend=False,
        )
        if answer.status >= 300:
            raise _xml_error(answer, "PutObject")

    def _object_url(self, bucket: str, key: str) -> str:
        path = quote(key, safe="/~")
        if self._path_style or "." in bucket:
            return f"{self._endpoint_url}/{bucket}/{path}"
        scheme, _, host = self._endpoint_url.partition("://")
        return f"{scheme}://{bucket}.{host}/{path}"


def _may_pass(error: ClientError | BotoCoreError) -> bool:
    """Return whether a retry may succeed, by the rules of botocore's standard mode."""
    if isinstance(error, BotoCoreError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status in _TRANSIENT or error.response["Error"]["Code"] in _AGAIN


def _json_error(answer: _Answer, operation: str) -> ClientError:
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = None
    fields: dict[str, Any] = said if isinstance(said, dict) else {}
    code = str(fields.get("__type", answer.status)).rpartition("#")[2]
    response: Any = _error_response(code, fields.get("message") or fields.get("Message") or "", answer)
    for more in ("CancellationReasons", "Item"):
        if more in fields:
            response[more] = fields[more]
    return ClientError(response, operation)


def _xml_error(answer: _Answer, operation: str) -> ClientError:
    found = {part: pattern.search(answer.body) for part, pattern in _XML.items()}
    code, message = (match.group(1).decode(errors="replace") if match else "" for match in found.values())
    response: Any = _error_response(code or str(answer.status), message, answer)
    return ClientError(response, operation)


def _error_response(code: str, message: str, answer: _Answer) -> dict[str, Any]:
    return {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": answer.status},
    }
