"""Every text that a Messages request carries, with its path (L2.3): nothing is left out because its key is
unknown.

Texts of tool results, documents and search results come from others: they are untrusted. What has no
readable text is named instead (`Uninspectable`).
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.inspection import documents
from lambdas.inspection.findings import Channel, DataClass, Uninspectable

JOINT = 256
MAX_DEPTH = 64
# values of these keys are protocol, not text
_PROTOCOL = frozenset(("type", "role", "model", "media_type", "cache_control", "signature", "tool_use_id"))
_UNTRUSTED_BLOCKS = frozenset(("tool_result", "document", "search_result", "web_search_tool_result",
    "web_fetch_tool_result",
                               "mcp_tool_result", "code_execution_tool_result"))  # fmt: skip
# content that only Claude can read, made by Claude: it is passed on and named in the record
SERVER_ENCRYPTED = "encrypted-by-claude"


@dataclass(frozen=True, slots=True)
class TextField:
    """One text: `lead` characters at its start are the name of its key (context for the detectors, not part
    of the value).

    `joint`, if not 0, is where two adjacent blocks meet: only what crosses it counts.
    """

    path: str
    text: str
    channel: Channel = Channel.TRUSTED
    lead: int = 0
    joint: int = 0


@dataclass(frozen=True, slots=True)
class Label:
    """A machine-readable sensitivity label found in a file; `level` is None if the client has not mapped
    it.
    """

    path: str
    id: str
    name: str
    level: DataClass | None


Extract = TextField | Uninspectable | Label


def extract(body: Mapping[str, Any]) -> Iterator[Extract]:
    """All texts of a request body, in its order."""
    for key, value in body.items():
        if key in _PROTOCOL:
            continue
        if key == "system":
            yield from _content(value, "system", Channel.INSTRUCTIONS)
        elif key == "messages" and isinstance(value, list):
            for index, message in enumerate(value):
                path = f"messages[{index}]"
                if not isinstance(message, Mapping):
                    yield from _walk(message, path, Channel.TRUSTED)
                    continue
                channel = Channel.INSTRUCTIONS if message.get("role") == "system" else Channel.TRUSTED
                for part, inner in message.items():
                    if part == "content":
                        yield from _content(inner, f"{path}.content", channel)
                    elif part != "role":
                        yield from _walk(inner, f"{path}.{part}", Channel.TRUSTED, part)
        elif key == "requests" and isinstance(value, list):
            # a message batch: each request carries its own body
            for index, request in enumerate(value):
                params = request.get("params") if isinstance(request, Mapping) else None
                if isinstance(params, Mapping):
                    for item in extract(params):
                        yield _under(item, f"requests[{index}].params.")
                else:
                    yield from _walk(request, f"requests[{index}]", Channel.TRUSTED)
        else:
            channel = Channel.DEFINITIONS if key == "tools" else Channel.TRUSTED
            yield from _walk(value, key, channel, key)


def _under(item: Extract, prefix: str) -> Extract:
    if isinstance(item, TextField):
        return TextField(prefix + item.path, item.text, item.channel, item.lead, item.joint)
    if isinstance(item, Label):
        return Label(prefix + item.path, item.id, item.name, item.level)
    return Uninspectable(item.kind, prefix + item.field)


def _content(content: Any, path: str, channel: Channel, depth: int = 0) -> Iterator[Extract]:
    if isinstance(content, str):
        yield TextField(path, content, channel)
        return
    if not isinstance(content, list):
        yield from _walk(content, path, channel)
        return
    previous: tuple[str, str] | None = None
    for index, block in enumerate(content):
        place = f"{path}[{index}]"
        if not isinstance(block, Mapping):
            yield from _walk(block, place, channel)
            previous = None
            continue
        yield from _block(block, place, channel, depth)
        text = block.get("text") if block.get("type") == "text" else None
        if isinstance(text, str):
            if previous:
                tail = previous[1][-JOINT:]
                yield TextField(f"{previous[0]}+[{index}]", tail + text[:JOINT], channel, joint=len(tail))
            # a short block between two others must not hide what spans all three
            previous = (place, (previous[1][-JOINT:] if previous and len(text) < JOINT else "") + text)
        else:
            previous = None


def _block(block: Mapping[str, Any], path: str, channel: Channel, depth: int) -> Iterator[Extract]:
    kind = block.get("type")
    if depth > MAX_DEPTH:
        yield Uninspectable("nested-too-deeply", path)
        return
    if kind in _UNTRUSTED_BLOCKS:
        channel = Channel.UNTRUSTED
    if kind == "redacted_thinking":
        yield Uninspectable(SERVER_ENCRYPTED, path)
        return
    if kind == "image":
        yield Uninspectable("image", path)
        return
    if kind in ("container_upload", "file"):
        yield Uninspectable("file", path)
        return
    for key, value in block.items():
        if key in _PROTOCOL:
            continue
        place = f"{path}.{key}"
        if (key == "text" and isinstance(value, str)) or (key == "thinking" and isinstance(value, str)):
            yield TextField(place, value, channel)
        elif key == "source" and isinstance(value, Mapping):
            yield from _source(value, place, channel, depth)
        elif key == "content":
            yield from _content(value, place, channel, depth + 1)
        elif key.startswith("encrypted"):
            yield Uninspectable(SERVER_ENCRYPTED, place)
        else:
            yield from _walk(value, place, channel, key, depth)


def _source(source: Mapping[str, Any], path: str, channel: Channel, depth: int) -> Iterator[Extract]:
    kind = source.get("type")
    if kind in ("text",):
        yield TextField(f"{path}.data", str(source.get("data", "")), channel)
    elif kind == "content":
        yield from _content(source.get("content"), f"{path}.content", channel, depth + 1)
    elif kind == "base64":
        yield from _file(source, path, channel)
    elif kind in ("url", "file"):
        yield Uninspectable(str(kind), path)
    else:
        yield from _walk(source, path, channel, "source", depth)


def _file(source: Mapping[str, Any], path: str, channel: Channel) -> Iterator[Extract]:
    try:
        data = base64.b64decode(str(source.get("data", "")), validate=False)
    except (binascii.Error, ValueError):
        yield Uninspectable("not-base64", path)
        return
    reading = documents.read(data, str(source.get("media_type", "")))
    for number, page in enumerate(reading.pages):
        yield TextField(f"{path}.{reading.unit}[{number}]", page, channel)
    for guid, name in reading.labels:
        yield Label(path, guid, name, None)
    for problem in reading.problems:
        yield Uninspectable(problem, path)


def _walk(value: Any, path: str, channel: Channel, key: str = "", depth: int = 0) -> Iterator[Extract]:
    """All texts, long numbers and keys inside a value of unknown shape."""
    if depth > MAX_DEPTH:
        yield Uninspectable("nested-too-deeply", path)
    elif isinstance(value, str):
        if value:
            lead = f"{key}: " if key and key not in ("text", "description") else ""
            yield TextField(path, lead + value, channel, lead=len(lead))
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) >= 100_000:
            lead = f"{key}: " if key else ""
            yield TextField(path, f"{lead}{value}", channel, lead=len(lead))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name in _PROTOCOL and isinstance(inner, str) and len(inner) <= 64:
                continue
            if not name.isidentifier() or len(name) > 40:
                yield TextField(f"{path}.<key>", name, channel)
            yield from _walk(
                inner, f"{path}.{name if len(name) <= 40 else '<key>'}", channel, name, depth + 1
            )
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{index}]", channel, key, depth + 1)
