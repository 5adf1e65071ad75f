"""Forged calls, silenced outcomes, rolled-back and emptied stores are findings (L2.5, G.3).

Anyone who plants here controls the whole copy and knows how chains are made; they lack the keys of KMS and
what the processes that wrote held in memory.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from kit.audit.access_logs import AccessLine
from kit.audit.anchors import anchors_in_file
from kit.audit.keyring import KeyRing, read_keys
from kit.audit.verification import Report, span_of, verify
from kit.cli import app
from kit.errors import KitError
from lambdas.common.audit import AuditUnavailable
from lambdas.common.audit.chain import hash_of, hour_prefix
from lambdas.common.audit.manifest import Anchor, hour_named, manifest_key, read_manifest, sign
from lambdas.common.ids import new_id
from tests.records.audit_fixtures import (
    MemoryBucket,
    Organisation,
    SigningKey,
    aws_error,
    busy_hours,
    intent,
    outcome,
)

SEALED, OPEN = (
    datetime.fromisoformat("2026-11-24T08:20+00:00"),
    datetime.fromisoformat("2026-11-24T11:20+00:00"),
)


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return busy_hours()


def verified(organisation: Organisation, bucket: MemoryBucket, anchors: list[Anchor] | None = None) -> Report:
    """As an auditor verifies a copy, with the whole access log."""
    span = span_of(bucket, None, None, now=None)
    assert span is not None
    return verify(bucket, organisation.trust(anchors or ()), span, organisation.access)


def codes(report: Report) -> set[str]:
    return {one.code for one in report.findings}


# -- forged with a chain that holds --------------------------------------------------------------------------


def chained(writer: str, records: list[dict[str, Any]], sequence: int = 0, head: str | None = None) -> bytes:
    """Lines as a writer makes them, which nobody needs a secret for."""
    head, lines = head or hash_of(writer.encode()), []
    for number, record in enumerate(records, sequence):
        told = {"v": 1, "writer": writer, "sequence": number, "previous": head, **record, "bodies": {}}
        lines.append(json.dumps(told, separators=(",", ":")).encode())
        head = hash_of(lines[-1])
    return b"\n".join(lines) + b"\n"


def forged_call(at: datetime) -> list[dict[str, Any]]:
    request_id = new_id("req_", clock=lambda: at)
    records = (intent(request_id, "mallory"), outcome(request_id, "mallory"))
    return [{"record_id": new_id("rec_"), "at": at.isoformat(), **record} for record in records]


def own_introduction(at: datetime, key: SigningKey) -> dict[str, Any]:
    """The introduction of a process that the forger made up, signed by a key of the forger's."""
    from lambdas.common.audit.introduction import Introducer

    made = dict(Introducer(key, key.arn, clock=lambda: at).identity("gateway").introduction)
    return {"record_id": new_id("rec_"), "at": at.isoformat(), **made}


def invent_writer(at: datetime) -> Callable[[MemoryBucket], None]:
    def plant(bucket: MemoryBucket) -> None:
        writer = f"gateway-{new_id(clock=lambda: at)}"
        bucket.objects[f"{hour_prefix(at)}{writer}/{0:012d}.jsonl"] = chained(writer, forged_call(at))

    return plant


def invent_introduced_writer(bucket: MemoryBucket) -> None:
    writer = f"gateway-{new_id(clock=lambda: OPEN)}"
    records = [own_introduction(OPEN, SigningKey("arn:aws:kms:forger")), *forged_call(OPEN)]
    bucket.objects[f"{hour_prefix(OPEN)}{writer}/{0:012d}.jsonl"] = chained(writer, records)


def borrow_introduction(bucket: MemoryBucket) -> None:
    """A real introduction under an invented writer's name: the forger has not got the process's key."""
    real = next(record for record in bucket.records() if record["kind"] == "introduction")
    kept = {
        name: value
        for name, value in real.items()
        if name not in {"v", "writer", "sequence", "previous", "bodies"}
    }
    kept.pop("signed", None)
    writer = f"gateway-{new_id(clock=lambda: OPEN)}"
    bucket.objects[f"{hour_prefix(OPEN)}{writer}/{0:012d}.jsonl"] = chained(
        writer, [kept, *forged_call(OPEN)]
    )


