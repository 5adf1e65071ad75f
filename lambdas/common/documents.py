"""Documents that a process follows while it runs: the gateway policy, the index of prompts, dictionaries."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Document:
    """A version of a document as stored; `etag` names the version."""

    etag: str
    body: bytes


class DocumentSource(Protocol):
    """Where a document is kept. `None` says that the version `etag` is still the current one."""

    async def fetch(self, etag: str | None) -> Document | None: ...


class FileDocument:
    """A document in a file: for a gateway without AWS, and for tests."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def fetch(self, etag: str | None) -> Document | None:
        """The file's content when its modification time or size is not `etag`. Raises `OSError`."""
        status = self._path.stat()
        current = f"{status.st_mtime_ns}-{status.st_size}"
        return None if current == etag else Document(current, self._path.read_bytes())


class S3Document:
    """A document in an object, read with If-None-Match so that an unchanged one costs no transfer.

    `client` is a boto3-style S3 client; its call runs in a thread, away from the event loop.
    """

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key

    async def fetch(self, etag: str | None) -> Document | None:
        """The object when its ETag is not `etag`. Raises botocore's errors."""
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
