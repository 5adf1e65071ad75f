"""Seals hours, oldest first, each once (L2.5).

An hour is due five minutes after its end: a put is decided within seconds, so nobody who began in the hour
is still writing. Its objects are combined into segments, one after the other; the manifest lists the
segments and is signed; only then are the objects tagged as contained, and only tagged objects may expire.
Each step continues where an interrupted run stopped, judging by what is in the bucket, so no hour is too
large for one run, and memory holds one segment. Anything that arrives later is sealed with a later hour.

If sequential runs do not keep up, shards work in parallel, each on its own writers: a shard builds their
segments (numbered from 1,000 times the shard) and tags what they contain. Shard 0 signs once no other has
work left. The first run of an hour writes down the number of shards, so a change never divides an hour
twice; shard 0 takes over shards that no longer exist.
"""

import heapq
import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from zlib import crc32

from botocore.exceptions import ClientError

from lambdas.common.audit.chain import RECORDS, hour_prefix
from lambdas.common.audit.manifest import (
    HOUR,
    LATE,
    MANIFESTS,
    Anchor,
    Manifest,
    SealedObject,
    SealedSegment,
    first_of,
    hour_of,
    hour_of_key,
    manifest_key,
    read_manifest,
    sign,
    writer_of,
)
from lambdas.common.audit.segment import (
    SEGMENT_BYTES,
    Run,
    build,
    index_key,
    read_index,
    read_runs,
    segment_key,
    segments_of_hour,
)
from lambdas.common.audit.store import ObjectStore, Occupied
from lambdas.common.clock import Clock, utc_now

GRACE = timedelta(minutes=5)
LOOK_BACK = (24, 2, 1)  # hours before a sealed one in which late objects are looked for
MOST_SHARDS = 9
TAG = {"Key": "kit-contained", "Value": "sealed"}  # on an object of records that a sealed segment has
_NUMBERS = 1000  # of segments of a shard
_LATE_NUMBER = int(LATE) * _NUMBERS
_TAGGED_WITHIN = timedelta(days=7)
_SEARCHED_DAYS = 400  # how far back the last manifest is looked for
_THREADS = 24
_DESCRIBED = ("index_sha256", "objects", "records", "root", "block")  # what a segment's metadata say of it
_TYPE, _LINES_TYPE = "application/json", "application/x-ndjson"
_IS_THERE = 412


class AnchorBucket:
    """A bucket in another account that stores an anchor per hour under `prefix`. `s3` is botocore's."""

    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    def put(self, anchor: Anchor) -> None:
        """Store an anchor, unless it exists. Raises botocore's errors."""
        key = f"{self._prefix}dt={anchor.hour:%Y-%m-%d}/hour={anchor.hour:%H}.json"
        line = json.dumps(anchor.as_document()).encode() + b"\n"
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=line, IfNoneMatch="*", ContentType=_TYPE)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != _IS_THERE:
                raise


@dataclass(slots=True)
class _Progress:
    """Completed work of a shard of an hour: its segments, the end of the last one, anomalies.

    A writer's objects are adjacent, so nothing is kept of earlier writers.
    """

    segments: list[SealedSegment] = field(default_factory=list)
    last: Run | None = None
    gaps: list[str] = field(default_factory=list)

    @property
    def after(self) -> str:
        """Return the last key in its segments."""
        return self.last.last_key if self.last else ""

    def take(self, segment: SealedSegment, runs: Sequence[Run]) -> None:
        """Note a segment."""
        self.segments.append(segment)
        if segment.late:
            return
        for run in runs:
            before, self.last = self.last, run
            if before is not None and before.writer == run.writer and not run.follows(before):
                self.gaps.append(f"{run.first_key} does not follow on {before.last_key}")


