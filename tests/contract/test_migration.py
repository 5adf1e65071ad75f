"""`kit client migrate`: a client of an earlier version is brought to this one, and loses nothing (Z.1)."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from contract.client import SCHEMA
from kit.clients.migration import carry_out, listing, migrated, plan, problems_left, released
from kit.errors import KitError
from stacks.settings.loading import client_files
from tests.docs.library_listing import LISTING

ROOT = Path(__file__).resolve().parents[2]
RELEASE = "47d2c3a"
OLD = """\
# Ours.
client: acme # the name
audit:
  mode: COMPLIANCE # nobody shortens it
  retention_days: 3650 # ten years
  # what comes next was argued about

network:
    vpc_id: vpc-01234567
# Below: money.
budget: {model: 'per-call', organization_monthly_usd: 1_000.50}
departments:
- {id: marketing, pilot: yes}
- id: sales # ours
  pilot: true
"""


def _comments(text: str) -> list[str]:
    return [line.partition("#")[2].strip() for line in text.splitlines() if "#" in line]


def _released(path: str) -> str:
    done = subprocess.run(["git", "show", f"{RELEASE}:{path}"], cwd=ROOT, capture_output=True, check=True)
    return done.stdout.decode()


def test_keys_move_to_their_new_names_and_comments_stay() -> None:
    after, done = migrated(OLD, "acme.yaml")
    assert yaml.safe_load(after) == {
        "schema": SCHEMA,
        "client": "acme",
        "audit": {"mode": "COMPLIANCE"},
        "budget": {"model": "per-call", "organization_monthly_usd": 1000.50},
        "departments": [
            {"id": "marketing", "pilot": True}, {"id": "sales", "pilot": True, "workflows": []},
        ],
        "sizing": {"retention": {"audit_days": 3650}},
    }  # fmt: skip
    assert set(_comments(OLD)) - set(_comments(after)) == {"ten years"}, "the comment of the key that is gone"
    assert "'per-call'" in after
    assert "1_000.50" in after
    assert len(done) == 4
    assert migrated(after, "acme.yaml") == (after, ())


@pytest.mark.parametrize(
    "text",
    [
        "client: acme\nnetwork: {vpc_id: vpc-1, mode: existing}\n",
        "---\n# head\nclient: acme\nnetwork:\n  vpc_id: vpc-1 # gone\n\n  # the mode\n  mode: none\n# tail\n",
        "client: a\r\n# windows\r\naudit: {retention_days: 10}\r\nsizing: {retention: {audit_days: 20}}\r\n",
        "audit:\n  retention_days: 400\n# after\nclient: acme\nsizing:\n  # values\n  capacity: {}\n",
        'account: "012345678901"\nclient: a\nnote: >-\n  folded\n  text\nlist:\n  - a\n  # between\n  - b\n',
        "client: acme\ndepartments:\n  # the first\n  - id: sales\n  # the second\n  - id: legal\n# end",
    ],
)
def test_every_shape_of_file_keeps_its_values_and_comments(text: str) -> None:
    after, _ = migrated(text, "x.yaml")
    before, now = yaml.safe_load(text), yaml.safe_load(after)
    assert now["schema"] == SCHEMA
    assert now.get("audit", {}).get("retention_days") is None
    assert "vpc_id" not in now.get("network", {})
    kept = {
        key: value
        for key, value in before.items()
        if key not in ("audit", "network", "sizing", "departments")
    }
    assert {key: now[key] for key in kept} == kept
    assert set(_comments(text)) - {"gone"} <= set(_comments(after))
    assert ("\r\n" in text) == ("\r\n" in after)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("schema: 3\nclient: a\n", "newer version"),
        ("schema: two\n", "is not a number"),
        ("schema: 0\n", "is not a number"),
        ("- a\n", "is not a mapping"),
        ("a: [\n", "x.yaml"),
        ("a: &x 1\nb: *x\n", "x.yaml"),
    ],
)
def test_a_file_that_cannot_be_migrated_is_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(KitError, match=told):
        migrated(text, "x.yaml")


def test_the_example_of_the_release_changes_by_the_version_alone() -> None:
    """Nothing is reformatted: a person reads the whole difference."""
    before = _released("stacks/config/clients/example.yaml")
    after, _ = migrated(before, "example.yaml")
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert added == [f"schema: {SCHEMA}"]
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """A fork of the release that has a client, a document and prompts of its own, and merged this version."""
    fork = tmp_path / "fork"
    for one in ("documents", "prompts"):
        shutil.copytree(ROOT / one, fork / one)
    shutil.copytree(ROOT / "stacks" / "config", fork / "stacks" / "config")
    shutil.copy(ROOT / "Pulumi.yaml", fork)
    text = _released("stacks/config/clients/example.yaml").replace("client: example", "client: acme", 1)
    left = text.replace("    - kind: anthropic\n      auth:\n        kind: workload-identity\n", "", 1)
    for line in ("organization_id: 0", "federation_rule_id", "workspace_id: wrkspc_example"):
        left = "".join(each for each in left.splitlines(True) if line not in each)
    (fork / "stacks" / "config" / "clients" / "acme.yaml").write_text(left)
    (fork / "documents" / "acceptable-use.md").write_text("# Our own\n")
    shutil.copytree(fork / "prompts" / "legal" / "contract-review", fork / "prompts" / "legal" / "our-own")
    return fork


def _files(fork: Path) -> dict[str, Path]:
    return client_files(fork / "stacks" / "config")


def test_a_client_of_the_release_becomes_a_folder_with_its_documents_and_prompts(fork: Path) -> None:
    planned = plan("acme", fork, _files(fork))
    assert planned.needed
    assert problems_left(planned, fork) == ()
    carry_out(planned)
    home = fork / "clients" / "acme"
    assert not (fork / "stacks" / "config" / "clients" / "acme.yaml").exists()
    first = (home / "client.yaml").read_text().splitlines()[0]
    assert (home / first.partition("=")[2]).resolve() == fork / "stacks" / "config" / "client.schema.json"
    own = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    like = ROOT / "prompts" / "legal" / "contract-review"
    prompt = {f"prompts/legal/our-own/{one.relative_to(like)}" for one in like.rglob("*") if one.is_file()}
    assert own == {"client.yaml", "documents/acceptable-use.md", *prompt}
    assert (home / "documents" / "acceptable-use.md").read_text() == "# Our own\n"
    assert (fork / "documents" / "acceptable-use.md").exists(), "the kit's name: other clients read it too"
    assert not (fork / "prompts" / "legal" / "our-own").exists(), "the fork's alone: it has moved"
    again = plan("acme", fork, _files(fork))
    assert not again.needed
    assert problems_left(again, fork) == ()


def test_what_two_clients_of_a_fork_had_in_common_both_have_afterwards(fork: Path) -> None:
    clients = fork / "stacks" / "config" / "clients"
    (clients / "bolt.yaml").write_text((clients / "acme.yaml").read_text().replace("acme", "bolt"))
    for name in ("acme", "bolt"):
        carry_out(plan(name, fork, _files(fork)))
    for name in ("acme", "bolt"):
        assert (fork / "clients" / name / "prompts" / "legal" / "our-own" / "prompt.yaml").exists()
        assert (fork / "clients" / name / "documents" / "acceptable-use.md").exists()
    assert not (fork / "prompts" / "legal" / "our-own").exists()


def test_a_decision_that_a_person_must_take_is_named_and_not_taken(fork: Path) -> None:
    file = fork / "stacks" / "config" / "clients" / "acme.yaml"
    file.write_text(
        _released("stacks/config/clients/example.yaml").replace("client: example", "client: acme", 1)
    )
    (left,) = problems_left(plan("acme", fork, _files(fork)), fork)
    assert left.startswith("claude.providers[0].kind: the Anthropic API answers in the US or anywhere")


def test_every_document_and_prompt_of_this_version_is_known_as_the_kits() -> None:
    assert LISTING.read_text() == listing(ROOT), "run `make docs`"
    known = released()
    for path in ("documents/acceptable-use.md", "prompts/legal/contract-review/versions/1.json"):
        assert len(known[path]) >= 1
