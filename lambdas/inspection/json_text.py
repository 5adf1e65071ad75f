"""JSON as it leaves: readable letters, and valid UTF-8 whatever a text holds."""

import json
from typing import Any


def json_bytes(value: Any) -> bytes:
    """The value as JSON in UTF-8. Half a surrogate pair, which JSON allows as `\\ud800` only, is escaped."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()
