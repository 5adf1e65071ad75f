"""Requests without the blocks that must not leave: the session continues, the file or the mail stays here
(L2.3, G.1).

Deterministic: the same block gives the same placeholder, so that the provider's prompt cache keeps its
prefix.
"""

from collections.abc import Iterable, Mapping
from typing import Any

PLACEHOLDER = (
    "[Withheld by the organisation's inspection: what stood here holds data that must not leave. Go on "
    "without it, "
    "and say what you need in general terms.]"
)

# What a placeholder keeps of a block: the conversation does not hold together without it.
KEPT = ("type", "id", "name", "tool_use_id", "is_error", "caller", "cache_control")


class WithholdingError(Exception):
    """A block cannot be removed without breaking the conversation, so the request must be blocked."""


def withhold_blocks(body: Mapping[str, Any], pointers: Iterable[str]) -> dict[str, Any]:
    """Return a copy of the request with placeholders for the blocks at these JSON pointers (RFC 6901).

    Raises `WithholdingError`.
    """
    result = dict(body)
    for pointer in pointers:
        steps = pointer.removeprefix("/").split("/")
        try:
            _replace(result, steps)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise WithholdingError(pointer) from error
    return result


def _replace(holder: Any, steps: list[str]) -> None:
    """Replace what `steps` lead to, copying its containers, so that the caller's body is unchanged."""
    key: Any = int(steps[0]) if isinstance(holder, list) else steps[0]
    inner = holder[key]
    if len(steps) == 1:
        holder[key] = _withheld(inner)
        return
    holder[key] = list(inner) if isinstance(inner, list) else dict(inner)
    _replace(holder[key], steps[1:])


def _withheld(block: Any) -> Any:
    if isinstance(block, str):
        return PLACEHOLDER
    kind = block["type"]
    if kind in ("tool_result", "tool_use"):
        kept = {name: block[name] for name in KEPT if name in block}
        instead = {"content": PLACEHOLDER} if kind == "tool_result" else {"input": {"withheld": PLACEHOLDER}}
        return {**kept, **instead}
    if kind in ("text", "document", "image", "search_result"):
        kept = {"cache_control": block["cache_control"]} if "cache_control" in block else {}
        return {"type": "text", "text": PLACEHOLDER, **kept}
    raise WithholdingError(kind)
