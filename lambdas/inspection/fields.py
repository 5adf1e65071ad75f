"""Every text in a Messages request, with its path (L2.3): nothing is skipped because of its key.

Everything the model reads is read: values, numbers, names of fields, and the joints between them, because a
value may be split. Tool results, documents and search results are written by others and therefore
untrusted. What has no readable text is listed as `Uninspectable`.
"""

import base64
import binascii
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from lambdas.inspection import documents, encrypted
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import SERVER_ENCRYPTED, Channel, DataClass, Uninspectable

JOINT = 96  # characters on either side
MAX_DEPTH = 64
# words of the protocol and of JSON schemas: as whole values and names there is nothing to find in them
_WORDS = frozenset((
    "text", "user", "assistant", "system", "tool_use", "tool_result", "thinking", "document", "image",
    "base64", "url", "file", "content", "ephemeral", "5m", "1h", "custom", "auto", "any", "tool",
    "none", "object", "string", "integer", "number", "boolean", "array", "null", "enabled", "disabled",
    "adaptive", "direct", "type", "role", "id", "name", "input", "messages", "tools", "model",
    "max_tokens", "stream", "metadata", "user_id", "description", "input_schema", "properties",
    "required", "items", "enum", "default", "additionalProperties", "$schema", "cache_control", "ttl",
    "source", "media_type", "data", "tool_use_id", "is_error", "signature", "title", "citations",
    "temperature", "budget_tokens", "tool_choice", "text/plain", "application/pdf", "image/png",
    "image/jpeg", "image/gif", "image/webp",
))  # fmt: skip
_UNTRUSTED_BLOCKS = frozenset(("tool_result", "document", "search_result", "web_search_tool_result",
    "web_fetch_tool_result",
                               "mcp_tool_result", "code_execution_tool_result"))  # fmt: skip
_FILE_BLOCKS = ("container_upload", "file")
NOT_ENCRYPTED = "neither-text-nor-encrypted"
_LONG = 100_000  # digits of smaller numbers identify nobody
_LARGEST_EXPONENT = 40
_PLAIN_NAME = Expression(r"[^\W\d]{1,32}\d{0,3}")
_DIGIT = Expression(r"\d")
_RUN = Expression(r"[\w+/=.@-]+")
_REACH, _NEAR = 40, 6  # characters from where two texts meet
_SHORTEST_NUMBER, _SHORTEST_TOKEN = 8, 20
# the id of a call or the name of a tool between two texts keeps them no further apart
_LABELS = (".id", ".name", ".type", ".tool_use_id")
_FRAGMENT = 32  # characters; a shorter text may be the middle of a value


@dataclass(frozen=True, slots=True)
class TextField:
    """One text. The `lead` characters at its start are its key (context for the detectors, not part of the
    value).

    `joint`, if not 0, is where two adjacent blocks meet: only what crosses it counts.
    """

    path: str
    text: str
    channel: Channel = Channel.TRUSTED
    lead: int = 0
    joint: int = 0
    published: bool = False  # anybody can read it where it comes from


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
    """Yield all texts of a request body in order, and the joints between them."""
    return _Body().read(body)


class _Joints:
    """Joints between the texts of a body: a value may begin in one and end in the next, or span three."""

    __slots__ = ("chain", "last", "path")

    def __init__(self) -> None:
        self.path = ""
        self.last = ""  # the end of the text before
        self.chain = ""  # the same with what stands before it, where it is only a fragment

    def then(self, item: TextField) -> Iterator[TextField]:
        """Yield the joints of earlier texts with this one, if a value can span them."""
        lead, text = item.text[: item.lead], item.text[item.lead :]
        short = len(text) < _FRAGMENT
        label = short and item.path.endswith(_LABELS)
        if self.last and text:
            head = text[:JOINT]
            words = not label and item.channel is not Channel.DEFINITIONS
            for tail in (self.last,) if self.chain == self.last else (self.last, self.chain):
                if _may_meet(tail, head, words=words):
                    path = f"{self.path}+[{item.path}]"
                    for joined in _joined(tail, head):
                        yield TextField(path, joined, item.channel, joint=len(tail))
        if not label:
            self.last = item.text[-JOINT:]
            self.chain = f"{lead}{self.chain}{text}"[-JOINT:] if short else self.last
            self.path = item.path

    def copy(self) -> "_Joints":
        """Return a copy, for another text to follow."""
        copied = _Joints()
        copied.path, copied.last, copied.chain = self.path, self.last, self.chain
        return copied


