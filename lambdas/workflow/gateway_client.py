"""The workflow's client of the organisation's own gateway, with its own credential (L1.3).

The secret contains {"key": "vk_…"}. It is read again when the gateway rejects the key, so that a rotated
key needs no restart.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import urllib3

_ANSWER_SECONDS = 600.0
_CONNECT_SECONDS = 5.0
_LONGEST_REASON = 500  # characters of what the gateway says
# What only a person can fix: the request itself, its content, the grant. Everything else is tried again.
_REFUSALS = {400, 402, 403, 404, 413, 422, 451}


class GatewayUnavailable(Exception):
    """The gateway gave no usable answer; the step may be retried."""


class Refused(Exception):
    """The gateway refused permanently. `kind` is the error's type, such as `permission_error`; `why` is the
    gateway's text: names of variables and kinds of findings, never their values.
    """

    def __init__(self, status: int, kind: str, why: str = "") -> None:
        super().__init__(f"{status} {kind}: {why}" if why else f"{status} {kind}")
        self.status = status
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its text, the gateway's request id, and the stop reason."""

    text: str
    request_id: str
    stop_reason: str | None


@dataclass(slots=True)
class GatewayClient:
    """Calls the gateway. `secrets` is a Secrets Manager client."""

    base_url: str
    secret_arn: str
    secrets: Any
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))
    _key: str = ""

    def message(self, prompt: str, version: str, variables: Mapping[str, Any], *, reviewed: bool) -> Answer:
        """Return the answer to a registered prompt. `reviewed` declares that a person reviews it before
        use.

        Raises:
            Refused: a retry will be refused as well.
            GatewayUnavailable: a retry may succeed.
        """
        headers = {"x-human-review": "true"} if reviewed else {}
        path = f"/v1/prompts/{quote(prompt, safe='')}/messages"
        response = self._post(path, {"variables": dict(variables), "version": version}, headers)
        try:
            message = json.loads(response.data)
            blocks = message["content"]
            text = "".join(block["text"] for block in blocks if block["type"] == "text")
            stop_reason = message.get("stop_reason")
        except (ValueError, KeyError, TypeError):
            raise GatewayUnavailable("the answer is not a message") from None
        return Answer(text, str(response.headers.get("request-id", "")), stop_reason)

    def record_outcome(self, request_id: str, outcome: Mapping[str, Any]) -> None:
        """Append the outcome of an answer to its records (G.3). Raises as `message` does."""
        self._post(f"/v1/records/{quote(request_id, safe='')}/outcome", outcome, {})

    def _post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        for fresh in (False, True):
            key = self._key_of(fresh=fresh)
            try:
                response = self.pool.request(
                    "POST",
                    self.base_url.rstrip("/") + path,
                    body=json.dumps(body).encode(),
                    headers={
                        "authorization": f"Bearer {key}",
                        "content-type": "application/json",
                        **headers,
                    },
                    timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS),
                    redirect=False,
                )
            except urllib3.exceptions.HTTPError:
                raise GatewayUnavailable("no answer") from None
            if response.status < 300:
                return response
            if response.status == 401 and not fresh:
                continue
            raise _error(response)
        raise GatewayUnavailable("the key is refused")

    def _key_of(self, *, fresh: bool) -> str:
        if not self._key or fresh:
            secret = self.secrets.get_secret_value(SecretId=self.secret_arn)["SecretString"]
            self._key = json.loads(secret)["key"]
        return self._key


def _error(response: Any) -> Exception:
    try:
        error = json.loads(response.data)["error"]
        kind, why = str(error["type"]), " ".join(str(error.get("message") or "").split())
    except (ValueError, KeyError, TypeError, AttributeError):
        kind, why = "unknown", ""
    if response.status in _REFUSALS:
        return Refused(response.status, kind, why[:_LONGEST_REASON])
    return GatewayUnavailable(f"{response.status} {kind}")
