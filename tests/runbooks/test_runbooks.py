"""Every command of every runbook does what it says, on a deployment that stands (L1.8, G.3, G.4)."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anthropic
import botocore.session
import httpx2
import pytest
from botocore import xform_name

from stacks.contracts import CONTRACTS
from tests.support.local_kit import LocalKit, local_deployment

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = sorted(path for path in (ROOT / "runbooks").glob("*.md") if path.name != "README.md")
PARTS = ["Symptom", "Check", "Action", "Verification"]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


_AWS = re.compile(r"(?:^ +|\$\()(aws (?!s3 ).+?)\)?$", re.MULTILINE)
_OUTPUT = re.compile(r"pulumi stack output (\w+) --stack (\w+)\.acme")
_OF_THE_COMMAND = {"region", "output", "query"}  # options that every command of the AWS CLI has


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKit]:
    """One of their own: runbooks revoke, rotate and erase."""
    with local_deployment(tmp_path_factory.mktemp("runbooks") / "home") as kit:
        kit.up()
        kit.clients_environment()
        yield kit


@pytest.fixture(scope="module")
def variables(deployment: LocalKit) -> Mapping[str, str]:
    """What the runbooks leave to the reader: a key, whom it belongs to, a request that was made with it, a
    person.
    """
    made = deployment.run("key", "create", "--department", "marketing", "--name", "runbook", "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)
    client = anthropic.Anthropic(
        base_url=deployment.variables["ANTHROPIC_BASE_URL"], auth_token=key["key"], max_retries=0
    )
    answer = client.messages.create(
        model="fast", max_tokens=16, messages=[{"role": "user", "content": "Say hello."}]
    )
    return {
        "REQUEST_ID": answer._request_id or "",
        "KEY_ID": key["id"],
        "PRINCIPAL": key["id"],
        "DEPARTMENT": "marketing",
        "PERSON": _provisioned(deployment, "runbook@example.com"),
    }


def _provisioned(deployment: LocalKit, name: str) -> str:
    """The id of a person whom the identity provider has created."""
    made = httpx2.post(
        f"{deployment.variables['SCIM_BASE_URL']}/Users",
        json={"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": True},
        headers={"authorization": f"Bearer {deployment.variables['SCIM_TOKEN']}"},
    )
    assert made.status_code == 201, made.text
    return made.json()["id"]


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_has_the_four_parts_and_is_in_the_list(runbook: Path) -> None:
    assert re.findall(r"^## (.+)$", runbook.read_text("utf-8"), re.MULTILINE) == PARTS
    assert f"({runbook.name})" in (ROOT / "runbooks" / "README.md").read_text("utf-8")


def _objection(command: str) -> str:
    """What AWS's own model of the service has against a command of its CLI; empty if nothing."""
    _, service, operation, *rest = shlex.split(command)
    session = botocore.session.get_session()
    model: Any = session.get_service_model(service)
    if operation == "wait":
        waiters: Any = session.get_waiter_model(service)
        if (named := rest.pop(0)) not in {xform_name(name, "-") for name in waiters.waiter_names}:
            return f"{service} has no waiter {named}"
        operation = next(
            xform_name(waiters.get_waiter(name).operation, "-")
            for name in waiters.waiter_names
            if xform_name(name, "-") == named
        )
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in operations:
        return f"{service} has no {operation}"
    shape: Any = model.operation_model(operations[operation]).input_shape
    members = {xform_name(name, "-"): name for name in (shape.members if shape else {})}
    given = {option.removeprefix("--") for option in rest if option.startswith("--")} - _OF_THE_COMMAND
    named = {option.removeprefix("no-") if option not in members else option for option in given}
    required = set(shape.required_members) if shape else set()
    if unknown := named - set(members):
        return f"{operation} has no {unknown}"
    missing = required - {members[option] for option in named}
    return f"{operation} needs {missing}" if missing else ""


def test_commands_for_an_account_are_ones_that_aws_and_the_stages_know() -> None:
    texts = {path.name: path.read_text("utf-8") for path in RUNBOOKS}
    commands = [(name, command) for name, text in texts.items() for command in _AWS.findall(text)]
    assert len(commands) >= 10, "the pattern finds no commands any more"
    problems = [f"{name}: {found}" for name, command in commands if (found := _objection(command))]
    for name, text in texts.items():
        for output, stage in _OUTPUT.findall(text):
            if output not in CONTRACTS[stage]:  # type: ignore[index]
                problems.append(f"{name}: stage {stage} exports no {output}")
    assert not problems, "\n".join(problems)
    assert _objection("aws dynamodb delete-table") == "delete-table needs {'TableName'}"
    assert "has no" in _objection("aws dynamodb delete-table --table-name a --force")


# These end what the others need: the person's texts, the key.
_LAST = ("erase-a-person", "key-leaked")
_IN_ORDER = [path for path in RUNBOOKS if path.stem not in _LAST]
_IN_ORDER += [path for path in RUNBOOKS if path.stem in _LAST]


@pytest.mark.parametrize("runbook", _IN_ORDER, ids=lambda path: path.stem)
def test_the_commands_of_a_runbook_work(
    runbook: Path, deployment: LocalKit, variables: Mapping[str, str], tmp_path: Path
) -> None:
    for block in _BLOCK.findall(runbook.read_text("utf-8")):
        script = block.replace("/tmp/", f"{tmp_path}/")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            capture_output=True,
            text=True,
            env=deployment.environment(
                **deployment.variables,
                **variables,
                PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            ),
            cwd=ROOT,
            timeout=100,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
