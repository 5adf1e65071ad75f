"""docs/deploy.md names tests and commands that exist; the workflow files are well formed (S.1)."""

import re
import subprocess
from pathlib import Path

import yaml

from tests.support.local_kit import KIT

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text("utf-8")


def test_every_finding_has_a_test_that_exists() -> None:
    table = PAGE.partition("## What would have stopped")[2]
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 28))
    for number, proof in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", proof)
        assert named, number
        for file, test in named:
            text = (ROOT / file).read_text("utf-8")
            assert not test or f"def {test}(" in text, f"{file}::{test}"


def test_every_command_of_the_page_is_one_of_the_kit() -> None:
    commands = set(re.findall(r"`kit ([a-z-]+)", PAGE))
    assert {"deploy", "doctor", "drift", "gate", "image", "preview"} <= commands
    shown = subprocess.run([*KIT, "--help"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert {command for command in commands if not re.search(rf"\b{command}\b", shown)} == set()


def test_the_workflows_take_a_role_and_no_key() -> None:
    for file in (ROOT / "docs" / "workflows").glob("*.yml"):
        text = file.read_text("utf-8")
        assert yaml.safe_load(text)["permissions"]["id-token"] == "write"
        assert "secrets." not in text
        assert "AWS_SECRET" not in text
