"""Estimate of a request's input tokens, for rates (L1.11).

Money needs an upper bound (`input_bound`); a rate needs an estimate, because charging a bound stops a
coding agent at a tenth of its actual usage. The estimate is corrected by the provider's own count as soon
as that is known.
"""

from collections.abc import Iterable, Mapping
from typing import Any

# Bytes of JSON body per token. English prose has 4 to 4.5, code and JSON 3 to 3.5, other scripts 2 to 3.
_ASCII_BYTES = 3.5
_OTHER_BYTES = 2.2
_IMAGE_TOKENS = 1_600  # of one at the size to which the API scales it
_PAGE_TOKENS = 2_000  # of a PDF page: its text and its image
_PAGE_BYTES = 50_000
_DEPTH = 4


def input_tokens_estimate(body: bytes, fields: Mapping[str, Any]) -> int:
    """Return the estimated input tokens of a Messages body with the parsed fields `fields`."""
    encoded, media = 0, 0
    for block in _media(fields.get("messages")):
        size = len(block["source"]["data"])
        encoded += size
        pages = 1 + size * 3 // 4 // _PAGE_BYTES
        media += _IMAGE_TOKENS if block["type"] == "image" else pages * _PAGE_TOKENS
    return text_tokens_estimate(body, encoded) + media


def text_tokens_estimate(text: bytes, without: int = 0) -> int:
    """Return the estimated tokens of a text in UTF-8, of which `without` ASCII bytes do not count."""
    ascii_bytes = len(text.decode("ascii", "ignore"))
    other = len(text) - ascii_bytes
    return int(max(0, ascii_bytes - without) / _ASCII_BYTES + other / _OTHER_BYTES) + 1


def _media(messages: Any, depth: int = 0) -> Iterable[Mapping[str, Any]]:
    """Yield base64 images and documents in the body, including those in tool results."""
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
