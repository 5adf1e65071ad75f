"""The glossary's words to avoid, looked for in what people read: pages, and texts and comments of the code.

`python -m tests.docs.words` prints where one stands and exits 1; it is part of `make lint`.
"""

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
READ = (
    "kit",
    "lambdas",
    "components",
    "stacks",
    "contract",
    "policy",
    "docs",
    "runbooks",
    "documents",
    "*.md",
)
# Lists of words that people write, and pages about these words.
SPARED = (
    "docs/glossary.md",
    "lambdas/inspection/meaning.py",
    "lambdas/inspection/published.py",
    "CHANGELOG.md",
)


def avoided() -> re.Pattern[str]:
    """Any word of the left column, whole, in any case."""
    table = GLOSSARY.read_text("utf-8").split("| not | but |")[1]
    words = re.findall(r"^\| ([^|-][^|]*?) \|", table, re.MULTILINE)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that people read: all of a page; of code its comments and texts, not its names."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING} or token.type == getattr(
            tokenize, "FSTRING_MIDDLE", -1
        ):
            yield from enumerate(token.string.splitlines(), token.start[0])


def found() -> Iterator[str]:
    """`file:line: word`, one a place."""
    pattern = avoided()
    listed = subprocess.run(["git", "ls-files", *READ], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if name in SPARED or Path(name).suffix not in {".py", ".md", ".yaml", ".html"}:
            continue
        for line, text in prose(ROOT / name):
            for word in pattern.findall(text):
                yield f"{name}:{line}: {word} (docs/glossary.md says what to write)"


if __name__ == "__main__":
    places = list(found())
    print("\n".join(places), end="\n" if places else "")
    sys.exit(bool(places))
