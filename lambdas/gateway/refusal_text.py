"""What a person or an agent reads when policy refuses a request: what was found, where, what to do (L1.11).

Inspection identifies a place by its path in the request (`messages[4].content[0].content`), which means
nothing to a person who sees a conversation and files. The place is described in their words; what to do
depends on the client, because only the client can change a conversation that it sends again with every
request.
"""

import re
from collections.abc import Mapping
from typing import Any

_PATH = re.compile(r"(?:messages\[(\d+)\]|system|tools\[(\d+)\])(?:\.[\w<>-]+|\[\d+\])*")
# Two texts that contain a value together, as inspection formats it, or one path.
_WHERE = re.compile(rf"(?P<first>\S+)\+\[(?P<second>\S+)\](?=[.,;]?(?:\s|$))|{_PATH.pattern}")
_BLOCK = re.compile(r"\.content\[(\d+)\]")
_NAMED_BY = ("file_path", "path", "notebook_path", "url", "pattern", "command", "query")
_LONGEST = 120
_CLAUDE_CODE = b"claude-cli/"


def explained(
    message: str, fields: Mapping[str, Any], headers: Mapping[bytes, bytes], help_url: str | None
) -> str:
    """Return the message with places in words, and with what to do now."""
    paths = [match.group(0) for match in _PATH.finditer(message)]
    placed = _WHERE.sub(lambda match: _where(fields, match), message)
    advice = _way_on(fields, paths, headers)
    return " ".join(part for part in (placed, advice, f"Help: {help_url}" if help_url else "") if part)


def _where(fields: Mapping[str, Any], match: "re.Match[str]") -> str:
    if match["first"] is None:
        return _place(fields, match[0])
    first, second = _place(fields, match["first"]), _place(fields, match["second"])
    return f"two parts of {first}" if first == second else f"{first} and {second} together"


def _place(fields: Mapping[str, Any], path: str) -> str:
    match = _PATH.fullmatch(path)
    if match is None:
        return path
    if path.startswith("system"):
        return "the system prompt"
    if match.group(2) is not None:
        return f"the definition of the tool {_name(_at(fields.get('tools'), int(match.group(2))))}"
    messages, index = fields.get("messages"), int(match.group(1))
    if not isinstance(messages, list):  # of a batch, whose paths identify the request
        return path
    message = _at(messages, index)
    whose = _whose(messages, index)
    found = _BLOCK.search(path)
    block = _at(message.get("content"), int(found.group(1))) if found else {}
    match block.get("type"):
        case "tool_result":
            return f"the result of {_call_of(messages, block.get('tool_use_id'))} ({whose})"
        case "tool_use":
            return f"a call of the tool {_name(block)} ({whose})"
        case "document" if isinstance(block.get("title"), str):
            return f"the document {_short(block['title'])} ({whose})"
        case "image" | "document":
            return f"{'an image' if block['type'] == 'image' else 'a document'} ({whose})"
        case _:
            return whose


def _whose(messages: list[Any], index: int) -> str:
    count = len(messages)
    if _at(messages, index).get("role") == "assistant":
        return f"Claude's answer, message {index + 1} of {count}"
    said_since = any(_at(messages, later).get("role") == "assistant" for later in range(index + 1, count))
    return f"message {index + 1} of {count}" if said_since else "your last message"


def _call_of(messages: Any, call_id: Any) -> str:
    """Return the tool, and the file or address, that a result belongs to."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        for block in content if isinstance(content, list) else ():
            if isinstance(block, Mapping) and block.get("type") == "tool_use" and block.get("id") == call_id:
                given = block.get("input")
                named = (
                    next((given[key] for key in _NAMED_BY if isinstance(given.get(key), str)), None)
                    if isinstance(given, Mapping)
                    else None
                )
                return f"{_name(block)} {_short(named)}" if named else _name(block)
    return "a tool"


def _way_on(fields: Mapping[str, Any], paths: list[str], headers: Mapping[bytes, bytes]) -> str:
    inside = [path for path in paths if path.startswith("messages[")]
    if not inside:
        return ""
    messages = fields.get("messages")
    count = len(messages) if isinstance(messages, list) else 0
    if headers.get(b"user-agent", b"").startswith(_CLAUDE_CODE):
        return (
            "The conversation still holds it, so every further message is refused: press Esc twice or type "
            "/rewind to go back to before it, or /clear to start again."
        )
    earlier = any(not path.startswith(f"messages[{count - 1}]") for path in inside)
    return "Take it out of the conversation that you send, or start a new one." if earlier else ""


def _at(value: Any, index: int) -> Mapping[str, Any]:
    if isinstance(value, list) and index < len(value) and isinstance(value[index], Mapping):
        return value[index]
    return {}


def _name(block: Mapping[str, Any]) -> str:
    name = block.get("name")
    return _short(name) if isinstance(name, str) and name else "without a name"


def _short(text: str) -> str:
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
