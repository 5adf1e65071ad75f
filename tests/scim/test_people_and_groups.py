"""People and groups over HTTP: what identity providers really send, conflicts, and bad bodies (G.4)."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdas.scim import groups

from .harness import ENTERPRISE_SCHEMA, GROUP_SCHEMA, PATCH_SCHEMA, USER_SCHEMA, Scim

pytestmark = pytest.mark.emulator
ENTERPRISE = ENTERPRISE_SCHEMA

OKTA_USER = {
    "schemas": [USER_SCHEMA],
    "userName": "okta.person@example.com",
    "name": {"givenName": "Okta", "familyName": "Person"},
    "emails": [{"primary": True, "value": "okta.person@example.com", "type": "work"}],
    "displayName": "Okta Person",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}
ENTRA_USER = {
    "schemas": [USER_SCHEMA, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "Test_User_ab6490ee-1e48-479e-a20b-2d77186b5dd1",
    "active": True,
    "emails": [{"primary": True, "type": "work", "value": "test_user@testuser.com"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
    "roles": [],
    ENTERPRISE: {"department": "Finance", "manager": {"value": "27"}},
}


@pytest.mark.parametrize("sent", [OKTA_USER, ENTRA_USER], ids=["okta", "entra"])
def test_a_user_as_a_provider_sends_it_is_created_found_and_keeps_no_password(own_scim: Scim, sent):
    answer = own_scim.request("POST", "/Users", sent)
    assert answer.status_code == 201
    created = answer.json()
    assert (
        answer.headers["location"] == created["meta"]["location"] == f"{own_scim.url}/Users/{created['id']}"
    )
    assert answer.headers["content-type"] == "application/scim+json"
    assert answer.headers["etag"] == created["meta"]["version"] == 'W/"1"'
    assert "password" not in answer.text
    found = own_scim.find("Users", f'userName eq "{sent["userName"]}"')["Resources"]
    assert found == [own_scim.http.get(f"/Users/{created['id']}").json()]
    stored = own_scim.directory.store.get(f"USER#{created['id']}")
    assert "1mz050nq" not in json.dumps(stored)


# The shapes of https://developer.okta.com and https://learn.microsoft.com, operation by operation.
PATCHES = [
    ("okta deactivates", [{"op": "replace", "value": {"active": False}}], {"active": False}),
    ("entra deactivates", [{"op": "Replace", "path": "active", "value": "False"}], {"active": False}),
    ("entra deactivates by bool", [{"op": "Replace", "path": "active", "value": False}], {"active": False}),
    (
        "entra adds an address that is not there",
        [{"op": "Add", "path": 'emails[type eq "home"].value', "value": "home@example.com"}],
        {
            "emails": [
                {"type": "work", "value": "w@example.com"},
                {"type": "home", "value": "home@example.com"},
            ]
        },
    ),
    (
        "entra replaces an address",
        [{"op": "Replace", "path": 'emails[type eq "work"].value', "value": "new@example.com"}],
        {"emails": [{"type": "work", "value": "new@example.com"}]},
    ),
    (
        "entra replaces several at once",
        [
            {"op": "Replace", "path": "displayName", "value": "Pvlo"},
            {"op": "Add", "path": "name.givenName", "value": "Pavel"},
            {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Marketing"},
        ],
        {"displayName": "Pvlo", "name": {"givenName": "Pavel"}, ENTERPRISE: {"department": "Marketing"}},
    ),
    (
        "entra writes paths as keys",
        [{"op": "Add", "value": {"name.familyName": "Jensen", f"{ENTERPRISE}:employeeNumber": "7"}}],
        {"name": {"familyName": "Jensen"}, ENTERPRISE: {"employeeNumber": "7"}},
    ),
    (
        "entra sends a manager as an id",
        [{"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "01M7ZZZZZZZZZZZZZZZZZZZZZZ"}],
        {ENTERPRISE: {"manager": {"value": "01M7ZZZZZZZZZZZZZZZZZZZZZZ"}}},
    ),
    (
        "entra sends a role as primary True",
        [{"op": "Add", "path": 'roles[primary eq "True"].value', "value": "lead"}],
        {"roles": [{"primary": True, "value": "lead"}]},
    ),
    ("entra removes", [{"op": "Remove", "path": "title"}], {}),
    (
        "okta replaces whole",
        [{"op": "replace", "value": {"title": "Dr", "unknownThing": 1}}],
        {"title": "Dr"},
    ),
]


@pytest.mark.parametrize(
    ("operations", "expected"), [one[1:] for one in PATCHES], ids=[one[0] for one in PATCHES]
)
def test_a_patch_as_a_provider_sends_it_has_the_effect_that_it_means(scim: Scim, operations, expected):
    user = scim.user(active=True, title="Mr", emails=[{"type": "work", "value": "w@example.com"}])
    answer = scim.patch(f"/Users/{user['id']}", *operations)
    assert answer.status_code == 200, answer.text
    patched = answer.json()
    for name, value in expected.items():
        assert patched[name] == value
    if not expected:
        assert "title" not in patched
    assert patched["meta"]["version"] == 'W/"2"'
    assert scim.http.get(f"/Users/{user['id']}").json() == patched


def test_a_patch_that_changes_nothing_is_no_new_version(scim: Scim):
    user = scim.user(active=True, title="Mr")
    answer = scim.patch(f"/Users/{user['id']}", {"op": "replace", "value": {"title": "Mr", "id": user["id"]}})
    assert answer.json()["meta"] == user["meta"]


@pytest.mark.parametrize(
    ("operations", "status", "scim_type"),
    [
        ([{"op": "replace", "path": "id", "value": "x"}], 400, "mutability"),
        ([{"op": "replace", "value": {"id": "another"}}], 400, "mutability"),
        ([{"op": "remove"}], 400, "noTarget"),
        ([{"op": "remove", "path": "userName"}], 400, "mutability"),
        ([{"op": "replace", "path": "userName", "value": " "}], 400, "invalidValue"),
        ([{"op": "grow", "path": "title", "value": "x"}], 400, "invalidValue"),
        ([{"op": "replace", "path": "emails[", "value": "x"}], 400, "invalidPath"),
        ([{"op": "replace", "path": 'emails[type co "x"].value', "value": "a@b.org"}], 400, "noTarget"),
        ([], 400, "invalidValue"),
    ],
)
def test_a_patch_that_cannot_be_is_refused_and_changes_nothing(scim: Scim, operations, status, scim_type):
    user = scim.user(active=True)
    answer = scim.patch(f"/Users/{user['id']}", *operations)
    assert (answer.status_code, answer.json().get("scimType")) == (status, scim_type), answer.text
    assert answer.json()["status"] == str(status)
    assert scim.http.get(f"/Users/{user['id']}").json() == user


def test_of_several_operations_one_that_fails_undoes_all(scim: Scim):
    user = scim.user(title="Mr")
    answer = scim.patch(
        f"/Users/{user['id']}",
        {"op": "replace", "path": "title", "value": "Dr"},
        {"op": "replace", "path": "userName", "value": " "},
    )
    assert answer.status_code == 400
    assert scim.http.get(f"/Users/{user['id']}").json() == user


def test_put_replaces_all_that_a_client_may_write(scim: Scim):
    user = scim.user(title="Mr", nickName="Ada")
    body = {**user, "nickName": "Lovelace", "meta": {"version": 'W/"99"'}}
    del body["title"]
    answer = scim.request("PUT", f"/Users/{user['id']}", body)
    assert answer.status_code == 200
    assert answer.json()["nickName"] == "Lovelace"
    assert "title" not in answer.json()
    assert answer.json()["meta"]["created"] == user["meta"]["created"]
    other = scim.request("PUT", f"/Users/{user['id']}", {**body, "id": "01M7ZZZZZZZZZZZZZZZZZZZZZZ"})
    assert other.status_code == 400


# -- conflicts -----------------------------------------------------------------------------------------------


def test_a_change_made_for_another_version_is_refused(scim: Scim):
    user = scim.user()
    path = f"/Users/{user['id']}"
    first = scim.patch(path, {"op": "add", "path": "title", "value": "1"}, if_match='W/"1"')
    assert first.status_code == 200
    for answer in (
        scim.patch(path, {"op": "add", "path": "title", "value": "2"}, if_match='W/"1"'),
        scim.request("PUT", path, {**user, "title": "2"}, if_match='W/"1"'),
        scim.request("DELETE", path, if_match='W/"1"'),
        scim.request("DELETE", path, if_match="nonsense"),
    ):
        assert answer.status_code == 412
    shown = scim.http.get(path).json()
    assert (shown["title"], shown["active"]) == ("1", False), "who was to be deleted is out, and still there"
    assert scim.request("DELETE", path, if_match='W/"7", W/"3"').status_code == 204
    assert scim.request("DELETE", path, if_match="*").status_code == 404


def test_what_a_client_has_already_is_not_sent_again(scim: Scim):
    user = scim.user()
    path = f"/Users/{user['id']}"
    answer = scim.http.get(path, headers={"if-none-match": user["meta"]["version"]})
    assert (answer.status_code, answer.content) == (304, b"")
    scim.patch(path, {"op": "add", "path": "title", "value": "1"})
    assert scim.http.get(path, headers={"if-none-match": user["meta"]["version"]}).status_code == 200


def test_of_many_who_want_one_name_exactly_one_gets_it(scim: Scim):
    name = f"{uuid.uuid4().hex}@Example.com"
    bodies = [{"schemas": [USER_SCHEMA], "userName": one} for one in (name, name.lower(), name.upper()) * 4]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda body: scim.request("POST", "/Users", body), bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert {answer.json().get("scimType") for answer in answers if answer.status_code == 409} == {
        "uniqueness"
    }


def test_a_name_is_free_again_after_a_change_and_after_a_deletion(scim: Scim):
    user = scim.user(externalId=uuid.uuid4().hex)
    path = f"/Users/{user['id']}"
    renamed = f"{uuid.uuid4().hex}@example.com"
    assert scim.patch(path, {"op": "replace", "path": "userName", "value": renamed}).status_code == 200
    other = scim.user(user["userName"])
    assert (
        scim.patch(path, {"op": "replace", "path": "userName", "value": other["userName"]}).status_code == 409
    )
    assert scim.request("DELETE", path).status_code == 204
    again = scim.user(renamed, externalId=user["externalId"])
    assert again["id"] != user["id"]


def test_many_changes_at_once_lose_none(scim: Scim):
    user = scim.user()
    kinds = [f"kind{number}" for number in range(8)]

    def add(kind: str) -> int:
        value = [{"type": kind, "value": f"{kind}@example.com"}]
        return scim.patch(f"/Users/{user['id']}", {"op": "add", "path": "emails", "value": value}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(add, kinds)) == {200}
    emails = scim.http.get(f"/Users/{user['id']}").json()["emails"]
    assert sorted(one["type"] for one in emails) == kinds


# -- groups --------------------------------------------------------------------------------------------------


def members(scim: Scim, group: str) -> set[str]:
    return {one["value"] for one in scim.http.get(f"/Groups/{group}").json().get("members", [])}


def test_members_come_and_go_as_providers_write_it(scim: Scim):
    a, b, c, d = (scim.user()["id"] for _ in range(4))
    group = scim.group(uuid.uuid4().hex, a)["id"]
    path = f"/Groups/{group}"
    assert members(scim, group) == {a}
    steps = [
        (
            "okta adds",
            {"op": "add", "path": "members", "value": [{"value": b, "display": "b@x.org"}]},
            {a, b},
        ),
        ("entra adds", {"op": "Add", "path": "members", "value": [{"value": c}]}, {a, b, c}),
        ("okta removes", {"op": "remove", "path": f'members[value eq "{b}"]'}, {a, c}),
        ("entra removes", {"op": "Remove", "path": "members", "value": [{"value": a}]}, {c}),
        ("removes who is not in", {"op": "remove", "path": f'members[value eq "{a}"]'}, {c}),
        ("adds without a path", {"op": "add", "value": {"members": [{"value": d}]}}, {c, d}),
        ("replaces all", {"op": "replace", "path": "members", "value": [{"value": a}, {"value": d}]}, {a, d}),
        (
            "renames like okta",
            {"op": "replace", "value": {"id": group, "displayName": uuid.uuid4().hex}},
            {a, d},
        ),
        ("removes by another filter", {"op": "remove", "path": f'members[value sw "{d}"]'}, {a}),
        ("removes all", {"op": "remove", "path": "members"}, set()),
    ]
    for what, operation, expected in steps:
        answer = scim.patch(path, operation)
        assert answer.status_code == 204, (what, answer.text)
        assert members(scim, group) == expected, what
    groups = [scim.http.get(f"/Users/{one}").json().get("groups") for one in (a, b, c, d)]
    assert groups == [None] * 4


def test_a_person_shows_the_groups_by_name_and_a_group_its_members_by_reference(scim: Scim):
    user = scim.user()
    group = scim.group(uuid.uuid4().hex, user["id"])
    (shown,) = scim.http.get(f"/Users/{user['id']}").json()["groups"]
    assert shown["value"] == group["id"]
    assert shown["display"] == group["displayName"]
    assert shown["$ref"] == group["meta"]["location"]
    (member,) = group["members"]
    assert member == {"value": user["id"], "$ref": user["meta"]["location"], "type": "User"}


def test_a_member_who_is_not_there_is_refused_and_nobody_else_is_let_in(scim: Scim):
    user = scim.user()["id"]
    group = scim.group(uuid.uuid4().hex)["id"]
    for stranger in ("01M7ZZZZZZZZZZZZZZZZZZZZZZ", "nonsense", "USER#*", "x" * 5000):
        value = [{"value": user}, {"value": stranger}]
        answer = scim.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": value})
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert members(scim, group) == set()


def test_a_group_can_be_a_member_and_a_name_is_given_once(scim: Scim):
    inner = scim.group(uuid.uuid4().hex)
    outer = scim.group(uuid.uuid4().hex, inner["id"])
    assert outer["members"][0]["type"] == "Group"
    body = {"schemas": [GROUP_SCHEMA], "displayName": inner["displayName"].upper()}
    assert scim.request("POST", "/Groups", body).status_code == 409


def test_put_of_a_group_makes_its_members_those_named(scim: Scim):
    a, b = scim.user()["id"], scim.user()["id"]
    group = scim.group(uuid.uuid4().hex, a)
    answer = scim.request("PUT", f"/Groups/{group['id']}", {**group, "members": [{"value": b}]})
    assert answer.status_code == 200
    assert [one["value"] for one in answer.json()["members"]] == [b]
    stale = scim.request("PUT", f"/Groups/{group['id']}", group, if_match=group["meta"]["version"])
    assert stale.status_code == 412


def test_no_request_reads_more_members_than_it_may(scim: Scim, monkeypatch: pytest.MonkeyPatch):
    people = [scim.user()["id"] for _ in range(4)]
    group = scim.group(uuid.uuid4().hex, *people)
    path, name = f"/Groups/{group['id']}", group["displayName"]
    monkeypatch.setattr(groups, "SHOWN_MEMBERS", 3)
    for asked in (path, f'/Groups?filter=displayName eq "{name}"'):
        refused = scim.http.get(asked)
        assert (refused.status_code, refused.json()["scimType"]) == (400, "tooMany"), asked
        assert "excludedAttributes=members" in refused.json()["detail"]
        assert scim.http.get(asked, params={"excludedAttributes": "members"}).status_code == 200
    renamed = scim.request("PUT", path, {**group, "externalId": name})
    assert (renamed.status_code, "members" in renamed.json()) == (200, False)
    monkeypatch.setattr(groups, "_CHANGED_MEMBERS", 1)
    refused = scim.request("PUT", path, {**group, "members": [{"value": people[0]}]})
    assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidValue")
    monkeypatch.undo()
    assert members(scim, group["id"]) == set(people)


def test_who_is_deleted_is_in_no_group_and_a_deleted_group_has_no_member(scim: Scim):
    user = scim.user()["id"]
    kept, gone = scim.group(uuid.uuid4().hex, user)["id"], scim.group(uuid.uuid4().hex, user)["id"]
    assert scim.request("DELETE", f"/Groups/{gone}").status_code == 204
    assert [one["value"] for one in scim.http.get(f"/Users/{user}").json()["groups"]] == [kept]
    assert scim.request("DELETE", f"/Users/{user}").status_code == 204
    assert members(scim, kept) == set()
    assert scim.http.get(f"/Groups/{gone}").status_code == 404


# -- bad requests --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"userName": NaN}',
        b'{"userName": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b"{}",
        b'{"userName": null}',
        b'{"userName": ""}',
        b'{"userName": {"a": 1}}',
        b'{"userName": ["a"]}',
        b'{"userName": 17}',
        b'{"userName": "x", "schemas": "urn:nonsense"}',
        b'{"userName": "x", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_is_no_user_is_refused_as_the_rfc_asks(scim: Scim, body):
    for method, path in (("POST", "/Users"), ("PUT", f"/Users/{scim.user()['id']}")):
        answer = scim.request(method, path, body)
        assert answer.status_code == 400, (method, answer.status_code, answer.text)
        content = answer.json()
        assert content["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert content["scimType"] in {"invalidSyntax", "invalidValue", "mutability"}
        assert "Traceback" not in answer.text


def test_a_body_that_is_too_large_or_a_person_that_fits_no_item_is_refused(scim: Scim):
    huge = scim.request("POST", "/Users", b"{" + b" " * 2_100_000)  # refused before it is read as JSON
    assert huge.status_code == 413
    large = scim.request(
        "POST", "/Users", {"schemas": [USER_SCHEMA], "userName": "l", "title": "x" * 400_000}
    )
    assert large.status_code == 413
    many = [{"value": f"a{number}@example.com"} for number in range(21)]
    crowd = scim.request("POST", "/Users", {"schemas": [USER_SCHEMA], "userName": "m", "emails": many})
    assert crowd.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/Users/nobody", 404),
        ("GET", "/Users/" + "x" * 3000, 404),
        ("GET", "/Nonsense", 404),
        ("GET", "", 404),
        ("DELETE", "/Users", 405),
        ("PUT", "/Groups", 405),
        ("GET", "/Users/.search", 405),
        ("POST", "/Schemas", 405),
        ("POST", "/Bulk", 501),
        ("GET", "/Me", 501),
        ("GET", '/Schemas?filter=id+eq+"x"', 403),
        ("GET", "/ServiceProviderConfig/x", 404),
        ("GET", "/Users?filter=%ff%fe", 400),
    ],
)
def test_what_is_not_here_is_answered_in_the_shape_of_the_rfc(scim: Scim, method, path, status):
    answer = scim.request(method, path)
    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == str(status)
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_patch_schema_is_that_of_the_rfc(scim: Scim):
    body = {"schemas": [USER_SCHEMA], "Operations": [{"op": "add", "path": "title", "value": "x"}]}
    answer = scim.request("PATCH", f"/Users/{scim.user()['id']}", body)
    assert answer.status_code == 400
    assert PATCH_SCHEMA not in answer.request.content.decode()
