"""What every plugin of the engine here does as a process: says its port, serves, and ends with its engine."""

import os
import signal
import subprocess
import sys
import time
from threading import Lock, Thread

import grpc

_EVERY_SECONDS = 0.5


class Children:
    """Processes that a plugin has started; they end with it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = Lock()

    def add(self, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        with self._lock:
            self._running.add(process)
        return process

    def end(self) -> None:
        with self._lock:
            for process in self._running:
                process.kill()


def serve_engine(server: grpc.Server, port: int, children: Children | None = None) -> None:
    """Tell the engine the port, and serve until the server stops or the engine is gone: an engine that is
    killed tells nobody, and an orphan belongs to another parent.
    """
    engine = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the engine, which ends its plugins itself
    Thread(target=_end_with, args=(engine, children or Children()), daemon=True).start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


def _end_with(engine: int, children: Children) -> None:
    while os.getppid() == engine:
        time.sleep(_EVERY_SECONDS)
    children.end()
    os._exit(0)
