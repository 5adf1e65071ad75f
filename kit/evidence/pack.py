"""A pack of evidence: files, a manifest with their hashes, a signature, and what verifies all of it (G.7).

    manifest.json   schema, client, environment, from, to, made_at, files: {name: {sha256, bytes}}
    manifest.sig    ECDSA P-256 over the SHA-256 of manifest.json, DER
    public.pem      the key that signed; compare it with the fingerprint that the organisation gives you
    statement.dsse.json  the manifest's digest as an in-toto statement, signed by the same key
    verify.sh       sha256sum and openssl
    verify.py       Python's standard library alone

Anyone who holds the pack needs neither the kit nor an AWS account. A pack is written whole or not at all.
"""

import csv
import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from kit.evidence.statement import envelope

SCHEMA = "kit-evidence/1"
VERIFIERS = Path(__file__).parent / "verifiers"


class Signer(Protocol):
    """Signs a digest, as a KMS key does."""

    def sign(self, digest: bytes) -> bytes: ...
    def public_key(self) -> bytes: ...


@dataclass(frozen=True)
class KmsSigner:
    """A KMS key of P-256. `client` is boto3's."""

    client: Any
    key_arn: str

    def sign(self, digest: bytes) -> bytes:
        """Return the signature in DER. Raises botocore's errors."""
        answer = self.client.sign(
            KeyId=self.key_arn, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
        )
        return answer["Signature"]

    def public_key(self) -> bytes:
        """Return the public key in DER. Raises botocore's errors."""
        return self.client.get_public_key(KeyId=self.key_arn)["PublicKey"]


@dataclass(frozen=True)
class About:
    """Owner and period of a pack."""

    client: str
    environment: str
    first: datetime
    last: datetime
    made_at: datetime


def as_json(content: Any) -> bytes:
    """Return a file of the pack, readable and deterministic."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def as_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return JSON lines."""
    return b"".join(json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n" for row in rows)


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return a table. A text that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(row.get(name, "")) for name in columns])
    return out.getvalue().encode()


def _harmless(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def write_pack(folder: Path, about: About, files: Mapping[str, bytes], signer: Signer) -> bytes:
    """Write a pack into a new folder and return its manifest.

    Raises `FileExistsError`, `OSError`, and what the signer raises, leaving nothing behind.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(str(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unfinished-"))
    try:
        manifest = _write(unfinished, about, files, signer)
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return manifest


def _write(folder: Path, about: About, files: Mapping[str, bytes], signer: Signer) -> bytes:
    verifiers = {path.name: path.read_bytes() for path in sorted(VERIFIERS.iterdir()) if path.is_file()}
    whole = {**files, **verifiers}
    for name, content in whole.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    manifest = as_json(
        {
            "schema": SCHEMA,
            "client": about.client,
            "environment": about.environment,
            "from": about.first.isoformat(),
            "to": about.last.isoformat(),
            "made_at": about.made_at.isoformat(),
            "files": {
                name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                for name, content in sorted(whole.items())
            },
        }
    )
    key = load_der_public_key(signer.public_key())
    (folder / "manifest.json").write_bytes(manifest)
    (folder / "manifest.sig").write_bytes(signer.sign(hashlib.sha256(manifest).digest()))
    (folder / "public.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (folder / "SHA256SUMS").write_bytes(
        b"".join(
            f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()
            for name, content in sorted(whole.items())
        )
    )
    subjects = {"manifest.json": hashlib.sha256(manifest).hexdigest()}
    predicate = {
        "client": about.client, "environment": about.environment, "from": about.first.isoformat(),
        "to": about.last.isoformat(), "made_at": about.made_at.isoformat(), "files": len(whole),
    }  # fmt: skip
    key_id = hashlib.sha256(signer.public_key()).hexdigest()
    (folder / "statement.dsse.json").write_bytes(as_json(envelope(subjects, predicate, key_id, signer.sign)))
    (folder / "verify.sh").chmod(0o755)
    return manifest


def as_archive(folder: Path, archive: Path) -> None:
    """Replace the folder by a zip file without anything of the machine or the time. Raises OSError."""
    with zipfile.ZipFile(archive, "x", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(f"{archive.stem}/{path.relative_to(folder).as_posix()}")
                entry.external_attr = (0o755 if path.suffix == ".sh" else 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                made.writestr(entry, path.read_bytes())
    shutil.rmtree(folder)
