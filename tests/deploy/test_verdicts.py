"""A change in production is the one that somebody else approved, by a record nobody can forge (G.3, O.3)."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kit.deploy import verdicts
from kit.deploy.verdicts import approve, plan_digests, require_verdict
from kit.errors import ExitCode, KitError
from kit.target import Target

_PLAN = {"schema": "kit-plan/1", "stacks": [{"stack": "foundation", "resources": [], "exports": {}}]}
_ADA, _BOB = (f"arn:aws:sts::111122223333:assumed-role/lead/{name}" for name in ("ada", "bob"))


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """A deployment's buckets and its operators' key; `caller` is who acts."""
    with mock_aws():
        session = boto3.Session("k", "s", region_name="eu-central-1")
        kms, s3 = session.client("kms"), session.client("s3")
        signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
        sealing = kms.create_key()["KeyMetadata"]["Arn"]
        for bucket in ("audit", "governance"):
            place = {"LocationConstraint": "eu-central-1"}
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
        exports = {
            "audit_bucket_name": "audit", "governance_bucket_name": "governance", "audit_key_arn": sealing,
            "operator_key_arn": signing,
        }  # fmt: skip
        _acts(monkeypatch, _ADA)
        yield Target(exports, "eu-central-1", False, session)


def _acts(monkeypatch: pytest.MonkeyPatch, arn: str) -> None:
    for place in ("kit.deploy.verdicts.caller_arn", "kit.identity.operator.caller_arn"):
        monkeypatch.setattr(place, lambda _: arn)


def test_a_plan_that_another_person_approved_may_be_deployed_and_no_other_plan(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = plan_digests(_PLAN)
    approve(target, digests, ["training-removed urn"], "abc123")
    with pytest.raises(KitError, match="the one who deploys it") as refused:
        require_verdict(target, "foundation", digests["foundation"])
    assert refused.value.exit_code == ExitCode.VERIFICATION_FAILED
    _acts(monkeypatch, _BOB)
    found = require_verdict(target, "foundation", digests["foundation"])
    assert (found.approver, found.commit, list(found.overridden)) == (
        _ADA,
        "abc123",
        ["training-removed urn"],
    )
    other = plan_digests({**_PLAN, "stacks": [{**_PLAN["stacks"][0], "exports": {"a": "b"}}]})  # type: ignore[dict-item]
    with pytest.raises(KitError, match="no recorded approval"):
        require_verdict(target, "foundation", other["foundation"])


def test_a_pointer_without_its_record_approves_nothing(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may write the governance bucket, as the deployment role may, cannot approve by that."""
    digest = plan_digests(_PLAN)["foundation"]
    forged = json.dumps({"digest": digest, "recorded_at": "2026-11-30T10:00:00+00:00", "operator": _ADA})
    s3: Any = target.client("s3")
    s3.put_object(Bucket="governance", Key=f"change-reviews/{digest}.json", Body=forged.encode())
    _acts(monkeypatch, _BOB)
    assert verdicts.verdicts(target, digest) == []
    with pytest.raises(KitError, match="no recorded approval"):
        require_verdict(target, "foundation", digest)


def test_the_digest_is_that_of_the_plan_and_not_of_the_commit_it_was_made_at() -> None:
    assert plan_digests(_PLAN) == plan_digests({**_PLAN, "commit": "abc"})
