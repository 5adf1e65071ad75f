"""JSON as it leaves: readable letters, and valid UTF-8 whatever a text holds."""

import json
from typing import Any


def json_bytes(value: Any, *, compact: bool = False) -> bytes:
    """The value as JSON in UTF-8, `compact` without spaces. Half a surrogate pair, which JSON allows as
    `\\ud800` only, is escaped.
    """
    separators = (",", ":") if compact else None
    try:
        return json.dumps(value, ensure_ascii=False, separators=separators).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=separators).encode()
