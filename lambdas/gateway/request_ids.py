"""Request ids that prove whom they were given to and for what: only a caller adds to its records (G.3).

A request id is a ULID: 48 bits of time, 40 random bits, and 40 bits of keyed checksum over those, the
department, the caller and whether Claude was asked for an answer. The gateway may append records but not read
them, and needs no table to know whose call a request id was.
"""

import hmac
import os
from collections.abc import Callable
from time import time

from lambdas.common.ids import ulid_text

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 26
_CHECK_BYTES = 5
_PREFIX = "req_"


class RequestIds:
    """Makes and checks request ids. All processes of a deployment share `key`."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time) -> None:
        self._key = hmac.digest(key, b"request ids", "sha256")
        self._clock = clock

    def new(self, department: str, caller: str, *, answer: bool) -> str:
        """A fresh id for a request of the caller; `answer` says that it asks for one."""
        front = int(self._clock() * 1000).to_bytes(6, "big") + os.urandom(5)
        value = int.from_bytes(front + self._check(front, department, caller, answer), "big")
        return _PREFIX + ulid_text(value)

    def belongs(self, request_id: str, department: str, caller: str) -> bool:
        """Whether the id was given to this caller, in this department, with a request for an answer."""
        digits = request_id.removeprefix(_PREFIX)
        if (
            len(digits) != _LENGTH
            or len(request_id) == _LENGTH
            or any(digit not in _VALUES for digit in digits)
        ):
            return False
        value = 0
        for digit in digits:
            value = value << 5 | _VALUES[digit]
        if value >> 128:
            return False
        front, check = divmod(value, 1 << 8 * _CHECK_BYTES)
        expected = self._check(front.to_bytes(11, "big"), department, caller, True)
        return hmac.compare_digest(check.to_bytes(_CHECK_BYTES, "big"), expected)

    def _check(self, front: bytes, department: str, caller: str, answer: bool) -> bytes:
        about = f"{department}\0{caller}\0{int(answer)}".encode()
        return hmac.digest(self._key, front + about, "sha256")[:_CHECK_BYTES]
