"""Where the embedded default keeps its state: one folder, private to the user, written whole or not at all.

    <home>/emulator.json       how to reach the emulated AWS, with its root credentials (mode 0600)
    <home>/emulator/           what the emulator stores
    <home>/state/<stack>.json  what was made for each stack (+ .journal while a run is under way)
    <home>/processes/          one file per process: command, environment, pid (mode 0600)
    <home>/logs/<name>.log     what each process wrote
    <home>/demonstration.yaml  attestations and measurements that open the gates on the emulated AWS
    <home>/access.json         the demonstration application key and the SCIM token (mode 0600)
    <home>/attendant.json      keys the tokens with which processes get their role's credentials (mode 0600)
    <home>/lock                held while a run is under way
    <home>/client.json         which client stands here
    <home>/restarts.json       which process was started again, and when
    <home>/engine.key          keys the hashes that stand for secrets in the state (mode 0600)

`KIT_HOME` names it; `.kit` in the project's folder is the default. The emulator's own virtual environment is
no state: it stays when the rest is removed.
"""

import contextlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.errors import ExitCode, KitError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_STATE = ("state", "processes", "logs", "emulator", "emulator.json", "demonstration.yaml", "access.json",
          "engine.key", "attendant.json", "restarts.json", "client.json", "lock")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one embedded deployment."""

    path: Path

    @property
    def emulator_file(self) -> Path:
        return self.path / "emulator.json"

    @property
    def emulator_folder(self) -> Path:
        return self.path / "emulator"

    @property
    def emulator_venv(self) -> Path:
        """Shared by all homes of the project: it holds packages only."""
        return Path(os.environ.get("KIT_EMULATOR_VENV") or PROJECT_ROOT / ".kit" / "emulator-venv")

    @property
    def processes(self) -> Path:
        return self.path / "processes"

    @property
    def demonstration_file(self) -> Path:
        return self.path / "demonstration.yaml"

    @property
    def access_file(self) -> Path:
        return self.path / "access.json"

    @property
    def client_file(self) -> Path:
        return self.path / "client.json"

    @property
    def attendant_file(self) -> Path:
        return self.path / "attendant.json"

    def state_file(self, stack: str) -> Path:
        return self.path / "state" / f"{stack}.json"

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def prepare(self) -> None:
        """Make the folders. Raises KitError where the home cannot be written."""
        with writing(self.path):
            for folder in (self.path, self.path / "state", self.processes, self.path / "logs"):
                folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.path / "state", self.processes):
                folder.chmod(0o700)

    def engine_key(self) -> bytes:
        """The key of the hashes that stand for secrets; made once."""
        path = self.path / "engine.key"
        if not path.exists():
            write_private(path, secrets.token_hex(32))
        return path.read_bytes()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home for one run. Raises KitError while another run has it."""
        self.prepare()
        import fcntl  # the embedded deployment is for Linux and macOS

        with writing(self.path), (self.path / "lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise KitError(
                    f"another `kit up` or `kit down` is at work in {self.path}",
                    hint="wait for it to end",
                    exit_code=ExitCode.ENVIRONMENT,
                ) from None
            yield

    def busy(self) -> bool:
        """Whether a run has the home."""
        import fcntl  # the embedded deployment is for Linux and macOS

        try:
            with (self.path / "lock").open("a") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def remove_state(self) -> None:
        """Remove everything but what was downloaded."""
        with writing(self.path):
            for name in _STATE:
                path = self.path / name
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.path.rmdir()  # only if nothing else is in it


def find_home() -> Home:
    """The home that `KIT_HOME` names, or the project's own."""
    given = os.environ.get("KIT_HOME")
    return Home(Path(given).expanduser().absolute() if given else PROJECT_ROOT / ".kit")


def write_private(path: Path, text: str) -> None:
    """Write a file that only the user can read; a reader or an interruption never sees half of it."""
    with writing(path):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def read_json(path: Path) -> dict[str, Any] | None:
    """A file of the home; None if it is not there. Raises KitError if it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise KitError(
            f"{path} cannot be read: {error}",
            hint="remove the local state with `kit down`, then run `kit up` again",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
    return found if isinstance(found, dict) else None


@contextlib.contextmanager
def writing(path: Path) -> Any:
    """Turn "disk full" and "permission denied" into one message that names the place."""
    try:
        yield
    except OSError as error:
        raise KitError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="make room or give yourself the right to write there, or set KIT_HOME to another folder",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
