"""The notary seals each hour once, in order, whatever happened meanwhile (L2.5, G.3)."""

import hashlib
import tracemalloc
from collections.abc import Callable
from datetime import timedelta

import pytest
from botocore.exceptions import ReadTimeoutError

from kit.audit.verification import span_of, verify
from lambdas.common.audit import NotWritten
from lambdas.common.audit.chain import hour_prefix
from lambdas.common.audit.manifest import (
    Manifest,
    ManifestDamaged,
    check_signature,
    hour_name,
    manifest_key,
    read_manifest,
)
from lambdas.common.audit.segment import index_key
from lambdas.notary.notary import LOOK_BACK, TAG, Notary
from tests.records.audit_fixtures import BEGIN, Organisation, SigningKey, aws_error


def sealed(notary: Notary) -> list[str]:
    return [hour_name(manifest.hour) for manifest in notary.seal_due()]


def worked_hour() -> Organisation:
    organisation = Organisation()
    organisation.call(organisation.writer())
    organisation.time.forward(minutes=65)  # 09:10
    return organisation


def test_an_hour_is_sealed_with_every_object_and_a_signature_that_holds() -> None:
    organisation = worked_hour()
    assert sealed(organisation.notary()) == ["2026-11-24T08"]
    document = organisation.bucket.objects["manifests/dt=2026-11-24/hour=08.json"]
    check_signature(document, organisation.signing.trusted)
    manifest = read_manifest(document)
    records = [key for key in organisation.bucket.objects if key.startswith("records/")]
    contained = organisation.contained(manifest)
    assert [one.key for one in contained] == records
    assert (contained[0].first, contained[-1].last) == (0, 2)
    assert manifest.records == 3
    assert manifest.previous is None
    assert manifest.gaps == []


def test_a_signature_by_another_key_does_not_hold() -> None:
    organisation = worked_hour()
    organisation.notary().seal_due()
    document = organisation.bucket.objects["manifests/dt=2026-11-24/hour=08.json"]
    with pytest.raises(ManifestDamaged, match="does not hold"):
        check_signature(document, lambda _: [SigningKey().public])
    with pytest.raises(ManifestDamaged, match="not trusted"):
        check_signature(document, lambda _: [])


def test_an_hour_waits_for_those_who_are_still_writing() -> None:
    organisation = Organisation()
    organisation.call(organisation.writer())
    organisation.notary().seal_due()  # 08:05: hour 07 is the last that could be due
    organisation.time.now = BEGIN.replace(hour=9, minute=4)
    assert sealed(organisation.notary()) == []
    organisation.time.forward(minutes=1)
    assert sealed(organisation.notary()) == ["2026-11-24T08"]


def test_a_second_run_seals_nothing_twice() -> None:
    organisation = worked_hour()
    organisation.notary().seal_due()
    before = dict(organisation.bucket.objects)
    assert sealed(organisation.notary()) == []
    assert organisation.bucket.objects == before


def test_missed_hours_are_caught_up_in_order_each_holding_on_to_the_one_before() -> None:
    organisation = worked_hour()
    organisation.notary().seal_due()
    organisation.time.forward(hours=30)
    hours = sealed(organisation.notary())
    assert len(hours) == 30
    assert hours == sorted(hours)
    previous = None
    for name in ["2026-11-24T08", *hours]:
        key = f"manifests/dt={name[:10]}/hour={name[11:]}.json"
        manifest = read_manifest(organisation.bucket.objects[key])
        assert manifest.previous == previous
        previous = (manifest.hour, manifest.sha256)


def test_a_run_that_is_short_of_time_goes_on_where_it_stopped() -> None:
    organisation = worked_hour()
    organisation.time.forward(hours=5)
    turns = iter([True] * 5 + [False])  # an hour, its segment, its tags; the next hour, what came late
    assert len(organisation.notary().seal_due(lambda: next(turns))) == 2
    assert len(sealed(organisation.notary())) == 4


def test_two_runs_at_once_write_one_manifest() -> None:
    organisation = worked_hour()
    other: list[Notary] = [organisation.notary()]

    def other_run_first(_key: str, _arrive: Callable[[], None]) -> None:
        if other:
            other.pop().seal_due()

    organisation.bucket.before_put = other_run_first
    (manifest,) = organisation.notary().seal_due()
    document = organisation.bucket.objects["manifests/dt=2026-11-24/hour=08.json"]
    assert manifest == read_manifest(document)
    check_signature(document, organisation.signing.trusted)


