"""`kit deploy` around the engine: where its state lies, what is filled between stages, what it shows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from kit.deploy import smoke
from kit.deploy.drift import drifted
from kit.deploy.engine import Engine
from kit.deploy.generated_secrets import fill_generated
from kit.deploy.smoke import ask
from kit.deploy.state_backend import ensure_state_backend
from kit.errors import KitError
from lambdas.common.virtual_keys import read_pepper
from tests.support.local_kit import LocalKit


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    with mock_aws():
        yield lambda service: boto3.client(service, region_name="eu-central-1")


def test_a_state_bucket_is_made_private_and_encrypted_once(clients: Any) -> None:
    made = ensure_state_backend(clients, "example-pulumi-state", "eu-central-1")
    assert made.url == "s3://example-pulumi-state?region=eu-central-1"
    assert made.secrets_provider == "awskms://alias/example-pulumi-state?region=eu-central-1"
    s3, kms = clients("s3"), clients("kms")
    closed = s3.get_public_access_block(Bucket="example-pulumi-state")["PublicAccessBlockConfiguration"]
    assert set(closed.values()) == {True}
    assert s3.get_bucket_versioning(Bucket="example-pulumi-state")["Status"] == "Enabled"
    rules = s3.get_bucket_encryption(Bucket="example-pulumi-state")["ServerSideEncryptionConfiguration"][
        "Rules"
    ]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    s3.put_object(Bucket="example-pulumi-state", Key="state", Body=b"kept")
    assert ensure_state_backend(clients, "example-pulumi-state", "eu-central-1") == made
    assert len(kms.list_keys()["Keys"]) == 1
    assert s3.get_object(Bucket="example-pulumi-state", Key="state")["Body"].read() == b"kept"


def test_generated_secrets_are_filled_once_and_never_shown(clients: Any, capsys: Any) -> None:
    """A second run keeps them: another pepper would make every key worthless."""
    manager = clients("secretsmanager")
    exports = {
        f"{name}_secret_arn": manager.create_secret(Name=name)["ARN"]
        for name in ("key_pepper", "scim_token", "anthropic_api_key")
    }
    assert fill_generated(manager, exports) == ["key-pepper", "scim-token"]
    pepper = manager.get_secret_value(SecretId=exports["key_pepper_secret_arn"])["SecretString"]
    assert len(read_pepper(pepper)) >= 32
    assert fill_generated(manager, exports) == []
    assert manager.get_secret_value(SecretId=exports["key_pepper_secret_arn"])["SecretString"] == pepper
    assert pepper not in "".join(capsys.readouterr())
    with pytest.raises(manager.exceptions.ResourceNotFoundException):
        manager.get_secret_value(SecretId=exports["anthropic_api_key_secret_arn"])


def test_what_a_secret_holds_is_not_asked_by_the_one_who_fills_it() -> None:
    """The role that deploys may read no secret."""
    asked: list[str] = []

    class Manager:
        def describe_secret(self, SecretId: str) -> Any:  # noqa: N803 - boto3's own
            asked.append(f"describe {SecretId}")
            return {"VersionIdsToStages": {"v": ["AWSCURRENT"]}} if SecretId == "full" else {}

        def put_secret_value(self, SecretId: str, SecretString: str) -> None:  # noqa: N803 - boto3's own
            assert SecretString
            asked.append(f"put {SecretId}")

    exports = {"key_pepper_secret_arn": "empty", "scim_token_secret_arn": "full"}
    assert fill_generated(Manager(), exports) == ["key-pepper"]
    assert asked == ["describe empty", "put empty", "describe full"]


def test_who_may_make_no_key_is_told_so_and_not_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetSecretValue")

    monkeypatch.setattr(smoke, "create_key", refused)
    with pytest.raises(smoke.MayMakeNoKey), smoke.short_lived_key(cast(Any, None), "marketing"):
        pass


def test_the_engines_commands_are_printed_as_they_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    fake = tmp_path / "pulumi"
    fake.write_text(
        f'#!/bin/sh\necho "$PULUMI_BACKEND_URL $*" >> {log}\n[ "$1" != up ] || exit ${{CODE:-0}}\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    said: list[str] = []
    engine = Engine("acme", "s3://state", "awskms://alias/state", say=said.append)
    engine.select("foundation")
    engine.up("foundation", yes=True)
    ran = log.read_text().splitlines()
    assert ran[0].startswith("s3://state stack select --create foundation.acme")
    assert "--secrets-provider awskms://alias/state" in ran[0]
    assert "s3://state up --stack foundation.acme --policy-pack policy --diff --yes" in ran
    assert said[-1] == "$ pulumi up --stack foundation.acme --policy-pack policy --diff --yes"
    monkeypatch.setenv("CODE", "1")
    with pytest.raises(KitError, match="pulumi up: exit 1"):
        engine.up("foundation", yes=True)


def test_differences_are_sorted_by_how_much_they_matter() -> None:
    def step(op: str, kind: str, name: str, *changed: str) -> dict[str, Any]:
        urn = f"urn:pulumi:foundation::claude-enterprise-kit::kit:index:One${kind}::{name}"
        return {"op": op, "urn": urn, "detailedDiff": {key: {"kind": "update"} for key in changed}}

    stack = (
        "urn:pulumi:foundation::claude-enterprise-kit::pulumi:pulumi:Stack::claude-enterprise-kit-foundation"
    )
    found = drifted(
        [
            step("update", "aws:budgets/budget:Budget", "claude", "limitAmount"),
            step("same", "aws:s3/bucket:Bucket", "audit"),
            step("update", "aws:iam/role:Role", "director", "assumeRolePolicy"),
            step("delete", "aws:cloudtrail/trail:Trail", "trail"),
            {"op": "same", "urn": stack},
        ]
    )
    assert [(one.weight, one.name, one.gone) for one in found] == [
        ("evidence", "trail", True),
        ("access", "director", False),
        ("other", "claude", False),
    ]
    assert found[1].changed == ("assumeRolePolicy",)


def test_the_smoke_test_asks_with_both_headers_streams_and_sees_what_must_not_pass(
    local_kit: LocalKit,
) -> None:
    """Against a deployment that stands, and against a key that is nobody's."""
    access = local_kit.variables
    url, key = access["ANTHROPIC_BASE_URL"], access["ANTHROPIC_AUTH_TOKEN"]
    asked = ask(url, key, "fast")
    assert [(one.what, one.passed) for one in asked if not one.passed] == []
    assert len(asked) == 5
    nobody = {one.what: one.passed for one in ask(url, f"{key[:-4]}AAAA", "fast")}
    assert not nobody["x-api-key"]
    assert not nobody["Authorization: Bearer"]
    assert not nobody["stream"]
