"""`python -m bench.inspection.sessions ARCHIVE …`: replay coding sessions from source archives (L2.3,
L2.4).

ARCHIVE is a wheel, sdist, npm package, Go module or sources jar, or a folder of these; nothing of them is
stored. A session reads 20 to 60 files of one package in the numbered format of Claude Code's Read, and sees
a listing, a search, a commit log, a diff and build output of the same files. Every eighth session has a
planted value that must be found. Reported: sessions with a withheld block, withheld blocks, writes that the
answer filter changed, and planted values found.
"""

import argparse
import json
import random
import string
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lambdas.inspection import Action, AnswerFilter, InspectionConfig, Inspector, decide

from .scores import Department

TEXTS = [
    ".py",
    ".js",
    ".ts",
    ".tsx",
    ".jsx",
    ".mjs",
    ".go",
    ".java",
    ".kt",
    ".tf",
    ".hcl",
    ".yaml",
    ".yml",
    ".json",
    ".toml",
    ".ini",
    ".cfg",
    ".conf",
    ".sh",
    ".md",
    ".rst",
    ".txt",
    ".html",
    ".css",
    ".scss",
    ".sql",
    ".xml",
    ".properties",
    ".proto",
    ".graphql",
    ".vue",
    ".rb",
    ".c",
    ".h",
    ".env",
    ".example",
    ".service",
    ".tpl",
    ".tmpl",
]
NAMES = (
    "Dockerfile",
    "Makefile",
    "CODEOWNERS",
    "AUTHORS",
    "LICENSE",
    "CHANGELOG",
    "CONTRIBUTORS",
    "go.mod",
    "go.sum",
)
LONGEST = 20_000  # characters of a file that one read displays
PEOPLE = [
    f"{first} {last}"
    for first, last in zip(
        ["Ana", "Ben", "Chloé", "Dmitri", "Emre", "Fatou", "Gita", "Hans", "Ines", "Jun", "Kofi", "Lena"],
        [
            "Costa",
            "Okafor",
            "Martin",
            "Ivanov",
            "Demir",
            "Diallo",
            "Rao",
            "Weber",
            "Silva",
            "Sato",
            "Mensah",
            "Novak",
        ],
        strict=True,
    )
]


@dataclass
class Tally:
    """Totals over all sessions."""

    sessions: int = 0
    stopped_sessions: int = 0
    blocks: int = 0
    stopped_blocks: int = 0
    flagged_blocks: int = 0
    withheld_sessions: int = 0
    writes: int = 0
    changed_writes: int = 0
    planted: int = 0
    found: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


def members(archive: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the text files of an archive."""
    for name, data in _raw(archive):
        if len(data) > 400_000 or not (name.endswith(tuple(TEXTS)) or Path(name).name in NAMES):
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        if len(text) >= 200:
            yield name, text[:LONGEST]


def _raw(archive: Path) -> Iterator[tuple[str, bytes]]:
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as packed:
            for member in packed:
                opened = packed.extractfile(member) if member.isfile() else None
                if opened:
                    yield member.name, opened.read()
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                if not name.endswith("/"):
                    yield name, packed.read(name)


def archives(places: Sequence[Path]) -> list[Path]:
    """Return the archives among files and folders, sorted by name."""
    found: list[Path] = []
    for place in places:
        found.extend(sorted(one for one in place.rglob("*") if one.is_file()) if place.is_dir() else [place])
    return [one for one in found if one.name.endswith((".whl", ".tar.gz", ".tgz", ".zip", ".jar"))]


def numbered(text: str, mark: str = "→") -> str:
    """Return a file as Claude Code's Read displays it."""
    return "\n".join(f"{number:>6}{mark}{line}" for number, line in enumerate(text.split("\n"), 1))


def shell(files: Sequence[tuple[str, str]], chance: random.Random) -> Iterator[str]:
    """Yield command output: a listing, a search, a log, a blame, a diff, a build."""
    address = {who: f"{who.split()[0].lower()}@{who.split()[1].lower()}.dev" for who in PEOPLE}
    yield "\n".join(
        f"-rw-r--r-- 1 dev dev {len(text):>7} Nov {chance.randint(1, 30):>2} 09:14 {name}"
        for name, text in files
    )
    name, text = chance.choice(files)
    lines = text.split("\n")
    yield "\n".join(f"{name}:{number}:{line}" for number, line in enumerate(lines[:400], 1) if "e" in line)
    commits = []
    for _ in range(14):
        who = chance.choice(PEOPLE)
        commits.append(
            f"commit {chance.getrandbits(160):040x}\nAuthor: {who} <{address[who]}>\nDate:   Mon Nov "
            f"{chance.randint(1, 30)}"
            f" 10:{chance.randint(10, 59)}:04 2026 +0100\n\n    Fix {Path(chance.choice(files)[0]).name} "
            f"for the release\n"
        )
    yield "\n".join(commits)
    yield "\n".join(
        f"{chance.getrandbits(32):08x} (<{address[who]}> 2025-0{chance.randint(1, 9)}-12 {number:>4}) {line}"
        for number, line in enumerate(lines[:200], 1)
        if (who := chance.choice(PEOPLE))
    )
    yield (
        f"diff --git a/{name} b/{name}\nindex {chance.getrandbits(28):07x}..{chance.getrandbits(28):07x} "
        f"100644\n"
        f"--- a/{name}\n+++ b/{name}\n@@ -1,{len(lines)} +1,{len(lines)} @@\n"
        + "\n".join((chance.choice(" +-") + line) for line in lines[:300])
    )
    yield "\n".join(
        f"2026-11-{chance.randint(10, 29)}T08:{chance.randint(10, 59)}:11.482Z INFO  build "
        f"{Path(one).name}: ok in {chance.randint(2, 900)} ms"
        for one, _ in files
    )


def request(texts: Sequence[str]) -> dict[str, Any]:
    """Return a request of a session: each text is the result of one tool call."""
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Go through the package and fix the failing test."}
    ]
    for number, text in enumerate(texts):
        call = {
            "type": "tool_use",
            "id": f"t{number}",
            "name": "Read",
            "input": {"file_path": f"/repo/{number}"},
        }
        messages.append({"role": "assistant", "content": [call]})
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": text}
        messages.append({"role": "user", "content": [result]})
    return {"model": "fast", "max_tokens": 100, "messages": messages}


