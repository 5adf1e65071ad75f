"""Sources of records and manifests: the bucket of a deployment, or an auditor's copies."""

import ctypes
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, TypeVar

from lambdas.common.audit.chain import RECORDS
from lambdas.common.audit.manifest import (
    MANIFESTS,
    SEGMENTS,
    ManifestDamaged,
    SealedObject,
    SealedSegment,
    hour_of_key,
    manifest_key,
    read_manifest,
)
from lambdas.common.audit.segment import index_key, read_index

T = TypeVar("T")
R = TypeVar("R")
_M_ARENA_MAX = -8  # mallopt(3)
_ARENAS = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in a listing. `versions` is how often it was written, `deleted` whether a marker hides it."""

    key: str
    size: int
    versions: int = 1
    deleted: bool = False


class Source(Protocol):
    """A store of objects by key. All methods are thread-safe."""

    def folders(self, prefix: str) -> list[str]:
        """Return the folders directly under `prefix`, each with its trailing slash, sorted."""
        ...

    def entries(self, prefix: str) -> list[Entry]:
        """Return every object under `prefix`, sorted by key."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return the content, or None if there is no such object."""
        ...


class BucketSource:
    """An audit bucket. `client` is a boto3 S3 client."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def folders(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, Delimiter="/"
        )
        return sorted(one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ()))

    def entries(self, prefix: str) -> list[Entry]:
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        versions = [
            (one["Key"], one["IsLatest"], one.get("Size"))
            for page in pages
            for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]
        found = []
        for key, group in groupby(sorted(versions, key=lambda one: one[0]), key=lambda one: one[0]):
            written = list(group)
            latest = next((size for _, is_latest, size in written if is_latest), None)
            contents = sum(size is not None for _, _, size in written)
            found.append(Entry(key, latest or 0, contents, deleted=latest is None))
        return found

    def get(self, key: str) -> bytes | None:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None


class FolderSource:
    """Copies on disk of `records/`, `manifests/` and `segments/` of the bucket."""

    def __init__(self, records: Path | None, manifests: Path | None, segments: Path | None = None) -> None:
        self._folders = {RECORDS: records, MANIFESTS: manifests, SEGMENTS: segments}

    def _path(self, key: str) -> Path | None:
        prefix = key.split("/", 1)[0] + "/"
        folder = self._folders.get(prefix)
        return folder / key.removeprefix(prefix) if folder else None

    def folders(self, prefix: str) -> list[str]:
        path = self._path(prefix)
        if path is None or not path.is_dir():
            return []
        return sorted(f"{prefix}{one.name}/" for one in path.iterdir() if one.is_dir())

    def entries(self, prefix: str) -> list[Entry]:
        path = self._path(prefix)
        if path is None or not path.is_dir():
            return []
        files = [one for one in path.rglob("*") if one.is_file()]
        return sorted(
            (Entry(prefix + one.relative_to(path).as_posix(), one.stat().st_size) for one in files),
            key=lambda entry: entry.key,
        )

    def get(self, key: str) -> bytes | None:
        path = self._path(key)
        return path.read_bytes() if path and path.is_file() else None


def segments_of(source: Source, hour: datetime) -> Sequence[SealedSegment]:
    """Return the segments of an hour, from its manifest; none if it has none. Raises `ManifestDamaged`."""
    document = source.get(manifest_key(hour))
    return read_manifest(document).segments if document else ()


def objects_in(source: Source, segment: SealedSegment) -> Iterator[tuple[SealedObject, bytes]]:
    """Yield the objects of records in a segment, with their bytes. Raises ValueError for a wrong index."""
    data, position = source.get(segment.key) or b"", 0
    for one in read_index(source.get(index_key(segment.key)) or b""):
        yield one, data[position : position + one.size]
        position += one.size


def sealed_object(source: Source, key: str) -> bytes | None:
    """Return the bytes of an object of records that only exists in a segment of its hour; None also where its
    manifest or index cannot be read.
    """
    with suppress(ManifestDamaged, ValueError):
        for segment in segments_of(source, hour_of_key(key)):
            position = 0
            for one in read_index(source.get(index_key(segment.key)) or b""):
                if one.key == key:
                    return (source.get(segment.key) or b"")[position : position + one.size]
                position += one.size
    return None


def readers(threads: int) -> ThreadPoolExecutor:
    """Return threads that read objects, in memory that does not grow with the number of objects.

    glibc gives threads up to eight arenas for each processor, and every arena keeps what its largest objects
    took: 310 MB after eight days of 500,000 records, 75 MB with two. Under the interpreter's lock more are of
    no use.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none, and no arenas
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, _ARENAS)
    return ThreadPoolExecutor(threads)


def ahead(
    pool: ThreadPoolExecutor,
    items: Iterable[T],
    load: Callable[[T], R],
    *,
    most: int,
    weight: Callable[[T], int] = lambda _: 1,
) -> Iterator[tuple[T, R]]:
    """Yield each item with the result of `load`, in order, loading in parallel.

    Unconsumed results weigh at most `most` in total, or are one item that weighs more.
    """
    under_way: deque[tuple[T, Future[R]]] = deque()
    heavy = 0
    for item in items:
        while under_way and heavy + weight(item) > most:
            taken, future = under_way.popleft()
            heavy -= weight(taken)
            yield taken, future.result()
        under_way.append((item, pool.submit(load, item)))
        heavy += weight(item)
    while under_way:
        taken, future = under_way.popleft()
        yield taken, future.result()