@dataclass(frozen=True, slots=True)
class _Plan:
    """How an hour is divided."""

    hour: datetime
    shards: int

    def shard_of(self, key: str) -> int:
        """Return the shard of an object of records: all of a writer's belong to one shard."""
        return crc32(writer_of(key).encode()) % self.shards

    def shard_of_segment(self, key: str) -> int:
        """Return the shard that builds a segment, and tags what it contains. Late ones are the first
        shard's.
        """
        number = int(key.rsplit("/", 1)[1].split(".")[0])
        return 0 if self.shards == 1 or number >= _LATE_NUMBER else number // _NUMBERS


class OutOfTime(Exception):
    """The run has to stop; the next one continues."""


class Notary:
    """Seals hours of one bucket. `s3`, `kms` are botocore clients, `store` takes segments and manifests,
    `anchors` hashes of manifests outside.
    """

    def __init__(
        self,
        s3: Any,
        store: ObjectStore,
        kms: Any,
        *,
        bucket: str,
        signing_key_arn: str,
        anchors: AnchorBucket | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        shards: int = 1,
        clock: Clock = utc_now,
    ) -> None:
        if not 1 <= shards <= MOST_SHARDS:
            raise ValueError(f"{shards} shards: 1 to {MOST_SHARDS}")
        self._s3 = s3
        self._store = store
        self._kms = kms
        self._bucket = bucket
        self._signing_key_arn = signing_key_arn
        self._anchors = anchors
        self._segment_bytes = segment_bytes
        self._shards = shards
        self._clock = clock

    def seal_due(self, has_time: Callable[[], bool] = lambda: True) -> list[Manifest]:
        """Seal every hour that is due while there is time. Return what was sealed.

        Raises botocore's errors and `NotWritten`.
        """
        return list(self.seal_each(has_time))

    def seal_each(self, has_time: Callable[[], bool] = lambda: True) -> Iterator[Manifest]:
        """Yield as `seal_due`, hour by hour, so that catching up on many need not hold more than one."""
        last_due = hour_of(self._clock() - GRACE) - HOUR
        before = self._last_manifest(last_due)
        try:
            if before:  # again, in case the run that sealed it was cut short
                self._anchor(before)
                self._tag_behind(before, 0, has_time)
            hour = before.hour + HOUR if before else self._first_hour(last_due)
            while hour <= last_due and has_time():
                before = self._seal(hour, before, has_time)
                self._anchor(before)
                yield before
                self._tag(before, 0, has_time)
                hour += HOUR
        except OutOfTime:
            return

    def work_on(self, shard: int, has_time: Callable[[], bool] = lambda: True) -> int:
        """Do the work of a shard other than the first in every hour that is due. Return the number of new
        segments.

        Raises botocore's errors and `NotWritten`.
        """
        last_due = hour_of(self._clock() - GRACE) - HOUR
        before = self._last_manifest(last_due)
        made = 0
        try:
            if before:
                self._tag_behind(before, shard, has_time)
            hour = before.hour + HOUR if before else self._first_hour(last_due)
            while hour <= last_due and has_time():
                plan = self._plan(hour)
                if shard in self._mine(shard, plan):
                    for _ in self._segments_of(plan, shard, has_time):
                        made += 1
                hour += HOUR
        except OutOfTime:
            pass
        return made

    def _mine(self, shard: int, plan: _Plan) -> list[int]:
        """Return the shards of an hour that this one handles: the first also takes those that no longer
        exist.
        """
        if shard:
            return [shard] if shard < plan.shards else []
        return [0, *range(self._shards, plan.shards)]

    def _plan(self, hour: datetime) -> _Plan:
        """Return how an hour is divided, as written down by its first run."""
        key = _plan_key(hour)
        known = self._planned(key)
        if known is None:
            try:
                self._store.put(key, json.dumps({"shards": self._shards}).encode(), {}, _TYPE)
                known = self._shards
            except Occupied:
                known = self._planned(key)
        return _Plan(hour, known or 1)

    def _planned(self, key: str) -> int | None:
        return json.loads(self._get(key))["shards"] if list(self._keys(key, most=1)) else None

    def _seal(self, hour: datetime, before: Manifest | None, has_time: Callable[[], bool]) -> Manifest:
        plan = self._plan(hour)
        for shard in self._mine(0, plan):
            for _ in self._segments_of(plan, shard, has_time):
                pass
        done, late = self._done(plan)
        strange = self._strange(plan, done)
        if before and not late.segments:
            for keys in self._together(self._late(hour, before, has_time)):
                self._compact(segment_key(hour, _LATE_NUMBER + len(late.segments)), keys, late, has_time)
        manifest = Manifest(
            hour=hour,
            sealed_at=self._clock().isoformat(timespec="seconds"),
            previous=(before.hour, before.sha256) if before else None,
            segments=sorted(
                (segment for one in (*done, late) for segment in one.segments), key=lambda one: one.key
            ),
            gaps=[
                *(gap for one in done for gap in one.gaps),
                *(f"{key} is not an object of records" for key in strange),
            ],
            introduced=before is None or before.version > 1,
        )
        document = sign(manifest.line(), self._kms, self._signing_key_arn)
        try:
            self._store.put(manifest_key(hour), document, {}, _TYPE)
        except Occupied:  # another run was first; what it wrote is what counts
            return self._read(hour)
        return read_manifest(document)

    # -- segments

    def _segments_of(self, plan: _Plan, shard: int, has_time: Callable[[], bool]) -> Iterator[None]:
        """Build the missing segments of a shard of an hour, one after the other."""
        done = self._done(plan, only=shard)[0][shard]
        listed = self._listed(hour_prefix(plan.hour), after=done.after)
        mine = ((key, size) for key, size in listed if _is_ours(key) and plan.shard_of(key) == shard)
        for keys in self._together(mine):
            number = len(done.segments)
            if plan.shards > 1 and number >= _NUMBERS:
                raise RuntimeError(f"{hour_prefix(plan.hour)} has too many records for {plan.shards} shards")
            self._compact(segment_key(plan.hour, shard * _NUMBERS + number), keys, done, has_time)
            yield

    def _done(self, plan: _Plan, *, only: int | None = None) -> tuple[list[_Progress], _Progress]:
        """Return the completed work of an hour by shard, and of its late objects; or of one shard."""
        shards, late = [_Progress() for _ in range(plan.shards)], _Progress()
        for key in list(self._keys(segments_of_hour(plan.hour))):
            if not key.rsplit("/", 1)[1].removesuffix(".jsonl").isdecimal():
                continue  # an index, the plan, or not ours
            shard = plan.shard_of_segment(key)
            if only in (None, shard):
                segment = self._sealed(key)
                of = late if segment.late else shards[shard]
                of.take(segment, read_runs(self._get(index_key(key))))
        return shards, late

    def _strange(self, plan: _Plan, done: Sequence[_Progress]) -> list[str]:
        """Return what is among the records of an hour but is not a record.

        Raises `OutOfTime` while a shard is still working: anything after its last key is its own, anything
        before is late.
        """
        strange: list[str] = []
        for key, _ in self._listed(hour_prefix(plan.hour)):
            if not _is_ours(key):
                strange.append(key)
            elif plan.shards > 1 and key > done[plan.shard_of(key)].after:
                raise OutOfTime
        return strange

    def _together(self, listed: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
        """Yield keys that make up one segment."""
        keys: list[str] = []
        size = 0
        for key, length in listed:
            keys.append(key)
            size += length
            if size >= self._segment_bytes:
                yield keys
                keys, size = [], 0
        if keys:
            yield keys

    def _compact(self, key: str, keys: Sequence[str], done: _Progress, has_time: Callable[[], bool]) -> None:
        """Write the segment of these objects, index first: a segment always has its index."""
        if not has_time():
            raise OutOfTime
        made = build(zip(keys, self._contents(keys), strict=True))
        try:
            self._store.put(index_key(key), made.index, {}, _LINES_TYPE)
        except Occupied:  # a run before was cut short here: the segment is of what that one saw
            seen = [one.key for one in read_index(self._get(index_key(key)))]
            made = build(zip(seen, self._contents(seen), strict=True))
        sealed = made.sealed(key)
        described = {name: str(getattr(sealed, name)) for name in _DESCRIBED}
        try:
            self._store.put(key, made.data, described, _LINES_TYPE)
        except Occupied:
            sealed = self._sealed(key)
        done.take(sealed, made.runs)

    def _sealed(self, key: str) -> SealedSegment:
        """Return what a segment's index says about it, and S3 about its bytes."""
        head = self._s3.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        said = head["Metadata"]
        return SealedSegment(
            key=key,
            size=head["ContentLength"],
            sha256=b64decode(head["ChecksumSHA256"]).hex(),
            index_sha256=said["index_sha256"],
            objects=int(said["objects"]),
            records=int(said["records"]),
            root=said["root"],
            block=int(said.get("block", 1)),
        )

    def _contents(self, keys: Sequence[str]) -> Iterator[bytes]:
        with ThreadPoolExecutor(_THREADS) as pool:
            yield from pool.map(self._get, keys)

    # -- late objects

    def _late(
        self, hour: datetime, before: Manifest, has_time: Callable[[], bool]
    ) -> Iterator[tuple[str, int]]:
        """Objects of earlier hours that no manifest holds, by key and size.

        One earlier hour at a time, and of its index one segment a shard at a time.
        """
        noted: set[str] = set()
        absent: dict[str, int] = {}
        for sealed_hour in self._sealed_hours(hour - HOUR * max(LOOK_BACK), hour):
            manifest = before if sealed_hour == before.hour else self._read(sealed_hour)
            noted.update(one.key for one in manifest.late)
            for segment in manifest.segments:
                if segment.late:
                    noted.update(one.key for one in self._index(segment))
            if (hour - sealed_hour) // HOUR in LOOK_BACK:
                if not has_time():
                    raise OutOfTime
                listed = (one for one in self._listed(hour_prefix(sealed_hour)) if _is_ours(one[0]))
                absent |= _not_among(listed, self._held(manifest))
        yield from sorted((key, size) for key, size in absent.items() if key not in noted)

    def _held(self, manifest: Manifest) -> Iterator[str]:
        """Yield the keys that a manifest contains of its own hour, in S3's order."""
        own = [segment for segment in manifest.segments if not segment.late]
        shards = [list(group) for _, group in groupby(own, key=lambda one: one.key.rsplit("/", 1)[1][0])]
        yield from (one.key for one in manifest.objects)
        yield from heapq.merge(*(self._keys_in(segments) for segments in shards))

    def _keys_in(self, segments: Sequence[SealedSegment]) -> Iterator[str]:
        for segment in segments:
            for run in read_runs(self._get(index_key(segment.key))):
                yield from run.keys()

    def _index(self, segment: SealedSegment) -> list[SealedObject]:
        return read_index(self._get(index_key(segment.key)))

    # -- what is contained may expire

    def _tag_behind(self, newest: Manifest, shard: int, has_time: Callable[[], bool]) -> None:
        """Tag what runs before this one did not come to: in the hours after the last one that is done."""
        behind: list[datetime] = []
        for hour in reversed(self._sealed_hours(newest.hour - _TAGGED_WITHIN, newest.hour + HOUR)):
            if self._is_tagged(manifest_key(hour)):
                break
            behind.append(hour)
        for hour in reversed(behind):
            if not self._tag(self._read(hour), shard, has_time):
                return

    def _tag(self, manifest: Manifest, shard: int, has_time: Callable[[], bool]) -> bool:
        """Tag the objects that a shard's segments of a signed manifest contain, each segment once it was
        looked at: its bytes are those that were sealed, and they are locked. The manifest is tagged by the
        first shard when all segments are. False: another shard is not done with them.
        """
        plan = _Plan(manifest.hour, self._planned(_plan_key(manifest.hour)) or 1)
        mine = self._mine(shard, plan)
        waiting = False
        for segment in manifest.segments:
            if plan.shard_of_segment(segment.key) not in mine:
                waiting = waiting or (shard == 0 and not self._is_tagged(segment.key))
                continue
            if self._is_tagged(segment.key):
                continue
            if not has_time():
                raise OutOfTime
            if self._sealed(segment.key) != segment:
                raise RuntimeError(f"{segment.key} is not what its manifest says: nothing of it is let go")
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(self._put_tag, [one.key for one in self._index(segment)]))
            self._put_tag(segment.key)
        if shard == 0 and not waiting:
            self._put_tag(manifest_key(manifest.hour))
        return not waiting

    def _put_tag(self, key: str) -> None:
        self._s3.put_object_tagging(Bucket=self._bucket, Key=key, Tagging={"TagSet": [TAG]})

    def _is_tagged(self, key: str) -> bool:
        return TAG in self._s3.get_object_tagging(Bucket=self._bucket, Key=key)["TagSet"]

    # -- reading

    def _anchor(self, manifest: Manifest) -> None:
        if self._anchors is not None:
            self._anchors.put(Anchor(manifest.hour, manifest.sha256))

    def _last_manifest(self, last_due: datetime) -> Manifest | None:
        if not list(self._keys(MANIFESTS, most=1)):
            return None
        # From the day after: a clock that was set back must not begin a second chain.
        for back in range(-1, _SEARCHED_DAYS):
            day = last_due - timedelta(days=back)
            keys = list(self._keys(f"{MANIFESTS}dt={day:%Y-%m-%d}/"))
            if keys:
                return self._read(hour_of_key(keys[-1]))
        return None

    def _first_hour(self, last_due: datetime) -> datetime:
        """Return the hour of the oldest record, or the last hour if there is none yet.

        A record that is dated years back, or lies under no hour, must not keep today's waiting: it stays
        without a manifest, which a verification reports.
        """
        oldest = last_due - timedelta(days=_SEARCHED_DAYS)
        for key, _ in self._listed(RECORDS, after=hour_prefix(oldest)):
            with suppress(ValueError):
                return min(hour_of_key(key), last_due)
        return last_due

    def _sealed_hours(self, first: datetime, end: datetime) -> list[datetime]:
        """Return the hours from `first` to before `end` that have a manifest."""
        hours: list[datetime] = []
        day = first.replace(hour=0)
        while day < end:
            hours += [hour_of_key(key) for key in self._keys(f"{MANIFESTS}dt={day:%Y-%m-%d}/")]
            day += timedelta(days=1)
        return [hour for hour in hours if first <= hour < end]

    def _read(self, hour: datetime) -> Manifest:
        return read_manifest(self._get(manifest_key(hour)))

    def _get(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def _keys(self, prefix: str, *, most: int = 1000) -> Iterator[str]:
        """Yield keys under a prefix in order, page by page; at most `most` if that is below 1,000."""
        return (key for key, _ in self._listed(prefix, most=most))

    def _listed(self, prefix: str, *, after: str = "", most: int = 1000) -> Iterator[tuple[str, int]]:
        """Yield keys and sizes under a prefix in key order, after `after`."""
        query: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, "MaxKeys": most}
        if after:
            query["StartAfter"] = after
        while True:
            page = self._s3.list_objects_v2(**query)
            yield from ((one["Key"], one["Size"]) for one in page.get("Contents", ()))
            if most < 1000 or not page.get("IsTruncated"):
                return
            query["ContinuationToken"] = page["NextContinuationToken"]


def _plan_key(hour: datetime) -> str:
    return f"{segments_of_hour(hour)}shards.json"


def _is_ours(key: str) -> bool:
    """Return whether our writers name objects like this."""
    try:
        writer_of(key)
        return key.endswith(f"/{first_of(key):012d}.jsonl")
    except ValueError:
        return False


def _not_among(listed: Iterable[tuple[str, int]], known: Iterable[str]) -> dict[str, int]:
    """Return keys, and their sizes, that are not known. Both are in S3's order, so neither is stored."""
    absent: dict[str, int] = {}
    left = iter(known)
    at = next(left, None)
    for key, size in listed:
        while at is not None and at < key:
            at = next(left, None)
        if at != key:
            absent[key] = size
    return absent
