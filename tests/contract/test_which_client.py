"""A command works for the client that it names, or whose deployment is up, and for no other (Z.1)."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kit.chosen import Standing, choose, remember, settings_of, standing
from kit.cli import app
from kit.commands.up import _choice
from kit.errors import KitError
from kit.home import Home, find_home
from kit.target import find_target
from tests.contract.test_client_folder import Client

COURSE = """---
title: {en: Visits}
---
How to write up a visit.
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The client that stands in this home, with a workflow, a course and a document of its own."""
    client = Client(tmp_path / "fork")
    client.department("care", workflows=["visit-notes"])
    client.department("field", workflows=["visit-notes"])
    client.workflow("visit-notes", course="visits")
    (client.folder / "courses").mkdir()
    (client.folder / "courses" / "visits.md").write_text(COURSE)
    client.read()
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "home"))
    home = find_home()
    home.prepare()
    remember(home, _of(client))
    return client


def _of(client: Client, **more: str) -> Standing:
    return Standing(None, client.name, "production", str(client.folder / "client.yaml"), **more)


def _run(*command: str) -> str:
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_settings_are_those_of_the_client_that_is_up_with_what_it_was_stood_up_with(acme: Client) -> None:
    assert settings_of(None).client == "acme"
    assert settings_of("acme").client == "acme"
    assert settings_of("example").client == "example", "what is named counts"
    remember(find_home(), _of(acme, size="large"))
    assert settings_of(None).size == "large"
    assert settings_of(None, config={"size": "small"}).size == "small"


@pytest.mark.parametrize(
    ("command", "theirs"),
    [
        (("workflow", "list"), "visit-notes  (sales)"),
        (("workflow", "list", "--json"), "visit-notes"),
        (("training", "list"), "visits  Summaries of visits"),
        (("training", "show", "visits"), "How to write up a visit."),
        (("baseline", "show"), "care, field"),
        (("gate", "status", "--json"), '"client": "acme"'),
    ],
)
def test_a_command_that_names_nobody_speaks_of_the_client_that_is_up(
    acme: Client, command: tuple[str, ...], theirs: str
) -> None:
    said = _run(*command)
    assert theirs in " ".join(said.split()) or theirs in said
    assert "contract-analysis" not in said
    assert "example-production" not in said


def test_a_report_of_a_folder_is_the_one_of_the_client_that_is_up(acme: Client, tmp_path: Path) -> None:
    (tmp_path / "records" / "records" / "dt=2026-11-29").mkdir(parents=True)
    _run("dashboards", "--records", str(tmp_path / "records"), "--output", str(tmp_path / "pages"))
    pages = "".join(page.read_text() for page in (tmp_path / "pages").glob("*.html"))
    assert "care" in pages
    assert "Marketing" not in pages


def test_a_client_that_is_not_up_is_never_answered_from_the_one_that_is(
    acme: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(KitError, match="is that of acme, not of bolt"):
        find_target("bolt")
    assert choose("bolt").up is False
    assert choose("acme").up


def test_a_home_holds_one_client(acme: Client, tmp_path: Path) -> None:
    with pytest.raises(KitError, match="the deployment of acme") as refused:
        remember(find_home(), Standing("bolt", "bolt", "production"))
    assert "KIT_HOME=" in refused.value.hint
    with pytest.raises(KitError):
        remember(find_home(), Standing(None, "acme", "staging"))
    remember(find_home(), _of(acme))
    other = Home(tmp_path / "other")
    other.prepare()
    remember(other, Standing("bolt", "bolt", "production"))
    assert standing(other) == Standing("bolt", "bolt", "production")
    assert standing() == _of(acme)


def test_up_again_goes_on_with_the_client_that_stands(acme: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    again = _choice(find_home(), None, None, None, None, None)
    assert again.client_file == acme.folder / "client.yaml"
    assert _choice(find_home(), None, None, None, "bolt", None).client == "bolt"


def test_what_is_left_of_a_home_is_forgotten_with_it(acme: Client) -> None:
    find_home().remove_state()
    assert standing() is None
    assert settings_of(None).client == "example", "the plain stacks, as `pulumi up -s rollout` reads them"


def test_two_clients_of_a_fork_have_documents_and_names_of_their_own(tmp_path: Path) -> None:
    from kit.evaluation.stages import evaluate_stages

    plans = {}
    for name in ("acme", "bolt"):
        client = Client(tmp_path, name)
        client.department("sales", workflows=["visit-notes"])
        client.workflow("visit-notes", title=f"Visits of {name}")
        (client.folder / "documents" / "acceptable-use.md").write_text(f"# Of {name}\n")
        client.read()
        plans[name] = evaluate_stages(["foundation"], config=client.configuration)
    texts = {
        name: json.dumps([(one.inputs, one.options) for plan in each.values() for one in plan], default=str)
        for name, each in plans.items()
    }
    assert "bolt" not in texts["acme"]
    assert "acme" not in texts["bolt"]
    assert "# Of acme" in texts["acme"]
    physical = {
        name: {
            str(one.inputs[key])
            for plan in each.values()
            for one in plan
            for key in ("name", "bucket", "identifier")
            if isinstance(one.inputs.get(key), str) and str(one.inputs[key]).startswith(name)
        }
        for name, each in plans.items()
    }
    assert len(physical["acme"]) > 20
    assert physical["acme"].isdisjoint(physical["bolt"])


def test_a_prompt_is_written_into_the_library_of_the_client_that_is_meant(acme: Client) -> None:
    kits = Path("prompts/marketing/campaign-copy")
    before = {path: path.read_bytes() for path in kits.rglob("*") if path.is_file()}
    own = acme.folder / "prompts"

    _run("prompt", "new", "care/visit-letter")
    assert (own / "care" / "visit-letter" / "prompt.yaml").is_file()

    refused = CliRunner().invoke(app, ["prompt", "approve", "campaign-copy", "--by", "Ada Lovelace"])
    assert isinstance(refused.exception, KitError), "what all clients share is not changed for one"
    assert str(own / "marketing" / "campaign-copy") in (refused.exception.hint or "")

    copy = shutil.copytree(kits, own / "marketing" / "campaign-copy")
    text = (copy / "prompt.yaml").read_text("utf-8")
    (copy / "prompt.yaml").write_text(text.replace("title: ", "title: Ours, ", 1), "utf-8")
    _run("prompt", "approve", "campaign-copy", "--draft", "--by", "Ada Lovelace")
    _run("prompt", "publish", "campaign-copy")
    (added,) = {path.name for path in (copy / "versions").iterdir()} - {path.name for path in before}
    assert Path(added).stem in json.loads((copy / "published.lock").read_text("utf-8"))

    listed = {one["name"]: one["library"] for one in json.loads(_run("prompt", "list", "--json"))["prompts"]}
    assert (listed["campaign-copy"], listed["visit-letter"]) == (str(own), str(own))
    assert listed["claims-check"] == "prompts", "what a client does not bring comes from the kit"
    assert {path: path.read_bytes() for path in kits.rglob("*") if path.is_file()} == before
