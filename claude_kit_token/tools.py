"""Which tools of MCP servers Claude Code may call, as a hook that runs before each call.

Permission rules of Claude Code name a server by what its user calls it, and a rule that denies a server
wins over one that allows a tool of it. So `claude-kit-token tools` looks up the address behind the name in
the files where Claude Code keeps its servers, and compares it with what the managed settings permit.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"https": 443, "http": 80}
_AMBIGUOUS = re.compile(r"[\\\s]")  # programs disagree about the host of such an address


def refusal(permitted: "Sequence[str]", hook: bytes) -> str:
    """Why the call in `hook` (the hook's standard input) may not be made; empty if it may. Raises an
    Exception of any kind for a hook or a file that cannot be read: then it may not either.

    `permitted` are origins, or origin#tool for one tool. Only a tool of an MCP server can be refused. A
    server whose address is not found is refused; if several have the name, all of them must be permitted.
    """
    given = json.loads(hook)
    name: str = given["tool_name"]
    if not name.startswith("mcp__"):
        return ""
    folders = [Path(one) for one in (given.get("cwd"), os.environ.get("CLAUDE_PROJECT_DIR")) if one]
    found = [
        (address, name[len(prefix) :])
        for server, address in _servers(folders)
        if name.startswith(prefix := f"mcp__{_plain(server)}__")
    ]
    if not found:
        return f"no configuration of Claude Code says where the server of {name} is"
    for address, tool in found:
        if not any(_permits(one, address, tool) for one in permitted):
            return f"your organisation does not permit the tool {tool} of {address or 'a local server'}"
    return ""


def _permits(one: str, address: str, tool: str) -> bool:
    origin, _, only = one.partition("#")
    return _origin(address) == _origin(origin) != "" and (not only or _plain(only) == tool)


def _origin(address: str) -> str:
    """Scheme, host and port; empty for what has none, is ambiguous or contains a variable."""
    try:
        parts = urlsplit(address)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return ""
    if _AMBIGUOUS.search(address) or "$" in parts.netloc or not parts.hostname or port is None:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _plain(name: str) -> str:
    """A name as it occurs in the names of tools."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)


def _servers(folders: "Sequence[Path]") -> "Iterator[tuple[str, str]]":
    """Name and address of every server in Claude Code's files: of the machine, the person, the project."""
    yield from _listed(_read(_managed_file()))
    own = _read(Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home()) / ".claude.json")
    yield from _listed(own)
    projects = own.get("projects")
    for project in projects.values() if isinstance(projects, dict) else ():
        yield from _listed(project)
    for above in {one for folder in folders for one in (folder, *folder.parents)}:
        yield from _listed(_read(above / ".mcp.json"))


def _listed(content: Any) -> "Iterator[tuple[str, str]]":
    servers = content.get("mcpServers") if isinstance(content, dict) else None
    for name, server in servers.items() if isinstance(servers, dict) else ():
        address = server.get("url") if isinstance(server, dict) else None
        yield name, address if isinstance(address, str) else ""


def _read(file: Path) -> "dict[str, Any]":
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    return content if isinstance(content, dict) else {}


def _managed_file() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMFILES", r"C:\Program Files")) / "ClaudeCode" / "managed-mcp.json"
    if sys.platform == "darwin":
        return Path("/Library/Application Support/ClaudeCode/managed-mcp.json")
    return Path("/etc/claude-code/managed-mcp.json")