def planted(chance: random.Random) -> tuple[str, str]:
    """Return a line of code with a value that has never been public, and the value."""

    def made(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(chance.choice(alphabet) for _ in range(count))

    group = [chance.randint(1000, 9999) for _ in range(3)]
    stem = f"4539{group[0]}{group[1]}{group[2] % 1000:03d}"
    check = -sum(sum(divmod(int(one) * (2 - place % 2), 10)) for place, one in enumerate(stem)) % 10
    value = chance.choice(
        (
            f"ghp_{made(36)}",
            f"AKIA{made(16, string.ascii_uppercase + '234567')}",
            f"sk_live_{made(24)}",
            f"postgres://app:{made(14)}7@db.shop-prod.net:5432/main",
            f"{stem}{check}",
            f"{chance.randint(101, 665)}-{chance.randint(11, 99)}-{chance.randint(1000, 9999)}",
            f"xoxb-{made(11, string.digits)}-{made(11, string.digits)}-{made(24)}",
            f"{made(7)}!{made(8)}9q",
        )
    )
    name = "password" if "!" in value else "ssn" if value.count("-") == 2 else "value"
    return f'{name} = "{value}"', value


def write_call(text: str) -> bytes:
    """Return an answer that writes a file."""
    block = {
        "type": "tool_use",
        "id": "w",
        "name": "Write",
        "input": {"file_path": "/repo/x", "content": text},
    }
    return json.dumps({"content": [block], "stop_reason": "tool_use"}).encode()


def _fields(decision: Any) -> list[str]:
    return [one.field for one in decision]


def replay(
    inspector: Inspector,
    archive: Path,
    count: int,
    tally: Tally,
    plant: Callable[[random.Random], tuple[str, str]] | None = None,
) -> None:
    """Replay sessions over the files of one archive."""
    chance = random.Random(archive.name)
    files = list(members(archive))
    if len(files) < 3:
        return
    department = Department()
    for number in range(count):
        chosen = chance.sample(files, min(len(files), chance.randint(20, 60)))
        mark = "→" if number % 2 else "\t"
        texts = [numbered(text, mark) for _, text in chosen] + list(shell(chosen, chance))
        where = -1
        if plant and number % 4 == 3:
            where = chance.randrange(len(chosen))
            line, _ = plant(chance)
            rows = chosen[where][1].split("\n")
            rows.insert(chance.randrange(len(rows)), line)
            texts[where] = numbered("\n".join(rows), mark)
            only = inspector.inspect_request(request([texts[where]]))
            tally.planted += 1
            clean = inspector.inspect_request(request([numbered(chosen[where][1], mark)]))
            before = {one.value_hash for one in clean.findings if one.level.rank >= 2}
            if any(one.level.rank >= 2 and one.value_hash not in before for one in only.findings):
                tally.found += 1
            else:
                tally.examples.append(f"MISSED {line} in {chosen[where][0]}")
            del texts[where]
        inspection = inspector.inspect_request(request(texts))
        decision = decide(inspection, department)
        tally.sessions += 1
        tally.blocks += len(texts)
        stopped = {
            one.field.partition("].content")[0] + one.field.partition("].content")[2][:3]
            for one in inspection.findings
            if one.level.rank >= 2
        }
        tally.stopped_blocks += len(stopped)
        tally.flagged_blocks += len({one.field for one in inspection.injections})
        if decision.action in (Action.BLOCK, Action.WITHHOLD):
            tally.stopped_sessions += decision.action is Action.BLOCK
            tally.withheld_sessions += decision.action is Action.WITHHOLD
            for one in {(f.type, f.rule) for f in inspection.findings if f.level.rank >= 2}:
                tally.reasons[f"{one[0]} {one[1]}"] += 1
            for finding in inspection.findings:
                if (
                    finding.level.rank >= 2
                    and len(tally.examples) < 400
                    and finding.field.startswith("messages")
                ):
                    place = (int(finding.field.split("[")[1].split("]")[0]) - 2) // 2
                    text = texts[place]
                    shown = text[max(0, finding.start - 60) : finding.end + 30].replace("\n", "⏎")
                    tally.examples.append(f"{finding.type} {finding.rule} {archive.name[:20]}: {shown[:200]}")
    for _, text in chance.sample(files, min(len(files), 60)):
        body = write_call(text)
        tally.writes += 1
        after = AnswerFilter(inspector).whole(body)
        if after != body:
            tally.changed_writes += 1


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.inspection.sessions", description=__doc__)
    parser.add_argument("archives", type=Path, nargs="+", metavar="ARCHIVE")
    parser.add_argument("--sessions", type=int, default=8, help="sessions of each archive")
    parser.add_argument("--show", type=int, default=0, help="print this many of the places")
    arguments = parser.parse_args()
    inspector = Inspector(InspectionConfig(hash_key=b"k" * 32, cache_entries=4_096))
    tally = Tally()
    for archive in archives(arguments.archives):
        replay(inspector, archive, arguments.sessions, tally, planted)
    for one in tally.examples[: arguments.show]:
        print(one)
    print(
        json.dumps({k: v for k, v in tally.__dict__.items() if k != "examples"}, indent=1, ensure_ascii=False)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
