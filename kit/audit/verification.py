"""`kit audit verify`: compares manifests, objects, records and access logs with each other (L2.5, G.3).

It proceeds hour by hour, fetching the next hours and objects meanwhile. Memory holds one line per writer,
what was not sealed yet, and a window of objects; calls are in a temporary database.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from kit.audit.access_logs import AccessLine, EdgeLine
from kit.audit.anchors import contradictions
from kit.audit.calls import Calls, Facts, began, said_by
from kit.audit.examination import Finding, examine
from kit.audit.segments import Checked, Checks
from kit.audit.sources import Entry, Source, ahead, readers
from kit.audit.writers import Writers
from lambdas.common.audit.chain import RECORDS, Chain, begin, hour_prefix
from lambdas.common.audit.introduction import WriterKeys
from lambdas.common.audit.manifest import (
    HOUR,
    MANIFESTS,
    Anchor,
    Manifest,
    ManifestDamaged,
    PublicKeys,
    SealedObject,
    SealedSegment,
    check_signature,
    first_of,
    hour_name,
    hour_of,
    hour_of_key,
    manifest_key,
    read_manifest,
    writer_of,
)
from lambdas.common.audit.segment import Run, index_key, read_index

SEALED_WITHIN = timedelta(hours=2)  # from the beginning of an hour: its end, the notary's grace, its run
_CALL_LASTS = timedelta(minutes=30)  # the longest call, and the sweeper after it
_LATE_HOURS = 24
_WINDOW_BYTES = 64 * 1024 * 1024
_HOURS_AHEAD = 12
_STEP = timedelta(hours=24)
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Span:
    """What to verify: the hours from `first` to `last`, inclusive.

    `whole` is true if nothing is before, so that chains must begin in it. What should be sealed is judged
    as of `as_of`, and so is which calls may be in progress, except in a `copy`, where that is judged as of
    the newest record or access line.
    """

    first: datetime
    last: datetime
    whole: bool
    as_of: datetime
    copy: bool = False
    bounded: bool = (
        True  # the operator said where it ends, so what the access logs have after it does not count
    )

    def hours(self) -> Iterator[datetime]:
        """Yield its hours in order."""
        hour = self.first
        while hour <= self.last:
            yield hour
            hour += HOUR

    def __len__(self) -> int:
        return max(0, (self.last - self.first) // HOUR + 1)


@dataclass(slots=True)
class Report:
    """What was verified, and what was found."""

    hours: int = 0
    manifests: int = 0
    segments: int = 0
    objects: int = 0
    records: int = 0
    bytes: int = 0
    writers: int = 0
    calls: int = 0
    access_lines: int = 0
    edge_lines: int = 0
    late_objects: int = 0
    sealed_through: datetime | None = None
    sealed: Anchor | None = None  # the manifest of that hour
    findings: list[Finding] = field(default_factory=list)

    def add(self, step: "Report") -> None:
        """Add the result of the next step."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(step, name))
        self.sealed_through, self.sealed = (
            step.sealed_through or self.sealed_through,
            step.sealed or self.sealed,
        )
        self.findings += [one for one in step.findings if one not in self.findings]

    @property
    def empty(self) -> bool:
        """Return whether there was nothing to verify: neither a record nor a manifest."""
        return self.records == 0 and self.manifests == 0 and not self.findings


_COUNTS = (
    "hours", "manifests", "segments", "objects", "records", "bytes", "writers", "calls", "access_lines",
    "edge_lines", "late_objects",
)  # fmt: skip


