"""How many tokens a request's input can become at most, so that its price cannot be exceeded (L1.6).

No token of text is shorter than a byte, so the length of the body bounds its text, and what JSON adds around
it bounds what the API adds around messages. Some parts can be larger for the model than they are in bytes:
images, PDF pages, whatever is fetched by a URL, a file id or a server tool. Those are bounded by what the
model can take.
"""

from collections.abc import Iterable, Mapping
from typing import Any

_TOOLS_TOKENS = 1_000  # the API's own instructions for tools
_IMAGE_TOKENS = 5_000
CONTEXT_TOKENS = 200_000
_LONG_CONTEXT_TOKENS = 1_000_000
_LONG_CONTEXT_BETA = b"context-1m"
_CALLERS_TOOLS = ("custom", "bash_", "text_editor_", "computer_", "memory_")
_SEARCHES = 20  # of a request that names no `max_uses`
_DEPTH = 4


def input_tokens_bound(size: int, fields: Mapping[str, Any], beta: bytes = b"") -> int:
    """The bound for a body of `size` bytes. `beta` is the value of `anthropic-beta`."""
    context = _LONG_CONTEXT_TOKENS if _LONG_CONTEXT_BETA in beta else CONTEXT_TOKENS
    tools = fields.get("tools")
    if fields.get("mcp_servers") or fields.get("container") or _has_server_tool(tools):
        return size + context
    extra = _TOOLS_TOKENS if tools else 0
    for block in _blocks(fields.get("messages")):
        kind = block.get("type")
        if kind not in {"image", "document"}:
            continue
        source = block.get("source")
        source_kind = source.get("type") if isinstance(source, Mapping) else None
        if kind == "image" and source_kind == "base64":
            extra += _IMAGE_TOKENS
        elif source_kind not in {"text", "content"}:
            return size + context
    return size + extra


def web_searches_bound(fields: Mapping[str, Any]) -> int:
    """How many web searches the request allows; each has a price of its own."""
    tools = fields.get("tools")
    most = 0
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, Mapping) and str(tool.get("type", "")).startswith("web_search"):
            uses = tool.get("max_uses")
            most += uses if isinstance(uses, int) and not isinstance(uses, bool) and uses >= 0 else _SEARCHES
    return most


def _has_server_tool(tools: Any) -> bool:
    """Whether the provider itself runs a tool: what that brings in is input, too."""
    return isinstance(tools, list) and any(
        isinstance(tool, Mapping) and not str(tool.get("type", "custom")).startswith(_CALLERS_TOOLS)
        for tool in tools
    )


def _blocks(messages: Any, depth: int = 0) -> Iterable[Mapping[str, Any]]:
    """Content blocks of the messages, those inside tool results too."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        if not isinstance(content, list):
            continue
        for block in content:
            if isinstance(block, Mapping):
                yield block
        if depth < _DEPTH:
            yield from _blocks(content, depth + 1)
