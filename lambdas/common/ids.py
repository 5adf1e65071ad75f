"""Identifiers that sort by the time they were made."""

import os

from lambdas.common.clock import Clock, utc_now

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ENCODED_LENGTH = 26


def new_id(prefix: str = "", *, clock: Clock = utc_now) -> str:
    """A ULID (48-bit milliseconds, 80 random bits, Crockford base 32), after `prefix` if one is given."""
    milliseconds = int(clock().timestamp() * 1000)
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    digits = [_CROCKFORD[(value >> (5 * place)) & 31] for place in range(_ENCODED_LENGTH - 1, -1, -1)]
    return prefix + "".join(digits)
