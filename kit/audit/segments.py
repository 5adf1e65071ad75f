"""One segment, held against the manifest that sealed it: its Merkle root, its chains, its records (L2.5,
G.3).

A record is hashed once: its hash is what the next line of its writer's chain has to carry, and the entry of
the Merkle tree. Bodies are not parsed. `check_segment` needs nothing but bytes, so it runs in a process of
its own.
"""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing import get_context
from threading import Lock
from typing import Any

from kit.audit.examination import Finding, examine
from lambdas.common.audit.chain import Chain, begin, parse_line
from lambdas.common.audit.manifest import SealedObject, SealedSegment
from lambdas.common.audit.merkle import root_of
from lambdas.common.audit.segment import index_key, lines_of, read_index

_BODIES = b',"bodies":'
_PREVIOUS, _HEX = b',"previous":"', 64
_FEW = 4  # lines of an object
_decode = json.JSONDecoder().decode  # without looking for the encoding first, as `loads` does for bytes
_BIG = 2 * 1024 * 1024
# What calls and writers are judged by; the rest of a record is not handed on.
_FACTS = (
    "kind", "request_id", "at", "writer", "sequence", "result", "statement_id", "exchange_id", "edge_id",
    "in_doubt", "requests",
)  # fmt: skip


@dataclass(slots=True)
class Stretch:
    """What a segment has of one writer: from which record and hash to which, and the objects at both ends."""

    first_key: str
    last_key: str
    first: int
    before: str
    end: Chain
    first_record: dict[str, Any] | None
    last_line: bytes


@dataclass(slots=True)
class Checked:
    """What a segment holds, and what is wrong with it."""

    objects: Sequence[SealedObject] = ()
    stretches: dict[str, Stretch] = field(default_factory=dict)
    facts: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    records: int = 0
    bytes: int = 0


class Checks:
    """Checks segments, the big ones in processes of their own, as many as there are processors. May be called
    from several threads.
    """

    def __init__(self) -> None:
        self._processes: ProcessPoolExecutor | None = None
        self._lock = Lock()

    def __enter__(self) -> "Checks":
        return self

    def __exit__(self, *_: object) -> None:
        if self._processes is not None:
            self._processes.shutdown(cancel_futures=True)

    def __call__(self, sealed: SealedSegment, data: bytes | None, index: bytes | None) -> Checked:
        """`check_segment`, wherever it runs. Blocks."""
        if sealed.size < _BIG:
            return check_segment(sealed, data, index)
        with self._lock:  # started for the first big one: most spans have none
            if self._processes is None:
                self._processes = ProcessPoolExecutor(os.cpu_count() or 1, get_context("spawn"))
        return self._processes.submit(check_segment, sealed, data, index).result()


def check_segment(
    sealed: SealedSegment, data: bytes | None, index: bytes | None, *, facts: bool = True
) -> Checked:
    """Check a segment. Without `facts` its records are not parsed: hashes alone."""
    checked = Checked()
    objects = _index(sealed, index, checked)
    if data is None:
        checked.findings.append(
            Finding("segment-deleted", sealed.key, "the manifest has it, the bucket does not")
        )
    if data is None or objects is None:
        return checked
    checked.objects, checked.bytes = objects, len(data)
    entries = _walk(data, objects, checked, facts=facts)
    checked.records = len(entries)
    if len(entries) != sealed.records or root_of(entries).hex() != sealed.root or len(data) != sealed.size:
        checked.findings = [
            Finding("segment-altered", sealed.key, "its records are not those that were sealed")
        ]
        checked.findings += _differences(data, objects)
    return checked


def _index(sealed: SealedSegment, index: bytes | None, checked: Checked) -> list[SealedObject] | None:
    key = index_key(sealed.key)
    if index is None:
        checked.findings.append(Finding("segment-deleted", key, "the index of a sealed segment is not there"))
        return None
    if sha256(index).hexdigest() != sealed.index_sha256:
        checked.findings.append(Finding("segment-altered", key, "the index is not the one that was sealed"))
        return None
    return read_index(index)


def _walk(data: bytes, objects: Sequence[SealedObject], checked: Checked, *, facts: bool) -> list[bytes]:
    """The hashes of all records in their order. Chains are held against each other on the way."""
    entries: list[bytes] = []
    position, hashed = 0, sha256
    for one in objects:
        lines = lines_of(data[position : position + one.size])
        position += one.size
        digests = [hashed(line).digest() for line in lines]
        entries += digests
        if not (_follow if len(lines) > _FEW else _follow_one_by_one)(lines, digests, one):
            checked.findings += _breaks(lines, digests, one)
        _stretch(one, lines, checked)
        if facts:
            checked.facts += _facts(lines)
    return entries


