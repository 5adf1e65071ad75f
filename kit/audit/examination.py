"""Examination of one object of records: which line was removed, added, moved or altered."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.common.audit.chain import Chain, begin, hash_of, parse_line
from lambdas.common.audit.manifest import SealedObject, first_of, writer_of

_NAMED_GAPS = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """A violation. `code` is its kind, `where` the object, manifest or call."""

    code: str
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an object: its hash, and its record, or None if it is not one."""

    sha256: str
    record: dict[str, Any] | None

    @property
    def sequence(self) -> int:
        """Return its sequence number, or -1 if it has none."""
        number = self.record.get("sequence") if self.record else None
        return number if isinstance(number, int) else -1


@dataclass(frozen=True, slots=True)
class Examined:
    """Content of an object, what is wrong with it, and where its writer's chain ends."""

    records: Sequence[dict[str, Any]]
    findings: Sequence[Finding]
    end: Chain
    last_line: bytes


def examine(key: str, data: bytes, before: Chain | None, seal: SealedObject | None) -> Examined:
    """Examine one object.

    `before` is where the writer's chain ended before this object, None if unknown; `seal` is what the
    manifest says about the object, None if it is not sealed yet.
    """
    writer, first = writer_of(key), first_of(key)
    raw_lines = data.removesuffix(b"\n").split(b"\n") if data else []
    lines = [_line(raw) for raw in raw_lines]
    findings = [
        Finding(code, key, message)
        for code, message in (
            *_placed_wrongly(lines, writer),
            *(_sequence_faults(lines, first, seal) or _chain_faults(lines, first, before, seal)),
        )
    ]
    altered = seal is not None and hashlib.sha256(data).hexdigest() != seal.sha256
    if altered and not findings:
        findings.append(Finding("object-altered", key, "its bytes are not those that were sealed"))
    end = Chain(writer, seal.last + 1, seal.head) if seal else _end(lines, writer, first, before)
    records = [line.record for line in lines if line.record is not None]
    return Examined(records, findings, end, raw_lines[-1] if raw_lines else b"")


def _line(raw: bytes) -> Line:
    return Line(hash_of(raw), parse_line(raw))


def _placed_wrongly(lines: Sequence[Line], writer: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        if line.record is None:
            yield "record-edited", f"line {number} is not a record"
        elif line.record.get("writer") != writer:
            yield "record-foreign", f"line {number} is of another writer"


def _sequence_faults(lines: Sequence[Line], first: int, seal: SealedObject | None) -> list[tuple[str, str]]:
    """Return lines that are missing, superfluous or out of order, found by their numbers."""
    numbers = [line.sequence for line in lines if line.record is not None]
    last = seal.last if seal else max(numbers, default=first)
    if len(numbers) == last - first + 1 and numbers == list(range(first, last + 1)):
        return []
    faults = []
    gaps = _gaps(sorted(set(numbers)), first, last)
    if len(gaps) == 1 and gaps[0][1] == last:
        faults.append(("records-truncated", f"it ends before {_named(gaps[0])}"))
    elif gaps and None not in (line.record for line in lines):
        missing = ", ".join(_named(gap) for gap in gaps[:_NAMED_GAPS])
        faults.append(("records-deleted", f"{missing}: missing"))
    if len(set(numbers)) < len(numbers):
        faults.append(("records-repeated", "a sequence number occurs twice"))
    if any(not first <= number <= last for number in numbers):
        faults.append(("records-inserted", "it holds records that do not belong into it"))
    if numbers != sorted(numbers):
        faults.append(("records-reordered", "its records are not in their order"))
    return faults


def _chain_faults(
    lines: Sequence[Line], first: int, before: Chain | None, seal: SealedObject | None
) -> Iterator[tuple[str, str]]:
    """Return lines whose hash differs from what the next line, or the manifest, says."""
    known = before.head if before and before.sequence == first else seal.before if seal else None
    for sequence, line in enumerate(lines, first):
        if line.record is None:
            return
        if known is not None and line.record.get("previous") != known:
            if sequence == first:
                yield "chain-broken", f"record {sequence} does not follow on the one before it"
            else:
                yield "record-edited", f"record {sequence - 1} is not what record {sequence} follows on"
        known = line.sha256
    if seal and known != seal.head:
        yield "record-edited", f"record {seal.last} is not what was sealed"


def _end(lines: Sequence[Line], writer: str, first: int, before: Chain | None) -> Chain:
    if not lines:
        return before or begin(writer)
    return Chain(writer, max(first, *(line.sequence for line in lines)) + 1, lines[-1].sha256)


def _gaps(numbers: Sequence[int], first: int, last: int) -> list[tuple[int, int]]:
    """Return the ranges from `first` to `last` that are not among the sorted numbers.

    As ranges, because a tampered record may contain any number.
    """
    gaps, expected = [], first
    for number in (one for one in numbers if first <= one <= last):
        if number > expected:
            gaps.append((expected, number - 1))
        expected = number + 1
    return [*gaps, (expected, last)] if expected <= last else gaps


def _named(span: tuple[int, int]) -> str:
    return f"record {span[0]}" if span[0] == span[1] else f"records {span[0]} to {span[1]}"
