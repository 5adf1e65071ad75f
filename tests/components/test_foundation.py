"""What the foundation promises: evidence that nobody deletes, six roles that can do their work and no more
(L1.7, G.3, C.1, S.1).
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.exceptions
import pytest

from components.foundation.boundary import actions
from components.foundation.roles import ROLES
from contract.sizes import sizing
from kit.evaluation.stages import evaluate_stage
from tests.support.ports import free_port
from tests.support.stages import SIZES, STAGES, plan_of
from tests.support.standing import Standing, standing

LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
POLICY = "aws:iam/rolePolicy:RolePolicy"


@pytest.fixture(scope="module")
def foundation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("foundation")
    with standing(folder, free_port(), "foundation", {"size": "small"}) as stage:
        yield stage


def _refused(call: Any, **arguments: Any) -> bool:
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "AccessDeniedException"}:
            raise
        return True
    return False


# -- evidence ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_audit_records_are_locked_in_compliance_mode_as_long_as_the_size_says(size: str) -> None:
    plan = plan_of("foundation", size)
    locks = [one for one in plan if one.type == LOCK and "audit" in one.name]
    rules = {one.name: one.inputs["rule"]["defaultRetention"] for one in locks}
    assert {rule["mode"] for rule in rules.values()} == {"COMPLIANCE"}
    days = sizing(size).retention.audit_days  # type: ignore[arg-type]
    assert rules.pop("audit-store-lock")["days"] == 30, "a record, until a sealed segment contains it"
    assert {rule["days"] for rule in rules.values()} <= {days}
    assert len(rules) == (1 if size in ("large", "enterprise") else 0), "a second region from large on"
    (policy,) = [one for one in plan if one.name == "audit-store-policy"]
    short = [
        one
        for one in json.loads(policy.inputs["policy"])["Statement"]
        if one["Effect"] == "Deny"
        and one["Action"] == ["s3:PutObject"]
        and "NumericLessThan" in one["Condition"]
        and "s3:TlsVersion" not in one["Condition"]["NumericLessThan"]
    ]
    shortest = {"s3:object-lock-remaining-retention-days": str(days)}
    assert {one["Resource"][0].rsplit("/", 2)[1] for one in short} == {"manifests", "segments"}
    assert all(one["Condition"] == {"NumericLessThan": shortest} for one in short)


def test_a_record_expires_only_once_it_is_tagged_as_contained() -> None:
    from components.foundation.audit_store import CONTAINED
    from lambdas.notary.notary import TAG

    assert (TAG["Key"], TAG["Value"]) == CONTAINED
    (lifecycle,) = [one for one in plan_of("foundation", "small") if one.name == "audit-store-lifecycle"]
    expiring = [rule for rule in lifecycle.inputs["rules"] if (rule.get("expiration") or {}).get("days")]
    assert [rule["filter"]["and"] for rule in expiring] == [
        {"prefix": "records/", "tags": {"kit-contained": "sealed"}}
    ]
    assert expiring[0]["expiration"]["days"] > 30, "not before its lock has ended"


def test_only_what_is_sealed_is_replicated_where_true_sizes_are_billed() -> None:
    (replication,) = [one for one in plan_of("foundation", "large") if one.name == "audit-replication"]
    rules = replication.inputs["rules"]
    assert [rule["filter"]["prefix"] for rule in rules] == ["manifests/", "segments/"]
    assert {rule["destination"]["storageClass"] for rule in rules} == {"INTELLIGENT_TIERING"}


def test_a_short_and_lifted_lock_is_for_named_non_production_only() -> None:
    wanted = {"audit": {"mode": "GOVERNANCE"}, "sizing": {"retention": {"audit_days": 1}}}
    sandbox = evaluate_stage("foundation", config={**wanted, "environment": "sandbox"})
    rules = [one.inputs["rule"]["defaultRetention"] for one in sandbox if one.type == LOCK]
    assert {rule["mode"] for rule in rules} == {"GOVERNANCE"}
    with pytest.raises(Exception, match=r"audit\.mode"):
        evaluate_stage("foundation", config={**wanted, "environment": "production"})


def test_not_even_root_deletes_shortens_or_unlocks_a_record(foundation: Standing) -> None:
    s3, bucket = foundation.root("s3"), foundation.exported("audit_bucket_name")
    key = {"Bucket": bucket, "Key": "records/one.jsonl"}
    made = s3.put_object(
        **key,
        Body=b"{}",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=foundation.exported("audit_key_arn"),
    )
    version = {**key, "VersionId": made["VersionId"]}
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
    assert _refused(s3.delete_object, **version)
    assert _refused(s3.put_object_retention, **version, Retention=sooner)
    governance = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=9999)}
    assert _refused(s3.put_object_retention, **version, Retention=governance)
    assert s3.get_object(**version)["Body"].read() == b"{}"


def test_the_account_issues_the_identity_tokens_on_which_a_way_to_claude_rests() -> None:
    """(L1.3) Without them AWS gives the gateway no token, and Claude lets it in nowhere."""
    federation = "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation"
    plan = plan_of("foundation", "small")
    (found,) = [one for one in plan if one.type == federation]
    assert found.options["protect"], "deleting it ends such tokens for the whole account"
    assert found.options["retainOnDelete"]
    assert str(plan.exports["outbound_identity_issuer"]).startswith("https://")
    model = {"display_name": "Any", "model": "claude-haiku-5-5"}
    residency = {"data_residency": ["eu", "us"]}
    claude: dict[str, Any] = {"models": dict.fromkeys(("fast", "balanced", "best", "early"), model)}
    by_key = {"kind": "anthropic", "inference_geo": "us", "auth": {"kind": "secret"}}
    identity = {"kind": "workload-identity", "organization_id": "o", "federation_rule_id": "fdrl_x"}
    federated = {"kind": "anthropic", "inference_geo": "us", "auth": identity}
    for provider, how in ((federated, "existing"), (by_key, "existing"), (by_key, "none")):
        claude |= {"providers": [provider], "outbound_identity": how}
        other = evaluate_stage("foundation", config={"claude": claude, **residency})
        assert not [one for one in other if one.type == federation]
        assert "outbound_identity_issuer" not in other.exports
    claude |= {"providers": [federated], "outbound_identity": "none"}
    with pytest.raises(Exception, match=r"providers\[0\]\.auth: workload-identity needs identity tokens"):
        evaluate_stage("foundation", config={"claude": claude, **residency})


def test_secrets_are_created_without_a_value(foundation: Standing) -> None:
    secrets = [one for one in foundation.graphs["foundation"] if "secretsmanager" in one.type]
    assert secrets
    assert not [one.name for one in secrets if one.type.endswith("SecretVersion")]
    manager = foundation.root("secretsmanager")
    held = manager.get_secret_value(SecretId=foundation.exported("key_pepper_secret_arn"))
    assert not held.get("SecretString"), "AWS has no version at all, the emulator an empty one"


# -- people --------------------------------------------------------------------------------------------------

# Who may do what of the things that matter; everybody else is refused.
MAY: dict[str, set[str]] = {
    "read audit records": {"governance-lead"},
    "delete audit records": set(),
    "write audit records": set(),
    "turn a kill switch": {"governance-lead"},
    "erase a person": {"governance-lead"},
    "attest": {"director", "governance-lead"},
    "read documents": {"director", "enablement-lead", "training-lead", "governance-lead"},
    "read prompts": {str(role) for role in ROLES} - {"director", "key-operator"},
    "change a policy": set(),
    "read secrets": {"key-operator"},  # the pepper, with which keys are hashed
}


def _attempts(standing: Standing, role: str) -> dict[str, Any]:
    """Each thing of `MAY` as a call that is made under the planned permissions of a role."""
    acting = standing.acting(standing.statements(f"coe-{role}-permissions"))
    s3, secrets = acting.client("s3"), acting.client("secretsmanager")
    audit, governance = standing.exported("audit_bucket_name"), standing.exported("governance_bucket_name")
    governance_key = standing.exported("governance_key_arn")
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": governance_key}

    def table(what: str) -> str:
        return f"example-production-{what}"

    row = {"pk": {"S": "x"}, "sk": {"S": "y"}}
    dynamodb = acting.client("dynamodb")
    return {
        "read audit records": lambda: s3.list_objects_v2(Bucket=audit, Prefix="records/*"),
        "delete audit records": lambda: s3.delete_object(Bucket=audit, Key="records/one.jsonl"),
        "write audit records": lambda: s3.put_object(Bucket=audit, Key="records/forged.jsonl", Body=b""),
        "turn a kill switch": lambda: dynamodb.update_item(TableName=table("ledger"), Key=row),
        "erase a person": lambda: dynamodb.put_item(TableName=table("subject-keys"), Item=row),
        "attest": lambda: s3.put_object(Bucket=governance, Key="evidence/one.json", Body=b"{}", **encrypted),
        "read documents": lambda: s3.get_object(Bucket=governance, Key="documents/acceptable-use.md"),
        "read prompts": lambda: s3.get_object(Bucket=governance, Key="prompts/one.json"),
        "change a policy": lambda: s3.put_object(Bucket=governance, Key="policy/gateway.json", Body=b"{}"),
        "read secrets": lambda: secrets.get_secret_value(SecretId=standing.exported("key_pepper_secret_arn")),
    }


@pytest.fixture(scope="module")
def tables(foundation: Standing) -> None:
    """The tables of integration that the roles name, empty, and a prompt to read."""
    dynamodb, s3 = foundation.root("dynamodb"), foundation.root("s3")
    for what in ("ledger", "access", "subject-keys"):
        dynamodb.create_table(
            TableName=f"example-production-{what}",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
    s3.put_object(
        Bucket=foundation.exported("governance_bucket_name"),
        Key="prompts/one.json",
        Body=b"{}",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=foundation.exported("governance_key_arn"),
    )


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("role", ROLES)
def test_a_role_of_the_center_can_do_its_work_and_no_more(foundation: Standing, role: str) -> None:
    can = set()
    for what, attempt in _attempts(foundation, role).items():
        if not _refused(attempt):
            can.add(what)
    assert can == {what for what, roles in MAY.items() if role in roles}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stage", STAGES)
def test_no_role_is_given_what_the_boundary_takes_away(stage: str, size: str) -> None:
    """A permission outside the boundary would be a function that fails in production only."""
    boundary, outside = set(actions()), set()
    bounded = {
        one.inputs.get("name") for one in plan_of(stage, size) if one.inputs.get("permissionsBoundary")
    }
    for one in plan_of(stage, size):
        if one.type != POLICY or one.inputs["role"] not in bounded:
            continue
        for statement in json.loads(one.inputs["policy"])["Statement"]:
            if statement["Effect"] == "Allow":
                given = statement["Action"]
                outside |= {given} - boundary if isinstance(given, str) else set(given) - boundary
    assert sorted(outside) == []
