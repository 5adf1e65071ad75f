"""Source of metadata copies: `records/dt=YYYY-MM-DD/` in the analytics bucket or in a folder."""

import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from lambdas.common.json_text import parse_json
from lambdas.measurement.events import Event, read_event

PREFIX = "records"


class Source(Protocol):
    """Days that have rows, and the lines of a day's objects."""

    def days(self) -> list[str]: ...

    def lines(self, day: str) -> Iterator[bytes]: ...

    def aggregate(self, day: str) -> bytes | None: ...


class BucketSource:
    """The analytics bucket. `s3` is a boto3 or botocore client; objects are read as streams."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def days(self) -> list[str]:
        """Return every day with objects, sorted. Raises what the client raises."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{PREFIX}/dt=", Delimiter="/"
        )
        found = (entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ()))
        return sorted(prefix.rstrip("/").rpartition("dt=")[2] for prefix in found)

    def lines(self, day: str) -> Iterator[bytes]:
        """Yield the lines of a day, object by object."""
        for name in self.names(day):
            yield from self.read(name)

    def names(self, day: str) -> Iterator[str]:
        """Yield the keys of a day's objects, which are immutable."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{PREFIX}/dt={day}/"
        )
        return (entry["Key"] for page in pages for entry in page.get("Contents", ()))

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the lines of one object, streamed."""
        return _lines(_Readable(self._s3.get_object(Bucket=self._bucket, Key=name)["Body"]), name)

    def aggregate(self, day: str) -> bytes | None:
        """Return the aggregate of a day as JSON, if the hourly function has written one."""
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=aggregate_key(day))["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None
        return gzip.decompress(body)


class FolderSource:
    """A copy of the bucket in a folder."""

    def __init__(self, folder: Path) -> None:
        self._root, self._folder = folder, folder / PREFIX

    def days(self) -> list[str]:
        """Return every day with a folder, sorted."""
        return sorted(path.name.removeprefix("dt=") for path in self._folder.glob("dt=*"))

    def lines(self, day: str) -> Iterator[bytes]:
        """Yield the lines of a day, file by file."""
        for path in sorted((self._folder / f"dt={day}").glob("*")):
            with path.open("rb") as file:
                yield from _lines(file, path.name)

    def aggregate(self, day: str) -> bytes | None:
        """Return the aggregate of a day as JSON, if there is a copy."""
        path = self._root / aggregate_key(day)
        return gzip.decompress(path.read_bytes()) if path.exists() else None


def aggregate_key(day: str) -> str:
    """Return the object key of a day's aggregate."""
    return f"aggregates/dt={day}.json.gz"


def events(source: Source, day: str) -> Iterator[Event]:
    """Yield the events of a day's rows."""
    return events_of(source.lines(day))


def events_of(lines: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events of rows. Lines that are not JSON are skipped: a copy is not evidence."""
    for line in lines:
        try:
            row = parse_json(line)
        except ValueError:
            continue
        event = read_event(row) if isinstance(row, dict) else None
        if event is not None:
            yield event


def _lines(file: Any, name: str) -> Iterator[bytes]:
    """Yield the lines of a file or body, decompressed if it is gzip."""
    reader = io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file
    packed = reader.peek(2)[:2] == b"\x1f\x8b" if hasattr(reader, "peek") else name.endswith(".gz")
    yield from gzip.GzipFile(fileobj=reader) if packed else reader


class _Readable(io.RawIOBase):
    """A streamed body as a raw file, so that it can be inspected and decompressed."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
