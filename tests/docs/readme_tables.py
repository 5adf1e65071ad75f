"""What is computed: the table of sizes in the README from the code, docs/coverage.md from tests that ran.

`python -m tests.docs.readme_tables` writes them; a test fails where the README differs from the code. Which
test proves what is read from build/proofs.json, which `make test` writes; without it docs/coverage.md stays.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from contract.kinds import SIZES
from contract.sizes import Capacity, sizing
from tests.docs.component_pages import PAGES
from tests.support.requirements import IDENTIFIER, Proofs, titles

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
COVERAGE = ROOT / "docs" / "coverage.md"
CLI = ROOT / "docs" / "cli.md"
COMPUTED = (COVERAGE, CLI)
BUILT = ("components", "stacks", "lambdas", "kit", "policy", "documents", "prompts", "docs")
PROOFS = ROOT / "build" / "proofs.json"
_SHOWN = 4


def _runs_on(capacity: Capacity) -> str:
    """Where the gateway runs, and what that carries (docs/decisions/compute.md)."""
    if capacity.runtime == "lambda":
        return f"lambda, {capacity.gateway_reserved_concurrency} calls at once"
    return f"kubernetes, {capacity.gateway_replicas_minimum} to {capacity.gateway_replicas_maximum} pods"


def sizes() -> str:
    """One row a size."""
    rows = [
        "| size | people | gateway runs on | audit kept | second region | organisation's budget a month |",
        "|---|---|---|---|---|---|",
    ]
    for size in SIZES:
        values = sizing(size)
        cells = (
            f"`{size}`",
            f"{values.people:,}",
            _runs_on(values.capacity),
            f"{values.retention.audit_days // 365} years",
            "yes" if values.redundancy.replica_region else "no",
            f"{values.budgets.organization_microusd // 1_000_000:,} USD",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def coverage(proofs: Proofs) -> str:
    """docs/coverage.md. One row a requirement: the files that serve it and the tests that proved it."""
    built = _mentions()
    failed = sorted({one for files in proofs.values() for one, each in files.items() if each["failed"]})
    rows = [
        "# Coverage",
        "",
        "Which requirement is met by what, and which tests prove it. `make test` records which tests ran and",
        "what they serve (build/proofs.json), `make docs` computes this page from that; a test that did",
        "not run or did not pass proves nothing. The requirements are those of",
        "[requirements.yaml](requirements.yaml); `pytest --requirement L1.3` runs the tests of one.",
        "",
        *([f"Tests failed in: {', '.join(failed)}.", ""] if failed else []),
        "| requirement | | built in | proved by |",
        "|---|---|---|---|",
    ]
    for identifier, title in titles().items():
        cells = (identifier, title, _listed(built[identifier]), _proved(proofs.get(identifier, {})))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _mentions() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for folder in BUILT:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_relative_to(PAGES) or path in COMPUTED:
                continue  # computed from what is counted itself
            if path.suffix in {".py", ".md"} and "__pycache__" not in path.parts:
                for identifier in sorted(set(IDENTIFIER.findall(path.read_text("utf-8")))):
                    found[identifier].append(path.relative_to(ROOT).as_posix())
    return found


def _proved(files: Mapping[str, Mapping[str, int]]) -> str:
    """How many tests passed, and where most of them are."""
    passed = {one: each["passed"] for one, each in files.items() if each["passed"] and not each["failed"]}
    if not passed:
        return "no test"
    most = sorted(passed, key=lambda one: (-passed[one], one))
    return f"{sum(passed.values()):,} tests: {_listed(most)}"


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(f"[{Path(path).stem}](../{path})" for path in paths[:_SHOWN]) or "not yet"
    return shown + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")


def proofs() -> Proofs | None:
    """What the last `make test` recorded; None where there was none."""
    return json.loads(PROOFS.read_text("utf-8")) if PROOFS.is_file() else None


def filled(text: str) -> str:
    """The README with the table of sizes as the code has it now."""
    pattern = re.compile(r"(<!-- table:sizes -->\n).*?(\n<!-- end:sizes -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError("the README has no place for the table of sizes")
    return pattern.sub(lambda found: f"{found[1]}{sizes()}{found[2]}", text)


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8")), "utf-8")
    recorded = proofs()
    if recorded is None:
        print(
            "docs/coverage.md stays as it is: it is computed from the tests that ran; run make test first",
            file=sys.stderr,
        )
    else:
        COVERAGE.write_text(coverage(recorded), "utf-8")
