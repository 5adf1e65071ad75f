"""Quarantine for uploads above API Gateway's body limit: a bucket that nothing else reads (L1.7, L2.3).

A caller puts the file there directly, with a presigned URL for one object, one size and one type, valid for
a quarter of an hour. The gateway reads it once, inspects what it has read, and empties the object; the
bucket's lifecycle deletes the rest within a day.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

SECONDS = 15 * 60
_PREFIX = "uploads"
# without the right to list the bucket, S3 answers "access denied" for a missing object
_ABSENT = frozenset(("NoSuchKey", "404", "AccessDenied", "403"))

Run = Callable[[Callable[[], Any]], Awaitable[Any]]


class Quarantine(Protocol):
    """Holds uploads until they are inspected. Any exception means that it is unavailable."""

    async def address(self, upload_id: str, size: int, media_type: str) -> str:
        """Return the presigned URL for the file, valid with exactly these headers."""
        ...

    async def read(self, upload_id: str) -> bytes | None:
        """Return what was uploaded, or None if nothing was."""
        ...

    async def empty(self, upload_id: str) -> None:
        """Remove what was uploaded."""
        ...


@dataclass(frozen=True, slots=True)
class S3Quarantine:
    """A bucket. `client` signs with SigV4; `run` runs blocking work elsewhere."""

    client: Any
    bucket: str
    run: Run

    async def address(self, upload_id: str, size: int, media_type: str) -> str:
        parameters = {**self._object(upload_id), "ContentLength": size, "ContentType": media_type}
        return await self.run(
            lambda: self.client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=SECONDS)
        )

    async def read(self, upload_id: str) -> bytes | None:
        try:
            return await self.run(lambda: self.client.get_object(**self._object(upload_id))["Body"].read())
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                return None
            raise

    async def empty(self, upload_id: str) -> None:
        await self.run(lambda: self.client.put_object(**self._object(upload_id), Body=b""))

    def _object(self, upload_id: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": f"{_PREFIX}/{upload_id}"}
