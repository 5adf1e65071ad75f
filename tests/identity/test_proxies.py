"""Whose word counts about where a caller is (L1.3): `TRUSTED_PROXIES`, for an ingress of the client's own."""

import ipaddress

import pytest

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
