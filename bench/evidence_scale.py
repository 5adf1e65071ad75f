"""The evidence at 50,000 people: `python -m bench.evidence_scale [PART …] [--records N]`.

Reported: memory of the notary by calls per hour, one record per object as functions write them, over an S3
that answers at once; the speed of `kit audit verify` on sealed segments per CPU, with `sha256sum` for
comparison; the cost of SCIM for a group of 500,000; cost per million calls by profile. CPU time is reported
instead of wall-clock time, so the figures hold on a busy machine.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bench.memory import peak_mb
from kit.audit.calls import Calls
from kit.audit.segments import check_segment
from lambdas.common.audit.chain import Chain, Draft, begin, hour_prefix, make_tail
from lambdas.common.audit.manifest import Manifest, SealedSegment, hour_of, manifest_key, read_manifest, sign
from lambdas.common.audit.segment import Segment, build, index_key, segment_key
from lambdas.common.ids import new_id
from lambdas.notary.notary import Notary
from lambdas.scim import groups
from tests.records.audit_fixtures import SIGNING_KEY, SigningKey
from tests.scim.group_of_everybody import Everybody, Placed

BEGIN = datetime(2026, 11, 24, 8, 5, tzinfo=UTC)
_LINE_BYTES = 6_000


class _Bucket:
    """An S3 that answers at once; records are generated when read, so they take no memory."""

    def __init__(self, objects: int) -> None:
        self._objects = objects
        self.kept: dict[str, tuple[bytes, dict[str, str]]] = {}

    def _keys(self, prefix: str) -> list[str]:
        if prefix.startswith("records/") and prefix.count("/") == 3 and "hour=" in prefix:
            return [f"{prefix}gateway-{number:026d}/{0:012d}.jsonl" for number in range(self._objects)]
        if prefix == "records/":
            return [f"{hour_prefix(BEGIN)}gateway-{0:026d}/{0:012d}.jsonl"]
        return sorted(key for key in self.kept if key.startswith(prefix))

    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        after = max(asked.get("StartAfter", ""), asked.get("ContinuationToken", ""))
        found = [key for key in self._keys(asked["Prefix"]) if key > after]
        page = found[: asked["MaxKeys"]]
        listed: dict[str, Any] = {"Contents": [{"Key": key, "Size": _LINE_BYTES} for key in page]}
        if len(found) > len(page) and asked["MaxKeys"] == 1000:
            listed |= {"IsTruncated": True, "NextContinuationToken": page[-1]}
        return listed

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key in self.kept:
            return {"Body": BytesIO(self.kept[Key][0])}
        writer = Key.split("/")[3]
        batch = begin(writer).extend([_draft("intent", b"x" * (_LINE_BYTES - 500))])
        return {"Body": BytesIO(batch.data)}

    def head_object(self, *, Bucket: str, Key: str, ChecksumMode: str) -> dict[str, Any]:  # noqa: N803
        data, said = self.kept[Key]
        checksum = b64encode(hashlib.sha256(data).digest()).decode()
        return {"ContentLength": len(data), "ChecksumSHA256": checksum, "Metadata": said}

    def put(self, key: str, data: bytes, metadata: Any, content_type: str) -> None:
        # Indexes of what is sealed are read again; of segments only the metadata is.
        self.kept[key] = (data if not key.endswith(".jsonl") or "index" in key else data[:0], dict(metadata))
        if key.endswith(".jsonl") and "index" not in key:
            self.kept[key] = (data, dict(metadata))

    def put_object_tagging(self, **_: Any) -> None:
        pass

    def get_object_tagging(self, **_: Any) -> dict[str, Any]:
        return {"TagSet": []}


class _Kms:
    def sign(self, **_: Any) -> dict[str, bytes]:
        return {"Signature": b"x" * 70}


def _draft(kind: str, sealed: bytes, request_id: str = "") -> Draft:
    record_id = new_id("rec_")
    record = {
        "kind": kind,
        "request_id": request_id or new_id("req_"),
        "principal": "ada",
        "principal_kind": "person",
        "department": "marketing",
        "model": "claude-haiku-5-5",
        "result": "completed",
        "decisions": [{"step": "inspection", "class": "internal", "findings": []}],
    }
    bodies = b'{"request":{"key":"sk_1","nonce":"0","size":1,"sealed":"%b"}}' % sealed
    return Draft(record_id, kind, record["request_id"], make_tail(record_id, BEGIN, record, bodies), {})


def notary_memory(calls_per_hour: int) -> tuple[float, float]:
    """Return peak MB and CPU seconds for one hour, in a separate process."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.evidence_scale", "--notary", str(2 * calls_per_hour)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return found["mb"], found["seconds"]


