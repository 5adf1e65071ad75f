"""What somebody writes into the tables past the functions that may is a difference the next night (G.4)."""

import io
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.common.access import AccessRecord, user_key
from lambdas.common.bindings import Binding, Bindings, subject_hash
from lambdas.scim.outside import Outside
from lambdas.scim.reconciliation import differences

from .harness import Scim

pytestmark = pytest.mark.emulator
NOW = datetime(2026, 11, 30, 3, tzinfo=UTC)


class Around:
    """What is outside of the tables: answers as Cognito, CloudTrail and S3 document them."""

    def __init__(self) -> None:
        self.users: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.records: dict[str, bytes] = {}

    def list_users(self, **query: Any) -> Any:
        return {"Users": self.users}

    def lookup_events(self, **query: Any) -> Any:
        (wanted,) = query["LookupAttributes"]
        events = [one for one in self.events if one["eventName"] == wanted["AttributeValue"]]
        return {"Events": [{"CloudTrailEvent": json.dumps(one)} for one in events]}

    def get_paginator(self, name: str) -> Any:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Any:  # noqa: N803 - the names are botocore's
        yield {"Contents": [{"Key": key} for key in self.records if key.startswith(Prefix)]}

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        return {"Body": io.BytesIO(self.records[Key])}

    def outside(self) -> Outside:
        roles = ("acme-prod-governance-lead", "AWSReservedSSO_key-operator_*")
        here: Any = self
        return Outside(
            cognito=here, user_pool="pool", cloudtrail=here, roles=roles, s3=here, audit_bucket="audit"
        )

    def record(self, key: str) -> None:
        line = json.dumps({"kind": "key", "event": "created", "subject": key}).encode()
        self.records[f"records/dt=2026-11-29/hour=14/operator-{key}/000000000001.jsonl"] = line


def found(scim: Scim, around: Around | None = None) -> list[tuple[str, str]]:
    outside = (around or Around()).outside()
    return [(one.what, one.subject) for one in differences(scim.directory, NOW, outside)]


@pytest.fixture
def peopled(own_scim: Scim) -> tuple[Scim, str, str]:
    """Two people of marketing, one of whom has left, and one night without a difference."""
    ada, eve = (own_scim.user(f"{uuid.uuid4().hex}@example.com", active=True)["id"] for _ in range(2))
    own_scim.group("Claude Marketing", ada, eve)
    own_scim.patch(f"/Users/{eve}", {"op": "replace", "path": "active", "value": False})
    gone = own_scim.user(active=True)["id"]
    own_scim.request("DELETE", f"/Users/{gone}")
    assert found(own_scim) == []
    assert found(own_scim) == []
    return own_scim, ada, eve


