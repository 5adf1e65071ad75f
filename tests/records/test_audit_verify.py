"""`kit audit verify` finds every planted deletion, edit, reordering, truncation and forgery (L2.5, G.3)."""

import asyncio
import base64
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from kit.audit.access_logs import AccessLine, read_files
from kit.audit.keyring import KeyRing
from kit.audit.proof import check, prove
from kit.audit.search import Question, find
from kit.audit.sources import ahead
from kit.audit.verification import Report, Span, span_of, verify, verify_in_steps
from kit.cli import app
from kit.errors import KitError
from lambdas.common.audit.manifest import Anchor, hour_name, hour_named, manifest_key, read_manifest, sign
from lambdas.common.audit.merkle import holds, inclusion_proof, root_of
from lambdas.common.audit.segment import index_key, read_index
from lambdas.common.ids import new_id
from tests.records.audit_fixtures import (
    SIGNING_KEY,
    MemoryBucket,
    Organisation,
    SigningKey,
    Time,
    busy_hours,
    intent,
    outcome,
)

FIRST, SECOND = "records/dt=2026-11-24/hour=08/", "records/dt=2026-11-24/hour=09/"


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return busy_hours()


def verified(
    organisation: Organisation,
    bucket: MemoryBucket | None = None,
    *,
    access: list[AccessLine] | None = None,
    now: datetime | None = None,
    first: datetime | None = None,
    last: datetime | None = None,
    anchors: Sequence[Anchor] = (),
) -> Report:
    source = bucket or organisation.bucket
    span = span_of(source, first, last, now=now or organisation.time.now)
    assert span is not None
    return verify(
        source, organisation.trust(anchors), span, organisation.access if access is None else access
    )


def codes(report: Report) -> set[str]:
    return {one.code for one in report.findings}


def keys_in(bucket: MemoryBucket, prefix: str, *, lines: int = 1) -> list[str]:
    """Objects under a prefix with at least so many lines."""
    return [
        key
        for key in sorted(bucket.objects)
        if key.startswith(prefix) and bucket.objects[key].count(b"\n") >= lines
    ]


def change(key: str, work: Callable[[list[bytes]], list[bytes]]) -> Callable[[MemoryBucket], None]:
    """Change the lines of an object."""

    def changed(bucket: MemoryBucket) -> None:
        lines = work(bucket.objects[key].removesuffix(b"\n").split(b"\n"))
        bucket.objects[key] = b"\n".join(lines) + b"\n"

    return changed


def test_what_was_not_touched_verifies(organisation: Organisation) -> None:
    report = verified(organisation)
    assert report.findings == []
    assert report.hours == 4
    assert report.manifests == 3
    assert report.sealed_through is not None
    assert hour_name(report.sealed_through) == "2026-11-24T10"
    assert report.records == len(organisation.bucket.records())
    assert report.access_lines == len(organisation.access)
    assert report.writers == 2


def test_a_part_of_the_time_verifies_by_itself(organisation: Organisation) -> None:
    hour = hour_named("2026-11-24T09")
    report = verified(organisation, first=hour, last=hour)
    assert report.findings == []
    assert (report.hours, report.manifests) == (1, 1)


# -- planted, one by one -------------------------------------------------------------------------------------


SEGMENT = "segments/dt=2026-11-24/hour=08/0000.jsonl"
INDEX = "segments/dt=2026-11-24/hour=08/0000.index.jsonl"


def on_lines(work: Callable[[list[bytes]], list[bytes]]) -> Callable[[MemoryBucket], str]:
    """Change the lines of a sealed segment; the key of the object of records that the change is in."""

    def planted(bucket: MemoryBucket) -> str:
        change(SEGMENT, work)(bucket)
        return keys_in(bucket, FIRST)[0]

    return planted


def delete_segment(bucket: MemoryBucket) -> str:
    del bucket.objects[SEGMENT]
    return SEGMENT


def delete_index(bucket: MemoryBucket) -> str:
    del bucket.objects[INDEX]
    return INDEX


def edit_index(bucket: MemoryBucket) -> str:
    change(INDEX, lambda lines: lines[1:])(bucket)
    return INDEX


def swap_segments(bucket: MemoryBucket) -> str:
    other = SEGMENT.replace("hour=08", "hour=09")
    bucket.objects[SEGMENT], bucket.objects[other] = bucket.objects[other], bucket.objects[SEGMENT]
    return SEGMENT


def grow_what_is_left(bucket: MemoryBucket) -> str:
    """An object whose segment is sealed, changed before it expires."""
    key = keys_in(bucket, FIRST)[0]
    bucket.objects[key] += b"{}\n"
    return key


def delete_unsealed_object(bucket: MemoryBucket) -> str:
    """The outcome is deleted before its hour is sealed: the call is in the access log."""
    last = keys_in(bucket, "records/dt=2026-11-24/hour=11/")[-1]
    return json.loads(bucket.objects.pop(last))["request_id"]


def delete_in_the_middle(bucket: MemoryBucket) -> str:
    """An object of the hour that is not sealed yet, with one after it."""
    deleted, after = keys_in(bucket, "records/dt=2026-11-24/hour=11/")[:2]
    del bucket.objects[deleted]
    return after


