"""What happens to a deployment over its life: settings change, runs are stopped, processes die, things are in
the way. Each ends in one message and a documented exit code (Z.1).
"""

import json
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anthropic
import pytest
import yaml

from kit import embedded
from kit.home import PROJECT_ROOT
from kit.local import emulator
from kit.local.processes import load
from tests.support.local_kit import LocalKit, free_port_base, local_deployment, stop

pytestmark = [pytest.mark.emulator, pytest.mark.timeout(300)]  # a busy machine takes its time
CLIENT_FILE = PROJECT_ROOT / "stacks" / "config" / "clients" / "example.yaml"


@dataclass
class Changing:
    """A deployment of its own, from a client's file that the tests change. Small and without the last stage,
    so that a run takes a few seconds.
    """

    kit: LocalKit
    file: Path

    def choose(self, **changes: object) -> None:
        """Write the client's file: what the example client chose, but for `changes`."""
        chosen = yaml.safe_load(CLIENT_FILE.read_text()) | {"size": "small"} | changes
        self.file.write_text(yaml.safe_dump(chosen, sort_keys=False))

    def up(self, **environment: str) -> dict[str, Any]:
        """Stand up what is chosen now; the report."""
        return self.kit.up(*self.arguments, **environment)

    def standing(self) -> None:
        """Up, as the test before left it."""
        if not self.kit.report:
            self.up()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of `kit up`."""
        return ("--stage", "integration", "--config", str(self.file))


class Provider(ThreadingHTTPServer):
    """Stands in for api.anthropic.com: answers every message, and keeps the headers of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.asked: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "Provider":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Provider)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append({name.lower(): value for name, value in self.headers.items()})
        answer = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"],
            "content": [{"type": "text", "text": "From the provider."}], "stop_reason": "end_turn",
            "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
        }  # fmt: skip
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changing]:
    """A deployment of this module's own. Its first run is stopped in the middle."""
    folder = tmp_path_factory.mktemp("changing")
    with local_deployment(folder / "home") as kit:
        changing = Changing(kit, folder / "client.yaml")
        changing.choose()
        yield changing


@pytest.fixture
def untouched(tmp_path: Path) -> LocalKit:
    """A home in which nothing is ever started."""
    return LocalKit(tmp_path / "home", free_port_base())


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[LocalKit]:
    """A home where nothing is up."""
    with local_deployment(tmp_path / "home") as kit:
        yield kit


def _departments(budget: int) -> list[dict[str, object]]:
    departments = yaml.safe_load(CLIENT_FILE.read_text())["departments"]
    return [one | ({"monthly_budget_usd": budget} if one["id"] == "marketing" else {}) for one in departments]


def _ask(kit: LocalKit) -> str:
    variables = kit.clients_environment()
    client = anthropic.Anthropic(
        base_url=variables["ANTHROPIC_BASE_URL"], auth_token=variables["ANTHROPIC_AUTH_TOKEN"], max_retries=0
    )
    answer = client.messages.create(
        model="fast", max_tokens=50, messages=[{"role": "user", "content": "Still there?"}]
    )
    return "".join(block.text for block in answer.content if block.type == "text")


def test_ctrl_c_leaves_nothing_running_and_a_state_to_go_on_from(changing: Changing) -> None:
    process = changing.kit.start("up", *changing.arguments)
    journal = changing.kit.home.state_file("foundation").with_suffix(".journal")
    deadline = time.monotonic() + 60
    while not journal.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    code, _, err = stop(process, signal.SIGINT)
    assert code == 130, err
    assert "Traceback" not in err
    assert "`kit up` goes on from here" in err
    assert changing.kit.run("status").returncode == 4
    report = changing.up()
    assert report["changes"].keys() == {"create"}
    assert "stand-in" in _ask(changing.kit)


def test_a_changed_setting_converges_without_a_reset(changing: Changing) -> None:
    changing.standing()
    key = changing.kit.clients_environment()["ANTHROPIC_AUTH_TOKEN"]
    one_more = {"id": "research", "name": "Research", "cost_center": "CC-800", "models": ["fast"],
                "monthly_budget_usd": 10, "pilot": True, "workflows": []}  # fmt: skip
    changing.choose(departments=[*_departments(budget=701), one_more])
    report = changing.up()
    assert report["changes"].get("update", 0) >= 1
    assert not report["changes"].get("delete")
    assert changing.kit.clients_environment()["ANTHROPIC_AUTH_TOKEN"] == key
    assert "stand-in" in _ask(changing.kit)


