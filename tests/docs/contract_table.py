"""The table of docs/callers.md that says of every field, tool and beta how it stands, from the contract."""

import sys
from pathlib import Path

from lambdas.common.request_contract import Entry, shipped

PAGE = Path(__file__).parents[2] / "docs" / "callers.md"
BEGIN, END = "<!-- request contract: made by `make docs` -->", "<!-- end of the request contract -->"


def table() -> str:
    """Fields, tools and betas, each with who may use it, how it is inspected, how it is priced."""
    contract = shipped()
    lines = [
        BEGIN,
        "",
        f"Version {contract.version}: SDK {contract.sdk}, Claude Code {contract.claude_code}.",
        "",
        "| field or tool | what it is | permission | inspected | priced |",
        "|---|---|---|---|---|",
    ]
    for entry in (*contract.fields.values(), *contract.tools.values()):
        permission = _permission(entry)
        lines.append(f"| `{entry.name}` | {entry.says} | {permission} | {entry.inspected} | {entry.priced} |")
    lines += ["", "| beta | permission |", "|---|---|"]
    lines += [f"| `{entry.name}` | {entry.needs or '-'} |" for entry in contract.betas.values()]
    blocks = ", ".join(f"`{name}`" for name in sorted(contract.blocks))
    lines += ["", f"Content blocks and their parts: {blocks}.", "", END]
    return "\n".join(lines)


def _permission(entry: Entry) -> str:
    of_values = ", ".join(f"{need} for `{value}`" for value, need in (entry.needs_of or {}).items())
    return entry.needs or of_values or "-"


def written(page: str) -> str:
    """The page with the table of now."""
    before, _, rest = page.partition(BEGIN)
    return before + table() + rest.partition(END)[2]


if __name__ == "__main__":
    text = PAGE.read_text("utf-8")
    PAGE.write_text(written(text), "utf-8")
    sys.stdout.write(f"{PAGE.name}: request contract\n")
