"""Who has what, since when, by which group or rule, used when; looked at and signed for (G.4, C.1)."""

import csv
import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import anthropic
import httpx2
import pytest

from kit.target import find_target
from lambdas.common.access import user_key
from lambdas.scim.outside import Outside
from tests.identity.commands import known_target, run
from tests.support.local_kit import LocalKit

pytestmark = pytest.mark.usefixtures("one_target")
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


@pytest.fixture(scope="module")
def one_target(local_kit: LocalKit) -> Iterator[None]:
    """The deployment is looked up once: AWS clients take seconds to make on a loaded machine."""
    with known_target(local_kit):
        yield


def reviewed(kit: LocalKit, *options: str) -> dict[str, Any]:
    done = run(kit, "access", "review", "--json", *options)
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


def entry(review: dict[str, Any], kind: str, identifier: str) -> dict[str, Any]:
    (found,) = [one for one in review["entries"] if (one["kind"], one["id"]) == (kind, identifier)]
    return found


@pytest.fixture(scope="module")
def peopled(local_kit: LocalKit) -> tuple[LocalKit, str, str]:
    """A person whom a group puts into marketing, and a key of hers that was used now."""
    variables = local_kit.variables
    headers = {"authorization": f"Bearer {variables['SCIM_TOKEN']}", "content-type": "application/scim+json"}

    def made(path: str, **body: Any) -> str:
        answer = httpx2.post(variables["SCIM_BASE_URL"] + path, headers=headers, content=json.dumps(body))
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    person = made("/Users", schemas=[USER], userName="=cmd@example.com", active=True)
    made("/Groups", schemas=[GROUP], displayName="Claude Marketing", members=[{"value": person}])
    options = ("--name", "review", "--department", "marketing", "--json")
    key = json.loads(run(local_kit, "key", "create", *options).stdout)
    client = anthropic.Anthropic(
        base_url=variables["ANTHROPIC_BASE_URL"], auth_token=key["key"], max_retries=0
    )
    client.messages.create(model="fast", max_tokens=9, messages=[{"role": "user", "content": "Hello."}])
    return local_kit, person, key["id"]


def test_a_review_says_who_has_what_by_which_group_since_when_and_last_used(peopled):
    kit, person, key = peopled
    found, now = reviewed(kit), datetime.now(UTC)
    ada = entry(found, "person", person)
    assert (ada["name"], ada["department"], ada["last_used"]) == ("=cmd@example.com", "marketing", "")
    assert [
        one for one in ada["granted_by"] if one.startswith("group Claude Marketing: department marketing")
    ]
    assert now - timedelta(minutes=10) < datetime.fromisoformat(ada["since"]) <= now
    used = entry(found, "key", key)
    assert now - timedelta(minutes=10) < datetime.fromisoformat(used["last_used"]) <= now
    assert used["granted_by"] == ["owner department:marketing"]
    roles = {one["name"] for one in found["entries"] if one["kind"] == "console-role"}
    assert {"governance-lead", "key-operator"} <= roles
    assert all(
        one["department"] == "marketing" for one in reviewed(kit, "--department", "marketing")["entries"]
    )
    assert run(kit, "access", "review", "--department", "nowhere").code == 2


def test_a_person_whom_an_operator_made_inactive_is_remarked_on(peopled):
    """As an operator writes it, in the record itself; the directory still says that the person is active."""
    kit, person, _ = peopled
    with mock.patch.dict(os.environ, {"KIT_HOME": str(kit.folder)}):
        target = find_target()

    def set_active(active: bool) -> None:
        target.client("dynamodb").update_item(
            TableName=target.require("access_table_name"),
            Key={"pk": {"S": user_key(person)}, "sk": {"S": "ACCESS"}},
            UpdateExpression="SET active = :active",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":active": {"BOOL": active}},
        )

    set_active(False)
    try:
        found = entry(reviewed(kit, "--all"), "person", person)
        assert found["state"] == "inactive"
        assert found["remarks"] == ["an operator made this person inactive, whatever the directory says"]
    finally:
        set_active(True)
    assert entry(reviewed(kit), "person", person)["remarks"] == []


def test_the_nightly_reconciliation_finds_what_the_operator_recorded(peopled):
    kit, _, key = peopled
    with mock.patch.dict(os.environ, {"KIT_HOME": str(kit.folder)}):
        target = find_target()
    bucket, s3 = target.require("audit_bucket_name"), target.client("s3")
    outside = Outside(cognito=None, user_pool="", cloudtrail=None, roles=(), s3=s3, audit_bucket=bucket)
    assert key in outside.recorded_keys(datetime.now(UTC))
    assert outside.recorded_keys(datetime.now(UTC) - timedelta(days=2)) == set()


def test_what_is_signed_is_what_was_looked_at_and_the_next_review_shows_what_moved(peopled, tmp_path: Path):
    kit, person, key = peopled
    scope = ("--department", "marketing")
    before = reviewed(kit, *scope)
    assert run(kit, "access", "review", *scope, "--sign-off", "0" * 64).code == 2
    signed = reviewed(kit, *scope, "--sign-off", before["sha256"], "--note", "all known")
    assert signed["signed_off"]["sha256"] == before["sha256"]
    records = json.loads(run(kit, "audit", "find", "--kind", "access-review", "--json").stdout)["records"]
    assert [(one["event"], one["sha256"], one["note"]) for one in records] == [
        ("signed-off", before["sha256"], "all known")
    ]
    run(kit, "key", "revoke", key)
    after = reviewed(kit, *scope)
    assert after["since_last_sign_off"] == {"new": [], "changed": [], "gone": [f"key {key}"]}
    assert after["last_sign_off"]["by"] == signed["signed_off"]["by"]
    assert run(kit, "access", "review", *scope, "--sign-off", before["sha256"]).code == 2
    assert entry(reviewed(kit, *scope, "--all"), "key", key)["state"] == "inactive"
    listing, page = tmp_path / "review.csv", tmp_path / "review.html"
    assert run(kit, "access", "review", "--csv", str(listing), "--page", str(page)).code == 0
    rows = list(csv.DictReader(io.StringIO(listing.read_text("utf-8"))))
    assert {one["id"]: one["name"] for one in rows}[person] == "'=cmd@example.com"  # no formula
    assert person in page.read_text("utf-8")
    assert run(kit, "access", "review", "--csv", str(tmp_path)).code == 2