def span_of(
    source: Source, first: datetime | None, last: datetime | None, *, now: datetime | None
) -> Span | None:
    """Return the span that the operator asked for, within what exists; None if there is nothing at all.

    `now` is None for copies, which are judged as of their newest hour.
    """
    known = [
        hour
        for folders in (source.folders(RECORDS), source.folders(MANIFESTS))
        for day in dict.fromkeys(folders[:1] + folders[-1:])
        for hour in _hours_of_day(source, day)
    ]
    if not known:
        return None
    oldest, newest = min(known), max(known)
    end = hour_of(now) if now else newest
    begin_hour = max(oldest, first) if first else oldest
    return Span(
        begin_hour,
        min(end, last) if last else end,
        begin_hour == oldest,
        now or newest + HOUR,
        copy=now is None,
        bounded=last is not None or now is not None,
    )


def span_of_nothing(
    logs: "Callable[[Span | None], tuple[Iterable[AccessLine], Iterable[EdgeLine]]]",
    anchors: Sequence[Anchor],
    *,
    now: datetime | None,
) -> Span | None:
    """Return the span that access logs and anchors mention, for an empty store; None if they mention none."""
    access, edge = logs(None)
    times = [line.at for line in access if line.answered or line.recorded]
    times += [line.first for line in edge]
    times += [anchor.hour for anchor in anchors]
    if not times:
        return None
    first, last = hour_of(min(times)), hour_of(max(times))
    return Span(first - HOUR, last, True, now or last + HOUR, copy=now is None, bounded=False)


def _hours_of_day(source: Source, day: str) -> set[datetime]:
    found = set()
    for entry in source.entries(day):
        try:
            found.add(hour_of_key(entry.key))
        except ValueError:
            continue
    return found


@dataclass(frozen=True, slots=True)
class Trust:
    """Trusted public keys: of manifests by the ARN of the KMS key; of writers by function name and that
    ARN, None if an auditor has no writers' key. `anchors` were kept outside.
    """

    manifests: PublicKeys
    writers: WriterKeys | None
    anchors: Sequence[Anchor] = ()


def verify(
    source: Source,
    trust: Trust,
    span: Span,
    access: Iterable[AccessLine],
    edge: Iterable[EdgeLine] = (),
    *,
    progress: Callable[[Report], None] = lambda _: None,
    again: int = 0,
) -> Report:
    """Verify a span.

    `access` (the gateway's log) and `edge` (API Gateway's) are read first: each of their lines must have
    its records, and each call on record its line. What the first `again` hours hold is verified, but not
    counted: the step before did.
    """
    calls = Calls()
    end = span.last + HOUR
    repeated = Report()
    try:
        for line in access:
            calls.logged(line)
            if span.first <= min(line.at, began(line.request_id)) and (line.at < end or not span.bounded):
                calls.access(line)
                repeated.access_lines += line.at < span.first + again * HOUR
        for request in edge:
            if span.first <= request.first and (request.last < min(end, span.as_of) or not span.bounded):
                calls.edge(request)
                repeated.edge_lines += request.last < span.first + again * HOUR
        with (
            Checks() as checks,
            readers(_THREADS) as hours,
            readers(_THREADS) as objects,
        ):
            verification = _Verification(source, trust, span, calls, objects, checks, progress)
            return verification.run(hours, again, repeated)
    finally:
        calls.close()


Logs = Callable[[Span], tuple[Iterable[AccessLine], Iterable[EdgeLine]]]


