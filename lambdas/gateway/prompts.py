"""POST /v1/prompts/{name}/messages: an approved prompt with the caller's variables, as a Messages call
(L2.1, L2.2, L3.1).

Body: {"variables": {"…": …}, "version": 3, "stream": true}. `version` is a number or an alias (default
`current`: the stable version or, for a prompt not yet proven with a model, its draft); variables are
validated against the prompt's schema first. A prompt whose `about.follow_up` is true also accepts
`continue`: the turns after its own message, beginning with Claude's answer and ending with the person's new
text. The resulting message is inspected, priced, recorded and answered like any other; its records contain
the prompt's id and version.

The index of prompts is read again within 15 seconds of a change; a version is read once, and accepted only
if its bytes have the SHA-256 in the index.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

from lambdas.common.documents import DocumentSource
from lambdas.common.identities import Principal
from lambdas.common.json_text import json_bytes
from lambdas.common.prompts import DEFAULT_MAX_LENGTH, Prompt, PromptError, parse_prompt, render
from lambdas.gateway import errors
from lambdas.gateway.errors import ApiError, invalid_request, not_found
from lambdas.gateway.json_body import JsonBody, parse_object
from lambdas.gateway.message_request import MessageRequest, RegisteredPrompt, read_message_request

CURRENT, STABLE, DRAFT = "current", "stable", "draft"
_FIELDS = ("variables", "version", "stream", "continue")
_MOST_TURNS = 40
_FOLLOW_SECONDS = 15.0


class PromptRegistry:
    """The published prompts. `index` is the registry's index, `read` returns the object under one of its
    keys.
    """

    def __init__(
        self,
        index: DocumentSource,
        read: Callable[[str], Awaitable[bytes]],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._index = index
        self._read = read
        self._clock = clock
        self._etag: str | None = None
        self._entries: dict[str, Any] = {}
        self._read_at: float | None = None
        self._reading = asyncio.Lock()
        self._versions: dict[str, Prompt] = {}

    async def find(self, name: str, version: int | str) -> Prompt:
        """Return the published version.

        Raises `ApiError` 404 for a name, version or alias that does not exist, 503 if the registry cannot
        be read.
        """
        try:
            await self._follow()
            entry = self._entries.get(name)
            if entry is None:
                raise not_found(f"There is no prompt {name[:100]}.", reason="unknown_prompt")
            number = version if isinstance(version, int) else _numbered(entry, version)
            stored = entry["versions"].get(str(number))
            if stored is None:
                raise not_found(f"{name} has no version {version}.", reason="unknown_prompt_version")
            return _placed(await self._version(stored["key"], stored["sha256"]), entry)
        except ApiError:
            raise
        except Exception:  # whatever the store raises or holds: only what was approved is used
            raise errors.control_unavailable("prompt registry") from None

    async def current(self, department: str) -> list[Prompt]:
        """Return the current version of every prompt that a department may use, by name.

        Raises `ApiError` 503 if the registry cannot be read.
        """
        try:
            await self._follow()
            found = [await self._current(entry) for _, entry in sorted(self._entries.items())]
        except Exception:  # whatever the store raises or holds: only what was approved is shown
            raise errors.control_unavailable("prompt registry") from None
        return [prompt for prompt in found if prompt is not None and prompt.allows(department)]

    async def _current(self, entry: Mapping[str, Any]) -> Prompt | None:
        stored = entry["versions"].get(str(_numbered(entry, CURRENT)))
        if stored is None:
            return None
        return _placed(await self._version(stored["key"], stored["sha256"]), entry)

    async def _follow(self) -> None:
        """Read the index again if it is older than promised."""
        async with self._reading:
            if self._read_at is not None and self._clock() - self._read_at < _FOLLOW_SECONDS:
                return
            document = await self._index.fetch(self._etag)
            if document is not None:
                self._entries = json.loads(document.body)["prompts"]
                self._etag = document.etag
            self._read_at = self._clock()

    async def _version(self, key: str, sha256: str) -> Prompt:
        known = self._versions.get(sha256)
        if known is None:
            data = await self._read(key)
            if hashlib.sha256(data).hexdigest() != sha256:
                raise ValueError(f"{key} is not what was published")
            known = self._versions[sha256] = parse_prompt(json.loads(data)["prompt"])
        return known


def _numbered(entry: Mapping[str, Any], alias: str) -> int | None:
    """Return the version behind an alias; `current` is the stable one or, if there is none, the draft."""
    aliases = entry["aliases"]
    return aliases.get(STABLE) or aliases.get(DRAFT) if alias == CURRENT else aliases.get(alias)


def _placed(prompt: Prompt, entry: Mapping[str, Any]) -> Prompt:
    """Return the prompt with its status, extended to departments that the client file declares to be like
    its own.
    """
    aliases = {number: alias for alias, number in entry["aliases"].items()}
    departments = (*prompt.departments, *(entry.get("departments") or ()))
    return replace(prompt, departments=departments, status=aliases.get(prompt.version, "earlier"))


async def read_prompt_request(
    registry: PromptRegistry, principal: Principal, name: str, body: JsonBody
) -> MessageRequest:
    """Return the Messages request made of prompt and variables. Raises `ApiError` 400, 404, 451, 503."""
    fields = body.fields
    for field in fields:
        if field not in _FIELDS:
            raise invalid_request(f"{field[:100]}: unknown; known are {', '.join(_FIELDS)}")
    variables, version = fields.get("variables", {}), fields.get("version", CURRENT)
    if not isinstance(variables, dict):
        raise invalid_request("variables: must be an object")
    if isinstance(version, bool) or not isinstance(version, int | str):
        raise invalid_request("version: must be a number or an alias")
    prompt = await registry.find(name, version)
    if not prompt.allows(principal.department):
        raise errors.policy_refusal(
            f"The prompt {prompt.name} is not for your department.", "prompt_not_granted"
        )
    try:
        rendered = render(prompt, variables)
    except PromptError as error:
        raise invalid_request(str(error), reason="variables") from None
    if "continue" in fields:
        rendered["messages"] += _read_turns(prompt, fields["continue"])
    if "stream" in fields:
        rendered["stream"] = fields["stream"]
    registered = RegisteredPrompt(prompt.name, prompt.version, prompt.data_class, prompt.human_review)
    made = parse_object(json_bytes(rendered))
    return read_message_request(made, prompt=registered, use_case=prompt.use_case)


def _read_turns(prompt: Prompt, turns: Any) -> list[dict[str, str]]:
    """Parse the turns after the prompt's own message. Raises `ApiError` 400, 451."""
    if not prompt.about.get("follow_up"):
        raise errors.policy_refusal(
            f"The prompt {prompt.name} answers once; start it again with other variables.", "prompt_follow_up"
        )
    if not isinstance(turns, list) or not 2 <= len(turns) <= _MOST_TURNS or len(turns) % 2:
        raise invalid_request(f"continue: must be 2 to {_MOST_TURNS} turns, an answer and then a question")
    for place, turn in enumerate(turns):
        role = "user" if place % 2 else "assistant"
        if not isinstance(turn, dict) or set(turn) != {"role", "content"} or turn["role"] != role:
            raise invalid_request(f"continue.{place}: must be a turn of {role} with role and content only")
        if not isinstance(turn["content"], str) or not turn["content"]:
            raise invalid_request(f"continue.{place}.content: must be a text")
    return list(turns)


