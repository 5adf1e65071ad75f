"""Emergency access: two others open it, it ends by itself, and everybody hears of it (G.4)."""

import json
from typing import Any

import pytest

from kit.identity.break_glass import person_of
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
            if "operator" in entry["Key"]:
                body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                steps += [json.loads(line) for line in body.splitlines() if line]
    mine = [step for step in steps if step.get("break_glass") == name]
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
    assert "way out:" in glass(local_kit, *arguments, code=2)


def test_sessions_of_a_plain_role_are_one_person():
    role = "arn:aws:sts::111122223333:assumed-role/governance-lead/"
    assert person_of(role + "ada") == person_of(role + "grace")
    sso = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_governance_ab12/"
    assert person_of(sso + "ada@example.com") != person_of(sso + "grace@example.com")
