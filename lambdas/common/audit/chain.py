"""The chain of records: what a line is, how each links to its predecessor, where it is kept (L2.5, G.3).

A record is one line of JSON. Its hash is the SHA-256 of the line's bytes without the line end, so nobody has
to agree on how to write JSON to check it. Every line carries `writer`, `sequence` (0, 1, 2, … per writer) and
`previous`, the hash of the line before; the first line carries the hash of its writer's name. The last line
of an object carries its writer's signature (`introduction.py`).

An object holds consecutive lines of one writer:
`records/dt=YYYY-MM-DD/hour=HH/<writer>/<first sequence, 12 digits>.jsonl`.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

VERSION = 1
RECORDS = "records/"
_encode = json.JSONEncoder(separators=(",", ":")).encode
# What the chain says of a record; nobody else may.
RESERVED = frozenset({"at", "bodies", "previous", "record_id", "sequence", "signed", "v", "writer"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A record before it has its place in the chain. `tail` is its JSON without the opening brace."""

    record_id: str
    kind: str
    request_id: str | None
    tail: bytes
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a writer's chain ends: the next sequence number, and the hash of the last line."""

    writer: str
    sequence: int
    head: str

    def extend(self, drafts: Sequence[Draft], sign: Callable[[bytes], bytes] | None = None) -> "Batch":
        """The lines that the drafts become after this end; `sign` makes of the last line the signed one."""
        lines, head = [], self.head
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
    """Lines that are put as one object, and the ends of the chain before and after them."""

    before: Chain
    data: bytes
    after: Chain

    def key(self, at: datetime) -> str:
        """Where the object is kept when it is put at `at`."""
        return f"{hour_prefix(at)}{self.before.writer}/{self.before.sequence:012d}.jsonl"

    def object_metadata(self) -> dict[str, str]:
        """What the object says of itself, so that the notary need not read it."""
        return {
            "before": self.before.head,
            "first": str(self.before.sequence),
            "head": self.after.head,
            "last": str(self.after.sequence - 1),
        }


def begin(writer: str) -> Chain:
    """The chain of a writer that has written nothing yet."""
    return Chain(writer, 0, hash_of(writer.encode()))


def hash_of(line: bytes) -> str:
    """The hash of one line, in hexadecimal."""
    return hashlib.sha256(line).hexdigest()


def hour_prefix(at: datetime) -> str:
    """The folder of the hour of `at`, with the final slash."""
    return f"{RECORDS}{at.astimezone(UTC):dt=%Y-%m-%d/hour=%H}/"


def make_tail(record_id: str, at: datetime, record: Mapping[str, Any], sealed: bytes) -> bytes:
    """The JSON of a record after what the chain puts before it. `sealed` is the JSON of its bodies.

    Raises:
        ValueError: the record uses a name that belongs to the chain.
    """
    taken = RESERVED & record.keys()
    if taken:
        raise ValueError(f"a record may not name {', '.join(sorted(taken))}: the chain does")
    known = {"record_id": record_id, "at": at.isoformat(timespec="milliseconds"), **record}
    return _encode(known)[1:-1].encode() + b',"bodies":' + sealed + b"}"


def parse_line(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None when it is not one."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
