"""Verification of one segment against its manifest: Merkle root, chains, records (L2.5, G.3).

A record is hashed once: its hash is what the next line of its writer's chain must contain, and part of a
leaf of the Merkle tree. Bodies are not parsed. `check_segment` needs only bytes, so it runs in a separate
process.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate
from multiprocessing import get_context
from threading import Lock
from typing import Any

import msgspec

from kit.audit.calls import Facts, Said, said_by
from kit.audit.examination import Finding, examine
from lambdas.common.audit.chain import Chain, begin, parse_line
from lambdas.common.audit.manifest import SealedObject, SealedSegment
from lambdas.common.audit.merkle import blocks_of, root_of
from lambdas.common.audit.segment import Run, index_key, lines_of, read_runs
from lambdas.common.json_text import parse_json

_BODIES = b',"bodies":'
_PLACE = b'{"v":1,"writer":"%b","sequence":%%d,"previous":"%%b",'
_HEX = 64
_PIECE_BYTES = 256 * 1024
_said = msgspec.json.Decoder(Said).decode
_runs = msgspec.json.Decoder(Run).decode_lines
_BIG = 2 * 1024 * 1024


@dataclass(slots=True)
class Stretch:
    """What a segment contains of one writer: first and last record and hash, and the objects at both ends."""

    first_key: str
    last_key: str
    first: int
    before: str
    end: Chain
    first_record: dict[str, Any] | None
    last_line: bytes


@dataclass(slots=True)
class Checked:
    """Content of a segment, and what is wrong with it."""

    runs: Sequence[Run] = ()
    stretches: dict[str, Stretch] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)  # by writer
    findings: list[Finding] = field(default_factory=list)
    records: int = 0
    bytes: int = 0

    @property
    def objects(self) -> int:
        """Return the number of objects of records it contains."""
        return sum(len(run.lines) for run in self.runs)


class Checks:
    """Checks segments, large ones in as many processes as there are processors. Thread-safe."""

    def __init__(self) -> None:
        self._processes: ProcessPoolExecutor | None = None
        self._lock = Lock()

    def __enter__(self) -> "Checks":
        return self

    def __exit__(self, *_: object) -> None:
        if self._processes is not None:
            self._processes.shutdown(cancel_futures=True)

    def __call__(self, sealed: SealedSegment, data: bytes | None, index: bytes | None) -> Checked:
        """Run `check_segment`, in whichever process. Blocks."""
        if sealed.size < _BIG:
            return check_segment(sealed, data, index)
        with self._lock:  # started for the first big one: most spans have none
            if self._processes is None:
                self._processes = ProcessPoolExecutor(os.cpu_count() or 1, get_context("spawn"))
        return self._processes.submit(check_segment, sealed, data, index).result()


def check_segment(
    sealed: SealedSegment, data: bytes | None, index: bytes | None, *, facts: bool = True
) -> Checked:
    """Check a segment. Without `facts`, its records are not parsed and only hashes are checked."""
    checked = Checked()
    runs = _index(sealed, index, checked)
    if data is None:
        checked.findings.append(
            Finding("segment-deleted", sealed.key, "the manifest has it, the bucket does not")
        )
    if data is None or runs is None:
        return checked
    checked.runs, checked.bytes = runs, len(data)
    hashes = _walk(data, runs, checked, facts=facts)
    checked.records = len(hashes) // (_HEX // 2)
    root = root_of(blocks_of(hashes, sealed.block)).hex()
    if checked.records != sealed.records or root != sealed.root or len(data) != sealed.size:
        checked.findings = [
            Finding("segment-altered", sealed.key, "its records are not those that were sealed")
        ]
        checked.findings += _differences(data, [one for run in runs for one in run.objects()])
    return checked


def _index(sealed: SealedSegment, index: bytes | None, checked: Checked) -> list[Run] | None:
    key = index_key(sealed.key)
    if index is None:
        checked.findings.append(Finding("segment-deleted", key, "the index of a sealed segment is not there"))
        return None
    if sha256(index).hexdigest() != sealed.index_sha256:
        checked.findings.append(Finding("segment-altered", key, "the index is not the one that was sealed"))
        return None
    try:
        return _runs(index)
    except msgspec.DecodeError:  # of before there were runs, or no index
        return read_runs(index)


def _walk(data: bytes, runs: Sequence[Run], checked: Checked, *, facts: bool) -> bytes:
    """Return the hashes of all records in order, concatenated, checking the chains on the way."""
    hashes: list[str] = []
    hashed, at = sha256, 0
    for run in runs:
        sequence, known = run.first, run.before
        gathered = checked.facts.setdefault(run.writer, Facts())
        first_line = last_line = b""
        for sizes, count in _pieces(run):
            end = at + sum(sizes)
            lines = _lines(data, at, end, sizes, count)
            at = end
            digests = [hashed(line).hexdigest() for line in lines]
            hashes += digests
            if len(lines) != count or not _follow(lines, digests, run.writer, sequence, known):
                checked.findings += _breaks(lines, digests, run, sequence, known)
            if facts:
                _gather(lines, gathered)
            if lines:
                first_line, last_line = first_line or lines[0], lines[-1]
                known = digests[-1]
            sequence += count
        _stretch(run, first_line, last_line, checked)
    return bytes.fromhex("".join(hashes))


def _pieces(run: Run) -> Iterator[tuple[Sequence[int], int]]:
    """Yield the objects of a run in pieces that fit the processor's cache: sizes and number of lines."""
    ends = list(accumulate(run.sizes))
    start = before = 0
    while start < len(ends):
        stop = max(start + 1, bisect_right(ends, before + _PIECE_BYTES, start))
        yield run.sizes[start:stop], sum(run.lines[start:stop])
        start, before = stop, ends[stop - 1]


