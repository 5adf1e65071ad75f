"""The in-toto statement of a pack in a DSSE envelope: what was signed, by digest, with what it says.

github.com/in-toto/attestation, spec/v1 (Statement, envelope); github.com/secure-systems-lab/dsse (PAE).
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

PAYLOAD = "application/vnd.in-toto+json"
PREDICATE = "https://claude-enterprise-kit.example/evidence-pack/v1"


def envelope(
    subjects: Mapping[str, str], predicate: Mapping[str, Any], key_id: str, sign: Callable[[bytes], bytes]
) -> dict[str, Any]:
    """Return the envelope. `subjects`: SHA-256 by file; `sign`: SHA-256 digest to DER signature."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())
        ],
        "predicateType": PREDICATE,
        "predicate": dict(predicate),
    }
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signature = sign(hashlib.sha256(pre_authentication(payload)).digest())
    return {
        "payloadType": PAYLOAD,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
    }


def pre_authentication(payload: bytes) -> bytes:
    """Return what a DSSE signature covers."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)
