"""Client of the deployment's own SCIM service, with a token that expires with the command: an operator's
changes leave the same records and obey the same rules as an identity provider's (G.4).
"""

import contextlib
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from kit.errors import ExitCode, KitError
from kit.identity.operator import caller_arn
from kit.identity.provisioning import create_token, named_tokens
from kit.target import Target

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
PAGE = 200
_SECONDS = 100
_TRIES = 20  # of a request that is above the service's rate limit, which did nothing
_LONGEST_PAUSE = 30.0


class Refusal(Exception):
    """The service refused; the text is its `detail`."""


class _TooMany(KitError):
    """The service asks for a lower rate. `seconds`: how long to wait."""

    def __init__(self, detail: str, retry_after: str) -> None:
        super().__init__(
            f"the SCIM service answers 429: {detail}",
            hint="run the command again: what is done already stays done",
            exit_code=ExitCode.ENVIRONMENT,
        )
        self.seconds = min(float(retry_after), _LONGEST_PAUSE) if retry_after.isdecimal() else 1.0


class ScimClient:
    """Calls the SCIM service. Its calls block; thread-safe. Raises `Refusal`, KitError."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the service's answer, or an empty one. Waits if the service asks for a lower rate."""
        for _ in range(_TRIES - 1):
            try:
                return self._ask(method, path, body)
            except _TooMany as limited:
                time.sleep(limited.seconds)
        return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/scim+json"}
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310 - ours
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - our own service
                content = answer.read()
                return json.loads(content) if content else {}
        except urllib.error.HTTPError as error:
            detail = _detail(error)
            if error.code == 429:
                raise _TooMany(detail, error.headers.get("retry-after", "")) from None
            if error.code == 401 or error.code >= 500:
                raise KitError(
                    f"the SCIM service answers {error.code}: {detail}",
                    hint="run the command again: what is done already stays done",
                    exit_code=ExitCode.ENVIRONMENT,
                ) from None
            raise Refusal(detail) from None
        except (OSError, ValueError):
            raise KitError(
                f"the SCIM service at {urllib.parse.urlsplit(self._url).hostname} does not answer",
                hint="check the network, then run the command again: what is done already stays done",
                exit_code=ExitCode.ENVIRONMENT,
            ) from None

    def every(self, kind: str, **query: str) -> Iterator[dict[str, Any]]:
        """Yield every resource of a kind (`Users`, `Groups`), page by page."""
        start = 1
        while True:
            given = urllib.parse.urlencode({"startIndex": start, "count": PAGE, **query})
            page = self.ask("GET", f"/{kind}?{given}")
            found = page.get("Resources", [])
            yield from found
            start += len(found)
            if not found or start > int(page["totalResults"]):
                return


@contextlib.contextmanager
def provisioning(target: Target, what: str) -> Iterator[ScimClient]:
    """Provide a client whose token, named after the command, expires with it. Its creation is recorded.
    Raises KitError.
    """
    name = f"kit-{what}-{secrets.token_hex(4)}"
    _, secret = create_token(target, name, caller_arn(target)[-100:], 1, ())
    try:
        yield ScimClient(_url(target), secret)
    finally:
        named_tokens(target).revoke(name)


def _url(target: Target) -> str:
    if target.local:
        from kit.embedded import read_access
        from kit.home import find_home

        access = read_access(find_home())
        if access is not None and access.scim_url:
            return access.scim_url
    return target.require("scim_url")


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(65536))["detail"])[:300]
    except (ValueError, KeyError, TypeError):
        return "no reason given"
