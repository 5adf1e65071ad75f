"""The integration stage in an emulated AWS, its roles trusting whom the plan says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.common.access import AccessRecord, AccessRecords
from lambdas.common.virtual_keys import key_record_pk, new_pepper, new_virtual_key, read_pepper
from lambdas.gateway.composition import Gateway
from lambdas.gateway.deployment import compose
from lambdas.gateway.settings import read_settings
from stacks.settings import CONFIG_FOLDER
from stacks.settings.documents import parse_yaml
from tests.gateway.harness import Harness
from tests.gateway.upstream import FakeUpstream
from tests.support.ports import free_port
from tests.support.standing import Acting, Standing, standing

# Machines with a client of their own in the user pool.
MACHINES = ("reports", "ledger", "stranger", "nightly")


@dataclass(frozen=True)
class Deployed:
    """The stage, its gateway's role, and an application of marketing with a key."""

    stage: Standing
    gateway: Acting
    caller_role: str  # ARN of the role that calls models
    key: str
    pepper: bytes
    upstream: FakeUpstream

    @property
    def records(self) -> AccessRecords:
        return AccessRecords(self.stage.root("dynamodb"), self.stage.exported("access_table_name"))

    def new_key(self, subject: str, **values: Any) -> str:
        """A key of marketing with a record of these values."""
        key = new_virtual_key()
        pk = key_record_pk(key, self.pepper)
        self.records.create(AccessRecord(pk, subject, active=True, department="marketing", **values))
        return key

    def variables(self, function: str) -> dict[str, str]:
        """The environment of a function in the plan."""
        inputs = self.stage.resource("aws:lambda/function:Function", function).inputs
        return {name: str(value) for name, value in inputs["environment"]["variables"].items()}

    def composed(self, monkeypatch: pytest.MonkeyPatch, **more: str) -> tuple[Harness, Gateway]:
        """The gateway as its environment composes it, under its own role; not started."""
        variables = {**self.variables("gateway-api-function"), **self.gateway.environment(), **more}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        gateway = compose(read_settings(variables))
        harness = Harness([self.upstream], gateway.settings, None)  # type: ignore[arg-type]
        monkeypatch.setattr(harness, "compose", lambda: gateway)
        return harness, gateway


def session_of(stage: Standing, sts: Any, role_arn: str, name: str, **more: Any) -> Acting:
    """A session of a role, opened with `sts`."""
    given = sts.assume_role(RoleArn=role_arn, RoleSessionName=name, **more)["Credentials"]
    return Acting(stage.emulator, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


@contextmanager
def deployment(folder: Path) -> Iterator[Deployed]:
    """Stands the stage up, and removes it at the end."""
    upstream = FakeUpstream().start()
    example = parse_yaml((CONFIG_FOLDER / "clients" / "example.yaml").read_text("utf-8"), "example.yaml")
    claims = {"groups_claim": "groups", "people_from_claims": True, "session_hours": 12}
    identity = {**example["identity"], **claims, "machine_clients": list(MACHINES)}
    config = {"size": "small", "identity": identity}
    with standing(folder, free_port(), "integration", config) as stage:
        iam = stage.root("iam")
        role = stage.resource("aws:iam/role:Role", "claude-caller-role").inputs
        # locally the account's root is in every trust, in place of the Lambda service; not here
        iam.update_assume_role_policy(RoleName=role["name"], PolicyDocument=role["assumeRolePolicy"])
        pepper = new_pepper()
        stage.root("secretsmanager").put_secret_value(
            SecretId=stage.exported("key_pepper_secret_arn"), SecretString=pepper
        )
        given = stage.root("sts").assume_role(
            RoleArn=stage.exported("gateway_role_arn"), RoleSessionName="function"
        )["Credentials"]
        gateway = Acting(
            stage.emulator, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
        )
        arn = iam.get_role(RoleName=role["name"])["Role"]["Arn"]
        made = Deployed(stage, gateway, arn, "", read_pepper(pepper), upstream)
        yield Deployed(stage, gateway, arn, made.new_key("app-1"), made.pepper, upstream)
    upstream.stop()


def refused(call: Any, **arguments: Any) -> bool:
    """Whether IAM refuses the call. Raises every other error."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "AccessDeniedException"}:
            raise
        return True
    return False
