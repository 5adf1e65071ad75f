"""Segments: the records of an hour in few objects, sealed for as long as evidence is kept (L2.5, G.3).

A segment holds whole objects of records one after the other, in the order of their keys, so every writer's
lines are in their order: `segments/dt=YYYY-MM-DD/hour=HH/NNNN.jsonl`. Its index, `NNNN.index.jsonl`, has a
line for each run of objects that follow on each other in one writer's chain:

    {"under": folder of the objects, "first": sequence number, "before": hash that the first line follows on,
     "lines": [n, …], "sizes": [bytes, …], "sha256": [hash, …], "heads": [hash of the last line, …]}

with an entry for each object. Indices of before there were runs have a line for each object: its key, size,
SHA-256, sequence numbers and the chain's hashes around it. The manifest of the hour names segment and index
with their hashes, and the root of the Merkle tree over the hashes of all records in their order.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from lambdas.common.audit.chain import hash_of
from lambdas.common.audit.manifest import SEGMENTS, SealedObject, SealedSegment, first_of, writer_of
from lambdas.common.audit.merkle import HASH_BYTES, blocks_of, root_of
from lambdas.common.json_text import parse_json

BLOCK = 64  # hashes per leaf of the tree; the proof of one record contains all of them
SEGMENT_BYTES = 24 * 1024 * 1024  # maximum size after which a segment takes no further object


def segments_of_hour(hour: datetime) -> str:
    """Return the prefix of an hour's segments, with the trailing slash."""
    return f"{SEGMENTS}{hour:dt=%Y-%m-%d/hour=%H}/"


def segment_key(hour: datetime, number: int) -> str:
    """Return the object key of a segment of an hour."""
    return f"{segments_of_hour(hour)}{number:04d}.jsonl"


def index_key(key: str) -> str:
    """Return the object key of a segment's index."""
    return key.removesuffix(".jsonl") + ".index.jsonl"


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive objects of one writer in an hour: lines, bytes and hashes of each.

    `first` and `before` are the sequence number and the hash that they continue from.
    """

    under: str
    first: int
    before: str
    lines: Sequence[int]
    sizes: Sequence[int]
    sha256: Sequence[str]
    heads: Sequence[str]

    @property
    def writer(self) -> str:
        """Return the writer of the lines."""
        return self.under.split("/", 4)[3]

    @property
    def records(self) -> int:
        """Return the total number of lines."""
        return sum(self.lines)

    @property
    def end(self) -> int:
        """Return the sequence number after the last one."""
        return self.first + self.records

    @property
    def first_key(self) -> str:
        """Return the key of the first object."""
        return _object_key(self.under, self.first)

    @property
    def last_key(self) -> str:
        """Return the key of the last object."""
        return _object_key(self.under, self.end - self.lines[-1])

    def follows(self, before: "Run") -> bool:
        """Return whether it continues another run of the same writer."""
        return (self.first, self.before) == (before.end, before.heads[-1])

    def keys(self) -> Iterator[str]:
        """Yield the keys of the objects in order."""
        first = self.first
        for count in self.lines:
            yield _object_key(self.under, first)
            first += count

    def objects(self) -> Iterator[SealedObject]:
        """Yield the objects in order."""
        first, before = self.first, self.before
        for key, count, size, digest, head in zip(
            self.keys(), self.lines, self.sizes, self.sha256, self.heads, strict=True
        ):
            yield SealedObject(key, size, digest, first, first + count - 1, before, head)
            first, before = first + count, head


def _object_key(under: str, first: int) -> str:
    return f"{under}{first:012d}.jsonl"


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment before it is written. `runs` are the objects that it contains."""

    data: bytes
    index: bytes
    runs: Sequence[Run]
    records: int
    root: str

    def sealed(self, key: str) -> SealedSegment:
        """Return the segment's entry in the manifest."""
        return SealedSegment(
            key=key,
            size=len(self.data),
            sha256=sha256(self.data).hexdigest(),
            index_sha256=sha256(self.index).hexdigest(),
            objects=sum(len(run.lines) for run in self.runs),
            records=self.records,
            root=self.root,
            block=BLOCK,
        )


def build(objects: Iterable[tuple[str, bytes]]) -> Segment:
    """Build the segment of objects, given by key and content in key order."""
    parts: list[bytes] = []
    described: list[SealedObject] = []
    hashes = bytearray()
    for key, data in objects:
        lines = lines_of(data)
        digests = [sha256(line).digest() for line in lines]
        parts.append(data)
        described.append(_described(key, data, lines, digests))
        hashes += b"".join(digests)
    runs = list(_runs(described))
    index = b"".join(json.dumps(asdict(run), separators=(",", ":")).encode() + b"\n" for run in runs)
    root = root_of(blocks_of(bytes(hashes), BLOCK)).hex()
    return Segment(b"".join(parts), index, runs, len(hashes) // HASH_BYTES, root)


def read_runs(data: bytes) -> list[Run]:
    """Return the objects of a segment in runs, from its index. Raises ValueError."""
    try:
        lines = parse_json(b"[" + b",".join(data.splitlines()) + b"]")
        if lines and "key" in lines[0]:
            return list(_runs(SealedObject(**one) for one in lines))
        return [Run(**one) for one in lines]
    except (TypeError, ValueError) as error:
        raise ValueError(f"not the index of a segment: {type(error).__name__}") from None


def read_index(data: bytes) -> list[SealedObject]:
    """Return the objects of a segment one by one, from its index. Raises ValueError."""
    return [one for run in read_runs(data) for one in run.objects()]


def _runs(objects: Iterable[SealedObject]) -> Iterator[Run]:
    """Combine consecutive objects into runs."""
    together: list[SealedObject] = []
    under = ""
    for one in objects:
        folder = one.key.rpartition("/")[0] + "/"
        last = together[-1] if together else None
        if last and not (folder == under and (one.first, one.before) == (last.last + 1, last.head)):
            yield _run(under, together)
            together = []
        under = folder
        together.append(one)
    if together:
        yield _run(under, together)


def _run(under: str, objects: Sequence[SealedObject]) -> Run:
    return Run(
        under,
        objects[0].first,
        objects[0].before,
        [one.last - one.first + 1 for one in objects],
        [one.size for one in objects],
        [one.sha256 for one in objects],
        [one.head for one in objects],
    )


def lines_of(data: bytes, at: int = 0, end: int | None = None) -> list[bytes]:
    """Return the lines of one object, or of the bytes from `at` to before `end`."""
    # `find` scans many bytes at once, `split` one at a time: with bodies it takes half the time.
    lines: list[bytes] = []
    found, end = data.find, len(data) if end is None else end
    while (cut := found(b"\n", at, end)) >= 0:
        lines.append(data[at:cut])
        at = cut + 1
    if at < end:
        lines.append(data[at:end])
    return lines


def _described(key: str, data: bytes, lines: Sequence[bytes], digests: Sequence[bytes]) -> SealedObject:
    """Return what an object's content says about it; its lines may be anything."""
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
        record: Any = parse_json(line)
        return str(record["previous"])
    except (ValueError, KeyError, TypeError):
        return ""
