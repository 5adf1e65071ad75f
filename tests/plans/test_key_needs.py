"""Every key lets in what the services that use it need, in every plan (L1.7): a stream, a table or a log
group whose key refuses it stops a deployment, or loses what it should hold.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from components.base import Names
from components.foundation.keys import key_statements, purposes
from tests.plans.key_needs import NEEDS, Need
from tests.plans.made import ACCOUNT, REGION, Made, made, of_type
from tests.plans.policies import allows, statements, values_at
from tests.plans.variants import VARIANTS
from tests.support.stages import SIZES

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
FIREHOSE = f"firehose.{REGION}.amazonaws.com"
FIREHOSE_ITSELF = "firehose.amazonaws.com"  # works by a grant; its own statement is what AWS's examples have
STREAM = "aws:kinesis/firehoseDeliveryStream"


def _keys(plan: tuple[Made, ...]) -> dict[str, Made]:
    return {one.state.outputs["arn"]: one for one in of_type(plan, "aws:kms/key")}


def _refused(
    need: Need, plan: tuple[Made, ...], policies: Mapping[str, Mapping[str, Any]] | None = None
) -> Iterator[str]:
    """What a plan's keys refuse; `policies` are other ones for some keys, by their names."""
    keys = _keys(plan)
    context = dict(need.context)
    if need.via:
        context |= {
            "kms:ViaService": f"{need.via}.{REGION}.amazonaws.com",
            "kms:CallerAccount": ACCOUNT,
            "kms:GrantIsForAWSResource": "true",
        }
    for one in of_type(plan, need.type):
        for arn in values_at(one.inputs, need.path):
            key = keys.get(arn)
            # a department's key lets in its own roles alone; the replica's lies in its own region
            if key is None or key.name.startswith("department-") or one.inputs.get("region"):
                continue
            for action in need.actions:
                who = need.service or ROOT
                policy = policies[key.name] if policies and key.name in policies else key.inputs["policy"]
                if not allows(policy, action, principal=who, context=context):
                    yield f"{one.name}: {key.name} refuses {action} ({need.why})"


@pytest.mark.parametrize("size", SIZES)
def test_every_key_lets_in_the_services_that_use_it(size: str) -> None:
    assert [refusal for need in NEEDS for refusal in _refused(need, made(size))] == []


@pytest.mark.nightly
@pytest.mark.parametrize("variant", VARIANTS)
def test_so_does_every_key_of_every_variant(variant: str) -> None:
    assert [refusal for need in NEEDS for refusal in _refused(need, made("medium", variant))] == []


def test_no_declaration_of_who_uses_a_key_can_be_left_out() -> None:
    """Key policies follow from the declarations in `purposes`: without one of them, some service is refused
    its key, and the test above says which.
    """
    plans = [made("enterprise", "direct door"), made("medium", "guardrail")]
    names = Names("example", "production", ACCOUNT, REGION)
    unneeded = []
    for label, purpose in purposes(names).items():
        fewer = [
            (
                f"{label} through {one}",
                replace(purpose, via=[each for each in purpose.via if each != one] or ["none"]),
            )
            for one in purpose.via
        ]
        fewer += [
            (
                f"{label} by {one}",
                replace(purpose, services={k: v for k, v in purpose.services.items() if k != one}),
            )
            for one in purpose.services
            if one != FIREHOSE_ITSELF
        ]
        for what, weaker in fewer:
            policies = {
                f"keys-{label}": {"Statement": [one.to_dict() for one in key_statements(weaker, names)]}
            }
            if not any(any(_refused(need, plan, policies)) for need in NEEDS for plan in plans):
                unneeded.append(what)
    assert unneeded == []


def test_every_need_is_of_a_resource_that_some_plan_makes() -> None:
    plans = [made("enterprise", "direct door"), made("medium", "guardrail")]
    unused = [
        need.why
        for need in NEEDS
        if not any(
            True
            for plan in plans
            for one in of_type(plan, need.type)
            for _ in values_at(one.inputs, need.path)
        )
    ]
    assert unused == []


