"""The chain of records: format of a line, link to its predecessor, location (L2.5, G.3).

A record is one line of JSON. Its hash is the SHA-256 of the line's bytes without the line end, so
verification does not depend on any JSON formatting. Every line contains `writer`, `sequence` (0, 1, 2, …
per writer) and `previous`, the hash of the line before; the first line has the hash of its writer's name.
The last line of an object has its writer's signature (`introduction.py`).

An object holds consecutive lines of one writer: `records/dt=YYYY-MM-DD/hour=HH/<writer>/<first sequence, 12
digits>.jsonl`.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

from lambdas.common.json_text import parse_json

VERSION = 1
RECORDS = "records/"
_encode = json.JSONEncoder(separators=(",", ":")).encode
# Fields that the chain adds; reserved in records.
RESERVED = frozenset({"at", "bodies", "previous", "record_id", "sequence", "signed", "v", "writer"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A record before it gets its place in the chain. `tail` is its JSON without the opening brace."""

    record_id: str
    kind: str
    request_id: str | None
    tail: bytes
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """The end of a writer's chain: the next sequence number, and the hash of the last line."""

    writer: str
    sequence: int
    head: str

    def extend(self, drafts: Sequence[Draft], sign: Callable[[bytes], bytes] | None = None) -> "Batch":
        """Return the drafts as lines that continue the chain. `sign` adds the signature to the last line."""
        lines: list[bytes] = []
        head = self.head
        last = self.sequence + len(drafts) - 1
        for sequence, draft in enumerate(drafts, self.sequence):
            line = b'{"v":%d,"writer":"%b","sequence":%d,"previous":"%b",%b' % (
                VERSION,
                self.writer.encode(),
                sequence,
                head.encode(),
                draft.tail,
            )
            if sign and sequence == last:
                line = sign(line)
            lines.append(line)
            head = hash_of(line)
        return Batch(self, b"\n".join(lines) + b"\n", Chain(self.writer, self.sequence + len(lines), head))


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines written as one object, and the ends of the chain before and after them."""

    before: Chain
    data: bytes
    after: Chain

    def key(self, at: datetime) -> str:
        """Return the object key for a put at `at`."""
        return f"{hour_prefix(at)}{self.before.writer}/{self.before.sequence:012d}.jsonl"

    def object_metadata(self) -> dict[str, str]:
        """Return the object's metadata, which spares the notary from reading the object."""
        return {
            "before": self.before.head,
            "first": str(self.before.sequence),
            "head": self.after.head,
            "last": str(self.after.sequence - 1),
        }


def begin(writer: str) -> Chain:
    """Return the empty chain of a new writer."""
    return Chain(writer, 0, hash_of(writer.encode()))


def hash_of(line: bytes) -> str:
    """Return the hash of one line in hexadecimal."""
    return hashlib.sha256(line).hexdigest()


@lru_cache(64)  # each record asks three times
def hour_prefix(at: datetime) -> str:
    """Return the prefix of the hour of `at`, with the trailing slash."""
    return f"{RECORDS}{at.astimezone(UTC):dt=%Y-%m-%d/hour=%H}/"


def make_tail(record_id: str, at: datetime, record: Mapping[str, Any], sealed: bytes) -> bytes:
    """Return the JSON of a record after the fields that the chain adds. `sealed` is the JSON of its bodies.

    Raises:
        ValueError: the record uses a field name reserved for the chain.
    """
    taken = RESERVED & record.keys()
    if taken:
        raise ValueError(f"a record may not name {', '.join(sorted(taken))}: the chain does")
    known = {"record_id": record_id, "at": at.isoformat(timespec="milliseconds"), **record}
    return _encode(known)[1:-1].encode() + b',"bodies":' + sealed + b"}"


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the record in a line, or None if the line is not a record."""
    try:
        record = parse_json(line)
    except ValueError:
        return None
    return cast("dict[str, Any]", record) if isinstance(record, dict) else None
