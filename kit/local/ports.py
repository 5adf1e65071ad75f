"""Which loopback port serves what, and the error if another program has it."""

import os
import socket
from pathlib import Path

from kit.errors import ExitCode, KitError

DEFAULT_BASE = 8700
_SERVICES = {"portal": 80, "emulator": 90, "claude-stand-in": 91, "attendant": 92, "identity-stand-in": 93}
_LAST = 99


def port_base(given: int | None) -> int:
    """Return the first of the hundred ports: --port-base, KIT_PORT_BASE or 8700. Raises KitError."""
    text = str(given) if given is not None else os.environ.get("KIT_PORT_BASE") or str(DEFAULT_BASE)
    if not text.isdecimal() or not 1024 <= int(text) <= 65535 - _LAST:
        raise KitError(
            f"port base {text!r} is not a number from 1024 to {65535 - _LAST}",
            hint="set --port-base or KIT_PORT_BASE, or leave both out",
            exit_code=ExitCode.USAGE,
        )
    return int(text)


def port_of(name: str, base: int, web_functions: list[str]) -> int:
    """The gateway has the base itself, other web functions follow by name; services and the portal, whose
    address is part of the plan, have fixed offsets.
    """
    if name in _SERVICES:
        return base + _SERVICES[name]
    others = sorted(set(web_functions) - {"gateway", *_SERVICES})
    return base if name == "gateway" else base + 1 + others.index(name)


def require_free(port: int, name: str) -> None:
    """Raise KitError if the port is in use, naming the program if known."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return
        except OSError:
            pass
    owner = owner_of(port)
    raise KitError(
        f"port {port}, which {name} needs, is in use{f' by {owner}' if owner else ''}",
        hint="stop that program, or choose other ports: kit up --port-base 9700",
        exit_code=ExitCode.ENVIRONMENT,
    )


def owner_of(port: int) -> str:
    """Return the program that listens on a loopback port, as `name (process 123)`; empty if unknown."""
    try:
        inode = _listening_inode(port)
        for entry in Path("/proc").iterdir() if inode else ():
            if not entry.name.isdigit():
                continue
            try:
                handles = [str(handle.readlink()) for handle in (entry / "fd").iterdir()]
            except OSError:
                continue  # another user's process, or one that has just ended
            if f"socket:[{inode}]" in handles:
                return f"{(entry / 'comm').read_text().strip()} (process {entry.name})"
    except OSError:
        pass  # no /proc: not Linux
    return ""


def _listening_inode(port: int) -> str:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                return fields[9]
    return ""
