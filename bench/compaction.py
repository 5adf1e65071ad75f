"""The notary at 100 calls per second: `python -m bench.compaction [--calls-per-second N]`.

An hour with two records per call, one record per object, is divided among the shards of `enterprise`. One
shard's part (with `--all` each part, and the seal of the hour) runs in its own process over a bucket that
answers at once (contents are generated when read, writes go to disk), so CPU time and memory are the
notary's own. What botocore adds is measured per object, over HTTP to a server in another process.

An invocation may take 5 minutes and 256 MB; one that runs out of time continues in the next, every 5
minutes. The table says how many of an hour's 12 invocations a shard needs, with the share of a CPU that a
function of `enterprise` has.
"""

import argparse
import hashlib
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any
from zlib import crc32

import botocore.session
from botocore.config import Config

from bench.memory import peak_mb
from lambdas.common.audit.chain import Chain, Draft, begin, hour_prefix, make_tail
from lambdas.common.audit.manifest import writer_of
from lambdas.common.ids import new_id
from lambdas.notary.notary import TAG, Notary

HOUR = datetime(2026, 11, 24, 8, tzinfo=UTC)
SHARDS = 4
WRITERS = 24  # processes of the gateway
BODY_BYTES = 5_500
_INVOCATION_SECONDS = 240  # of 300; a run stops with a minute left
_PROCESSOR = 1_024 / 1_769  # of a function at `enterprise`: AWS assigns a full vCPU at 1,769 MB
_TAGGED = b"<Tagging><TagSet><Tag><Key>kit-contained</Key><Value>sealed</Value></Tag></TagSet></Tagging>"


class Bucket:
    """An S3 that answers at once. Records are generated when read; writes go to a folder."""

    def __init__(self, folder: Path, objects: int) -> None:
        self._folder = folder
        self._each = objects // WRITERS
        self.writers = list(islice(_writers(), WRITERS))
        self.read = self.tagged = 0

    @cache  # noqa: B019 - one bucket a process
    def heads(self, writer: str) -> bytes:
        """Return the concatenated hashes of a writer's lines."""
        heads, chain = bytearray(), begin(writer)
        for number in range(self._each):
            batch = chain.extend([_draft(number)])
            chain = batch.after
            heads += bytes.fromhex(chain.head)
        return bytes(heads)

    def _keys(self, prefix: str, after: str) -> Iterator[tuple[str, int]]:
        under = hour_prefix(HOUR)
        if prefix not in (under, "records/"):
            for path in sorted(self._folder.rglob("*.size")):
                key = path.relative_to(self._folder).as_posix().removesuffix(".size")
                if key.startswith(prefix) and key > after:
                    yield key, int(path.read_text().split()[0])
            return
        for writer in self.writers:
            start = 0
            if after.startswith(under):
                known = writer_of(after)
                if writer < known:
                    continue
                start = int(after[-18:-6]) + 1 if writer == known else 0
            for number in range(start, self._each):
                yield f"{under}{writer}/{number:012d}.jsonl", BODY_BYTES + 500

    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        keys = self._keys(asked["Prefix"], asked.get("ContinuationToken") or asked.get("StartAfter", ""))
        page = [{"Key": key, "Size": size} for key, size in islice(keys, asked["MaxKeys"])]
        more = len(page) == asked["MaxKeys"]
        return {"Contents": page, "IsTruncated": more} | (
            {"NextContinuationToken": page[-1]["Key"]} if more else {}
        )

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if not Key.startswith("records/"):
            return {"Body": BytesIO((self._folder / Key).read_bytes())}
        self.read += 1
        writer, number = writer_of(Key), int(Key[-18:-6])
        heads = self.heads(writer)
        before = heads[32 * (number - 1) : 32 * number].hex() if number else begin(writer).head
        return {"Body": BytesIO(Chain(writer, number, before).extend([_draft(number)]).data)}

    def put(self, key: str, data: bytes, metadata: Any, content_type: str) -> None:
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if "index" in key or not key.endswith(".jsonl"):  # of a segment only size and hash are requested
            path.write_bytes(data)
        digest = b64encode(hashlib.sha256(data).digest()).decode()
        path.with_name(path.name + ".size").write_text(f"{len(data)} {digest} {json.dumps(dict(metadata))}")

    def head_object(self, *, Bucket: str, Key: str, ChecksumMode: str) -> dict[str, Any]:  # noqa: N803
        size, digest, said = (self._folder / f"{Key}.size").read_text().split(" ", 2)
        return {"ContentLength": int(size), "ChecksumSHA256": digest, "Metadata": json.loads(said)}

    def put_object_tagging(self, *, Bucket: str, Key: str, Tagging: Any) -> None:  # noqa: N803
        self.tagged += 1
        if not Key.startswith("records/"):
            (self._folder / f"{Key}.tag").touch()

    def get_object_tagging(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"TagSet": [TAG] if (self._folder / f"{Key}.tag").exists() else []}


