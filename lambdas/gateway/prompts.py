"""POST /v1/prompts/{name}/messages: an approved prompt with the caller's variables, as a Messages call (L2.1,
L2.2, L3.1).

Body: {"variables": {"…": …}, "version": 3, "stream": true}. `version` is a number or an alias (`stable` when
it is not given); variables are checked against the prompt's schema before anything else happens. What the
prompt and the variables make is inspected, priced, recorded and answered like any other message; its records
carry the prompt's id and version.

The index of prompts is re-read within 15 seconds of a change; a version is read once, and only taken when its
bytes have the SHA-256 that the index promises.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from lambdas.common.documents import DocumentSource
from lambdas.common.identities import Principal
from lambdas.common.prompts import Prompt, PromptError, parse_prompt, render
from lambdas.gateway import errors
from lambdas.gateway.errors import ApiError, invalid_request, not_found
from lambdas.gateway.json_body import JsonBody, parse_object
from lambdas.gateway.message_request import MessageRequest, RegisteredPrompt, read_message_request

STABLE = "stable"
_FIELDS = ("variables", "version", "stream")
_FOLLOW_SECONDS = 15.0


class PromptRegistry:
    """The published prompts. `index` is the registry's index, `read` gives the object under a key of it."""

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
        """The published version. Raises `ApiError` 404 for a name, version or alias that there is not, 503
        when the registry cannot be read.
        """
        try:
            await self._follow()
            entry = self._entries.get(name)
            if entry is None:
                raise not_found(f"There is no prompt {name[:100]}.", reason="unknown_prompt")
            number = version if isinstance(version, int) else entry["aliases"].get(version)
            stored = entry["versions"].get(str(number))
            if stored is None:
                raise not_found(f"{name} has no version {version}.", reason="unknown_prompt_version")
            return await self._version(stored["key"], stored["sha256"])
        except ApiError:
            raise
        except Exception:  # whatever the store raises or holds: only what was approved is used
            raise errors.control_unavailable("prompt registry") from None

    async def _follow(self) -> None:
        """Read the index again when it was last read longer ago than promised."""
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


async def read_prompt_request(
    registry: PromptRegistry, principal: Principal, name: str, body: JsonBody
) -> MessageRequest:
    """The Messages request that the prompt and the variables make. Raises `ApiError` 400, 403, 404, 503."""
    fields = body.fields
    for field in fields:
        if field not in _FIELDS:
            raise invalid_request(f"{field[:100]}: unknown; known are {', '.join(_FIELDS)}")
    variables, version = fields.get("variables", {}), fields.get("version", STABLE)
    if not isinstance(variables, dict):
        raise invalid_request("variables: must be an object")
    if isinstance(version, bool) or not isinstance(version, int | str):
        raise invalid_request("version: must be a number or an alias")
    prompt = await registry.find(name, version)
    if not prompt.allows(principal.department):
        raise ApiError(
            403,
            errors.PERMISSION,
            f"The prompt {prompt.name} is not for your department.",
            reason="prompt_not_granted",
            retry=False,
        )
    try:
        rendered = render(prompt, variables)
    except PromptError as error:
        raise invalid_request(str(error), reason="variables") from None
    if "stream" in fields:
        rendered["stream"] = fields["stream"]
    registered = RegisteredPrompt(prompt.name, prompt.version, prompt.data_class, prompt.human_review)
    made = parse_object(json.dumps(rendered, ensure_ascii=False).encode())
    return read_message_request(made, prompt=registered, use_case=prompt.use_case)