def verify_in_steps(
    source: Source,
    trust: Trust,
    span: Span,
    logs: Logs,
    clean: Callable[[Anchor], None],
    *,
    progress: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Verify a span a day at a time; `clean` is called after each day with how far everything verified, so
    that an interrupted run is not lost.

    A step begins at the last sealed hour of the previous one, as the next run would. A writer counts in each
    step in which it writes.
    """
    total, first, again = Report(), span.first, 0
    days = _days_in(source)
    while True:
        last = min(span.last, _end_of_step(first, days) or span.last)
        step = replace(
            span, first=first, last=last, whole=span.whole and first == span.first,
            bounded=span.bounded or last < span.last,
        )  # fmt: skip
        anchors = [one for one in trust.anchors if last == span.last or one.hour <= last]
        report = verify(
            source, replace(trust, anchors=anchors), step, *logs(step), progress=progress, again=again
        )
        total.add(report)
        if report.sealed and not total.findings:
            clean(report.sealed)
        if last == span.last:
            return total
        # Hours that were not sealed are read again too, but never all of them.
        first = max(report.sealed.hour if report.sealed else last, first + HOUR)
        again = (last - first) // HOUR + 1


def _days_in(source: Source) -> list[date]:
    """Return the days that have records or manifests, in order."""
    names = {*source.folders(RECORDS), *source.folders(MANIFESTS)}
    return sorted(day for day in map(_day_of, names) if day is not None)


def _end_of_step(first: datetime, days: Sequence[date]) -> datetime | None:
    """Return where a step ends: after a day, or before the next that has anything; None after the last."""
    following = bisect_left(days, first.date())
    if following == len(days):
        return None
    return max(first + _STEP, datetime.combine(days[following], time(), UTC) - HOUR)


@dataclass(frozen=True, slots=True)
class _Hour:
    """State of one hour."""

    entries: Sequence[Entry]
    manifest: bytes | None
    manifest_versions: int


class _Verification:
    def __init__(
        self,
        source: Source,
        trust: Trust,
        span: Span,
        calls: Calls,
        pool: ThreadPoolExecutor,
        checks: Checks,
        progress: Callable[[Report], None],
    ) -> None:
        self._source = source
        self._checks = checks
        self._keys = trust.manifests
        self._anchors = trust.anchors
        self._span = span
        self._calls = calls
        self._pool = pool
        self._progress = progress
        self._report = Report()
        self._chains: dict[str, Chain] = {}
        self._gaps: list[_Gap] = []
        self._missing: dict[str, list[tuple[int, int]]] = {}  # by writer: what was reported already
        self._absent: set[datetime] = set()  # hours whose manifest was reported as missing
        self._unsealed: dict[str, SealedObject | None] = {}
        self._seal: tuple[datetime, str] | None = None
        self._newest = ""  # time of the newest record, as records write it
        self._seals = _sealed_hours(source)
        self._writers = Writers(source, trust.writers, demanded=self._newest_demands())

    def run(self, pool: ThreadPoolExecutor, again: int, repeated: Report) -> Report:
        """Verify every hour, then what spans hours.

        What the first `again` hours hold is not counted; `repeated` has their lines of the logs.
        """
        report, span = self._report, self._span
        if not span.whole:
            self._seal = self._seal_before(span.first - HOUR)
        for name in self._source.folders(RECORDS):
            if _day_of(name) is None:
                self._find("object-foreign", name, "no writer of the kit writes under this name")
        fresh = again == 0
        for hour, content in ahead(pool, self._hours(), self._load, most=_HOURS_AHEAD):
            if not fresh and hour >= span.first + again * HOUR:
                fresh, repeated = True, self._counted(repeated.access_lines, repeated.edge_lines)
            manifest = self._check_manifest(hour, content)
            if manifest is not None:
                self._writers.demanded = manifest.introduced
            self._check_objects(content.entries, manifest)
            report.findings += self._writers.unsigned_heads()
            report.hours += 1
            self._progress(report)
        self._settle_unsealed()
        report.findings += self._open_gaps()
        first = None if span.whole else span.first
        report.findings += contradictions(self._source, self._anchors, first)
        report.findings += self._calls.findings(since=span.first, open_until=self._open_until())
        report = self._counted(self._calls.access_lines, self._calls.edge_lines)
        for name in _COUNTS:
            setattr(report, name, getattr(report, name) - getattr(repeated, name))
        return report

    def _hours(self) -> Iterator[datetime]:
        """Yield the hours of the span in which something is or should be.

        One record that is dated years back must not have a verification look into every hour since.
        """
        days = frozenset(_days_in(self._source))
        hour = self._span.first
        while hour <= self._span.last:
            if hour.date() in days or (self._seals and hour >= self._seals[0]):
                yield hour
                hour += HOUR
            else:
                hour = hour.replace(hour=0) + timedelta(days=1)

    def _counted(self, access_lines: int, edge_lines: int) -> Report:
        """Return the report with the counts of what has been read so far."""
        return replace(
            self._report,
            writers=len(self._chains),
            calls=self._calls.count(),
            access_lines=access_lines,
            edge_lines=edge_lines,
        )

    def _open_until(self) -> datetime:
        end = min(self._span.as_of, self._span.last + HOUR)
        if self._span.copy and self._newest:
            end = min(end, self._calls.newest_line(datetime.fromisoformat(self._newest)))
        return end - _CALL_LASTS

    def _newest_demands(self) -> bool:
        """Return whether the newest manifest requires introductions of writers, as do hours without one."""
        document = self._source.get(manifest_key(self._seals[1])) if self._seals else None
        try:
            return read_manifest(document).introduced if document else True
        except ManifestDamaged:
            return True

    def _load(self, hour: datetime) -> _Hour:
        listed = self._source.entries(manifest_key(hour))
        manifest = self._source.get(manifest_key(hour))
        return _Hour(self._source.entries(hour_prefix(hour)), manifest, sum(one.versions for one in listed))

    def _find(self, code: str, where: str, message: str) -> None:
        self._report.findings.append(Finding(code, where, message))

    # -- manifests

    def _seal_before(self, hour: datetime) -> tuple[datetime, str] | None:
        document = self._source.get(manifest_key(hour))
        try:
            return (hour, read_manifest(document).sha256) if document else None
        except ManifestDamaged:
            return None

    def _check_manifest(self, hour: datetime, content: _Hour) -> Manifest | None:
        """Return the manifest of the hour, if it can be trusted."""
        where, document = manifest_key(hour), content.manifest
        if document is None:
            self._check_absence(hour, content)
            return None
        self._report.manifests += 1
        if content.manifest_versions > 1:
            self._find("manifest-overwritten", where, "it was written more than once")
        try:
            manifest = read_manifest(document)
            expected, self._seal = self._seal, (hour, manifest.sha256)
            check_signature(document, self._keys)
        except ManifestDamaged as error:
            self._find("manifest-forged", where, str(error))
            return None
        if manifest.hour != hour:
            self._find("manifest-forged", where, f"it is the manifest of {hour_name(manifest.hour)}")
            return None
        self._check_link(where, manifest, expected)
        for gap in manifest.gaps:
            self._find("gap-noted", where, f"the notary found: {gap}")
        self._report.sealed_through = hour
        self._report.sealed = Anchor(hour, manifest.sha256)
        return manifest

    def _check_absence(self, hour: datetime, content: _Hour) -> None:
        first, last = self._seals if self._seals else (None, None)
        between = first is not None and last is not None and first < hour < last
        overdue = hour + SEALED_WITHIN <= self._span.as_of and (
            bool(content.entries) or (first is not None and hour > first)
        )
        if between or overdue:
            self._absent.add(hour)
            self._seal = None
            self._find("manifest-missing", manifest_key(hour), "there is no manifest of this hour")

    def _check_link(self, where: str, manifest: Manifest, expected: tuple[datetime, str] | None) -> None:
        first = self._seals is not None and manifest.hour == self._seals[0]
        if expected is None:
            if (
                manifest.previous is not None
                and (first or self._span.whole)
                and manifest.previous[0] not in self._absent
            ):
                self._find(
                    "manifest-missing",
                    manifest_key(manifest.previous[0]),
                    f"{where} follows on it, and it is not there",
                )
        elif manifest.previous is None:
            self._find("manifest-chain", where, "it says that there is none before it, and there is")
        elif manifest.previous != expected:
            self._find("manifest-chain", where, f"it does not follow on {manifest_key(expected[0])} as it is")

    # -- segments

    def _check_segments(self, manifest: Manifest) -> list[Run]:
        """Check the segments of an hour. Return the objects of records that they contain, in runs."""
        contained: list[Run] = []
        for segment, checked in ahead(
            self._pool,
            manifest.segments,
            self._checked,
            most=_WINDOW_BYTES,
            weight=lambda one: one.size + 1,
        ):
            contained += checked.runs
            self._report.segments += 1
            self._report.bytes += checked.bytes
            self._report.findings += checked.findings
            if segment.late:
                self._take_late(checked)
            else:
                self._report.records += checked.records
                self._report.objects += checked.objects
                self._take_stretches(checked)
        return contained

    def _checked(self, segment: SealedSegment) -> Checked:
        """Check a segment, in a thread that waits for a process."""
        return self._checks(segment, self._source.get(segment.key), self._source.get(index_key(segment.key)))

    def _take_stretches(self, checked: Checked) -> None:
        for writer, stretch in checked.stretches.items():
            before = self._before(writer, stretch.first, stretch.first_key)
            if before is not None and before.head != stretch.before:
                self._find(
                    "chain-broken",
                    stretch.first_key,
                    f"record {stretch.first} does not follow on the one before it",
                )
            self._chains[writer] = stretch.end
            head = (stretch.last_key, stretch.last_line)
            self._report.findings += self._writers.take(writer, stretch.first_key, stretch.first_record, head)
        for writer, facts in checked.facts.items():
            self._take_facts(writer, facts, checked.stretches[writer].first_key)

    def _take_late(self, checked: Checked) -> None:
        """Handle objects of earlier hours: they were read in their own hour, or, if expired there, fill
        gaps.
        """
        self._report.late_objects += checked.objects
        fresh: set[str] = set()
        for one in (one for run in checked.runs for one in run.objects()):
            found = self._unsealed.pop(one.key, None)
            if found is None:
                fresh.add(one.writer)
                self._fill(one)
            elif found.sha256 != one.sha256:
                self._find("object-altered", one.key, "its bytes are not those that were sealed")
        for writer in fresh & checked.stretches.keys():
            stretch = checked.stretches[writer]
            head = (stretch.last_key, stretch.last_line)
            self._report.findings += self._writers.take(writer, stretch.first_key, stretch.first_record, head)
            self._take_facts(writer, checked.facts[writer], stretch.first_key)
        self._report.records += sum(run.records for run in checked.runs if run.writer in fresh)

    def _fill(self, one: SealedObject) -> None:
        """Fill a gap in a writer's records with a late object."""
        if one.writer not in self._chains:
            self._chains[one.writer] = Chain(one.writer, one.last + 1, one.head)
            return
        for gap in self._gaps:
            if gap.writer == one.writer and gap.expected == one.first and gap.head in ("", one.before):
                gap.expected, gap.head = one.last + 1, one.head
                return
        end = self._chains[one.writer]
        if (end.sequence, end.head) == (one.first, one.before):
            self._chains[one.writer] = Chain(one.writer, one.last + 1, one.head)

    def _take_facts(self, writer: str, facts: Facts, key: str) -> None:
        self._report.findings += self._writers.overstepping(writer, key, facts)
        self._calls.take(facts, writer, self._writers.process(writer))
        self._newest = max(self._newest, facts.newest)

    # -- objects

    def _check_objects(self, entries: Sequence[Entry], manifest: Manifest | None) -> None:
        runs = self._check_segments(manifest) if manifest else []
        contained = _sizes(runs) if entries else {}
        sealed = {one.key: one for one in manifest.objects} if manifest else {}
        present = {entry.key for entry in entries if not entry.deleted}
        for late in manifest.late if manifest else ():
            self._check_late(late)
        for key, one in sealed.items():
            if key not in present:
                self._miss(one, "the manifest has it, the bucket does not")
        for entry in entries:
            if entry.key in contained:  # the segment is the evidence; what is left of the object may expire
                self._check_remains(entry, contained[entry.key])
            else:
                self._check_entry(entry, sealed)
        ours = [
            entry
            for entry in entries
            if not entry.deleted and entry.key not in contained and _is_ours(entry.key)
        ]
        for entry, data in ahead(
            self._pool, ours, self._get, most=_WINDOW_BYTES, weight=lambda entry: entry.size + 1
        ):
            if data is not None:
                self._check_object(entry.key, data, sealed.get(entry.key), sealing=manifest is not None)

    def _check_remains(self, entry: Entry, size: int) -> None:
        if entry.versions > 1:
            self._find("object-overwritten", entry.key, "it was written more than once")
        elif not entry.deleted and entry.size != size:
            self._find("object-altered", entry.key, "it is not what its segment contains")

    def _get(self, entry: Entry) -> bytes | None:
        return self._source.get(entry.key)

    def _check_entry(self, entry: Entry, sealed: dict[str, SealedObject]) -> None:
        if entry.deleted and entry.key not in sealed:
            self._find("object-deleted", entry.key, "it was deleted; the bucket keeps what it held")
        elif entry.versions > 1:
            self._find("object-overwritten", entry.key, "it was written more than once")
        if not _is_ours(entry.key):
            self._find("object-foreign", entry.key, "no writer of the kit writes such objects")

    def _miss(self, one: SealedObject, message: str) -> None:
        self._find("object-deleted", one.key, f"{message}: {_range(one.first, one.last)} of {one.writer}")
        self._missing.setdefault(one.writer, []).append((one.first, one.last))

    def _check_object(self, key: str, data: bytes, seal: SealedObject | None, *, sealing: bool) -> None:
        writer, first = writer_of(key), first_of(key)
        before = self._before(writer, first, key)
        examined = examine(key, data, before, seal)
        report = self._report
        report.findings += examined.findings
        report.objects += 1
        report.records += len(examined.records)
        report.bytes += len(data)
        self._chains[writer] = examined.end
        first_record = examined.records[0] if examined.records else None
        report.findings += self._writers.take(writer, key, first_record, (key, examined.last_line))
        facts = Facts()
        for record in examined.records:
            facts.take(said_by(record))
        self._take_facts(writer, facts, key)
        if sealing and seal is None:
            self._unsealed[key] = SealedObject(
                key, len(data), _sha256(data), first, examined.end.sequence - 1, "", examined.end.head
            )

    def _before(self, writer: str, first: int, key: str) -> Chain | None:
        """Return where the writer's chain ended before the object.

        None if what is between is missing, which is reported here, or was not read.
        """
        known = self._chains.get(writer)
        if known is None:
            if first == 0:
                return begin(writer)
            if self._must_begin_here(writer):
                self._report_gap(writer, 0, first, key)
            return None
        if known.sequence != first:
            self._report_gap(writer, known.sequence, first, key)
            return None
        return known

    def _report_gap(self, writer: str, expected: int, first: int, key: str) -> None:
        if first < expected:
            self._find("records-repeated", key, f"{writer} had already written record {first}")
            return
        for low, high in sorted(self._missing.get(writer, ())):
            if low <= expected:
                expected = max(expected, high + 1)
        if expected < first:
            known = self._chains.get(writer)
            head = known.head if known and known.sequence == expected else ""
            self._gaps.append(_Gap(writer, expected, first, key, head))

    def _open_gaps(self) -> Iterator[Finding]:
        """Yield what was missing and did not arrive late either."""
        for gap in self._gaps:
            if gap.expected < gap.first:
                missing = f"{_range(gap.expected, gap.first - 1)} of {gap.writer} before it: missing"
                yield Finding("records-deleted", gap.key, missing)

    def _must_begin_here(self, writer: str) -> bool:
        return self._span.whole or began(writer.rsplit("-", 1)[-1]) >= self._span.first

    # -- what was late

    def _check_late(self, late: SealedObject) -> None:
        self._report.late_objects += 1
        found = self._unsealed.pop(late.key, None)
        if found is None:
            if hour_of_key(late.key) >= self._span.first:
                self._miss(late, "a manifest has it as late, the bucket does not")
        elif found.sha256 != late.sha256:
            self._find("object-altered", late.key, "its bytes are not those that were sealed")

    def _settle_unsealed(self) -> None:
        """Search late objects in the manifests after the span, then report what no manifest contains."""
        hour = self._span.last
        for _ in range(_LATE_HOURS):
            hour += HOUR
            document = self._source.get(manifest_key(hour)) if self._unsealed else None
            if document is None:
                break
            try:
                check_signature(document, self._keys)
                manifest = read_manifest(document)
            except ManifestDamaged:
                continue
            for late in manifest.late:
                if late.key in self._unsealed:
                    self._check_late(late)
            for segment in manifest.segments:
                for one in self._late_in(segment):
                    if one.key in self._unsealed:
                        self._check_late(one)
        newest = self._seals[1] if self._seals else None
        for key in self._unsealed:
            if newest is not None and newest > hour_of_key(key):
                self._find("object-unsealed", key, "no manifest has it, and that of its hour was written")

    def _late_in(self, segment: SealedSegment) -> Sequence[SealedObject]:
        index = self._source.get(index_key(segment.key)) if segment.late else None
        return read_index(index) if index and _sha256(index) == segment.index_sha256 else ()


@dataclass(slots=True)
class _Gap:
    """Records of a writer that were missing when later ones were read; late objects reduce it."""

    writer: str
    expected: int
    first: int
    key: str
    head: str  # the hash after which the missing ones must follow; empty when not known


def _sealed_hours(source: Source) -> tuple[datetime, datetime] | None:
    """Return the first and the last hour with a manifest."""
    days = source.folders(MANIFESTS)
    hours = sorted(hour for day in dict.fromkeys(days[:1] + days[-1:]) for hour in _hours_of_day(source, day))
    return (hours[0], hours[-1]) if hours else None


def _day_of(folder: str) -> date | None:
    """Return the day of a folder such as records/dt=2026-11-24/; None if it is named otherwise."""
    name = folder.rstrip("/").rpartition("/")[2]
    try:
        day = date.fromisoformat(name.removeprefix("dt="))
    except ValueError:
        return None
    return day if name == f"dt={day.isoformat()}" and day.year >= 1000 else None  # shorter years: no zeros


def _is_ours(key: str) -> bool:
    try:
        writer_of(key)
        first_of(key)
    except ValueError:
        return False
    return True


def _range(first: int, last: int) -> str:
    return f"record {first}" if first == last else f"records {first} to {last}"


def _sizes(runs: Iterable[Run]) -> dict[str, int]:
    """Return the sizes of the objects of records in runs, by key."""
    return {key: size for run in runs for key, size in zip(run.keys(), run.sizes, strict=True)}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _verdict(report: Report) -> str:
    if report.findings:
        return "findings"
    return "nothing to verify" if report.empty else "holds"


def as_document(report: Report, span: Span | None) -> dict[str, Any]:
    """Return the report for machines."""
    return {
        "schema": "kit-audit-verify/1",
        "verdict": _verdict(report),
        "from": hour_name(span.first) if span else None,
        "to": hour_name(span.last) if span else None,
        "hours": report.hours,
        "manifests": report.manifests,
        "sealed_through": hour_name(report.sealed_through) if report.sealed_through else None,
        "segments": report.segments,
        "objects": report.objects,
        "late_objects": report.late_objects,
        "records": report.records,
        "bytes": report.bytes,
        "writers": report.writers,
        "calls": report.calls,
        "access_lines": report.access_lines,
        "edge_lines": report.edge_lines,
        "findings": [
            {"code": one.code, "where": one.where, "message": one.message} for one in report.findings
        ],
    }