def _lines(data: bytes, at: int, end: int, sizes: Sequence[int], count: int) -> list[bytes]:
    """Split a piece into lines, all at once if their number is as expected, otherwise object by object.

    An object whose last line has no line end is still followed by another.
    """
    lines = lines_of(data, at, end)
    if len(lines) == count:
        return lines
    lines = []
    for size in sizes:
        lines += lines_of(data, at, at + size)
        at += size
    return lines


def _follow(lines: Sequence[bytes], digests: Sequence[str], writer: str, sequence: int, known: str) -> bool:
    """Return whether every line, in our format, contains its writer, its number and the previous hash.

    Many lines are compared at once, as one text with what they must begin with.
    """
    place = _PLACE % writer.replace("%", "%%").encode()
    fixed = len(place) - len(b"%d%b") + _HEX  # of a line, without the digits of its number
    before = [known, *digests[:-1]]
    at = 0
    while at < len(lines):
        first = sequence + at
        digits = len(str(first))
        some = lines[at : at + 10**digits - first]
        values: list[Any] = [None] * (2 * len(some))
        values[::2] = range(first, first + len(some))
        values[1::2] = [one.encode() for one in before[at : at + len(some)]]
        end = fixed + digits
        if b"".join([line[:end] for line in some]) != place * len(some) % tuple(values):
            return False
        at += len(some)
    return True


def _breaks(
    lines: Sequence[bytes], digests: Sequence[str], run: Run, first: int, known: str
) -> Iterator[Finding]:
    """Yield lines that do not follow, one by one, in any format."""
    for sequence, (line, digest) in enumerate(zip(lines, digests, strict=True), first):
        if _chain_of(line) != (run.writer, sequence, known):
            yield Finding(
                "chain-broken",
                _object_with(run, sequence),
                f"record {sequence} does not follow on the one before it",
            )
        known = digest


def _object_with(run: Run, sequence: int) -> str:
    """Return the key of the object of a run that has this record, or of the last one."""
    return next((one.key for one in run.objects() if sequence <= one.last), run.last_key)


def _chain_of(line: bytes) -> tuple[Any, Any, Any] | None:
    """Return what a line in another format says about its place."""
    try:
        record = parse_json(line)
        return record["writer"], record["sequence"], record["previous"]
    except (ValueError, KeyError, TypeError):
        return None


def _stretch(run: Run, first_line: bytes, last_line: bytes, checked: Checked) -> None:
    known = checked.stretches.get(run.writer)
    end = Chain(run.writer, run.end, run.heads[-1])
    if known is None:
        first_record = parse_line(first_line) if run.first == 0 else None
        checked.stretches[run.writer] = Stretch(
            run.first_key, run.last_key, run.first, run.before, end, first_record, last_line
        )
        return
    if run.first != known.end.sequence:
        checked.findings.append(
            Finding(
                "records-deleted" if run.first > known.end.sequence else "records-repeated",
                run.first_key,
                f"{run.writer} goes on at record {run.first}, after record {known.end.sequence - 1}",
            )
        )
    elif run.before != known.end.head:
        checked.findings.append(
            Finding("chain-broken", run.first_key, f"record {run.first} does not follow on the one before it")
        )
    known.last_key, known.end, known.last_line = run.last_key, end, last_line


def _gather(lines: Sequence[bytes], facts: Facts) -> None:
    take = facts.take
    for line in lines:
        cut = line.find(_BODIES)  # bodies come last and can be long
        try:
            take(_said(line[:cut] + b"}" if cut > 0 else line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            # The name stands in a record's own part too, or it is not the JSON of everybody.
            record = parse_line(line)
            if record is not None:
                take(said_by(record))


def _differences(data: bytes, objects: Sequence[SealedObject]) -> Iterator[Finding]:
    """Yield the first object that differs, and how; after that, positions may be shifted."""
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
    """Return the lines from a position on that claim to be of the writer, up to its last record."""
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