class _Kms:
    def sign(self, **_: Any) -> dict[str, bytes]:
        return {"Signature": b"x" * 70}


def _writers() -> Iterator[str]:
    """Yield names of writers in order; they are assigned to the shards in turn."""
    wanted = cycle(range(SHARDS))
    shard_of = next(wanted)
    for number in count():
        writer = f"gateway-01HBENCH{number:018d}"
        if crc32(writer.encode()) % SHARDS == shard_of:
            yield writer
            shard_of = next(wanted)


@cache
def _tail() -> bytes:
    sealed = b'{"request":{"key":"sk_1","nonce":"0","size":1,"sealed":"%b"}}' % (b"x" * BODY_BYTES)
    record = {"kind": "intent", "request_id": new_id("req_"), "principal": "ada", "model": "claude-haiku-5-5"}
    return make_tail(new_id("rec_"), HOUR, record, sealed)


def _draft(number: int) -> Draft:
    del number
    return Draft("rec", "intent", "req", _tail(), {})


def shard(number: int, folder: Path, objects: int) -> dict[str, float]:
    """Process a shard's part of the hour in this process; return its times and its peak memory in MB."""
    bucket = Bucket(folder, objects)
    now = HOUR + timedelta(hours=1, minutes=6)
    notary = Notary(
        bucket, bucket, _Kms(), bucket="audit", signing_key_arn="key", shards=SHARDS, clock=lambda: now
    )  # pyright: ignore[reportArgumentType]
    for writer in bucket.writers[number::SHARDS]:  # the benchmark's own work, before timing starts
        bucket.heads(writer)
    idle, started = peak_mb(), time.process_time()
    made = len(list(notary.seal_each())) if number == 0 else notary.work_on(number)
    seconds = time.process_time() - started
    return {"made": made, "read": bucket.read, "tagged": bucket.tagged, "seconds": seconds,
            "mb": peak_mb(), "idle": idle}  # fmt: skip


class _Store(http.server.BaseHTTPRequestHandler):
    """An S3 in which every object is the same."""

    protocol_version = "HTTP/1.1"
    body = b"x" * (BODY_BYTES + 500)

    def log_message(self, format: str, *args: Any) -> None:
        del format, args

    def do_GET(self) -> None:
        self._answer(self.body)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve() -> None:
    """Serve the store until the parent closes standard input."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


def botocore_seconds(objects: int) -> float:
    """Return the CPU seconds of this process per object that is read and tagged."""
    command = [sys.executable, "-m", "bench.compaction", "--store"]
    store = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert store.stdout is not None
    try:
        client: Any = botocore.session.get_session().create_client(
            "s3", region_name="eu-central-1", endpoint_url=f"http://127.0.0.1:{int(store.stdout.readline())}",
            aws_access_key_id="k", aws_secret_access_key="s", config=Config(max_pool_connections=32),
        )  # fmt: skip

        def one(number: int) -> None:
            key = f"records/dt=2026-11-24/hour=08/gateway-0/{number:012d}.jsonl"
            client.get_object(Bucket="audit", Key=key)["Body"].read()
            client.put_object_tagging(Bucket="audit", Key=key, Tagging={"TagSet": [TAG]})

        with ThreadPoolExecutor(24) as pool:
            list(pool.map(one, range(50)))
            started = time.process_time()
            list(pool.map(one, range(objects)))
            return (time.process_time() - started) / objects
    finally:
        store.communicate()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The notary's shards over an hour of many calls.")
    parser.add_argument("--calls-per-second", type=int, default=100)
    parser.add_argument("--all", action="store_true", help="every shard, and the seal of the hour")
    parser.add_argument("--shard", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--store", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    objects = asked.calls_per_second * 3600 * 2
    if asked.store:
        serve()
        return
    if asked.shard is not None:
        print(json.dumps(shard(asked.shard, asked.folder, objects)))
        return
    each = botocore_seconds(2_000)
    print(f"botocore: {1000 * each:.2f} ms of processor to read an object and to tag it")
    print(f"{asked.calls_per_second} calls/s: {objects:,} objects an hour over {SHARDS} shards", flush=True)
    print("| shard | objects | processor s | with botocore | MB at most | invocations of 5 minutes |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for number in (1, 2, 3, 0) if asked.all else (1,):
            command = [sys.executable, "-m", "bench.compaction", "--shard", str(number), "--folder", folder]
            command += ["--calls-per-second", str(asked.calls_per_second)]
            said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
            whole = said["seconds"] + each * said["read"]
            print(
                f"| {number} | {said['read']:,.0f} | {said['seconds']:.0f} | {whole:.0f} "
                f"| {said['mb']:.0f} ({said['idle']:.0f} idle) "
                f"| {whole / _PROCESSOR / _INVOCATION_SECONDS:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
