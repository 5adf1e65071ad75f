"""The examples that pages print."""

import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
PAGES: Sequence[Path] = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md")),
        *(ROOT / name for name in ("components/README.md", "claude_client/README.md")),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "decisions").glob("*.md"),
    ]
)


def fenced(page: str, language: str) -> list[str]:
    """The blocks of a page that are marked as being in a language, in their order."""
    text = (ROOT / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def indented(page: str, beginning: str) -> str:
    """The one block of a page that is set in by four characters and begins so."""
    lines = (ROOT / page).read_text("utf-8").splitlines(keepends=True)
    (start,) = [place for place, line in enumerate(lines) if line.startswith(f"    {beginning}")]
    end = next((at for at in range(start, len(lines)) if not lines[at].startswith("    ")), len(lines))
    return dedent("".join(lines[start:end]))