def open_keys(bucket: MemoryBucket) -> list[str]:
    return sorted(key for key in bucket.objects if "hour=11" in key)


def edit_last_line(bucket: MemoryBucket) -> None:
    key = open_keys(bucket)[-1]
    bucket.objects[key] = bucket.objects[key].replace(b'"cost_microusd":7', b'"cost_microusd":1')


def rewrite_tail(bucket: MemoryBucket) -> None:
    """The last object of an open hour, made again from the chain before it."""
    key = open_keys(bucket)[-1]
    last = json.loads(bucket.objects[key].splitlines()[-1])
    told = {
        name: value
        for name, value in last.items()
        if name not in {"v", "writer", "sequence", "previous", "bodies"}
    }
    told.pop("signed")
    told["cost_microusd"] = 1
    bucket.objects[key] = chained(last["writer"], [told], last["sequence"], last["previous"])


def sign_with_another_key(bucket: MemoryBucket) -> None:
    rewrite_tail(bucket)
    key = open_keys(bucket)[-1]
    line = bucket.objects[key].splitlines()[-1]
    signature = base64.b64encode(Ed25519PrivateKey.generate().sign(line)).decode()
    bucket.objects[key] = line[:-1] + f',"signed":"{signature}"}}'.encode() + b"\n"


@pytest.mark.parametrize(
    ("plant", "code"),
    [
        (invent_writer(OPEN), "writer-unknown"),
        (invent_writer(SEALED), "writer-unknown"),
        (invent_introduced_writer, "writer-unknown"),
        (borrow_introduction, "head-unsigned"),
        (edit_last_line, "head-unsigned"),
        (rewrite_tail, "head-unsigned"),
        (sign_with_another_key, "head-unsigned"),
    ],
    ids=[
        "writer",
        "back-dated",
        "own introduction",
        "borrowed introduction",
        "edit",
        "tail",
        "own signature",
    ],
)
def test_what_was_forged_with_a_chain_that_holds_is_found(
    organisation: Organisation, plant: Callable[[MemoryBucket], None], code: str
) -> None:
    bucket = organisation.bucket.copy()
    assert codes(verified(organisation, bucket)) == set()
    plant(bucket)
    assert code in codes(verified(organisation, bucket))


def test_a_back_dated_object_that_the_notary_adopted_is_found_all_the_same() -> None:
    organisation = busy_hours(1)
    invent_writer(SEALED)(organisation.bucket)
    organisation.time.forward(hours=1)
    (manifest,) = organisation.notary().seal_due()
    assert [one for one in manifest.segments if one.late]
    assert "writer-unknown" in codes(verified(organisation, organisation.bucket))


def test_a_person_who_may_leave_records_cannot_record_a_call() -> None:
    organisation = busy_hours(1)
    organisation.call(organisation.writer("operator"), "mallory")
    assert codes(verified(organisation, organisation.bucket)) == {"record-unauthorised"}


def test_a_forged_call_is_missed_in_the_access_log() -> None:
    """Even one that the process itself wrote: log and records are held against each other both ways."""
    organisation = busy_hours(1)
    writer = organisation.writer()
    organisation.call(writer, log=False)
    organisation.time.forward(minutes=1)
    organisation.call(writer)
    assert codes(verified(organisation, organisation.bucket)) == {"call-unlogged"}


def test_a_killed_process_may_have_left_no_line_for_its_last_answer() -> None:
    organisation = busy_hours(1)
    organisation.call(organisation.writer(), log=False)
    organisation.time.forward(minutes=1)
    organisation.call(organisation.writer())
    assert codes(verified(organisation, organisation.bucket)) == set()


# -- silenced ------------------------------------------------------------------------------------------------


def unended(organisation: Organisation) -> str:
    request_id = new_id("req_", clock=organisation.time)
    organisation.writer().append_now(intent(request_id), bodies={})
    return request_id


