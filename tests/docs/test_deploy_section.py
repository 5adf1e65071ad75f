"""The README's deploy section is followed, command by command, up to where an AWS account is needed (O.1)."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, indented

KIT = "import sys; sys.argv[0] = 'kit'; from kit.cli import main; main()"
ANSWERS = (
    "Acme AG",
    "444455556666",
    "eu-central-1",
    "claude@acme.example.com",
    "https://login.acme.example.com",
    "sales=marketing care",
)


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of what is committed, with what changed since: what a reader has at first."""
    folder = tmp_path_factory.mktemp("fork")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def _commands() -> list[list[str]]:
    block = indented("README.md", "kit client new acme").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in block]


def _run(fork: Path, arguments: list[str], answers: str = "") -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nobody = {"HOME": str(fork / "home"), "AWS_EC2_METADATA_DISABLED": "true", "PYTHONPATH": str(fork)}
    return subprocess.run(
        [sys.executable, "-c", KIT, *arguments],
        cwd=fork,
        env=inherited | nobody,
        input=answers,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_deploy_section_works_up_to_where_an_account_is_needed(fork: Path) -> None:
    new, check, build, doctor, foundation, gates, every_stage = _commands()
    assert build == ["build"], "the one that needs no account and is left out: it downloads every package"

    made = _run(fork, new, "\n".join(ANSWERS) + "\n")
    assert made.returncode == 0, made.stderr
    assert (fork / "clients" / "acme" / "client.yaml").is_file()
    for stage in ("foundation", "integration", "rollout"):
        assert f"{stage} " in made.stdout, "ends with the plan of every stage"

    open_places = _run(fork, check)
    assert open_places.returncode == 5, open_places.stderr
    assert "is not filled in" in open_places.stdout

    for needs_an_account in (doctor, foundation, every_stage):
        refused = _run(fork, needs_an_account)
        assert refused.returncode == 5, refused.stderr
        assert "aws sso login" in refused.stdout + refused.stderr
        assert "Traceback" not in refused.stderr

    asked = _run(fork, gates)
    assert asked.returncode == 0, asked.stderr
    assert "kit gate attest" in asked.stdout
