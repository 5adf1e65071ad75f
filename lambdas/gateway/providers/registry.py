"""The providers of the policy in force, created once and kept while their part of the policy stays the
same.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from lambdas.common.policy import GatewayPolicy, Provider
from lambdas.gateway.errors import Header
from lambdas.gateway.providers.credentials import AwsSignature, Credential, SecretKey, WorkloadIdentity
from lambdas.gateway.providers.provider import ClaudeProvider
from lambdas.gateway.providers.transport import HttpTransport
from lambdas.gateway.providers.user_sessions import Attribution

# SigV4 service names, and prefixes of model ids, of the two AWS platforms
_AWS_SERVICES = {
    "claude-platform-aws": ("aws-external-anthropic", ""),
    "bedrock": ("bedrock-mantle", "anthropic."),
}


class NoCredential:
    """For a stand-in of the provider, which must never get the provider's credential."""

    beta = None

    async def headers(
        self, method: str, url: str, headers: Sequence[Header], body: bytes, attribution: Attribution
    ) -> list[Header]:
        del method, url, headers, body, attribution
        return []

    def refused(self) -> bool:
        return False


class Providers:
    """Creates providers from policies. `stand_in_url` replaces the base URL, and the credential, of the
    first one.
    """

    def __init__(
        self,
        transport: HttpTransport,
        *,
        read_secret: Callable[[], Awaitable[str]],
        identity_token: Callable[[str, str], Awaitable[str]],
        aws_credentials: Callable[[Attribution], Awaitable[Any]],
        region: str,
        stand_in_url: str | None = None,
    ) -> None:
        self._transport = transport
        self._read_secret = read_secret
        self._identity_token = identity_token
        self._aws_credentials = aws_credentials
        self._region = region
        self._stand_in_url = stand_in_url
        self._policy: GatewayPolicy | None = None
        self._made: dict[str, tuple[Provider, ClaudeProvider]] = {}
        self._order: tuple[ClaudeProvider, ...] = ()

    def of(self, policy: GatewayPolicy) -> tuple[ClaudeProvider, ...]:
        """Return the providers in policy order. Credentials and circuits survive an unrelated change."""
        if policy is not self._policy:
            made: dict[str, tuple[Provider, ClaudeProvider]] = {}
            for position, entry in enumerate(policy.providers):
                known = self._made.get(entry.name)
                unchanged = known is not None and known[0] == entry
                made[entry.name] = (
                    known if unchanged and known else (entry, self._make(entry, first=position == 0))
                )
            self._made = made
            self._order = tuple(provider for _, provider in made.values())
            self._policy = policy
        return self._order

    def _make(self, entry: Provider, *, first: bool) -> ClaudeProvider:
        _, prefix = _AWS_SERVICES.get(entry.kind, ("", ""))
        stand_in = self._stand_in_url if first else None
        return ClaudeProvider(
            name=entry.name,
            base_url=(stand_in or entry.base_url).rstrip("/"),
            credential=NoCredential() if stand_in else self._credential(entry),
            models=entry.models,
            prefix=prefix,
            workspace_id=entry.auth.get("workspace_id") if entry.kind == "claude-platform-aws" else None,
            batches=entry.kind != "bedrock",
            files=entry.kind != "bedrock",
            on_aws=entry.kind in _AWS_SERVICES,
            inference_geo=entry.inference_geo,
        )

    def _credential(self, entry: Provider) -> Credential:
        if entry.kind in _AWS_SERVICES:
            service, _ = _AWS_SERVICES[entry.kind]
            return AwsSignature(self._aws_credentials, service, entry.auth.get("region", self._region))
        if entry.auth["kind"] == "secret":
            return SecretKey(self._read_secret)
        audience = entry.auth.get("audience", entry.base_url)
        algorithm = entry.auth.get("signing_algorithm", "RS256")
        return WorkloadIdentity(
            self._transport,
            entry.base_url,
            lambda: self._identity_token(audience, algorithm),
            federation_rule_id=entry.auth["federation_rule_id"],
            organization_id=entry.auth["organization_id"],
            service_account_id=entry.auth.get("service_account_id"),
            workspace_id=entry.auth.get("workspace_id"),
        )
