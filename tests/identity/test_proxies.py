"""Whose word counts about where a caller is (L1.3): `TRUSTED_PROXIES`, from the plan to the gateway."""

import ipaddress

import pytest

from kit.evaluation.stages import evaluate_stage
from lambdas.gateway.settings import SettingsError, read_settings
from tests.gateway.harness import Harness

from .deployed import Deployed


def test_blocks_of_both_families_are_read() -> None:
    found = read_settings({"TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::/32"}).trusted_proxies
    assert found == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32"))
    assert read_settings({}).trusted_proxies == ()


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "everywhere", "10.0.0.0/8;10.1.0.0/16", "10.0.0.0/33"])
def test_what_is_no_block_stops_the_gateway_and_is_named(wrong: str) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        read_settings({"TRUSTED_PROXIES": wrong})


@pytest.mark.emulator
@pytest.mark.parametrize("trusted", ["127.0.0.0/8", ""])
def test_a_load_balancers_word_counts_only_where_it_is_trusted(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, trusted: str
) -> None:
    key = deployed.new_key(f"app-{trusted or 'nobody'}", networks=("203.0.113.0/24",))
    harness, _ = deployed.composed(monkeypatch, TRUSTED_PROXIES=trusted)
    harness.start()
    try:
        assert _models(harness, key, "192.0.2.1, 203.0.113.9") == (200 if trusted else 401)
        assert _models(harness, key, "203.0.113.9, 192.0.2.1") == 401
        assert _models(harness, key, "") == 401
    finally:
        harness.stop()


def _models(harness: Harness, key: str, forwarded: str) -> int:
    return harness.request("GET", "/v1/models", None, {"x-forwarded-for": forwarded}, key).status


@pytest.mark.parametrize("domain", [True, False])
def test_pods_trust_their_load_balancers_network_and_functions_nobody(domain: bool) -> None:
    names = {"name": "claude.example.com", "certificate_arn": CERTIFICATE}
    config = {"api": {"custom_domain": names}} if domain else {}
    plan = evaluate_stage("integration", size="enterprise", config=config, assume_gates=True)
    (pods,) = [one for one in plan if one.type == "kubernetes:apps/v1:Deployment"]
    container = pods.inputs["spec"]["template"]["spec"]["containers"][0]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert variables.get("TRUSTED_PROXIES") == ("10.40.0.0/20" if domain else None)
    (function,) = [one for one in plan if one.name == "gateway-api-function"]
    assert "TRUSTED_PROXIES" not in function.inputs["environment"]["variables"]


CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/00000000-0000-0000-0000-000000000000"
