"""What carries the rollout, in the emulated AWS: the quarterly governance review under its own role, the
champions, training records (L4.1, L4.6, L5.5, G.3, S.2).
"""

import json

import pytest
from botocore.exceptions import ClientError

from kit.adoption.training import completed, record_training
from kit.errors import KitError
from lambdas.common.access import AccessRecords, person_record, user_key
from lambdas.common.audit.metadata import row_of
from lambdas.common.clock import utc_now
from lambdas.measurement.events import read_event
from lambdas.workflow.governance_review import quarter_named

from .conftest import role

pytestmark = pytest.mark.emulator


def test_the_governance_review_collects_decisions_and_changes_once_under_its_own_role(stage) -> None:
    now = utc_now()
    quarter = f"{now.year}Q{(now.month + 2) // 3}"
    invoke = stage.root("lambda").invoke
    event = json.dumps({"quarter": quarter}).encode()
    said = json.loads(
        invoke(FunctionName="example-production-governance-review", Payload=event)["Payload"].read()
    )
    assert said == {"key": f"governance-reviews/{quarter}.json", "written": True}
    again = json.loads(
        invoke(FunctionName="example-production-governance-review", Payload=event)["Payload"].read()
    )
    assert again["written"] is False

    bucket = stage.exported("governance_bucket_name")
    body = stage.root("s3").get_object(Bucket=bucket, Key=said["key"])["Body"].read()
    evidence = json.loads(body)
    assert evidence["quarter"] == quarter
    assert set(evidence["departments"]["marketing"]) == {
        "escalated", "findings", "opened", "outcomes_not_recorded", "states",
    }  # fmt: skip
    assert {"policy/gateway.json", "adoption/champions.json"} <= {one["key"] for one in evidence["changes"]}
    start, end = quarter_named(quarter).start.isoformat(), quarter_named(quarter).end.isoformat()
    assert all(start <= one["at"] < end for one in evidence["changes"])


def test_the_governance_review_writes_its_folder_and_nothing_else(stage) -> None:
    s3, bucket = role(stage, "governance-review").client("s3"), stage.exported("governance_bucket_name")
    for key in ("policy/gateway.json", "gates/rollout.json"):
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="policy/gateway.json")


def test_the_champions_have_a_channel_a_share_of_each_department_and_their_recognition(stage) -> None:
    bucket, key = stage.exported("governance_bucket_name"), stage.exported("champions_programme_key")
    programme = json.loads(stage.root("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert sum(programme["wanted_by_department"].values()) == programme["wanted"] == 5  # size small
    assert programme["group"] == "champions"
    assert programme["recognition"]["for"] == ["answers shared", "people trained"]
    assert stage.root("sns").get_topic_attributes(TopicArn=stage.exported("champions_topic_arn"))
    policy = stage.resource("aws:sns/topicPolicy:TopicPolicy", "champions-channel-policy").inputs["policy"]
    assert "DenyPlainHttp" in policy
    group = stage.resource("aws:cognito/userGroup:UserGroup", "champions-group")
    assert group.inputs["name"] == "champions"


def test_training_of_a_known_person_becomes_a_record_that_measurement_counts(stage, target) -> None:
    access = AccessRecords(stage.root("dynamodb"), stage.exported("access_table_name"))
    access.create(person_record("01J9ADA", provisioned=True, department="marketing"))
    today = utc_now().date()
    (written,) = record_training(target, [completed("01J9ADA", "onboarding", None, today)])
    assert access.get(user_key("01J9ADA")) is not None
    event = read_event(row_of({**written, "record_id": "rec_1", "at": utc_now().isoformat()}))
    assert event is not None
    assert (event.kind, event.department, event.principal, event.person) == (
        "training", "marketing", "01J9ADA", True,
    )  # fmt: skip
    lines = []
    s3, bucket = stage.root("s3"), stage.exported("audit_bucket_name")
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix="records/")["Contents"]:
        if "/training-" in entry["Key"]:
            lines += s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().splitlines()
    assert [json.loads(line)["course"] for line in lines if b"01J9ADA" in line] == ["onboarding"]

    with pytest.raises(KitError, match="no person of this deployment"):
        list(record_training(target, [completed("01J9BOB", "onboarding", None, today)]))
