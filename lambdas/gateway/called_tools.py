"""Tools that an answer calls: the caller's own, the provider's, those of MCP servers (L2.3, G.2). Only
names; arguments stay in the body.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_KINDS = {"tool_use": "own", "server_tool_use": "provider", "mcp_tool_use": "mcp"}
_MARK = b"tool_use"
_MOST = 100  # maximum recorded per answer
_LONGEST_NAME = 128
_PERMISSIONS = {
    "web_search": "web-search", "web_fetch": "web-fetch", "code_execution": "code-execution",
    "bash_code_execution": "code-execution", "text_editor_code_execution": "code-execution",
    "memory": "memory", "advisor": "advisor",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CalledTool:
    """A tool call: whose tool (`own`, `provider`, `mcp`), its name, and the name of its MCP server."""

    kind: str
    name: str
    server: str = ""

    @property
    def permission(self) -> str:
        """Return the permission that a department needs for it; empty for the caller's own tools."""
        if self.kind == "mcp":
            return "mcp"
        return _PERMISSIONS.get(self.name, self.name.replace("_", "-")) if self.kind == "provider" else ""


def called_tool(block: Any) -> CalledTool | None:
    """Return the tool call in a content block, or None for any other block."""
    kind = _KINDS.get(str(block.get("type"))) if isinstance(block, Mapping) else None
    if kind is None:
        return None
    return CalledTool(
        kind, str(block.get("name", ""))[:_LONGEST_NAME], str(block.get("server_name") or "")[:_LONGEST_NAME]
    )


def called_in(body: bytes) -> list[CalledTool]:
    """Return the tool calls of a whole Message."""
    if _MARK not in body:
        return []
    try:
        content = json.loads(body)["content"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    found = (called_tool(block) for block in content) if isinstance(content, list) else ()
    return [one for one in found if one is not None]


def as_recorded(called: Sequence[CalledTool], rules: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the calls for the record, each once with its count and the department's permission.

    The permission is `permitted`, or the mode in which it was allowed without one.
    """
    counts: dict[CalledTool, int] = {}
    for one in called:
        counts[one] = counts.get(one, 0) + 1
    denied = rules.get("denied", ())
    return [
        {
            "kind": one.kind,
            "tool": one.name,
            **({"server": one.server} if one.server else {}),
            "calls": number,
            "decision": rules.get("mode", "") if one.permission in denied else "permitted",
        }
        for one, number in list(counts.items())[:_MOST]
    ]
