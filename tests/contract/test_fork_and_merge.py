"""A fork of the release that CHANGELOG.md names is customised and takes the newest version without a
conflict.
"""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

from kit.clients.migration import carry_out, plan
from kit.evaluation.stages import evaluate_stages
from stacks.settings.loading import client_files

ROOT = Path(__file__).resolve().parents[2]


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Fork", "-c", "user.email=fork@example.com"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def _release() -> str:
    found = re.findall(
        r"^Release commit: ([0-9a-f]{7,40})$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert found, "CHANGELOG.md names the commit of each release"
    return found[0]


def test_the_version_is_the_same_everywhere() -> None:
    version = (ROOT / "VERSION").read_text().strip()
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_a_customised_fork_takes_the_newest_version_without_a_conflict(tmp_path: Path) -> None:
    fork = tmp_path / "fork"
    _git(tmp_path, "clone", "--quiet", "--shared", str(ROOT), str(fork))
    newest = _git(fork, "rev-parse", "HEAD")
    _git(fork, "checkout", "--quiet", "-b", "ours", _release())
    clients = fork / "stacks" / "config" / "clients"
    text = (clients / "example.yaml").read_text().replace("client: example", "client: acme", 1)
    text = text.replace("organization: Example Corporation", "organization: Acme", 1)
    (clients / "acme.yaml").write_text(text)
    for stage in ("foundation", "integration", "rollout"):
        shared = (fork / "stacks" / "config" / f"Pulumi.{stage}.yaml").read_text()
        own = shared.replace("client: example", "client: acme")
        (fork / "stacks" / "config" / f"Pulumi.{stage}.acme.yaml").write_text(own)
    own_prompt = fork / "prompts" / "marketing" / "our-own"
    shutil.copytree(fork / "prompts" / "marketing" / "campaign-copy", own_prompt)
    shutil.rmtree(own_prompt / "versions")
    (own_prompt / "aliases.yaml").unlink()
    _git(fork, "add", "--all")
    _git(fork, "commit", "--quiet", "-m", "Our client")
    _git(fork, "merge", "--quiet", "-m", "Take the newest version", newest)
    merged = clients / "acme.yaml"
    # "What a client must do": this residency has no `us`, so the provider moves to the AWS platforms
    left = re.sub(r"    - kind: anthropic\n(      .*\n)+", "", merged.read_text(), count=1)
    merged.write_text(left)
    carry_out(plan("acme", fork, client_files(fork / "stacks" / "config")))
    home = fork / "clients" / "acme"
    assert (home / "prompts" / "marketing" / "our-own" / "prompt.yaml").is_file()
    plans = evaluate_stages(config={"client_file": str(home / "client.yaml")}, assume_gates=True)
    assert all(len(plan.resources) > 50 for plan in plans.values())
