"""Documents that a running process polls: gateway policy, prompt index, dictionaries."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

POLL_SECONDS = 10.0
_LAST_GOOD_SECONDS = 300.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Document:
    """A version of a stored document, identified by `etag`."""

    etag: str
    body: bytes


class DocumentSource(Protocol):
    """Where a document is stored. `fetch` returns None if the version `etag` is still current."""

    async def fetch(self, etag: str | None) -> Document | None: ...


class FileDocument:
    """A document in a file: for a gateway without AWS, and for tests."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def fetch(self, etag: str | None) -> Document | None:
        """Return the file if its modification time or size differs from `etag`. Raises `OSError`."""
        status = self._path.stat()
        current = f"{status.st_mtime_ns}-{status.st_size}"
        return None if current == etag else Document(current, self._path.read_bytes())


class S3Document:
    """A document in an S3 object, read with If-None-Match so that an unchanged one costs no transfer.

    `client` is a boto3-style S3 client, called in a thread.
    """

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key

    async def fetch(self, etag: str | None) -> Document | None:
        """Return the object if its ETag differs from `etag`. Raises botocore's errors."""
        return await asyncio.to_thread(self._fetch, etag)

    def _fetch(self, etag: str | None) -> Document | None:
        condition = {"IfNoneMatch": etag} if etag else {}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key, **condition)
        except self._client.exceptions.ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 304:
                return None
            raise
        return Document(answer["ETag"], answer["Body"].read())


class WideningDocument(Generic[T]):
    """A document that only extends what is allowed, polled every few seconds.

    If it has been unreadable for more than five minutes, `nothing` applies. If `parse` raises `ValueError`,
    the previous version stays in force and `report` is called with the reason.
    """

    def __init__(
        self,
        source: DocumentSource | None,
        parse: Callable[[bytes], T],
        nothing: T,
        report: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._source = source
        self._parse = parse
        self._nothing = self._value = nothing
        self._report = report
        self._etag: str | None = None
        self._late = False
        self._read_at = self._good_at = 0.0
        self._reading = asyncio.Lock()

    def current(self) -> T:
        """Return the value in force."""
        return self._value

    async def catch_up(self) -> None:
        """Read now if due. Concurrent calls share one read."""
        if self._source is None or monotonic() - self._read_at < POLL_SECONDS:
            return
        async with self._reading:
            if monotonic() - self._read_at >= POLL_SECONDS:
                self._read_at = monotonic()
                await self._refresh(self._source)

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await self.catch_up()
            await asyncio.sleep(POLL_SECONDS)

    async def _refresh(self, source: DocumentSource) -> None:
        try:
            document = await source.fetch(self._etag)
            if document is not None:
                self._value = self._parse(document.body)
                self._etag = document.etag
        except ValueError as error:
            self._report(str(error))
        except Exception:  # whatever the store raises: nothing applies, or the last valid version for a while
            self._late = True
        else:
            self._late, self._good_at = False, monotonic()
        if self._late and self._etag is not None and monotonic() - self._good_at > _LAST_GOOD_SECONDS:
            self._value, self._etag = self._nothing, None
