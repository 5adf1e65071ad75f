"""Runs `kit` in the test's own process, about a deployment that a fixture stood up."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

from typer.testing import CliRunner

from kit.cli import app
from kit.errors import KitError
from kit.target import find_target
from tests.support.local_kit import LocalKit


@dataclass(frozen=True)
class Done:
    """What `kit.cli.main` would have printed and returned."""

    code: int
    stdout: str
    stderr: str


@contextmanager
def known_target(kit: LocalKit) -> Iterator[None]:
    """Commands find a deployment without looking for it, each the same one with the clients it has."""
    with mock.patch.dict(os.environ, {"KIT_HOME": str(kit.folder)}):
        target = find_target()
    with mock.patch("kit.target.find_target", return_value=target):
        yield


def run(kit: LocalKit, *arguments: str) -> Done:
    """`kit <arguments>` about a deployment."""
    return invoke({"KIT_HOME": str(kit.folder)}, *arguments)


def invoke(environment: Mapping[str, str], *arguments: str) -> Done:
    """`kit <arguments>`. An error that is no `KitError` is raised: it would be a traceback."""
    with mock.patch.dict(os.environ, {**environment, "NO_COLOR": "1"}):
        result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, KitError):
        error = result.exception
        return Done(int(error.exit_code), result.stdout, f"{error.message}\nhint: {error.hint}")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)