def _joined(tail: str, head: str) -> Iterator[str]:
    """Yield two texts as one: joined directly, and if digits meet also as two groups of one number."""
    yield tail + head
    if tail[-1].isdigit() and head[0].isdigit():
        yield f"{tail} {head}"


def _may_meet(tail: str, head: str, *, words: bool) -> bool:
    """Return whether a value can span both texts: digits, or the halves of one token or address, or, with
    `words`, of one word.

    All else is two unrelated texts.
    """
    before, after = tail[-_REACH:].rstrip(), head[:_REACH].lstrip()
    if (
        _DIGIT.search(after, 0, _NEAR)
        and _DIGIT.search(before[-_NEAR:])
        and len(_DIGIT.findall(before)) + len(_DIGIT.findall(after)) >= _SHORTEST_NUMBER
    ):
        return True
    if not before or not after or tail[-1].isspace() or head[0].isspace():
        return False
    last, first = _RUN.match(before[::-1]), _RUN.match(after)
    if last is None or first is None:
        return False
    if "@" in last[0] or "@" in first[0] or (last[0] == "+" and first[0][0].isdigit()):
        return True
    if last.end() + first.end() >= _SHORTEST_TOKEN and (
        words or _DIGIT.search(last[0]) or _DIGIT.search(first[0])
    ):
        return True
    return words and before[-1].isalnum() and after[0].isalnum()


