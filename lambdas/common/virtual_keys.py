"""Virtual keys: credentials of our own for applications that can prove themselves in no better way (L1.3).

A key is `vk_`, 40 random characters and 6 of checksum. It is shown once, when it is made; only its keyed
hash is kept (HMAC-SHA-256 under the pepper in Secrets Manager), as the `pk` of its access record. So a stolen
table gives no key, and a key is found by its hash: no secret is ever compared byte by byte.

The checksum lets the gateway refuse what is no key of ours without asking a store, and lets secret scanners
recognise a leaked key.
"""

import base64
import hashlib
import hmac
import secrets
import zlib

PREFIX = "vk_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM = 40  # characters of base 62: 238 bits
_CHECKSUM = 6  # characters of base 62 hold the 32 bits of a CRC
_LENGTH = len(PREFIX) + _RANDOM + _CHECKSUM
_LEAST_PEPPER_BYTES = 32


class PepperError(ValueError):
    """The pepper is not 32 bytes or more of base 64. The message holds nothing of it."""


def new_virtual_key() -> str:
    """A fresh key. Show it once; keep `key_record_pk` of it."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    """Whether `key` has the shape and checksum of a virtual key: says nothing about whether it exists."""
    return (
        len(key) == _LENGTH
        and key.isascii()
        and key.startswith(PREFIX)
        and _checksum(key[:-_CHECKSUM]) == key[-_CHECKSUM:]
    )


def _checksum(text: str) -> str:
    value = zlib.crc32(text.encode())
    digits = []
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def keyed_hash(secret: str, pepper: bytes) -> str:
    """HMAC-SHA-256 of `secret` under `pepper`, as 64 hexadecimal digits."""
    return hmac.digest(pepper, secret.encode(), hashlib.sha256).hex()


def key_record_pk(key: str, pepper: bytes) -> str:
    """Where the access record of a virtual key is: `KEY#<keyed hash>`."""
    return "KEY#" + keyed_hash(key, pepper)


def workload_record_pk(issuer: str, subject: str, pepper: bytes) -> str:
    """Where the access record of a workload without a key is: one that proves itself with a token of
    `issuer`, or with SigV4 (`issuer` is then `aws:iam`, `subject` the ARN of its role).
    """
    return "KEY#" + keyed_hash(f"workload\n{issuer}\n{subject}", pepper)


def read_pepper(text: str) -> bytes:
    """The pepper in the text of its secret. Raises `PepperError`."""
    try:
        pepper = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        raise PepperError("the pepper of virtual keys is not base 64") from None
    if len(pepper) < _LEAST_PEPPER_BYTES:
        raise PepperError(f"the pepper of virtual keys is shorter than {_LEAST_PEPPER_BYTES} bytes")
    return pepper


def new_pepper() -> str:
    """A fresh pepper as the text of its secret."""
    return base64.b64encode(secrets.token_bytes(_LEAST_PEPPER_BYTES)).decode()
