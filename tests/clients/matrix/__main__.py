"""Run the matrix: `python -m tests.clients.matrix [--size medium] [--only CLIENT]`.

Prints a row a client and feature and writes `docs/clients.md` when all ran. Exit codes: 0 no third state;
5 something fails; 4 a client is not installed.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from contract.kinds import SIZES
from tests.clients.matrix import claude_code
from tests.clients.matrix.provider import ANSWER, ordinary, shipped_gateway
from tests.conftest import ROOT
from tests.gateway.harness import KEY, Harness

CLIENTS = ROOT / ".kit" / "clients"
PAGE = ROOT / "docs" / "clients.md"
HERE = Path(__file__).parent
CLAUDE_CODES = ("@anthropic-ai/claude-code", "claude-code-older")
PYTHON = {
    "anthropic": (
        "py",
        "anthropic",
        ("plain", "stream", "tools", "structured", "models", "count", "files", "refusal", "file refusal"),
    ),
    "langchain": ("py", "langchain-anthropic", ("plain", "stream", "tools", "structured", "refusal")),
    "pydantic-ai": ("py", "pydantic-ai-slim", ("plain", "stream", "tools", "structured", "refusal")),
    "instructor": ("py", "instructor", ("structured", "refusal")),
    "openai": ("py", "openai", ("plain", "stream", "tools", "structured", "models", "embeddings", "refusal")),
    "agent-sdk": ("py", "claude-agent-sdk", ("plain", "stream", "tools", "refusal")),
    "llama-index": ("py-llama", "llama-index-llms-anthropic", ("plain", "stream", "refusal")),
}
NODE = {
    "anthropic": (
        "@anthropic-ai/sdk",
        ("plain", "stream", "tools", "models", "files", "refusal", "file refusal"),
    ),
    "vercel": ("@ai-sdk/anthropic", ("plain", "base-url", "stream", "tools", "refusal")),
    "openai": ("openai", ("plain", "stream", "embeddings", "refusal")),
}
EXPECTED = {
    "structured": ("Graz",),
    "models": ("claude-haiku-5-5",),
    "count": ("7",),
    "files": (f"plan.txt {ANSWER} file_deleted",),
    "embeddings": ("2 0.5",),
}
LLAMA_INDEX_MODEL = "claude-haiku-4-5"  # it knows no newer one


class Row(NamedTuple):
    """One client and one feature: `works`, `refused clearly`, or what fails."""

    client: str
    version: str
    feature: str
    outcome: str
    note: str = ""


def rows(size: str, only: str | None) -> Iterator[Row]:
    """One after the other, as they come."""
    gateway = shipped_gateway(size)
    models = gateway.policy_source.document["models"]
    models["older"] = {"display_name": "Older", "model": LLAMA_INDEX_MODEL}
    for department in gateway.policy_source.document["departments"]:
        department["models"] = [*department["models"], "older"]
    try:
        for client, (place, package, features) in PYTHON.items():
            if only in (None, client):
                for feature in features:
                    yield _python(gateway, client, place, package, feature)
        for client, (package, features) in NODE.items():
            if only in (None, client):
                for feature in features:
                    yield _node(gateway, client, package, feature)
        for package in CLAUDE_CODES:
            if only in (None, "claude-code"):
                for feature in claude_code.sessions():
                    binary = CLIENTS / "node_modules" / package / "bin" / "claude.exe"
                    outcome, note = claude_code.tried(feature, _existing(binary), gateway)
                    yield Row("Claude Code", _npm_version(package), feature, outcome, note)
    finally:
        gateway.stop()
        gateway.upstream.stop()


def _python(gateway: Harness, client: str, place: str, package: str, feature: str) -> Row:
    interpreter = _existing(CLIENTS / place / "bin" / "python")
    command = [str(interpreter), str(HERE / "python_clients.py"), client, feature, gateway.url, KEY]
    asked = [str(interpreter), "-c", f"import importlib.metadata as m; print(m.version({package!r}))"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return _judged(gateway, Row(f"{client} (Python)", version, feature, ""), command)


def _node(gateway: Harness, client: str, package: str, feature: str) -> Row:
    script = HERE / "node_clients.mjs"
    command = ["node", str(script), str(CLIENTS), client, feature, gateway.url, KEY]
    return _judged(gateway, Row(f"{client} (JavaScript)", _npm_version(package), feature, ""), command)


def _judged(gateway: Harness, row: Row, command: list[str]) -> Row:
    """The row with what came of the command."""
    gateway.reset()
    gateway.upstream.script = ordinary
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return row._replace(outcome="FAILS", note="no end within the time")
    try:
        said = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return row._replace(outcome="FAILS", note=(done.stdout + done.stderr)[-200:])
    statuses = [line["status"] for line in gateway.lines()]
    if row.feature.endswith("refusal"):
        clear = "US social security number" in str(said.get("error")) and statuses == [451]
        return row._replace(
            outcome="refused clearly" if clear else "FAILS", note="" if clear else str(said)[:160]
        )
    wanted = EXPECTED.get(row.feature, (ANSWER,))
    works = any(one in str(said.get("text")) for one in wanted)
    return row._replace(outcome="works" if works else "FAILS", note="" if works else str(said)[:160])


def _existing(path: Path) -> Path:
    if not path.exists():
        print(f"error: {path} is not there; run `make test-clients`, which installs it", file=sys.stderr)
        raise SystemExit(4)
    return path


def _npm_version(package: str) -> str:
    document = _existing(CLIENTS / "node_modules" / package / "package.json")
    return json.loads(document.read_text("utf-8"))["version"]


def page(size: str, found: list[Row]) -> str:
    """The table as a page of the documentation."""
    lines = [
        "# Clients",
        "",
        "Current clients, unmodified, against the gateway with the shipped defaults of size "
        f"`{size}` and a scripted provider. Written by `make test-clients`; each row works or is refused "
        "clearly.",
        "",
        "| client | version | feature | outcome | |",
        "|---|---|---|---|---|",
        *(
            f"| {one.client} | {one.version} | {one.feature} | {one.outcome} | {_cell(one.note)} |"
            for one in found
        ),
        "",
    ]
    return "\n".join(lines)


def _cell(note: str) -> str:
    return " ".join(note.replace("|", "/").split())


def main() -> int:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", choices=SIZES, default="medium")
    options.add_argument("--only", help="claude-code, or one of the other clients")
    given = options.parse_args()
    found: list[Row] = []
    for row in rows(given.size, given.only):
        found.append(row)
        print(
            f"{row.client:<24} {row.version:<12} {row.feature:<28} {row.outcome:<16} {row.note}", flush=True
        )
    if given.only is None:
        PAGE.write_text(page(given.size, found), "utf-8")
    return 5 if any(row.outcome not in ("works", "refused clearly") for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
