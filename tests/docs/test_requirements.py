"""What a test says it proves is recorded of tests that ran and passed, and of no others."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support import requirements

TESTS = '''
"""Something (L1.3, X.9)."""
import pytest

def test_holds():
    """Proved, of G.4 as well."""

@pytest.mark.requirement("L2.5")
def test_fails():
    assert False

@pytest.mark.skip(reason="another day")
def test_never_runs():
    """S.1"""

def test_breaks_on_the_way(broken):
    """S.2"""

@pytest.fixture
def broken():
    raise ValueError
'''


def ran(pytester: pytest.Pytester, text: str, *options: str) -> tuple[pytest.RunResult, Path]:
    pytester.makeini('[pytest]\nmarkers =\n    requirement: "what a test proves"')
    pytester.makepyfile(text)
    pytester.makeconftest(
        "from tests.support import requirements\n"
        "pytest_addoption = requirements.add_options\n"
        "pytest_configure = requirements.begin\n"
        "pytest_collection_modifyitems = requirements.mark\n"
    )
    file = pytester.path / "build" / "proofs.json"
    given: Sequence[str] = (f"--proofs={file}", "-p", "no:cacheprovider", *options)
    return pytester.runpytest_subprocess(*given), file


def test_only_what_ran_and_passed_is_proved(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(requirements.ROOT))
    result, file = ran(pytester, TESTS)
    result.stdout.fnmatch_lines(["requirements: 2 of * without: *"])
    name = "test_only_what_ran_and_passed_is_proved.py"
    assert json.loads(file.read_text("utf-8")) == {
        "G.4": {name: {"failed": 0, "passed": 1}},
        "L1.3": {name: {"failed": 2, "passed": 1}},
        "L2.5": {name: {"failed": 1, "passed": 0}},
        "S.2": {name: {"failed": 1, "passed": 0}},
    }
    result, _ = ran(pytester, TESTS, "--requirement=G.4")
    result.assert_outcomes(passed=1, deselected=3)


def test_a_marker_with_an_unknown_requirement_is_refused(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(requirements.ROOT))
    text = 'import pytest\n\n@pytest.mark.requirement("L9.9")\ndef test_it():\n    pass\n'
    result, _ = ran(pytester, text)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*docs/requirements.yaml has no L9.9"])
