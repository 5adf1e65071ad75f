"""Texts sealed at their place: compressed, then AES-256-GCM bound to the row that holds them."""

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
    """More than a row holds."""


def seal(cipher: AESGCM, pk: str, sk: str, plain: Mapping[str, Any]) -> str:
    """`plain` sealed for the row `pk`, `sk`, in base 64. Raises `TooLarge`."""
    nonce = os.urandom(_NONCE_BYTES)
    text = zlib.compress(json_bytes(plain, compact=True))
    sealed = b64encode(nonce + cipher.encrypt(nonce, text, _place(pk, sk))).decode()
    if len(sealed) > _MOST_SEALED:
        raise TooLarge
    return sealed


def unseal(cipher: AESGCM, pk: str, sk: str, sealed: object) -> dict[str, Any] | None:
    """What was sealed; None for what was not sealed under this key at this place."""
    try:
        data = b64decode(sealed if isinstance(sealed, str) else "")
        text = cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _place(pk, sk))
        return json.loads(zlib.decompressobj().decompress(text, _MOST_PLAIN_BYTES))
    except (InvalidTag, ValueError, zlib.error):
        return None


def _place(pk: str, sk: str) -> bytes:
    return f"{pk}|{sk}".encode()
