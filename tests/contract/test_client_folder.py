"""A client is a folder: departments, workflows, prompts and documents are configuration (L2.1, L3.1, Z.1)."""

import copy
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from components.workflow.catalogue import read_workflows
from kit.errors import KitError
from kit.evaluation.stages import evaluate_stages
from kit.target import Target, require_client
from stacks.gateway_policy import gateway_policy
from stacks.library import documents_of, folders_of, workflows_of_department
from stacks.settings import CONFIG_FOLDER, RawConfig, Settings, SettingsError, read_settings

EXAMPLE: dict[str, Any] = yaml.safe_load((CONFIG_FOLDER / "clients" / "example.yaml").read_text("utf-8"))
OWN = {
    "title": "Summaries of visits",
    "department": "sales",
    "prompt": "campaign-copy",
    "documents_as": "brief",
    "steps": ["draft", {"kind": "check", "checks": ["complete"]}, "review", "release", "outcome"],
}


class Client:
    """The folder of one client beside the stack files of a fork."""

    def __init__(self, folder: Path, name: str = "acme") -> None:
        self.config, self.name = folder, name
        self.folder = folder / "clients" / name
        (self.folder / "workflows").mkdir(parents=True)
        (self.folder / "documents").mkdir()
        document = {key: value for key, value in copy.deepcopy(EXAMPLE).items() if key != "identity"}
        identity = {key: value for key, value in EXAMPLE["identity"].items() if key != "groups"}
        self.document: dict[str, Any] = document | {"client": name, "identity": identity, "departments": []}

    def department(self, name: str, **more: Any) -> None:
        one = {
            "id": name,
            "name": name.title(),
            "cost_center": "CC-1",
            "models": ["fast", "balanced", "best"],
        }
        self.document["departments"].append({**one, "pilot": True, **more})

    def workflow(self, name: str, **changes: Any) -> None:
        read_workflows.cache_clear()  # a process reads the library once
        (self.folder / "workflows" / f"{name}.yaml").write_text(yaml.safe_dump(OWN | changes))

    def read(self) -> Settings:
        text = yaml.safe_dump(self.document, sort_keys=False)
        (self.folder / "client.yaml").write_text(text)
        return read_settings(RawConfig(self.configuration | {"stage": "integration"}))

    @property
    def configuration(self) -> dict[str, str]:
        return {"client": self.name, "config_folder": str(self.config)}

    def problems(self) -> dict[str, str]:
        with pytest.raises(SettingsError) as refused:
            self.read()
        return {one.key: str(one) for one in refused.value.problems}


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


def test_departments_that_nobody_wrote_in_python_have_workflows_documents_and_prompts(client: Client) -> None:
    client.department("sales", workflows=["content", "visit-notes"])
    client.department("research", like="product")
    client.department("brand", like="marketing")
    client.workflow("visit-notes")
    (client.folder / "documents" / "acceptable-use.md").write_text("# Our own\n")
    settings = client.read()
    standing = {
        one.id: [w.name for w in workflows_of_department(settings, one)] for one in settings.departments
    }
    assert standing == {
        "sales": ["content", "visit-notes"],
        "research": ["competitive-analysis"],
        "brand": ["content"],
    }
    plans = evaluate_stages(["foundation", "integration"], config=client.configuration, assume_gates=True)
    machines = {
        one.inputs["name"] for one in plans["integration"] if one.type == "aws:sfn/stateMachine:StateMachine"
    }
    assert {name.removeprefix("acme-production-") for name in machines} >= {
        "sales-content", "sales-visit-notes", "research-competitive-analysis", "brand-content",
    }  # fmt: skip
    texts = {
        one.inputs["key"]: one.inputs["content"]
        for one in plans["foundation"]
        if "key" in one.inputs and "content" in one.inputs
    }
    assert texts["documents/acceptable-use.md"] == "# Our own\n", "what the client brings replaces by name"
    assert "documents/audit-policy.md" in texts, "what it does not bring comes from the kit"
    (index,) = [one for one in plans["integration"] if one.inputs.get("key") == "prompts/index.json"]
    assert yaml.safe_load(index.inputs["content"])["prompts"]["campaign-copy"]["departments"] == [
        "brand",
        "sales",
    ], "whose workflow drafts with it may use it"
    assert [one["id"] for one in gateway_policy(settings)["departments"]] == ["sales", "research", "brand"]


