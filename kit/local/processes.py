"""Our functions and services as background processes: started, checked, restarted after changes, stopped.

A process is one file under `<home>/processes`: what was started, with which environment and process id. A
file whose process is gone, or whose process id now belongs to another program, is stale and ignored.
"""

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from kit.errors import ExitCode, KitError
from kit.home import PROJECT_ROOT, Home, read_json, write_private, writing
from kit.local.ports import require_free

READY_SECONDS = 30.0
STOP_SECONDS = 8.0
Health = Literal["up", "starting", "down"]


@dataclass(frozen=True)
class Process:
    """One background process.

    `environment` is its whole environment; `url` and `health_path` say where it answers; `fingerprint`
    changes when it must be restarted (code or environment); `title` describes it to people.
    """

    name: str
    title: str
    command: Sequence[str]
    environment: Mapping[str, str]
    port: int
    health_path: str
    fingerprint: str
    pid: int = 0
    function: str = ""  # name of the Lambda function that it replaces

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class ProcessState:
    """The state of a process."""

    process: Process
    health: Health
    log: Path = field(default_factory=Path)


def base_environment(home: Home) -> dict[str, str]:
    """Return what every process gets, and nothing of the operator's: no credentials, no profile."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home.path),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": str(PROJECT_ROOT),
        "PYTHONUNBUFFERED": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def fingerprint(command: Sequence[str], environment: Mapping[str, str], folders: Sequence[Path]) -> str:
    """Return a digest of the command, the environment and the Python sources in the folders."""
    digest = hashlib.sha256(json.dumps([list(command), sorted(environment.items())]).encode())
    for folder in folders:
        for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
            digest.update(str(path.relative_to(PROJECT_ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def converge(home: Home, wanted: Sequence[Process]) -> list[str]:
    """Start what is not running, restart what changed, stop what is no longer wanted; wait until all
    answer.

    Returns the names of those started. Raises KitError for a port in use or a process that does not start,
    with the end of its log.
    """
    names = {process.name for process in wanted}
    for process in recorded(home):
        if process.name not in names:
            stop(home, process)
    started: list[tuple[Process, subprocess.Popen[bytes]]] = []
    for process in wanted:
        known = load(home, process.name)
        if known and is_running(known) and known.fingerprint == process.fingerprint and answers(known):
            continue
        if known:
            stop(home, known)
        started.append((process, start(home, process)))
    deadline = time.monotonic() + READY_SECONDS
    for process, child in started:
        _wait(home, process, child, deadline)
    return [process.name for process, _ in started]


def start(home: Home, process: Process) -> subprocess.Popen[bytes]:
    """Start a process and record it. Raises KitError for a port in use."""
    require_free(process.port, process.name)
    log = home.log(process.name)
    with writing(log), log.open("ab") as out:
        child = subprocess.Popen(
            list(process.command),
            env=dict(process.environment),
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    stored = asdict(process) | {"pid": child.pid, "command": list(process.command)}
    write_private(_file(home, process.name), json.dumps(stored, indent=1) + "\n")
    return child


def _wait(home: Home, process: Process, child: "subprocess.Popen[bytes]", deadline: float) -> None:
    while time.monotonic() < deadline and child.poll() is None:
        if answers(process):
            return
        time.sleep(0.03)
    lines = home.log(process.name).read_text(errors="replace").strip().splitlines()[-40:]
    telling = [line for line in lines if re.search(r"\w(Error|Exception)\b", line)] or lines
    said = f": {telling[-1].removeprefix('ERROR:').strip()[:300]}" if telling else ""
    stop(home, load(home, process.name))
    raise KitError(
        f"{process.name} did not come up{said}",
        hint=f"kit logs {process.name}",
        exit_code=ExitCode.ENVIRONMENT,
    )


def stop(home: Home, process: Process | None) -> None:
    """Stop a process with SIGTERM, after some seconds with SIGKILL, and forget it."""
    if process is None:
        return
    if is_running(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        _file(home, process.name).unlink(missing_ok=True)  # before it ends, so that nobody restarts it
        deadline = time.monotonic() + STOP_SECONDS
        while is_running(process) and time.monotonic() < deadline:
            time.sleep(0.03)
        if is_running(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
    _file(home, process.name).unlink(missing_ok=True)


def stop_all(home: Home) -> None:
    """Stop every process of this home, in reverse order of their start."""
    for process in reversed(recorded(home)):
        stop(home, process)


def note_restart(home: Home, name: str, at: datetime) -> None:
    """Record that a process died and was restarted."""
    known = {one: [each.isoformat() for each in times[-20:]] for one, times in restarts(home).items()}
    known.setdefault(name, []).append(at.isoformat(timespec="seconds"))
    write_private(home.path / "restarts.json", json.dumps(known, indent=1) + "\n")


def restarts(home: Home) -> dict[str, list[datetime]]:
    """Return when each process was restarted because it had died."""
    stored = read_json(home.path / "restarts.json") or {}
    return {name: [datetime.fromisoformat(at) for at in times] for name, times in stored.items()}


def recorded(home: Home) -> list[Process]:
    """Return every process that was started and not stopped, by name."""
    return [found for path in sorted(home.processes.glob("*.json")) if (found := load(home, path.stem))]


def load(home: Home, name: str) -> Process | None:
    """Return the process as it was started, or None."""
    stored = read_json(_file(home, name))
    return Process(**stored) if stored else None


def states(home: Home) -> list[ProcessState]:
    """Return the current state of every process."""
    return [ProcessState(process, _health(process), home.log(process.name)) for process in recorded(home)]


def is_running(process: Process) -> bool:
    """Return whether the process id still belongs to what was started (ids are reused)."""
    return is_our_process(process.pid, process.command)


def is_our_process(pid: int, command: Sequence[str]) -> bool:
    """Return whether a process with that id runs that command."""
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)  # our own child, which has ended
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True)
    running = shown.stdout.strip()
    return not running or " ".join(command[1:]) in running


def answers(process: Process) -> bool:
    """Return whether its health check returns 200."""
    try:
        with urllib.request.urlopen(process.url + process.health_path, timeout=1) as response:  # noqa: S310
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _health(process: Process) -> Health:
    if not is_running(process):
        return "down"
    return "up" if answers(process) else "starting"


def _file(home: Home, name: str) -> Path:
    return home.processes / f"{name}.json"
