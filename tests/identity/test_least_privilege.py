"""Each statement of the edge's and of the token trigger's role is needed: without it the function refuses
everybody (L1.7, L1.3).
"""

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.authorizer.handler import Edge
from lambdas.common.access import AccessRecord, AccessRecords, person_record
from lambdas.common.bindings import Bindings, subject_hash
from lambdas.common.clock import utc_now
from lambdas.common.policy import PolicyUnavailable
from lambdas.gateway.accounts import Accounts
from lambdas.pretoken.handler import Rules, SignIn, Trigger

from .deployed import Deployed

pytestmark = pytest.mark.emulator

# What Lambda needs to run any function of ours.
RUNTIME = {"DecryptOwnEnvironment", "EncryptDeadLetters", "SendDeadLetters", "WriteOwnLog", "WriteTraces"}
# Use of a key by a service on our behalf, which the emulated AWS does not check.
UNENFORCED = {"DecryptPepper", "DecryptPolicy"}
# What stops without a statement of the edge.
EDGE_STOPS: dict[str, type[Exception]] = {
    "ReadAccess": ClientError,
    "ReadPepper": ClientError,
    "ReadPolicy": PolicyUnavailable,
}
ARN = "arn:aws:execute-api:eu-central-1:111122223333:api/live/POST/v1/messages"


def _planned(deployed: Deployed, policy: str) -> list[dict[str, Any]]:
    return [one for one in deployed.stage.statements(policy) if one["Sid"] not in RUNTIME]


