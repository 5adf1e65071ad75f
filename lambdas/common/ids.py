"""Identifiers that sort by creation time."""

import os

from lambdas.common.clock import Clock, utc_now

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_SHIFTS = range(120, -1, -10)  # 13 pairs are the 26 digits of a ULID


def new_id(prefix: str = "", *, clock: Clock = utc_now) -> str:
    """Return a ULID (48-bit milliseconds, 80 random bits, Crockford base32), after `prefix` if given."""
    milliseconds = int(clock().timestamp() * 1000)
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    return prefix + ulid_text(value)


def ulid_text(value: int) -> str:
    """Return the 26 digits of a 128-bit number."""
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in _SHIFTS])
