"""Requirement ids as markers of the tests, and the record of which were proved by tests that ran.

A test serves the requirements that its own docstring, its class's or its module's names, such as
`(L1.3, G.4)`, or a marker `@pytest.mark.requirement("L1.3")`. `--requirement L1.3` runs the tests of one.
`--proofs FILE` records by requirement and file how many tests passed and failed; docs/coverage.md is computed
from that.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
IDENTIFIER = re.compile(r"\b(?:L[1-5]|[CGOSZ])\.\d\b")
_MARKER = "requirement"
Proofs = Mapping[str, Mapping[str, Mapping[str, int]]]  # passed and failed by requirement and file


@cache
def titles() -> Mapping[str, str]:
    """What each requirement is, by identifier."""
    return yaml.safe_load((ROOT / "docs" / "requirements.yaml").read_text("utf-8"))


def served(item: pytest.Item) -> list[str]:
    """The requirements that a test serves. Raises UsageError for a marker with an unknown one."""
    marked = [str(one) for marker in item.iter_markers(_MARKER) for one in marker.args]
    unknown = sorted(set(marked) - titles().keys())
    if unknown:
        raise pytest.UsageError(f"{item.nodeid}: docs/requirements.yaml has no {', '.join(unknown)}")
    named = [one for text in _docstrings(item) for one in IDENTIFIER.findall(text)]
    return sorted({*marked, *(one for one in named if one in titles())})


def _docstrings(item: pytest.Item) -> Iterator[str]:
    for node in item.listchain():
        yield str(getattr(getattr(node, "obj", None), "__doc__", None) or "")


class Record:
    """Counts reports; with several processes they all come to the first."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that passed, or failed in any phase; one that is run again counts by its last result."""
        if report.outcome not in {"passed", "failed"} or (report.passed and report.when != "call"):
            return
        for name, identifier in report.user_properties:
            if name == _MARKER:
                file = report.nodeid.partition("::")[0]
                counts = self._found[str(identifier)].setdefault(file, {"failed": 0, "passed": 0})
                counts[report.outcome] += 1

    def pytest_sessionfinish(self) -> None:
        """Write the record."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._found, indent=1, sort_keys=True) + "\n", "utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was not proved."""
        proved = {one for one, files in self._found.items() if any(each["passed"] for each in files.values())}
        missing = ", ".join(one for one in titles() if one not in proved) or "none"
        terminalreporter.write_line(
            f"requirements: {len(proved)} of {len(titles())} by tests that passed; without: {missing}"
        )


def add_options(parser: pytest.Parser) -> None:
    """The options that the module's text names."""
    group = parser.getgroup("requirements")
    group.addoption("--proofs", type=Path, help="record what the tests that ran prove, as JSON")
    group.addoption("--requirement", help="run only tests of this requirement, such as L1.3")


def begin(config: pytest.Config) -> None:
    """Record where that was asked for, in the process that gets all reports."""
    file = config.getoption("--proofs", default=None)
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Record(file), "requirements-record")


def mark(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test with what it serves, and leave out what was not asked for."""
    wanted = config.getoption("--requirement", default=None)
    if wanted and wanted not in titles():
        raise pytest.UsageError(f"docs/requirements.yaml has no {wanted}")
    kept: list[pytest.Item] = []
    for item in items:
        identifiers = served(item)
        item.user_properties += [(_MARKER, one) for one in identifiers]
        if identifiers and not item.get_closest_marker(_MARKER):
            item.add_marker(pytest.mark.requirement(*identifiers))
        if not wanted or wanted in identifiers:
            kept.append(item)
    if len(kept) != len(items):
        config.hook.pytest_deselected(items=[one for one in items if one not in kept])
        items[:] = kept
