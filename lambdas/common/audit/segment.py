"""Segments: the records of an hour in few objects, sealed for as long as evidence is kept (L2.5, G.3).

A segment holds whole objects of records one after the other, in the order of their keys, so every writer's
lines are in their order: `segments/dt=YYYY-MM-DD/hour=HH/NNNN.jsonl`. Its index, `NNNN.index.jsonl`, has a
line for each object: its key, size, SHA-256, sequence numbers and the chain's hashes around it. The manifest
of the hour names both with their hashes, and the root of the Merkle tree over the hashes of all records in
their order.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256
from typing import Any

from lambdas.common.audit.chain import hash_of
from lambdas.common.audit.manifest import SEGMENTS, SealedObject, SealedSegment, first_of, writer_of
from lambdas.common.audit.merkle import root_of

_INDEXED = tuple(one.name for one in fields(SealedObject))
SEGMENT_BYTES = 24 * 1024 * 1024  # a segment takes no further object once it is over this


def segment_key(hour: datetime, number: int) -> str:
    """Where the segment of an hour is kept."""
    return f"{SEGMENTS}{hour:dt=%Y-%m-%d/hour=%H}/{number:04d}.jsonl"


def index_key(key: str) -> str:
    """Where the index of a segment is kept."""
    return key.removesuffix(".jsonl") + ".index.jsonl"


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment before it is put. `contained` are the objects whose bytes it has."""

    data: bytes
    index: bytes
    contained: Sequence[SealedObject]
    records: int
    root: str

    def sealed(self, key: str) -> SealedSegment:
        """What the manifest says of it."""
        return SealedSegment(
            key=key,
            size=len(self.data),
            sha256=sha256(self.data).hexdigest(),
            index_sha256=sha256(self.index).hexdigest(),
            objects=len(self.contained),
            records=self.records,
            root=self.root,
        )


def build(objects: Iterable[tuple[str, bytes]]) -> Segment:
    """The segment of objects, given by key and content in the order of their keys."""
    parts: list[bytes] = []
    contained: list[SealedObject] = []
    entries: list[bytes] = []
    for key, data in objects:
        lines = lines_of(data)
        digests = [sha256(line).digest() for line in lines]
        parts.append(data)
        contained.append(_described(key, data, lines, digests))
        entries += digests
    index = b"".join(
        json.dumps({name: getattr(one, name) for name in _INDEXED}, separators=(",", ":")).encode() + b"\n"
        for one in contained
    )
    return Segment(b"".join(parts), index, contained, len(entries), root_of(entries).hex())


def read_index(data: bytes) -> list[SealedObject]:
    """The objects of a segment. Raises ValueError."""
    try:
        return [SealedObject(**one) for one in json.loads(b"[" + b",".join(data.splitlines()) + b"]")]
    except (TypeError, ValueError) as error:
        raise ValueError(f"not the index of a segment: {type(error).__name__}") from None


def lines_of(data: bytes) -> list[bytes]:
    """The lines of one object."""
    return data.removesuffix(b"\n").split(b"\n") if data else []


def _described(key: str, data: bytes, lines: Sequence[bytes], digests: Sequence[bytes]) -> SealedObject:
    """What is known of an object by its content; its lines may be anything."""
    first = first_of(key)
    return SealedObject(
        key=key,
        size=len(data),
        sha256=sha256(data).hexdigest(),
        first=first,
        last=first + len(lines) - 1,
        before=_previous(lines[0]) if lines else hash_of(writer_of(key).encode()),
        head=digests[-1].hex() if digests else "",
    )


def _previous(line: bytes) -> str:
    try:
        record: Any = json.loads(line)
        return str(record["previous"])
    except (ValueError, KeyError, TypeError):
        return ""
