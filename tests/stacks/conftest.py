"""A configuration folder of one's own: the example client's, to be changed at will."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stacks.settings import RawConfig, Settings, read_settings
from stacks.settings.loading import as_config
from tests.support.config_folder import own_config_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped configuration without evidence."""
    return own_config_folder(tmp_path)


@pytest.fixture
def read(folder: Path) -> Callable[..., Settings]:
    """Settings of the example client with top-level keys replaced, as a stack's configuration would."""

    def read_with(stage: str = "integration", **overrides: Any) -> Settings:
        given: Mapping[str, Any] = {
            "stage": stage,
            "client": "example",
            "config_folder": str(folder),
            **overrides,
        }
        return read_settings(RawConfig(as_config(given)))

    return read_with