def test_what_is_protected_is_not_deleted_because_a_setting_went(changing: Changing) -> None:
    chosen = changing.file.read_text()
    changing.choose()  # without the department that the test before added
    done = changing.kit.run("up", *changing.arguments)
    assert done.returncode == 1
    assert "department-research-key (aws:kms/key:Key) is protected and would be deleted" in done.stderr
    assert "Traceback" not in done.stderr
    changing.file.write_text(chosen)
    assert changing.up()["changes"] == {}


def test_a_process_that_died_is_started_again_by_the_attendant(changing: Changing) -> None:
    changing.standing()
    gateway = load(changing.kit.home, "gateway")
    assert gateway
    os.kill(gateway.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    again = gateway
    while again.pid == gateway.pid or changing.kit.run("status").returncode != 0:
        assert time.monotonic() < deadline, "nothing started the gateway again"
        again = load(changing.kit.home, "gateway") or gateway
    assert "stand-in" in _ask(changing.kit)
    report = changing.up()
    assert (report["started"], report["changes"]) == ([], {})


@pytest.mark.nightly
def test_an_emulator_that_was_killed_is_started_again_with_what_it_held(changing: Changing) -> None:
    """Killed, not stopped: nothing has to be made again, the key works, and the report says so."""
    changing.standing()
    key = changing.kit.clients_environment()["ANTHROPIC_AUTH_TOKEN"]
    running = embedded.remembered(changing.kit.home)
    assert running
    time.sleep(2.5)  # what changed in the last two seconds may be lost
    os.kill(running.pid, signal.SIGKILL)
    report = changing.up()
    assert (report["emulator_was_killed"], report["lost"], report["changes"]) == (True, [], {})
    assert changing.kit.clients_environment()["ANTHROPIC_AUTH_TOKEN"] == key
    assert "stand-in" in _ask(changing.kit)


def test_data_outlives_a_stop(changing: Changing) -> None:
    changing.standing()
    key = changing.kit.clients_environment()["ANTHROPIC_AUTH_TOKEN"]
    assert changing.kit.run("down", "--keep").returncode == 0
    assert changing.kit.run("status").returncode == 4
    assert changing.up()["changes"] == {}
    assert changing.kit.clients_environment()["ANTHROPIC_AUTH_TOKEN"] == key
    assert "stand-in" in _ask(changing.kit)


def test_a_key_of_claude_reaches_the_provider_and_nothing_else(changing: Changing) -> None:
    """With ANTHROPIC_API_KEY the gateway asks Claude itself, at ANTHROPIC_BASE_URL (L1.3, L1.7)."""
    key = "sk-ant-of-the-operator-0123456789"
    with Provider() as provider:
        done = changing.kit.run(
            "up", *changing.arguments, ANTHROPIC_API_KEY=key, ANTHROPIC_BASE_URL=f"{provider.url}/"
        )
        assert done.returncode == 0, done.stderr
        assert "'From the provider.'" in done.stdout
        assert "outside data_residency eu: for this local run only" in done.stdout
        assert _ask(changing.kit) == "From the provider."
    assert {headers.get("x-api-key") for headers in provider.asked} == {key}
    shown = done.stdout + done.stderr + changing.kit.run("status", "--json").stdout
    shown += changing.kit.run("env").stdout
    home = changing.kit.home
    files = [path for path in changing.kit.folder.rglob("*") if path.is_file()]
    kept = [path for path in files if not path.is_relative_to(home.emulator_folder)]
    processes = [each.pid for name in ("gateway", "scim", "attendant") if (each := load(home, name))]
    assert len(processes) == 3
    for pid in processes:
        kept += [Path(f"/proc/{pid}/cmdline"), Path(f"/proc/{pid}/environ")]
    assert key not in shown
    assert [path for path in kept if key.encode() in path.read_bytes()] == []
    assert stat.S_IMODE(home.emulator_folder.stat().st_mode) == 0o700  # Secrets Manager's own store
    # Without the key the stand-in answers again, also where `kit env` has set the address of the gateway.
    assert (
        changing.up(ANTHROPIC_BASE_URL=changing.kit.variables["ANTHROPIC_BASE_URL"])["claude"] == "stand-in"
    )
    assert "stand-in" in _ask(changing.kit)


@pytest.mark.parametrize("address", ["api.anthropic.com", "http://proxy.example", "https://", "https://a b"])
def test_an_address_of_claude_that_is_none_is_refused(untouched: LocalKit, address: str) -> None:
    done = untouched.run("up", ANTHROPIC_API_KEY="sk-ant-secret", ANTHROPIC_BASE_URL=address)
    assert done.returncode == 2
    assert "ANTHROPIC_BASE_URL is not an address" in done.stderr
    assert "sk-ant-secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_down_removes_everything_and_twice_does_no_harm(kit: LocalKit) -> None:
    kit.up("--stage", "foundation")
    running = embedded.remembered(kit.home)
    assert running
    assert kit.run("down").stdout == "stopped and removed\n"
    assert not kit.folder.exists()
    assert not embedded.answers(running)
    assert kit.run("down").stdout == "nothing was up\n"
    assert kit.run("env").returncode == 4


@pytest.mark.nightly
def test_foreground_stays_until_it_is_stopped(kit: LocalKit) -> None:
    process = kit.start("up", "--stage", "foundation", "--foreground")
    assert process.stdout
    for line in process.stdout:
        if "Ctrl-C stops everything" in line:
            break
    assert kit.run("status").returncode == 0
    code, _, err = stop(process)
    assert (code, err) == (0, "")
    assert kit.run("status").returncode == 4


def test_two_runs_do_not_meet(kit: LocalKit) -> None:
    with kit.home.locked():
        done = kit.run("up")
    assert done.returncode == 4
    assert "another `kit up` or `kit down` is at work" in done.stderr


def test_a_port_in_use_is_named_with_its_owner(kit: LocalKit) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", kit.port_base + 90))
        other.listen()
        done = kit.run("up", "--stage", "foundation")
    assert done.returncode == 4
    assert f"port {kit.port_base + 90}, which the emulated AWS needs, is in use by" in done.stderr
    assert f"(process {os.getpid()})" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_package_index_one_message_says_so(kit: LocalKit, tmp_path: Path) -> None:
    nowhere = dict.fromkeys(
        ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL"), "http://127.0.0.1:9/simple"
    )
    more = nowhere | {
        "KIT_EMULATOR_VENV": str(tmp_path / "venv"),
        "UV_NO_CACHE": "1",
        "UV_HTTP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
    }
    done = kit.run("up", "--stage", "foundation", **more)
    assert done.returncode == 4
    assert "the emulated AWS could not be installed" in done.stderr
    assert "check the network" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "venv").iterdir())


