"""Anyone who is put out is out, whatever else the request carries and however `active` is written (G.4)."""

import json
from typing import Any
from uuid import uuid4

import pytest

from lambdas.common.access import user_key
from lambdas.scim.settings import open_directory

from .harness import ENTERPRISE_SCHEMA, PATCH_SCHEMA, USER_SCHEMA, Scim, session_of

pytestmark = pytest.mark.emulator

ENTERPRISE = ENTERPRISE_SCHEMA


def employed(scim: Scim, **fields: Any) -> dict[str, Any]:
    """Somebody who may call."""
    made = scim.user(None, active=True, **{ENTERPRISE: {"department": "Marketing"}, **fields})
    assert scim.access(made["id"]).active
    return made


def operations(*all_of: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH_SCHEMA], "Operations": list(all_of)}


OUT = {"op": "Replace", "path": "active", "value": "False"}

# What directories really carry beside `active`, none of which says anything about access.
BESIDE: dict[str, dict[str, Any]] = {
    "an address of Active Directory": {"emails": [{"value": "lee@corp.local", "type": "work"}]},
    "an address without a domain": {"emails": [{"value": "lee@localhost"}]},
    "a page without a scheme": {"profileUrl": "www.example.com/lee"},
    "roles as texts": {"roles": ["Employee"]},
    "a photo that is not an address": {"photos": [{"value": "none"}]},
    "a name as a text": {"name": "Lee Example"},
    "a number for a text": {"nickName": 7, "title": 4.5},
    "two primary numbers": {
        "phoneNumbers": [{"value": "1", "primary": True}, {"value": "2", "primary": True}]
    },
    "an address alone": {"emails": "lee@example.com"},
    "empty entries": {"addresses": [None, {}], "ims": None, "entitlements": [[]]},
    "a certificate that is none": {"x509Certificates": [{"value": "not base64 !"}]},
    "a manager by number": {ENTERPRISE: {"department": "Marketing", "manager": {"value": 12}}},
    "half a character in a name": {"displayName": "Lee \ud83d", "name": {"givenName": "\udc00"}},
    "attributes nobody knows": {"extensionAttribute1": {"a": [1]}, "urn:acme:2.0:User": {"badge": 1}},
}


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "PATCH by path"])
def test_what_the_kit_does_not_go_by_keeps_nobody_in_and_is_no_reason_to_refuse(scim: Scim, beside, method):
    person = employed(scim)
    if method == "PUT":
        body = {
            "schemas": [USER_SCHEMA, ENTERPRISE],
            "userName": person["userName"],
            "active": False,
            **beside,
        }
    elif method == "PATCH":
        body = operations({"op": "replace", "value": {"active": False, **beside}})
    else:
        body = operations(
            *({"op": "Replace", "path": name, "value": one} for name, one in beside.items()), OUT
        )
    answer = scim.request(method[:5].strip(), f"/Users/{person['id']}", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["active"] is False
    assert scim.access(person["id"]).active is False


REFUSED: dict[str, dict[str, Any]] = {
    "a name that is empty": {"op": "Replace", "path": "userName", "value": " "},
    "an operation that is none": {"op": "Grow", "path": "title", "value": "x"},
    "a path that is none": {"op": "Replace", "path": "emails[", "value": "x"},
    "another id": {"op": "Replace", "path": "id", "value": "other"},
    "a department that is not text": {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": {"a": 1}},
}


@pytest.mark.parametrize("beside", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_request_that_is_refused_puts_the_leaver_out_all_the_same(scim: Scim, capfd, beside, first):
    person = employed(scim)
    capfd.readouterr()
    body = operations(OUT, beside) if first else operations(beside, OUT)
    answer = scim.request("PATCH", f"/Users/{person['id']}", body)
    assert answer.status_code == 400, answer.text
    assert scim.access(person["id"]).active is False
    shown = scim.http.get(f"/Users/{person['id']}").json()
    assert {**shown, "meta": 0} == {**person, "active": False, "meta": 0}
    logged = json.loads(capfd.readouterr().out.splitlines()[0])
    assert (logged["status"], logged["leaver"]) == (400, True)


@pytest.mark.parametrize("field", ["userName", "externalId"])
def test_a_name_that_somebody_else_has_keeps_nobody_in(scim: Scim, field):
    other, person = employed(scim, externalId=f"other-{field}-{uuid4()}"), employed(scim)
    body = {"schemas": [USER_SCHEMA], "userName": person["userName"], field: other[field], "active": False}
    assert scim.request("PUT", f"/Users/{person['id']}", body).status_code == 409
    assert scim.access(person["id"]).active is False
    scim.request("DELETE", f"/Users/{other['id']}")


def test_an_old_version_keeps_nobody_in(scim: Scim):
    for method, body in (("PATCH", operations(OUT)), ("DELETE", None)):
        person = employed(scim)
        answer = scim.request(method, f"/Users/{person['id']}", body, if_match='W/"9"')
        assert answer.status_code == 412
        assert scim.access(person["id"]).active is False


def of_a_patch(**operation: Any) -> tuple[str, str]:
    return "PATCH", json.dumps(operations({"op": "replace", "value": False, **operation}))


# Bodies that say it in ways which no RFC knows. What is done with the rest is not the question here.
ODD = [
    ("PUT", '{"active": false, "active": true}'),
    ("PUT", '{"active": true, "Active": "false"}'),
    ("PUT", '[{"active": false}]'),
    ("PUT", '{"User": {"active": false}}'),
    ("PUT", '{"active": {"$": "false"}}'),
    ("PATCH", '{"active": false}'),
    ("PATCH", '[{"op": "replace", "path": "/active", "value": false}]'),
    ("PATCH", '{"Operations": [[{"op": "replace", "path": "active", "value": false}]]}'),
    ("PATCH", '{"Operations": [{"OP": "Replace", "PATH": "active", "VALUE": false}]}'),
    ("PATCH", '{"Operations": [{"op": "replace", "path": "active", "value": false, "value": true}]}'),
    of_a_patch(path="/active"),
    of_a_patch(path="$.active"),
    of_a_patch(path=["active"]),
    of_a_patch(path="active.value"),
    of_a_patch(path='active[value eq "true"].value'),
    of_a_patch(path="User:active"),
    of_a_patch(path=f"{USER_SCHEMA}.Active"),
    of_a_patch(value=[{"active": False}]),
    of_a_patch(value='{"active": false}'),
    of_a_patch(op="delete", path="active"),
    of_a_patch(path="active", value="ＦＡＬＳＥ"),
    of_a_patch(path="active", value=[True, False]),
]


def test_who_is_put_out_in_a_way_that_no_rfc_knows_is_out_whatever_is_answered(scim: Scim):
    person = employed(scim)
    path = f"/Users/{person['id']}"
    for method, body in ODD:
        for encoded in (body.encode(), body.encode("utf-16")):
            assert scim.patch(path, {**OUT, "value": True}).status_code == 200
            assert scim.access(person["id"]).active is True
            answer = scim.request(method, path, encoded)
            assert scim.access(person["id"]).active is False, (method, body, answer.text)


# What providers' own interfaces say of a closed account, sent along with `active: true`.
CLOSED = [
    {"suspended": True},
    {"Suspended": "true"},
    {"archived": 1},
    {"enabled": False},
    {f"{USER_SCHEMA}:accountEnabled": "False"},
    {USER_SCHEMA: {"is_active": False}},
    {"suspended": {"value": True}},
]


def test_an_account_that_the_provider_calls_closed_is_out_beside_active_true(scim: Scim):
    person = employed(scim)
    path = f"/Users/{person['id']}"
    put = {"schemas": [USER_SCHEMA, ENTERPRISE], "userName": person["userName"], "active": True}
    bodies = [("PUT", {**put, ENTERPRISE: person[ENTERPRISE], **closed}) for closed in CLOSED]
    bodies += [("PATCH", operations({"op": "replace", "value": {"active": True, **one}})) for one in CLOSED]
    by_path = {"op": "add", "path": "suspended", "value": "yes"}
    bodies.append(("PATCH", operations({**OUT, "value": True}, by_path)))
    for method, body in bodies:
        assert scim.patch(path, {**OUT, "value": True}).status_code == 200
        assert scim.access(person["id"]).active is True
        assert scim.request(method, path, body).status_code < 500
        assert scim.access(person["id"]).active is False, (method, body)


def test_somebody_created_in_any_way_but_plainly_active_is_out(scim: Scim):
    for said in (
        {"active": False},
        {"active": None},
        {"active": "nein"},
        {"active": True, "suspended": True},
    ):
        made = scim.user(None, **{ENTERPRISE: {"department": "Marketing"}, **said})
        assert scim.access(made["id"]).active is False, said


def test_an_account_that_the_provider_calls_open_is_in_only_by_active(scim: Scim):
    person = employed(scim)
    path = f"/Users/{person['id']}"
    opened = {
        "suspended": False,
        "archived": None,
        "enabled": True,
        "accountEnabled": "True",
        "disabled": 0,
    }
    assert scim.patch(path, {"op": "replace", "value": opened}).status_code < 500
    assert scim.access(person["id"]).active is True
    assert scim.patch(path, OUT).status_code == 200
    assert scim.patch(path, {"op": "replace", "value": opened}).status_code < 500
    assert scim.access(person["id"]).active is False
    assert scim.patch(path, {"op": "replace", "value": {**opened, "active": True}}).status_code == 200
    assert scim.access(person["id"]).active is True


def test_somebody_whom_an_operator_shut_out_stays_out_through_changes_by_the_directory(own_scim: Scim):
    person = employed(own_scim)
    path, records = f"/Users/{person['id']}", own_scim.directory.access
    records.revoke(user_key(person["id"]))
    moved = {"op": "replace", "path": f"{ENTERPRISE}:department"}
    for change in (
        {"op": "replace", "path": "displayName", "value": "Lee the Second"},
        {**moved, "value": "Nowhere"},
        {**moved, "value": person[ENTERPRISE]["department"]},
        OUT,
        {**OUT, "value": True},
    ):
        assert own_scim.patch(path, change).status_code == 200
        assert own_scim.access(person["id"]).active is False, change
    records.change(own_scim.access(person["id"]), active=True)
    assert own_scim.patch(path, {"op": "replace", "path": "title", "value": "Lead"}).status_code == 200
    record = own_scim.access(person["id"])
    assert record.active is True
    assert record.shut_out is False


def test_a_deactivation_said_again_puts_out_whoever_was_let_in_by_other_means(own_scim: Scim):
    person = employed(own_scim)
    path = f"/Users/{person['id']}"
    assert own_scim.patch(path, OUT).status_code == 200
    out = own_scim.access(person["id"])
    own_scim.directory.access.change(out, active=True, provisioned=True, department="marketing")
    assert own_scim.patch(path, OUT).status_code == 200
    assert own_scim.access(person["id"]).active is False


def test_what_only_looks_like_it_puts_nobody_out(scim: Scim):
    person = employed(scim)
    for operation in (
        {"op": "replace", "path": "urn:acme:2.0:Badge:active", "value": False},
        {"op": "replace", "path": "activeDirectoryId", "value": "x"},
        {"op": "replace", "value": {"title": "active: false", "nickName": '{"a": 1}'}},
        {"op": "replace", "path": 'emails[type eq "active"].value', "value": "a@example.com"},
    ):
        assert scim.patch(f"/Users/{person['id']}", operation).status_code == 200
        assert scim.access(person["id"]).active is True, operation


def test_a_body_that_is_not_quite_json_keeps_nobody_in(scim: Scim):
    for body in (b'{"active": false, "title": NaN}', b'{"active": false, "title": "J\xfcrgen"}'):
        person = employed(scim)
        assert scim.request("PUT", f"/Users/{person['id']}", body).status_code == 400
        assert scim.access(person["id"]).active is False


WORDS = [False, "False", "false", " FALSE ", 0, "0", "no", "off", "", "perhaps", None, [], {}, ["False"], 2]


@pytest.mark.parametrize("word", WORDS, ids=repr)
def test_active_that_does_not_plainly_say_in_is_out(scim: Scim, word):
    shapes = [
        ("PATCH", operations({"op": "Replace", "path": "active", "value": word})),
        ("PATCH", operations({"op": "add", "path": f"{USER_SCHEMA}:active", "value": word})),
        ("PATCH", operations({"op": "replace", "value": {"Active": word}})),
        ("PATCH", operations({"op": "replace", "value": {f"{USER_SCHEMA}:active": word}})),
        ("PATCH", operations({"op": "replace", "value": {USER_SCHEMA: {"active": word}}})),
        ("PUT", {"schemas": [USER_SCHEMA], "active": word}),
    ]
    for method, body in shapes:
        person = employed(scim)
        sent = {**body, "userName": person["userName"]} if method == "PUT" else body
        answer = scim.request(method, f"/Users/{person['id']}", sent)
        assert answer.status_code == 200, (sent, answer.text)
        assert scim.access(person["id"]).active is False, sent


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Remove", "path": "active"},
        {"op": "remove", "path": f"{USER_SCHEMA}:active"},
        {"op": "replace", "value": {"active": None}},
        {"op": "replace", "path": "active"},
    ],
    ids=repr,
)
def test_somebody_put_out_comes_in_again_only_when_that_is_said(scim: Scim, operation):
    person = employed(scim)
    path = f"/Users/{person['id']}"
    assert scim.patch(path, OUT).status_code == 200
    assert scim.patch(path, operation).status_code == 200
    assert scim.access(person["id"]).active is False
    body = {"schemas": [USER_SCHEMA, ENTERPRISE], "userName": person["userName"]}
    assert scim.request("PUT", path, {**body, ENTERPRISE: person[ENTERPRISE]}).status_code == 200
    assert scim.access(person["id"]).active is False
    assert scim.patch(path, {**OUT, "value": "True"}).status_code == 200
    assert scim.access(person["id"]).active is True
    assert scim.access(person["id"]).signed_out_at is not None, "a session from before would be good again"


def test_of_two_words_in_one_request_the_one_that_puts_out_decides(scim: Scim):
    for pair in ([OUT, {**OUT, "value": True}], [{**OUT, "value": True}, OUT]):
        person = employed(scim)
        assert scim.patch(f"/Users/{person['id']}", *pair).status_code == 200
        assert scim.access(person["id"]).active is False


def test_values_come_back_as_they_were_sent(own_scim: Scim):
    sent = {
        "externalId": "CN=Lee,OU=Staff",
        "emails": [{"value": "Lee@CORP.local", "type": "work", "primary": True}],
        "profileUrl": "www.example.com/Lee",
        "photos": [{"value": "/lee.png", "type": "photo"}],
        "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjEL"}],
        ENTERPRISE: {"department": "Marketing", "manager": {"value": "CN=Boss,OU=Staff"}},
    }
    made = own_scim.user(None, active=True, **sent)
    shown = own_scim.http.get(f"/Users/{made['id']}").json()
    assert {name: shown[name] for name in sent} == sent
    again = own_scim.request("PUT", f"/Users/{made['id']}", shown)
    assert {name: again.json()[name] for name in sent} == sent
    found = own_scim.find("Users", 'emails.value eq "lee@corp.LOCAL"')["Resources"]
    assert [one["id"] for one in found] == [made["id"]]


def test_a_placement_under_way_does_not_let_a_leaver_in_again(own_scim: Scim, monkeypatch):
    """The worker has read the person, then the provider puts them out, then the worker reads the access."""
    person = own_scim.user(active=True)["id"]
    own_scim.group("Claude Marketing", person)
    tenant = own_scim.tenant
    people = open_directory(tenant.settings, session_of(tenant.emulator)).people
    read, late = people._record, [person]

    def record(identifier: str):
        if late:
            own_scim.patch(f"/Users/{late.pop()}", {"op": "replace", "path": "active", "value": False})
        return read(identifier)

    monkeypatch.setattr(people, "_record", record)
    people.settle(person, {})
    assert late == []
    assert own_scim.access(person).active is False
