"""The emulated AWS: MiniStack in its own virtual environment, loopback only, IAM enforced."""

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kit.embedded import DEFAULT_ACCOUNT, Emulator, answers
from kit.errors import ExitCode, KitError
from kit.home import PROJECT_ROOT, writing

REQUIREMENTS = Path(__file__).with_name("requirements-emulator.txt")
LAUNCHER = Path(__file__).with_name("durable_emulator.py")
START_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RootCredentials:
    """The emulator's root credentials, generated once per home."""

    access_key_id: str
    secret_access_key: str

    @classmethod
    def generate(cls) -> "RootCredentials":
        return cls("AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30))


def install(folder: Path) -> Path:
    """Create the emulator's virtual environment once, from pinned wheels, and return its interpreter.

    Its folder in `folder` is named after the pins and gets that name only once complete, so interrupted and
    concurrent installations do no harm. Raises KitError if the packages cannot be downloaded.
    """
    venv = folder / pins()
    if (venv / "bin" / "python").exists():
        return venv / "bin" / "python"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=folder, prefix=".unfinished-"))
    try:
        _fill(unfinished)
        with contextlib.suppress(OSError):  # another process was faster
            unfinished.rename(venv)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return venv / "bin" / "python"


def pins() -> str:
    """Return twelve hex digits over the pinned packages and the interpreter: the environment's name."""
    return hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]


def _fill(venv: Path) -> None:
    uv = _uv()
    python = str(venv / "bin" / "python")
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if uv:
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv)]
        fill = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--require-hashes", "--python", python,
                "-r", str(REQUIREMENTS)]  # fmt: skip
    else:
        make = [sys.executable, "-m", "venv", "--clear", str(venv)]
        fill = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
                "-r", str(REQUIREMENTS)]  # fmt: skip
    for command in (make, fill):
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            raise KitError(
                f"the emulated AWS could not be installed: {lines[-1] if lines else command[0] + ' failed'}",
                hint="check the network, the package index that pip uses and the room on the disk, "
                "then run the command again",
                exit_code=ExitCode.ENVIRONMENT,
            )


def _uv() -> str | None:
    """Return uv if available: it fills the environment several times faster than pip."""
    own = PROJECT_ROOT / ".kit" / "uv" / "bin" / "uv"
    return shutil.which("uv") or (str(own) if own.exists() else None)


def start(
    *,
    venv: Path,
    state: Path,
    port: int,
    region: str,
    log: Path,
    account: str = DEFAULT_ACCOUNT,
    credentials: RootCredentials | None = None,
) -> Emulator:
    """Start the emulator on 127.0.0.1:`port` and return once it answers.

    `state` stores its data across restarts. Without `credentials` fresh root credentials are generated.
    Raises KitError if it cannot be installed or does not start.
    """
    python = install(venv)
    root = credentials or RootCredentials.generate()
    with writing(state):
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(0o700)  # it contains the values of secrets
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(state),
        "TMPDIR": tempfile.gettempdir() if len(str(state)) > 80 else str(state),  # socket paths are short
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": root.access_key_id,
        "AWS_SECRET_ACCESS_KEY": root.secret_access_key,
        "MINISTACK_ACCOUNT_ID": account,
        "MINISTACK_REGION": region,
        "STATE_DIR": str(state / "state"),
        "S3_DATA_DIR": str(state / "s3"),
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    with writing(log), log.open("ab") as out:
        process = subprocess.Popen(
            [str(python), str(LAUNCHER)],
            env=environment,
            cwd=state,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    running = Emulator(
        f"http://127.0.0.1:{port}", region, root.access_key_id, root.secret_access_key, process.pid, account
    )
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if answers(running):
            return running
        time.sleep(0.05)
    stop(process.pid)
    raise KitError(
        f"the emulated AWS did not start on port {port}",
        hint=f"read {log}; if the port is in use, choose others with --port-base",
        exit_code=ExitCode.ENVIRONMENT,
    )


def was_killed(state: Path) -> bool:
    """Return whether the emulator with that state ended without saving it."""
    return (state / "state" / "running").exists()


def stop(pid: int) -> None:
    """Stop the emulator with SIGTERM, on which it saves its state."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                return
        except ChildProcessError:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
