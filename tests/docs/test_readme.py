"""The README says what the code does: its tables are computed, its links lead somewhere."""

import re

from tests.docs import cli_page, site
from tests.docs.readme_tables import COVERAGE, README, coverage, filled
from tests.support.requirements import titles


def test_what_is_computed_is_what_the_code_says() -> None:
    text = README.read_text("utf-8")
    assert filled(text) == text, "run: python -m tests.docs.readme_tables"
    assert cli_page.page() == cli_page.PAGE.read_text("utf-8"), "run: python -m tests.docs.cli_page"


def test_every_requirement_has_a_row_of_what_proves_it() -> None:
    assert str(COVERAGE.relative_to(README.parent)) in README.read_text("utf-8")
    rows = re.findall(r"^\| ([A-Z][0-9]?\.\d) \| (.+?) \| .+ \| .+ \|$", COVERAGE.read_text("utf-8"), re.M)
    assert dict(rows) == titles(), "run: make test docs"


def test_only_tests_that_passed_prove_something() -> None:
    ran = {
        "L1.1": {"tests/a.py": {"failed": 0, "passed": 3}, "tests/b.py": {"failed": 1, "passed": 9}},
        "L1.2": {"tests/b.py": {"failed": 1, "passed": 0}},
    }
    page = coverage(ran)
    assert "Tests failed in: tests/b.py." in page
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in page.splitlines()}
    assert rows["L1.1"].endswith("| 3 tests: [a](../tests/a.py) |")
    assert rows["L1.2"].endswith("| no test |")
    assert rows["L1.3"].endswith("| no test |")


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 150


def test_every_link_of_the_documentation_leads_to_a_file() -> None:
    assert site.broken_links() == []
