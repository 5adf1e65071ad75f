"""The notary seals each hour once, in order, whatever happened meanwhile (L2.5, G.3)."""

import tracemalloc
from collections.abc import Callable
from datetime import timedelta

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.common.audit import NotWritten
from lambdas.common.audit.chain import hour_prefix
from lambdas.common.audit.manifest import (
    ManifestDamaged,
    check_signature,
    hour_name,
    manifest_key,
    read_manifest,
)
from lambdas.notary.notary import LOOK_BACK, Notary
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
    assert [one.key for one in manifest.objects] == records
    assert (manifest.objects[0].first, manifest.objects[-1].last) == (0, 2)
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
    turns = iter([True, True, False])
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
        assert len(manifest.late) == expected
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
    assert manifest.gaps == [f"{strange} is no object of records"]
    assert len(manifest.objects) == 2


def test_hours_without_records_are_sealed_as_empty() -> None:
    organisation = worked_hour()
    organisation.time.forward(hours=2)
    manifests = organisation.notary().seal_due()
    assert [len(manifest.objects) for manifest in manifests] == [2, 0, 0]
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


def test_memory_does_not_grow_with_the_hours_that_are_looked_at_for_late_objects() -> None:
    def peak(sealed_before: int) -> int:
        organisation = Organisation()
        for _ in range(sealed_before + 1):
            _fill_hour(organisation, objects=400)
            organisation.time.forward(hours=1)
            if _ < sealed_before:
                organisation.notary().seal_due()
        tracemalloc.start()
        (manifest,) = organisation.notary().seal_due()
        measured = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(manifest.objects) == 400
        return measured

    assert peak(LOOK_BACK) < 1.5 * peak(2)


def _fill_hour(organisation: Organisation, *, objects: int) -> None:
    """Objects of one record each, as functions write them."""
    prefix = hour_prefix(organisation.time.now)
    for number in range(objects):
        key = f"{prefix}gateway-{number:026d}/{0:012d}.jsonl"
        organisation.bucket.objects[key] = b"{}\n"
        organisation.bucket.metadata[key] = {"first": "0", "last": "0", "before": "0" * 64, "head": "1" * 64}
