"""One pass over a Messages body: what it names that determines its destination and its cost (L1.2, L1.10).

Tool inputs and schemas are content, whatever their keys: a car may have a model there. Everything else is
read by its shape, so that a tool added within messages counts like one at the top.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdas.gateway.errors import invalid_request
from lambdas.gateway.made import OUTPUTS

MCP_TOOLSET = "mcp_toolset"
_CONTENT = frozenset(("input", "input_schema", "input_examples", "metadata", "schema", "caller"))
_DEPTH = 64
_VERSIONED = re.compile(r"[a-z][a-z0-9_]*_20\d{6}")
_HOUR, _MINUTES = "1h", "5m"


@dataclass(slots=True)
class Survey:
    """What a body names, each with its place: other `models`, definitions of `tools`, MCP `servers`,
    `blocks` of each type, `files` and `containers` at the provider.

    `images` and `windows` count parts that have more tokens than bytes: an image, and whatever may fill the
    model's window. `cache` is the longest caching requested (`5m`, `1h` or not at all).
    """

    models: list[tuple[str, str]] = field(default_factory=list)
    tools: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    servers: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    blocks: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, str]] = field(default_factory=list)
    containers: list[tuple[str, str]] = field(default_factory=list)
    images: int = 0
    windows: int = 0
    cache: str = ""


def survey(fields: Mapping[str, Any], path: str = "") -> Survey:
    """Return what a body names. Raises `ApiError` 400 if it is nested too deeply."""
    seen = Survey()
    for key, value in fields.items():
        place = f"{path}{key}"
        if key == "tools":
            _tools(value, place, seen, 1)
        elif key == "mcp_servers":
            _servers(value, place, seen)
        elif key == "cache_control":
            _cached(value, seen)
        elif key == "container":
            _container(value, place, seen)
        elif key in {"messages", "system"}:
            _blocks(value, place, seen, 1)
        elif key != "model" and key not in _CONTENT and isinstance(value, dict | list):
            _rest(value, place, seen, 1)
    return seen


def tool_type(tool: Mapping[str, Any]) -> str:
    """Return the type of a tool definition; `custom` if it names none."""
    kind = tool.get("type")
    return "custom" if kind is None else str(kind)


def _tools(value: Any, path: str, seen: Survey, depth: int) -> None:
    for index, tool in enumerate(value if isinstance(value, list) else [value]):
        place = f"{path}[{index}]" if isinstance(value, list) else path
        if isinstance(tool, list):
            raise invalid_request(f"{place}: must be a tool, which is an object")
        if isinstance(tool, Mapping):
            seen.tools.append((place, tool))
            _rest(tool, place, seen, depth + 1)


def _servers(value: Any, path: str, seen: Survey) -> None:
    for index, server in enumerate(value if isinstance(value, list) else [value]):
        place = f"{path}[{index}]" if isinstance(value, list) else path
        seen.servers.append((place, server if isinstance(server, Mapping) else {}))


def _container(value: Any, path: str, seen: Survey) -> None:
    """Note a container, given by its id, or by an object with one; a new one has none."""
    if isinstance(value, Mapping):
        _rest(value, path, seen, 1)
        value, path = value.get("id"), f"{path}.id"
    if value is not None:
        seen.containers.append((path, _id(value)))


def _blocks(value: Any, path: str, seen: Survey, depth: int) -> None:
    """Walk messages, content blocks and their content."""
    if depth > _DEPTH:
        raise invalid_request("The request body is nested too deeply.")
    if isinstance(value, list):
        for index, one in enumerate(value):
            if isinstance(one, dict):
                _block(one, f"{path}[{index}]", seen, depth + 1)
            elif isinstance(one, list):
                _blocks(one, f"{path}[{index}]", seen, depth + 1)
    elif isinstance(value, dict):
        _block(value, path, seen, depth + 1)


def _block(block: Mapping[str, Any], path: str, seen: Survey, depth: int) -> None:
    kind = block.get("type")
    if isinstance(kind, str):
        if kind == MCP_TOOLSET or _VERSIONED.fullmatch(kind):
            seen.tools.append((path, block))
        elif kind not in seen.blocks:
            seen.blocks[kind] = path
        if kind in {"image", "document", "container_upload", "file"}:
            _measure(kind, block.get("source"), seen)
    elif kind is not None:
        seen.blocks.setdefault(str(kind), path)
    if "file_id" in block and kind not in OUTPUTS:  # what an answer created is only named, not read again
        seen.files.append((path, _id(block["file_id"])))
    for key, value in block.items():
        if key == "model":
            seen.models.append((f"{path}.model", value if isinstance(value, str) else ""))
        elif not isinstance(value, dict | list) or key in _CONTENT:
            continue
        elif key in {"tool", "tools"}:
            _tools(value, f"{path}.{key}", seen, depth + 1)
        elif key in {"mcp_server", "mcp_servers"}:
            _servers(value, f"{path}.{key}", seen)
        elif key == "cache_control":
            _cached(value, seen)
        else:
            _blocks(value, f"{path}.{key}", seen, depth + 1)


def _rest(value: Any, path: str, seen: Survey, depth: int) -> None:
    """Note models and caches outside messages."""
    if depth > _DEPTH:
        raise invalid_request("The request body is nested too deeply.")
    if isinstance(value, list):
        for index, one in enumerate(value):
            if isinstance(one, dict | list):
                _rest(one, f"{path}[{index}]", seen, depth + 1)
        return
    for key, inner in value.items():
        if key == "model":
            seen.models.append((f"{path}.model", inner if isinstance(inner, str) else ""))
        elif key == "file_id":
            seen.files.append((path, _id(inner)))
        elif key == "cache_control":
            _cached(inner, seen)
        elif key not in _CONTENT and isinstance(inner, dict | list):
            _rest(inner, f"{path}.{key}", seen, depth + 1)


def _id(value: Any) -> str:
    """Return an id, or an empty one, which nobody owns."""
    return value if isinstance(value, str) else ""


def _measure(kind: str, source: Any, seen: Survey) -> None:
    """Count an image, which has a bound even if it is fetched; anything else fetched or with pages may fill
    the window.
    """
    source_kind = source.get("type") if isinstance(source, Mapping) else None
    if kind == "image":
        seen.images += 1
    elif source_kind not in {"text", "content"}:
        seen.windows += 1


def _cached(value: Any, seen: Survey) -> None:
    if value is None or seen.cache == _HOUR:
        return
    ttl = value.get("ttl") if isinstance(value, Mapping) else _HOUR
    seen.cache = _MINUTES if ttl in (None, _MINUTES) else _HOUR
