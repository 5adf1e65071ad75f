"""What the test runs of identity providers ask of a service, request by request (G.4): Microsoft Entra's
"Test connection" and SCIM validator, and Okta's specification suite. Both are hosted and cannot run here;
their requests are rebuilt from their documentation, in their order.
"""

import uuid
from typing import Any

import pytest

from .harness import ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA, Scim

ENTRA_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def _name() -> str:
    return f"Run-{uuid.uuid4().hex[:12]}@Example.com"


def _entra_user(name: str, **more: Any) -> dict[str, Any]:
    return {
        "schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA],
        "externalId": uuid.uuid4().hex,
        "userName": name,
        "active": True,
        "displayName": "Lennie",
        "emails": [{"type": "work", "value": name.lower(), "primary": True}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Adrian", "familyName": "Reyes", "givenName": "Adrian"},
        "roles": [],
        **more,
    }


def _error(answer: Any, status: int, kind: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    content = answer.json()
    assert content["schemas"] == [ERROR]
    assert content["status"] == str(status)
    assert content.get("scimType") == kind
    assert content["detail"]
    assert answer.headers["content-type"].startswith("application/scim+json")


# -- Microsoft Entra -----------------------------------------------------------------------------------------


def test_entra_tests_its_connection_by_asking_for_nobody(scim: Scim) -> None:
    found = scim.find("Users", f'userName eq "{uuid.uuid4()}"')
    assert found == {
        "schemas": [LIST],
        "totalResults": 0,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    }
    _error(scim.http.get(f"/Users/{uuid.uuid4().hex}"), 404)
    _error(
        scim.http.get("/Users", headers={"authorization": "Bearer wrong"}),
        401,
    )
    assert scim.http.get("/Users", params={"startIndex": 1, "count": 1}).json()["itemsPerPage"] <= 1


def test_entra_creates_once_and_is_told_of_the_second(scim: Scim) -> None:
    sent = _entra_user(_name())
    made = scim.request("POST", "/Users", sent)
    assert made.status_code == 201
    assert made.headers["location"] == made.json()["meta"]["location"]
    assert made.headers["etag"] == made.json()["meta"]["version"]
    _error(scim.request("POST", "/Users", sent), 409, "uniqueness")
    swapped = {**sent, "userName": sent["userName"].swapcase(), "externalId": uuid.uuid4().hex}
    _error(scim.request("POST", "/Users", swapped), 409, "uniqueness")


@pytest.mark.parametrize("spelt", [str.upper, str.lower, str.swapcase])
def test_entra_finds_a_name_in_any_case(scim: Scim, spelt: Any) -> None:
    made = scim.request("POST", "/Users", _entra_user(_name())).json()
    for attribute in ("userName", "USERNAME", f"{USER_SCHEMA}:userName"):
        found = scim.find("Users", f'{attribute} eq "{spelt(made["userName"])}"')
        assert [one["id"] for one in found["Resources"]] == [made["id"]]


def test_entra_matches_by_the_address_of_work(scim: Scim) -> None:
    made = scim.request("POST", "/Users", _entra_user(_name())).json()
    other = scim.request(
        "POST",
        "/Users",
        {
            **_entra_user(_name()),
            "emails": [{"type": "home", "value": made["emails"][0]["value"]}],
        },
    ).json()
    address = made["emails"][0]["value"]
    for condition in (
        f'emails[type eq "work"].value eq "{address}"',
        f'emails[type eq "work" and value eq "{address}"]',
        f'emails[type eq "WORK"].value eq "{address.upper()}"',
    ):
        found = scim.find("Users", condition)
        assert [one["id"] for one in found["Resources"]] == [made["id"]], condition
    assert {one["id"] for one in scim.find("Users", f'emails.value eq "{address}"')["Resources"]} == {
        made["id"],
        other["id"],
    }


def test_entra_changes_everything_it_maps_in_one_patch(scim: Scim) -> None:
    made = scim.request("POST", "/Users", _entra_user(_name())).json()
    name = _name()
    values = {
        "userName": name,
        "displayName": "Bjfe",
        "title": "Dr",
        "preferredLanguage": "de",
        "nickName": "B",
        "userType": "guest",
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        'emails[type eq "work"].value': "new@example.com",
        'emails[type eq "work"].primary': True,
        "name.givenName": "Jensen",
        "name.familyName": "Barbara",
        "name.formatted": "Barbara J",
        'addresses[type eq "work"].formatted': "Street 1",
        'addresses[type eq "work"].streetAddress': "Street 1",
        'addresses[type eq "work"].postalCode': "1",
        'addresses[type eq "work"].primary': True,
        'phoneNumbers[type eq "work"].value': "+49 1",
        'phoneNumbers[type eq "mobile"].value': "+49 2",
        'phoneNumbers[type eq "fax"].value': "+49 3",
        f"{ENTERPRISE_SCHEMA}:employeeNumber": "7",
        f"{ENTERPRISE_SCHEMA}:department": "Marketing",
        f"{ENTERPRISE_SCHEMA}:costCenter": "CC",
        f"{ENTERPRISE_SCHEMA}:organization": "Example",
        f"{ENTERPRISE_SCHEMA}:division": "EU",
    }
    by_path = [{"op": "Add", "path": path, "value": value} for path, value in values.items()]
    answer = scim.patch(f"/Users/{made['id']}", *by_path)
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed["userName"] == name
    assert changed["name"] == {"givenName": "Jensen", "familyName": "Barbara", "formatted": "Barbara J"}
    assert changed["emails"] == [{"type": "work", "value": "new@example.com", "primary": True}]
    (address,) = changed["addresses"]
    assert (address["type"], address["streetAddress"], address["primary"]) == ("work", "Street 1", True)
    assert {one["type"]: one["value"] for one in changed["phoneNumbers"]} == {
        "work": "+49 1",
        "mobile": "+49 2",
        "fax": "+49 3",
    }
    assert changed[ENTERPRISE_SCHEMA]["costCenter"] == "CC"
    as_keys = scim.patch(f"/Users/{made['id']}", {"op": "replace", "value": {**values, "title": "Prof"}})
    assert as_keys.status_code == 200, as_keys.text
    assert as_keys.json()["title"] == "Prof"
    again = {name: value for name, value in as_keys.json().items() if name not in {"meta", "title"}}
    assert again == {name: value for name, value in changed.items() if name not in {"meta", "title"}}


@pytest.mark.parametrize("word", ["True", "False", "true", "FALSE", True, False])
def test_entras_booleans_are_read_however_it_writes_them(scim: Scim, word: Any) -> None:
    made = scim.request("POST", "/Users", _entra_user(_name(), active=str(word))).json()
    assert made["active"] is (str(word).lower() == "true")
    for operation in (
        {"op": "Replace", "path": "active", "value": word},
        {"op": "Replace", "value": {"active": word}},
        {"op": "Add", "path": f"{USER_SCHEMA}:active", "value": word},
    ):
        answer = scim.patch(f"/Users/{made['id']}", operation)
        assert answer.status_code == 200, answer.text
        assert answer.json()["active"] is (str(word).lower() == "true")


def test_entra_removes_what_it_no_longer_maps(scim: Scim) -> None:
    made = scim.request(
        "POST", "/Users", _entra_user(_name(), title="Dr", **{ENTERPRISE_SCHEMA: {"department": "Marketing"}})
    ).json()
    answer = scim.patch(
        f"/Users/{made['id']}",
        {"op": "Remove", "path": 'emails[type eq "work"]'},
        {"op": "Remove", "path": f"{ENTERPRISE_SCHEMA}:department"},
        {"op": "Remove", "path": "name.formatted"},
        {"op": "Remove", "path": "title"},
    )
    assert answer.status_code == 200, answer.text
    assert not {"emails", "title"} & set(answer.json())
    assert "department" not in answer.json().get(ENTERPRISE_SCHEMA, {})
    assert "formatted" not in answer.json()["name"]


def test_entra_runs_a_group_from_its_making_to_its_end(scim: Scim) -> None:
    person = scim.user()["id"]
    other = scim.user()["id"]
    name = f"Group {uuid.uuid4().hex[:8]}"
    made = scim.request(
        "POST",
        "/Groups",
        {
            "schemas": [
                GROUP_SCHEMA,
                "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
            ],
            "externalId": uuid.uuid4().hex,
            "displayName": name,
            "meta": {"resourceType": "Group"},
        },
    )
    assert made.status_code == 201, made.text
    path = f"/Groups/{made.json()['id']}"
    shown = scim.http.get(path, params={"excludedAttributes": "members"})
    assert shown.status_code == 200
    assert "members" not in shown.json()
    found = scim.find("Groups", f'displayName eq "{name.upper()}"', excludedAttributes="members")
    assert [one["id"] for one in found["Resources"]] == [made.json()["id"]]
    added = scim.patch(path, {"op": "Add", "path": "members", "value": [{"value": person}, {"value": other}]})
    assert added.status_code in {200, 204}
    removed = scim.patch(path, {"op": "Remove", "path": "members", "value": [{"value": other}]})
    assert removed.status_code in {200, 204}
    assert [one["value"] for one in scim.http.get(path).json()["members"]] == [person]
    by_filter = scim.patch(path, {"op": "Remove", "path": f'members[value eq "{person}"]'})
    assert by_filter.status_code in {200, 204}
    assert not scim.http.get(path).json().get("members")
    renamed = scim.patch(path, {"op": "Replace", "path": "displayName", "value": f"{name} 2"})
    assert renamed.status_code in {200, 204}
    _error(
        scim.request("POST", "/Groups", {"schemas": [GROUP_SCHEMA], "displayName": f"{name} 2"}),
        409,
        "uniqueness",
    )
    assert scim.request("DELETE", path).status_code == 204
    _error(scim.http.get(path), 404)
    _error(scim.request("DELETE", path), 404)


# -- Okta ----------------------------------------------------------------------------------------------------


def test_oktas_suite_passes_in_its_order(own_scim: Scim) -> None:
    scim = own_scim
    first = scim.http.get("/Users", params={"count": 1, "startIndex": 1})
    assert first.status_code == 200
    assert isinstance(first.json()["totalResults"], int)
    assert first.json()["Resources"] == []
    scim.user()
    listed = scim.http.get("/Users", params={"count": 1, "startIndex": 1}).json()
    assert listed["schemas"] == [LIST]
    assert listed["Resources"][0]["id"]
    assert scim.http.get(f"/Users/{listed['Resources'][0]['id']}").status_code == 200
    invalid = scim.http.get("/Users/010101001010101011001010101011")
    _error(invalid, 404)
    name = "Runscope300Abc@atko.com"
    assert scim.find("Users", f'userName eq "{name}"')["totalResults"] == 0
    body = {
        "schemas": [USER_SCHEMA],
        "userName": name,
        "name": {"familyName": "Family", "givenName": "Given"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "displayName": "Given Family",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }
    made = scim.request("POST", "/Users", body)
    assert made.status_code == 201
    assert made.json()["active"] is True
    assert made.json()["userName"] == name
    assert made.json()["name"] == body["name"]
    assert USER_SCHEMA in made.json()["schemas"]
    path = f"/Users/{made.json()['id']}"
    assert scim.http.get(path).json()["name"]["givenName"] == "Given"
    _error(scim.request("POST", "/Users", body), 409, "uniqueness")
    by_case = scim.find("Users", f'userName eq "{name.upper()}"', startIndex=1, count=100)
    assert by_case["totalResults"] == 1
    put = scim.request("PUT", path, {**made.json(), "title": "Dr"})
    assert put.status_code == 200
    assert put.json()["title"] == "Dr"
    for value in ({"active": False}, {"active": True}, {"password": "new-Secret-1"}):
        patched = scim.patch(path, {"op": "replace", "value": value})
        assert patched.status_code == 200
        assert "new-Secret-1" not in patched.text
    groups = scim.http.get("/Groups", params={"startIndex": 1, "count": 100})
    assert groups.json()["totalResults"] == 0
    group = scim.group("Engineering", made.json()["id"])
    members = scim.http.get(f"/Groups/{group['id']}").json()["members"]
    assert [one["value"] for one in members] == [made.json()["id"]]
    for operation in (
        {"op": "replace", "value": {"id": group["id"], "displayName": "Engineers"}},
        {"op": "replace", "path": "members", "value": []},
        {"op": "add", "path": "members", "value": [{"value": made.json()["id"], "display": name}]},
        {"op": "remove", "path": f'members[value eq "{made.json()["id"]}"]'},
    ):
        assert scim.patch(f"/Groups/{group['id']}", operation).status_code in {200, 204}, operation
    assert scim.http.get(f"/Groups/{group['id']}").json()["displayName"] == "Engineers"


# -- what no provider should be able to do by accident -------------------------------------------------------


def test_a_put_that_does_not_speak_of_active_lets_nobody_back_in(scim: Scim) -> None:
    made = scim.user(None, active=True, **{ENTERPRISE_SCHEMA: {"department": "Marketing"}})
    path = f"/Users/{made['id']}"
    scim.patch(path, {"op": "replace", "path": "active", "value": False})
    body = {name: value for name, value in made.items() if name not in {"active", "meta"}}
    answer = scim.request("PUT", path, {**body, "title": "Dr"})
    assert answer.status_code == 200
    assert answer.json()["active"] is False
    assert scim.access(made["id"]).active is False
    assert scim.request("PUT", path, {**body, "active": True}).json()["active"] is True
    assert scim.access(made["id"]).active is True


@pytest.mark.parametrize(
    "name",
    [" ada", "ada ", "ada\u200b", "a\u202eda", "ada\x00", "ada\n", "\ufeffada", "ada\u2028", "\u00a0ada"],
)
def test_a_name_that_looks_like_anothers_is_refused(scim: Scim, name: str) -> None:
    _error(scim.request("POST", "/Users", {"schemas": [USER_SCHEMA], "userName": name}), 400, "invalidValue")
    made = scim.user()
    patched = scim.patch(f"/Users/{made['id']}", {"op": "replace", "path": "userName", "value": name})
    _error(patched, 400, "invalidValue")


def test_whoever_has_such_a_name_already_is_put_out_all_the_same(scim: Scim) -> None:
    made = scim.user(None, **{ENTERPRISE_SCHEMA: {"department": "Marketing"}})
    item = scim.directory.store.get(f"USER#{made['id']}")
    assert item is not None
    body = item["body"]["S"].replace(made["userName"], made["userName"] + "\\u200b")
    scim.directory.store.write(item["pk"]["S"], item["sk"]["S"], {**item, "body": {"S": body}})
    answer = scim.patch(f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": False})
    assert answer.status_code == 200, answer.text
    assert scim.access(made["id"]).active is False


# -- details of the protocol ---------------------------------------------------------------------------------


def test_head_is_answered_as_get_without_a_body(scim: Scim) -> None:
    made = scim.user()
    for path in (f"/Users/{made['id']}", "/ServiceProviderConfig", "/Users?count=0", "/Users/nobody"):
        got, head = scim.http.get(path), scim.http.head(path)
        assert head.status_code == got.status_code
        assert head.content == b""
        for name in ("content-type", "content-length", "etag"):
            assert head.headers.get(name) == got.headers.get(name)
    assert scim.http.head("/Users", headers={"authorization": "Bearer wrong"}).status_code == 401


def test_a_service_without_bulk_says_so_and_refuses_it(scim: Scim) -> None:
    said = scim.http.get("/ServiceProviderConfig").json()
    assert said["bulk"]["supported"] is False
    assert {name: said[name]["supported"] for name in ("patch", "filter", "sort", "etag")} == dict.fromkeys(
        ("patch", "filter", "sort", "etag"), True
    )
    assert said["changePassword"]["supported"] is False
    assert said["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    for method, path in (("POST", "/Bulk"), ("GET", "/Me"), ("PATCH", "/Me"), ("DELETE", "/Me")):
        _error(scim.request(method, path), 501)


@pytest.mark.parametrize(
    "content_type",
    ["application/scim+json", "application/scim+json; charset=utf-8", "application/json", "Application/JSON"],
)
def test_json_is_taken_under_either_of_its_names(scim: Scim, content_type: str) -> None:
    body = {"schemas": [USER_SCHEMA], "userName": _name()}
    answer = scim.request("POST", "/Users", body, content_type=content_type)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/scim+json"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "text/html"])
def test_what_is_said_to_be_no_json_is_not_read(scim: Scim, content_type: str) -> None:
    body = {"schemas": [USER_SCHEMA], "userName": _name()}
    _error(scim.request("POST", "/Users", body, content_type=content_type), 415)


def test_a_path_with_a_final_slash_is_the_same(scim: Scim) -> None:
    made = scim.user()
    assert scim.http.get(f"/Users/{made['id']}/").json() == scim.http.get(f"/Users/{made['id']}").json()
    assert scim.http.get("/Users/?count=0").status_code == 200


def test_every_resource_says_where_it_is_and_which_version_it_has(scim: Scim) -> None:
    person = scim.user()
    group = scim.group(f"Versions {uuid.uuid4().hex[:8]}", person["id"])
    for kind, one in (
        ("Users", scim.http.get(f"/Users/{person['id']}")),
        ("Groups", scim.http.get(f"/Groups/{group['id']}")),
    ):
        meta = one.json()["meta"]
        assert meta["location"] == f"{scim.url}/{kind}/{one.json()['id']}"
        assert meta["version"] == one.headers["etag"]
        assert {"created", "lastModified", "resourceType"} <= set(meta)
    listed = scim.find("Users", f'id eq "{person["id"]}"')["Resources"]
    assert listed[0]["meta"]["version"] == scim.http.get(f"/Users/{person['id']}").headers["etag"]
