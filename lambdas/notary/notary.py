"""Seals hours, the oldest first, each once (L2.5).

An hour is due five minutes after its end: a put is decided within seconds, so nobody who began in the hour is
still at it. Its objects are put together into segments, one after the other; the manifest names the segments
and is signed; only then are the objects tagged as contained, and only what is tagged may expire. Each step
goes on where a run before it was cut short, by what lies in the bucket, so no hour is too big for one run,
and memory holds one segment. What comes later all the same is sealed with the next hour.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from lambdas.common.audit.chain import RECORDS, hour_prefix
from lambdas.common.audit.manifest import (
    HOUR,
    LATE,
    MANIFESTS,
    SEGMENTS,
    Anchor,
    Manifest,
    SealedObject,
    SealedSegment,
    hour_of,
    hour_of_key,
    manifest_key,
    read_manifest,
    sign,
    writer_of,
)
from lambdas.common.audit.segment import SEGMENT_BYTES, build, index_key, read_index, segment_key
from lambdas.common.audit.store import ObjectStore, Occupied
from lambdas.common.clock import Clock, utc_now

GRACE = timedelta(minutes=5)
LOOK_BACK = 24  # hours before a sealed one in which late objects are looked for, once a day; else two
TAG = {"Key": "kit-contained", "Value": "sealed"}  # on an object of records that a sealed segment has
_LATE_NUMBER = int(LATE) * 1000
_SEARCHED_DAYS = 400  # how far back the last manifest is looked for
_THREADS = 24
_TYPE, _LINES_TYPE = "application/json", "application/x-ndjson"
_IS_THERE = 412


class AnchorBucket:
    """A bucket of another account that takes an anchor an hour under `prefix`. `s3` is a botocore client."""

    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    def put(self, anchor: Anchor) -> None:
        """Keep an anchor; nothing where it is there already. Raises botocore's errors."""
        key = f"{self._prefix}dt={anchor.hour:%Y-%m-%d}/hour={anchor.hour:%H}.json"
        line = json.dumps(anchor.as_document()).encode() + b"\n"
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=line, IfNoneMatch="*", ContentType=_TYPE)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != _IS_THERE:
                raise


@dataclass(slots=True)
class _Progress:
    """What is done of an hour: its segments, the last key that they have, the ends of writers, what is
    odd.
    """

    segments: list[SealedSegment] = field(default_factory=list)
    after: str = ""
    ends: dict[str, SealedObject] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    def take(self, segment: SealedSegment, contained: Sequence[SealedObject]) -> None:
        """Take note of a segment."""
        self.segments.append(segment)
        if not segment.late:
            self.gaps += find_gaps(contained, self.ends)
            self.after = contained[-1].key if contained else self.after


class OutOfTime(Exception):
    """The run has to stop; the next one goes on."""


