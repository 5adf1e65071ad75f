"""Environment of the gateway: names of stores, limits of its runtime. Read once, at start."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from lambdas.gateway.call import Deadlines

# Body limits of the runtimes. Lambda accepts 6 MB synchronously, API Gateway 10 MB, and both count what
# Lambda Web Adapter adds to the body; on Kubernetes and locally the API's own limit of 32 MB applies.
LAMBDA_BODY_LIMIT = 4_400_000  # 6 MB of event hold about 4.4 MB of body in base64
OPEN_BODY_LIMIT = 32 * 1024 * 1024

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingsError(ValueError):
    """An environment variable is missing or invalid; the message names it."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """All settings from the environment. A store without a name does not exist; `composition` decides what
    follows.
    """

    environment: str
    region: str
    endpoint_url: str | None
    bedrock_endpoint_url: str | None
    has_bedrock: bool  # an emulated AWS has none, unless there is a stand-in
    ledger_table: str | None
    access_table: str | None
    subject_keys_table: str | None
    subject_key_arn: str | None
    audit_bucket: str | None
    audit_key_arn: str | None
    governance_bucket: str | None
    quarantine_bucket: str | None  # where files above API Gateway's body limit wait
    policy_object_key: str
    analytics_stream: str | None
    key_pepper_secret_arn: str | None
    provider_key_secret_arn: str | None
    embeddings_key_secret_arn: str | None
    claude_caller_role_arn: str | None  # assumed in each caller's name for calls to Claude on AWS
    guardrail: tuple[str, str] | None  # id and version of the second stage of inspection
    upstream_url: str | None
    body_limit: int
    body_seconds: float
    concurrent_calls: int
    behind_api_gateway: bool
    trusted_proxies: tuple[Network, ...]  # proxies whose X-Forwarded-For is used
    deadlines: Deadlines = field(default_factory=Deadlines)


def read_settings(environ: Mapping[str, str] = os.environ) -> GatewaySettings:
    """Parse the settings in `environ`. Raises `SettingsError`."""
    on_lambda = "AWS_LAMBDA_FUNCTION_NAME" in environ
    return GatewaySettings(
        environment=environ.get("KIT_ENVIRONMENT", "local"),
        region=environ.get("AWS_REGION", "us-east-1"),
        endpoint_url=environ.get("AWS_ENDPOINT_URL"),
        has_bedrock="AWS_ENDPOINT_URL" not in environ or "AWS_ENDPOINT_URL_BEDROCK_RUNTIME" in environ,
        bedrock_endpoint_url=environ.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", environ.get("AWS_ENDPOINT_URL")),
        ledger_table=environ.get("LEDGER_TABLE"),
        access_table=environ.get("ACCESS_TABLE"),
        subject_keys_table=environ.get("SUBJECT_KEYS_TABLE"),
        subject_key_arn=environ.get("SUBJECT_KEY_ARN"),
        audit_bucket=environ.get("AUDIT_BUCKET"),
        audit_key_arn=environ.get("AUDIT_KEY_ARN"),
        governance_bucket=environ.get("GOVERNANCE_BUCKET"),
        quarantine_bucket=environ.get("QUARANTINE_BUCKET"),
        policy_object_key=environ.get("POLICY_OBJECT_KEY", "policy/gateway.json"),
        analytics_stream=environ.get("ANALYTICS_STREAM"),
        key_pepper_secret_arn=environ.get("KEY_PEPPER_SECRET_ARN"),
        provider_key_secret_arn=environ.get("ANTHROPIC_API_KEY_SECRET_ARN"),
        embeddings_key_secret_arn=environ.get("EMBEDDINGS_API_KEY_SECRET_ARN"),
        claude_caller_role_arn=environ.get("CLAUDE_CALLER_ROLE_ARN"),
        guardrail=_guardrail(environ),
        upstream_url=environ.get("ANTHROPIC_UPSTREAM_URL"),
        body_limit=_integer(
            environ, "GATEWAY_BODY_LIMIT", LAMBDA_BODY_LIMIT if on_lambda else OPEN_BODY_LIMIT
        ),
        body_seconds=float(_integer(environ, "GATEWAY_BODY_SECONDS", 30)),
        concurrent_calls=_integer(environ, "GATEWAY_CONCURRENT_CALLS", 512),
        behind_api_gateway=on_lambda or "GATEWAY_API_PORT" in environ,  # pods: `doors.py`
        trusted_proxies=_networks(environ, "TRUSTED_PROXIES"),
    )


def _guardrail(environ: Mapping[str, str]) -> tuple[str, str] | None:
    given = environ.get("GUARDRAIL_ID"), environ.get("GUARDRAIL_VERSION")
    if given[0] and given[1]:
        return given[0], given[1]
    if any(given):
        raise SettingsError("GUARDRAIL_ID and GUARDRAIL_VERSION: go together")
    return None


def _integer(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) == 0:
        raise SettingsError(f"{name}: must be a positive integer, not {text!r}")
    return int(text)


def _networks(environ: Mapping[str, str], name: str) -> tuple[Network, ...]:
    """Parse CIDR blocks separated by commas."""
    try:
        return tuple(
            ipaddress.ip_network(one.strip()) for one in environ.get(name, "").split(",") if one.strip()
        )
    except ValueError as error:
        raise SettingsError(f"{name}: must be CIDR blocks: {error}") from None