def write(scim: Scim, pk: str, sk: str, **values: dict[str, Any]) -> None:
    """What a role with too many rights would do."""
    scim.tenant.client("dynamodb").update_item(
        TableName=scim.tenant.settings.access_table,
        Key={"pk": {"S": pk}, "sk": {"S": sk}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )


def test_other_roles_another_department_or_wider_classes_are_found(peopled):
    scim, ada, _ = peopled
    write(scim, user_key(ada), "ACCESS", roles={"L": [{"S": "champion"}]}, department={"S": "executive"})
    assert found(scim) == [("department", ada), ("roles", ada)]
    write(scim, user_key(ada), "ACCESS", data_classes={"L": [{"S": "confidential"}]})
    assert ("data_classes", ada) in found(scim)


def test_somebody_who_left_and_is_let_in_again_is_found(peopled):
    scim, _, eve = peopled
    write(scim, user_key(eve), "ACCESS", active={"BOOL": True})
    assert found(scim) == [("active", eve)]


def test_somebody_whom_an_operator_shut_out_is_no_difference(peopled):
    scim, ada, _ = peopled
    scim.directory.access.revoke(user_key(ada))
    scim.directory.access.sign_out(ada, NOW)
    assert found(scim) == []


def test_a_name_that_points_to_somebody_else_is_found(peopled):
    scim, ada, eve = peopled
    name = scim.http.get(f"/Users/{ada}").json()["userName"]
    entry = scim.directory.access.naming("user-name", name, ada)["Put"]["Item"]["pk"]["S"]
    write(scim, entry, "NAME", id={"S": eve})
    assert found(scim) == [("name of somebody else", ada)]


def test_access_of_somebody_whom_the_directory_does_not_know_is_found(peopled):
    scim, _, _ = peopled
    scim.directory.access.create(AccessRecord(user_key("ghost"), "ghost", True, "finance"))
    assert found(scim) == [("access without a person", "ghost")]


def test_a_record_that_is_gone_or_damaged_is_found(peopled):
    scim, ada, _ = peopled
    table = {"TableName": scim.tenant.settings.access_table}
    key = {"pk": {"S": user_key(ada)}, "sk": {"S": "ACCESS"}}
    scim.tenant.client("dynamodb").put_item(**table, Item={**key, "subject": {"S": "x"}})
    assert ("record of somebody else", ada) in found(scim)
    assert scim.access(ada).active is False
    scim.tenant.client("dynamodb").delete_item(**table, Key=key)
    assert found(scim) == [("no access record", ada)]


def test_a_new_key_is_told_once_and_one_of_somebody_who_is_out_every_night(peopled):
    scim, ada, eve = peopled

    def key(owner: str, **values: Any) -> str:
        subject = f"key_{uuid.uuid4().hex[:8]}"
        record = AccessRecord(f"KEY#{uuid.uuid4().hex}", subject, True, "marketing", owner=owner, **values)
        scim.directory.access.create(record)
        return subject

    mine, around = key(ada), Around()
    around.record(mine)
    assert found(scim, around) == [("new key", mine)]
    assert found(scim) == []
    hers = key(eve)
    assert found(scim, around) == [
        ("new key that nobody recorded", hers),
        ("key of somebody who is out", hers),
    ]
    assert found(scim) == [("key of somebody who is out", hers)]
    key(eve, expires_at=NOW - timedelta(days=1))
    assert [what for what, _ in found(scim)] == [
        "new key that nobody recorded",
        "key of somebody who is out",
    ]


def test_accounts_of_the_user_pool_that_do_not_follow_from_the_directory_are_found(peopled):
    scim, ada, eve = peopled
    bindings = Bindings(scim.directory.access.client, scim.directory.access.table)
    for person in (ada, eve):
        subject = subject_hash("https://idp", person)
        bindings.bind(Binding(person, subject, f"organization_{person}", "address", NOW))
    around = Around()
    status = {"UserStatus": "EXTERNAL_PROVIDER"}
    around.users = [
        {"Username": f"organization_{ada}", "Enabled": True, **status},
        {"Username": f"organization_{eve}", "Enabled": False, **status},
        {"Username": "organization_never", "Enabled": True, **status},  # refused at the first sign-in
    ]
    assert found(scim, around) == []
    around.users[1]["Enabled"] = True
    around.users.append({"Username": "backdoor@example.com", "Enabled": True, "UserStatus": "CONFIRMED"})
    kinds = found(scim, around)
    assert kinds[0] == ("account of somebody who is out", eve)
    assert kinds[1][0] == "account without an identity provider"
    assert "backdoor" not in kinds[1][1]


def test_sessions_of_roles_that_nobody_who_is_in_has_are_found(peopled):
    scim, ada, eve = peopled
    names = {one: scim.http.get(f"/Users/{one}").json()["userName"] for one in (ada, eve)}

    def taken(role: str, name: str, event: str = "AssumeRoleWithSAML", **more: Any) -> dict[str, Any]:
        asked = {"roleArn": f"arn:aws:iam::111122223333:role/{role}", "roleSessionName": name}
        return {"eventName": event, "eventID": "e", "requestParameters": asked, **more}

    around, lead = Around(), "acme-prod-governance-lead"
    around.events = [
        taken(lead, names[ada]),
        taken("acme-prod-gateway", "anything", "AssumeRole"),
        taken(lead, names[eve], errorCode="AccessDenied"),
    ]
    assert found(scim, around) == []
    around.events += [
        taken(lead, names[eve]),
        taken("AWSReservedSSO_key-operator_0123456789abcdef", "stranger@example.com"),
    ]
    kinds = found(scim, around)
    assert kinds[0] == ("role session of somebody who is out", eve)
    assert kinds[1][0] == "role session of nobody known"
    assert "stranger" not in kinds[1][1]
