"""Gateways under test: one is shared by most tests, whose stores and scripts are reset in between."""

from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.gateway.providers.user_sessions import Attribution

from .harness import Harness, department, make
from .signatures import SESSION
from .upstream import FakeUpstream


@pytest.fixture(scope="session")
def provider_servers() -> Iterator[list[FakeUpstream]]:
    upstreams = [FakeUpstream().start(), FakeUpstream().start()]
    yield upstreams
    for upstream in upstreams:
        upstream.stop()


@pytest.fixture(scope="session")
def _gateway(provider_servers: list[FakeUpstream]) -> Iterator[Harness]:
    embeddings = {"model": "amazon.titan-embed-text-v2:0", "base_url": provider_servers[0].url}
    harness = make(provider_servers[:1], embeddings=embeddings, aws_credentials=_session)
    yield harness
    harness.stop()


async def _session(_: Attribution) -> Any:
    return SESSION


@pytest.fixture
def gateway(_gateway: Harness) -> Harness:
    """A gateway in front of one provider, with nothing spent and nothing recorded."""
    _gateway.reset()
    return _gateway


@pytest.fixture
def two_providers(provider_servers: list[FakeUpstream]) -> Iterator[Harness]:
    """A gateway with two providers."""
    harness = make(provider_servers)
    harness.reset()
    yield harness
    harness.stop()


@pytest.fixture
def poor_gateway(provider_servers: list[FakeUpstream]) -> Iterator[Harness]:
    """A gateway whose department has no money."""
    harness = make(provider_servers[:1], departments=[department("marketing", monthly_budget_microusd=1)])
    harness.reset()
    yield harness
    harness.stop()
