"""Record bodies, encrypted with the key of their department and subject (L1.7, L2.5).

A sealed body is `{"key": key id, "nonce": base64, "size": plaintext bytes, "sealed": base64}`, with
AES-256-GCM. Record id, field and key id are authenticated with it, so it can only be decrypted in its own
place.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag

from lambdas.common.subject_keys import SubjectKey

_NONCE_BYTES = 12


class BodyDamaged(Exception):
    """A sealed body cannot be decrypted: it was altered, or is not in its own place."""


def seal(key: SubjectKey, record_id: str, bodies: Mapping[str, bytes]) -> bytes:
    """Return the JSON of the sealed bodies by field."""
    parts: list[bytes] = []
    for field, body in bodies.items():
        nonce = os.urandom(_NONCE_BYTES)
        sealed = key.cipher.encrypt(nonce, body, _place(record_id, field, key.key_id))
        parts.append(
            b'%b:{"key":"%b","nonce":"%b","size":%d,"sealed":"%b"}'
            % (
                json.dumps(field).encode(),
                key.key_id.encode(),
                b64encode(nonce),
                len(body),
                b64encode(sealed),
            )
        )
    return b"{" + b",".join(parts) + b"}"


def unseal(key: SubjectKey, record_id: str, field: str, body: Mapping[str, Any]) -> bytes:
    """Return the decrypted body. Raises `BodyDamaged`."""
    try:
        nonce, sealed = b64decode(body["nonce"], validate=True), b64decode(body["sealed"], validate=True)
        return key.cipher.decrypt(nonce, sealed, _place(record_id, field, key.key_id))
    except (InvalidTag, ValueError, KeyError, TypeError):
        raise BodyDamaged(f"{record_id}: {field} does not open") from None


def _place(record_id: str, field: str, key_id: str) -> bytes:
    return f"{record_id}/{field}/{key_id}".encode()