class _Body:
    """Reads one body, remembering ids, names of fields, and the last text."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._public_calls: set[str] = set()  # ids of calls that fetch public pages
        self._names: dict[str, None] = {}
        self._joints = _Joints()

    def read(self, body: Mapping[str, Any]) -> Iterator[Extract]:
        """Yield the body's texts and joints, and finally the names of its fields."""
        yield from self._with_joints(self._fields(body))
        if self._names:
            yield TextField("<key>", "\n".join(self._names), Channel.DEFINITIONS)

    def _with_joints(self, items: Iterator[Extract]) -> Iterator[Extract]:
        for item in items:
            yield item
            if isinstance(item, TextField) and not item.joint:
                yield from self._joints.then(item)

    def _fields(self, body: Mapping[str, Any]) -> Iterator[Extract]:
        for key, value in body.items():
            if key == "model" and isinstance(value, str):
                continue  # one of the policy's: authorisation has compared it
            if key == "system":
                yield from self._content(value, "system", Channel.INSTRUCTIONS)
            elif key == "messages" and isinstance(value, list):
                yield from self._messages(value)
            elif key == "requests" and isinstance(value, list):
                # a message batch: each request carries its own body
                for index, request in enumerate(value):
                    yield from self._batched(request, f"requests[{index}]")
            else:
                if key not in _WORDS and not self._is_plain(key):
                    yield TextField("<key>", key)
                channel = Channel.DEFINITIONS if key == "tools" else Channel.TRUSTED
                yield from self._walk(value, self._shown(key), channel, key)

    def _batched(self, request: Any, path: str) -> Iterator[Extract]:
        params = request.get("params") if isinstance(request, Mapping) else None
        if not isinstance(params, Mapping):
            yield from self._walk(request, path, Channel.TRUSTED)
            return
        yield from self._rest(request, path, Channel.TRUSTED, "params")
        for item in _Body().read(params):
            yield replace(item, **{_PLACE[type(item)]: f"{path}.params.{_place(item)}"})

    def _messages(self, messages: list[Any]) -> Iterator[Extract]:
        """Read the messages in order; a value may also continue in the same speaker's next message."""
        said: dict[str, _Joints] = {}
        last_role = ""
        for index, message in enumerate(messages):
            path = f"messages[{index}]"
            if not isinstance(message, Mapping):
                yield from self._walk(message, path, Channel.TRUSTED)
                continue
            role = str(message.get("role"))
            before = said.get(role) if role != last_role else None
            channel = Channel.INSTRUCTIONS if role == "system" else Channel.TRUSTED
            for item in self._message(message, path, channel):
                yield item
                if before is not None and isinstance(item, TextField):
                    yield from before.then(item)
                    before = before if len(item.text) < _FRAGMENT else None
            said[role] = self._joints.copy()
            last_role = role

    def _message(self, message: Mapping[str, Any], path: str, channel: Channel) -> Iterator[Extract]:
        yield from self._content(message.get("content"), f"{path}.content", channel)
        yield from self._rest(message, path, Channel.TRUSTED, "content")

    def _rest(
        self, value: Mapping[str, Any], path: str, channel: Channel, *but: str, depth: int = 0
    ) -> Iterator[Extract]:
        """Read all fields of an object, except those read otherwise."""
        for key, inner in value.items():
            if key not in but:
                if key not in _WORDS and not self._is_plain(key):
                    yield TextField(f"{path}.<key>", key)
                yield from self._walk(inner, f"{path}.{self._shown(key)}", channel, key, depth)

    def _content(self, content: Any, path: str, channel: Channel, depth: int = 0) -> Iterator[Extract]:
        if isinstance(content, str):
            yield TextField(path, content, channel)
        elif isinstance(content, Mapping):
            yield from self._block(content, path, channel, depth)
        elif not isinstance(content, list):
            yield from self._walk(content, path, channel, depth=depth)
        else:
            for index, block in enumerate(content):
                place = f"{path}[{index}]"
                if isinstance(block, Mapping):
                    yield from self._block(block, place, channel, depth)
                else:
                    yield from self._walk(block, place, channel, depth=depth)

    def _block(self, block: Mapping[str, Any], path: str, channel: Channel, depth: int) -> Iterator[Extract]:
        kind = block.get("type")
        if depth > MAX_DEPTH:
            yield Uninspectable("nested-too-deeply", path)
            return
        if kind in _UNTRUSTED_BLOCKS:
            channel = Channel.UNTRUSTED
        if kind in _CALLS and _fetches_public_page(block):
            self._public_calls.add(str(block.get("id")))
        if kind in _PUBLIC_BLOCKS or (
            kind == "tool_result" and block.get("tool_use_id") in self._public_calls
        ):
            for item in self._parts(block, path, channel, depth, kind):
                yield replace(item, published=True) if isinstance(item, TextField) else item
        else:
            yield from self._parts(block, path, channel, depth, kind)

    def _parts(
        self, block: Mapping[str, Any], path: str, channel: Channel, depth: int, kind: Any
    ) -> Iterator[Extract]:
        if kind in _FILE_BLOCKS:
            yield Uninspectable("file", path)
        for key, value in block.items():
            if key not in _WORDS and not self._is_plain(key):
                yield TextField(f"{path}.<key>", key)
            place = f"{path}.{self._shown(key)}"
            if (key == "text" or key == "thinking") and isinstance(value, str):
                yield TextField(place, value, channel)
            elif key == "source" and isinstance(value, Mapping):
                yield from self._source(value, place if kind != "image" else path, channel, depth, kind)
            elif key == "content" or key == "citations":
                yield from self._content(value, place, channel, depth + 1)
            elif isinstance(value, str) and _holds_ciphertext(kind, key):
                yield from self._encrypted(value, place, channel, named=key != "signature")
            else:
                yield from self._walk(value, place, channel, key, depth)

    def _encrypted(self, value: str, path: str, channel: Channel, *, named: bool) -> Iterator[Extract]:
        reading = encrypted.read(value)
        if reading.text:
            yield TextField(f"{path}.<decoded>", reading.text, channel)
        if reading.opaque and named:
            yield Uninspectable(SERVER_ENCRYPTED, path)
        elif not reading.opaque and not reading.text and value:
            yield Uninspectable(NOT_ENCRYPTED, path)

    def _source(
        self, source: Mapping[str, Any], path: str, channel: Channel, depth: int, block: Any
    ) -> Iterator[Extract]:
        kind = source.get("type")
        read_here = ("data",)
        if block == "image":
            yield Uninspectable("image", path)
            read_here = ("data",) if kind == "base64" else ()
        elif kind == "text":
            yield TextField(f"{path}.data", str(source.get("data", "")), channel)
        elif kind == "content":
            yield from self._content(source.get("content"), f"{path}.content", channel, depth + 1)
            read_here = ("content",)
        elif kind == "base64":
            yield from _file(source, path, channel)
        else:
            read_here = ()
            if kind in ("url", "file"):
                yield Uninspectable(str(kind), path)
        yield from self._rest(source, path, channel, *read_here, depth=depth + 1)

    def _is_plain(self, name: str) -> bool:
        """Return whether the name of a field consists of letters. Names are texts too, and read together."""
        if name in self._names:
            return True
        if not _PLAIN_NAME.fullmatch(name):
            return False
        self._names[name] = None
        return True

    def _shown(self, name: str) -> str:
        """Return the name as part of a path, omitted if it may contain something that must not be shown."""
        return name if name in _WORDS or name in self._names else "<key>"

    def _walk(
        self, value: Any, path: str, channel: Channel, key: str = "", depth: int = 0
    ) -> Iterator[Extract]:
        """Yield all texts, long numbers and names in a value of unknown shape."""
        if depth > MAX_DEPTH:
            yield Uninspectable("nested-too-deeply", path)
        elif isinstance(value, str):
            if value and value not in _WORDS and not self._seen(key, value):
                lead = f"{key}: " if key and key not in ("text", "description") else ""
                yield TextField(path, lead + value, channel, lead=len(lead))
        elif isinstance(value, bool) or value is None:
            return
        elif isinstance(value, int | float):
            digits = _digits(value)
            if digits:
                lead = f"{key}: " if key else ""
                yield TextField(path, f"{lead}{digits}", channel, lead=len(lead))
        elif isinstance(value, Mapping):
            yield from self._rest(value, path, channel, depth=depth + 1)
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                yield from self._walk(inner, f"{path}[{index}]", channel, key, depth + 1)

    def _seen(self, key: str, value: str) -> bool:
        """Return whether this is the id of something read before: results name the calls they belong to."""
        if key == "tool_use_id":
            return value in self._ids
        if key == "id":
            self._ids.add(value)
        return False