@pytest.mark.parametrize(
    "error", [aws_error("AccessDenied", 403), ReadTimeoutError(endpoint_url="s3")], ids=["refused", "silent"]
)
def test_a_bucket_that_does_not_take_the_manifest_fails_the_run_and_the_next_seals(error: Exception) -> None:
    organisation = worked_hour()

    def fail(_key: str, _arrive: Callable[[], None]) -> None:
        raise error

    organisation.bucket.before_put = fail
    with pytest.raises(NotWritten):
        organisation.notary().seal_due()
    organisation.bucket.before_put = None
    assert sealed(organisation.notary()) == ["2026-11-24T08"]


def test_an_object_that_came_late_is_noted_once_in_the_next_manifest() -> None:
    organisation = worked_hour()
    organisation.notary().seal_due()
    organisation.time.forward(minutes=-20)  # a clock that is behind
    organisation.call(organisation.writer())
    organisation.time.forward(minutes=80)
    for expected in (2, 0):
        (manifest,) = organisation.notary().seal_due()
        assert len(organisation.contained(manifest, late=True)) == expected
        organisation.time.forward(hours=1)


def test_a_gap_between_the_objects_of_a_writer_is_written_into_the_manifest() -> None:
    organisation = Organisation()
    writer = organisation.writer()
    for _ in range(3):
        organisation.call(writer)
    organisation.time.forward(minutes=65)
    keys = sorted(key for key in organisation.bucket.objects if key.startswith("records/"))
    del organisation.bucket.objects[keys[2]]
    (manifest,) = organisation.notary().seal_due()
    assert manifest.gaps == [f"{keys[3]} does not follow on {keys[1]}"]


def test_an_object_that_no_writer_wrote_does_not_stop_the_notary() -> None:
    organisation = worked_hour()
    strange = "records/dt=2026-11-24/hour=08/strange.txt"
    organisation.bucket.objects[strange] = b"x"
    (manifest,) = organisation.notary().seal_due()
    assert manifest.gaps == [f"{strange} is not an object of records"]
    assert len(organisation.contained(manifest)) == 2


def test_hours_without_records_are_sealed_as_empty() -> None:
    organisation = worked_hour()
    organisation.time.forward(hours=2)
    manifests = organisation.notary().seal_due()
    assert [manifest.records for manifest in manifests] == [3, 0, 0]
    assert manifest_key(BEGIN + timedelta(hours=2)) in organisation.bucket.objects


def test_a_clock_that_was_set_back_over_midnight_begins_no_second_chain() -> None:
    organisation = Organisation()
    organisation.time.now = BEGIN.replace(hour=23, minute=30)
    organisation.call(organisation.writer())
    organisation.time.forward(hours=2)  # 01:30 of the next day
    assert sealed(organisation.notary()) == ["2026-11-24T23", "2026-11-25T00"]
    organisation.time.forward(hours=-1)
    assert sealed(organisation.notary()) == []
    organisation.time.forward(hours=2)
    assert sealed(organisation.notary()) == ["2026-11-25T01"]


def records_of(organisation: Organisation) -> list[str]:
    return [key for key in sorted(organisation.bucket.objects) if key.startswith("records/")]


