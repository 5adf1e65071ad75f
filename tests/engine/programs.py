"""Runs programs one after the other, each in a fork of a Python that has loaded their libraries: to start
another and load them takes as long as a whole stage.

    python -m tests.engine.programs

reads a program a line, {"command": […], "environment": {…}, "folder": "…"}, and answers each with a line for
its process id and one for its exit code. Only libraries are kept: what lies in this project each program
loads itself, from its own copy.
"""

import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from contract.kinds import STAGES
from kit.home import PROJECT_ROOT


class Programs:
    """The Python that forks, in a process of its own that has no threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.programs"],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: str,
        started: Callable[[int], object],
    ) -> int:
        """Run the script `command[0]` with the rest as its arguments; its exit code, negative for a signal.
        `started` is called with its process id.
        """
        wanted = {"command": list(command), "environment": dict(environment), "folder": folder}
        with self._lock:
            assert self._process.stdin
            assert self._process.stdout
            self._process.stdin.write(f"{json.dumps(wanted)}\n")
            self._process.stdin.flush()
            started(int(self._process.stdout.readline()))
            return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the engine, which ends its program itself
    _load_libraries()
    gc.freeze()
    # Cyclic garbage collection takes half of the time of a program that makes very many small futures.
    gc.disable()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(**json.loads(line))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _load_libraries() -> None:
    for stage in STAGES:
        __import__(f"stacks.{stage}")
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or sys.prefix)
        if name != "__main__" and file.is_relative_to(PROJECT_ROOT) and not file.is_relative_to(sys.prefix):
            del sys.modules[name]


def _become(command: list[str], environment: dict[str, str], folder: str) -> None:
    """Run the script as a Python that was started with it would, and end."""
    code: Any = 1
    try:
        os.dup2(2, 1)  # the answers go to the other
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.argv = command
        sys.path[0] = str(Path(command[0]).parent)
        runpy.run_path(command[0], run_name="__main__")
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    _serve()