_PLACE = {TextField: "path", Label: "path", Uninspectable: "field"}


def _place(item: Extract) -> str:
    return item.field if isinstance(item, Uninspectable) else item.path


# the provider fetches these itself, from the public web
_PUBLIC_BLOCKS = frozenset(("web_search_tool_result", "web_fetch_tool_result"))
_CALLS = frozenset(("tool_use", "server_tool_use"))
_FETCHES = frozenset(("webfetch", "web_fetch", "fetch", "fetch_url"))
_SEARCHES = frozenset(("websearch", "web_search"))
# names that only an organisation's own network knows (RFC 6761, RFC 6762, and what routers and companies use)
_INSIDE = frozenset(
    (
        "local",
        "localhost",
        "internal",
        "intranet",
        "corp",
        "private",
        "lan",
        "home",
        "test",
        "invalid",
        "example",
    )
)


def _fetches_public_page(call: Mapping[str, Any]) -> bool:
    """Return whether a tool call reads something public: a web search, or an address with a public host and
    no credentials.
    """
    name, given = str(call.get("name")).lower(), call.get("input")
    if name in _SEARCHES:
        return True
    if name not in _FETCHES or not isinstance(given, Mapping) or not isinstance(given.get("url"), str):
        return False
    try:
        parts = urlsplit(given["url"])
        host = parts.hostname or ""
    except ValueError:
        return False
    last = host.rpartition(".")[2]
    return (
        parts.scheme in ("http", "https")
        and parts.username is None
        and not parts.query
        and "." in host
        and last.isalpha()
        and last not in _INSIDE
        and not _INSIDE.intersection(host.split("."))
    )


def _holds_ciphertext(block: Any, key: str) -> bool:
    return (
        key == "signature" or key.startswith("encrypted_") or (block == "redacted_thinking" and key == "data")
    )


def _digits(value: float) -> str:
    """Return a number as a reader sees it: its whole part in full, and the digits before an exponent.

    A float may carry the literal it was written as (`JsonFloat`), because a float loses digits.
    """
    if isinstance(value, int):
        return str(value) if abs(value) >= _LONG else ""
    literal = str(getattr(value, "literal", repr(value)))
    mantissa, _, exponent = literal.lower().partition("e")
    parts = [mantissa.partition(".")[0]]
    if math.isfinite(value) and abs(value) >= _LONG and exponent:
        number = Decimal(literal)
        if number.adjusted() <= _LARGEST_EXPONENT:
            parts.append(f"{number:f}".partition(".")[0])
    return " ".join(dict.fromkeys(one for one in parts if len(one.lstrip("-")) >= len(str(_LONG))))


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
