"""docs/callers.md names every route of the gateway."""

import re
from pathlib import Path

from lambdas.gateway import app

PAGE = (Path(__file__).parents[2] / "docs" / "callers.md").read_text(encoding="utf-8")
SOURCE = Path(app.__file__).read_text(encoding="utf-8")


def test_every_route_is_on_the_page() -> None:
    exact = set(re.findall(r'\("(?:GET|POST)", "(/v1/[^"]+)"\)', SOURCE))
    prefixes = {
        "/v1/" + "/".join(re.findall(r'"([^"]+)"', parts)[1:2])
        for parts in re.findall(r'case "[A-Z]+", \[("v1"[^\]]+)\]', SOURCE)
    }
    assert len(exact) > 10
    assert len(prefixes) > 4
    missing = {route for route in {*exact, *prefixes} if route not in PAGE}
    assert not missing
