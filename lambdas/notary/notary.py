"""Seals hours, the oldest first, each once (L2.5).

An hour is due five minutes after its end: a put is decided within seconds, so nobody who began in the hour is
still at it. What comes later all the same is noted in the next manifest. The notary reads what objects say of
themselves and S3's checksum of them, never a record.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from lambdas.common.audit.chain import RECORDS, hour_prefix
from lambdas.common.audit.manifest import (
    HOUR,
    MANIFESTS,
    Anchor,
    Manifest,
    SealedObject,
    hour_of,
    hour_of_key,
    manifest_key,
    read_manifest,
    sign,
    writer_of,
)
from lambdas.common.audit.store import ObjectStore, Occupied
from lambdas.common.clock import Clock, utc_now

GRACE = timedelta(minutes=5)
LOOK_BACK = 24  # hours before a sealed one in which late objects are looked for
_SEARCHED_DAYS = 400  # how far back the last manifest is looked for
_THREADS = 24
_ASKED_AT_ONCE = 1_000  # objects whose heads are waited for together
_IS_THERE = 412
_CONTENT_TYPE = "application/json"


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
            self._s3.put_object(
                Bucket=self._bucket, Key=key, Body=line, IfNoneMatch="*", ContentType=_CONTENT_TYPE
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != _IS_THERE:
                raise


class Notary:
    """Seals hours of one bucket. `s3`, `kms` are botocore clients, `store` is where manifests are put,
    `anchors` where their hashes are kept outside.
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
        clock: Clock = utc_now,
    ) -> None:
        self._s3 = s3
        self._store = store
        self._kms = kms
        self._bucket = bucket
        self._signing_key_arn = signing_key_arn
        self._anchors = anchors
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
        if before:
            self._anchor(before)  # again, in case the run that sealed it was cut short
        hour = before.hour + HOUR if before else self._first_hour(last_due)
        while hour <= last_due and has_time():
            before = self._seal(hour, before)
            self._anchor(before)
            yield before
            hour += HOUR

    def _seal(self, hour: datetime, before: Manifest | None) -> Manifest:
        keys = list(self._keys(hour_prefix(hour)))
        objects = self._objects(keys)
        strange = set(keys) - {one.key for one in objects}
        manifest = Manifest(
            hour=hour,
            sealed_at=self._clock().isoformat(timespec="seconds"),
            previous=(before.hour, before.sha256) if before else None,
            objects=objects,
            late=self._late(hour) if before else [],
            gaps=[
                *find_gaps(objects, before),
                *(f"{key} is no object of records" for key in sorted(strange)),
            ],
            introduced=before is None or before.version > 1,
        )
        document = sign(manifest.line(), self._kms, self._signing_key_arn)
        try:
            self._store.put(manifest_key(hour), document, {}, _CONTENT_TYPE)
        except Occupied:  # another run was first; what it wrote is what counts
            return self._read(hour)
        return read_manifest(document)

    def _anchor(self, manifest: Manifest) -> None:
        if self._anchors is not None:
            self._anchors.put(Anchor(manifest.hour, manifest.sha256))

    def _late(self, hour: datetime) -> list[SealedObject]:
        """Objects of earlier hours that no manifest holds.

        One earlier hour at a time: its manifest is let go before the next is read, so memory does not grow
        with the hours that are looked at.
        """
        absent: list[str] = []
        noted: set[str] = set()
        for sealed_hour in self._sealed_hours(hour - HOUR * LOOK_BACK, hour):
            manifest = self._read(sealed_hour)
            noted.update(one.key for one in manifest.late)
            absent += _not_among(self._keys(hour_prefix(sealed_hour)), [one.key for one in manifest.objects])
        return self._objects(key for key in sorted(absent) if key not in noted)

    def _objects(self, keys: Iterable[str]) -> list[SealedObject]:
        """What objects say of themselves, in the order of their keys; those that say nothing are left out."""
        with ThreadPoolExecutor(_THREADS) as pool:
            return [
                found
                for some in _batches(keys, _ASKED_AT_ONCE)
                for found in pool.map(self._object, some)
                if found
            ]

    def _object(self, key: str) -> SealedObject | None:
        head = self._s3.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        said = head["Metadata"]
        try:
            writer_of(key)
            return SealedObject(
                key=key,
                size=head["ContentLength"],
                sha256=b64decode(head["ChecksumSHA256"]).hex(),
                first=int(said["first"]),
                last=int(said["last"]),
                before=said["before"],
                head=said["head"],
            )
        except (KeyError, ValueError):  # not written by a writer of ours
            return None

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
        days = sorted({first.date(), end.date()})
        hours = [hour_of_key(key) for day in days for key in self._keys(f"{MANIFESTS}dt={day:%Y-%m-%d}/")]
        return [hour for hour in hours if first <= hour < end]

    def _read(self, hour: datetime) -> Manifest:
        answer = self._s3.get_object(Bucket=self._bucket, Key=manifest_key(hour))
        return read_manifest(answer["Body"].read())

    def _keys(self, prefix: str, *, most: int = 1000) -> Iterator[str]:
        """Keys under a prefix, in their order, page by page; with `most` under 1,000 only so many."""
        query: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix, "MaxKeys": most}
        while True:
            page = self._s3.list_objects_v2(**query)
            yield from (one["Key"] for one in page.get("Contents", ()))
            if most < 1000 or not page.get("IsTruncated"):
                return
            query["ContinuationToken"] = page["NextContinuationToken"]


def _batches(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    """The keys in lists of at most `size`."""
    left = iter(keys)
    while some := list(islice(left, size)):
        yield some


def _not_among(keys: Iterable[str], known: Sequence[str]) -> list[str]:
    """The keys that are not among the known ones; both are in S3's order, so that neither becomes a set."""
    absent, position = [], 0
    for key in keys:
        while position < len(known) and known[position] < key:
            position += 1
        if position == len(known) or known[position] != key:
            absent.append(key)
    return absent


def find_gaps(objects: Sequence[SealedObject], before: Manifest | None) -> list[str]:
    """Where a writer's objects do not follow on each other; told apart by what they say of themselves."""
    ends = {one.writer: one for one in before.objects} if before else {}
    gaps = []
    for one in objects:
        known = ends.get(one.writer)
        if known is not None and (one.first, one.before) != (known.last + 1, known.head):
            gaps.append(f"{one.key} does not follow on {known.key}")
        ends[one.writer] = one
    return gaps
