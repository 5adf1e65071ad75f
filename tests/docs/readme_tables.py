"""What is computed from the code: the table of sizes in the README, and docs/coverage.md.

`python -m tests.docs.readme_tables` writes them; a test fails where the README differs from the code.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import yaml

from contract.kinds import SIZES
from contract.sizes import Capacity, sizing
from tests.docs.component_pages import PAGES

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
COVERAGE = ROOT / "docs" / "coverage.md"
CLI = ROOT / "docs" / "cli.md"
COMPUTED = (COVERAGE, CLI)
BUILT = ("components", "stacks", "lambdas", "kit", "policy", "documents", "prompts", "docs")
PROVED = ("tests",)
REQUIREMENT = re.compile(r"\b(?:L[1-5]|G|C|S|Z)\.\d\b")


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


def coverage() -> str:
    """docs/coverage.md. One row a requirement: the files that serve it and the tests that prove it."""
    titles: dict[str, str] = yaml.safe_load((ROOT / "docs" / "requirements.yaml").read_text("utf-8"))
    built, proved = _mentions(BUILT), _mentions(PROVED)
    rows = [
        "# Coverage",
        "",
        "Which requirement is met by what, and which test proves it; computed by `make docs`.",
        "The requirements are those of [requirements.yaml](requirements.yaml).",
        "",
        "| requirement | | built in | proved by |",
        "|---|---|---|---|",
    ]
    for identifier, title in titles.items():
        rows.append(
            f"| {identifier} | {title} | {_listed(built[identifier])} | {_listed(proved[identifier])} |"
        )
    return "\n".join(rows) + "\n"


def _mentions(folders: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_relative_to(PAGES) or path in COMPUTED:
                continue  # computed from what is counted itself
            if path.suffix in {".py", ".md"} and "__pycache__" not in path.parts:
                for identifier in sorted(set(REQUIREMENT.findall(path.read_text("utf-8")))):
                    found[identifier].append(path.relative_to(ROOT).as_posix())
    return found


def _listed(paths: list[str]) -> str:
    if not paths:
        return "not yet"
    shown = ", ".join(f"[{Path(path).stem}](../{path})" for path in paths[:4])
    return shown + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")


def filled(text: str) -> str:
    """The README with the table of sizes as the code has it now."""
    pattern = re.compile(r"(<!-- table:sizes -->\n).*?(\n<!-- end:sizes -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError("the README has no place for the table of sizes")
    return pattern.sub(lambda found: f"{found[1]}{sizes()}{found[2]}", text)


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8")), "utf-8")
    COVERAGE.write_text(coverage(), "utf-8")
