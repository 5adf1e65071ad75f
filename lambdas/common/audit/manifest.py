"""Manifests: what the bucket held of each hour, signed, each holding on to the one before (L2.5, G.3).

`manifests/dt=YYYY-MM-DD/hour=HH.json` has two lines. The first is the manifest, the second its signature over
the very bytes of the first: ECDSA with P-256 over their SHA-256, by the KMS key that it names. So a manifest
can be checked with `head -n 1`, OpenSSL and the public key alone.

    {"v": 3, "hour": "2026-11-24T10", "sealed_at": …, "previous": {"hour": …, "sha256": …} | null,
     "records": 1200,
     "segments": [{"key", "size", "sha256", "index_sha256", "objects", "records", "root", "block"}, …],
     "gaps": [text, …], "introduced": true unless writers of the hour did not introduce themselves yet}

A segment whose number begins with 9 holds objects of earlier hours that were not there when those were
sealed. Manifests of versions 1 and 2 have, in place of segments, "objects" and "late": [{"key", "size",
"sha256", "first", "last", "before", "head"}, …].
"""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lambdas.common.audit.chain import hour_prefix
from lambdas.common.json_text import parse_json

VERSION = 3  # since 3 objects are contained in segments, since 2 writers introduce themselves
MANIFESTS = "manifests/"
SEGMENTS = "segments/"
LATE = "9"  # first digit of the number of a segment of late objects
_SEGMENTED = 3
ALGORITHM = "ECDSA_SHA_256"
HOUR = timedelta(hours=1)
_HOUR_FORMAT = "%Y-%m-%dT%H"


class ManifestDamaged(Exception):
    """A manifest cannot be read, or its signature is invalid."""


@dataclass(frozen=True, slots=True)
class SealedObject:
    """An object as sealed: its SHA-256, its sequence numbers, and the hashes before and after."""

    key: str
    size: int
    sha256: str
    first: int
    last: int
    before: str
    head: str

    @property
    def writer(self) -> str:
        """Return the writer of its lines, which was authenticated when it was sealed."""
        return self.key.split("/", 4)[3]


@dataclass(frozen=True, slots=True)
class SealedSegment:
    """A segment as sealed. `root` is the root of the Merkle tree over its records' hashes, with `block` of
    them per leaf.
    """

    key: str
    size: int
    sha256: str
    index_sha256: str
    objects: int
    records: int
    root: str
    block: int = 1

    @property
    def late(self) -> bool:
        """Return whether its objects are of earlier hours."""
        return self.key.rsplit("/", 1)[1].startswith(LATE)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was sealed for one hour. `sha256` is the hash of its line, once it has one.

    `objects` and `late` are used by manifests from before segments existed.
    """

    hour: datetime
    sealed_at: str
    previous: tuple[datetime, str] | None
    segments: Sequence[SealedSegment] = ()
    gaps: Sequence[str] = ()
    objects: Sequence[SealedObject] = ()
    late: Sequence[SealedObject] = ()
    version: int = VERSION
    introduced: bool = True  # whether writers of this hour must introduce themselves; false before version 2
    sha256: str = ""

    def line(self) -> bytes:
        """Return the bytes that are signed."""
        hour, sha256 = self.previous if self.previous else (None, None)
        content = {
            "v": self.version,
            "hour": hour_name(self.hour),
            "sealed_at": self.sealed_at,
            "previous": {"hour": hour_name(hour), "sha256": sha256} if hour else None,
            "records": self.records,
            **self._contained(),
            "gaps": list(self.gaps),
            "introduced": self.introduced,
        }
        return json.dumps(content, separators=(",", ":")).encode()

    @property
    def records(self) -> int:
        """Return the number of records of the hour, without late ones of earlier hours."""
        return sum(one.last - one.first + 1 for one in self.objects) + sum(
            one.records for one in self.segments if not one.late
        )

    def _contained(self) -> dict[str, Any]:
        if self.version >= _SEGMENTED:
            return {"segments": [asdict(one) for one in self.segments]}
        return {"objects": [asdict(one) for one in self.objects], "late": [asdict(one) for one in self.late]}


@dataclass(frozen=True, slots=True)
class Anchor:
    """The hash of an hour's manifest line, kept outside the store."""

    hour: datetime
    sha256: str

    def as_document(self) -> dict[str, Any]:
        """Return its line as data."""
        return {"anchor": 1, "hour": hour_name(self.hour), "sha256": self.sha256}


def read_anchor(line: str) -> Anchor:
    """Parse an anchor from its line. Raises ValueError."""
    try:
        content = parse_json(line)
        hour, sha256 = hour_named(content["hour"]), content["sha256"]
    except (KeyError, TypeError, ValueError):
        raise ValueError("not an anchor") from None
    if content.get("anchor") != 1 or not isinstance(sha256, str) or len(sha256) != 64:
        raise ValueError("not an anchor of version 1")
    return Anchor(hour, sha256)


