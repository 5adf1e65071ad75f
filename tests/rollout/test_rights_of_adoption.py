"""What the rollout gives and bounds, through the gateway with the official SDK: early access for champions,
and overnight work within a budget of its own (L4.6, L1.6).
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import anthropic
import pytest

from lambdas.common.identities import Principal
from lambdas.common.policy import parse_policy
from stacks.gateway_policy import gateway_policy
from stacks.settings import RawConfig, read_settings
from stacks.settings.loading import as_config
from tests.gateway.harness import FINANCE_KEY, KEY, OTHER_KEY, Harness, department, make
from tests.gateway.test_sdk import BatchApi
from tests.gateway.upstream import FakeUpstream

MESSAGES: Any = [{"role": "user", "content": "Hello"}]
MODELS = {
    "fast": {"display_name": "Fast", "model": "claude-haiku-5-5"},
    "early": {"display_name": "Early access", "model": "claude-opus-5-5", "roles": ["champions"]},
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    started = FakeUpstream().start()
    yield started
    started.stop()


@pytest.fixture
def gateway(upstream: FakeUpstream) -> Iterator[Harness]:
    """Marketing may use both aliases and 3,000 micro-dollars a month for overnight work."""
    upstream.reset()
    rights = department("marketing", models=["fast", "early"], batch_monthly_budget_microusd=3_000)
    harness = make([upstream], departments=[rights, department("finance", models=["fast"])], models=MODELS)
    person = Principal("person", "ada", "marketing", "USER#ada", "oidc", roles=("champions",))
    harness.keys.principals[OTHER_KEY] = person
    harness.reset()
    yield harness
    harness.stop()


def client(gateway: Harness, key: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0)


def test_a_champion_uses_the_early_access_alias_and_nobody_else_sees_it(gateway: Harness) -> None:
    champion, other = client(gateway, OTHER_KEY), client(gateway, KEY)
    assert "early" in [one.id for one in champion.models.list()]
    assert champion.messages.create(model="early", max_tokens=20, messages=MESSAGES).content

    assert [one.id for one in other.models.list()] == ["fast", "claude-haiku-5-5"]
    for name in ("early", "claude-opus-5-5"):
        with pytest.raises(anthropic.APIStatusError, match=f"{name} is not granted to you") as refused:
            other.messages.create(model=name, max_tokens=20, messages=MESSAGES)
        assert refused.value.status_code == 451


def test_the_example_client_gives_its_champions_the_early_model_and_refuses_it_to_others_by_name(
    upstream: FakeUpstream,
) -> None:
    """(L4.6) The example's own configuration, as the gateway reads it."""
    settings = read_settings(RawConfig(as_config({"stage": "integration", "client": "example"})))
    policy = gateway_policy(settings)
    given = {role for rule in settings.identity.groups for role in rule.roles}
    assert policy["models"]["early"]["roles"] == ["champions"]
    assert "champions" in given, "a group of the identity provider gives the role"
    upstream.reset()
    harness = make([upstream], departments=policy["departments"], models=policy["models"])
    try:
        for key, roles in ((KEY, ()), (OTHER_KEY, ("champions",))):
            harness.keys.principals[key] = Principal(
                "person", f"p{key}", "marketing", f"USER#{key}", "oidc", roles=roles
            )
        harness.reset()
        champion, other = client(harness, OTHER_KEY), client(harness, KEY)
        assert champion.messages.create(model="early", max_tokens=20, messages=MESSAGES).content
        assert "early" in [one.id for one in champion.models.list()]
        assert "early" not in [one.id for one in other.models.list()]
        with pytest.raises(anthropic.APIStatusError, match=r"early .*not granted to you") as refused:
            other.messages.create(model="early", max_tokens=20, messages=MESSAGES)
        assert refused.value.status_code == 451
    finally:
        harness.stop()


def test_overnight_work_stops_at_its_own_budget_and_daytime_goes_on(gateway: Harness) -> None:
    api = gateway.upstreams[0].script = BatchApi()
    own = client(gateway, KEY)
    params = {"model": "fast", "max_tokens": 500, "messages": MESSAGES}
    work: Any = [{"custom_id": f"one-{number}", "params": params} for number in range(2)]
    created = own.messages.batches.create(requests=work)
    reserved = gateway.ledger.committed("BATCH#marketing")
    assert 0 < reserved <= 3_000
    for _ in range(3_000 // reserved - 1):
        own.messages.batches.create(requests=work)
    with pytest.raises(anthropic.APIStatusError, match="overnight work of department marketing") as refused:
        own.messages.batches.create(requests=work)
    assert refused.value.status_code == 402
    held = gateway.ledger.committed("BATCH#marketing")
    assert 3_000 - reserved < held <= 3_000
    assert own.messages.create(model="fast", max_tokens=20, messages=MESSAGES).content
    assert client(gateway, FINANCE_KEY).messages.batches.create(requests=work)

    api.ended = True
    list(own.messages.batches.results(created.id))
    (record,) = [one for one in gateway.audit.records if one["kind"] == "batch_results"]
    settled = gateway.ledger.committed("BATCH#marketing")
    assert settled == held - reserved + record["cost_microusd"], "the true cost is in its place"


def test_both_are_configuration_and_reach_the_policy() -> None:
    base = read_settings(RawConfig(as_config({"stage": "integration", "client": "example"})))
    early = replace(base.claude.models["best"], roles=("champions",))
    claude = replace(base.claude, models={**base.claude.models, "early": early})
    first, *others = base.departments
    bounded = replace(first, batch_monthly_budget_microusd=5_000_000)
    settings = replace(base, claude=claude, departments=(bounded, *others))
    document = gateway_policy(settings)
    policy = parse_policy(json.dumps(document).encode())
    assert policy.models["early"].roles == ("champions",)
    assert policy.models["best"].roles == ()
    assert policy.departments[first.id].batch_monthly_budget_microusd == 5_000_000
    assert policy.departments[others[0].id].batch_monthly_budget_microusd is None
    assert "batch_monthly_budget_microusd" not in document["departments"][1]
