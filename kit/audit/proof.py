"""`kit audit prove`: proof that one record is in the evidence, without revealing any other (L2.5, G.3).

A proof is a JSON document: the record's line, its position in the Merkle tree of its segment, the hashes of
the records in the same leaf, the audit path to the root (RFC 9162), and the signed manifest with the root.
With the public key of the manifests alone, and neither the bucket nor other records, anybody can verify it.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from kit.audit.sources import Source
from lambdas.common.audit.manifest import (
    HOUR,
    Manifest,
    ManifestDamaged,
    PublicKeys,
    SealedSegment,
    check_signature,
    hour_of,
    manifest_key,
    read_manifest,
)
from lambdas.common.audit.merkle import HASH_BYTES, blocks_of, holds, inclusion_proof
from lambdas.common.audit.segment import index_key, lines_of, read_index
from lambdas.common.json_text import parse_json

SCHEMA = "kit-audit-proof/1"
_LATER = 26  # hours after a record was made in which it may have been sealed


class NoProof(Exception):
    """There is nothing to prove, or the given document proves nothing."""


def prove(source: Source, made: datetime, wanted: str) -> list[dict[str, Any]]:
    """Return proofs of the records with this `record_id` or `request_id`, sealed in the hours after `made`.

    Raises `NoProof`, `ManifestDamaged`.
    """
    proofs: list[dict[str, Any]] = []
    hour = hour_of(made - timedelta(minutes=1))
    for _ in range(_LATER):
        document = source.get(manifest_key(hour))
        manifest = read_manifest(document) if document else None
        for segment in manifest.segments if manifest and document else ():
            proofs += _proofs(source, document or b"", segment, wanted.encode())
        hour += HOUR
    if not proofs:
        raise NoProof(
            "no sealed segment has it: its hour may not be sealed yet, or was sealed before there were any"
        )
    return proofs


def _proofs(
    source: Source, document: bytes, segment: SealedSegment, wanted: bytes
) -> Iterator[dict[str, Any]]:
    data = source.get(segment.key) or b""
    if wanted not in data:
        return
    lines: list[bytes] = []
    position = 0
    for one in read_index(source.get(index_key(segment.key)) or b""):
        lines += lines_of(data[position : position + one.size])
        position += one.size
    digests = [sha256(line).digest() for line in lines]
    entries = blocks_of(b"".join(digests), segment.block)
    for at, line in enumerate(lines):
        if wanted in line and wanted.decode() in _names(line):
            yield {
                "schema": SCHEMA,
                "record": b64encode(line).decode(),
                "segment": segment.key,
                "index": at,
                "size": len(digests),
                "block": [one.hex() for one in blocks_of(entries[at // segment.block], 1)],
                "path": [part.hex() for part in inclusion_proof(entries, at // segment.block)],
                "manifest": document.decode(),
            }


def _names(line: bytes) -> tuple[Any, Any]:
    try:
        record = parse_json(line)
        return record.get("record_id"), record.get("request_id")
    except (ValueError, AttributeError):  # no record: somebody else's line
        return None, None


def check(proof: Mapping[str, Any], keys: PublicKeys) -> tuple[dict[str, Any], Manifest]:
    """Return the record that a proof proves, without its bodies, and the manifest. Raises `NoProof`."""
    try:
        if proof["schema"] != SCHEMA:
            raise NoProof("not a proof of this kind")
        line, document = b64decode(proof["record"], validate=True), proof["manifest"].encode()
        path = [bytes.fromhex(part) for part in proof["path"]]
        index, size, key = proof["index"], proof["size"], proof["segment"]
        # Proofs of before there were blocks have none: then the record alone is the entry.
        block = [bytes.fromhex(one) for one in proof.get("block", [sha256(line).hexdigest()])]
        check_signature(document, keys)
        manifest = read_manifest(document)
        (segment,) = [one for one in manifest.segments if one.key == key]
        record = parse_json(line)
        record.pop("bodies", None)
    except ManifestDamaged as error:
        raise NoProof(f"the manifest {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NoProof("it cannot be read, or its manifest does not name its segment") from None
    if not isinstance(index, int) or not 0 <= index < segment.records or size != segment.records:
        raise NoProof("its segment has another number of records")
    entry, place = divmod(index, segment.block)
    expected = min(segment.block, size - entry * segment.block)
    if [len(one) for one in block] != [HASH_BYTES] * expected or block[place] != sha256(line).digest():
        raise NoProof("its entry of the tree does not have the record at its place")
    entries = -(-size // segment.block)
    if not holds(b"".join(block), entry, entries, path, bytes.fromhex(segment.root)):
        raise NoProof("the path does not lead from the record to the root that was signed")
    return record, manifest
