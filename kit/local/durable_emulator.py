"""Runs the emulator so that it loses nothing when killed; started with its own interpreter, not the kit's.

By itself the emulator saves its state only at a clean shutdown, and never the retention of locked objects.
Here a child process made by fork(2) writes and syncs the state of every changed service a second after the
change: the emulator keeps answering meanwhile, and the child sees a consistent snapshot. Retentions are
appended to a journal as they are set. While a file `running` exists, the emulator was not shut down
cleanly.

A child may outlive an emulator that was killed. It holds none of its sockets, so that the port is free and
clients notice; and it locks the state, so that the next emulator starts with what it writes.

Only the standard library and the emulator's own package can be imported.
"""

import asyncio
import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import ministack.app as emulated  # pyright: ignore[reportMissingImports]
from ministack.core import persistence  # pyright: ignore[reportMissingImports]
from ministack.services import s3  # pyright: ignore[reportMissingImports]

SAVE_SECONDS = 1.0
_CHILD_SECONDS = 60  # after that a writing child is given up
_LOCK = "saving.lock"
# Operations that change nothing durable.
_PASSING = (
    *("Assume", "BatchGet", "Decrypt", "Describe", "Encrypt", "Filter", "Generate", "Get", "Head", "Invoke"),
    *("List", "Lookup", "PutLogEvents", "PutMetricData", "PutRecord", "Query", "ReEncrypt", "Scan", "Sign"),
    *("TransactGet", "Verify"),
)
_STATE_KEYS = {"cognito-idp": "cognito", "events": "eventbridge", "logs": "cloudwatch_logs"}


class Journal(dict[Any, Any]):
    """A dictionary whose changes are appended to a file and replayed from it. Keys are tuples of strings."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._replay(line)
        shorter = path.with_suffix(".new")
        shorter.write_text("".join(_entry(key, value) for key, value in self.items()), encoding="utf-8")
        shorter.replace(path)
        self._file = path.open("a", encoding="utf-8")

    def _replay(self, line: str) -> None:
        try:
            account, parts, value = json.loads(line)
        except ValueError:  # the last line at a power failure
            return
        key = (account, tuple(parts))
        if value is None:
            super().pop(key, None)
        else:
            super().__setitem__(key, value)

    def _note(self, key: Any, value: Any) -> None:
        self._file.write(_entry(key, value))
        self._file.flush()

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self._note(key, value)

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self._note(key, None)

    def pop(self, key: Any, *default: Any) -> Any:
        if key in self:
            self._note(key, None)
        return super().pop(key, *default)

    def clear(self) -> None:
        for key in list(self):
            del self[key]


def _entry(key: Any, value: Any) -> str:
    account, parts = key
    return json.dumps([account, list(parts), value]) + "\n"


class Saver:
    """Saves changes, one child process at a time."""

    def __init__(self) -> None:
        self._changed: set[str] = set()
        self._child = 0

    def note(self, scope: Any) -> None:
        """Note a request that may change something."""
        service = _service_that_changes(scope)
        if service:
            self._changed.add(_STATE_KEYS.get(service, service))

    async def run(self) -> None:
        """Save changes until the emulator ends."""
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if self._changed:
                await self._save()

    async def _save(self) -> None:
        changed, self._changed = self._changed, set()
        emulator, child = os.getpid(), os.fork()
        if child == 0:
            _write(changed, emulator)
        deadline = time.monotonic() + _CHILD_SECONDS
        while True:
            done, status = os.waitpid(child, os.WNOHANG)  # noqa: ASYNC222 - does not wait
            if done:
                break
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
            await asyncio.sleep(0.02)
        if status != 0:
            sys.stderr.write(f"the state of {', '.join(sorted(changed))} was not saved, tried again\n")
            self._changed |= changed


def _write(changed: set[str], emulator: int) -> None:
    """In the child: write the state of services and exit."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        held = _lock(Path(persistence.STATE_DIR))
        if os.getppid() != emulator:  # killed meanwhile: the next one may have started
            return
        known = emulated._build_persistence_save_dict()
        wanted = changed & known.keys()
        # An unknown service shares its module with others, so all are written.
        for key in wanted if wanted == changed else known:
            state = known[key]()
            if state is not None:
                _put(key, state)
        os.close(held)  # what follows may take long on a busy disk
        os.sync()  # including objects, which the emulator writes as they arrive
        status = 0
    finally:
        os._exit(status)


def _lock(state: Path) -> int:
    """Wait until no process writes the state. Return a descriptor; closing it ends the lock."""
    held = os.open(state / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


def _put(key: str, state: Any) -> None:
    path = Path(persistence.STATE_DIR) / f"{key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".saving")
    wrapped = {"__ministack_format__": persistence._state_format_version(key), "payload": state}
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(wrapped, file, default=persistence._json_default)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _service_that_changes(scope: Any) -> str:
    """Return the service whose state a request may change; empty for none."""
    headers = dict(scope["headers"])
    target = headers.get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]
    if target.startswith(_PASSING):
        return ""
    credential = headers.get(b"authorization", b"").decode("latin-1").partition("Credential=")[2].split("/")
    # A sign-in carries no credential.
    service = credential[3] if len(credential) > 4 else "cognito-idp"
    if service == "s3" and (scope["method"] in ("GET", "HEAD") or scope["path"].strip("/").count("/")):
        return ""  # objects are written as they arrive
    if scope["method"] in ("GET", "HEAD") and service != "cognito-idp":
        return ""
    return "" if scope["path"].startswith("/_ministack") else service


def main() -> None:
    """Serve until SIGTERM."""
    state = Path(persistence.STATE_DIR)
    state.mkdir(parents=True, exist_ok=True)
    os.close(_lock(state))
    s3._object_retention._data = Journal(state / "retention.jsonl")
    s3._object_legal_hold._data = Journal(state / "legal-hold.jsonl")
    running, saver, serve = state / "running", Saver(), emulated.app
    tasks: list[asyncio.Task[None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            if scope["type"] == "http":
                saver.note(scope)
            await serve(scope, receive, send)
            return

        async def watched(message: Any) -> None:
            if message["type"] == "lifespan.startup.complete":
                running.touch()
                tasks.append(asyncio.get_running_loop().create_task(saver.run()))
            if message["type"] == "lifespan.shutdown.complete":
                running.unlink(missing_ok=True)
            await send(message)

        await serve(scope, receive, watched)

    emulated.app = app
    emulated.main()


if __name__ == "__main__":
    main()
