"""A role of the Center of Excellence is enough for its work: nothing needs an administrator (C.1).

Commands run in the embedded deployment with the credentials of a session of the role, against IAM as it is
enforced there. That nobody can do more is what tests/identity/test_rights.py proves.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import boto3
import pytest

from kit.target import find_target
from tests.support.local_kit import LocalKit

from .commands import run

pytestmark = pytest.mark.emulator
FIGURES = ("chargeback", "executive", "maturity", "report roi", "report board-paper")
WORK = {
    "governance-lead": (
        *FIGURES, "access review", "audit find --limit 3", "audit verify", "evidence export --output {pack}",
        "exception list", "gate measure", "incident sync", "inspection mistakes", "inventory sync",
        "people list", "switch list",
    ),
    "key-operator": ("key list", "key create --name by-role --department marketing", "scim token list"),
    "data-science-lead": ("dashboards --output {page}",),
    "director": ("dashboards --output {page}", "gate status"),
    "enablement-lead": ("dashboards --output {page}", "prompt list"),
    "training-lead": ("training list",),
}  # fmt: skip


@contextmanager
def in_role(kit: LocalKit, role: str) -> Iterator[None]:
    with mock.patch.dict(os.environ, {"KIT_HOME": str(kit.folder)}):
        root = find_target()
    name = f"{root.require('client')}-{root.require('environment')}-{role}"
    given = root.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::111122223333:role/{name}", RoleSessionName="ada@example.com"
    )["Credentials"]
    session = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=root.region
    )
    with mock.patch("kit.target.find_target", return_value=replace(root, session=session)):
        yield


@pytest.mark.parametrize("role", WORK)
def test_a_role_can_do_its_work(local_kit: LocalKit, tmp_path: Path, role: str) -> None:
    with in_role(local_kit, role):
        for number, command in enumerate(WORK[role]):
            words = command.format(pack=tmp_path / "pack", page=tmp_path / f"page-{number}").split()
            done = run(local_kit, *words)
            assert done.code == 0, f"{role}: kit {command}: {done.stderr}"


def test_what_a_role_may_not_read_is_one_message_that_names_the_role_that_may(local_kit: LocalKit) -> None:
    from kit.cli import main

    for command in (["kit", "report", "roi"], ["kit", "chargeback"], ["kit", "maturity"]):
        home = mock.patch.dict(os.environ, {"KIT_HOME": str(local_kit.folder)})
        role, words = in_role(local_kit, "key-operator"), mock.patch("sys.argv", command)
        with role, words, home, pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 4
