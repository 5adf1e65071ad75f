"""How objects get into the audit bucket: once each, under its key, with a checksum (L1.7, L2.5)."""

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

# Seconds before the attempts after the first. With the client's time-outs a put is decided within 16 seconds.
_WAITS = (0.05, 0.25)
_CONFLICT = 412
_TAKEN_BACK = frozenset({400, 401, 403, 404, 405, 411, 413})  # said no, and means that nothing was written


class NotWritten(Exception):
    """The object was not written, for certain. `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unsure(NotWritten):
    """Nobody can say whether the object was written: the answer did not come."""


class Occupied(NotWritten):
    """Another object is there already."""


class ObjectStore(Protocol):
    """A place where each key is written once."""

    def put(self, key: str, data: bytes, metadata: Mapping[str, str], content_type: str) -> None:
        """Blocks. Raises `NotWritten`, `Unsure`, `Occupied`."""
        ...


class AuditBucket:
    """The bucket of record. `client` is a botocore S3 client that does not retry by itself."""

    def __init__(
        self, client: Any, *, bucket: str, key_arn: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._key_arn = key_arn
        self._sleep = sleep

    def put(self, key: str, data: bytes, metadata: Mapping[str, str], content_type: str) -> None:
        """Write an object that must not be there yet. Raises `NotWritten`, `Unsure`, `Occupied`."""
        perhaps = False
        reason = "none"
        for wait in (0.0, *_WAITS):
            if wait:
                self._sleep(wait)
            try:
                self._put(key, data, metadata, content_type)
                return
            except ClientError as error:
                reason = str(error.response["Error"]["Code"])
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status == _CONFLICT:
                    if perhaps:
                        return  # an attempt before had arrived: nobody else writes these bytes here
                    raise Occupied(reason) from None
                if status in _TAKEN_BACK:
                    break
                perhaps = perhaps or status >= 500
            except BotoCoreError as error:
                reason = type(error).__name__
                perhaps = True
        raise Unsure(reason) if perhaps else NotWritten(reason)

    def _put(self, key: str, data: bytes, metadata: Mapping[str, str], content_type: str) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=data,
            IfNoneMatch="*",
            ChecksumSHA256=b64encode(hashlib.sha256(data).digest()).decode(),
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self._key_arn,
            Metadata=dict(metadata),
            ContentType=content_type,
        )
