"""Virtual keys: credentials issued by the kit for applications without a better way to authenticate (L1.3).

A key is `vk_`, 40 random characters and 6 characters of checksum. It is shown once, when it is created;
only its keyed hash is stored (HMAC-SHA-256 under the pepper in Secrets Manager), as the `pk` of its access
record. A stolen table therefore yields no key, and keys are found by hash, so no secret is ever compared
byte by byte.

With the checksum, the gateway rejects malformed keys without asking a store, and secret scanners recognise
a leaked key.
"""

import base64
import hashlib
import hmac
import secrets
import zlib

PREFIX = "vk_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM = 40  # base62 characters: 238 bits
_CHECKSUM = 6  # base62 characters that hold the 32 bits of a CRC
_LENGTH = len(PREFIX) + _RANDOM + _CHECKSUM
_LEAST_PEPPER_BYTES = 32


class PepperError(ValueError):
    """The pepper is not at least 32 bytes of base64. The message contains nothing of it."""


def new_virtual_key() -> str:
    """Return a new key. Show it once; store its `key_record_pk`."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    """Return whether `key` has the format and checksum of a virtual key, which says nothing about its
    existence.
    """
    return (
        len(key) == _LENGTH
        and key.isascii()
        and key.startswith(PREFIX)
        and _checksum(key[:-_CHECKSUM]) == key[-_CHECKSUM:]
    )


def _checksum(text: str) -> str:
    value = zlib.crc32(text.encode())
    digits: list[str] = []
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def keyed_hash(secret: str, pepper: bytes) -> str:
    """Return HMAC-SHA-256 of `secret` under `pepper`, as 64 hexadecimal digits."""
    return hmac.digest(pepper, secret.encode(), hashlib.sha256).hex()


def key_record_pk(key: str, pepper: bytes) -> str:
    """Return the `pk` of a virtual key's access record: `KEY#<keyed hash>`."""
    return "KEY#" + keyed_hash(key, pepper)


def workload_record_pk(issuer: str, subject: str, pepper: bytes) -> str:
    """Return the `pk` of the access record of a workload without a key.

    Such a workload authenticates with a token of `issuer`, or with SigV4 (`issuer` is then `aws:iam`,
    `subject` the ARN of its role).
    """
    return "KEY#" + keyed_hash(f"workload\n{issuer}\n{subject}", pepper)


def read_pepper(text: str) -> bytes:
    """Parse the pepper from the text of its secret. Raises `PepperError`."""
    try:
        pepper = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        raise PepperError("the pepper of virtual keys is not base 64") from None
    if len(pepper) < _LEAST_PEPPER_BYTES:
        raise PepperError(f"the pepper of virtual keys is shorter than {_LEAST_PEPPER_BYTES} bytes")
    return pepper


def new_pepper() -> str:
    """Return a new pepper as the text of its secret."""
    return base64.b64encode(secrets.token_bytes(_LEAST_PEPPER_BYTES)).decode()
