"""What several tests of identity share."""

from collections.abc import Iterator

import pytest

from .deployed import Deployed, deployment


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """One deployment for all tests; they leave its roles and its records' meaning as they are."""
    with deployment(tmp_path_factory.mktemp("identity")) as one:
        yield one
