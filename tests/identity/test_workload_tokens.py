"""Workloads that prove who they are without a key, under the rules of the example client (L1.3): tokens of
the shape that GitHub Actions and AWS STS issue, signed by a local issuer in their place.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from contract.client import TrustedIssuer
from contract.reading import Reading
from lambdas.common.claim_rules import claim
from lambdas.common.policy import Issuer
from lambdas.common.tokens import KeySets, TokenRefused, TokenVerifier
from stacks.settings import CONFIG_FOLDER
from stacks.settings.documents import parse_yaml

from .issuers import NOW, Provider, serving, signed_with_secret, unsigned

EXAMPLE = CONFIG_FOLDER / "clients" / "example.yaml"
STS = "https://sts.amazonaws.com/"

GITHUB: dict[str, Any] = {
    "jti": "7f5c1f4e-3c3b-4a53-9d20-4f1a6c1c0d11",
    "sub": "repo:example/payments:environment:production",
    "aud": "claude-gateway",
    "ref": "refs/heads/main",
    "ref_type": "branch",
    "ref_protected": "true",
    "sha": "0123456789abcdef0123456789abcdef01234567",
    "repository": "example/payments",
    "repository_id": "74",
    "repository_owner": "example",
    "repository_owner_id": "1000001",
    "repository_visibility": "private",
    "actor": "octocat",
    "actor_id": "12",
    "event_name": "push",
    "environment": "production",
    "workflow": "release",
    "workflow_ref": "example/payments/.github/workflows/release.yml@refs/heads/main",
    "job_workflow_ref": "example/payments/.github/workflows/release.yml@refs/heads/main",
    "run_id": "1",
    "run_number": "10",
    "run_attempt": "2",
    "runner_environment": "github-hosted",
    "iss": "https://token.actions.githubusercontent.com",
    "nbf": NOW - 300,
    "iat": NOW,
    "exp": NOW + 300,
}
ROLE = "arn:aws:iam::111122223333:role/nightly-report"
WORKLOAD: dict[str, Any] = {
    "iss": "https://00000000-0000-0000-0000-000000000000.tokens.sts.global.api.aws",
    "aud": "claude-gateway",
    "sub": ROLE,
    "jti": "0f2b8a4c-5f0a-4a86-8f43-0a2f6a2a9e10",
    "iat": NOW,
    "exp": NOW + 300,
    STS: {
        "aws_account": "111122223333",
        "source_region": "eu-central-1",
        "org_id": "o-example0001",
        "ou_path": ["o-example0001/r-ab12/ou-ab12-11111111/"],
        "principal_id": ROLE,
        "lambda_source_function_arn": "arn:aws:lambda:eu-central-1:111122223333:function:nightly-report",
        "principal_tags": {"team": "finance"},
    },
}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving(Provider()) as running:
        yield running


def _configured(name: str, provider: Provider) -> Issuer:
    """An issuer of the example client, whose keys are read from the local one."""
    entries = parse_yaml(EXAMPLE.read_text("utf-8"), EXAMPLE.name)["trusted_issuers"]
    one = Reading().read(TrustedIssuer, next(entry for entry in entries if entry["name"] == name))
    assert one is not None
    return replace(one, jwks_uri=provider.url)


def _caller(provider: Provider, name: str, claims: dict[str, Any], **changes: Any) -> str:
    """Whom the gateway takes the bearer of these claims for. Raises `TokenRefused`."""
    issuer = _configured(name, provider)
    token = provider.token(**{**claims, **changes})
    return _verified(token, issuer)


def _verified(token: str, issuer: Issuer) -> str:
    verifier = TokenVerifier(KeySets(), clock=lambda: datetime.fromtimestamp(NOW, UTC))
    verified = asyncio.run(verifier.verify(token, [issuer]))
    return claim(verified.claims, issuer.claims["application"])


def test_a_workflow_is_known_by_the_id_of_its_repository(provider: Provider) -> None:
    assert _caller(provider, "ci", GITHUB) == "74"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ref": "refs/pull/7/merge", "event_name": "pull_request"}, "claim_rule"),
        ({"ref": "refs/heads/main-2"}, "claim_rule"),
        ({"ref": "refs/tags/refs/heads/main"}, "claim_rule"),
        ({"environment": None}, "claim_rule"),
        ({"environment": "staging"}, "claim_rule"),
        ({"repository_owner_id": "1000002", "repository_id": "75"}, "claim_rule"),  # of the same name
        ({"aud": "https://github.com/example"}, "audience"),
        ({"aud": "sts.amazonaws.com"}, "audience"),
        ({"iss": "https://token.actions.githubusercontent.com/example"}, "issuer"),
        ({"exp": NOW - 61}, "expired"),
    ],
)
def test_another_branch_environment_or_owner_is_not_let_in(
    provider: Provider, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TokenRefused) as refused:
        _caller(provider, "ci", GITHUB, **changes)
    assert refused.value.reason == reason


def test_an_aws_workload_is_known_by_its_role(provider: Provider) -> None:
    assert _caller(provider, "aws-workloads", WORKLOAD) == ROLE


@pytest.mark.parametrize(
    "facts",
    [
        {**WORKLOAD[STS], "org_id": "o-stranger001"},
        {name: value for name, value in WORKLOAD[STS].items() if name != "org_id"},
        {},
        "o-example0001",
    ],
)
def test_an_account_outside_the_organisation_is_not_let_in(provider: Provider, facts: Any) -> None:
    with pytest.raises(TokenRefused, match="claim_rule"):
        _caller(provider, "aws-workloads", WORKLOAD, **{STS: facts, "org_id": "o-example0001"})


@pytest.mark.parametrize(("name", "claims"), [("ci", GITHUB), ("aws-workloads", WORKLOAD)])
def test_a_forged_web_identity_is_refused_whoever_accepts_it_elsewhere(
    provider: Provider, name: str, claims: dict[str, Any]
) -> None:
    issuer = _configured(name, provider)
    forged = [
        unsigned({"alg": "none", "kid": "first"}, claims, "x"),
        unsigned({"alg": "RS256", "kid": "first"}, claims, "c2ln"),
        signed_with_secret(claims, provider.public()),
    ]
    for token in forged:
        with pytest.raises(TokenRefused):
            _verified(token, issuer)


def test_neither_issuer_vouches_for_the_others_workloads(provider: Provider) -> None:
    for name, claims in (("ci", WORKLOAD), ("aws-workloads", GITHUB)):
        with pytest.raises(TokenRefused, match="issuer"):
            _caller(provider, name, claims)
