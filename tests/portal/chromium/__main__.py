"""The portal in a real Chromium, part of `make test-browser` (L4.1-L4.6): journeys with and without script,
and axe-core on every page in both themes at two widths.

    python -m tests.portal.chromium [--pictures FOLDER] [--steps learn,use,…] [--home FOLDER]

`--home` walks through a deployment that is up already, and leaves it so.
What it needs from npm is installed under `.kit/portal-browser`. Exit codes: 0 all seen; 1 not; 4 this machine
lacks something.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from kit.home import PROJECT_ROOT
from stacks.settings.loading import CLIENT_FILE
from tests.identity.browser.__main__ import chromium
from tests.support.local_kit import LocalKit, local_deployment

FOLDER = PROJECT_ROOT / ".kit" / "portal-browser"
SOURCES = Path(__file__).parent
SENDER = "claude@example.com"
_IDENTITY = f"arn:aws:ses:eu-central-1:111122223333:identity/{SENDER}"


def lacking() -> str:
    """What this machine lacks; empty when nothing."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not there: install Node.js 20 or newer"
    if chromium() is None:
        return "no Chromium: install the package chromium, or name one in CHROMIUM"
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("journeys.mjs", "package.json"):
        shutil.copy(SOURCES / name, FOLDER)
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    return f"npm could not install playwright-core: {done.stderr.strip()[-300:]}" if done.returncode else ""


def client_folder(folder: Path) -> Path:
    """A client like the example, whose people find their conversations again for 30 days, whose marketing
    content two people approve, and which opens cases and sends mail.
    """
    documents, workflows = folder / "documents", folder / "workflows"
    for each in (documents, workflows):
        each.mkdir(parents=True, exist_ok=True)
    example = (PROJECT_ROOT / "stacks" / "config" / "clients" / "example.yaml").read_text("utf-8")
    reminders = f"portal:\n  reminders: {{sender: {SENDER}, identity_arn: {_IDENTITY}}}\n"
    settings = example.replace("\nportal:", f"\ninspection: {{case_after_refusals: 3}}\n{reminders}#", 1)
    (folder / CLIENT_FILE).write_text(settings, "utf-8")
    content = (PROJECT_ROOT / "workflows" / "content.yaml").read_text("utf-8")
    two = content.replace("  - review\n", "  - { kind: review, people: 2 }\n")
    (workflows / "content.yaml").write_text(two, "utf-8")
    settings = (PROJECT_ROOT / "documents" / "portal.yaml").read_text("utf-8")
    kept = settings.replace("history_days: 0", "history_days: 30")
    (documents / "portal.yaml").write_text(kept, "utf-8")
    return folder


def walk(kit: LocalKit, pictures: Path | None, steps: str) -> "subprocess.CompletedProcess[str]":
    """The journeys through one deployment."""
    portal = json.loads(kit.run("status", "--json").stdout)["portal_url"]
    folder = str(pictures.resolve()) if pictures else ""
    command = ["node", "journeys.mjs", portal, chromium() or "", folder, steps]
    given = {**os.environ, **kit.clients_environment()}
    return subprocess.run(command, cwd=FOLDER, env=given, capture_output=True, text=True, timeout=900)


def main() -> int:
    """Stand a deployment up, walk through it, say what was seen."""
    parser = argparse.ArgumentParser(description="The portal in a real Chromium.")
    parser.add_argument("--pictures", type=Path, help="folder for screenshots of every page")
    parser.add_argument("--steps", default="", help="only these, as journeys.mjs names them")
    parser.add_argument("--home", type=Path, help="KIT_HOME of a deployment that is up")
    options = parser.parse_args()
    missing = lacking()
    if missing:
        print(f"error: {missing}", file=sys.stderr)
        return 4
    if options.home:
        walked = walk(LocalKit(options.home.resolve(), 0), options.pictures, options.steps)
    else:
        with local_deployment(FOLDER / "home") as kit:
            kit.up("--config", str(client_folder(FOLDER / "client") / CLIENT_FILE))
            walked = walk(kit, options.pictures, options.steps)
    seen = [json.loads(line) for line in walked.stdout.splitlines()]
    for one in seen:
        detail = f" ({one['detail']})" if one["detail"] else ""
        print(f"{'seen   ' if one['holds'] else 'NOT    '} {one['what']}{detail}")
    if walked.returncode:
        print(f"error: the journey ended early: {walked.stderr.strip()[-600:]}", file=sys.stderr)
    return 0 if walked.returncode == 0 and seen and all(one["holds"] for one in seen) else 1


if __name__ == "__main__":
    sys.exit(main())