def test_a_renamed_department_does_not_lose_its_workflow_without_a_word(client: Client) -> None:
    client.department("brand")
    told = client.problems()["departments[0].workflows"]
    assert "no workflow is for brand" in told
    assert "marketing" in told
    client.document["departments"][0]["workflows"] = []
    assert workflows_of_department(client.read(), client.read().departments[0]) == ()


@pytest.mark.parametrize(
    ("wrong", "key", "nearest"),
    [
        ({"department": "sale"}, "workflows/visit-notes.yaml.department", "sales"),
        ({"prompt": "campain-copy"}, "workflows/visit-notes.yaml.prompt", "campaign-copy"),
        ({"documents_as": "breif"}, "workflows/visit-notes.yaml.documents_as", "brief"),
        (
            {"steps": ["draft", {"kind": "check", "checks": ["claim"]}, "review", "release", "outcome"]},
            "workflows/visit-notes.yaml.steps[1].checks[0]", "claims",
        ),
        ({"stepps": "x"}, "workflows/visit-notes.yaml.stepps", "steps"),
    ],
)  # fmt: skip
def test_an_unknown_name_in_a_workflow_is_an_error_that_names_the_nearest(
    client: Client, wrong: dict[str, Any], key: str, nearest: str
) -> None:
    client.department("sales", workflows=["content"] if "department" in wrong else ["visit-notes"])
    client.workflow("visit-notes", **wrong)
    assert nearest in client.problems()[key]


def test_an_unknown_workflow_of_a_department_is_an_error_that_names_the_nearest(client: Client) -> None:
    client.department("sales", workflows=["contnt"])
    client.department("brand", like="marketting")
    problems = client.problems()
    assert 'did you mean "content"?' in problems["departments[0].workflows"]
    assert 'did you mean "marketing"?' in problems["departments[1].like"]


def test_two_clients_of_one_fork_share_nothing_but_the_library(tmp_path: Path) -> None:
    first, second = Client(tmp_path, "acme"), Client(tmp_path, "bolt")
    for one in (first, second):
        one.department("sales", workflows=["visit-notes"] if one is first else ["content"])
    first.workflow("visit-notes")
    (first.folder / "documents" / "acceptable-use.md").write_text("# Of acme\n")
    ours, theirs = first.read(), second.read()
    assert folders_of(ours)[0] == first.folder
    assert documents_of(ours)["acceptable-use"].read_text() == "# Of acme\n"
    assert documents_of(theirs)["acceptable-use"].read_text() != "# Of acme\n"
    second.document["departments"][0]["workflows"] = ["visit-notes"]
    assert "is not a workflow" in second.problems()["departments[0].workflows"]
    assert ours.evidence_file != theirs.evidence_file


def test_a_client_of_an_earlier_version_is_a_single_file_still(tmp_path: Path) -> None:
    (tmp_path / "clients").mkdir()
    shutil.copy(CONFIG_FOLDER / "clients" / "example.yaml", tmp_path / "clients" / "example.yaml")
    values = {"client": "example", "config_folder": str(tmp_path), "stage": "integration"}
    settings = read_settings(RawConfig(values))
    assert settings.client_folder == ""
    assert len(folders_of(settings)) == 1


def test_no_data_of_one_client_goes_into_the_deployment_of_another() -> None:
    target = Target({"client": "acme"}, "eu-central-1", True, boto3.Session(region_name="eu-central-1"))
    require_client(target, "acme")
    with pytest.raises(KitError, match="is that of acme, not of example") as refused:
        require_client(target, "example")
    assert refused.value.hint == "name it: --client acme"
