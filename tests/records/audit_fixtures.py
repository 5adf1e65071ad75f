"""An S3 bucket, a signing key and subject keys in memory; an organisation's records of a few hours in it."""

import asyncio
import hashlib
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit.audit.access_logs import AccessLine
from kit.audit.keyring import PEOPLE, KeyRing
from kit.audit.sources import Entry
from kit.audit.verification import Trust
from lambdas.common.audit import (
    AuditBucket,
    AuditBucketOnLoop,
    AuditWriter,
    Introducer,
    Journal,
    LoopJournal,
)
from lambdas.common.audit.manifest import Anchor, Manifest, SealedObject
from lambdas.common.audit.segment import index_key, read_index
from lambdas.common.audit.store import Lock
from lambdas.common.ids import new_id
from lambdas.common.subject_keys import SubjectKey
from lambdas.notary.notary import Notary

BEGIN = datetime(2026, 11, 24, 8, 5, tzinfo=UTC)
SIGNING_KEY = "arn:aws:kms:eu-central-1:000000000000:key/signing"
WRITER_KEY = "arn:aws:kms:eu-central-1:000000000000:key/writer"
OPERATOR_KEY = "arn:aws:kms:eu-central-1:000000000000:key/operator"


def aws_error(code: str, status: int, operation: str = "PutObject") -> ClientError:
    """What botocore raises for a refusal."""
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[arg-type]
        operation,
    )


class MemoryBucket:
    """The part of S3 that writers, notary and verification use. `before_put` may raise, or let a put arrive
    by calling the function that it is given, and raise then.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self.locks: dict[str, datetime | None] = {}
        self.tags: dict[str, list[dict[str, str]]] = {}
        self.puts = 0
        self.before_put: Callable[[str, Callable[[], None]], None] | None = None
        self._lock = threading.Lock()

    # botocore's client

    def put_object(self, **put: Any) -> None:
        def arrive() -> None:
            with self._lock:
                if put["Key"] in self.objects:
                    assert put["IfNoneMatch"] == "*"
                    raise aws_error("PreconditionFailed", 412)
                assert b64decode(put["ChecksumSHA256"]) == hashlib.sha256(put["Body"]).digest()
                self.objects[put["Key"]], self.metadata[put["Key"]] = put["Body"], put["Metadata"]
                self.locks[put["Key"]] = put.get("ObjectLockRetainUntilDate")

        self.puts += 1
        if self.before_put is not None:
            self.before_put(put["Key"], arrive)
        arrive()

    def head_object(self, *, Bucket: str, Key: str, ChecksumMode: str) -> dict[str, Any]:  # noqa: N803
        data = self.objects[Key]
        return {
            "ContentLength": len(data),
            "ChecksumSHA256": b64encode(hashlib.sha256(data).digest()).decode(),
            "Metadata": self.metadata.get(Key, {}),
        }

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": BytesIO(self.objects[Key])}

    def list_objects_v2(
        self,
        *,
        Bucket: str,  # noqa: N803
        Prefix: str,  # noqa: N803
        MaxKeys: int = 1000,  # noqa: N803
        StartAfter: str = "",  # noqa: N803
        ContinuationToken: str = "",  # noqa: N803
    ) -> dict[str, Any]:
        after = max(StartAfter, ContinuationToken)
        found = [one for one in self.entries(Prefix) if one.key > after]
        page = found[:MaxKeys]
        listed = {"Contents": [{"Key": one.key, "Size": one.size} for one in page]}
        if len(found) > MaxKeys:
            return listed | {"IsTruncated": True, "NextContinuationToken": page[-1].key}
        return listed

    def put_object_tagging(self, *, Bucket: str, Key: str, Tagging: dict[str, Any]) -> None:  # noqa: N803
        assert Key in self.objects
        self.tags[Key] = Tagging["TagSet"]

    def get_object_tagging(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Key in self.objects
        return {"TagSet": self.tags.get(Key, [])}

    # what verification reads from

    def folders(self, prefix: str) -> list[str]:
        return sorted(
            {
                prefix + key[len(prefix) :].split("/")[0] + "/"
                for key in self.objects
                if key.startswith(prefix) and "/" in key[len(prefix) :]
            }
        )

    def entries(self, prefix: str) -> list[Entry]:
        with self._lock:
            return [
                Entry(key, len(self.objects[key])) for key in sorted(self.objects) if key.startswith(prefix)
            ]

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)

    # what tests ask for

    def copy(self) -> "MemoryBucket":
        twin = MemoryBucket()
        twin.objects, twin.metadata = dict(self.objects), dict(self.metadata)
        twin.locks, twin.tags = dict(self.locks), dict(self.tags)
        return twin

    def records(self) -> list[dict[str, Any]]:
        """All records, by object and in their order."""
        keys = sorted(key for key in self.objects if key.startswith("records/"))
        return [json.loads(line) for key in keys for line in self.objects[key].splitlines()]

    def write_to(self, folder: Path) -> None:
        """A copy on disk, as an auditor gets it."""
        for key, data in self.objects.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


class SigningKey:
    """The part of KMS that notary and writers use."""

    def __init__(self, arn: str = SIGNING_KEY, private: ec.EllipticCurvePrivateKey | None = None) -> None:
        self.arn = arn
        self.asked = 0
        self._key = private or ec.generate_private_key(ec.SECP256R1())
        self.public = self._key.public_key()

    def sign(self, **asked: Any) -> dict[str, bytes]:
        self.asked += 1
        assert asked["KeyId"] == self.arn
        assert (asked["MessageType"], asked["SigningAlgorithm"]) == ("DIGEST", "ECDSA_SHA_256")
        return {"Signature": self._key.sign(asked["Message"], ec.ECDSA(Prehashed(hashes.SHA256())))}

    def trusted(self, arn: str) -> list[ec.EllipticCurvePublicKey]:
        return [self.public] if arn == self.arn else []

    def pem(self) -> bytes:
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class MemoryKeys:
    """Subject keys that are made at the first look."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], SubjectKey] = {}
        self.refuse: Exception | None = None

    def cached(self, department: str, subject: str) -> SubjectKey | None:
        return self.made.get((department, subject))

    def load(self, department: str, subject: str) -> SubjectKey:
        if self.refuse is not None:
            raise self.refuse
        key = SubjectKey(new_id("sk_"), AESGCM(AESGCM.generate_key(256)))
        return self.made.setdefault((department, subject), key)


