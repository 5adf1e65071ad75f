"""One provider of Claude: where it is, what it calls the models, how a request to it looks (L1.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lambdas.gateway.errors import Header
from lambdas.gateway.providers.circuit import CircuitBreaker
from lambdas.gateway.providers.credentials import Credential

# What of a caller's request a provider gets to see, apart from every `anthropic-*` header. The caller's
# credential is not in it.
_FORWARDED = frozenset({b"content-type", b"accept", b"user-agent", b"x-app"})
# What of a provider's answer a caller never gets: hop-by-hop headers, the rate limits that the whole
# organisation shares, cookies, and the names of the organisation's accounts.
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
    """A provider, ready to be called. `prefix` makes its model name where `models` has none."""

    name: str
    base_url: str
    credential: Credential
    models: Mapping[str, str]
    prefix: str = ""
    workspace_id: str | None = None
    batches: bool = True  # whether it has the Message Batches API
    files: bool = True  # whether it has the Files API and Skills
    on_aws: bool = False  # whether its errors may name accounts and roles of the organisation
    inference_geo: str | None = None  # where it must answer, if anywhere; sent with each message
    _circuits: dict[str, CircuitBreaker] = field(default_factory=dict)

    def circuit(self, model: str) -> CircuitBreaker:
        """The circuit of one model here: one that is overloaded says nothing of the others."""
        return self._circuits.setdefault(model, CircuitBreaker())

    def model_name(self, model: str) -> str:
        """The provider's own name of a Claude model."""
        return self.models.get(model) or self.prefix + model

    def request_headers(self, raw_headers: Sequence[Header]) -> list[Header]:
        """The caller's headers that travel on, without the credential's own."""
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
    """The provider's headers that a caller gets. Its request id arrives as `x-upstream-request-id`."""
    passed = [
        header
        for header in headers
        if header[0] not in _WITHHELD and not header[0].startswith((b"anthropic-ratelimit-", b"cf-"))
    ]
    passed.extend((b"x-upstream-request-id", value) for name, value in headers if name == b"request-id")
    return passed
