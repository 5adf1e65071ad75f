"""Every component is documented in one shape, and the pages say what the code does."""

import pytest

from tests.docs.component_pages import PAGES, SECTIONS, Component, components, pages


@pytest.mark.parametrize("component", components(), ids=lambda one: one.name)
def test_a_component_says_what_it_makes_how_it_stands_and_what_replaces_it(component: Component) -> None:
    assert component.summary
    assert set(component.sections) == set(SECTIONS)


def test_the_pages_of_the_components_are_those_of_the_code() -> None:
    found = {path: path.read_text("utf-8") for path in PAGES.glob("*.md")}
    assert found == pages(), "run: python -m tests.docs.component_pages"
