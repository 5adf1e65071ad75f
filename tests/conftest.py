"""Fixtures that several test families share."""

import gc
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from kit.embedded import Emulator
from kit.local import emulator
from tests.support import requirements
from tests.support.distribution import SharedDeployments, longest_first
from tests.support.local_kit import LocalKit, local_deployment
from tests.support.once import shared_folder
from tests.support.ports import free_port

# No timed tests: how long an example takes says how busy the machine is; speed is measured by `make bench`.
settings.register_profile("untimed", deadline=None, max_examples=40)
settings.register_profile("nightly", deadline=None, max_examples=2_000)
settings.load_profile("nightly" if os.environ.get("KIT_NIGHTLY") else "untimed")

pytest_plugins = ["pytester"]  # for the tests of how tests are recorded
ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """See `tests/support/requirements.py`, as for the two hooks that follow."""
    requirements.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(50_000, 20, 20)  # see `pytest_collection_finish`
    requirements.begin(config)
    shared = ExitStack()
    shared.enter_context(shared_folder())
    config.add_cleanup(shared.close)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    requirements.mark(config, items)
    if hasattr(config, "workerinput"):
        longest_first(items)


def pytest_collection_finish() -> None:
    """Leave out of garbage collection what was imported: looking through it again and again took a fifth of
    the processor time of the tests.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> SharedDeployments | None:
    """Of `--dist loadfile`."""
    return SharedDeployments(config, log) if config.getoption("dist") == "loadfile" else None


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


@pytest.fixture(scope="session")
def local_kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKit]:
    """The whole kit as `kit up` stands it up, all stages; one per test session, so leave it as it is.

    `variables` has what `kit env` exports, `run` runs a command of the kit against it.
    """
    with local_deployment(tmp_path_factory.mktemp("kit") / "home") as kit:
        kit.up()
        kit.clients_environment()
        yield kit
