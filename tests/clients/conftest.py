"""A gateway for clients to call."""

from collections.abc import Iterator

import pytest

from tests.gateway.harness import Harness, department, make
from tests.gateway.upstream import FakeUpstream


@pytest.fixture(scope="module")
def shared_gateway() -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    rights = department("marketing", models=["fast", "balanced", "best"])
    harness = make([upstream], departments=[rights])
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def gateway(shared_gateway: Harness) -> Harness:
    """A gateway in front of a provider that a test scripts."""
    shared_gateway.reset()
    return shared_gateway
