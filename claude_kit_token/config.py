"""Where this machine's people sign in: from the command line, the environment, or a file that the
organisation distributes.
"""

import json
import os
import sys
from pathlib import Path

from claude_kit_token.errors import TokenError

NAMES = ("gateway_url", "sign_in_url", "client_id")
OPTIONAL = ("portal_url",)


def machine_file() -> Path:
    """The file that administrators distribute; `KIT_TOKEN_CONFIG` names another."""
    given = os.environ.get("KIT_TOKEN_CONFIG")
    if given:
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "claude-kit-token" / "config.json"
    if sys.platform == "darwin":
        return Path("/Library/Application Support/claude-kit-token/config.json")
    return Path("/etc/claude-kit-token/config.json")


def configured(**given: "str | None") -> dict[str, str]:
    """The addresses, by name. What is given comes first, then `KIT_GATEWAY_URL` and the like, then the file.
    Raises TokenError naming what is missing.
    """
    file = machine_file()
    known = _read(file)
    found: dict[str, str] = {}
    for name in (*NAMES, *OPTIONAL):
        value = given.get(name) or os.environ.get(f"KIT_{name.upper()}") or known.get(name, "")
        found[name] = str(value).rstrip("/")
    missing = [name for name in NAMES if not found[name]]
    if missing:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise TokenError(
            f"this machine does not know where to sign in: {', '.join(missing)}",
            hint=f"give {options}, or ask your administrator for {file}",
        )
    return found


def _read(file: Path) -> "dict[str, str]":
    try:
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise TokenError(f"{file} cannot be read", hint="it must be a JSON object of addresses") from None
    if not isinstance(content, dict) or not all(isinstance(one, str) for one in content.values()):
        raise TokenError(f"{file} is not an object of addresses", hint=f"names are {', '.join(NAMES)}")
    return content
