"""Fixtures that several test families share."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.local import emulator
from kit.local.emulator import Emulator

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def emulated_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulated AWS over HTTP with IAM enforced; one per test session, empty at its start.

    Names must be unique per test (account state is shared), root credentials are in the value returned.
    """
    home = tmp_path_factory.mktemp("emulator")
    venv = Path(os.environ.get("KIT_EMULATOR_VENV", ROOT / ".kit" / "emulator-venv"))
    running = emulator.start(
        venv=venv, state=home, port=free_port(), region="eu-central-1", log=home / "emulator.log"
    )
    yield running
    emulator.stop(running.pid)
