"""What weakens the evidence is reported when it happens, and reading a department's data leaves a trace (G.3,
L1.7). The events have the shape that CloudTrail gives them; moto's own matcher says which rule sees them.
"""

from typing import Any

import pytest
from moto.events.models import EventPattern

from tests.plans.made import ACCOUNT, REGION, made, of_type

PERSON = {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/one"}
BUCKET = {"bucketName": f"example-production-audit-{ACCOUNT}-{REGION}"}


def _event(service: str, call: str, **detail: Any) -> Any:
    return {
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": call,
            "eventType": "AwsApiCall",
            "userIdentity": PERSON,
            **detail,
        },
    }


def _told(event: Any) -> set[str]:
    rules = [
        one for one in of_type(made("small"), "aws:cloudwatch/eventRule") if "eventPattern" in one.inputs
    ]
    assert rules
    return {one.name for one in rules if EventPattern.load(one.inputs["eventPattern"]).matches_event(event)}


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (_event("cloudtrail", "StopLogging"), "tampering-trail"),
        (_event("cloudtrail", "DeleteTrail", errorCode="AccessDenied"), "tampering-trail"),
        (_event("kms", "PutKeyPolicy"), "tampering-keys"),
        (_event("kms", "ScheduleKeyDeletion"), "tampering-keys"),
        (_event("s3", "PutBucketPolicy", requestParameters=BUCKET), "tampering-buckets"),
        (_event("s3", "PutBucketVersioning", requestParameters=BUCKET), "tampering-buckets"),
        (_event("ec2", "RunInstances", userIdentity={"type": "Root"}), "tampering-root"),
    ],
)
def test_it_is_reported(event: Any, rule: str) -> None:
    assert _told(event) == {rule}


@pytest.mark.parametrize(
    "event",
    [
        _event("kms", "Decrypt"),
        _event("cloudtrail", "LookupEvents"),
        _event("s3", "PutBucketPolicy", requestParameters={"bucketName": "somebody-elses"}),
        _event("ec2", "RunInstances", userIdentity={"type": "Root"}, eventType="AwsServiceEvent"),
    ],
)
def test_what_is_harmless_is_not(event: Any) -> None:
    assert _told(event) == set()


def test_every_report_goes_to_people() -> None:
    plan = made("small")
    topics = {one.state.outputs["arn"] for one in of_type(plan, "aws:sns/topic")}
    reports = [one for one in of_type(plan, "aws:cloudwatch/eventTarget") if one.name.startswith("tampering")]
    assert len(reports) >= 4
    assert {one.inputs["arn"] for one in reports} <= topics


@pytest.mark.parametrize("size", ["small", "large"])
def test_every_read_of_a_departments_data_is_in_the_trail(size: str) -> None:
    plan = made(size)
    (trail,) = of_type(plan, "aws:cloudtrail/trail")
    watched = [
        prefix
        for selector in trail.inputs["advancedEventSelectors"]
        for field in selector["fieldSelectors"]
        if field["field"] == "resources.ARN"
        for prefix in field.get("startsWiths", ())
    ]
    buckets = [one for one in of_type(plan, "aws:s3/bucket") if "-data-" in one.name]
    assert len(buckets) >= 7
    for one in buckets:
        assert f"arn:aws:s3:::{one.inputs['bucket']}/" in watched, one.name