def manifest_key(hour: datetime) -> str:
    """Return the object key of an hour's manifest."""
    return f"{MANIFESTS}dt={hour:%Y-%m-%d}/hour={hour:%H}.json"


def hour_of(at: datetime) -> datetime:
    """Return the hour that contains `at`."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_name(hour: datetime) -> str:
    """Return the hour's name in manifests, such as 2026-11-24T10."""
    return hour.strftime(_HOUR_FORMAT)


def hour_named(name: str) -> datetime:
    """Return the hour with this name. Raises ValueError."""
    return datetime.strptime(name, _HOUR_FORMAT).replace(tzinfo=UTC)


def hour_of_key(key: str) -> datetime:
    """Return the hour in the key of a record object or a manifest. Raises ValueError."""
    parts = key.split("/")
    if len(parts) < 3 or not parts[1].startswith("dt=") or not parts[2].startswith("hour="):
        raise ValueError(f"{key} is not kept under an hour")
    return hour_named(f"{parts[1][3:]}T{parts[2][5:7]}")


def writer_of(key: str) -> str:
    """Return the writer in an object's key. Raises ValueError."""
    parts = key.split("/")
    if (
        len(parts) != 5
        or not parts[4].endswith(".jsonl")
        or key != f"{hour_prefix(hour_of_key(key))}{parts[3]}/{parts[4]}"
    ):
        raise ValueError(f"{key} is not the key of an object of records")
    return parts[3]


def first_of(key: str) -> int:
    """Return the first sequence number in an object's key. Raises ValueError."""
    return int(key.rsplit("/", 1)[1].removesuffix(".jsonl"))


def sign(line: bytes, kms: Any, key_arn: str) -> bytes:
    """Return the whole document: the line and its signature. `kms` is a botocore KMS client."""
    signed = kms.sign(
        KeyId=key_arn,
        Message=hashlib.sha256(line).digest(),
        MessageType="DIGEST",
        SigningAlgorithm=ALGORITHM,
    )
    signature = {
        "algorithm": ALGORITHM,
        "key": key_arn,
        "signature": b64encode(signed["Signature"]).decode(),
    }
    return line + b"\n" + json.dumps(signature, separators=(",", ":")).encode() + b"\n"


PublicKeys = Callable[[str], Sequence[ec.EllipticCurvePublicKey]]


def public_key(encoded: bytes) -> ec.EllipticCurvePublicKey:
    """Return a public key from PEM or DER. Raises ValueError."""
    load = (
        serialization.load_pem_public_key
        if encoded.lstrip().startswith(b"-----")
        else serialization.load_der_public_key
    )
    key = load(encoded)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("not the public key of an elliptic curve")  # noqa: TRY004 - the content is wrong
    return key


def read_manifest(document: bytes) -> Manifest:
    """Return the manifest without verifying its signature. Raises `ManifestDamaged`."""
    line = document.split(b"\n", 1)[0]
    try:
        content = parse_json(line)
        previous = content["previous"]
        return Manifest(
            hour=hour_named(content["hour"]),
            sealed_at=content["sealed_at"],
            previous=(hour_named(previous["hour"]), previous["sha256"]) if previous else None,
            segments=[SealedSegment(**one) for one in content.get("segments", ())],
            gaps=content["gaps"],
            objects=[SealedObject(**one) for one in content.get("objects", ())],
            late=[SealedObject(**one) for one in content.get("late", ())],
            version=content["v"],
            introduced=content["introduced"] if content["v"] > 1 else False,
            sha256=hashlib.sha256(line).hexdigest(),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestDamaged(f"cannot be read: {type(error).__name__}") from None


def check_signature(document: bytes, keys: PublicKeys) -> None:
    """Raise `ManifestDamaged` unless a trusted key signed exactly this manifest.

    `keys` returns the trusted public keys of a KMS key, by its ARN.
    """
    line, _, rest = document.partition(b"\n")
    try:
        signature: Mapping[str, str] = parse_json(rest)
        key_arn, algorithm = signature["key"], signature["algorithm"]
        given = b64decode(signature["signature"], validate=True)
    except (ValueError, KeyError, TypeError):
        raise ManifestDamaged("has no readable signature") from None
    if algorithm != ALGORITHM:
        raise ManifestDamaged(f"is signed by {algorithm}, not by {ALGORITHM}")
    trusted = keys(key_arn)
    if not trusted:
        raise ManifestDamaged(f"is signed by a key that is not trusted: {key_arn}")
    if not any(_holds(key, given, line) for key in trusted):
        raise ManifestDamaged("its signature does not hold")


def _holds(key: ec.EllipticCurvePublicKey, signature: bytes, line: bytes) -> bool:
    try:
        key.verify(signature, line, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
