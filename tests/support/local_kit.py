"""A whole embedded deployment for tests: what `kit up` makes, in a folder and on ports of its own."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.home import PROJECT_ROOT, Home

KIT = [sys.executable, "-c", "from kit.cli import main; main()"]


@dataclass
class LocalKit:
    """A home of its own. `report` is what `kit up --json` said, `variables` what `kit env --json` says.

    `run` runs the command as a stranger would, in a process of its own, without the caller's AWS or Anthropic
    variables.
    """

    folder: Path
    port_base: int
    report: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Home:
        """The state of the deployment."""
        return Home(self.folder)

    def environment(self, **more: str) -> dict[str, str]:
        """Of a command about this deployment."""
        kept = {name: value for name, value in os.environ.items() if _harmless(name)}
        own = {"KIT_HOME": str(self.folder), "KIT_PORT_BASE": str(self.port_base), "NO_COLOR": "1"}
        return {**kept, **own, "PYTHONPATH": str(PROJECT_ROOT), **more}

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """`kit <arguments>` to its end."""
        return subprocess.run(
            [*KIT, *arguments],
            capture_output=True,
            text=True,
            env=self.environment(**environment),
            cwd=PROJECT_ROOT,
            timeout=240,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """`kit <arguments>` in the background; Ctrl-C reaches it also where it does not reach the tests."""
        return subprocess.Popen(
            [*KIT, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
            cwd=PROJECT_ROOT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def up(self, *arguments: str, **environment: str) -> dict[str, Any]:
        """`kit up --json`, which must succeed; its report."""
        done = self.run("up", "--json", *arguments, **environment)
        assert done.returncode == 0, done.stderr + done.stdout
        self.report = json.loads(done.stdout)
        return self.report

    def clients_environment(self) -> Mapping[str, str]:
        """`kit env`, as a mapping."""
        self.variables = json.loads(self.run("env", "--json").stdout)
        return self.variables


def _harmless(name: str) -> bool:
    return not name.startswith(("AWS_", "ANTHROPIC_", "KIT_", "PULUMI_")) or name == "KIT_EMULATOR_VENV"


def free_port_base() -> int:
    """The first of a hundred ports that are free now, as far as `kit up` uses them.

    Below the range from which the kernel gives ports to connections, and apart from the other test process's.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    for _ in range(200):
        base = random.randrange(20_000, 32_000, 400) + 100 * worker
        if all(_is_free(base + offset) for offset in (0, 1, 2, 3, 90, 91, 92)):
            return base
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def local_deployment(folder: Path) -> Iterator[LocalKit]:
    """A home that is not up yet; whatever is up at the end is stopped and removed."""
    kit = LocalKit(folder, free_port_base())
    try:
        yield kit
    finally:
        done = kit.run("down")
        assert done.returncode == 0, done.stderr


def stop(process: "subprocess.Popen[str]", number: int = signal.SIGINT) -> tuple[int, str, str]:
    """Send a signal; exit code and what was printed."""
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err
