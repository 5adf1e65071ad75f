"""The README says what the code does: its tables are computed, its links lead somewhere."""

from tests.docs import cli_page, site
from tests.docs.readme_tables import COVERAGE, README, coverage, filled


def test_what_is_computed_is_what_the_code_says() -> None:
    text = README.read_text("utf-8")
    assert filled(text) == text, "run: python -m tests.docs.readme_tables"
    assert coverage() == COVERAGE.read_text("utf-8"), "run: python -m tests.docs.readme_tables"
    assert cli_page.page() == cli_page.PAGE.read_text("utf-8"), "run: python -m tests.docs.cli_page"


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 150


def test_every_link_of_the_documentation_leads_to_a_file() -> None:
    assert site.broken_links() == []