def asked_language(query: bytes) -> str:
    """Return the `language` of a query string, or an empty text."""
    return (parse_qs(query.decode("latin-1")).get("language") or [""])[0]


def prompts_page(prompts: Sequence[Prompt], language: str) -> bytes:
    """Return what people read about prompts, without instructions or templates."""
    return json_bytes({"data": [describe(prompt, language) for prompt in prompts]})


def describe(prompt: Prompt, language: str) -> dict[str, Any]:
    """Return what people read about one prompt: texts in `language` if available, variables, rules."""
    about = {name: value for name, value in prompt.about.items() if name != "texts"}
    translated = dict((prompt.about.get("texts") or {}).get(language) or {})
    described: Mapping[str, str] = translated.pop("variables", None) or {}
    return {
        "type": "prompt",
        "name": prompt.name,
        "version": prompt.version,
        "status": prompt.status,
        "title": prompt.title,
        "department": prompt.department,
        "use_case": prompt.use_case,
        "owner": prompt.owner,
        "data_class": prompt.data_class,
        "model": prompt.model,
        "human_review": prompt.human_review,
        "output": "json" if prompt.output_schema is not None else "text",
        "variables": [
            {
                "name": one.name,
                "type": one.type,
                "description": described.get(one.name, one.description),
                "required": one.required,
                "max_length": one.max_length or DEFAULT_MAX_LENGTH.get(one.type),
                "choices": list(one.choices),
                "minimum": one.minimum,
                "maximum": one.maximum,
            }
            for one in prompt.variables
        ],
        **about,
        **{name: value for name, value in translated.items() if value is not None},
    }
