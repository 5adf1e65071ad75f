"""One provider of Claude: its endpoint, its model ids, its request headers (L1.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lambdas.gateway.errors import Header
from lambdas.gateway.providers.circuit import CircuitBreaker
from lambdas.gateway.providers.credentials import Credential

# Headers of a caller's request that are forwarded, in addition to every `anthropic-*` header. The caller's
# credential is not among them.
_FORWARDED = frozenset({b"content-type", b"accept", b"user-agent", b"x-app"})
# Headers of a provider's response that a caller never gets: hop-by-hop headers, rate limits shared by the
# whole organisation, cookies, and account names.
_WITHHELD = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"transfer-encoding",
        b"content-length",
        b"content-encoding",
        b"date",
        b"server",
        b"via",
        b"set-cookie",
        b"alt-svc",
        b"strict-transport-security",
        b"request-id",
        b"x-should-retry",
        b"anthropic-organization-id",
        b"x-amzn-requestid",
        b"x-amz-request-id",
    }
)


@dataclass(frozen=True, slots=True)
class ClaudeProvider:
    """A provider, ready to be called. `prefix` forms its model id if `models` has none."""

    name: str
    base_url: str
    credential: Credential
    models: Mapping[str, str]
    prefix: str = ""
    workspace_id: str | None = None
    batches: bool = True  # whether it has the Message Batches API
    files: bool = True  # whether it has the Files API and Skills
    on_aws: bool = False  # whether its errors may name accounts and roles of the organisation
    inference_geo: str | None = None  # required inference location, sent with each message
    _circuits: dict[str, CircuitBreaker] = field(default_factory=dict)

    def circuit(self, model: str) -> CircuitBreaker:
        """Return the circuit breaker of one model: an overloaded model says nothing about the others."""
        return self._circuits.setdefault(model, CircuitBreaker())

    def model_name(self, model: str) -> str:
        """Return the provider's id of a Claude model."""
        return self.models.get(model) or self.prefix + model

    def request_headers(self, raw_headers: Sequence[Header]) -> list[Header]:
        """Return the caller's headers that are forwarded, without the credential's own."""
        headers: list[Header] = []
        beta = self.credential.beta
        for name, value in raw_headers:
            if name.startswith(b"anthropic-"):
                if name == b"anthropic-workspace-id" and self.workspace_id is not None:
                    continue
                if name == b"anthropic-beta" and beta is not None:
                    value, beta = value + b"," + beta, None
                headers.append((name, value))
            elif name in _FORWARDED:
                headers.append((name, value))
        if beta is not None:
            headers.append((b"anthropic-beta", beta))
        if self.workspace_id is not None:
            headers.append((b"anthropic-workspace-id", self.workspace_id.encode()))
        return headers


def response_headers(headers: Sequence[Header]) -> list[Header]:
    """Return the provider's headers that a caller gets. Its request id becomes `x-upstream-request-id`."""
    passed = [
        header
        for header in headers
        if header[0] not in _WITHHELD and not header[0].startswith((b"anthropic-ratelimit-", b"cf-"))
    ]
    passed.extend((b"x-upstream-request-id", value) for name, value in headers if name == b"request-id")
    return passed
