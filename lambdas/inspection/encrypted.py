"""Detection of what Claude encrypted for itself and gets back in later turns, as opposed to text that only
looks like it (L2.3).

Thinking signatures, redacted thinking, encrypted search results and compactions return with every later
turn of a conversation. Only Claude can read them, and no gateway remembers them all, so each is judged by
its content: base64 whose bytes are distributed like ciphertext. Readable passages between those bytes (a
protobuf names its model, a disguise hides a sentence) are extracted and inspected like any text, and what
is neither text nor ciphertext is not a block of Claude's.
"""

import base64
import binascii
import re
import zlib
from dataclasses import dataclass

from lambdas.inspection.expressions import Expression

_SHORTEST = 48  # bytes; below, nothing can be said of how they are spread
_BASE64 = Expression(r"[A-Za-z0-9+/_-]*={0,2}")
_STANDARD = str.maketrans("-_", "+/")
_PASSAGE = re.compile(rb"[\t\n\r\x20-\x7e]{8,}")
_WIDE = re.compile(rb"(?:[\t\n\r\x20-\x7e]\x00){8,}|(?:\x00[\t\n\r\x20-\x7e]){8,}")
_GZIP_OR_ZLIB, _DEFLATE = 47, -15  # zlib's names of the formats
_UNPACKED_BYTES = 1 << 20
_UNPACKED_LEAST = 16
_READABLE_SHARE = 0.5
_WINDOW = 256
# times as many different bytes as random ones have: 20,000 random samples of each length had at least 0.74
# (24 bytes) to 0.88 (256 bytes), English under a constant mask has 0.59 (48 bytes) and less
_SPREAD = 0.7


@dataclass(frozen=True, slots=True)
class Reading:
    """`text` is the readable part of the value, to be inspected. `opaque`: the rest is ciphertext; if it is
    not, and there is no text either, the value is unknown.
    """

    text: str
    opaque: bool


def read(value: str) -> Reading:
    """Analyse a value that should be encrypted."""
    data = _decoded(value)
    if data is None:
        return Reading(value, False)
    unpacked = _unpacked(data)
    if unpacked is not None:
        return Reading(unpacked, False)
    try:
        return Reading(f"{value}\n{data.decode()}", len(data) < _SHORTEST)
    except UnicodeDecodeError:
        pass
    passages = _PASSAGE.findall(data)
    rest = _PASSAGE.sub(b"", data) if passages else data
    if data.count(0) * 8 > len(data):
        passages += [one.replace(b"\0", b"") for one in _WIDE.findall(data)]
        rest = _WIDE.sub(b"", rest)
    text = b"\n".join(passages).decode()
    if len(data) < _SHORTEST:
        return Reading(f"{value}\n{text}", True)
    if len(rest) < _READABLE_SHARE * len(data):
        return Reading(f"{value}\n{text}", False)
    return Reading(text, _is_spread(rest))


def _decoded(value: str) -> bytes | None:
    if not value or not _BASE64.fullmatch(value):
        return None
    try:
        return base64.b64decode(value.translate(_STANDARD) + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return None


def _unpacked(data: bytes) -> str | None:
    """Return the text in compressed bytes, if any."""
    for form in (_GZIP_OR_ZLIB, _DEFLATE):
        try:
            text = zlib.decompressobj(wbits=form).decompress(data, _UNPACKED_BYTES)
        except zlib.error:
            continue
        readable = sum(len(one) for one in _PASSAGE.findall(text))
        if len(text) >= _UNPACKED_LEAST and readable >= _READABLE_SHARE * len(text):
            return text.decode("utf-8", "replace")
    return None


def _is_spread(data: bytes) -> bool:
    """Return whether the bytes are distributed like ciphertext in every part."""
    last = max(len(data) - _WINDOW, 0)
    parts = [data[start : start + _WINDOW] for start in (*range(0, last, _WINDOW), last)]
    return all(len(set(part)) >= _SPREAD * 256 * (1 - (255 / 256) ** len(part)) for part in parts)
