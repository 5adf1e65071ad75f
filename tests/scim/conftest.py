"""SCIM services under test: one is shared by the tests that mind only what they made themselves."""

from collections.abc import Iterator

import pytest

from kit.embedded import Emulator

from .harness import Scim, Tenant


@pytest.fixture(scope="session")
def scim(emulated_aws: Emulator) -> Iterator[Scim]:
    """A service that several tests share."""
    running = Scim(Tenant.make(emulated_aws))
    yield running
    running.stop()


@pytest.fixture
def own_scim(emulated_aws: Emulator) -> Iterator[Scim]:
    """A service with empty stores of its own."""
    running = Scim(Tenant.make(emulated_aws))
    yield running
    running.stop()
