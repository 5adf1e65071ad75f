"""The README says what the code does: its tables are computed, its links lead somewhere."""

import re

from tests.docs.readme_tables import README, ROOT, filled


def test_the_tables_of_the_readme_are_those_of_the_code() -> None:
    text = README.read_text("utf-8")
    assert filled(text) == text, "run: python -m tests.docs.readme_tables"


def test_every_link_of_the_documentation_leads_to_a_file() -> None:
    for page in [
        README,
        ROOT / "ARCHITECTURE.md",
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "runbooks").glob("*.md")),
    ]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