def test_an_emulator_that_does_not_start_is_told_with_its_log(kit: LocalKit, tmp_path: Path) -> None:
    python = tmp_path / "venv" / emulator.pins() / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    done = kit.run("up", "--stage", "foundation", KIT_EMULATOR_VENV=str(tmp_path / "venv"))
    assert done.returncode == 4
    assert "the emulated AWS did not start" in done.stderr
    assert str(kit.home.log("emulator")) in done.stderr
    assert kit.run("logs", "emulator").stdout == "broken\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stage", "pilot"), "unknown stage 'pilot'"),
        (("--size", "tiny"), "unknown size 'tiny'"),
        (("--port-base", "80"), "port base '80' is not a number from 1024"),
        (("--config", "nowhere.yaml"), "nowhere.yaml: no such file"),
        (("--config", "stacks/config/Pulumi.foundation.yaml"), "this is the configuration of one stack"),
    ],
)
def test_a_wrong_option_is_told_before_anything_starts(
    untouched: LocalKit, arguments: tuple[str, str], message: str
) -> None:
    done = untouched.run("up", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not untouched.home.emulator_file.exists()


def test_a_wrong_configuration_lists_every_error(untouched: LocalKit, tmp_path: Path) -> None:
    wrong = yaml.safe_load(CLIENT_FILE.read_text()) | {"region": "nowhere-1", "sizee": "small"}
    (tmp_path / "client.yaml").write_text(yaml.safe_dump(wrong))
    done = untouched.run("up", "--config", str(tmp_path / "client.yaml"))
    assert done.returncode == 2
    assert "region" in done.stderr
    assert "sizee" in done.stderr
    assert "Traceback" not in done.stderr
    assert not untouched.home.emulator_file.exists()