@dataclass
class Time:
    """A clock that is turned by hand."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@dataclass
class Organisation:
    """Writers, a notary and a bucket. `access` is what the access log would say."""

    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    signing: SigningKey = field(default_factory=SigningKey)
    writer_key: SigningKey = field(default_factory=lambda: SigningKey(WRITER_KEY))
    operator_key: SigningKey = field(default_factory=lambda: SigningKey(OPERATOR_KEY))
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    time: Time = field(default_factory=Time)
    access: list[AccessLine] = field(default_factory=list)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))
    introduced: bool = True  # writers introduce themselves and sign
    on_loop: bool = False  # writers put from the event loop, and not from threads

    def trust(self, anchors: Sequence[Anchor] = ()) -> Trust:
        """The public keys, as an auditor has them."""
        keys = {"manifests": [self.signing.public], "writers": [self.writer_key.public]}
        ring = KeyRing({**keys, "operators": [self.operator_key.public]})  # type: ignore[dict-item]
        return Trust(self.signing.trusted, ring.writers, anchors)

    def journal(self, name: str = "gateway") -> Journal | LoopJournal:
        key = self.operator_key if name in PEOPLE else self.writer_key
        introducer = Introducer(key, key.arn, clock=self.time) if self.introduced else None
        if self.on_loop:
            put = partial(asyncio.to_thread, self.bucket.put_object)
            bucket = AuditBucketOnLoop(put, bucket="audit", key_arn="key")
            return LoopJournal(name, bucket, introducer, clock=self.time)
        store = AuditBucket(self.bucket, bucket="audit", key_arn="key", sleep=lambda _: None)
        return Journal(name, store, introducer, clock=self.time)

    def writer(self, name: str = "gateway", **parts: Any) -> AuditWriter:
        return AuditWriter(self.journal(name), keys=self.keys, pool=self.pool, clock=self.time, **parts)  # type: ignore[arg-type]

    def notary(self, **parts: Any) -> Notary:
        lock = Lock("COMPLIANCE", 2557, self.time)
        store = AuditBucket(self.bucket, bucket="audit", key_arn="key", lock=lock, sleep=lambda _: None)
        known: dict[str, Any] = {"bucket": "audit", "signing_key_arn": SIGNING_KEY, "clock": self.time}
        return Notary(self.bucket, store, self.signing, **known | parts)

    def contained(self, manifest: Manifest, *, late: bool = False) -> list[SealedObject]:
        """The objects that the segments of a manifest contain, those of its own hour or late ones."""
        return [
            one
            for segment in manifest.segments
            if segment.late is late
            for one in read_index(self.bucket.objects[index_key(segment.key)])
        ]

    def call(self, writer: AuditWriter, person: str = "ada", *, log: bool = True) -> str:
        """One call with intent, outcome and access line."""
        request_id = new_id("req_", clock=self.time)
        writer.append_now(intent(request_id, person), bodies={"request": b'{"ask": 1}'})
        writer.append_now(outcome(request_id, person), bodies={"response": b'{"answer": 2}'})
        if log:
            self.access.append(AccessLine(request_id, "messages", self.time.now, True, True))
        return request_id


def intent(request_id: str, person: str = "ada") -> dict[str, Any]:
    return {"kind": "intent", "request_id": request_id, "principal": person, "department": "marketing"}


def outcome(request_id: str, person: str = "ada") -> dict[str, Any]:
    return {**intent(request_id, person), "kind": "outcome", "result": "completed", "cost_microusd": 7}


def busy_hours(hours: int = 3) -> Organisation:
    """Two writers at work for some hours, all but the last sealed."""
    organisation = Organisation()
    first, second = organisation.writer("gateway"), organisation.writer("gateway")
    for _ in range(hours):
        for person in ("ada", "bob"):
            organisation.call(first, person)
            organisation.time.forward(minutes=5)
            organisation.call(second, person)
            organisation.time.forward(minutes=5)

            async def together(writer: AuditWriter = first, person: str = person) -> None:
                ids = [new_id("req_", clock=organisation.time) for _ in range(4)]
                await asyncio.gather(*(writer.append(intent(one, person), bodies={}) for one in ids))
                await asyncio.gather(*(writer.append(outcome(one, person), bodies={}) for one in ids))
                organisation.access.extend(
                    AccessLine(one, "messages", organisation.time.now, True, True) for one in ids
                )

            asyncio.run(together())
        organisation.time.forward(minutes=40)
        organisation.notary().seal_due()
    organisation.call(second, "ada")
    return organisation


def lines_of(records: Iterable[dict[str, Any]]) -> list[int]:
    """The sequence numbers of records."""
    return [record["sequence"] for record in records]