def busy(objects: int = 40) -> Organisation:
    """An hour with many small objects, due."""
    organisation = Organisation()
    writer = organisation.writer()
    for _ in range(objects // 2):
        organisation.call(writer)
    organisation.time.forward(minutes=65)
    return organisation


def test_a_segment_has_the_records_in_their_order_under_the_full_lock() -> None:
    organisation = busy()
    (manifest,) = organisation.notary().seal_due()
    (segment,) = manifest.segments
    bucket = organisation.bucket
    assert bucket.objects[segment.key] == b"".join(bucket.objects[key] for key in records_of(organisation))
    years = timedelta(days=2557)
    for key in (segment.key, index_key(segment.key), manifest_key(manifest.hour)):
        lock = bucket.locks[key]
        assert lock is not None
        assert lock > organisation.time.now + years
    assert {bucket.locks[key] for key in records_of(organisation)} == {None}, "the bucket's own short lock"


def test_the_root_is_the_one_of_rfc_9162() -> None:
    """Held against a recursive reading of the definition."""
    organisation = busy(300)
    (manifest,) = organisation.notary().seal_due()
    (segment,) = manifest.segments
    lines = organisation.bucket.objects[segment.key].splitlines()
    hashes = [hashlib.sha256(line).digest() for line in lines]
    blocks = [b"".join(hashes[at : at + 64]) for at in range(0, len(hashes), 64)]

    def tree(entries: list[bytes]) -> bytes:
        if len(entries) == 1:
            return hashlib.sha256(b"\0" + entries[0]).digest()
        half = 1
        while half * 2 < len(entries):
            half *= 2
        return hashlib.sha256(b"\1" + tree(entries[:half]) + tree(entries[half:])).digest()

    assert (segment.block, len(blocks)) == (64, 5)
    assert segment.root == tree(blocks).hex()


def test_a_big_hour_becomes_several_segments_and_each_run_goes_on_where_one_was_cut_short() -> None:
    organisation = busy()
    turns = 0
    sealed: list[Manifest] = []
    while not sealed or len(organisation.bucket.tags) < 40:
        turns += 1
        left = iter([True, True, False])
        sealed += organisation.notary(segment_bytes=4_000).seal_due(lambda left=left: next(left, False))
        assert turns < 50
    (manifest,) = sealed
    assert len(manifest.segments) > 5
    assert turns > len(manifest.segments) // 2
    assert [one.key for one in organisation.contained(manifest)] == records_of(organisation)
    assert manifest.gaps == []


def test_a_run_that_died_between_index_and_segment_is_finished_as_it_was_begun() -> None:
    organisation = busy()

    def die(key: str, _arrive: Callable[[], None]) -> None:
        if key.endswith("/0000.jsonl"):
            raise ReadTimeoutError(endpoint_url="s3")

    organisation.bucket.before_put = die
    with pytest.raises(NotWritten):
        organisation.notary().seal_due()
    organisation.bucket.before_put = None
    index = next(key for key in organisation.bucket.objects if key.endswith(".index.jsonl"))
    before = organisation.bucket.objects[index]
    (manifest,) = organisation.notary().seal_due()
    assert organisation.bucket.objects[index] == before
    assert [one.key for one in organisation.contained(manifest)] == records_of(organisation)


def test_only_what_a_signed_manifest_contains_is_tagged_and_a_compactor_that_stands_still_tags_nothing() -> (
    None
):
    organisation = busy()
    tagged: set[str] = set()

    def no_manifest(key: str, _arrive: Callable[[], None]) -> None:
        if key.startswith("manifests/"):
            raise aws_error("AccessDenied", 403)

    organisation.bucket.before_put = no_manifest
    with pytest.raises(NotWritten):
        organisation.notary().seal_due()
    assert organisation.bucket.tags == {}
    organisation.bucket.before_put = None
    organisation.call(organisation.writer())  # of the hour that is not due yet
    organisation.notary().seal_due()
    tagged = {key for key, tags in organisation.bucket.tags.items() if tags == [TAG]}
    due = {key for key in records_of(organisation) if "hour=08" in key}
    assert {key for key in tagged if key.startswith("records/")} == due


def test_a_segment_that_is_not_what_was_sealed_lets_nothing_go() -> None:
    organisation = busy()

    def alter(key: str, arrive: Callable[[], None]) -> None:
        arrive()
        if key.startswith("manifests/"):
            segment = next(one for one in organisation.bucket.objects if one.endswith("/0000.jsonl"))
            organisation.bucket.objects[segment] += b"{}\n"

    organisation.bucket.before_put = alter
    with pytest.raises(Exception, match="not what its manifest says"):
        organisation.notary().seal_due()
    assert organisation.bucket.tags == {}


def test_memory_does_not_grow_with_the_hours_that_are_looked_at_for_late_objects() -> None:
    def peak(sealed_before: int) -> int:
        organisation = Organisation()
        for hour in range(sealed_before + 1):
            _fill_hour(organisation, objects=150)
            organisation.time.forward(hours=1)
            if hour < sealed_before:
                organisation.notary().seal_due()
        tracemalloc.start()
        (manifest,) = organisation.notary().seal_due()
        measured = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert manifest.records == 150
        return measured

    assert peak(max(LOOK_BACK)) < 1.5 * peak(2)


def shards_at_work(organisation: Organisation, shards: int, *, first: bool = True) -> list[Manifest]:
    """A run of every shard, the first last; what was sealed."""
    for shard in range(1, shards):
        organisation.notary(shards=shards, segment_bytes=4_000).work_on(shard)
    return organisation.notary(shards=shards, segment_bytes=4_000).seal_due() if first else []


def of_many_writers(hours: int = 1) -> Organisation:
    organisation = Organisation()
    for _ in range(hours):
        for _ in range(12):
            writer = organisation.writer()
            for _ in range(3):
                organisation.call(writer)
        organisation.time.forward(hours=1)
    organisation.time.forward(minutes=5)
    return organisation


def holds(organisation: Organisation) -> bool:
    span = span_of(organisation.bucket, None, None, now=organisation.time.now)
    assert span is not None
    report = verify(organisation.bucket, organisation.trust(), span, organisation.access)
    assert report.records
    return report.findings == []


def test_shards_share_an_hour_and_the_first_seals_once_all_are_done() -> None:
    organisation = of_many_writers(hours=2)
    assert organisation.notary(shards=3, segment_bytes=4_000).seal_due() == [], "the others were not here yet"
    manifests = shards_at_work(organisation, 3)
    assert [hour_name(one.hour) for one in manifests] == ["2026-11-24T08", "2026-11-24T09"]
    numbers = {one.key.rsplit("/", 1)[1][0] for one in manifests[0].segments}
    assert numbers == {"0", "1", "2"}
    contained = [one.key for manifest in manifests for one in organisation.contained(manifest)]
    assert sorted(contained) == records_of(organisation)
    assert holds(organisation)
    shards_at_work(organisation, 3)
    tags = organisation.bucket.tags
    assert all(tags.get(key) == [TAG] for key in [*contained, *(manifest_key(one.hour) for one in manifests)])


def test_a_manifest_is_done_only_when_every_shard_has_tagged_its_part() -> None:
    organisation = of_many_writers()
    for shard in (1, 2):
        organisation.notary(shards=3).work_on(shard)
    (manifest,) = organisation.notary(shards=3).seal_due()
    key = manifest_key(manifest.hour)
    organisation.notary(shards=3).seal_due()
    assert key not in organisation.bucket.tags
    organisation.notary(shards=3).work_on(1)
    organisation.notary(shards=3).work_on(2)
    organisation.notary(shards=3).seal_due()
    assert organisation.bucket.tags[key] == [TAG]


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (2, 4)])
def test_a_change_of_the_number_of_shards_divides_no_hour_twice(before: int, after: int) -> None:
    """The hour was begun by as many as there were, and cut short."""
    organisation = of_many_writers()
    left = iter([True, True, True])
    organisation.notary(shards=before, segment_bytes=4_000).seal_due(lambda: next(left, False))
    manifests = shards_at_work(organisation, after)
    if not manifests:  # those of before that are left are the first one's from now on
        manifests = shards_at_work(organisation, after)
    (manifest,) = manifests
    contained = sorted(one.key for one in organisation.contained(manifest))
    assert contained == records_of(organisation)
    assert holds(organisation)


def test_what_comes_hours_late_is_sealed_within_a_day_of_its_hour() -> None:
    organisation = of_many_writers()
    organisation.time.forward(hours=3)
    shards_at_work(organisation, 3)
    organisation.time.now = BEGIN  # a clock that is behind
    organisation.call(organisation.writer())

    def late_by(hour: int) -> int:
        organisation.time.now = BEGIN.replace(hour=9, minute=5) + timedelta(hours=hour)
        return sum(len(organisation.contained(one, late=True)) for one in shards_at_work(organisation, 3))

    assert late_by(hour=23) == 0
    assert late_by(hour=24) == 2
    assert late_by(hour=48) == 0
    assert holds(organisation)


def _fill_hour(organisation: Organisation, *, objects: int) -> None:
    """Objects of one record each, as functions write them."""
    prefix = hour_prefix(organisation.time.now)
    for number in range(objects):
        key = f"{prefix}gateway-{number:026d}/{0:012d}.jsonl"
        organisation.bucket.objects[key] = b"{}\n"