def _follow(lines: Sequence[bytes], digests: Sequence[bytes], one: SealedObject) -> bool:
    """Whether every line, written as ours are, carries its writer, its number and the hash of the one before.

    All lines of as many digits at once: what they carry is cut out and compared as one text.
    """
    start = b'{"v":1,"writer":"%b","sequence":' % one.writer.encode()
    head, at = len(start), 0
    hashes = one.before + b"".join(digests[:-1]).hex()
    if len(one.before) != _HEX:
        return False
    while at < len(lines):
        first = one.first + at
        digits = len(str(first))
        some = lines[at : at + 10**digits - first]
        numbers = ",".join(map(str, range(first, first + len(some)))).encode()
        middle = head + digits
        previous = middle + len(_PREVIOUS)
        if not (
            b",".join([line[head:middle] for line in some]) == numbers
            and b"".join([line[previous : previous + _HEX] for line in some]).decode("latin-1")
            == hashes[at * _HEX : (at + len(some)) * _HEX]
            and {line[:head] for line in some} == {start}
            and {line[middle:previous] for line in some} == {_PREVIOUS}
            and {line[previous + _HEX : previous + _HEX + 2] for line in some} == {b'",'}
        ):
            return False
        at += len(some)
    return True


def _follow_one_by_one(lines: Sequence[bytes], digests: Sequence[bytes], one: SealedObject) -> bool:
    """`_follow`, faster for few lines."""
    writer, known = one.writer, one.before
    for sequence, line in enumerate(lines, one.first):
        if not line.startswith(
            f'{{"v":1,"writer":"{writer}","sequence":{sequence},"previous":"{known}",'.encode()
        ):
            return False
        known = digests[sequence - one.first].hex()
    return True


def _breaks(lines: Sequence[bytes], digests: Sequence[bytes], one: SealedObject) -> Iterator[Finding]:
    """Lines that do not follow, one by one, however they are written."""
    known = one.before
    for sequence, (line, digest) in enumerate(zip(lines, digests, strict=True), one.first):
        if _chain_of(line) != (one.writer, sequence, known):
            yield Finding("chain-broken", one.key, f"record {sequence} does not follow on the one before it")
        known = digest.hex()


def _chain_of(line: bytes) -> tuple[Any, Any, Any] | None:
    """What a line says of its place, for one that is not written as ours are."""
    try:
        record = json.loads(line)
        return record["writer"], record["sequence"], record["previous"]
    except (ValueError, KeyError, TypeError):
        return None


def _stretch(one: SealedObject, lines: Sequence[bytes], checked: Checked) -> None:
    known = checked.stretches.get(one.writer)
    end = Chain(one.writer, one.last + 1, one.head)
    last_line = lines[-1] if lines else b""
    if known is None:
        first_record = _record(lines[0]) if lines and one.first == 0 else None
        checked.stretches[one.writer] = Stretch(
            one.key, one.key, one.first, one.before, end, first_record, last_line
        )
        return
    if one.first != known.end.sequence:
        checked.findings.append(
            Finding(
                "records-deleted" if one.first > known.end.sequence else "records-repeated",
                one.key,
                f"{one.writer} goes on at record {one.first}, after record {known.end.sequence - 1}",
            )
        )
    elif one.before != known.end.head:
        checked.findings.append(
            Finding("chain-broken", one.key, f"record {one.first} does not follow on the one before it")
        )
    known.last_key, known.end, known.last_line = one.key, end, last_line


def _facts(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        record = _record(line)
        if record is not None:
            yield {name: record[name] for name in _FACTS if name in record}


def _record(line: bytes) -> dict[str, Any] | None:
    """A record without its bodies, which come last and can be long."""
    cut = line.find(_BODIES)
    try:
        record = _decode((line[:cut] + b"}" if cut > 0 else line).decode())
    except ValueError:
        record = parse_line(line)  # the name stands in a record's own part too
    return record if isinstance(record, dict) else None


def _differences(data: bytes, objects: Sequence[SealedObject]) -> Iterator[Finding]:
    """The first object that is not as it was, and what was done to it; after that the places may have
    moved.
    """
    position = 0
    for one in objects:
        part = data[position : position + one.size]
        if sha256(part).hexdigest() != one.sha256:
            # A line more or less moves all that follows, so what is looked at ends where the next object
            # begins.
            grown = _object_at(data, position, one)
            before = begin(one.writer) if one.first == 0 else None
            yield from examine(one.key, grown, before, one).findings
            return
        position += one.size
    if position < len(data):
        yield Finding(
            "records-inserted", objects[-1].key if objects else "", "there are records after the last one"
        )


def _object_at(data: bytes, position: int, one: SealedObject) -> bytes:
    """The lines from a position on that say they are of the writer, up to its last record."""
    taken: list[bytes] = []
    for line in data[position:].splitlines(keepends=True):
        place = _chain_of(line)
        if place is not None and (
            place[0] != one.writer or not isinstance(place[1], int) or place[1] > one.last
        ):
            break
        taken.append(line)
        if sum(map(len, taken)) > 2 * one.size + 4096:
            break
    return b"".join(taken)