@pytest.mark.parametrize("by", ["invented", "another process"])
def test_that_a_record_failed_is_believed_of_the_process_alone_that_began_the_call(by: str) -> None:
    organisation = Organisation()
    silenced = unended(organisation)
    (their_writer,) = {record["writer"] for record in organisation.bucket.records()}
    told = {"kind": "unconfirmed", "requests": [silenced], "records": 1, "reason": "x",
            "in_doubt": [{"writer": their_writer, "from_sequence": 0}]}  # fmt: skip
    if by == "another process":
        organisation.writer().append_now(told, bodies={})
    else:
        writer = f"gateway-{new_id(clock=organisation.time)}"
        key = f"{hour_prefix(organisation.time.now)}{writer}/{0:012d}.jsonl"
        organisation.bucket.objects[key] = chained(
            writer, [{"at": organisation.time.now.isoformat(), **told}]
        )
    organisation.time.forward(minutes=50)
    organisation.call(organisation.writer())
    found = verified(organisation, organisation.bucket).findings
    assert ("call-unended", silenced) in {(one.code, one.where) for one in found}


# -- gone ----------------------------------------------------------------------------------------------------


def rolled_back(organisation: Organisation, *, hours: int) -> MemoryBucket:
    """The newest hours are gone, records and manifests."""
    bucket = organisation.bucket.copy()
    for hour in [f"{11 - back:02d}" for back in range(hours)]:
        for key in [key for key in bucket.objects if f"hour={hour}" in key]:
            del bucket.objects[key]
    return bucket


def anchored(organisation: Organisation) -> list[Anchor]:
    manifests = [
        read_manifest(data) for key, data in sorted(organisation.bucket.objects.items()) if key[0] == "m"
    ]
    return [Anchor(one.hour, one.sha256) for one in manifests]


def test_a_roll_back_is_found_by_the_access_log(organisation: Organisation) -> None:
    assert "call-unrecorded" in codes(verified(organisation, rolled_back(organisation, hours=2)))


def test_a_roll_back_is_found_by_an_anchor_alone(organisation: Organisation) -> None:
    bucket = rolled_back(organisation, hours=2)
    span = span_of(bucket, None, None, now=None)
    assert span is not None
    report = verify(bucket, organisation.trust(anchored(organisation)), span, [])
    assert [(one.code, one.where) for one in report.findings] == [
        ("rolled-back", manifest_key(hour_named("2026-11-24T10")))
    ]


def test_another_history_of_an_anchored_hour_is_found(organisation: Organisation) -> None:
    anchors = [Anchor(one.hour, "0" * 64) for one in anchored(organisation)[-1:]]
    assert "rolled-back" in codes(verified(organisation, organisation.bucket, anchors))


def test_an_auditor_keeps_anchors_and_finds_total_loss(organisation: Organisation, tmp_path: Path) -> None:
    store, kept = tmp_path / "store", tmp_path / "anchors.jsonl"
    organisation.bucket.write_to(store)
    (tmp_path / "keys.pem").write_text(
        KeyRing(
            {"manifests": [organisation.signing.public], "writers": [organisation.writer_key.public]}
        ).text()
    )
    copy = ["--records", str(store / "records"), "--manifests", str(store / "manifests")]
    keys = ["--public-key", str(tmp_path / "keys.pem")]
    noted = CliRunner().invoke(app, ["audit", "anchor", "--file", str(kept), *copy, *keys])
    assert noted.exit_code == 0, noted.output
    assert anchors_in_file(kept) == anchored(organisation)
    again = CliRunner().invoke(app, ["audit", "anchor", "--file", str(kept), *copy, *keys, "--json"])
    assert json.loads(again.stdout) == {"file": str(kept), "noted": 0, "known": 3}
    command = ["audit", "verify", "--anchor", str(kept), *copy, *keys]
    assert CliRunner().invoke(app, command).exit_code == 0
    empty = tmp_path / "empty"
    for folder in ("records", "manifests"):
        (empty / folder).mkdir(parents=True)
    lost = ["--records", str(empty / "records"), "--manifests", str(empty / "manifests")]
    gone = CliRunner().invoke(app, ["audit", "verify", "--json", "--anchor", str(kept), *lost, *keys])
    assert gone.exit_code == 5
    assert {one["code"] for one in json.loads(gone.stdout)["findings"]} == {"rolled-back"}
    refused = CliRunner().invoke(app, ["audit", "anchor", "--file", str(kept), *lost, *keys])
    assert isinstance(refused.exception, KitError)
    assert refused.exception.exit_code == 5


