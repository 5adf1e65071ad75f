"""The published content, read again within 15 seconds of a change; meanwhile the last valid one is used."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.learning import Content, read_content

_FRESH_SECONDS = 15.0


class ContentUnavailable(Exception):
    """The content has never been read, and cannot be read now."""


class ContentSource:
    """Content in an object of the governance bucket. `client` is S3's; its calls block."""

    def __init__(self, client: Any, bucket: str, key: str, *, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._clock = clock
        self._content: Content | None = None
        self._etag = ""
        self._read_at = 0.0
        self._lock = threading.Lock()

    def current(self) -> Content:
        """Return the content. Raises `ContentUnavailable`."""
        with self._lock:
            if self._content is None or self._clock() - self._read_at > _FRESH_SECONDS:
                self._content = self._read()
                self._read_at = self._clock()
            return self._content

    def _read(self) -> Content:
        condition = {"IfNoneMatch": self._etag} if self._content is not None else {}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key, **condition)
            content = read_content(answer["Body"].read())
        except (BotoCoreError, ClientError, ValueError, KeyError) as error:
            if self._content is not None:
                return self._content
            raise ContentUnavailable(type(error).__name__) from None
        self._etag = answer["ETag"]
        return content
