"""Authentication of the gateway to providers. Callers never see, send or influence any of it (L1.3).

* `SecretKey`: an API key in Secrets Manager, read at the first call, and again if the provider rejects it.
* `WorkloadIdentity`: no key at all. AWS STS issues a token for the function's role, which Anthropic
  exchanges for a short-lived one.
* `AwsSignature`: SigV4 for Claude Platform on AWS and for Amazon Bedrock, in a role session of the caller
  (`user_sessions`).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from time import time
from typing import Any, Protocol

from lambdas.gateway.errors import Header
from lambdas.gateway.providers.transport import HttpTransport, TransportError
from lambdas.gateway.providers.user_sessions import Attribution

_EXCHANGE_SECONDS = 30.0
_ADVISORY_REFRESH_SECONDS = 120
_MANDATORY_REFRESH_SECONDS = 30
_EXCHANGE_BETA = b"oauth-2025-04-20,oidc-federation-2026-04-01"
BEARER_BETA = b"oauth-2025-04-20"


class CredentialUnavailable(Exception):
    """The gateway cannot authenticate to this provider now. The message contains no secret."""


class Credential(Protocol):
    """Provides the authentication headers of a request."""

    @property
    def beta(self) -> bytes | None:
        """Return a value that `anthropic-beta` must contain with this credential."""
        ...

    async def headers(
        self, method: str, url: str, headers: Sequence[Header], body: bytes, attribution: Attribution
    ) -> list[Header]:
        """Return the headers to add. Raises `CredentialUnavailable`."""
        ...

    def refused(self) -> bool:
        """Note that the provider answered 401. Return True if a retry with a new credential makes sense."""
        ...


class SecretKey:
    """`x-api-key` from a secret; `read` fetches its current value, at most once concurrently."""

    beta = None

    def __init__(self, read: Callable[[], Awaitable[str]]) -> None:
        self._read = read
        self._value: bytes | None = None
        self._lock = asyncio.Lock()

    async def headers(
        self, method: str, url: str, headers: Sequence[Header], body: bytes, attribution: Attribution
    ) -> list[Header]:
        del method, url, headers, body, attribution
        if self._value is None:
            async with self._lock:
                if self._value is None:
                    self._value = await self._fetch()
        return [(b"x-api-key", self._value)]

    async def _fetch(self) -> bytes:
        try:
            return (await self._read()).strip().encode("ascii")
        except Exception as error:  # whatever the secret store raises, without its text
            raise CredentialUnavailable(
                f"the provider's key could not be read: {type(error).__name__}"
            ) from None

    def refused(self) -> bool:
        known, self._value = self._value, None
        return known is not None


class BearerKey(SecretKey):
    """The same as a bearer token, as most other APIs require."""

    async def headers(
        self, method: str, url: str, headers: Sequence[Header], body: bytes, attribution: Attribution
    ) -> list[Header]:
        ((_, value),) = await super().headers(method, url, headers, body, attribution)
        return [(b"authorization", b"Bearer " + value)]


class WorkloadIdentity:
    """A bearer token from Anthropic in exchange for a web identity token of AWS STS.

    Every exchange uses a new STS token, because Anthropic accepts each `jti` once. Tokens are cached,
    refreshed in the background in their last two minutes, and never used in their last half minute. There
    is at most one concurrent exchange. (The `anthropic` SDK has the same exchange, but importing it takes
    1.1 s of a cold start.)
    """

    beta = BEARER_BETA

    def __init__(
        self,
        transport: HttpTransport,
        base_url: str,
        identity_token: Callable[[], Awaitable[str]],
        *,
        federation_rule_id: str,
        organization_id: str,
        service_account_id: str | None = None,
        workspace_id: str | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self._transport = transport
        self._url = base_url + "/v1/oauth/token"
        self._identity_token = identity_token
        self._fields = {"federation_rule_id": federation_rule_id, "organization_id": organization_id}
        if service_account_id:
            self._fields["service_account_id"] = service_account_id
        if workspace_id:
            self._fields["workspace_id"] = workspace_id
        self._clock = clock
        self._token = b""
        self._expires_at = 0.0
        self._exchange: asyncio.Task[None] | None = None

    async def headers(
        self, method: str, url: str, headers: Sequence[Header], body: bytes, attribution: Attribution
    ) -> list[Header]:
        del method, url, headers, body, attribution
        left = self._expires_at - self._clock()
        if left < _ADVISORY_REFRESH_SECONDS:
            exchange = self._renew()
            if left < _MANDATORY_REFRESH_SECONDS:
                await asyncio.shield(exchange)
        return [(b"authorization", b"Bearer " + self._token)]

    def refused(self) -> bool:
        known = bool(self._token)
        self._expires_at = 0.0
        return known

    def _renew(self) -> "asyncio.Task[None]":
        if self._exchange is None or self._exchange.done():
            self._exchange = asyncio.create_task(self._exchange_token())
            self._exchange.add_done_callback(_retrieve)
        return self._exchange

    async def _exchange_token(self) -> None:
        try:
            assertion = await self._identity_token()
        except Exception as error:  # whatever STS raises, without its text
            raise CredentialUnavailable(f"AWS STS gave no identity token: {type(error).__name__}") from None
        fields = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": assertion,
            **self._fields,
        }
        headers = [(b"content-type", b"application/json"), (b"anthropic-beta", _EXCHANGE_BETA)]
        try:
            response = await self._transport.send(
                "POST", self._url, headers, json.dumps(fields).encode(), first_byte_seconds=_EXCHANGE_SECONDS
            )
            body = await read_whole(response, _EXCHANGE_SECONDS, limit=64 * 1024)
        except TransportError as error:
            raise CredentialUnavailable(f"the token exchange failed: {type(error).__name__}") from None
        if response.status != 200:
            raise CredentialUnavailable(f"the token exchange was refused with status {response.status}")
        try:
            answer: dict[str, Any] = json.loads(body)
            token, seconds = answer["access_token"].encode("ascii"), float(answer["expires_in"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CredentialUnavailable("the token exchange gave no token") from None
        self._token = token
        self._expires_at = self._clock() + seconds


def _retrieve(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        task.exception()  # a failed background refresh shows when the token is needed


class AwsSignature:
    """SigV4 with botocore's signer. `credentials` returns current credentials for a call in somebody's name
    (a botocore frozen set).
    """

    beta = None

    def __init__(
        self, credentials: Callable[[Attribution], Awaitable[Any]], service: str, region: str
    ) -> None:
        # imported here, so that a gateway without an AWS provider starts faster
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        self._credentials = credentials
        self._service = service
        self._region = region
        self._signer = SigV4Auth
        self._request = AWSRequest

    async def headers(
        self, method: str, url: str, headers: Sequence[Header], body: bytes, attribution: Attribution
    ) -> list[Header]:
        try:
            credentials = await self._credentials(attribution)
        except Exception as error:  # whatever STS or the credential chain raises, without its text
            raise CredentialUnavailable(f"no AWS credentials: {type(error).__name__}") from None
        # AWS requires the content type, if any, to be signed
        signed = {
            name.decode(): value.decode("latin-1") for name, value in headers if name == b"content-type"
        }
        request = self._request(method=method, url=url, data=body, headers=signed)
        self._signer(credentials, self._service, self._region).add_auth(request)
        return [
            (name.lower().encode(), str(value).encode())
            for name, value in request.headers.items()
            if name.lower() in {"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
        ]

    def refused(self) -> bool:
        return False


async def read_whole(response: Any, seconds: float, *, limit: int) -> bytes:
    """Return the whole body of a response.

    Raises `TransportError` if it is interrupted, silent for too long, or above `limit`.
    """
    pieces: list[bytes] = []
    size = 0
    while piece := await response.read(seconds):
        size += len(piece)
        if size > limit:
            response.abort()
            raise TransportError(f"the answer is larger than {limit} bytes", response_started=True)
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
