"""Configuration errors with everything needed to fix them: key, value, allowed values, nearest name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

_SHOWN_LENGTH = 60
_UNPRINTABLE = r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]"  # compiled on first use


class Problem(NamedTuple):
    """A configuration error: the dotted key, what is wrong, and a hint."""

    key: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" + (f"; {self.hint}" if self.hint else "")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return 'did you mean "size"?' for the closest known word, or else the list of known words."""
    import difflib  # slow to import and needed only to report an error

    words = sorted(known)
    close = difflib.get_close_matches(word[:_SHOWN_LENGTH], words, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else f"known: {', '.join(words)}"


def shown(value: Any) -> str:
    """Format a value for an error message: short, on one line, containers as their type only."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return f"a list of {len(cast('Sequence[object]', value))}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**_SHOWN_LENGTH:
        return "a number of more than 60 digits"
    text = re.sub(_UNPRINTABLE, "?", str(value)[: _SHOWN_LENGTH + 1])
    short = text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "…"
    return f'"{short}"' if isinstance(value, str) else short
