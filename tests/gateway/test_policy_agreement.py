"""What the integration stage publishes is what the gateway reads (L1.2)."""

import json
from typing import Any

import pytest

from components.permissions import canonical_json
from kit.errors import KitError
from kit.evaluation.stages import stack_configuration
from kit.identity.keys import Scope, _check
from lambdas.common.identities import Principal
from lambdas.common.policy import PROVIDER_KINDS, parse_policy
from lambdas.gateway.authorise import authorise_embeddings
from lambdas.gateway.errors import ApiError
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.transport import HttpTransport
from stacks.gateway_policy import gateway_policy
from stacks.integration import POLICY_OBJECT_KEY
from stacks.settings import RawConfig, read_settings
from tests.support.stages import SIZES, plan_of

MODELS = {
    "fast": {"display_name": "Fast", "model": "claude-haiku-5-5"},
    "balanced": {"display_name": "Balanced", "model": "claude-sonnet-5-5"},
    "best": {"display_name": "Best", "model": "claude-opus-5-5"},
    "deep": {"display_name": "Deep", "model": "claude-fable-5-2"},
    "early": {"display_name": "Early", "model": "claude-opus-5-5"},
}
PROVIDERS = [
    {
        "kind": "anthropic",
        "inference_geo": "us",
        "auth": {
            "kind": "workload-identity",
            "audience": "https://api.anthropic.com",
            "federation_rule_id": "fdrl_1",
            "organization_id": "11111111-1111-1111-1111-111111111111",
        },
    },
    {"kind": "claude-platform-aws", "region": "eu-west-1", "workspace_id": "wrkspc_1"},
    {"kind": "bedrock", "region": "eu-west-1"},
]


@pytest.mark.parametrize("size", SIZES)
def test_the_policy_of_every_size_is_read_by_the_gateway(size: str) -> None:
    objects = plan_of("integration", size).of_type("aws:s3/bucketObjectv2:BucketObjectv2")
    (published,) = [one for one in objects if one.inputs["key"] == POLICY_OBJECT_KEY]
    policy = parse_policy(str(published.inputs["content"]).encode())
    assert policy.departments
    assert {alias for one in policy.departments.values() for alias in one.models} <= policy.models.keys()


def test_every_kind_of_provider_that_can_be_configured_can_be_called() -> None:
    settings = read_settings(RawConfig(_config(), frozenset()))
    policy = parse_policy(canonical_json(gateway_policy(settings)).encode())
    assert tuple(one.kind for one in policy.providers) == PROVIDER_KINDS
    assert [one.inference_geo for one in policy.providers] == ["us", None, None]

    async def unused(*_: Any) -> Any:
        raise AssertionError

    made = Providers(
        HttpTransport(), read_secret=unused, identity_token=unused, aws_credentials=unused, region="eu-west-1"
    ).of(policy)
    assert [one.model_name("claude-haiku-5-5") for one in made] == [
        "claude-haiku-5-5",
        "claude-haiku-5-5",
        "anthropic.claude-haiku-5-5",
    ]


def test_labels_canaries_and_hosts_of_the_configuration_reach_the_gateway() -> None:
    """L2.3, L2.4: what the client file says is what the gateway inspects by."""
    label = "0A1B2C3D-1111-4222-8333-444455556666"
    chosen = {
        "labels": {label: "restricted"},
        "canaries": ["kestrel-4471-canary"],
        "allowed_hosts": ["a.acme.com"],
    }
    settings = read_settings(RawConfig({**_config(), "inspection": json.dumps(chosen)}, frozenset()))
    rules = parse_policy(canonical_json(gateway_policy(settings)).encode()).inspection
    assert rules.labels == {label.lower(): "restricted"}
    assert (rules.canaries, rules.allowed_hosts) == (("kestrel-4471-canary",), ("a.acme.com",))
    plain = gateway_policy(read_settings(RawConfig(_config(), frozenset())))
    assert "inspection" not in plain


def _config() -> dict[str, Any]:
    plain = stack_configuration("integration")
    values = {key.partition(":")[2]: value for key, value in plain.items()}
    claude = json.dumps({"providers": PROVIDERS, "models": MODELS})
    return {**values, "claude": claude, "data_residency": '["eu", "us"]'}


@pytest.mark.parametrize("embeddings", [True, False])
def test_a_key_can_be_narrowed_to_embeddings_where_its_department_has_them(embeddings: bool) -> None:
    """What the operator's command lets a key have is what the gateway then grants it."""
    settings = read_settings(RawConfig(_config(), frozenset()))
    document = gateway_policy(settings)
    one = next(one for one in document["departments"] if not one["registered_prompts_only"])
    assert one["embeddings"] is True, "a department has them unless it is said otherwise"
    one["embeddings"] = embeddings
    policy = parse_policy(canonical_json(document).encode())
    scope = Scope("search", one["id"], models=["embeddings"])
    caller = Principal("application", "app-1", one["id"], "KEY#1", "keys", models=("embeddings",))
    if embeddings:
        _check(policy, scope)
        assert authorise_embeddings(policy, caller).id == one["id"]
        return
    with pytest.raises(KitError, match="may not use embeddings"):
        _check(policy, scope)
    with pytest.raises(ApiError) as refused:
        authorise_embeddings(policy, caller)
    assert refused.value.reason == "embeddings_not_granted"
