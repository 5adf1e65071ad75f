"""Where no engine can be had, its tests fail and do not pass in silence (Z.1)."""

import subprocess
import sys
from pathlib import Path

from kit.home import PROJECT_ROOT


def test_a_run_without_an_engine_fails_and_says_what_is_needed(tmp_path: Path) -> None:
    nothing = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.build"],
        cwd=PROJECT_ROOT,
        env=nothing,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: no pulumi on the PATH and no Go 1.")
    recipe = (PROJECT_ROOT / "Makefile").read_text("utf-8").partition("\ntest-engine:")[2]
    assert recipe.splitlines()[1].strip().startswith("@$(BIN)/python -m tests.engine.build"), (
        "before the tests"
    )
