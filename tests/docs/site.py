"""The documentation as a site: arranges the pages for the site generator and writes its configuration.

`make docs` builds it into `build/site`. Pages keep their places, so that links between them work in the
repository and on the site alike; a link to a source file becomes its path, because the site has no sources.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
SOURCE, CONFIGURATION = BUILD / "site-source", BUILD / "site.toml"
HOME = "README.md"
# What the navigation shows, in this order; what no group names comes last, so that no page is lost.
GROUPS = (
    ("Start", ("README.md", "docs/deploy.md", "docs/callers.md", "docs/clients.md", "docs/portal/README.md")),
    (
        "Configure",
        ("docs/configuration.md", "docs/workflow-files.md", "docs/data-classes.md", "docs/rights.md"),
    ),
    ("Commands", ("docs/cli.md", "docs/cost-sheet.md")),
    (
        "Assurance",
        (
            "docs/audit.md",
            "docs/reviewers.md",
            "docs/leavers.md",
            "docs/model-card.md",
            "docs/coverage.md",
        ),
    ),
    ("Architecture", ("ARCHITECTURE.md", "docs/decisions/*.md")),
    ("Components", ("components/README.md", "docs/components/*.md")),
    ("Runbooks", ("runbooks/README.md", "runbooks/*.md")),
    (
        "Project",
        (
            "CONTRIBUTING.md",
            "CHANGELOG.md",
            "BENCHMARKS.md",
            "SECURITY.md",
            "docs/glossary.md",
            "docs/*.md",
        ),
    ),
)
_LINK = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:|#")
_PICTURES = {".png", ".svg"}


def pages() -> dict[str, list[Path]]:
    """The pages of each group, every page once."""
    taken: set[Path] = set()
    grouped: dict[str, list[Path]] = {}
    for group, patterns in GROUPS:
        found = [page for pattern in patterns for page in sorted(ROOT.glob(pattern))]
        grouped[group] = [page for page in dict.fromkeys(found) if page not in taken]
        taken.update(found)
    return grouped


def broken_links() -> list[str]:
    """Every link of a page to a file that is not there, as `page: target`."""
    found: list[str] = []
    for page in _every_page():
        for link in _LINK.finditer(_without_code(page.read_text("utf-8"))):
            target = link["target"]
            if not _ELSEWHERE.match(target) and not _file_of(page, target).exists():
                found.append(f"{page.relative_to(ROOT)}: {target}")
    return found


def arrange() -> None:
    """Write the source of the site and its configuration under `build/`."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    every = set(_every_page())
    for page in every:
        _write(page, _LINK.sub(_on_the_site(page, every), page.read_text("utf-8")))
    for picture in sorted((ROOT / "docs").rglob("*")):
        if picture.suffix in _PICTURES:
            target = SOURCE / picture.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, target)
    CONFIGURATION.write_text(_configuration(), "utf-8")


def _every_page() -> Iterator[Path]:
    for group in pages().values():
        yield from group


def _without_code(text: str) -> str:
    """Programs have brackets that are no links."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def _file_of(page: Path, target: str) -> Path:
    return (page.parent / target.partition("#")[0]).resolve()


def _place(page: Path) -> Path:
    """Where a page is on the site. The README is its home."""
    return Path("index.md") if page == ROOT / HOME else page.relative_to(ROOT)


def _on_the_site(page: Path, every: set[Path]) -> Callable[["re.Match[str]"], str]:
    def link(found: "re.Match[str]") -> str:
        target = found["target"]
        if _ELSEWHERE.match(target):
            return found[0]
        file = _file_of(page, target)
        if file == ROOT / HOME:
            up = "../" * (len(_place(page).parts) - 1)
            return f"[{found['text']}]({up}index.md)"
        if file in every or file.suffix in _PICTURES:
            return found[0]
        return f"{found['text']} (`{file.relative_to(ROOT)}`)" if "`" not in found["text"] else found["text"]

    return link


def _write(page: Path, text: str) -> None:
    target = SOURCE / _place(page)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")


def _configuration() -> str:
    groups = "\n".join(
        f'  {{ "{group}" = [{", ".join(_quoted(page) for page in found)}] }},'
        for group, found in pages().items()
    )
    return (
        "[project]\n"
        'site_name = "Claude enterprise kit"\n'
        f'docs_dir = "{SOURCE.relative_to(BUILD)}"\n'
        'site_dir = "site"\n'
        f"nav = [\n{groups}\n]\n"
    )


def _quoted(page: Path) -> str:
    return f'"{_place(page)}"'


if __name__ == "__main__":
    arrange()
