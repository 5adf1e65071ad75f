"""The example rules for GitHub, GitLab, Kubernetes, AWS, Azure and Google let in the tokens that these
platforms document, and no others (L1.3). The claims are the platforms' own examples, not ours.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract.client import TrustedIssuer
from contract.reading import Reading
from contract.writing import published
from lambdas.common.claim_rules import claim
from lambdas.common.policy import Issuer, parse_policy
from lambdas.common.tokens import KeySets, TokenRefused, TokenVerifier
from stacks.settings.consistency import _issuers
from tests.gateway.harness import policy_document

from .issuers import NOW, Provider, serving

PLATFORMS = json.loads((Path(__file__).parent / "workloads" / "claims.json").read_text("utf-8"))
EXAMPLES = Path(__file__).parents[2] / "examples" / "trusted_issuers"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with serving(Provider()) as running:
        yield running


def rules_of(platform: str, url: str) -> list[Issuer]:
    """The example as the gateway reads it, with keys of ours."""
    written = yaml.safe_load((EXAMPLES / f"{platform}.yaml").read_text("utf-8"))
    assert list(_issuers({"trusted_issuers": written})) == []
    reading = Reading()
    configured = [reading.read(TrustedIssuer, one) for one in written]
    assert not reading.problems
    document = policy_document(["https://api.anthropic.com"])
    document["issuers"] = [published(one, Issuer) for one in configured if one is not None]
    return [replace(one, jwks_uri=url) for one in parse_policy(json.dumps(document).encode()).issuers]


def decided(provider: Provider, platform: str, claims: dict[str, Any]) -> Issuer:
    lifetime = claims.get("lifetime", 300)
    token = provider.token(**{**claims, "iat": NOW - 10, "exp": NOW - 10 + lifetime})
    verifier = TokenVerifier(KeySets(), clock=lambda: datetime.fromtimestamp(NOW, UTC))
    return asyncio.run(verifier.verify(token, rules_of(platform, provider.url))).issuer


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_the_platform_documents_is_let_in_as_who_it_is(provider, platform):
    for case in PLATFORMS[platform]["accepted"]:
        rule = decided(provider, platform, case["claims"])
        assert rule.name == case["rule"]
        assert claim(case["claims"], rule.claims["application"]) == case["application"]


REFUSED = [(platform, one) for platform in PLATFORMS for one in PLATFORMS[platform]["refused"]]


@pytest.mark.parametrize(
    ("platform", "case"), REFUSED, ids=lambda one: one if isinstance(one, str) else one["why"]
)
def test_what_only_looks_like_it_is_refused(provider, platform, case):
    claims = {**PLATFORMS[platform]["accepted"][0]["claims"], **case["changes"]}
    with pytest.raises(TokenRefused):
        decided(provider, platform, claims)


def test_the_two_rules_of_one_issuer_let_in_two_different_callers(provider):
    main, pulls = rules_of("github", provider.url)
    assert main.identity != pulls.identity