class Notary:
    """Seals hours of one bucket. `s3`, `kms` are botocore clients, `store` is where segments and manifests
    are put, `anchors` where hashes of manifests are kept outside.
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
        clock: Clock = utc_now,
    ) -> None:
        self._s3 = s3
        self._store = store
        self._kms = kms
        self._bucket = bucket
        self._signing_key_arn = signing_key_arn
        self._anchors = anchors
        self._segment_bytes = segment_bytes
        self._clock = clock

    def seal_due(self, has_time: Callable[[], bool] = lambda: True) -> list[Manifest]:
        """Seal every hour that is due, as long as there is time; what was sealed now.

        Raises botocore's errors and `NotWritten`.
        """
        return list(self.seal_each(has_time))

    def seal_each(self, has_time: Callable[[], bool] = lambda: True) -> Iterator[Manifest]:
        """`seal_due` one hour after the other: who catches up on many need not hold more than one."""
        last_due = hour_of(self._clock() - GRACE) - HOUR
        before = self._last_manifest(last_due)
        try:
            if before:  # again, in case the run that sealed it was cut short
                self._anchor(before)
                self._tag_behind(before, has_time)
            hour = before.hour + HOUR if before else self._first_hour(last_due)
            while hour <= last_due and has_time():
                before = self._seal(hour, before, has_time)
                self._anchor(before)
                yield before
                self._tag(before, has_time)
                hour += HOUR
        except OutOfTime:
            return

    def _seal(self, hour: datetime, before: Manifest | None, has_time: Callable[[], bool]) -> Manifest:
        done = self._done(hour)
        strange: list[str] = []
        for keys in self._runs(self._listed(hour_prefix(hour), after=done.after), strange):
            self._compact(segment_key(hour, _next_number(done, late=False)), keys, done, has_time)
        if before and not any(one.late for one in done.segments):
            for keys in self._runs(self._late(hour, before), strange):
                self._compact(segment_key(hour, _next_number(done, late=True)), keys, done, has_time)
        manifest = Manifest(
            hour=hour,
            sealed_at=self._clock().isoformat(timespec="seconds"),
            previous=(before.hour, before.sha256) if before else None,
            segments=sorted(done.segments, key=lambda one: one.key),
            gaps=[*done.gaps, *(f"{key} is not an object of records" for key in sorted(strange))],
            introduced=before is None or before.version > 1,
        )
        document = sign(manifest.line(), self._kms, self._signing_key_arn)
        try:
            self._store.put(manifest_key(hour), document, {}, _TYPE)
        except Occupied:  # another run was first; what it wrote is what counts
            return self._read(hour)
        return read_manifest(document)

    # -- segments

    def _done(self, hour: datetime) -> _Progress:
        """What runs before this one have done of an hour."""
        done = _Progress()
        for key in list(self._keys(f"{SEGMENTS}{hour:dt=%Y-%m-%d/hour=%H}/")):
            if key.endswith(".index.jsonl"):
                continue
            done.take(self._sealed(key), read_index(self._get(index_key(key))))
        return done

    def _runs(self, listed: Iterable[tuple[str, int]], strange: list[str]) -> Iterator[list[str]]:
        """Keys of records in runs that make a segment each; others go to `strange`."""
        run: list[str] = []
        size = 0
        for key, length in listed:
            if not _is_ours(key):
                strange.append(key)
                continue
            run.append(key)
            size += length
            if size >= self._segment_bytes:
                yield run
                run, size = [], 0
        if run:
            yield run

    def _compact(self, key: str, keys: Sequence[str], done: _Progress, has_time: Callable[[], bool]) -> None:
        """Put the segment of these objects. The index first: where there is a segment, there is its index."""
        if not has_time():
            raise OutOfTime
        made = build(zip(keys, self._contents(keys), strict=True))
        try:
            self._store.put(index_key(key), made.index, {}, _LINES_TYPE)
        except Occupied:  # a run before was cut short here: the segment is of what that one saw
            seen = [one.key for one in read_index(self._get(index_key(key)))]
            made = build(zip(seen, self._contents(seen), strict=True))
        sealed = made.sealed(key)
        described = {
            name: str(getattr(sealed, name)) for name in ("index_sha256", "objects", "records", "root")
        }
        try:
            self._store.put(key, made.data, described, _LINES_TYPE)
        except Occupied:
            sealed = self._sealed(key)
        done.take(sealed, made.contained)

    def _sealed(self, key: str) -> SealedSegment:
        """What a segment says of itself, and S3 of its bytes."""
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
        )

    def _contents(self, keys: Sequence[str]) -> Iterator[bytes]:
        with ThreadPoolExecutor(_THREADS) as pool:
            yield from pool.map(self._get, keys)

    # -- late objects

    def _late(self, hour: datetime, before: Manifest) -> Iterator[tuple[str, int]]:
        """Objects of earlier hours that no manifest holds, by key and size.

        One earlier hour at a time, and of its index one segment at a time.
        """
        noted: set[str] = set()
        absent: dict[str, int] = {}
        depth = LOOK_BACK if hour.hour == 0 else 2
        for sealed_hour in self._sealed_hours(hour - HOUR * LOOK_BACK, hour):
            manifest = before if sealed_hour == before.hour else self._read(sealed_hour)
            noted.update(one.key for one in manifest.late)
            for segment in manifest.segments:
                if segment.late:
                    noted.update(one.key for one in self._index(segment))
            if sealed_hour >= hour - HOUR * depth:
                absent |= _not_among(self._listed(hour_prefix(sealed_hour)), self._held(manifest))
        yield from sorted((key, size) for key, size in absent.items() if key not in noted)

    def _held(self, manifest: Manifest) -> Iterator[str]:
        """The keys that a manifest holds of its own hour, in S3's order."""
        yield from (one.key for one in manifest.objects)
        for segment in manifest.segments:
            if not segment.late:
                yield from (one.key for one in self._index(segment))

    def _index(self, segment: SealedSegment) -> list[SealedObject]:
        return read_index(self._get(index_key(segment.key)))

    # -- what is contained may expire

    def _tag_behind(self, newest: Manifest, has_time: Callable[[], bool]) -> None:
        """Tag what runs before this one did not come to, from the newest hour back to one that is done."""
        hours = list(reversed(self._sealed_hours(newest.hour - HOUR * LOOK_BACK * 7, newest.hour + HOUR)))
        for hour in hours:
            if self._is_tagged(manifest_key(hour)):
                return
            self._tag(self._read(hour), has_time)

    def _tag(self, manifest: Manifest, has_time: Callable[[], bool]) -> None:
        """Tag the objects that the segments of a signed manifest contain, each segment once it was looked at:
        its bytes are those that were sealed, and they are locked.
        """
        for segment in manifest.segments:
            if self._is_tagged(segment.key):
                continue
            if not has_time():
                raise OutOfTime
            if self._sealed(segment.key) != segment:
                raise RuntimeError(f"{segment.key} is not what its manifest says: nothing of it is let go")
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(self._put_tag, [one.key for one in self._index(segment)]))
            self._put_tag(segment.key)
        self._put_tag(manifest_key(manifest.hour))

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
        """The hour of the oldest record; the last hour where there is none yet."""
        first = next(iter(self._keys(RECORDS, most=1)), None)
        return min(hour_of_key(first), last_due) if first else last_due

    def _sealed_hours(self, first: datetime, end: datetime) -> list[datetime]:
        """The hours from `first` to before `end` that have a manifest."""
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
        """Keys under a prefix, in their order, page by page; with `most` under 1,000 only so many."""
        return (key for key, _ in self._listed(prefix, most=most))

    def _listed(self, prefix: str, *, after: str = "", most: int = 1000) -> Iterator[tuple[str, int]]:
        """Keys and sizes under a prefix, in the order of the keys, those after `after`."""
        query: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, "MaxKeys": most}
        if after:
            query["StartAfter"] = after
        while True:
            page = self._s3.list_objects_v2(**query)
            yield from ((one["Key"], one["Size"]) for one in page.get("Contents", ()))
            if most < 1000 or not page.get("IsTruncated"):
                return
            query["ContinuationToken"] = page["NextContinuationToken"]


def _next_number(done: _Progress, *, late: bool) -> int:
    return sum(one.late is late for one in done.segments) + (_LATE_NUMBER if late else 0)


def _is_ours(key: str) -> bool:
    try:
        writer_of(key)
    except ValueError:
        return False
    return key.rsplit("/", 1)[1].removesuffix(".jsonl").isdigit()


def _not_among(listed: Iterable[tuple[str, int]], known: Iterable[str]) -> dict[str, int]:
    """Keys, and their sizes, that are not among the known ones; both are in S3's order, so neither is
    kept.
    """
    absent: dict[str, int] = {}
    left = iter(known)
    at = next(left, None)
    for key, size in listed:
        while at is not None and at < key:
            at = next(left, None)
        if at != key:
            absent[key] = size
    return absent


def find_gaps(objects: Sequence[SealedObject], ends: dict[str, SealedObject]) -> list[str]:
    """Where a writer's objects do not follow on each other; `ends` are the writers' last ones, kept
    current.
    """
    gaps = []
    for one in objects:
        known = ends.get(one.writer)
        if known is not None and (one.first, one.before) != (known.last + 1, known.head):
            gaps.append(f"{one.key} does not follow on {known.key}")
        ends[one.writer] = one
    return gaps
