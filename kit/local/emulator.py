"""The emulated AWS: MiniStack in a virtual environment of its own, loopback only, IAM enforced."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from kit.errors import ExitCode, KitError

REQUIREMENTS = Path(__file__).with_name("requirements-emulator.txt")
START_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator. `access_key_id`/`secret_access_key` are its generated root credentials."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str
    pid: int

    def environment(self) -> dict[str, str]:
        """What a process needs to reach it as root, in the names that botocore reads."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def install(venv: Path) -> Path:
    """Make the emulator's own virtual environment once; return its interpreter."""
    python = venv / "bin" / "python"
    marker = venv / "requirements.txt"
    if python.exists() and marker.exists() and marker.read_bytes() == REQUIREMENTS.read_bytes():
        return python
    venv.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True, capture_output=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "-r", str(REQUIREMENTS)], capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise KitError(
            f"the emulated AWS could not be installed: {reason}",
            way_out="check the network or the package index that pip uses, then run the command again",
            exit_code=ExitCode.ENVIRONMENT,
        )
    shutil.copyfile(REQUIREMENTS, marker)
    return python


def start(*, venv: Path, state: Path, port: int, region: str, log: Path) -> Emulator:
    """Start the emulator on 127.0.0.1:`port` with fresh root credentials; return when it answers."""
    python = install(venv)
    state.mkdir(parents=True, exist_ok=True)
    emulator_environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(state),
        "TMPDIR": str(state),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": "AKIA" + secrets.token_hex(8).upper(),
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
        "MINISTACK_REGION": region,
        "STATE_DIR": str(state / "state"),
        "S3_DATA_DIR": str(state / "s3"),
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(python), "-m", "ministack"],
            env=emulator_environment,
            cwd=state,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    emulator = Emulator(
        endpoint_url=f"http://127.0.0.1:{port}",
        region=region,
        access_key_id=emulator_environment["AWS_ACCESS_KEY_ID"],
        secret_access_key=emulator_environment["AWS_SECRET_ACCESS_KEY"],
        pid=process.pid,
    )
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            health = f"{emulator.endpoint_url}/_ministack/health"
            with urllib.request.urlopen(health, timeout=1):  # noqa: S310 - our own loopback address
                return emulator
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    stop(process.pid)
    raise KitError(
        f"the emulated AWS did not start on port {port}",
        way_out=f"read {log}; is the port in use? choose another one",
        exit_code=ExitCode.ENVIRONMENT,
    )


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
    os.kill(pid, signal.SIGKILL)
