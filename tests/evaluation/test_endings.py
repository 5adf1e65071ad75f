"""However a command ends, it ends soon, with one message and its exit code: stopped, or with a program that
fails (Z.1).
"""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest

from kit.errors import ExitCode, KitError
from kit.evaluation.engine import PROJECT_ROOT
from kit.evaluation.stages import evaluate_stage
from tests.support.stages import plan_of_program

pytestmark = pytest.mark.timeout(60)


def _at_once() -> None:
    signal.raise_signal(signal.SIGINT)


def _with_resources_under_way() -> None:
    aws.s3.Bucket("one")
    signal.raise_signal(signal.SIGINT)


def _in_an_apply() -> None:
    aws.s3.Bucket("one").arn.apply(lambda _: signal.raise_signal(signal.SIGINT))
    aws.s3.Bucket("two")


@pytest.mark.parametrize("program", [_at_once, _with_resources_under_way, _in_an_apply])
def test_ctrl_c_ends_an_evaluation(program: Callable[[], None]) -> None:
    with pytest.raises(KeyboardInterrupt):
        plan_of_program(program)
    assert len(plan_of_program(lambda: pulumi.export("next", "works"))) == 1


def test_ctrl_c_while_the_command_is_loading_leaves_no_traceback() -> None:
    script = textwrap.dedent(
        """
        import sys

        class Stopped:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name == "typer":
                    raise KeyboardInterrupt

        sys.meta_path.insert(0, Stopped)
        from kit.start import main
        main()
        """
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT_ROOT, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.INTERRUPTED, b"", b"")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("from stacks.program import nothing", "ImportError: cannot import name 'nothing'"),
        ("def broken(:", "SyntaxError"),
        (
            "import stacks.program\nraise ValueError('half-written')",
            "__main__.py:2: ValueError: half-written",
        ),
    ],
)
def test_a_program_that_does_not_load_is_told_with_its_place(
    tmp_path: Path, entry: str, message: str
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: claude-enterprise-kit\n")
    (tmp_path / "__main__.py").write_text(entry)
    with pytest.raises(KitError) as caught:
        evaluate_stage("foundation", root=tmp_path)
    assert message in caught.value.message


def test_a_stage_whose_own_modules_do_not_load_is_told_in_one_message(tmp_path: Path) -> None:
    """As while somebody edits them."""
    for name in (
        "__main__.py",
        "Pulumi.yaml",
        "kit",
        "components",
        "lambdas",
        "documents",
        "prompts",
        "policy",
    ):
        (tmp_path / name).symlink_to(PROJECT_ROOT / name)
    stacks = tmp_path / "stacks"
    stacks.mkdir()
    for each in (PROJECT_ROOT / "stacks").iterdir():
        (stacks / each.name).symlink_to(each)
    (stacks / "contracts.py").unlink()
    (stacks / "contracts.py").write_text("def half(\n")
    done = subprocess.run(
        [sys.executable, "-c", "from kit.start import main; main()", "preview", "--stage", "foundation"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == ExitCode.FAILED, done.stdout + done.stderr
    assert "error: the program of stack foundation failed" in done.stderr
    assert "SyntaxError" in done.stderr
    assert "Traceback" not in done.stderr
