"""Authentication of writers: a process generates a key, has it signed once, and signs the heads of its
chains (L2.5, G.3).

The first record of every chain is an `introduction`: the process's public key (Ed25519) under the name of
its function, signed by the KMS key for writers (for operators' actions, the one for operators). The last
line of every object ends with `"signed"`: the process's signature over the line without that field. A line
contains the hash of its predecessor, so the signature covers the chain up to there. Nobody without the KMS
key can invent a writer, and nobody without the process's memory can rewrite the end of its chain. It takes
one KMS request per process.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lambdas.common.clock import Clock, utc_now

KIND = "introduction"
ALGORITHM = "Ed25519"
_FIELD = b',"signed":"'
_SIGNATURE_CHARACTERS = 88  # 64 bytes in base64
_LINE = b"kit-line/1\n"

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that may write: its introduction, which is the same in all its chains, and its key."""

    introduction: Mapping[str, Any]
    key: Ed25519PrivateKey

    def sign(self, line: bytes) -> bytes:
        """Return the line with its signature."""
        signature = self.key.sign(_LINE + sha256(line).digest())
        return b'%b%b%b"}' % (line[:-1], _FIELD, b64encode(signature))


class Introducer:
    """Creates a process's identity at its first write, because processes restored from one snapshot must
    not share a key.

    `kms` is a botocore client. Blocks.
    """

    def __init__(self, kms: Any, key_arn: str, *, clock: Clock = utc_now) -> None:
        self._kms = kms
        self._key_arn = key_arn
        self._clock = clock
        self._identity: Identity | None = None

    def identity(self, name: str) -> Identity:
        """Return the identity under the function's name. Raises botocore's errors."""
        if self._identity is None:
            key = Ed25519PrivateKey.generate()
            public = b64encode(key.public_key().public_bytes_raw()).decode()
            at = self._clock().isoformat(timespec="milliseconds")
            answer = self._kms.sign(
                KeyId=self._key_arn,
                Message=sha256(_statement(name, public, at)).digest(),
                MessageType="DIGEST",
                SigningAlgorithm="ECDSA_SHA_256",
            )
            introduction = {
                "kind": KIND,
                "name": name,
                "algorithm": ALGORITHM,
                "public_key": public,
                "introduced_at": at,
                "key": self._key_arn,
                "signature": b64encode(answer["Signature"]).decode(),
            }
            self._identity = Identity(introduction, key)
        return self._identity


@dataclass(frozen=True, slots=True)
class Introduced:
    """A writer with a valid introduction. Writers of one process share a public key."""

    name: str
    public_key: str

    def signed(self, line: bytes) -> bool:
        """Return whether this writer signed the line."""
        start = len(line) - len(_FIELD) - _SIGNATURE_CHARACTERS - 2
        if start < 0 or not line.startswith(_FIELD, start) or not line.endswith(b'"}'):
            return False
        unsigned, encoded = line[:start] + b"}", line[start + len(_FIELD) : -2]
        try:
            signature = b64decode(encoded, validate=True)
            key = Ed25519PublicKey.from_public_bytes(b64decode(self.public_key))
            key.verify(signature, _LINE + sha256(unsigned).digest())
        except (InvalidSignature, ValueError):
            return False
        return True


class NotIntroduced(Exception):
    """A writer cannot prove that it belongs to the deployment."""


WriterKeys = Callable[[str, str], Sequence[ec.EllipticCurvePublicKey]]


def read_introduction(record: Mapping[str, Any], writer: str, keys: WriterKeys) -> Introduced:
    """Return the writer whose chain begins with this record. Raises `NotIntroduced`.

    `keys` returns the public keys that may introduce a name, given that name and the ARN of the KMS key.
    """
    if record.get("kind") != KIND:
        raise NotIntroduced("its chain does not begin with an introduction")
    try:
        name, public, at = str(record["name"]), str(record["public_key"]), str(record["introduced_at"])
        signature = b64decode(record["signature"], validate=True)
        Ed25519PublicKey.from_public_bytes(b64decode(public, validate=True))
        datetime.fromisoformat(at)
    except (KeyError, TypeError, ValueError):
        raise NotIntroduced("its introduction cannot be read") from None
    if record.get("algorithm") != ALGORITHM or writer.rpartition("-")[0] != name:
        raise NotIntroduced("its introduction is that of another writer")
    trusted = keys(name, str(record.get("key")))
    if not trusted:
        raise NotIntroduced("no trusted key may introduce a writer of its name")
    if not any(_holds(key, signature, _statement(name, public, at)) for key in trusted):
        raise NotIntroduced("the signature of its introduction does not hold")
    return Introduced(name, public)


def _statement(name: str, public_key: str, at: str) -> bytes:
    return json.dumps(["kit-writer/1", name, public_key, at], separators=(",", ":")).encode()


def _holds(key: ec.EllipticCurvePublicKey, signature: bytes, statement: bytes) -> bool:
    try:
        key.verify(signature, statement, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
