"""What somebody writes into the tables past the functions that may is a difference the next night (G.4)."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.common.access import AccessRecord, user_key
from lambdas.scim.reconciliation import differences

from .harness import Scim

pytestmark = pytest.mark.emulator
NOW = datetime(2026, 11, 30, 3, tzinfo=UTC)


def found(scim: Scim) -> list[tuple[str, str]]:
    return [(one.what, one.subject) for one in differences(scim.directory, NOW)]


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

    mine = key(ada)
    assert found(scim) == [("new key", mine)]
    assert found(scim) == []
    hers = key(eve)
    assert found(scim) == [("new key", hers), ("key of somebody who is out", hers)]
    assert found(scim) == [("key of somebody who is out", hers)]
    key(eve, expires_at=NOW - timedelta(days=1))
    assert [what for what, _ in found(scim)] == ["new key", "key of somebody who is out"]
