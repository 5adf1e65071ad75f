"""JSON: output with readable characters and valid UTF-8 for any text, input that anybody may have written."""

import json
from typing import Any


def json_bytes(value: Any, *, compact: bool = False) -> bytes:
    """Return the value as JSON in UTF-8, `compact` without spaces.

    An unpaired surrogate, which JSON allows only as `\\ud800`, is escaped.
    """
    separators = (",", ":") if compact else None
    try:
        return json.dumps(value, ensure_ascii=False, separators=separators).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=separators).encode()


def parse_json(text: str | bytes) -> Any:
    """Parse JSON. Raises ValueError, also for what is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
