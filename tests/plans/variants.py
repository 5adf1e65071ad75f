"""Every way to configure a deployment that changes what is made: each is planned and held against the rules.

The client is `example`; a variant names the keys of its file that it changes.
"""

from collections.abc import Mapping
from typing import Any

_MODELS = {
    alias: {"display_name": alias.title(), "model": model}
    for alias, model in {
        "fast": "claude-haiku-5-5",
        "balanced": "claude-sonnet-5-5",
        "best": "claude-opus-5",
        "early": "claude-opus-5",
    }.items()
}
_CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/0a1b2c3d-1111-2222-3333-444455556666"
_DOMAIN = {"custom_domain": {"name": "api.example.com", "certificate_arn": _CERTIFICATE}}
_ON_KUBERNETES = {"capacity": {"runtime": "kubernetes"}}
_DIRECT = {"name": "direct.example.com", "certificate_arn": _CERTIFICATE}
_PORTAL = {"name": "claude.example.com", "certificate_arn": _CERTIFICATE}
_REMINDERS = {
    "sender": "claude@example.com",
    "identity_arn": "arn:aws:ses:eu-central-1:111122223333:identity/example.com",
}
_GUID = "11111111-2222-3333-4444-555555555555"
_MONITOR = "arn:aws:ce::111122223333:anomalymonitor/0a1b2c3d-1111-2222-3333-444455556666"

_CONTACTS = {
    "owner": "owner@example.com",
    "alarms": ["oncall@example.com"],
    "slack": {
        "workspace_id": "T07EA123LEP",
        "champions_channel_id": "C07EZ1ABC23",
        "questions_channel_id": "C07EZ1ABC24",
    },
    "teams": {
        "tenant_id": _GUID,
        "team_id": _GUID,
        "champions_channel_id": "19%3aabc%40thread.tacv2",
        "questions_channel_id": "19%3adef%40thread.tacv2",
    },
}


def _by(*providers: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    claude = {"models": _MODELS, "providers": list(providers), "outbound_identity": "existing"}
    return {"claude": claude, **others}


VARIANTS: Mapping[str, Mapping[str, Any] | None] = {
    "plain": None,
    "custom domain": {"api": _DOMAIN},
    "mutual TLS": {"api": {**_DOMAIN, "mutual_tls": {"truststore_uri": "s3://example-trust/bundle.pem"}}},
    "private API": {"api": {"exposure": "private"}, "network": {"mode": "managed", "cidr": "10.40.0.0/20"}},
    "direct door": {
        "api": _DOMAIN,
        "cluster": {"direct_door": _DIRECT},
        "contacts": _CONTACTS,  # with every kind of channel
        "portal": {"custom_domain": _PORTAL, "reminders": _REMINDERS},
        "sizing": _ON_KUBERNETES,
    },
    "cluster first": {
        "api": _DOMAIN,
        "cluster": {"direct_door": _DIRECT, "workloads": False},
        "sizing": _ON_KUBERNETES,
    },
    "mutual TLS at both doors": {
        "api": {**_DOMAIN, "mutual_tls": {"truststore_uri": "s3://example-trust/bundle.pem"}},
        "cluster": {"direct_door": _DIRECT},
        "sizing": _ON_KUBERNETES,
    },
    "guardrail": {"guardrail": {}},
    "Bedrock in another region": _by({"kind": "bedrock", "region": "eu-west-1"}),
    "Claude Platform in another region": _by(
        {"kind": "claude-platform-aws", "region": "eu-west-1", "workspace_id": "wrkspc_0123"}
    ),
    "key of the Anthropic API": _by(
        {"kind": "anthropic", "inference_geo": "us", "auth": {"kind": "secret"}}, data_residency=["eu", "us"]
    ),
    "workload identity at Anthropic": _by(
        {
            "kind": "anthropic",
            "inference_geo": "us",
            "auth": {
                "kind": "workload-identity",
                "organization_id": "00000000-0000-0000-0000-000000000000",
                "federation_rule_id": "fdrl_example",
            },
        },
        data_residency=["eu", "us"],
    ),
    "a new account's quota": {"lambda_concurrency": 10},
    "anomaly monitor of its own": {"budget": {"anomaly_monitor": "create"}},
    "anomaly monitor of the account": {"budget": {"anomaly_monitor": _MONITOR}},
}
