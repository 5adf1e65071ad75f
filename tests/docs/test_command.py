"""What every command of `kit` shares: version, groups, and what an error says."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

KIT = Path(sys.executable).with_name("kit")


def kit(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([KIT, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_version_is_that_of_the_release(tmp_path: Path) -> None:
    released = (Path(__file__).resolve().parents[2] / "VERSION").read_text("utf-8").strip()
    assert version("claude-enterprise-kit") == released
    assert kit("--version", folder=tmp_path).stdout == f"kit {released}\n"


def test_the_cause_of_an_error_is_shown_when_asked_for(tmp_path: Path) -> None:
    broken = tmp_path / "baselines.yaml"
    broken.write_text("[", "utf-8")
    usual = kit("preview", "--config", str(broken), folder=tmp_path)
    asked = kit("-v", "preview", "--config", str(broken), folder=tmp_path)
    assert usual.returncode == asked.returncode == 2
    assert asked.stderr.startswith(usual.stderr)
    assert "cause: yaml." in asked.stderr
    assert "Traceback" not in asked.stderr