def _edge(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, statements: Sequence[Mapping[str, Any]]
) -> list[str]:
    """What the edge decides of a key and of a token of nobody, under a role with these statements."""
    environment = {
        **deployed.variables("authorizer-edge-function"),
        **deployed.stage.acting(statements).environment(),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    edge = Edge(environment)
    return [
        edge.decide(
            {
                "methodArn": ARN,
                "headers": {"x-api-key": credential},
                "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
            }
        )["policyDocument"]["Statement"][0]["Effect"]
        for credential in (deployed.key, _token_of_nobody())
    ]


def _token_of_nobody() -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256', 'kid': 'k'})}.{part({'iss': 'https://nobody.example.com'})}.{part('x')}"


def test_every_statement_is_proved_or_named_as_one_that_cannot_be(deployed: Deployed) -> None:
    edge = {one["Sid"] for one in _planned(deployed, "authorizer-edge-permissions")}
    assert edge == EDGE_STOPS.keys() | UNENFORCED
    trigger = sorted(one["Sid"] for one in _planned(deployed, "people-pretoken-permissions"))
    assert trigger == sorted([*TRIGGER, FOLLOWS])


def test_the_edge_decides_under_its_own_roles_policies(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = _planned(deployed, "authorizer-edge-permissions")
    assert _edge(deployed, monkeypatch, planned) == ["Allow", "Deny"]


@pytest.mark.parametrize("sid", sorted(EDGE_STOPS))
def test_without_any_one_statement_the_edge_lets_nobody_through(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, sid: str
) -> None:
    left = [one for one in _planned(deployed, "authorizer-edge-permissions") if one["Sid"] != sid]
    with pytest.raises(EDGE_STOPS[sid]):
        _edge(deployed, monkeypatch, left)


TRIGGER = ("BindAccount", "LeaveWord", "ReadAccess")
FOLLOWS = "FollowSignIn"  # only where people or groups come from claims


def _sign_in(deployed: Deployed, statements: Sequence[Mapping[str, Any]]) -> str:
    """Who somebody is at their first sign-in, by a trigger under a role with these statements."""
    person = f"person-{uuid.uuid4().hex[:8]}"
    name, root = f"{person}@example.com", deployed.records
    record = person_record(person, provisioned=True, department="finance")
    deployed.stage.root("dynamodb").transact_write_items(
        TransactItems=[root.creation(record), root.naming("user-name", name, person)]
    )
    client = deployed.stage.acting(statements).client("dynamodb")
    table, directory = (
        deployed.stage.exported("access_table_name"),
        deployed.stage.exported("directory_table_name"),
    )
    trigger = Trigger(
        AccessRecords(client, table),
        Bindings(client, table),
        Rules("https://login.example.com"),
        directory,
        lambda item: client.put_item(TableName=directory, Item=item),
    )
    sign_in = SignIn(
        person, f"organization_{person}", {"email": name, "email_verified": "true"}, is_refresh=False
    )
    claimed = trigger.claims(sign_in)["kit_person"]
    return "itself" if claimed == person else claimed


def test_the_trigger_binds_an_account_under_its_own_roles_policies(deployed: Deployed) -> None:
    assert _sign_in(deployed, _planned(deployed, "people-pretoken-permissions")) == "itself"


@pytest.mark.parametrize("sid", TRIGGER)
def test_without_any_one_statement_the_trigger_lets_nobody_in(deployed: Deployed, sid: str) -> None:
    left = [one for one in _planned(deployed, "people-pretoken-permissions") if one["Sid"] != sid]
    with pytest.raises(ClientError):
        _sign_in(deployed, left)


def test_what_the_trigger_may_write_is_no_part_of_an_access_record(deployed: Deployed) -> None:
    planned = {one["Sid"]: one for one in _planned(deployed, "people-pretoken-permissions")}
    conditions = planned["BindAccount"]["Condition"]
    writable = set(conditions["ForAllValues:StringEquals"]["dynamodb:Attributes"]) - {"pk", "sk", "subject"}
    assert not writable & {field.name for field in fields(AccessRecord)}
    assert planned["LeaveWord"]["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] == ["OUTBOX"]


@pytest.mark.parametrize("without", ["", "BindAccount"])
def test_the_gateway_binds_a_direct_issuers_person_by_a_statement_of_its_own(
    deployed: Deployed, without: str
) -> None:
    planned = deployed.stage.statements("gateway-api-permissions")
    trigger = {one["Sid"]: one for one in _planned(deployed, "people-pretoken-permissions")}
    (statement,) = [one for one in planned if one["Sid"] == "BindAccount"]
    assert statement["Condition"] == trigger["BindAccount"]["Condition"]
    person = uuid.uuid4().hex
    records = deployed.records
    record = person_record(person, provisioned=True, department="marketing")
    entries = [records.creation(record), records.naming("user-name", f"{person}@example.com", person)]
    records.client.transact_write_items(TransactItems=entries)
    client = deployed.stage.acting([one for one in planned if one["Sid"] != without]).client("dynamodb")
    accounts = Accounts(AccessRecords(client, records.table), Bindings(client, records.table), utc_now)
    asked = ("https://login.example.com", subject_hash("https://login.example.com", person))
    found = accounts.find(*asked, "user-name", f"{person}@example.com")
    assert found.binding is not None
    if without:
        with pytest.raises(ClientError):
            accounts.bind(found.binding)
        return
    accounts.bind(found.binding)
    known = accounts.find(*asked, "user-name", "another name")
    assert (known.record and known.record.subject, known.binding) == (person, None)


def _hosted_sign_in(deployed: Deployed, account: str, groups: Sequence[str]) -> dict[str, Any]:
    """What the trigger, run by the emulated Lambda, answers to a sign-in: claims, or `errorMessage`."""
    identity = {"userId": account, "providerName": "organization", "providerType": "OIDC"}
    attributes = {
        "email": f"{account}@example.com",
        "email_verified": "true",
        "name": "Ada",
        "identities": json.dumps([identity]),
        "custom:groups": json.dumps(groups),
    }
    event = {
        "version": "2",
        "triggerSource": "TokenGeneration_HostedAuth",
        "userName": f"organization_{account}",
        "request": {"userAttributes": attributes, "scopes": ["openid"]},
        "response": {},
    }
    function = deployed.stage.resource("aws:lambda/function:Function", "people-pretoken-function").inputs
    client = deployed.stage.root("lambda")

    def invoked() -> tuple[dict[str, Any], bool]:
        answer = client.invoke(FunctionName=function["name"], Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), bool(answer.get("FunctionError"))

    said, failed = invoked()
    for _ in range(20):
        if not failed or any(one in str(said.get("errorMessage")) for one in ("not active", "no access")):
            break  # else a busy machine did not start both functions within the seconds that they have
        said, failed = invoked()
    if failed:
        return said
    return said["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"]["claimsToAddOrOverride"]


@pytest.mark.nightly  # the five seconds of a trigger pass by the clock, which a busy machine may not meet
def test_a_sign_in_makes_and_moves_a_person_through_both_functions_as_deployed(deployed: Deployed) -> None:
    """The user pool's trigger and the function that it asks, in the emulated Lambda, each under its role."""
    account = uuid.uuid4().hex
    joined = _hosted_sign_in(deployed, account, ["Claude Marketing"])
    moved = _hosted_sign_in(deployed, account, ["Claude Finance"])
    assert (joined["kit_department"], moved["kit_department"]) == ("marketing", "finance")
    assert joined["kit_person"] == moved["kit_person"]
    gone = _hosted_sign_in(deployed, account, [])
    assert "not active" in gone["errorMessage"]
    record = deployed.records.get(f"USER#{joined['kit_person']}")
    assert record is not None
    assert not record.active