def test_everything_removed_is_found_by_the_access_log(organisation: Organisation, tmp_path: Path) -> None:
    for folder in ("records", "manifests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "keys.pem").write_bytes(organisation.signing.pem())
    log = tmp_path / "gateway.log"
    log.write_text("\n".join(_text(line) for line in organisation.access))
    lost = CliRunner().invoke(
        app,
        ["audit", "verify", "--json", "--records", str(tmp_path / "records"), "--manifests",
         str(tmp_path / "manifests"), "--public-key", str(tmp_path / "keys.pem"), "--access-log", str(log)],
    )  # fmt: skip
    assert lost.exit_code == 5
    found = json.loads(lost.stdout)["findings"]
    assert len(found) == len(organisation.access)
    assert {one["code"] for one in found} == {"call-unrecorded"}


def _text(line: AccessLine) -> str:
    at = int(line.at.timestamp() * 1000)
    known = {"type": "access", "_aws": {"Timestamp": at}, "request_id": line.request_id, "route": line.route}
    return json.dumps({**known, "recorded": True, "status": 200, "reason": "", "client_gone": False})


# -- who writes ----------------------------------------------------------------------------------------------


def test_a_process_is_introduced_once_however_many_chains_it_writes() -> None:
    organisation = Organisation()
    writer = organisation.writer()
    for _ in range(3):
        organisation.call(writer)
        writer._journal._chain = None  # type: ignore[attr-defined]  # as after a put that is in doubt
    introductions = [one for one in organisation.bucket.records() if one["kind"] == "introduction"]
    assert organisation.writer_key.asked == 1
    assert len(introductions) == 3
    assert len({one["public_key"] for one in introductions}) == 1
    assert codes(verified(organisation, organisation.bucket)) == set()


def test_without_an_introduction_nothing_is_written() -> None:
    organisation = Organisation()

    def refuse(**_: Any) -> dict[str, bytes]:
        raise aws_error("AccessDenied", 403, "Sign")

    organisation.writer_key.sign = refuse  # type: ignore[method-assign]
    with pytest.raises(AuditUnavailable, match="introduction"):
        organisation.writer().append_now(intent("req_1"), bodies={})
    assert organisation.bucket.objects == {}


def test_writers_from_before_there_were_introductions_still_verify() -> None:
    old = Organisation(introduced=False)
    writer = old.writer()
    old.call(writer)
    old.time.forward(hours=1)
    notary, bucket = old.notary(), old.bucket
    old.time.forward(minutes=10)
    (manifest,) = notary.seal_due()
    as_then = replace(manifest, version=1, introduced=False)
    bucket.objects[manifest_key(manifest.hour)] = sign(as_then.line(), old.signing, old.signing.arn)
    old.call(writer)  # its process lives on over the change
    old.time.forward(hours=1)
    old.notary().seal_due()
    old.call(writer)
    assert codes(verified(old, bucket)) == set()
    old.time.forward(hours=1)
    old.notary().seal_due()
    old.call(old.writer())
    assert codes(verified(old, bucket)) == {"writer-unknown"}, "but none begins without one any more"


def test_the_file_of_public_keys_is_read_as_it_is_written(organisation: Organisation) -> None:
    ring = KeyRing(
        {"manifests": [organisation.signing.public], "operators": [organisation.operator_key.public]}
    )
    found = read_keys(ring.text().encode())
    assert {use: [one.public_numbers() for one in keys] for use, keys in found.keys.items()} == {
        "manifests": [organisation.signing.public.public_numbers()],
        "operators": [organisation.operator_key.public.public_numbers()],
    }
    assert read_keys(organisation.signing.pem()).writers is None
    with pytest.raises(ValueError, match="labelled"):
        read_keys(b"# mine\n" + organisation.signing.pem())
