"""Writes objects to the audit bucket: each key once, with a checksum (L1.7, L2.5)."""

import asyncio
import hashlib
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.clock import Clock, utc_now

# Seconds before the second and third attempt. With the client's timeouts a put is decided within 16
# seconds.
_WAITS = (0.05, 0.25)
LARGE_BYTES = 256 * 1024  # hashing more would block an event loop
_CONFLICT = 412
_TAKEN_BACK = frozenset({400, 401, 403, 404, 405, 411, 413})  # refused, and certainly not written


class NotWritten(Exception):
    """The object was certainly not written. `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unsure(NotWritten):
    """It is unknown whether the object was written, because the response did not arrive."""


class Occupied(NotWritten):
    """A different object already exists."""


class ObjectStore(Protocol):
    """A store in which each key is written once."""

    def put(self, key: str, data: bytes, metadata: Mapping[str, str], content_type: str) -> None:
        """Write an object. Blocks. Raises `NotWritten`, `Unsure`, `Occupied`."""
        ...


class LoopObjectStore(Protocol):
    """The same for event loops: nothing blocks, so no thread is needed."""

    async def put(self, key: str, data: bytes, metadata: Mapping[str, str], content_type: str) -> None:
        """Write an object. Raises `NotWritten`, `Unsure`, `Occupied`."""
        ...


@dataclass(frozen=True, slots=True)
class Lock:
    """An Object Lock for an object, in place of the bucket's default, which is short."""

    mode: str  # COMPLIANCE or GOVERNANCE
    days: int
    clock: Clock = utc_now

    def headers(self) -> dict[str, Any]:
        """Return the lock parameters, with a day of margin: the bucket enforces a minimum on arrival."""
        return {
            "ObjectLockMode": self.mode,
            "ObjectLockRetainUntilDate": self.clock() + timedelta(days=self.days + 1),
        }


class AuditBucket:
    """The bucket of record. `client` is a botocore S3 client without retries.

    Without `lock`, the bucket's default lock applies.
    """

    def __init__(
        self,
        client: Any,
        *,
        bucket: str,
        key_arn: str,
        lock: Lock | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._lock = lock
        self._bucket = bucket
        self._key_arn = key_arn
        self._sleep = sleep

    def put(self, key: str, data: bytes, metadata: Mapping[str, str], content_type: str) -> None:
        """Write an object that must not exist yet. Raises `NotWritten`, `Unsure`, `Occupied`."""
        asked = _request(self._bucket, self._key_arn, key, data, metadata, content_type)
        if self._lock is not None:
            asked |= self._lock.headers()
        outcome = _PutOutcome()
        for wait in (0.0, *_WAITS):
            if wait:
                self._sleep(wait)
            try:
                self._client.put_object(**asked)
                return
            except (ClientError, BotoCoreError) as error:
                if outcome.is_there(error):
                    return
                if outcome.definitely_not_written:
                    break
        raise outcome.failure()


class AuditBucketOnLoop:
    """The bucket of record for an event loop. `put_object` has the signature and errors of botocore's
    method, without retries.
    """

    def __init__(self, put_object: Callable[..., Awaitable[Any]], *, bucket: str, key_arn: str) -> None:
        self._put_object = put_object
        self._bucket = bucket
        self._key_arn = key_arn

    async def put(self, key: str, data: bytes, metadata: Mapping[str, str], content_type: str) -> None:
        """Write an object that must not exist yet. Raises `NotWritten`, `Unsure`, `Occupied`."""
        if len(data) > LARGE_BYTES:
            asked = await asyncio.to_thread(
                _request, self._bucket, self._key_arn, key, data, metadata, content_type
            )
        else:
            asked = _request(self._bucket, self._key_arn, key, data, metadata, content_type)
        outcome = _PutOutcome()
        for wait in (0.0, *_WAITS):
            if wait:
                await asyncio.sleep(wait)
            try:
                await self._put_object(**asked)
                return
            except (ClientError, BotoCoreError) as error:
                if outcome.is_there(error):
                    return
                if outcome.definitely_not_written:
                    break
        raise outcome.failure()


class _PutOutcome:
    """Responses to the attempts of one put, and what follows from them."""

    def __init__(self) -> None:
        self.definitely_not_written = False  # refused, and certainly not written
        self._perhaps = False  # an attempt may have arrived although its response did not
        self._reason = "none"

    def is_there(self, error: ClientError | BotoCoreError) -> bool:
        """Note an attempt's error. Return True if the object exists nevertheless. Raises `Occupied`."""
        if isinstance(error, BotoCoreError):
            self._reason = type(error).__name__
            self._perhaps = True
            return False
        self._reason = str(error.response["Error"]["Code"])
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == _CONFLICT:
            if self._perhaps:
                return True  # an earlier attempt arrived: nobody else writes these bytes here
            raise Occupied(self._reason) from None
        self.definitely_not_written = status in _TAKEN_BACK
        self._perhaps = self._perhaps or status >= 500
        return False

    def failure(self) -> NotWritten:
        """Return the exception to raise after the last attempt."""
        return Unsure(self._reason) if self._perhaps else NotWritten(self._reason)


def _request(
    bucket: str, key_arn: str, key: str, data: bytes, metadata: Mapping[str, str], content_type: str
) -> dict[str, Any]:
    return {
        "Bucket": bucket,
        "Key": key,
        "Body": data,
        "IfNoneMatch": "*",
        "ChecksumSHA256": b64encode(hashlib.sha256(data).digest()).decode(),
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": key_arn,
        "Metadata": dict(metadata),
        "ContentType": content_type,
    }
