"""What carries the rollout, in the emulated AWS: the quarterly governance review under its own role, the
champions, training records (L4.1, L4.6, L5.5, G.3, S.2).
"""

import gzip
import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from kit.adoption.recognition import recognition
from kit.adoption.training import completed, record_training
from kit.errors import KitError
from lambdas.common.access import AccessRecords, person_record, user_key
from lambdas.common.audit.metadata import row_of
from lambdas.common.clock import utc_now
from lambdas.common.ids import new_id
from lambdas.measurement.aggregates import Aggregator
from lambdas.measurement.events import read_event
from lambdas.measurement.seen import Seen
from lambdas.measurement.source import aggregate_key
from lambdas.workflow.governance_review import quarter_named
from lambdas.workflow.reviews import Review, Reviews
from tests.measurement.rows import row

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


def test_the_governance_review_says_what_each_champion_contributed_from_evidence_and_ranks_nobody(
    stage, target
) -> None:
    """(L4.6) A department's own people, none of whom the other tests know."""
    access = AccessRecords(stage.root("dynamodb"), stage.exported("access_table_name"))
    for person, roles in (("01J9ZOE", ["champions"]), ("01J9ABE", ["champions"]), ("01J9NEW", [])):
        access.create(person_record(person, provisioned=True, department="product", roles=roles))
    name = access.naming("user-name", "zoe@example.com", "01J9ZOE")
    stage.root("dynamodb").transact_write_items(TransactItems=[name])
    quarter = "2024Q1"  # what is written here lies in no other test's quarter
    clock = lambda: datetime(2024, 2, 5, 12, tzinfo=UTC)  # noqa: E731
    reviews = Reviews(stage.root("dynamodb"), stage.exported("reviews_table_name"), clock)
    request = new_id("wf_")
    reviews.open(
        Review(
            "product",
            request,
            "waiting",
            "competitive-analysis",
            "req_1",
            "0" * 64,
            "eve",
            "2024-02-05T11:00:00+00:00",
        )
    )
    reviews.decide("product", request, "approve", by="Zoe@example.com", reason="it holds")
    s3 = stage.root("s3")
    approval = {"approval": {"by": "zoe@example.com"}, "published_at": "2024-03-31T23:59:59+00:00"}
    s3.put_object(
        Bucket=stage.exported("governance_bucket_name"),
        Key="prompts/test/1-0.json",
        Body=json.dumps(approval),
    )
    rows = [
        row(1, "training", principal="01J9NEW", department="product", details={"trainer": "01J9ZOE"}),
        row(2, "training", principal="01J9NEW", department="product", details={"trainer": "01J9ZOE"}),
        row(3, "feedback", principal="01J9ABE", department="product", details={"useful": True}),
    ]
    with Seen() as seen:
        aggregator = Aggregator("example-production", seen)
        aggregator.count(event for one in rows if (event := read_event(one)) is not None)
    (day,) = aggregator.finish().values()
    s3.put_object(
        Bucket=stage.exported("analytics_bucket_name"),
        Key=aggregate_key("2024-03-01"),
        Body=gzip.compress(day.to_json().encode()),
    )

    said = stage.root("lambda").invoke(
        FunctionName="example-production-governance-review", Payload=json.dumps({"quarter": quarter})
    )
    key = json.loads(said["Payload"].read())["key"]
    body = s3.get_object(Bucket=stage.exported("governance_bucket_name"), Key=key)["Body"].read()
    mine = [one for one in json.loads(body)["champions"] if one["person"] in ("01J9ZOE", "01J9ABE")]
    assert mine == [
        {"person": "01J9ABE", "department": "product", "prompts_approved": 0, "reviews": 0,
         "people_trained": 0, "feedback": 1},
        {"person": "01J9ZOE", "department": "product", "prompts_approved": 1, "reviews": 1,
         "people_trained": 1, "feedback": 0},
    ]  # fmt: skip
    assert b"zoe@example.com" not in body
    known = {one.person: one.known_as for one in recognition(target).contributions(
        quarter_named(quarter), ["product"], day)}  # fmt: skip
    assert known["01J9ZOE"].casefold() == "zoe@example.com"


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
    assert programme["recognition"]["for"] == [
        "answers rated", "people trained", "prompts approved", "reviews done",
    ]  # fmt: skip
    assert stage.root("sns").get_topic_attributes(TopicArn=stage.exported("champions_topic_arn"))
    policy = stage.resource("aws:sns/topicPolicy:TopicPolicy", "champions-channel-policy").inputs["policy"]
    assert "DenyPlainHttp" in policy
    group = stage.resource("aws:cognito/userGroup:UserGroup", "champions-group")
    assert group.inputs["name"] == "champions"


def test_training_of_a_known_person_becomes_a_record_that_measurement_counts(stage, target) -> None:
    access = AccessRecords(stage.root("dynamodb"), stage.exported("access_table_name"))
    access.create(person_record("01J9ADA", provisioned=True, department="marketing"))
    today = utc_now().date()
    access.create(person_record("01J9TRAINER", provisioned=True, department="legal"))
    given = completed("01J9ADA", "onboarding", None, today, trainer="01J9TRAINER")
    (written,) = record_training(target, [given])
    assert written["trainer"] == "01J9TRAINER"
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

    for stranger in (
        completed("01J9BOB", "onboarding", None, today),
        completed("01J9ADA", "onboarding", None, today, trainer="01J9BOB"),
    ):
        with pytest.raises(KitError, match="not a person of this deployment"):
            list(record_training(target, [stranger]))
