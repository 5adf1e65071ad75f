"""Emergency access: two others open it, it ends by itself, and everybody hears of it (G.4)."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.workflow.proof import signed
from tests.support.local_kit import LocalKit

from .commands import run
from .test_edge_and_trigger import Deployment, ask

pytestmark = pytest.mark.emulator


def glass(kit: LocalKit, *arguments: str, code: int = 0) -> Any:
    done = run(kit, "break-glass", *arguments, *([] if code else ["--json"]))
    assert done.code == code, done.stdout + done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_two_others_open_it_and_it_can_be_ended_at_once(local_kit):
    asked = glass(
        local_kit, "request", "--department", "marketing", "--reason", "sign-in is down", "--by", "ada"
    )
    name = asked["id"]
    glass(local_kit, "open", name, "--by", "ada", code=3)
    assert "of their own" in glass(local_kit, "approve", name, "--by", "ada", code=2)
    glass(local_kit, "approve", name, "--by", "grace")
    glass(local_kit, "approve", name, "--by", "grace")  # the same person twice is one person
    glass(local_kit, "open", name, "--by", "ada", code=3)
    glass(local_kit, "approve", name, "--by", "edsger")
    assert "only who asked" in glass(local_kit, "open", name, "--by", "grace", code=2)
    key = glass(local_kit, "open", name, "--by", "ada")["key"]
    glass(local_kit, "open", name, "--by", "ada", code=2)  # once
    deployment = Deployment(local_kit)
    assert ask(deployment, key) == 200
    assert glass(local_kit, "end", name, "--by", "edsger")["state"] == "ended"
    assert ask(deployment, key) in {401, 403}
    assert steps_recorded(deployment, name) == ["requested", "approved", "approved", "opened", "ended"]


def steps_recorded(deployment: Deployment, name: str) -> list[str]:
    s3 = deployment.client("s3")
    bucket = next(one["Name"] for one in s3.list_buckets()["Buckets"] if "-audit-" in one["Name"])
    steps = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="records/"):
        for entry in page.get("Contents", ()):
            if "/break-glass-" in entry["Key"]:
                body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                steps += [json.loads(line) for line in body.splitlines() if line]
    mine = [one for one in steps if one.get("break_glass") == name and one["kind"] == "break-glass"]
    return [step["event"] for step in sorted(mine, key=lambda step: step["at"])]


@pytest.mark.parametrize(
    "arguments",
    [
        ("request", "--department", "nosuch", "--reason", "x", "--by", "ada"),
        ("request", "--department", "marketing", "--reason", "x", "--minutes", "241", "--by", "ada"),
        ("request", "--department", "marketing", "--reason", "x"),
        ("approve", "bg_nosuch", "--by", "ada"),
    ],
)
def test_bad_requests_are_named(local_kit, arguments):
    assert "hint:" in glass(local_kit, *arguments, code=2)


def session_of(deployment: Deployment, role: str, person: str) -> boto3.Session:
    """A person's session of a role of the Center of Excellence, which the test's root takes."""
    sts, iam = deployment.client("sts"), deployment.client("iam")
    account = sts.get_caller_identity()["Account"]
    name = next(one["RoleName"] for one in iam.list_roles()["Roles"] if one["RoleName"].endswith(f"-{role}"))
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    ours = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
    }
    open_to_us = {"Version": "2012-10-17", "Statement": [ours]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(open_to_us))
    try:
        given = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{name}", RoleSessionName=person)
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    keys = given["Credentials"]
    return boto3.Session(
        keys["AccessKeyId"],
        keys["SecretAccessKey"],
        keys["SessionToken"],
        region_name=deployment.session.region_name,
    )


def ask_desk(
    deployment: Deployment,
    session: boto3.Session,
    action: str,
    signer: boto3.Session | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """What the function answers to a session; `signer` is who signed it, where that is another."""
    document = {"action": action, "fields": fields, "at": "2026-11-30T12:00:00+00:00"}
    credentials = (signer or session).get_credentials().get_frozen_credentials()
    proved = signed(document, credentials, deployment.endpoint, str(session.region_name))
    return invoked(deployment, session, proved)


def invoked(deployment: Deployment, session: boto3.Session, document: dict[str, Any]) -> dict[str, Any]:
    name = next(one for one in deployment.names if one.endswith("-break-glass"))
    client = session.client("lambda", endpoint_url=deployment.endpoint)
    answer = client.invoke(FunctionName=name, Qualifier="live", Payload=json.dumps(document))
    assert "FunctionError" not in answer
    return json.loads(answer["Payload"].read())


def test_three_people_of_the_center_open_it_under_their_own_roles(local_kit):
    deployment = Deployment(local_kit)
    ada, grace, edsger = (
        session_of(deployment, role, person)
        for role, person in (("key-operator", "ada"), ("governance-lead", "grace"), ("director", "edsger"))
    )
    asked = ask_desk(
        deployment, ada, "request", department="marketing", minutes=30, reason="sign-in is down"
    )["request"]
    assert asked["requester"] == "ada"
    same_person = session_of(deployment, "training-lead", "Ada")
    assert (
        "of their own" in ask_desk(deployment, same_person, "approve", id=asked["id"])["refused"]["message"]
    )
    ask_desk(deployment, grace, "approve", id=asked["id"])
    again = session_of(deployment, "ai-engineer", "grace")
    assert ask_desk(deployment, again, "approve", id=asked["id"])["request"]["approvers"] == ["grace"]
    assert ask_desk(deployment, ada, "open", id=asked["id"])["refused"]["kind"] == "approvals"
    ask_desk(deployment, edsger, "approve", id=asked["id"])
    key = ask_desk(deployment, ada, "open", id=asked["id"])["key"]
    assert ask(deployment, key) == 200
    ask_desk(deployment, edsger, "end", id=asked["id"])
    assert ask(deployment, key) in {401, 403}


def test_nobody_speaks_for_another_and_no_proof_is_worth_anything_for_another_document(local_kit):
    deployment = Deployment(local_kit)
    ada, grace = (session_of(deployment, "key-operator", one) for one in ("ada", "grace"))
    asked = ask_desk(deployment, ada, "request", department="marketing", minutes=30, reason="a drill")[
        "request"
    ]
    document = {"action": "approve", "fields": {"id": asked["id"]}, "at": "2026-11-30T12:00:00+00:00"}
    credentials = grace.get_credentials().get_frozen_credentials()
    good = signed(document, credentials, deployment.endpoint, str(grace.region_name))
    other = {**good, "fields": {"id": "bg_of-another-request"}}
    typed = {**document, "by": "grace"}
    unsigned = {
        **good,
        "proof": {**good["proof"], "authorization": good["proof"]["authorization"][:-4] + "0000"},
    }
    for forged in (other, typed, unsigned, {**good, "proof": {}}, {**good, "action": "open"}):
        assert "refused" in invoked(deployment, ada, forged), forged
    shown = ask_desk(deployment, ada, "show", id=asked["id"])["request"]
    assert shown["approvers"] == []
    assert invoked(deployment, ada, good)["request"]["approvers"] == ["grace"]  # who carries it is no matter


def test_a_role_outside_the_center_may_not_even_call_it(local_kit):
    deployment = Deployment(local_kit)
    iam = deployment.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="somebody-else", AssumeRolePolicyDocument=document)
    stranger = session_of(deployment, "else", "grace")
    with pytest.raises(ClientError, match="AccessDenied"):
        ask_desk(deployment, stranger, "show", id="bg_x")
    ada = session_of(deployment, "key-operator", "ada")
    answer = ask_desk(deployment, ada, "show", signer=stranger, id="bg_x")
    assert "Center of Excellence" in answer["refused"]["message"]
