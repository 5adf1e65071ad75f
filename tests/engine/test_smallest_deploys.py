"""A component's smallest deploy stands with the real Pulumi engine, by the commands that its pages print."""

import json
import os
import subprocess

import pytest

from tests.docs.blocks import indented
from tests.engine.conftest import Engine


@pytest.mark.timeout(600)
def test_a_smallest_deploy_stands_by_the_printed_commands(engine: Engine) -> None:
    given = {**os.environ, **engine.environment, "PULUMI_SKIP_CONFIRMATIONS": "true"}
    printed = indented("docs/components/README.md", "cp examples/components/ledger.py")
    for command in printed.splitlines():
        done = subprocess.run(command.split(), cwd=engine.project, env=given, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    state = json.loads(engine.run("stack", "export").stdout)
    made = {one["type"] for one in state["deployment"]["resources"]}
    assert {"kit:index:Ledger", "aws:dynamodb/table:Table"} <= made