def add_object(bucket: MemoryBucket) -> str:
    other = keys_in(bucket, FIRST)[0]
    key = other.replace("gateway-", "gateway-0")
    bucket.objects[key] = bucket.objects[other]
    return key


def delete_manifest(bucket: MemoryBucket) -> str:
    key = manifest_key(hour_named("2026-11-24T09"))
    del bucket.objects[key]
    return key


def delete_first_manifest(bucket: MemoryBucket) -> str:
    key = manifest_key(hour_named("2026-11-24T08"))
    del bucket.objects[key]
    return key


def delete_last_manifest(bucket: MemoryBucket) -> str:
    key = manifest_key(hour_named("2026-11-24T10"))
    del bucket.objects[key]
    return key


def edit_manifest(bucket: MemoryBucket) -> str:
    """A segment is deleted, and taken out of the manifest too."""
    key = manifest_key(hour_named("2026-11-24T08"))
    manifest = read_manifest(bucket.objects[key])
    del bucket.objects[manifest.segments[0].key]
    line = replace(manifest, segments=manifest.segments[1:]).line()
    bucket.objects[key] = line + b"\n" + bucket.objects[key].split(b"\n", 1)[1]
    return key


def forge_manifest(bucket: MemoryBucket) -> str:
    """The same, signed with a key of the forger's own."""
    key = edit_manifest(bucket)
    bucket.objects[key] = sign(bucket.objects[key].split(b"\n")[0], SigningKey(), SIGNING_KEY)
    return key


def forge_manifest_under_another_name(bucket: MemoryBucket) -> str:
    key = edit_manifest(bucket)
    document = sign(bucket.objects[key].split(b"\n")[0], SigningKey(), SIGNING_KEY)
    bucket.objects[key] = document.replace(b"key/signing", b"key/forger")
    return key


def swap_manifests(bucket: MemoryBucket) -> str:
    one, other = (manifest_key(hour_named(f"2026-11-24T{hour}")) for hour in ("08", "09"))
    bucket.objects[one], bucket.objects[other] = bucket.objects[other], bucket.objects[one]
    return one


def unreadable_manifest(bucket: MemoryBucket) -> str:
    key = manifest_key(hour_named("2026-11-24T09"))
    bucket.objects[key] = b"{}"
    return key


def edit(line: bytes) -> bytes:
    return line.replace(b'"department":"marketing"', b'"department":"finance"')


