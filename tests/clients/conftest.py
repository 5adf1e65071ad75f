"""A gateway for clients to call."""

from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.gateway.providers.user_sessions import Attribution
from tests.gateway.harness import Harness, department, make
from tests.gateway.signatures import SESSION
from tests.gateway.upstream import FakeUpstream


async def _session(_: Attribution) -> Any:
    return SESSION


@pytest.fixture(scope="module")
def shared_gateway() -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    rights = department("marketing", models=["fast", "balanced", "best"])
    embeddings = {"model": "amazon.titan-embed-text-v2:0", "base_url": upstream.url, "region": "eu-west-1"}
    harness = make([upstream], departments=[rights], embeddings=embeddings, aws_credentials=_session)
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def gateway(shared_gateway: Harness) -> Harness:
    """A gateway in front of a provider that a test scripts."""
    shared_gateway.reset()
    return shared_gateway
