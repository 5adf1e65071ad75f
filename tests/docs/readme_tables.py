"""The tables of the README that are computed from the code: sizes, commands, coverage.

`python -m tests.docs.readme_tables` writes them; a test fails where the README differs from the code.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import typer
import yaml

from contract.sizes import SIZES, sizing
from kit.cli import app
from tests.docs.component_pages import PAGES

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
BUILT = ("components", "stacks", "lambdas", "kit", "policy", "documents", "prompts", "docs")
PROVED = ("tests",)
REQUIREMENT = re.compile(r"\b(?:L[1-5]|G|C|S|Z)\.\d\b")


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
            values.capacity.runtime,
            f"{values.retention.audit_days // 365} years",
            "yes" if values.redundancy.replica_region else "no",
            f"{values.budgets.organization_microusd // 1_000_000:,} USD",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def commands() -> str:
    """One row a command of `kit`."""
    group = typer.main.get_command(app)
    listed = group.commands if hasattr(group, "commands") else {}  # type: ignore[union-attr]
    rows = ["| command | what it is for |", "|---|---|"]
    for name, command in sorted(listed.items()):
        subcommands = ", ".join(sorted(getattr(command, "commands", {})))
        shown = f"`kit {name}`" + (f": {subcommands}" if subcommands else "")
        rows.append(f"| {shown} | {(command.help or '').strip().splitlines()[0]} |")
    return "\n".join(rows)


def coverage() -> str:
    """One row a requirement: the files that serve it and the tests that prove it."""
    titles: dict[str, str] = yaml.safe_load((ROOT / "docs" / "requirements.yaml").read_text("utf-8"))
    built, proved = _mentions(BUILT), _mentions(PROVED)
    rows = ["| requirement | | built in | proved by |", "|---|---|---|---|"]
    for identifier, title in titles.items():
        rows.append(
            f"| {identifier} | {title} | {_listed(built[identifier])} | {_listed(proved[identifier])} |"
        )
    return "\n".join(rows)


def _mentions(folders: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_relative_to(PAGES):
                continue  # computed from the components, which are counted themselves
            if path.suffix in {".py", ".md"} and "__pycache__" not in path.parts:
                for identifier in sorted(set(REQUIREMENT.findall(path.read_text("utf-8")))):
                    found[identifier].append(path.relative_to(ROOT).as_posix())
    return found


def _listed(paths: list[str]) -> str:
    if not paths:
        return "not yet"
    shown = ", ".join(f"[{Path(path).stem}]({path})" for path in paths[:4])
    return shown + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")


TABLES: dict[str, Callable[[], str]] = {"sizes": sizes, "commands": commands, "coverage": coverage}


def filled(text: str) -> str:
    """The README with every computed table as the code has it now."""
    for name, table in TABLES.items():
        start, end = f"<!-- table:{name} -->", f"<!-- end:{name} -->"
        pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"the README has no place for the table {name}")
        text = pattern.sub(lambda _, s=start, t=table, e=end: f"{s}\n{t()}\n{e}", text)
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8")), "utf-8")