PLANTED: dict[str, tuple[Callable[[MemoryBucket], str], str]] = {
    "a segment is deleted": (delete_segment, "segment-deleted"),
    "the index of a segment is deleted": (delete_index, "segment-deleted"),
    "the index of a segment is edited": (edit_index, "segment-altered"),
    "two segments change places": (swap_segments, "segment-altered"),
    "what is left of an object is altered": (grow_what_is_left, "object-altered"),
    "an unsealed object is deleted at the end": (delete_unsealed_object, "call-unrecorded"),
    "an unsealed object is deleted before another": (delete_in_the_middle, "records-deleted"),
    "an object is added": (add_object, "object-unsealed"),
    "a record is edited": (on_lines(lambda lines: [lines[0], edit(lines[1]), *lines[2:]]), "record-edited"),
    "a record becomes another text": (on_lines(lambda lines: [b"{}x", *lines[1:]]), "record-edited"),
    "a record is deleted": (on_lines(lambda lines: [*lines[:1], *lines[2:]]), "records-truncated"),
    "two records change places": (
        on_lines(lambda lines: [lines[1], lines[0], *lines[2:]]),
        "records-reordered",
    ),
    "a record is repeated": (on_lines(lambda lines: [lines[0], *lines]), "records-repeated"),
    "a manifest is deleted": (delete_manifest, "manifest-missing"),
    "the first manifest is deleted": (delete_first_manifest, "manifest-missing"),
    "the last manifest is deleted": (delete_last_manifest, "manifest-missing"),
    "a manifest is edited": (edit_manifest, "manifest-forged"),
    "a manifest is forged with another key": (forge_manifest, "manifest-forged"),
    "a manifest is forged with a key of another name": (forge_manifest_under_another_name, "manifest-forged"),
    "two manifests change places": (swap_manifests, "manifest-forged"),
    "a manifest becomes another text": (unreadable_manifest, "manifest-forged"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_what_was_planted_is_found_and_named(organisation: Organisation, what: str) -> None:
    plant, code = PLANTED[what]
    bucket = organisation.bucket.copy()
    where = plant(bucket)
    report = verified(organisation, bucket, now=organisation.time.now + timedelta(hours=2))
    assert (code, where) in {(one.code, one.where) for one in report.findings}


def test_a_manifest_signed_anew_with_the_right_key_is_found_by_the_next_one(
    organisation: Organisation,
) -> None:
    bucket = organisation.bucket.copy()
    key = edit_manifest(bucket)
    line = bucket.objects[key].split(b"\n")[0]
    bucket.objects[key] = sign(line, organisation.signing, SIGNING_KEY)
    after = manifest_key(hour_named("2026-11-24T09"))
    assert ("manifest-chain", after) in {
        (one.code, one.where) for one in verified(organisation, bucket).findings
    }


def test_a_line_that_was_edited_before_its_hour_was_sealed_is_found_in_the_segment() -> None:
    organisation = Organisation()
    writer = organisation.writer()

    async def together() -> None:
        ids = [new_id("req_", clock=organisation.time) for _ in range(4)]
        await asyncio.gather(*(writer.append(intent(one), bodies={}) for one in ids))
        await asyncio.gather(*(writer.append(outcome(one), bodies={}) for one in ids))

    asyncio.run(together())
    objects = organisation.bucket.objects
    key = next(key for key, data in objects.items() if data.count(b'"principal":"ada"') > 2)
    objects[key] = objects[key].replace(b'"principal":"ada"', b'"principal":"eve"', 1)
    organisation.time.forward(hours=2)
    organisation.notary().seal_due()
    span = span_of(organisation.bucket, None, None, now=organisation.time.now)
    assert span is not None
    found = verify(organisation.bucket, organisation.trust(), span, []).findings
    assert [(one.code, one.where) for one in found] == [("chain-broken", key)]


@pytest.mark.parametrize("cut", [1, 7])
def test_a_segment_that_was_cut_off_is_found(organisation: Organisation, cut: int) -> None:
    bucket = organisation.bucket.copy()
    change(SEGMENT, lambda lines: lines[:-cut])(bucket)
    assert ("segment-altered", SEGMENT) in {
        (one.code, one.where) for one in verified(organisation, bucket).findings
    }


def test_a_year_later_the_segments_alone_are_enough(organisation: Organisation) -> None:
    """The objects of records expire once they are tagged as contained."""
    bucket = organisation.bucket.copy()
    for key in [key for key in bucket.objects if key.startswith("records/") and "hour=11" not in key]:
        assert bucket.tags[key]
        del bucket.objects[key]
    assert verified(organisation, bucket).findings == []
    hour = hour_named("2026-11-24T10")
    assert verified(organisation, bucket, first=hour, last=hour).findings == [], "writers began before"


def test_segments_of_before_there_were_blocks_and_runs_verify_and_prove_as_well(
    organisation: Organisation, tmp_path: Path
) -> None:
    """As the notary wrote them: a line of the index an object, and a record an entry of the tree."""
    bucket = organisation.bucket.copy()
    previous = None
    for key in sorted(key for key in bucket.objects if key.startswith("manifests/")):
        content = json.loads(bucket.objects[key].split(b"\n")[0]) | {"previous": previous}
        for segment in content["segments"]:
            index = index_key(segment["key"])
            objects = [asdict(one) for one in read_index(bucket.objects[index])]
            lines = [json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in objects]
            bucket.objects[index] = b"".join(lines)
            records = bucket.objects[segment["key"]].splitlines()
            del segment["block"]
            segment["index_sha256"] = hashlib.sha256(bucket.objects[index]).hexdigest()
            segment["root"] = root_of([hashlib.sha256(line).digest() for line in records]).hex()
        line = json.dumps(content, separators=(",", ":")).encode()
        bucket.objects[key] = sign(line, organisation.signing, SIGNING_KEY)
        previous = {"hour": content["hour"], "sha256": hashlib.sha256(line).hexdigest()}
    report = verified(organisation, bucket)
    assert (report.findings, report.segments) == ([], 3)
    change(SEGMENT, lambda lines: [line.replace(b"ada", b"eve") for line in lines])(bucket)
    assert SEGMENT in {one.where for one in verified(organisation, bucket).findings}
    bucket.objects[SEGMENT] = organisation.bucket.objects[SEGMENT]
    (proof, _) = prove(bucket, organisation.time.now - timedelta(hours=4), organisation.access[3].request_id)
    for one in (proof, {name: value for name, value in proof.items() if name != "block"}):
        check(one, organisation.signing.trusted)


def test_an_edit_that_mends_the_chain_after_it_is_found_too(organisation: Organisation) -> None:
    """Who edits a record and hashes everything after it again cannot sign the manifest again."""
    from lambdas.common.audit.chain import hash_of

    def rechain(lines: list[bytes]) -> list[bytes]:
        mended = [edit(lines[0])]
        for line in lines[1:]:
            record = json.loads(line) | {"previous": hash_of(mended[-1])}
            mended.append(json.dumps(record, separators=(",", ":")).encode())
        return mended

    bucket = organisation.bucket.copy()
    change(SEGMENT, rechain)(bucket)
    assert SEGMENT in {one.where for one in verified(organisation, bucket).findings}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_tampering_with_what_is_sealed_is_found(organisation: Organisation, data: st.DataObject) -> None:
    """Property: deleting, adding, moving, cutting, repeating, flipping a bit, anywhere in sealed hours."""
    bucket = organisation.bucket.copy()
    sealed = [key for key in sorted(bucket.objects) if "hour=11" not in key and key[:7] != "records"]
    key = data.draw(st.sampled_from(sealed))
    content = bucket.objects[key]
    kind = data.draw(st.sampled_from(["delete", "flip", "cut", "insert", "lines", "exchange"]))
    if kind == "delete":
        del bucket.objects[key]
    elif kind == "flip":
        place = data.draw(st.integers(0, len(content) - 1))
        bit = 1 << data.draw(st.integers(0, 7))
        bucket.objects[key] = content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]
    elif kind == "cut":
        bucket.objects[key] = content[: data.draw(st.integers(0, len(content) - 1))]
    elif kind == "insert":
        place = data.draw(st.integers(0, len(content)))
        bucket.objects[key] = (
            content[:place] + data.draw(st.binary(min_size=1, max_size=20)) + content[place:]
        )
    elif kind == "lines":
        lines = content.splitlines(keepends=True)
        shuffled = data.draw(st.permutations(lines))
        bucket.objects[key] = b"".join(shuffled[: data.draw(st.integers(0, len(lines)))])
    else:
        other = data.draw(st.sampled_from(sealed))
        bucket.objects[key], bucket.objects[other] = bucket.objects[other], content
    if bucket.objects == organisation.bucket.objects or _only_line_ends(bucket, organisation.bucket):
        return
    assert verified(organisation, bucket, now=organisation.time.now + timedelta(hours=2)).findings


def _only_line_ends(bucket: MemoryBucket, original: MemoryBucket) -> bool:
    """What follows the signature of a manifest says nothing, so that white space there does not count."""
    changed = [key for key, data in original.objects.items() if bucket.objects.get(key) != data]
    return all(
        key.startswith("manifests/")
        and key in bucket.objects
        and bucket.objects[key].split(b"\n")[0] == original.objects[key].split(b"\n")[0]
        and _signature(bucket.objects[key]) == _signature(original.objects[key])
        for key in changed
    )


def _signature(document: bytes) -> object:
    try:
        signature = json.loads(document.split(b"\n", 1)[1])
        return {name: signature[name] for name in ("algorithm", "key", "signature")}
    except (ValueError, KeyError, TypeError):
        return document


# -- calls ---------------------------------------------------------------------------------------------------


def test_an_answer_in_the_access_log_without_records_is_found(organisation: Organisation) -> None:
    made_up = new_id("req_", clock=lambda: organisation.time.now)
    line = AccessLine(made_up, "messages", organisation.time.now, recorded=True, answered=True)
    report = verified(organisation, access=[*organisation.access, line])
    assert [(one.code, one.where) for one in report.findings] == [("call-unrecorded", made_up)]


def test_an_answer_that_was_given_without_being_recorded_is_found() -> None:
    organisation = Organisation()
    writer = organisation.writer()
    request_id = organisation.call(writer, log=False)
    line = AccessLine(request_id, "messages", organisation.time.now, recorded=False, answered=True)
    assert codes(verified(organisation, access=[line])) == {"call-unrecorded"}


def test_a_statement_on_an_answer_is_held_against_the_log_by_its_own_id() -> None:
    organisation = Organisation()
    writer = organisation.writer()
    request_id = organisation.call(writer)
    statement = new_id("req_", clock=organisation.time)
    line = AccessLine(statement, "records.outcome", organisation.time.now, recorded=True, answered=True)
    assert codes(verified(organisation, access=[line])) == {"call-unrecorded"}
    use = {**intent(request_id), "kind": "use", "statement_id": statement}
    writer.append_now(use, bodies={})
    assert verified(organisation, access=[line]).findings == []


def test_an_intent_needs_its_outcome_or_a_named_reason() -> None:
    organisation = Organisation()
    writer = organisation.writer()
    open_call, excused, expired = (new_id("req_", clock=organisation.time) for _ in range(3))
    for request_id in (open_call, excused, expired):
        writer.append_now(intent(request_id), bodies={})
    organisation.bucket.before_put = _refuse
    with pytest.raises(Exception, match="AccessDenied"):
        writer.append_now(outcome(excused), bodies={})
    organisation.bucket.before_put = None
    organisation.writer("sweeper").append_now({**outcome(expired), "result": "expired"}, bodies={})
    organisation.call(writer)
    now = organisation.time.now
    assert verified(organisation).findings == [], "a call may last a while"
    late = verified(organisation, now=now + timedelta(minutes=50))
    assert [(one.code, one.where) for one in late.findings] == [("call-unended", open_call)]


@settings(max_examples=60, deadline=None)
@given(
    values=st.dictionaries(
        st.sampled_from(["kind", "request_id", "at", "sequence", "writer", "in_doubt", "requests", "result"]),
        st.one_of(st.none(), st.integers(), st.text(), st.lists(st.dictionaries(st.text(), st.text()))),
    ),
    kind=st.sampled_from(["intent", "outcome", "unconfirmed", "use"]),
)
def test_a_record_that_holds_anything_at_all_is_a_finding_and_no_crash(
    values: dict[str, object], kind: str
) -> None:
    organisation = Organisation()
    organisation.call(organisation.writer())
    key = next(iter(organisation.bucket.objects))
    organisation.bucket.objects[key] = json.dumps({"kind": kind, **values}).encode() + b"\n"
    assert verified(organisation, now=organisation.time.now + timedelta(minutes=50)).findings


def test_in_a_copy_calls_are_judged_as_of_its_newest_record() -> None:
    """Whenever in an hour the copy was taken: what was under way then is not a finding."""
    organisation = Organisation()
    writer = organisation.writer()
    under_way = new_id("req_", clock=organisation.time)
    writer.append_now(intent(under_way), bodies={})
    span = span_of(organisation.bucket, None, None, now=None)
    assert span is not None
    assert verify(organisation.bucket, organisation.trust(), span, []).findings == []
    organisation.time.forward(minutes=40)
    organisation.call(writer)
    report = verify(organisation.bucket, organisation.trust(), span, [])
    assert [(one.code, one.where) for one in report.findings] == [("call-unended", under_way)]


def _refuse(_key: str, _arrive: Callable[[], None]) -> None:
    from tests.records.audit_fixtures import aws_error

    raise aws_error("AccessDenied", 403)


def test_an_intent_in_doubt_is_excused_by_the_chain_that_follows() -> None:
    from botocore.exceptions import ReadTimeoutError

    organisation = Organisation()
    writer = organisation.writer()
    organisation.call(writer)

    def arrive_and_be_silent(key: str, arrive: Callable[[], None]) -> None:
        if key not in organisation.bucket.objects:
            arrive()
        raise ReadTimeoutError(endpoint_url="s3")

    organisation.bucket.before_put = arrive_and_be_silent
    with pytest.raises(Exception, match="ReadTimeout"):
        writer.append_now(intent(new_id("req_", clock=organisation.time)), bodies={})
    organisation.bucket.before_put = None
    organisation.call(writer)
    assert verified(organisation, now=organisation.time.now + timedelta(minutes=50)).findings == []


def test_an_outcome_without_an_intent_is_found() -> None:
    organisation = Organisation()
    stray = new_id("req_", clock=organisation.time)
    organisation.writer().append_now(outcome(stray), bodies={})
    assert [(one.code, one.where) for one in verified(organisation).findings] == [("call-unannounced", stray)]


def test_an_object_that_was_late_is_sealed_by_the_next_manifest(organisation: Organisation) -> None:
    late = busy_hours(1)
    late_writer = late.writer()
    now, late.time.now = late.time.now, datetime(2026, 11, 24, 8, 59, tzinfo=UTC)
    late.call(late_writer)
    late.time.now = now
    assert verified(late).findings == [], "the next manifest is still to come"
    late.time.forward(hours=1)
    late.notary().seal_due()
    report = verified(late)
    assert report.findings == []
    assert report.late_objects == 2


_STRANGER = "gateway-01M869CCZ01QHTQMBT9MKMT70Q/000000000000.jsonl"
STRANGE: dict[str, tuple[str, bytes, str]] = {  # key, content, what a verification finds
    "JSON nested too deeply": (f"{SECOND}{_STRANGER}", b"[" * 100_000 + b"\n", "chain-broken"),
    "not text": (f"{SECOND}{_STRANGER}", b"\xff\xfe\x00\n", "chain-broken"),
    "a list": (f"{SECOND}{_STRANGER}", b"[1]\n", "chain-broken"),
    "another file": (f"{SECOND}notes.txt", b"x", "object-foreign"),
    "no hour": (f"records/dt=2026-11-24/{_STRANGER}", b"x", ""),
    "a marker of a folder": ("records/", b"", ""),
    "no such day": (f"records/dt=2026-13-45/hour=99/{_STRANGER}", b"x", "object-foreign"),
    "the year 1": (f"records/dt=0001-01-01/hour=00/{_STRANGER}", b"x", "object-foreign"),
    "dated years back": (f"records/dt=1999-01-01/hour=00/{_STRANGER}", b"x", "manifest-missing"),
    "dated years ahead": (f"records/dt=2999-01-01/hour=00/{_STRANGER}", b"x", ""),
    "a file among the segments": ("segments/dt=2026-11-24/hour=09/notes.jsonl", b"x", ""),
}


@pytest.mark.parametrize("what", STRANGE)
@pytest.mark.parametrize("first", [True, False], ids=["before the first run", "later"])
def test_no_object_keeps_the_notary_from_sealing_and_a_record_that_is_none_is_found(
    what: str, first: bool
) -> None:
    key, data, code = STRANGE[what]
    organisation = Organisation()
    writer = organisation.writer()
    for hour in range(3):
        organisation.call(writer)
        if hour == (0 if first else 1):
            organisation.bucket.objects[key] = data
        organisation.time.forward(hours=1)
        organisation.notary().seal_due()
    report = verified(organisation)
    assert (report.manifests, report.calls) == (3, 3)
    found = codes(report)
    assert code in found if code else not found


def test_whatever_an_object_is_replaced_by_is_found_and_stops_neither_verification_nor_search() -> None:
    organisation = busy_hours(2)
    second = organisation.time.now.replace(minute=0) - timedelta(hours=1)
    asked = Question(organisation.time.now - timedelta(hours=9), organisation.time.now, person="ada")
    contents = [
        b"", b"\xff", b"[" * 50_000, b"null", b"[null]\n", b'{"writer":5,"first":"x","lines":5,"sizes":5}\n',
        b'{"at":"2026-11-24T08:05:00","principal":"ada"}\n',
        b'{"at":"0001-01-01T00:00:00+14:00","principal":"ada"}\n',
    ]  # fmt: skip
    evidence = [key for key in organisation.bucket.objects if not key.endswith("shards.json")]
    for number, key in enumerate(evidence):
        for content in contents[number % 2 :: 2] if key.startswith("records/") else contents:
            bucket = organisation.bucket.copy()
            bucket.objects[key] = content
            assert verified(organisation, bucket).findings, f"{key} as {content[:20]!r}"
            verified(organisation, bucket, first=second)  # what was before is read for introductions alone
            list(find(bucket, asked))


def test_a_record_dated_years_back_does_not_make_a_verification_read_years() -> None:
    organisation, steps = busy_hours(2), 0
    key, data, code = STRANGE["dated years back"]
    organisation.bucket.objects[key] = data
    span = span_of(organisation.bucket, None, None, now=organisation.time.now)
    assert span is not None
    assert len(span) > 200_000

    def logs(_: Span) -> tuple[list[AccessLine], tuple[()]]:
        nonlocal steps
        steps += 1
        return organisation.access, ()

    report = verify_in_steps(organisation.bucket, organisation.trust(), span, logs, lambda _: None)
    assert code in codes(report)
    assert report.calls == len(organisation.access)
    assert steps < 5
    assert report.hours < 100


CLOCKS: dict[str, Callable[[int], int]] = {  # minutes that a writer is off, by call
    "an hour ahead": lambda _: 60,
    "an hour behind": lambda _: -60,
    "set back over the hour": lambda number: 0 if number < 7 else -20,
    "set forward": lambda number: -20 if number < 7 else 0,
    "now here, now there": lambda number: -60 * (number % 2),
}


@pytest.mark.parametrize("off", CLOCKS)
def test_a_writer_whose_clock_is_wrong_is_no_finding(off: str) -> None:
    organisation, skewed = Organisation(), Time()
    right = organisation.writer()
    wrong = replace(organisation, time=skewed)  # over the same bucket and log
    writer = wrong.writer()
    for number in range(16):
        skewed.now = organisation.time.now + timedelta(minutes=CLOCKS[off](number))
        organisation.call(right)
        wrong.call(writer)
        organisation.time.forward(minutes=10)
        organisation.notary().seal_due()
    for _ in range(2):
        organisation.time.forward(hours=1)
        organisation.notary().seal_due()
    report = verified(organisation)
    assert report.findings == []
    assert report.calls == 32


@pytest.mark.parametrize("altered", [True, False], ids=["altered", "removed"])
def test_what_came_late_and_was_altered_or_removed_since_is_found(altered: bool) -> None:
    late = busy_hours(1)
    in_time = set(late.bucket.objects)
    now, late.time.now = late.time.now, datetime(2026, 11, 24, 8, 59, tzinfo=UTC)
    late.call(late.writer())
    late.time.now = now
    key = max(set(late.bucket.objects) - in_time)
    late.time.forward(hours=1)
    late.notary().seal_due()
    bucket = late.bucket.copy()
    if altered:
        change(key, lambda lines: [edit(one) for one in lines])(bucket)
    else:  # the segment that keeps it
        key = "segments/dt=2026-11-24/hour=09/9000.jsonl"
        del bucket.objects[key]
    found = {(one.code, one.where) for one in verified(late, bucket).findings}
    assert ("object-altered" if altered else "segment-deleted", key) in found


# -- the command on an auditor's copy ------------------------------------------------------------------------


def test_an_auditor_verifies_a_copy_offline(organisation: Organisation, tmp_path: Path) -> None:
    organisation.bucket.write_to(tmp_path)
    (tmp_path / "key.pem").write_bytes(organisation.signing.pem())
    log = tmp_path / "gateway.log"
    log.write_text("started\n" + "\n".join(_access_text(line) for line in organisation.access) + "\n")
    command = [
        "audit", "verify", "--json", "--copy", str(tmp_path), "--public-key", str(tmp_path / "key.pem"),
        "--access-log", str(log),
    ]  # fmt: skip
    whole = CliRunner().invoke(app, command)
    assert whole.exit_code == 0, whole.output
    report = json.loads(whole.stdout)
    assert report["findings"] == []
    assert report["access_lines"] == len(organisation.access)
    victim = next(path for path in sorted((tmp_path / "segments").rglob("*.jsonl")))
    victim.unlink()
    tampered = CliRunner().invoke(app, command)
    assert tampered.exit_code == 5
    (found,) = [one for one in json.loads(tampered.stdout)["findings"] if one["code"] == "segment-deleted"]
    assert found["where"] == victim.relative_to(tmp_path).as_posix()
    shown = CliRunner().invoke(app, [part for part in command if part != "--json"])
    assert shown.exit_code == 5
    assert "segment-deleted" in shown.stdout


def test_a_later_run_goes_on_where_a_clean_one_ended_and_finds_a_roll_back(tmp_path: Path) -> None:
    organisation = busy_hours(2)
    checkpoint = tmp_path / "checkpoint.jsonl"
    (tmp_path / "keys.pem").write_text(KeyRing({"manifests": [organisation.signing.public]}).text())
    store = tmp_path / "store"
    organisation.bucket.write_to(store)
    command = ["audit", "verify", "--json", "--copy", str(store), "--public-key", str(tmp_path / "keys.pem"),
               "--since-last", "--checkpoint", str(checkpoint)]  # fmt: skip
    first = CliRunner().invoke(app, command)
    assert (first.exit_code, json.loads(first.stdout)["from"]) == (0, "2026-11-24T08"), first.output
    organisation.time.forward(hours=1)
    organisation.call(organisation.writer())
    organisation.time.forward(hours=1)
    organisation.notary().seal_due()
    organisation.bucket.write_to(store)
    second = CliRunner().invoke(app, command)
    assert (second.exit_code, json.loads(second.stdout)["from"]) == (0, "2026-11-24T09"), second.output
    for path in [*store.rglob("hour=11*"), *store.rglob("hour=10*")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    rolled_back = CliRunner().invoke(app, command)
    assert rolled_back.exit_code == 5
    assert "rolled-back" in {one["code"] for one in json.loads(rolled_back.stdout)["findings"]}


def test_a_run_that_is_cut_short_is_taken_up_after_the_last_day_that_held() -> None:
    days = Organisation()
    for _ in range(60):
        days.call(days.writer())
        days.time.forward(hours=1)
    days.notary().seal_due()
    span = span_of(days.bucket, None, None, now=days.time.now)
    assert span is not None
    kept: list[Anchor] = []
    hours: list[int] = []

    def cut_short(report: Report) -> None:
        hours.append(report.hours)
        if len(hours) == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify_in_steps(
            days.bucket, days.trust(), span, lambda _: (days.access, ()), kept.append, progress=cut_short
        )
    assert [hour_name(one.hour) for one in kept] == ["2026-11-25T08"]
    rest = span_of(days.bucket, kept[-1].hour, None, now=days.time.now)
    assert rest is not None
    report = verify_in_steps(days.bucket, days.trust(kept), rest, lambda _: (days.access, ()), kept.append)
    assert (report.findings, report.hours) == ([], len(rest))
    whole = verify_in_steps(days.bucket, days.trust(), span, lambda _: (days.access, ()), lambda _: None)
    assert (whole.findings, whole.hours, whole.sealed) == ([], len(span), kept[-1])
    at_once = verify(days.bucket, days.trust(), span, days.access)
    for name in ("manifests", "segments", "objects", "records", "bytes", "writers", "calls", "access_lines"):
        assert getattr(whole, name) == getattr(at_once, name), f"{name}: hours read twice count once"
    for key in [key for key in days.bucket.objects if key.startswith("segments/dt=2026-11-25/hour=20")]:
        del days.bucket.objects[key]
    kept.clear()
    report = verify_in_steps(days.bucket, days.trust(), span, lambda _: (days.access, ()), kept.append)
    assert "segment-deleted" in {one.code for one in report.findings}
    assert [hour_name(one.hour) for one in kept] == ["2026-11-25T08"], "nothing after what was found"


def test_a_record_is_proved_without_any_other(organisation: Organisation, tmp_path: Path) -> None:
    organisation.bucket.write_to(tmp_path / "store")
    (tmp_path / "keys.pem").write_text(KeyRing({"manifests": [organisation.signing.public]}).text())
    wanted = organisation.access[3].request_id
    made = CliRunner().invoke(app, ["audit", "prove", wanted, "--copy", str(tmp_path / "store")])
    assert made.exit_code == 0, made.output
    proofs = json.loads(made.stdout)
    assert len(proofs) == 2, "intent and outcome"
    others = [one.request_id for one in organisation.access if one.request_id != wanted]
    assert not [one for one in others if one.encode() in base64.b64decode(proofs[0]["record"])]
    (tmp_path / "proof.json").write_text(made.stdout)
    command = [
        "audit",
        "prove",
        "--check",
        str(tmp_path / "proof.json"),
        "--public-key",
        str(tmp_path / "keys.pem"),
    ]
    assert CliRunner().invoke(app, command).exit_code == 0
    for field, value in (
        ("record", base64.b64encode(base64.b64decode(proofs[0]["record"]).replace(b"ada", b"eve")).decode()),
        ("index", proofs[0]["index"] + 1),
        ("size", proofs[0]["size"] + 1),
        ("path", ["00" * 32, *proofs[0]["path"]]),
        ("block", proofs[0]["block"][:-1]),
        ("block", ["00" * 32, *proofs[0]["block"][1:]]),
        ("block", proofs[0]["block"][::-1]),
        ("manifest", proofs[0]["manifest"].replace(hour_name(hour_named("2026-11-24T08")), "2026-11-24T07")),
        ("segment", "segments/dt=2026-11-24/hour=09/0000.jsonl"),
    ):
        (tmp_path / "proof.json").write_text(json.dumps([proofs[0] | {field: value}]))
        refused = CliRunner().invoke(app, command)
        assert isinstance(refused.exception, KitError), field
        assert refused.exception.exit_code == 5
    unknown = CliRunner().invoke(app, ["audit", "prove", new_id("req_"), "--copy", str(tmp_path / "store")])
    assert isinstance(unknown.exception, KitError)
    assert unknown.exception.exit_code == 5


@given(size=st.integers(1, 70), data=st.data())
def test_every_entry_of_a_tree_of_any_size_is_proved_and_no_other(size: int, data: st.DataObject) -> None:
    entries = [bytes([number]) * 32 for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path, root = inclusion_proof(entries, index), root_of(entries)
    assert holds(entries[index], index, size, path, root)
    other = data.draw(st.integers(0, size - 1))
    if other != index:
        assert not holds(entries[other], index, size, path, root)
        assert not holds(entries[index], other, size, path, root)


@pytest.mark.parametrize("arguments", [[], ["--from", "2031-01-01"], ["--to", "2020-01-01"]])
def test_nothing_to_verify_is_no_proof(
    arguments: list[str], organisation: Organisation, tmp_path: Path
) -> None:
    for folder in ("records", "manifests"):
        (tmp_path / folder).mkdir()
    if arguments:  # a span outside of what there is
        organisation.bucket.write_to(tmp_path)
    (tmp_path / "key.pem").write_bytes(organisation.signing.pem())
    copies = ["--records", str(tmp_path / "records"), "--manifests", str(tmp_path / "manifests")]
    command = ["audit", "verify", *copies, "--public-key", str(tmp_path / "key.pem"), *arguments]
    shown = CliRunner().invoke(app, command)
    assert (shown.exit_code, "Nothing to verify" in shown.stdout) == (5, True)
    machine = CliRunner().invoke(app, [*command, "--json"])
    assert (machine.exit_code, json.loads(machine.stdout)["verdict"]) == (5, "nothing to verify")


def _access_text(line: AccessLine) -> str:
    return json.dumps(
        {
            "type": "access",
            "_aws": {"Timestamp": int(line.at.timestamp() * 1000)},
            "request_id": line.request_id,
            "route": line.route,
            "recorded": line.recorded,
            "status": 200,
            "reason": "",
            "client_gone": False,
        }
    )


def test_the_access_log_is_read_as_the_gateway_writes_it(tmp_path: Path) -> None:
    from lambdas.gateway.access_log import AccessEntry, AccessLog

    lines: list[str] = []
    log = AccessLog("test", lines.append)
    log.event("started")
    entry = AccessEntry("req_1", "POST", route="messages", recorded=True)
    log.request(entry, status=200, seconds=0.1, bytes_in=1, bytes_out=1, client_gone=False)
    path = tmp_path / "log"
    path.write_text("\n".join([*lines, "noise", "{broken"]))
    (found,) = read_files([path])
    assert (found.request_id, found.route, found.recorded, found.answered) == (
        "req_1",
        "messages",
        True,
        True,
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--records", "/nowhere", "--public-key", "KEY"], "no folder"),
        (["--records", "HERE"], "public keys are needed"),
        (["--records", "HERE", "--public-key", "/nowhere"], "no public key"),
        (["--from", "yesterday"], "not a time"),
        (["--manifests", "HERE"], "--records"),
        (["--records", "HERE", "--public-key", "KEY", "--access-log", "/nowhere"], "no file"),
    ],
)
def test_wrong_arguments_are_explained(
    tmp_path: Path, organisation: Organisation, arguments: list[str], says: str
) -> None:
    from kit.errors import ExitCode

    (tmp_path / "key.pem").write_bytes(organisation.signing.pem())
    places = {"HERE": str(tmp_path), "KEY": str(tmp_path / "key.pem")}
    given = [places.get(argument, argument) for argument in arguments]
    result = CliRunner().invoke(app, ["audit", "verify", *given])
    assert isinstance(result.exception, KitError)
    assert result.exception.exit_code == ExitCode.USAGE
    assert says in result.exception.message


def test_loading_ahead_keeps_the_order_and_the_weight() -> None:
    loaded: list[int] = []
    with ThreadPoolExecutor(4) as pool:
        for item, result in ahead(pool, range(50), lambda n: loaded.append(n) or n * 2, most=5):
            assert result == item * 2
            assert len(loaded) <= item + 6


def test_a_span_is_what_there_is_and_what_was_asked_for(organisation: Organisation) -> None:
    eight, nine = hour_named("2026-11-24T08"), hour_named("2026-11-24T09")
    everything = span_of(organisation.bucket, None, None, now=organisation.time.now)
    assert isinstance(everything, Span)
    assert (everything.first, everything.whole) == (eight, True)
    part = span_of(organisation.bucket, nine, nine, now=None)
    assert part is not None
    assert (part.first, part.last, part.whole, len(part)) == (nine, nine, False, 1)
    assert span_of(MemoryBucket(), None, None, now=organisation.time.now) is None
