"""How many tokens the input of a request probably is, for rates (L1.11).

Money needs a bound (`input_bound`); a rate needs what is likely, because one that is charged by a bound stops
a coding agent at a tenth of what it really uses. The estimate is corrected by the provider's own count as
soon as that is known.
"""

from collections.abc import Iterable, Mapping
from typing import Any

# Bytes of a JSON body a token. English prose has 4 to 4.5, code and JSON 3 to 3.5, other scripts 2 to 3.
_ASCII_BYTES = 3.5
_OTHER_BYTES = 2.2
_IMAGE_TOKENS = 1_600  # of one at the size to which the API scales it
_PAGE_TOKENS = 2_000  # of a PDF: its text and its picture
_PAGE_BYTES = 50_000
_DEPTH = 4


def input_tokens_estimate(body: bytes, fields: Mapping[str, Any]) -> int:
    """The probable number of input tokens of a Messages body whose parsed fields are `fields`."""
    encoded, media = 0, 0
    for block in _media(fields.get("messages")):
        size = len(block["source"]["data"])
        encoded += size
        pages = 1 + size * 3 // 4 // _PAGE_BYTES
        media += _IMAGE_TOKENS if block["type"] == "image" else pages * _PAGE_TOKENS
    return text_tokens_estimate(body, encoded) + media


def text_tokens_estimate(text: bytes, without: int = 0) -> int:
    """The probable number of tokens of a text in UTF-8, `without` bytes of ASCII that are none."""
    ascii_bytes = len(text.decode("ascii", "ignore"))
    other = len(text) - ascii_bytes
    return int(max(0, ascii_bytes - without) / _ASCII_BYTES + other / _OTHER_BYTES) + 1


def _media(messages: Any, depth: int = 0) -> Iterable[Mapping[str, Any]]:
    """Images and documents that the body holds as base64, those inside tool results too."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        if not isinstance(content, list):
            continue
        for block in content:
            source = block.get("source") if isinstance(block, Mapping) else None
            if (
                isinstance(source, Mapping)
                and block.get("type") in ("image", "document")
                and source.get("type") == "base64"
                and isinstance(source.get("data"), str)
            ):
                yield block
        if depth < _DEPTH:
            yield from _media(content, depth + 1)