def test_whoever_puts_records_on_a_stream_may_use_its_key() -> None:
    """Demanded of callers since 20 April 2026; without it no copy of a record arrives (L5.1)."""
    plan = made("enterprise")
    streams = {
        one.inputs["name"]: one.inputs["serverSideEncryption"]["keyArn"] for one in of_type(plan, STREAM)
    }
    callers = 0
    for one in of_type(plan, "aws:iam/rolePolicy"):
        for statement in statements(one.inputs["policy"]):
            if "firehose:PutRecordBatch" not in statement["Action"]:
                continue
            callers += 1
            for stream in statement["Resource"]:
                key = streams[stream.rpartition("/")[2]]
                for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                    assert allows(
                        one.inputs["policy"], action, resource=key, context={"kms:ViaService": FIREHOSE}
                    ), f"{one.name}: {action}"
    assert callers >= 3, "gateway, releasers, training lead"


def test_whoever_may_query_may_read_the_results() -> None:
    """Managed results of Athena are encrypted in the name of anyone who asks (L5.6)."""
    plan = made("small")
    (workgroup,) = of_type(plan, "aws:athena/workgroup")
    results = workgroup.inputs["configuration"]["managedQueryResultsConfiguration"]
    key = results["encryptionConfiguration"]["kmsKey"]
    context = {"kms:ViaService": f"athena.{REGION}.amazonaws.com"}
    asking = [
        one
        for one in of_type(plan, "aws:iam/rolePolicy")
        if any("athena:StartQueryExecution" in each["Action"] for each in statements(one.inputs["policy"]))
    ]
    assert len(asking) >= 3
    for one in asking:
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            assert allows(one.inputs["policy"], action, resource=key, context=context), one.name


def test_api_gateway_may_use_the_key_of_the_stream_that_its_access_log_goes_to() -> None:
    plan = made("small")
    linked = "aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway"
    role = f"arn:aws:iam::{ACCOUNT}:role/{linked}"
    (log,) = [one for one in of_type(plan, STREAM) if one.inputs["name"].startswith("amazon-apigateway-")]
    policy = _keys(plan)[log.inputs["serverSideEncryption"]["keyArn"]].inputs["policy"]
    context = {"kms:ViaService": FIREHOSE, "kms:CallerAccount": ACCOUNT, "aws:PrincipalArn": role}
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert allows(policy, action, principal=role, context=context)
        assert not allows(policy, action, principal=role, context={**context, "kms:CallerAccount": "9" * 12})


def test_cloudtrail_may_write_its_digests_under_the_encryption_that_it_chooses() -> None:
    """Log files come under the trail's key, digests under SSE-S3, which prove that no log file is gone."""
    (bucket,) = [
        one for one in of_type(made("small"), "aws:s3/bucketPolicy") if one.name == "trail-store-policy"
    ]
    arn = f"arn:aws:s3:::{bucket.inputs['bucket']}"
    trail = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/example-production-trail"

    def puts(path: str, encryption: str) -> bool:
        return allows(
            bucket.inputs["policy"],
            "s3:PutObject",
            principal="cloudtrail.amazonaws.com",
            resource=f"{arn}/AWSLogs/{ACCOUNT}/{path}",
            context={
                "aws:SourceArn": trail,
                "aws:SecureTransport": "true",
                "s3:TlsVersion": "1.3",
                "s3:x-amz-server-side-encryption": encryption,
            },
        )

    assert puts("CloudTrail-Digest/eu-central-1/2026/11/30/one.json.gz", "AES256")
    assert not puts("CloudTrail/eu-central-1/2026/11/30/one.json.gz", "AES256")
    assert not puts("../CloudTrail-Digest/one.json.gz", "AES256")
