"""Encrypted texts: compressed, then AES-256-GCM bound to the row that contains them."""

import json
import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lambdas.common.json_text import json_bytes

_NONCE_BYTES = 12
_MOST_PLAIN_BYTES = 16 * 1024 * 1024
_MOST_SEALED = 380_000  # characters; DynamoDB takes items of 400 KB


class TooLarge(Exception):
    """The text does not fit a row."""


def seal(cipher: AESGCM, pk: str, sk: str, plain: Mapping[str, Any]) -> str:
    """Encrypt `plain` for the row `pk`, `sk`, in base64. Raises `TooLarge`."""
    nonce = os.urandom(_NONCE_BYTES)
    text = zlib.compress(json_bytes(plain, compact=True))
    sealed = b64encode(nonce + cipher.encrypt(nonce, text, _place(pk, sk))).decode()
    if len(sealed) > _MOST_SEALED:
        raise TooLarge
    return sealed


def unseal(cipher: AESGCM, pk: str, sk: str, sealed: object) -> dict[str, Any] | None:
    """Decrypt; None if it was not encrypted under this key for this row."""
    try:
        data = b64decode(sealed if isinstance(sealed, str) else "")
        text = cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _place(pk, sk))
        return json.loads(zlib.decompressobj().decompress(text, _MOST_PLAIN_BYTES))
    except (InvalidTag, ValueError, zlib.error):
        return None


def _place(pk: str, sk: str) -> bytes:
    return f"{pk}|{sk}".encode()