def _notary(objects: int) -> None:
    bucket = _Bucket(objects)
    now = BEGIN + timedelta(hours=1)
    notary = Notary(bucket, bucket, _Kms(), bucket="audit", signing_key_arn="key", clock=lambda: now)
    started = time.process_time()
    list(notary.seal_each())
    kept = (
        sum(len(data) for data, _ in bucket.kept.values()) / 1e6
    )  # what the bucket holds is not the notary's
    print(json.dumps({"mb": peak_mb() - kept, "seconds": time.process_time() - started}))


def _segment(records: int, per_object: int, body: int, at: datetime = BEGIN) -> tuple[SealedSegment, Segment]:
    objects: list[tuple[str, bytes]] = []
    chain: Chain = begin("gateway-" + new_id())
    sealed = os.urandom(body).hex().encode()[:body]
    for _ in range(0, records, per_object):
        ids = [new_id("req_") for _ in range(max(1, per_object // 2))]
        drafts = [_draft(kind, sealed, one) for one in ids for kind in ("intent", "outcome")][:per_object]
        batch = chain.extend(drafts)
        objects.append((batch.key(at), batch.data))
        chain = batch.after
    made = build(objects)
    return made.sealed("segments/dt=2026-11-24/hour=08/0000.jsonl"), made


def _rate(sealed: SealedSegment, made: Segment, records: int, *, facts: bool) -> tuple[float, float]:
    """Return records and MB per CPU second."""
    read, size, started = 0, 0, time.process_time()
    calls = Calls()
    while read < records:
        checked = check_segment(sealed, made.data, made.index, facts=facts)
        assert not checked.findings
        for writer, said in checked.facts.items():
            calls.take(said, writer)
        read += checked.records
        size += checked.bytes
    calls.close()
    seconds = time.process_time() - started
    return read / seconds, size / seconds / 1e6


def _verify_a_copy(records: int, folder: Path) -> None:
    """Run `kit audit verify --copy` as an auditor does: day after day from files, in full, with a
    checkpoint after each day so that an interrupted run continues.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as apart:  # its memory is not that of the command
        key = apart.submit(_made, records, folder).result()
    command = [
        str(Path(sys.executable).with_name("kit")), "audit", "verify", "--json", "--copy", str(folder),
        "--public-key", str(key), "--since-last", "--checkpoint", str(folder / "checkpoint"),
    ]  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = json.loads(done.stdout)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"kit audit verify from {said['from']}, one record an object, {said['bytes'] / 1e9:.1f} GB: "
        f"{said['verdict']}, {said['records']:,} records, {said['records'] / seconds:,.0f} a CPU second, "
        f"{time.monotonic() - started:.0f} s, {after.ru_maxrss / 1024:.0f} MB in the biggest process"
    )


def _made(records: int, folder: Path) -> Path:
    """Write a copy with `records` records, one day per half million, into a folder; return the file with
    the public key of its manifests. Continues an interrupted run.
    """
    key_file, kept = folder / "keys.pem", folder / "private.pem"
    if not kept.exists():
        fresh = ec.generate_private_key(ec.SECP256R1())
        _write(kept, fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private = load_pem_private_key(kept.read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    key = SigningKey(private=private)
    _write(key_file, key.pem())
    hours = 24 * max(1, -(-records // 500_000))
    previous = None
    for number in range(hours):
        hour = hour_of(BEGIN) + timedelta(hours=number)
        place = folder / manifest_key(hour)
        if not place.exists():
            wanted = records * (number + 1) // hours - records * number // hours
            sealed: list[SealedSegment] = []
            while wanted > 0:
                made = _segment(min(wanted, 40_000), 1, 200, hour + timedelta(minutes=5))[1]
                sealed.append(made.sealed(segment_key(hour, len(sealed))))
                _write(folder / sealed[-1].key, made.data)
                _write(folder / index_key(sealed[-1].key), made.index)
                wanted -= made.records
            _write(place, sign(Manifest(hour, "", previous, sealed).line(), key, SIGNING_KEY))
            if number % 24 == 23:
                print(f"{records * (number + 1) // hours:,} records made", file=sys.stderr, flush=True)
        previous = (hour, read_manifest(place.read_bytes()).sha256)
    return key_file


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _plain_sha256(data: bytes) -> float:
    started, size = time.process_time(), 0
    while size < 400_000_000:
        hashlib.sha256(data).digest()
        size += len(data)
    return size / (time.process_time() - started) / 1e6


def _group_of_everybody() -> None:
    """A directory in memory that answers at once: what the service itself takes for a group of 500,000."""
    store, people = Everybody(500_000), Placed()
    clock = partial(datetime.now, UTC)
    directory: Any = groups.Groups(store, people, lambda: store, clock)  # type: ignore[arg-type]
    started = time.process_time()
    directory.update(store.id, lambda one: groups.Edit(one.model_copy(update={"display_name": "Other"})))
    for left in list(store.events.values()):
        directory.finish(left, lambda: True)
    seconds = time.process_time() - started
    print(
        f"SCIM, new name of a group of 500,000: transaction {store.largest:,} bytes (before: refused), "
        f"request and worker {seconds:.1f} s of processor for {len(people.done):,} members"
    )


def _cost() -> None:
    before = {"large": "444 chat", "enterprise": "40 chat", "small": "243 chat", "medium": "243 chat"}
    for size in ("small", "medium", "large", "enterprise"):
        command = [str(Path(sys.executable).with_name("kit")), "cost", "--size", size, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)["infrastructure_per_million_calls_microusd"]
        shown = ", ".join(f"{name} {amount / 1e6:,.0f}" for name, amount in found.items())
        print(f"USD per million calls, {size:<10} before {before[size]}; now {shown}")


def _notary_table(_: argparse.Namespace) -> None:
    print(
        "notary, one record an object           before      now (MB)   processor seconds an hour of records"
    )
    for calls, before in ((500, "91"), (2_500, "237"), (6_000, "439"), (12_500, "1,107")):
        mb, seconds = notary_memory(calls)
        print(f"{calls:>7,} calls an hour            {before:>8} {mb:>12,.0f} {seconds:>14,.1f}", flush=True)


def _verify_table(asked: argparse.Namespace) -> None:
    for label, per_object in (("many records an object", 100), ("one record an object", 1)):
        sealed, made = _segment(40_000, per_object, 200)
        chain, _ = _rate(sealed, made, asked.records, facts=False)
        full, _ = _rate(sealed, made, asked.records, facts=True)
        print(f"verify, {label:<23} chain and Merkle {chain:>9,.0f} records/s, full check {full:>9,.0f}")
    sealed, made = _segment(2_000, 2, 12_000)
    _, speed = _rate(sealed, made, 20_000, facts=True)
    plain = _plain_sha256(made.data)
    print(f"bodies of 12 kB: {speed:,.0f} MB/s, sha256sum {plain:,.0f} MB/s: {speed / plain:.0%}")


def _copy(asked: argparse.Namespace) -> None:
    if asked.folder:
        _verify_a_copy(asked.records, asked.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        _verify_a_copy(asked.records, Path(folder))


PARTS = {
    "notary": _notary_table,
    "verify": _verify_table,
    "copy": _copy,
    "scim": lambda _: _group_of_everybody(),
    "cost": lambda _: _cost(),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--records", type=int, default=500_000)
    parser.add_argument("--folder", type=Path, help="where the copy is made and kept, to go on with it")
    parser.add_argument("--notary", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.notary:
        _notary(asked.notary)
        return
    for name in asked.part or PARTS:
        PARTS[name](asked)


if __name__ == "__main__":
    main()
